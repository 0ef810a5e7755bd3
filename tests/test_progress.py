import pytest

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
