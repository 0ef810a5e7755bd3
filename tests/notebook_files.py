"""Reading the committed notebooks, for the tests."""

import ast
import re
from pathlib import Path

import nbformat

from course.address import COLAB

ROOT = Path(__file__).resolve().parents[1]
PATHS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def read(path):
    return nbformat.read(path, as_version=4)


def code_cells(path):
    """Those of the lesson, without the one that fetches the course on Google Colab."""
    cells = [cell for cell in read(path).cells if cell.cell_type == "code"]
    return [cell for cell in cells if COLAB not in tags(cell)]


def markdown(path):
    return "\n\n".join(cell.source for cell in read(path).cells if cell.cell_type == "markdown")


def tags(cell):
    return cell.metadata.get("tags", [])


def calls(source, name):
    """The calls of a function of this name in a piece of code."""
    return [
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call) and getattr(node.func, "id", None) == name
    ]


def exercises(path):
    """The notebook's exercises: number -> (name of the answer, stub cell, solution's code)."""
    found = {}
    cells = read(path).cells
    for position, cell in enumerate(cells):
        if cell.cell_type != "code":
            continue
        for call in calls(cell.source, "check_exercise"):
            number, answer = call.args[0].value, call.args[1].id
            after = cells[position + 1].source if position + 1 < len(cells) else ""
            solution = re.search(r"<details>.*?```python\n(.*?)```.*?</details>", after, re.S)
            found[number] = (answer, cell.source, solution and solution[1])
    return found
