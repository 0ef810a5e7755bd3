"""Notebooks to hand out: without solutions and without outputs, for a class to work in."""

import re
import shutil
from pathlib import Path

import nbformat

from course.editions import NOTEBOOKS, choose
from course.environment import CourseError

SOLUTION = re.compile(r"\n*<details><summary>Solution</summary>.*?</details>", re.DOTALL)
LINKED = re.compile(r"\]\(\.\./([^)#]+)")  # a file of the repository, seen from notebooks/


def write_student_notebooks(out, only=None, notebooks=NOTEBOOKS):
    """Write copies of the notebooks without solutions and outputs, and the files they link to.

    They need the course installed, as the notebooks themselves do, for they import its package;
    the hints and the judges of the exercises are in there and go on working.

    Args:
        out: the folder to write into, new or empty: what a class has worked in is never replaced.
        only: the beginning of a notebook's name, or several; all notebooks without it.
        notebooks: the folder of the notebooks.

    Returns:
        True.

    Raises:
        CourseError: the folder is not empty, or no notebook has such a name.
    """
    out = Path(out).expanduser()
    paths = choose(only, notebooks)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise CourseError(f"{out} is there already and not empty: name a new folder")
    (out / "notebooks").mkdir(parents=True)
    for path in paths:
        notebook = without_answers(nbformat.read(path, as_version=4))
        nbformat.write(notebook, out / "notebooks" / path.name)
        for cell in notebook.cells:
            for linked in LINKED.findall(cell.source) if cell.cell_type == "markdown" else ():
                (out / linked).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(Path(notebooks).parent / linked, out / linked)
    print(f"{len(paths)} notebooks without solutions and outputs: {out / 'notebooks'}")
    return True


def without_answers(notebook):
    """The notebook with no folded solution in its text, no output in its cells, no widgets."""
    notebook.metadata.pop("widgets", None)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = SOLUTION.sub("", cell.source).strip()
        else:
            cell.outputs, cell.execution_count = [], None
    notebook.cells = [cell for cell in notebook.cells if cell.source]
    return notebook
