from pathlib import Path

import numpy as np
import pytest

from helpers import inputs


def test_a_path_is_expanded(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert inputs.path_of("~/a.npz") == tmp_path / "a.npz"
    assert inputs.path_of(Path("~")) == tmp_path
    assert inputs.path_of("~no-such-user/a") == Path("~no-such-user/a")


@pytest.mark.parametrize("path", [None, 3, b"a", ["a"]])
def test_what_is_no_path_is_named(path):
    with pytest.raises(TypeError, match=r"folder = .*a path is needed"):
        inputs.path_of(path, "folder")


@pytest.mark.parametrize("path", ["", " "])
def test_an_empty_path_is_not_here(path):
    with pytest.raises(ValueError, match=r"path = ' ?'"):
        inputs.path_of(path)


def test_names_stay_text_and_numbers_become_an_array():
    assert inputs.names_or_numbers(["a", "bc"], "x").tolist() == ["a", "bc"]
    assert inputs.names_or_numbers([True, False], "x").tolist() == [1, 0]
    for wrong in ([None], [[1], [1, 2]], [b"a"], {}):
        with pytest.raises(TypeError, match="x "):
            inputs.names_or_numbers(wrong, "x")


# ---------------------------------------------------------------- numbers


@pytest.mark.parametrize("value", [3, np.int64(3), np.uint8(3), np.array(3), np.array([3])])
def test_a_whole_number_of_any_kind_is_an_int(value):
    number = inputs.whole_number(value, "n", least=3, most=3)
    assert (number, type(number)) == (3, int)


@pytest.mark.parametrize("value", [3.0, True, "3", None, np.ones(2, int), np.float32(3), 3 + 0j])
def test_what_is_no_whole_number_is_named(value):
    with pytest.raises(TypeError, match=r"n = .*a whole number is needed, at least 1"):
        inputs.whole_number(value, "n", least=1)


@pytest.mark.parametrize("value", [0.5, np.float32(0.5), np.array(0.5)])
def test_a_real_number_of_any_kind_is_a_float(value):
    number = inputs.real_number(value, "x", above=0, below=1)
    assert (number, type(number)) == (0.5, float)


@pytest.mark.parametrize("value", [0, 1, -1, np.nan, np.inf])
def test_a_number_outside_its_range_is_named_with_it(value):
    with pytest.raises(ValueError, match=r"x = .*it must be above 0 and below 1"):
        inputs.real_number(value, "x", above=0, below=1)
    with pytest.raises(ValueError, match="n = 4: it must be at least 5 and at most 6"):
        inputs.whole_number(4, "n", 5, 6)


def test_generators_and_words():
    rng = np.random.default_rng(0)
    assert inputs.random_generator(rng) is rng
    with pytest.raises(TypeError, match="rng = 0: a NumPy generator"):
        inputs.random_generator(0)
    assert inputs.one_of("a", "x", ("a", "b")) == "a"
    for wrong in ("c", None, ["a"]):
        with pytest.raises(ValueError, match=r"x = .*choose 'a' or 'b'"):
            inputs.one_of(wrong, "x", ("a", "b"))


# ---------------------------------------------------------------- arrays


def test_pictures_that_are_right_are_not_copied():
    x = np.random.default_rng(0).random((2, 16, 16), dtype=np.float32)
    assert inputs.images(x) is x
    np.testing.assert_array_equal(inputs.images(x.reshape(2, 256)), x)
    np.testing.assert_array_equal(inputs.images(x.reshape(2, 256), size=(16, 16)), x)
    assert inputs.images(x.astype(np.float64)).dtype == np.float32


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64])
def test_whole_numbers_are_pictures_if_they_are_ink_and_paper(dtype):
    x = np.eye(4)[None]
    np.testing.assert_array_equal(inputs.images(x.astype(dtype)), x)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.full((2, 4, 4), 200), "from 200 to 200, expected .0, 1.: divide 8-bit"),
        (np.full((2, 4, 4), -0.5), "scale them to"),
        (np.full((2, 4, 4), np.nan), "contains NaN"),
        (np.zeros((0, 4, 4)), "holds 0 pictures"),
        (np.zeros((2, 0, 4)), "has shape"),
        (np.zeros((2, 4, 4, 1)), r"drop the last axis, x\[..., 0\]"),
        (np.zeros((2, 4, 4, 3)), "average the colours"),
        (np.zeros(784), "has shape"),
    ],
)
def test_pictures_that_are_wrong_are_named_with_the_remedy(x, message):
    with pytest.raises(ValueError, match=f"photos .*{message}|photos {message}"):
        inputs.images(x, "photos")


def test_labels():
    assert inputs.labels([0.0, 3.0], n=2, classes=4).dtype == np.int64
    for y, message in (
        ([[1], [2]], r"shape \(2, 1\).*argmax"),
        ([0.5], "contains 0.5"),
        ([np.nan], "contains nan"),
        ([-1], "contains -1"),
        ([4], "contains 4.*below 4"),
    ):
        with pytest.raises(ValueError, match=message):
            inputs.labels(y, classes=4)


def test_shapes_that_differ_are_not_broadcast():
    @inputs.same_shape("a", "b")
    def total(a, b, scale=1):
        return np.sum(a + b) * scale

    assert total(np.ones(2), b=[1.0, 1.0]) == 4
    with pytest.raises(ValueError, match=r"a has shape \(2,\) and b has shape \(2, 1\)"):
        total(np.ones(2), np.ones((2, 1)))
