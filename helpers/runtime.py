"""Start TensorFlow without its log lines, and make what follows repeatable.

TensorFlow writes lines about the processor to file descriptor 2 when it is first imported and when
it first looks for devices, before any log level applies. Later, `fit` on arrays logs a harmless
"NodeDef mentions attribute" whenever operations are deterministic. All would stand in every
notebook. Import this module before anything that imports TensorFlow; set TF_CPP_MIN_LOG_LEVEL
yourself to see what is logged.
"""

import os
import sys
from contextlib import contextmanager

from helpers.progress import progress


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
        seed: a non-negative integer below 2**32.

    Raises:
        ValueError: the seed is not such an integer.
    """
    if not isinstance(seed, int) or not 0 <= seed < 2**32:
        raise ValueError(f"seed must be an integer from 0 to 2**32 - 1, got {seed!r}")
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()


class EpochProgress(keras.callbacks.Callback):
    """Show how far `fit` is, in a line that is cleared at the end: `fit(..., verbose=0)`.

    Args:
        label: what is being trained, in a few words.
    """

    def __init__(self, label):
        """Remember the label; `fit` calls the other methods."""
        super().__init__()
        self.label = label

    def on_train_begin(self, logs=None):
        """Show the line."""
        self.steps = progress(range(self.params["epochs"]), self.label)
        next(self.steps)

    def on_epoch_end(self, epoch, logs=None):
        """Bring the line up to date."""
        next(self.steps, None)

    def on_train_end(self, logs=None):
        """Clear the line."""
        self.steps.close()
