"""What becomes of a notebook on its page: check lines, widgets, figures and their captions."""

import base64
import hashlib
import html
import json
import re
from pathlib import Path

from docutils import nodes
from home import public

from course.outputs import WIDGET

MARKS = {"✓": ("passed", "holds"), "✗": ("failed", "does not hold")}
MARKS |= {"·": ("noted", "noted"), "–": ("noted", "open")}


def prepare(app, docname, source):
    """Put lists in the place of check lines, and a sentence where a widget needs a kernel."""
    if not docname.startswith("notebooks/"):
        return
    notebook = json.loads(source[0])
    notebook["metadata"].pop("widgets", None)
    for cell in notebook["cells"]:
        if "outputs" in cell:
            replace_widgets(cell["outputs"], f"{Path(docname).name}.ipynb")
            cell["outputs"] = with_lists(cell["outputs"])
    source[0] = json.dumps(notebook)


def replace_widgets(outputs, name):
    """Put a sentence where a cell has a widget: it needs a kernel, which a page has not."""
    place = public("binder", name)
    where = f'<a href="{html.escape(place)}">on Binder</a> or in Jupyter' if place else "in Jupyter"
    elsewhere = 'Without either, try the <a href="../playground.html">playground</a>.'
    sentence = f'<p class="to-move">This moves in the notebook: open it {where}. {elsewhere}</p>'
    for output in outputs:
        if WIDGET in output.get("data", {}):
            output.update({"data": {"text/html": sentence}, "metadata": {}})


def with_lists(outputs):
    """A cell's outputs with one list in the place of check lines that follow one another."""
    made, lines = [], []
    for output in [*outputs, None]:
        line = None if output is None else check_line(output)
        if line is not None:
            lines.append(line)
            continue
        if lines:
            data = {"text/html": f'<ul class="checks">\n{"".join(lines)}</ul>'}
            made.append({"output_type": "display_data", "data": data, "metadata": {}})
            lines = []
        if output is not None:
            made.append(output)
    return made


def check_line(output):
    """An output as an item of a list if it is the line of a check or of an exercise, else None."""
    data = output.get("data", {})
    text = "".join(data.get("text/plain", ""))
    if set(data) != {"text/plain"} or text[:1] not in MARKS or text[1:2] != " " or "\n" in text:
        return None
    kind, word = MARKS[text[0]]
    claim = output["metadata"].get("check", {}).get("claim")
    words = html.escape(text[2:], quote=False)
    if claim is not None and text[2:].startswith(f"{claim}: "):
        value, parenthesis, expected = text[len(claim) + 4 :].partition(" (expected ")
        words = f"{_with_code(claim)}: <b>{_with_minus(value)}</b>"
        if parenthesis:
            words += f' <span class="expected">(expected {_with_minus(expected)}</span>'
    mark = f'<span class="mark" role="img" aria-label="{word}">{text[0]}</span>'
    return f'<li class="{kind}">{mark} <span>{words}</span></li>\n'


def _with_code(claim):
    """A claim as HTML: what stands between backticks is code, as in Markdown."""
    return re.sub("`(.+?)`", r"<code>\1</code>", html.escape(claim, quote=False))


def _with_minus(number):
    """A number as HTML, with a true minus sign: a line may break behind a hyphen."""
    return re.sub(r"-(?=\d|inf)", "−", html.escape(number, quote=False))


def add_text_alternatives(app, doctree):
    """Give each figure the text alternative that stands in the notebook's output."""
    path = Path(app.env.doc2path(app.env.docname))
    if path.suffix != ".ipynb":
        return
    alternatives = {}
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        for output in cell.get("outputs", []):
            picture = "".join(output.get("data", {}).get("image/png", ""))
            if picture:
                name = hashlib.sha256(base64.b64decode(picture)).hexdigest()
                alternatives[name] = output["metadata"]["image/png"]["alt"]
    for image in doctree.findall(nodes.image):
        name = Path(image["uri"]).stem
        if name in alternatives:
            image["alt"] = alternatives[name]


def number_captions(app, doctree, docname):
    """Join each picture with the slanted paragraph under it: a figure with a numbered caption."""
    number = 0
    for image in list(doctree.findall(nodes.image)):
        picture = image.parent if _holds_only(image.parent, nodes.image) else image
        below = picture.next_node(descend=False, siblings=True)
        if not _holds_only(below, nodes.emphasis):
            continue
        number += 1
        label = nodes.inline("", f"Figure {number}.", classes=["figure-number"])
        caption = nodes.caption("", "", label, nodes.Text(" "), *below[0].children)
        below.parent.remove(below)
        figure = nodes.figure("", ids=[f"figure-{number}"])
        picture.parent.replace(picture, figure)
        figure += [image, caption]


def _holds_only(node, kind):
    """Whether a node is a paragraph that holds one node of a kind and nothing else."""
    return isinstance(node, nodes.paragraph) and len(node) == 1 and isinstance(node[0], kind)
