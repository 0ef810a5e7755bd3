"""A course of small notebooks of a test's own, to run, keep and compare."""

import json

import nbformat

from course import results, run

V4 = nbformat.v4
CHECK = "from helpers.checks import check; check('number', n, sample=(1, 0.1), n=5)"
FULL_CHECK = "from helpers.checks import check, use_edition; use_edition('full'); "
FULL_CHECK += "check('number', n, full=(1, 0.1))"
FIGURE = "from helpers import plotting; "
FIGURE += "plotting.show(plotting.plt.figure(), 'No z₁ and no z₂.')"
PUBLISHED = """
[[figure]]
model = "a model"
value = 1.05
better = "lower"
notebook = "01"
claim = "number"
source = "A paper"
front = true
"""


class SmallCourse:
    """Folders for notebooks, editions, executed copies and results, and the tool at work there."""

    def __init__(self, folder):
        self.folder = folder
        self.out, self.results = folder / "out", folder / "results"
        self.folders = {"notebooks": folder / "notebooks", "editions": folder / "editions"}
        for made in (*self.folders.values(), self.results):
            made.mkdir()
        (self.results / "published.toml").write_text(PUBLISHED)
        self.edition("sample")

    def path(self, name):
        return self.folders["notebooks"] / f"{name}.ipynb"

    def edition(self, name, text="", cell_timeout=60):
        file = self.folders["editions"] / f"{name}.toml"
        file.write_text(f"cell_timeout = {cell_timeout}\n{text}")

    def notebook(self, name, *sources, parameters="n = 1  # a number", tags=()):
        """Write a notebook of code cells; `tags` are those of its last cell."""
        cells = [V4.new_code_cell(parameters, metadata={"tags": ["parameters"]})]
        cells += [V4.new_code_cell(source) for source in sources]
        cells[-1].metadata.setdefault("tags", []).extend(tags)
        kernel = {"name": "python3", "language": "python", "display_name": "Python 3"}
        nbformat.write(
            V4.new_notebook(cells=cells, metadata={"kernelspec": kernel}), self.path(name)
        )

    def run(self, edition="sample", only=None, jobs=1, **options):
        return run.run(edition, only, self.out, jobs, **self.folders, **options)

    def record(self):
        return json.loads((self.out / "run.json").read_text(encoding="utf-8"))

    def keep(self):
        return results.keep(self.out, self.results, **self.folders)

    def compare(self, edition="full", only=None):
        return results.compare(edition, only, self.folder / "again", self.results, **self.folders)

    def kept(self):
        return results.read(self.results)[0]
