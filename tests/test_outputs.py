"""Outputs that say the same, and outputs that do not."""

import base64
import io
import re

import nbformat
import numpy as np
import PIL.Image
import pytest
from notebook_files import ROOT

from course import outputs

V4 = nbformat.v4


def text(words, check=None):
    metadata = {"check": check} if check else {}
    return V4.new_output("display_data", {"text/plain": words}, metadata=metadata)


def png(picture):
    file = io.BytesIO()
    PIL.Image.fromarray(np.uint8(255 * picture)).save(file, format="png")
    return base64.b64encode(file.getvalue()).decode()


PICTURE = np.random.default_rng(0).random((120, 200))
PAPER = np.ones((120, 200))
DOT = np.arange(PAPER.size).reshape(PAPER.shape) == 7


def figure(picture=PICTURE, alt="A plane of 10 digits."):
    metadata = {"image/png": {"alt": alt, "width": 133}}
    return V4.new_output("display_data", {"image/png": png(picture)}, metadata=metadata)


def table(seconds, loss):
    lines = [
        "| network | seconds | loss |",
        "| --- | --- | --- |",
        f"| ours | {seconds} | {loss} |",
    ]
    return V4.new_output("display_data", {"text/markdown": "\n".join(lines)})


def widget(name):
    return V4.new_output("display_data", {outputs.WIDGET: {"model_id": name}, "text/plain": name})


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        (text("✓ loss: 46.31"), text("✓ loss: 46.31"), True),
        (text("✓ loss: 46.31"), text("✓ loss: 46.32"), False),
        (text("✓ loss: 46.31"), text("✗ loss: 46.31"), False),
        (text("✓ error: 1.1e-16"), text("✓ error: 2.2e-16"), True),
        (text("✓ error: 1.1e-9"), text("✓ error: 2.2e-9"), False),
        (text("0.123456789012"), text("0.123456789013"), True),
        (text("404,244"), text("404,245"), False),
        (text("loss"), V4.new_output("stream", text="loss"), False),
        (text("a", {"value": 1}), text("a", {"value": 1, "bound": 2}), False),
        (text("a", {"value": 1}), text("a", {"value": 1.1}), True),
        (text("a", {"bands": {"full": [1, 2]}}), text("a", {"bands": {"full": [1, 3]}}), False),
        (
            text("✓ seconds, A over B: 4.1 (expected above 2)"),
            text("✓ seconds, A over B: 4.3 (expected above 2)"),
            True,
        ),
        (
            text("✓ seconds, A over B: 4.1 (expected above 2)"),
            text("✗ seconds, A over B: 1.3 (expected above 2)"),
            False,
        ),
        (table(12, 38.3), table(15, 38.3), True),
        (table(12, 38.3), table(12, 38.4), False),
        (figure(), figure(), True),
        (figure(), figure(np.where(PICTURE > 0.99, 0.99, PICTURE)), True),
        (figure(), figure(PICTURE[::-1]), False),
        (figure(PAPER), figure(PAPER * (1 - 0.2 * DOT)), False),  # its mean is 1e-5 off
        (figure(PAPER), figure(np.ones((121, 200))), False),
        (figure(), figure(alt="A plane of 11 digits."), False),
        (widget("a"), widget("b"), True),
    ],
)
def test_rounding_clocks_and_random_names_are_no_change(old, new, same):
    assert outputs.same_outputs([old], [new]) is same
    assert outputs.same_outputs([old, old], [new]) is False


def notebook(*cells, widgets=None):
    made = [
        V4.new_code_cell("x", outputs=list(o), execution_count=i + 1) for i, o in enumerate(cells)
    ]
    for cell, name in zip(made, "abcdefgh", strict=False):
        cell.id = name
    return V4.new_notebook(cells=made, metadata={"widgets": widgets} if widgets else {})


def test_only_the_cells_that_changed_get_new_outputs():
    committed = notebook([text("a")], [table(12, 1)], [text("b")])
    executed = notebook([text("a")], [table(19, 1)], [text("c")])
    assert outputs.take_over(committed, executed) == ["In [3]"]
    assert committed.cells[1].outputs == [table(12, 1)]
    assert committed.cells[2].outputs == [text("c")]
    committed.cells[0].execution_count = None
    assert outputs.take_over(committed, executed) == ["In [1]"]
    assert committed.cells[0].execution_count == 1


