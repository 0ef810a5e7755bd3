"""The public address of the course, and everything that is built from it.

It stands in pyproject.toml and nowhere else by hand.
"""

import re
import tomllib

import nbformat

from course.environment import ROOT, CourseError

COLAB = "colab"  # the tag of the cell that fetches the course there
ON_COLAB = """\
# On Google Colab this fetches the course. Anywhere else it does nothing.
import os
import subprocess
import sys

if "google.colab" in sys.modules:
    address = "{address}"
    folder = os.path.basename(address)
    if not os.path.isdir(folder):
        subprocess.run(["git", "clone", "--quiet", "--depth", "1", address, folder], check=True)
    sys.path.insert(0, os.path.abspath(folder))"""


def write_links():
    """Write the public address in pyproject.toml into the README's links and the Colab cells."""
    file = ROOT / "README.md"
    file.write_text(with_links(file.read_text(encoding="utf-8")), encoding="utf-8")
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        notebook = nbformat.read(path, as_version=4)
        if with_colab_cell(notebook) != nbformat.read(path, as_version=4):
            nbformat.write(notebook, path)
    return True


def with_links(text):
    """A README's text with its badges, and the last two columns of the table of notebooks."""
    part = r"(?<=<!-- links -->\n).*?(?=\n<!-- end of links -->)"
    text = re.sub(part, lambda _: badges(), text, flags=re.S)
    row = r"^(\| \w\w \| \[[^]]*\]\(notebooks/(\S+\.ipynb)\) .*\|) [^|]* \| [^|]* \|$"
    ends = r"\1 [Binder]({}) | [Colab]({}) |"
    return re.sub(
        row,
        lambda found: found.expand(ends.format(binder(found[2]), colab(found[2]))),
        text,
        flags=re.M,
    )


def with_colab_cell(notebook):
    """A notebook whose cell for Google Colab holds the public address.

    Args:
        notebook: as nbformat reads it; changed in place. Without such a cell it gets one, before
            its first cell of code.

    Returns:
        The notebook.
    """
    cells = [cell for cell in notebook.cells if COLAB in cell.metadata.get("tags", [])]
    if not cells:
        cells = [nbformat.v4.new_code_cell(metadata={"tags": [COLAB, "remove-cell"]})]
        cells[0].id = COLAB
        first = [cell.cell_type for cell in notebook.cells].index("code")
        notebook.cells.insert(first, cells[0])
    cells[0].source = ON_COLAB.format(address=address())
    return notebook


def address():
    """The public address of the repository, from pyproject.toml.

    Raises:
        KeyError: there is none.
        CourseError: it has another form than the links that are built from it need.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = project["urls"]["Repository"]
    if not re.fullmatch(r"https://github\.com/[\w.-]+/[\w.-]+(?<!\.git)", named):
        raise CourseError(
            f"pyproject.toml: Repository = {named!r}, https://github.com/OWNER/NAME is needed"
        )
    return named


def binder(notebook):
    """The address that opens a notebook on Binder, such as `binder("04_dense_vae.ipynb")`."""
    name = address().removeprefix("https://github.com/")
    return f"https://mybinder.org/v2/gh/{name}/HEAD?urlpath=lab/tree/notebooks/{notebook}"


def colab(notebook):
    """The address that opens a notebook on Google Colab."""
    name = address().removeprefix("https://github.com/")
    return f"https://colab.research.google.com/github/{name}/blob/HEAD/notebooks/{notebook}"


def site():
    """The address at which the workflow publishes the site."""
    owner, name = address().removeprefix("https://github.com/").split("/")
    return f"https://{owner}.github.io/{name}/"


def badges():
    """The README's badges as Markdown."""
    workflow = f"{address()}/actions/workflows/ci.yml"
    return "\n".join(
        [
            f"[![Tests]({workflow}/badge.svg)]({workflow})",
            "[![Open on Binder](https://mybinder.org/badge_logo.svg)]"
            f"({binder('00_start_here.ipynb')})",
            f"[![Read on the web](https://img.shields.io/badge/read-on%20the%20web-blue)]({site()})",
            "[![Play in your browser](https://img.shields.io/badge/play-in%20your%20browser-blue)]"
            f"({site()}playground.html)",
            "[![Licence: MIT](https://img.shields.io/badge/licence-MIT-blue)](LICENSE)",
        ]
    )
