import os

import numpy as np
import pytest

from helpers.runtime import _silent_file_descriptor_2, keras, random_states, resumable, set_seed

pytestmark = pytest.mark.filterwarnings("error::UserWarning")


def test_only_what_is_written_meanwhile_is_silenced(capfd):
    os.write(2, b"before, ")
    with _silent_file_descriptor_2():
        os.write(2, b"log lines, ")
    os.write(2, b"after")
    assert capfd.readouterr().err == "before, after"


@pytest.mark.parametrize("seed", [0, 2**32 - 1])
def test_one_seed_gives_the_same_numbers_again(seed):
    draws = []
    for _ in range(2):
        set_seed(seed)
        draws.append([np.random.random(), float(keras.random.uniform(()))])  # noqa: NPY002
    assert draws[0] == draws[1]


@pytest.mark.parametrize("seed", [-1, 2**32, 1.0, "1"])
def test_other_seeds_are_refused(seed):
    with pytest.raises(ValueError, match=f"0 to 2.*32 - 1, got {seed!r}"):
        set_seed(seed)


class Forgetful(keras.Model):
    """A model with so many random parts, one of them deeper inside than the others."""

    def __init__(self, n_dropouts):
        super().__init__()
        dropouts = [keras.layers.Dropout(0.5) for _ in range(n_dropouts)]
        inside = keras.Sequential([keras.Input((20,)), dropouts.pop()])
        self.network = keras.Sequential([keras.Input((20,)), *dropouts, inside])
        self.weight = keras.Variable(1.0, name="weight")
        self.n_dropouts, self.built = n_dropouts, True

    def call(self, x, training=False):
        return self.weight * self.network(x, training=training)

    def get_config(self):
        return {"n_dropouts": self.n_dropouts}


@resumable
class Resumable(Forgetful):
    pass


X = np.ones((9, 20))


def values(model):
    return [state.numpy().tolist() for state in random_states(model)]


def test_a_loaded_model_draws_the_numbers_that_the_saved_one_draws(tmp_path):
    set_seed(0)
    model = Resumable(12)
    model.weight.assign(3.0)
    model(X, training=True)
    model.save(tmp_path / "model.keras")
    saved = values(model)
    set_seed(1)
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert len(saved) == 12
    assert values(loaded) == saved == values(model)
    assert float(loaded.weight) == 3
    np.testing.assert_array_equal(loaded(X, training=True), model(X, training=True))


def test_without_random_states_in_the_file_a_model_keeps_its_own(tmp_path):
    """So it was in version 1.0 of the course."""
    old, model = Forgetful(2), Resumable(2)
    old.weight.assign(3.0)
    old.save_weights(tmp_path / "old.weights.h5")
    before = values(model)
    assert before != values(old)
    model.load_weights(tmp_path / "old.weights.h5")
    assert values(model) == before
    assert float(model.weight) == 3


@pytest.mark.parametrize("n_dropouts", [1, 3])
def test_random_states_of_another_number_of_parts_are_refused(tmp_path, n_dropouts):
    Resumable(2).save_weights(tmp_path / "two.weights.h5")
    model = Resumable(n_dropouts)
    before = values(model)
    with pytest.raises(ValueError, match=f"holds 2 random states, this model has {n_dropouts}"):
        model.load_weights(tmp_path / "two.weights.h5")
    assert values(model) == before
