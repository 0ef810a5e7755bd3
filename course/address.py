"""The public address of the course, and everything that is built from it.

It stands in pyproject.toml and nowhere else by hand.
"""

import re
import tomllib

from course.environment import ROOT


def write_links():
    """Write the links of the README that hold the public address in pyproject.toml."""
    file = ROOT / "README.md"
    file.write_text(with_links(file.read_text(encoding="utf-8")), encoding="utf-8")
    return True


def with_links(text):
    """A README's text with the parts between its marks as they must be."""
    for mark, content in (("links", badges()), ("Binder", on_binder())):
        part = rf"(?<=<!-- {mark} -->\n).*?(?=\n<!-- end of {mark} -->)"
        text = re.sub(part, lambda _, content=content: content, text, flags=re.S)
    return text


def address():
    """The public address of the repository, from pyproject.toml."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return project["urls"]["Repository"]


def binder(notebook):
    """The address that opens a notebook on Binder, such as `binder("04_dense_vae.ipynb")`."""
    name = address().removeprefix("https://github.com/")
    return f"https://mybinder.org/v2/gh/{name}/HEAD?urlpath=lab/tree/notebooks/{notebook}"


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


def on_binder():
    """One line of Markdown with a link for each notebook that opens it on Binder."""
    names = sorted(path.name for path in (ROOT / "notebooks").glob("*.ipynb"))
    return "Open on Binder: " + " · ".join(f"[{name[:2]}]({binder(name)})" for name in names)
