import itertools
from types import SimpleNamespace

import numpy as np
import pytest
from fresh_python import loads_tensorflow

from helpers import progress


@pytest.fixture
def screen(monkeypatch):
    """What is displayed and cleared, in order."""
    events = []

    def display(data, raw):
        assert raw
        events.append(data["text/plain"])

    monkeypatch.setattr(progress, "display", display)
    monkeypatch.setattr(
        progress, "clear_output", lambda wait=False: events.append("wait" if wait else "clear")
    )
    return events


@pytest.mark.parametrize(("steps", "total"), [("abcd", None), (iter("abcd"), 4)])
def test_the_line_is_renewed_every_half_second_and_cleared_at_the_end(
    screen, monkeypatch, steps, total
):
    clock = iter([100.0, 100.4, 108.0, 108.6, 120.0])  # the start, then the end of each step
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    assert list(progress.progress(steps, "training", total)) == list("abcd")
    assert screen == [
        "wait", "training: 2 of 4, 8 s left",
        "wait", "training: 3 of 4, 3 s left",
        "wait", "training: 4 of 4, 0 s left",
        "clear",
    ]  # fmt: skip


def test_the_line_is_cleared_when_the_loop_is_left_early(screen):
    steps = progress.progress(range(3), "training")
    next(steps)
    steps.close()
    assert screen == ["clear"]


@pytest.mark.parametrize(
    ("steps", "total", "words"),
    [
        (5, None, "steps = 5: a list"),
        (None, None, "steps = None"),
        (iter("ab"), None, "total = None: how many"),
        ("ab", -1, "total = -1"),
        ("ab", "2", "total = '2'"),
    ],
)
def test_steps_that_cannot_be_counted_are_refused(screen, steps, total, words):
    with pytest.raises((TypeError, ValueError), match=words):
        list(progress.progress(steps, "training", total))


def test_no_steps_are_none(screen):
    assert list(progress.progress([], "training")) == []
    assert screen == ["clear"]


@pytest.fixture
def fit(screen, monkeypatch):
    """Let a tiny model train with the line on the screen, every epoch of it lasting 2 s."""
    from helpers.runtime import keras

    clock = itertools.count(0, 2)
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    line = progress.epoch_progress("training, epoch")

    def fit(*callbacks, **settings):
        ones = np.ones((4, 1))
        return model.fit(ones, ones, verbose=0, callbacks=[line, *callbacks], **settings)

    return fit


THREE_EPOCHS = [
    "wait", "training, epoch: 1 of 3, 4 s left",
    "wait", "training, epoch: 2 of 3, 2 s left",
    "wait", "training, epoch: 3 of 3, 0 s left",
    "clear",
]  # fmt: skip


def test_fit_shows_its_epochs_and_clears_the_line_each_time(screen, fit):
    for _ in range(2):
        fit(epochs=3)
    assert screen == 2 * THREE_EPOCHS


def test_a_resumed_fit_counts_the_epochs_that_it_runs(screen, fit):
    fit(epochs=6, initial_epoch=3)
    assert screen == THREE_EPOCHS


def test_the_line_is_cleared_when_fit_stops_early(screen, fit):
    from helpers.runtime import keras

    history = fit(keras.callbacks.EarlyStopping("loss", min_delta=1e9, patience=1), epochs=3)
    assert history.epoch == [0, 1]
    assert screen == [*THREE_EPOCHS[:4], "clear"]


def test_a_fit_after_an_interrupted_one_counts_anew(screen, fit):
    from helpers.runtime import keras

    def stop(epoch, logs):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(keras.callbacks.LambdaCallback(on_epoch_end=stop), epochs=3)
    screen.clear()
    fit(epochs=3)
    assert [line for line in screen if line not in ("wait", "clear")] == THREE_EPOCHS[1::2]


def test_a_fit_of_no_epochs_leaves_no_line(screen, fit):
    fit(epochs=2, initial_epoch=2)
    fit(epochs=0)
    assert screen == []


def test_a_page_without_a_network_need_not_wait_for_tensorflow():
    assert not loads_tensorflow("from helpers.progress import epoch_progress, progress")
