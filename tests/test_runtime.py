import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest
from bad_arguments import faults
from fresh_python import ROOT

from helpers.networks import last_activation
from helpers.runtime import _silent_file_descriptor_2, keras, random_states, resumable, set_seed

pytestmark = pytest.mark.filterwarnings("error::UserWarning")


def test_only_what_is_written_meanwhile_is_silenced(capfd):
    os.write(2, b"before, ")
    with _silent_file_descriptor_2():
        os.write(2, b"log lines, ")
    os.write(2, b"after")
    assert capfd.readouterr().err == "before, after"


@pytest.mark.parametrize("seed", [0, 2**32 - 1, np.int64(1)])
def test_one_seed_gives_the_same_numbers_again(seed):
    draws = []
    for _ in range(2):
        set_seed(seed)
        draws.append([np.random.random(), float(keras.random.uniform(()))])  # noqa: NPY002
    assert draws[0] == draws[1]


@pytest.mark.parametrize("seed", [-1, 2**32, 1.0, "1"])
def test_other_seeds_are_refused(seed):
    with pytest.raises((TypeError, ValueError), match=r"seed = .*at least 0 and at most"):
        set_seed(seed)


def test_whatever_comes_as_a_seed_is_a_seed_or_refused():
    assert faults(set_seed, {"seed": 1}, [("seed", "zero")]) == []


@pytest.mark.parametrize(
    ("setting", "variable", "words"),
    [
        (
            {},
            "jax",
            "backend = 'jax' by the environment variable KERAS_BACKEND.*KERAS_BACKEND=tens",
        ),
        (
            {"backend": "torch"},
            None,
            "backend = 'torch' by .*keras.json.*'tensorflow': set it there",
        ),
        ({"backend": "jax"}, "torch", "backend = 'torch' by the environment variable"),
        ({"image_data_format": "channels_first"}, None, "'channels_first' by .*'channels_last'"),
        ({"floatx": "float64"}, None, "floatx = 'float64' by .*keras.json.*'float32'"),
        ({"floatx": "float16"}, "tensorflow", "floatx = 'float16' by .*keras.json"),
    ],
)
@pytest.mark.parametrize("before", ["", "keras.json in the home"])
def test_another_setting_of_keras_is_named_at_the_import(
    tmp_path, setting, variable, words, before
):
    home = {"HOME": str(tmp_path)} if before else {"KERAS_HOME": str(tmp_path)}
    folder = tmp_path / ".keras" if before else tmp_path
    folder.mkdir(exist_ok=True)
    (folder / "keras.json").write_text(json.dumps(setting), encoding="utf-8")
    backend = {"KERAS_BACKEND": variable} if variable else {}
    done = started("import helpers.runtime", home | backend)
    assert done.returncode == 1
    *_, last = done.stderr.strip().splitlines()
    assert re.fullmatch(rf"ImportError: Keras is set to .*{words}.*\.", last), last


@pytest.mark.parametrize("text", ["", "{", '{"backend": "tensorflow", "epsilon": 1e-7}'])
def test_the_usual_settings_of_keras_and_broken_ones_that_keras_ignores_are_taken(tmp_path, text):
    (tmp_path / "keras.json").write_text(text, encoding="utf-8")
    done = started("import helpers.runtime as r; print(r.keras.config.backend())", {
        "KERAS_HOME": str(tmp_path)
    })  # fmt: skip
    assert done.stdout == "tensorflow\n", done.stderr[-500:]


def test_a_setting_made_after_keras_was_imported_is_named_too(tmp_path):
    code = "import keras; keras.config.set_floatx('float64'); import helpers.runtime"
    done = started(code, {"KERAS_HOME": str(tmp_path), "TF_CPP_MIN_LOG_LEVEL": "3"})
    assert "floatx = 'float64' by this session" in done.stderr.strip().splitlines()[-1]


def started(code, variables):
    """A fresh Python with these environment variables, and without those of Keras."""
    environment = {name: value for name, value in os.environ.items() if "KERAS" not in name}
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT, env=environment | variables, capture_output=True, text=True, timeout=120,
        check=False,
    )  # fmt: skip


def test_last_activation_looks_through_what_only_changes_the_shape():
    layers = keras.layers
    inner = keras.Sequential([keras.Input((4,)), layers.Dense(4, "tanh")])
    outer = keras.Sequential([keras.Input((4,)), inner, layers.Reshape((2, 2)), layers.Identity()])
    assert last_activation(outer) == "tanh"
    assert last_activation(keras.Sequential([keras.Input((4,)), layers.Softmax()])) == "softmax"
    assert last_activation(keras.Sequential([keras.Input((4,)), layers.Dense(1)])) == "linear"
    unknown = keras.Sequential([keras.Input((4,)), layers.Dense(1, "tanh"), layers.Dropout(0.1)])
    assert last_activation(unknown) is None


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
