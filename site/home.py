"""Write what the home page shows of each notebook, and the picture that other sites show of ours.

All of it is read from the notebooks and from results/, so that a new notebook needs no line here.
"""

import base64
import html
import io
import json
import re
from pathlib import Path

import matplotlib
import numpy as np
import PIL.Image
import PIL.ImageChops
import PIL.ImageDraw
import PIL.ImageFont

from course import address as addresses
from course import page, results
from course.environment import ROOT
from helpers import trained
from helpers.data import load_digits

THUMBNAIL = (480, 270)
SOCIAL = (1200, 630)
PLANE = "dense_vae_2"
WORDS = {"reproduced": "✓", "better": "✓", "not reached": "✗"}


def write(sources):
    """Fill the marks in the home page, and draw its pictures.

    Args:
        sources: the folder in which the sources of the site are laid together.
    """
    pictures = sources / "_static" / "cards"
    pictures.mkdir(exist_ok=True)
    cards = {"path": [], "deep dives": []}
    used = set()
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        notebook = json.loads(path.read_text(encoding="utf-8"))
        picture = _picture(notebook, path.parent, used)
        if picture is not None:
            thumbnail(picture).save(pictures / f"{path.stem}.png", optimize=True)
        kind = "path" if path.name[0].isdigit() else "deep dives"
        cards[kind].append(card(path.stem, notebook, picture is not None))
    marks = {name: f'<div class="cards">\n{"".join(made)}</div>' for name, made in cards.items()}
    marks |= {"figures": beside_published(*results.read()), "buttons": first_buttons()}
    marks["clone"] = clone()
    index = sources / "index.md"
    text = index.read_text(encoding="utf-8")
    for name, content in marks.items():
        text = text.replace(f"<!-- {name} -->", content)
    index.write_text(text, encoding="utf-8")
    strip(24, 7).save(sources / "_static" / "strip.png", optimize=True)
    social().save(sources / "_static" / "social.png", optimize=True)


def public(kind, *arguments):
    """An address from `course.address`, such as `public("binder", name)`; None if not known yet."""
    try:
        return getattr(addresses, kind)(*arguments)
    except KeyError:  # pyproject.toml names no repository
        return None


def buttons(name, download):
    """The buttons at the head of a notebook's page, as HTML.

    Args:
        name: of the notebook, without its folder.
        download: the address of the file on this site.
    """
    repository = public("address")
    source = repository and f"{repository}/blob/HEAD/notebooks/{name}"
    shown = [
        ("Run on Binder", public("binder", name), "first"),
        ("Run on Colab", public("colab", name), ""),
        ("Download", download, ""),
        ("Source", source, ""),
    ]
    return _buttons(shown)


def first_buttons():
    """The buttons at the head of the home page, as HTML."""
    start = next((ROOT / "notebooks").glob("00_*.ipynb")).stem
    shown = [
        ("Start with 00", f"notebooks/{start}.html", "first"),
        ("Play with the models", "playground.html", ""),
        ("Teach with it", "teach.html", ""),
        ("Source", public("address"), ""),
    ]
    return _buttons(shown)


def clone():
    """The commands that fetch the course and open it, as Markdown, if its address is known."""
    repository = public("address")
    if not repository:
        return ""
    folder = repository.rpartition("/")[2]
    return f"```shell\ngit clone {repository}\ncd {folder}\nmake lab\n```"


def _buttons(shown):
    lines = []
    for words, target, kind in shown:
        if target:
            kind = f"button {kind}".strip()
            how = " download" if words == "Download" else ""
            lines.append(f'<a class="{kind}" href="{html.escape(target)}"{how}>{words}</a>')
    return '<p class="buttons">\n' + "\n".join(lines) + "\n</p>"


def card(stem, notebook, with_picture):
    """A notebook as a card of HTML: its picture, title, question and minutes."""
    title, question = title_and_question(notebook)
    number, _, words = title.partition(" · ")
    minutes = minutes_of(notebook)
    lines = [f'<a class="card" href="notebooks/{stem}.html">']
    if with_picture:
        width, height = THUMBNAIL
        size = f'width="{width}" height="{height}"'
        lines.append(f'<img src="_static/cards/{stem}.png" alt="" {size}>')
    lines.append(f'<span class="card-title"><b>{number}</b> {html.escape(words)}</span>')
    lines.append(f'<span class="card-text">{question}</span>')
    if minutes:
        lines.append(f'<span class="card-minutes">{html.escape(minutes)}</span>')
    return "\n".join([*lines, "</a>\n"])


def title_and_question(notebook):
    """The title of a notebook as text, and its first paragraph as HTML without links."""
    first = "".join(notebook["cells"][0]["source"])
    title, *paragraphs = [part.strip() for part in first.split("\n\n") if part.strip()]
    question = next((part for part in paragraphs if not part.startswith(("!", "<"))), "")
    return title.removeprefix("# "), as_html(question)


def as_html(text):
    """A paragraph of Markdown with simple formulas, as HTML without links."""
    text = html.escape(re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text), quote=False)
    text = re.sub(r"\$(.*?)\$", lambda found: _formula(found[1]), text)
    text = re.sub(r"\*\*(.+?)\*\*", r"<b>\1</b>", text)
    return re.sub(r"\*(.+?)\*", r"<em>\1</em>", text)


def _formula(source):
    source = re.sub(r"\^\{?(\w+)\}?", r"<sup>\1</sup>", source)
    source = re.sub(r"_\{?(\w+)\}?", r"<sub>\1</sub>", source)
    return source.replace("\\", "").replace("{", "").replace("}", "")


