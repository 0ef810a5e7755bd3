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
    "01.1": ["steps_without_weights = 0", "steps_without_weights = 2"],
    "01.2": [
        "steps_weaker = 26",
        "steps_weaker = mixing_steps(*toy_rbm(weight_std=1.5, seed=2)) - 1",
        "steps_weaker = mixing_steps(*toy_rbm(weight_std=1.5, seed=1))",
    ],
    "01.3": [
        "def pixel_probability(v, pixel, W, b, c):\n"
        "    return visible_probability(hidden_probability(v, W, c), W, b)[:, pixel]",
        "def pixel_probability(v, pixel, W, b, c):\n"
        "    blank, inked = v.copy(), v.copy()\n"
        "    blank[:, pixel], inked[:, pixel] = 0, 1\n"
        "    return sigmoid(free_energy(inked, W, b, c) - free_energy(blank, W, b, c))",
        "def pixel_probability(v, pixel, W, b, c): return sigmoid(-free_energy(v, W, b, c))",
        "def pixel_probability(v, pixel, W, b, c):\n"
        "    blank = v.copy()\n"
        "    blank[:, pixel] = 0\n"
        "    return visible_probability(hidden_probability(blank, W, c), W, b)[:, pixel]",
    ],
    "01.4": ["first_infinite = 88", "first_infinite = 710", "first_infinite = 100"],
    "02.1": ["log_z_of_zeros = 804", "log_z_of_zeros = 784 * np.log(2)", "log_z_of_zeros = 0.0"],
    "02.2": ["step_size_with_momentum = 0.1", "step_size_with_momentum = 0.009"],
    "02.3": [
        "def estimate_log_z(log_weights, log_z_base): return log_z_base + np.mean(log_weights)",
        "def estimate_log_z(log_weights, log_z_base):\n"
        "    return log_z_base + np.logaddexp.reduce(log_weights)",
        "def estimate_log_z(log_weights, log_z_base):\n"
        "    with np.errstate(over='ignore'):\n"
        "        return log_z_base + np.log(np.mean(np.exp(log_weights)))",
    ],
    "02.4": ["reported = np.log(1 - 1 / 4002)", "reported = 0.1959", "reported = -211.1"],
    "03.1": ["value = 2.2655", "value = -2.9189", "value = -18.27"],
    "03.2": [
        "def score_gradients(log_ratio, score): return log_ratio[:, None] * score",
        "def score_gradients(log_ratio, score): return (log_ratio - 100)[:, None] * score",
        "def score_gradients(log_ratio, score):\n"
        "    return ((log_ratio - log_ratio.mean())[:, None] * score).mean(axis=0)",
        "def score_gradients(log_ratio, score):\n"
        "    return ((log_ratio - log_ratio.mean()) / log_ratio.std() / 2)[:, None] * score",
    ],
    "03.3": [
        "def effective_sample_size(log_weights):\n"
        "    weights = np.exp(log_weights)\n"
        "    return weights.sum(axis=-1) ** 2 / (weights**2).sum(axis=-1)",
        "def effective_sample_size(log_weights):\n"
        "    weights = np.exp(log_weights - log_weights.max())\n"
        "    return weights.sum() ** 2 / (weights**2).sum()",
        "def effective_sample_size(log_weights):\n"
        "    weights = np.exp(log_weights - log_weights.max(axis=-1, keepdims=True))\n"
        "    return (weights**2).sum(axis=-1) / weights.sum(axis=-1) ** 2",
        "def effective_sample_size(log_weights):\n"
        "    weights = np.exp(log_weights - log_weights.max(axis=-1, keepdims=True))\n"
        "    return weights.sum(axis=-1) / weights.max(axis=-1)",
    ],
    "03.4": ["excess = 0.0", "excess = -0.5966", "excess = 0.25", "excess = 1.1931"],
    "04.1": ["nats = 25.0", "nats = 5.0"],
    "04.2": [
        "def gaussian_loss(x, x_logits, variance): return squared_error(x, x_logits) / variance",
        "def gaussian_loss(x, x_logits, variance):\n"
        "    return squared_error(x, x_logits) / (4 * variance**2)",
        "def gaussian_loss(x, x_logits, variance): return ops.mean(squared_error(x, x_logits))",
    ],
    "04.3": [
        "def tour(codes, steps):\n"
        "    legs = [np.linspace(a, b, steps) for a, b in zip(codes, codes[1:], strict=False)]\n"
        "    return np.concatenate(legs)",
        "def tour(codes, steps): return np.linspace(codes[0], codes[-1], 2 * steps - 1)",
        "def tour(codes, steps): return np.linspace(codes[0], codes[-1], steps)",
        "def tour(codes, steps):\n"
        "    t = np.linspace(0, 1, steps)[1:, None] ** 2\n"
        "    legs = [a + t * (b - a) for a, b in zip(codes, codes[1:], strict=False)]\n"
        "    return np.concatenate([codes[:1], *legs])",
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
