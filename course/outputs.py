"""Refresh the committed outputs, and tell outputs that say the same from outputs that do not.

Random ids of widgets, the last digits of a sum and the seconds that a cell took are never the same
twice. `refresh` writes a notebook only where something else changed, so that a commit shows what
did; `figure_differences` says whether a cell still draws the figure that is committed.
"""

import base64
import io
import json
import math
import re

import nbformat
import numpy as np
import PIL.Image

from course.editions import EDITIONS, NOTEBOOKS, choose
from course.environment import shown
from course.run import copies, read_record, run

NUMBER = r"[-−]?\d+(?:,\d{3})*(?:\.\d+)?(?:e[-+]?\d+)?"
NAME = r"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])"  # of a widget, at random
MEASURED = r"(?<=: )\S+(?= \(expected )"  # in a check line
WIDGET = "application/vnd.jupyter.widget-view+json"
THUMBNAIL = (16, 16)  # of a figure, to compare it loosely: another processor draws other samples
LOOSE = 0.1  # mean difference of two thumbnails, from 0 to 1
TIGHT = 0.1  # difference of two pixels; one beyond it is another picture: a line moved, a letter


def refresh(only=None, out=None, notebooks=NOTEBOOKS, editions=EDITIONS):
    """Execute the sample edition, and write into the notebooks those outputs that changed.

    Args:
        only: the beginning of a notebook's name; all notebooks without it.
        out: the folder for the executed copies; by default build/outputs.
        notebooks, editions: as for `course.run.run`.

    Returns:
        True if every notebook passed. One that did not is left as it was.
    """
    out = copies("outputs", out)
    # what a mark does not see, such as another version of matplotlib, may change an output
    passed = run("sample", only, out, notebooks=notebooks, editions=editions, anew=True)
    record = read_record(out)["notebooks"]
    for path in choose(only, notebooks):
        if not record[path.stem]["passed"]:
            print(f"{path.stem}: not written; look at {shown(out / path.name)}")
            continue
        executed = nbformat.read(out / path.name, as_version=4)
        committed = nbformat.read(path, as_version=4)
        changed = take_over(committed, executed)
        if changed:
            nbformat.write(committed, path)
            print(f"{path.stem}: new outputs of {', '.join(changed)}")
        else:
            print(f"{path.stem}: nothing changed")
    return passed


def take_over(committed, executed):
    """Give a notebook the outputs of its executed copy where they say something else.

    Args:
        committed: an nbformat notebook; it is changed.
        executed: its copy, executed from top to bottom.

    Returns:
        Names of the cells whose outputs changed, such as "In [7]".
    """
    same_widgets = _widget_state(committed) == _widget_state(executed)
    changed = []
    pairs = zip(committed.cells, executed.cells, strict=True)
    for cell, fresh in ((old, new) for old, new in pairs if old.cell_type == "code"):
        same = same_outputs(cell.outputs, fresh.outputs)
        if any(WIDGET in output.get("data", {}) for output in fresh.outputs):
            same = same and same_widgets
        if cell.execution_count != fresh.execution_count or not same:
            changed.append(f"In [{fresh.execution_count}]")
            cell.execution_count = fresh.execution_count
        if not same:
            cell.outputs = fresh.outputs
    if not same_widgets:
        committed.metadata.pop("widgets", None)
        if "widgets" in executed.metadata:
            committed.metadata.widgets = executed.metadata.widgets
    return changed


def same_outputs(old, new):
    """Whether two lists of outputs say the same; see the module for what may differ."""
    return len(old) == len(new) and all(map(_same_output, old, new))


def figure_differences(committed, fresh):
    """What differs between the figures that a cell has committed and those that it now draws.

    Args:
        committed, fresh: lists of outputs. Other outputs than figures are left out.

    Returns:
        Sentences: another number of figures, another text alternative (numbers apart), another
        size, or, loosely, another picture.
    """
    old, new = (
        [o for o in outs if "image/png" in o.get("data", {})] for outs in (committed, fresh)
    )
    if len(old) != len(new):
        return [f"{len(old)} figures are committed, the cell draws {len(new)}"]
    found = []
    for kept, drawn in zip(old, new, strict=True):
        texts = [output["metadata"]["image/png"].get("alt", "") for output in (kept, drawn)]
        if re.sub(NUMBER, "#", texts[0]) != re.sub(NUMBER, "#", texts[1]):
            found.append(f"the text alternative is committed as {texts[0]!r}, and is {texts[1]!r}")
        distance = picture_distance(*(output["data"]["image/png"] for output in (kept, drawn)))
        if distance > LOOSE:
            found.append(f"the figure is another one: {texts[1]!r} (difference {distance:.2f})")
    return found