def test_widgets_are_compared_by_their_state_and_not_by_their_names():
    def with_slider(slider, box, value):
        states = {slider: {"value": value}, box: {"children": [f"IPY_MODEL_{slider}"]}}
        return notebook([widget(box)], widgets={"widget-state": {"state": states}})

    one, two, three = ("1" * 32, "2" * 32, "3" * 32)
    committed = with_slider(one, two, 0.5)
    assert outputs.take_over(committed, with_slider(three, two, 0.5)) == []
    assert outputs.take_over(committed, with_slider(three, one, 0.5)) == []
    assert one in str(committed)
    assert outputs.take_over(committed, with_slider(three, two, 0.7)) == ["In [1]"]
    assert one not in str(committed)
    assert three in committed.metadata.widgets["widget-state"]["state"]


def test_refresh_writes_nothing_where_nothing_changed(course, capsys):
    course.notebook("01_one", "import time; print(n); time.time() < 0")
    course.notebook("02_two", "1 / 0")
    options = {"out": course.out, **course.folders}
    broken = course.path("02_two").read_bytes()
    assert not outputs.refresh(**options)
    assert "02_two: not written; look at" in capsys.readouterr().out
    assert course.path("02_two").read_bytes() == broken
    written = course.path("01_one").stat().st_mtime_ns
    assert outputs.refresh("01", **options)
    assert "01_one: nothing changed" in capsys.readouterr().out
    assert course.path("01_one").stat().st_mtime_ns == written
    course.notebook("01_one", "print(n + 1)")
    assert outputs.refresh("01", **options)
    assert "01_one: new outputs of In [1], In [2]" in capsys.readouterr().out
    assert nbformat.read(course.path("01_one"), as_version=4).cells[1].outputs[0].text == "2\n"


def test_refresh_leaves_a_notebook_whose_kernel_died(course, capsys):
    course.notebook("01_one", "print('before')", "import os; os._exit(n)", "print('after')")
    path = course.path("01_one")
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[3].outputs = [V4.new_output("stream", text="committed\n")]
    nbformat.write(notebook, path)
    committed = path.read_text()
    assert not outputs.refresh(out=course.out, **course.folders)
    assert "01_one: not written; look at" in capsys.readouterr().out
    assert path.read_text() == committed


def test_refresh_sees_what_no_mark_sees(course, capsys):
    """Kept models, for one: here a file beside the notebook, while another one is still broken."""
    model = course.folder / "model.txt"
    model.write_text("old")
    course.notebook("01_one", f"print(open({str(model)!r}).read())")
    course.notebook("02_two", "1 / 0")
    options = {"out": course.out, **course.folders}
    assert not outputs.refresh(**options)
    model.write_text("new")
    assert not outputs.refresh(**options)
    assert nbformat.read(course.path("01_one"), as_version=4).cells[1].outputs[0].text == "new\n"


# ---------------------------------------------------------------- figures, beside a fresh run


def test_a_figure_that_its_cell_still_draws_is_no_difference():
    other_samples = np.clip(PICTURE + np.random.default_rng(1).normal(0, 0.2, PICTURE.shape), 0, 1)
    fresh = [text("drawn"), figure(other_samples, "A plane of 12 digits.")]
    assert outputs.figure_differences([figure()], fresh) == []


@pytest.mark.parametrize(
    ("fresh", "words"),
    [
        ([], "1 figures are committed, the cell draws 0"),
        (
            [figure(alt="A detective.")],
            "committed as 'A plane of 10 digits.', and is 'A detective.'",
        ),
        ([figure(1 - (1 - PICTURE) / 4)], "the figure is another one"),
        ([figure(PICTURE[:60])], "the figure is another one"),
    ],
)
def test_another_figure_is_named(fresh, words):
    (difference,) = outputs.figure_differences([figure()], fresh)
    assert words in difference


MASK = (ROOT / "tests" / "nbval_sanitize.cfg").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("line", "masked"),
    [
        ("✓ loss: 46.31 (expected 46.2 ± 1.5)", "✓ loss: MEASURED (expected 46.2 ± 1.5)"),
        ("✗ a: b: -1e-09 (expected below 1)", "✗ a: b: MEASURED (expected below 1)"),
        ("✓ parameters: 404,244", "✓ parameters: 404,244"),
        (
            "· loss: 38 (nothing is expected of it here)",
            "· loss: 38 (nothing is expected of it here)",
        ),
    ],
)
def test_nbval_leaves_out_the_measured_number_and_nothing_else(line, masked):
    pattern, replacement = re.search(r"^regex: (.+)\nreplace: (.+)$", MASK, re.M).groups()
    assert re.sub(pattern, replacement, line) == masked
