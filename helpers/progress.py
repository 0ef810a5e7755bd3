"""A progress line that tells how far a long step is, and leaves nothing behind in the output."""

import time

from IPython.display import clear_output, display

from helpers.inputs import whole_number


def progress(steps, label, total=None):
    """Go through an iterable and show a line such as `label: 12 of 60, 8 s left` meanwhile.

    The line is cleared at the end, also when the loop is left early, so a saved notebook is the
    same on every run. It clears the whole output of its cell: print afterwards.

    Args:
        steps: any iterable.
        label: what is going on, in a few words.
        total: the number of steps; needed only if `len(steps)` is not known.

    Yields:
        The items of `steps`.

    Raises:
        TypeError: `steps` cannot be gone through, or has no length and there is no total.
        ValueError: the total is negative.
    """
    if not hasattr(steps, "__iter__"):
        raise TypeError(f"steps = {steps!r}: a list or another iterable is needed, such as range.")
    if total is None and not hasattr(steps, "__len__"):
        raise TypeError("total = None: how many steps there are is needed, for they have no len().")
    total = len(steps) if total is None else whole_number(total, "total", least=0)
    start = shown = time.monotonic()
    try:
        for done, step in enumerate(steps, start=1):
            yield step
            now = time.monotonic()
            if now - shown > 0.5:
                shown, left = now, (now - start) / done * (total - done)
                clear_output(wait=True)
                display({"text/plain": f"{label}: {done} of {total}, {left:.0f} s left"}, raw=True)
    finally:
        clear_output()


def epoch_progress(label):
    """A Keras callback that shows `progress` through the epochs: `fit(..., verbose=0)`.

    Args:
        label: what is being trained, in a few words.

    Returns:
        A `keras.callbacks.Callback`. It counts the epochs that this `fit` runs.
    """
    from helpers.runtime import keras  # here, so that a page without a network need not wait

    class EpochProgress(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            self.steps = None

        def on_epoch_begin(self, epoch, logs=None):
            if self.steps is None:
                self.steps = progress(range(epoch, self.params["epochs"]), label)
                next(self.steps)

        def on_epoch_end(self, epoch, logs=None):
            next(self.steps, None)

        def on_train_end(self, logs=None):
            if self.steps is not None:
                self.steps.close()
                self.steps = None

    return EpochProgress()