def picture_distance(first, second):
    """The mean difference of two pictures' grey levels, from 0 to 1, after shrinking them.

    Args:
        first, second: PNG files in base64.

    Returns:
        A number; 1 if the pictures' sizes differ by more than a third.
    """
    pair = [_grey(picture) for picture in (first, second)]
    (width, height), (other_width, other_height) = (picture.size for picture in pair)
    if abs(width - other_width) > width / 3 or abs(height - other_height) > height / 3:
        return 1.0
    small = [picture.resize(THUMBNAIL, PIL.Image.Resampling.BOX) for picture in pair]
    return float(_pixels_apart(*small).mean())


def _same_picture(first, second):
    """Whether nobody can tell two pictures apart; a mean would hide a moved line on white paper."""
    pair = [_grey(picture) for picture in (first, second)]
    return pair[0].size == pair[1].size and _pixels_apart(*pair).max() <= TIGHT


def _pixels_apart(first, second):
    return np.abs(np.asarray(first, np.float64) - np.asarray(second, np.float64)) / 255


def _grey(picture):
    return PIL.Image.open(io.BytesIO(base64.b64decode(picture))).convert("L")


def _same_output(old, new):
    if old.output_type != new.output_type or old.get("name") != new.get("name"):
        return False
    data, fresh = (dict(output.get("data", {})) for output in (old, new))
    if data.keys() != fresh.keys():
        return False
    alternatives = (output.get("metadata", {}).get("image/png", {}) for output in (old, new))
    if not _same_text(*(given.get("alt", "") for given in alternatives)):
        return False
    pictures = data.pop("image/png", None), fresh.pop("image/png", None)
    if None not in pictures and not _same_picture(*pictures):
        return False
    if WIDGET in data:
        return True  # its state is compared, not its random id
    texts = (
        output.get("text", "") + _joined(parts) for output, parts in ((old, data), (new, fresh))
    )
    return _same_text(*texts) and _claimed(old) == _claimed(new)


def _claimed(output):
    """What a check's record says without the measured value: both editions' bands among it."""
    record = output.get("metadata", {}).get("check", {})
    return {key: content for key, content in record.items() if key != "value"}


def _joined(data):
    parts = (_without_seconds(str(text)) for _, text in sorted(data.items()))
    return "\n".join(parts)


def _without_seconds(text):
    """A text without what a clock says: a table's columns and a check line's measured number."""
    lines = [line.split("|") for line in text.splitlines()]
    clocks = {i for i, name in enumerate(lines[0]) if "second" in name} if lines else set()
    if len(lines) == 1 and len(lines[0]) == 1:
        return re.sub(MEASURED, "#", text) if clocks else text
    kept = (["" if i in clocks else cell for i, cell in enumerate(line)] for line in lines)
    return "\n".join("|".join(line) for line in kept)


def _same_text(old, new):
    """Whether texts are the same up to rounding errors in their numbers."""
    if re.split(NUMBER, old) != re.split(NUMBER, new):
        return False
    pairs = zip(re.findall(NUMBER, old), re.findall(NUMBER, new), strict=True)
    return all(math.isclose(_number(a), _number(b), rel_tol=1e-9, abs_tol=1e-12) for a, b in pairs)


def _number(text):
    return float(text.replace(",", "").replace("−", "-"))


def _widget_state(notebook):
    """The states of a notebook's widgets, without their random names, in an order of their own."""
    states = [
        json.dumps(widget, sort_keys=True)
        for kind in notebook.metadata.get("widgets", {}).values()
        for widget in kind.get("state", {}).values()
    ]
    return sorted(re.sub(NAME, "a widget", state) for state in states)
