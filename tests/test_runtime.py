import os

import pytest

from helpers.runtime import _silent_file_descriptor_2, set_seed


def test_only_what_is_written_meanwhile_is_silenced(capfd):
    os.write(2, b"before, ")
    with _silent_file_descriptor_2():
        os.write(2, b"log lines, ")
    os.write(2, b"after")
    assert capfd.readouterr().err == "before, after"


@pytest.mark.parametrize("seed", [0, 2**32 - 1])
def test_the_smallest_and_the_largest_seed(seed):
    set_seed(seed)


@pytest.mark.parametrize("seed", [-1, 2**32, 1.0, "1"])
def test_other_seeds_are_refused(seed):
    with pytest.raises(ValueError, match=f"0 to 2.*32 - 1, got {seed!r}"):
        set_seed(seed)