def minutes_of(notebook):
    """What a notebook says about its minutes, such as "40 minutes to study, 1 minute to run"."""
    for cell in notebook["cells"][:4]:
        text = "".join(cell["source"])
        found = re.search(r"(\d+ minutes to study)\b[^.\n]*?[,;] ([^,;.\n]+) to run", text)
        if cell["cell_type"] == "markdown" and found:
            return f"{found[1]}, {'1 minute' if found[2] == '1' else found[2]} to run"
    return None


def _picture(notebook, folder, used):
    """The picture that stands for a notebook: its first one that no earlier notebook has taken."""
    for picture in _pictures(notebook, folder):
        if picture not in used:
            used.add(picture)
            return PIL.Image.open(io.BytesIO(picture)).convert("RGB")
    return None


def _pictures(notebook, folder):
    """A notebook's pictures: those of its first cell, then rows of digits, then all others."""
    for name in re.findall(r"!\[[^\]]*\]\(([^)]+\.png)\)", "".join(notebook["cells"][0]["source"])):
        if (folder / name).is_file():
            yield (folder / name).read_bytes()
    others = []
    for cell in notebook["cells"]:
        for output in cell.get("outputs", []):
            if picture := output.get("data", {}).get("image/png"):
                picture = base64.b64decode("".join(picture))
                if "plotting.image_" in "".join(cell["source"]):
                    yield picture
                others.append(picture)
    yield from others


def thumbnail(picture):
    """A picture without its white margins, fitted into the frame of a card."""
    white = PIL.Image.new("RGB", picture.size, "white")
    inked = PIL.ImageChops.difference(picture, white).getbbox() or (0, 0, *picture.size)
    picture = picture.crop(inked)
    width, height = THUMBNAIL
    if picture.height * width > 1.5 * picture.width * height:  # a tall one: show its upper part
        picture = picture.crop((0, 0, picture.width, picture.width * height // width))
    picture.thumbnail((width - 24, height - 24), PIL.Image.Resampling.LANCZOS)
    frame = PIL.Image.new("RGB", THUMBNAIL, "white")
    frame.paste(picture, ((width - picture.width) // 2, (height - picture.height) // 2))
    return frame


def beside_published(full, published):
    """The measured figures that are marked for the front, as a table of HTML."""
    lines = []
    for figure in (figure for figure in published if figure.get("front")):
        check = page.matching_check(full, figure)
        verdict = page.verdict(figure, check)
        if verdict in WORDS:
            cells = [figure["model"], page.written(figure["value"]), page.written(check["value"])]
            cells = "".join(f"<td>{html.escape(cell)}</td>" for cell in cells)
            mark = f'<span class="mark" aria-hidden="true">{WORDS[verdict]}</span>'
            kind = "missed" if verdict == "not reached" else "passed"
            lines.append(f'<tr>{cells}<td class="{kind}">{mark} {verdict}</td></tr>')
    header = "".join(f"<th>{name}</th>" for name in ("model", "published", "ours", "verdict"))
    return (
        '<div class="table-wrapper">\n<table class="docutils figures">\n'
        f"<thead><tr>{header}</tr></thead>\n<tbody>\n"
        + "\n".join(lines)
        + "\n</tbody></table></div>"
    )


def strip(columns, rows, width=2.6, height=1.4):
    """A part of the latent plane as a kept decoder draws it: digits that flow into one another.

    Args:
        columns, rows: how many digits.
        width, height: half the sides of the part, whose centre is the plane's.

    Returns:
        A picture of digits on white, 64 pixels apart. Without the kept model, bundled digits.
    """
    if PLANE in trained.names():
        file = trained.MODELS / f"{PLANE}{trained.SUFFIX}"
        weights, _ = trained.read_model(file.read_bytes())
        kernel_1, shift_1, kernel_2, shift_2 = weights[-4:]
        z = np.meshgrid(np.linspace(-width, width, columns), np.linspace(height, -height, rows))
        hidden = np.maximum(np.stack([part.ravel() for part in z], axis=1) @ kernel_1 + shift_1, 0)
        ink = 1 / (1 + np.exp(-(hidden @ kernel_2 + shift_2)))
    else:
        ink = load_digits("sample").x_test[: columns * rows]
    cells = np.pad(np.reshape(ink, (rows, columns, 28, 28)), ((0, 0), (0, 0), (2, 2), (2, 2)))
    grey = np.rint(255 * (1 - cells.swapaxes(1, 2).reshape(32 * rows, 32 * columns)))
    picture = PIL.Image.fromarray(np.uint8(grey))
    return picture.resize((64 * columns, 64 * rows), PIL.Image.Resampling.BICUBIC)


def social():
    """The picture that other sites show beside a link to the course."""
    picture = PIL.Image.new("RGB", SOCIAL, "white")
    digits = strip(10, 10, width=2, height=2)
    picture.paste(digits, (SOCIAL[0] - digits.width, (SOCIAL[1] - digits.height) // 2))
    pen = PIL.ImageDraw.Draw(picture)
    fonts = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    lines = [("RBM →", 84, "Bold"), ("VAE →", 84, "Bold"), ("GAN", 84, "Bold")]
    top = 90
    for words, size, weight in lines:
        font = PIL.ImageFont.truetype(fonts / f"DejaVuSans-{weight}.ttf", size)
        pen.text((56, top), words, fill="#111111", font=font)
        top += 108
    font = PIL.ImageFont.truetype(fonts / "DejaVuSans.ttf", 34)
    pen.multiline_text(
        (58, top + 16),
        "Teach a computer to\ndraw, and measure\nhow well it does.",
        "#333333",
        font,
        spacing=12,
    )
    return picture
