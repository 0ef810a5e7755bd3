"""Run every cell of the notebooks twice in a row: who runs a cell again must not be stopped."""

import copy
import tempfile
from pathlib import Path

import nbformat

from course.editions import EDITIONS, NOTEBOOKS, choose
from course.environment import shown
from course.run import copies, read_record, run
from helpers.checks import FAILED


def run_twice(only=None, out=None, notebooks=NOTEBOOKS, editions=EDITIONS):
    """Execute copies of the notebooks in which each code cell stands twice.

    A check may turn its mark, since a second draw of random numbers is another one. What may not
    happen is an error, or a line on stderr.

    Args:
        only: the beginning of a notebook's name; all notebooks without it.
        out: the folder for the copies; by default build/twice.
        notebooks, editions: as for `course.run.run`.

    Returns:
        True if no notebook stopped or wrote to stderr.
    """
    out = copies("twice", out)
    with tempfile.TemporaryDirectory() as folder:
        doubled = Path(folder)
        for path in choose(only, notebooks):
            notebook = with_each_cell_twice(nbformat.read(path, as_version=4))
            nbformat.write(notebook, doubled / path.name)
        run("sample", out=out, notebooks=doubled, editions=editions)
    stopped = [
        f"{name}, {problem}"
        for name, entry in read_record(out)["notebooks"].items()
        for problem in entry["problems"]
        if problem.startswith("stopped") or (problem.startswith("In [") and FAILED not in problem)
    ]
    print("\n".join(stopped) or f"No cell minds being run twice: {shown(out)}")
    return not stopped


def with_each_cell_twice(notebook):
    """A copy of a notebook in which a second copy follows each code cell but the parameters."""
    doubled = copy.deepcopy(notebook)
    doubled.cells = []
    for cell in notebook.cells:
        doubled.cells.append(cell)
        if cell.cell_type == "code" and "parameters" not in cell.metadata.get("tags", []):
            doubled.cells.append(nbformat.v4.new_code_cell(cell.source, metadata=cell.metadata))
    return doubled
