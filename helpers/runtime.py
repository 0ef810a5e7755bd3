"""Start TensorFlow without its log lines, and make what follows repeatable.

TensorFlow writes lines about the processor to file descriptor 2 when it is first imported and when
it first looks for devices, before any log level applies. Later, `fit` on arrays logs a harmless
"NodeDef mentions attribute" whenever operations are deterministic. All would stand in every
notebook. Import this module before anything that imports TensorFlow; set TF_CPP_MIN_LOG_LEVEL
yourself to see what is logged.

Keras must run on TensorFlow, with channels last and float32, which are its defaults. Where the
environment or a `keras.json` says something else, the import ends with an ImportError that says so.
"""

import json
import os
import sys
from contextlib import contextmanager

from helpers.inputs import whole_number

NEEDED = {"backend": "tensorflow", "image_data_format": "channels_last", "floatx": "float32"}


def _keras_json():
    """Where Keras looks for its settings, found as it finds it, and what stands there."""
    home = os.path.expanduser("~")
    folder = os.path.join(home if os.access(home, os.W_OK) else "/tmp", ".keras")
    path = os.path.expanduser(os.path.join(os.environ.get("KERAS_HOME", folder), "keras.json"))
    try:
        with open(path, encoding="utf-8") as file:
            settings = json.load(file)
    except (OSError, ValueError):  # then Keras takes its defaults
        return path, {}
    return path, settings if isinstance(settings, dict) else {}


def _refuse_other_settings():
    """Raise an ImportError if Keras would not start as this course needs it."""
    path, settings = _keras_json()
    places = {name: (value, path) for name, value in settings.items()}
    if os.environ.get("KERAS_BACKEND"):
        settings["backend"] = os.environ["KERAS_BACKEND"]
        places["backend"] = settings["backend"], "the environment variable KERAS_BACKEND"
    if "keras" in sys.modules:
        config = sys.modules["keras"].config
        settings = {name: getattr(config, name)() for name in NEEDED}
    for name, needed in NEEDED.items():
        if settings.get(name, needed) != needed:
            value, place = places.get(name, (None, None))
            place = place if value == settings[name] else "this session"
            remedy = "there" if place == path else "and restart Python"
            if name == "backend" and place != path:
                remedy = "by KERAS_BACKEND=tensorflow and restart Python"
            raise ImportError(
                f"Keras is set to {name} = {settings[name]!r} by {place}, but this course needs "
                f"{needed!r}: set it {remedy}."
            )


@contextmanager
def _silent_file_descriptor_2():
    sys.stderr.flush()
    saved = os.dup(2)
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)


_refuse_other_settings()
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
with _silent_file_descriptor_2():
    import keras
    import tensorflow as tf

    tf.config.list_physical_devices()
    tf.zeros(())


def set_seed(seed):
    """Seed Python, NumPy and Keras, and make TensorFlow's operations deterministic.

    Two runs on one machine then give identical results; another processor may differ in the last
    digits. Deterministic operations exclude XLA, which draws other random numbers anyway.

    Args:
        seed: a whole number from 0 to 2**32 - 1.

    Raises:
        TypeError: the seed is no whole number.
        ValueError: it lies outside that range.
    """
    seed = whole_number(seed, "seed", least=0, most=2**32 - 1)
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()


def random_states(model):
    """The states of all random generators in a Keras model: of its own noise, of each dropout.

    Args:
        model: a Keras model.

    Returns:
        A list of Keras variables, in the order of the model's parts.
    """
    return [state for state in model.variables if state.name == "seed_generator_state"]


def resumable(model_class):
    """Let Keras save and load models of a class whole, so that a training can be resumed.

    Keras's `save` and `load_model` then keep the parts, the optimisers and their state, and, which
    Keras leaves out by itself, all random states. A decorator; the class gives `get_config`, and
    may override `compile` if its `get_compile_config` names what that takes.

    Args:
        model_class: a subclass of `keras.Model`.

    Returns:
        The class, registered with Keras.
    """

    def from_config(cls, config):
        return cls(**keras.saving.deserialize_keras_object(config))

    def compile_from_config(self, config):
        self.compile(**keras.saving.deserialize_keras_object(config))

    def save_own_variables(self, store):
        super(model_class, self).save_own_variables(store)
        for index, state in enumerate(random_states(self)):
            store[f"random_state_{index}"] = state.numpy()

    def load_own_variables(self, store):
        saved = {name: store[name] for name in store.keys()}  # noqa: SIM118
        own = {name: saved.pop(name) for name in [*saved] if not name.startswith("random_state_")}
        super(model_class, self).load_own_variables(own)
        states = random_states(self)
        if saved and len(saved) != len(states):
            raise ValueError(
                f"the file holds {len(saved)} random states, this model has {len(states)}: make "
                "the model as it was when it was saved"
            )
        for index, state in enumerate(states if saved else ()):
            state.assign(saved[f"random_state_{index}"])

    model_class.from_config = classmethod(from_config)
    model_class.compile_from_config = compile_from_config
    model_class.save_own_variables = save_own_variables
    model_class.load_own_variables = load_own_variables
    return keras.saving.register_keras_serializable("helpers")(model_class)
