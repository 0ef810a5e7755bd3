"""Every exercise: its stub is not attempted, its solution right, a plausible slip wrong."""

import ast

import pytest
from notebook_files import PATHS, code_cells, exercises

from helpers.checks import judge
from helpers.exercises import EXERCISES

FOUND = {n: (path, *parts) for path in PATHS for n, parts in exercises(path).items()}

# Plausible slips: code that defines the answer, for each exercise.
SLIPS = {
    "00.1": ["white_share = 0.5", "white_share = 80"],
    "00.2": ["growth = 0.75", "growth = 2.5"],
    "00.3": [
        "def average_digit(images, labels, digit): return images.mean(axis=0)",
        "def average_digit(images, labels, digit): return images[labels == digit].mean()",
        "def average_digit(images, labels, digit): return images[digit]",
    ],
    "00.4": [
        "def images_of(rows): return rows[:, :784].reshape(-1, 28, 28) / 255",
        "def images_of(rows): return rows[:, 1:].reshape(-1, 28, 28)",
        "def images_of(rows): return rows[:, 1:] / 255",
    ],
    "04.1": ["nats = 25.0", "nats = 5.0"],
    "04.2": [
        "def gaussian_loss(x, x_logits, variance): return squared_error(x, x_logits) / variance",
        "def gaussian_loss(x, x_logits, variance):\n"
        "    return squared_error(x, x_logits) / (4 * variance**2)",
        "def gaussian_loss(x, x_logits, variance): return ops.mean(squared_error(x, x_logits))",
    ],
    "04.3": [
        "def interpolate(z_from, z_to, steps): return np.linspace(z_from, z_to, steps + 1)",
        "def interpolate(z_from, z_to, steps): return np.linspace(z_to, z_from, steps)",
        "def interpolate(z_from, z_to, steps):\n"
        "    return z_from + np.linspace(0, 1, steps)[:, None] ** 2 * (z_to - z_from)",
        "def interpolate(z_from, z_to, steps):\n"
        "    return np.linspace(z_from, z_to, steps, endpoint=False)",
    ],
    "04.4": ["charged = 0.0", "charged = 1.0"],
}


def answer_of(number, code):
    """Run the notebook's imports and definitions, then the code, and pick out the answer."""
    path, name, _, _ = FOUND[number]
    kinds = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef)
    cells = [cell.source for cell in code_cells(path) if "check_exercise(" not in cell.source]
    nodes = [node for source in cells for node in ast.parse(source).body if isinstance(node, kinds)]
    namespace = {}
    exec(compile(ast.Module(nodes, []), path.name, "exec"), namespace)
    exec(code, namespace)
    return namespace[name]


def test_every_checker_belongs_to_an_exercise_and_has_slips():
    assert sorted(EXERCISES) == sorted(FOUND) == sorted(SLIPS)


@pytest.mark.parametrize("number", FOUND)
def test_untouched_stub_is_not_attempted(number):
    stub = FOUND[number][2].split("check_exercise(")[0]
    assert judge(EXERCISES[number], answer_of(number, stub)) is None


@pytest.mark.parametrize("number", FOUND)
def test_solution_is_right(number):
    assert judge(EXERCISES[number], answer_of(number, FOUND[number][3])) == ""


@pytest.mark.parametrize(("number", "slip"), [(n, slip) for n in SLIPS for slip in SLIPS[n]])
def test_slip_is_wrong_and_gets_a_hint(number, slip):
    hint = judge(EXERCISES[number], answer_of(number, slip))
    assert hint
    assert "stopped with" not in hint
