"""Building the site and reading its pages, for the tests."""

import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

from notebook_files import ROOT


def build(folder):
    """Build the site into a folder as `make site` does; returns the folder of the pages."""
    pages = folder / "html"
    command = [sys.executable, ROOT / "site" / "build.py", pages]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return pages


NAVIGATION = {"author", "index", "search", "next", "prev"}  # links that load nothing


class Page(HTMLParser):
    """A page's title, targets, pictures and tables, what it loads and links to, its paragraphs."""

    def __init__(self, path):
        super().__init__()
        self.title, self.ids, self.loaded, self.links = "", set(), [], []
        self.images, self.formulas, self.tables, self.paragraphs = [], 0, 0, []
        self._in_title = self._in_paragraph = False
        self.feed(Path(path).read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self._in_title = tag == "title"
        self.ids.add(given.get("id"))
        self.tables += tag == "table"
        if tag == "p":
            self._in_paragraph = True
            self.paragraphs.append("")
        self.formulas += "math" in (given.get("class") or "").split()
        if tag == "a" and given.get("href"):
            self.links.append(given["href"])
        elif tag == "link" and not NAVIGATION & set(given.get("rel", "").split()):
            self.loaded.append(given["href"])
        elif tag in ("script", "img", "iframe", "source") and given.get("src"):
            self.loaded.append(given["src"])
        if tag == "img":
            self.images.append(given)

    def handle_endtag(self, tag):
        if tag == "p":
            self._in_paragraph = False

    def handle_data(self, data):
        if self._in_paragraph:
            self.paragraphs[-1] += data
        if self._in_title:
            self.title += data
            self._in_title = False
