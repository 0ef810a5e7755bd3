"""Every exercise: its stub is not attempted, its solution right, each slip gets its own hint."""

import ast

import pytest
from notebook_files import PATHS, code_cells, exercises

from helpers.checks import judge
from helpers.exercises import EXERCISES, same

FOUND = {n: (path, *parts) for path in PATHS for n, parts in exercises(path).items()}

# Plausible slips: code that defines the answer, for each exercise.
SLIPS = {
    "00.1": [
        "white_share = 0.5",
        "white_share = 0.868",  # what a threshold of ½ leaves white
        "white_share = 0",
        "white_share = 1",
        "white_share = 1.24",
    ],
    "00.2": ["growth = 0.75", "growth = 2.5", "growth = 1"],
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
    "01.4": [
        "first_infinite = 88",
        "first_infinite = 710",
        "first_infinite = 90",
        "first_infinite = 88.7",
    ],
    "02.1": ["log_z_of_zeros = 804", "log_z_of_zeros = 784 * np.log(2)", "log_z_of_zeros = 0.0"],
    "02.2": [
        "step_size_with_momentum = 0.1",
        "step_size_with_momentum = 0.02",
        "step_size_with_momentum = 0.009",
    ],
    "02.3": [
        "def estimate_log_z(log_weights, log_z_base): return log_z_base + np.mean(log_weights)",
        "def estimate_log_z(log_weights, log_z_base):\n"
        "    return log_z_base + np.logaddexp.reduce(log_weights)",
        "def estimate_log_z(log_weights, log_z_base):\n"
        "    with np.errstate(over='ignore'):\n"
        "        return log_z_base + np.log(np.mean(np.exp(log_weights)))",
    ],
    "02.4": [
        "reported = np.log(1 - 1 / 4002)",
        "reported = 0.1959",
        "reported = -211.1",
        "reported = 783 * np.log(1 - 1 / 4002)",
        "reported = 0.0",
    ],
    "03.1": ["value = 2.2655", "value = 2.3", "value = -2.9189", "value = -18.27"],
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
    "05.1": ["variance = 9.0", "variance = 1.73", "variance = 81.0"],
    "05.2": [
        "def doubled(hidden, filters):\n"
        "    return layers.Conv2DTranspose(filters, 3, strides=2, padding='same')(hidden)",
        "def doubled(hidden, filters): return layers.UpSampling2D(2)(hidden)",
        "def doubled(hidden, filters):\n"
        "    return layers.Conv2D(filters, 3)(layers.UpSampling2D(2)(hidden))",
    ],
    "05.3": [
        "def nearest_positions(images, known):\n"
        "    flat, others = np.reshape(images, (-1, 784)), np.reshape(known, (-1, 784))\n"
        "    return np.argmax(flat @ others.T, axis=1)",
        "def nearest_positions(images, known):\n"
        "    return np.array([np.square(known - i).sum(axis=(1, 2)).min() for i in images])",
        "def nearest_positions(images, known):\n"
        "    flat, others = np.reshape(images, (-1, 784)), np.reshape(known, (-1, 784))\n"
        "    return np.argmin((others**2).sum(axis=1) - 2 * flat @ others.T)",
    ],
    "05.4": ["factor = 1", "factor = 8", "factor = 4096", "factor = 1 / 64"],
    "06.1": ["weight = 0.0005", "weight = 0.392", "weight = 0.0005 / 4096", "weight = 0.032"],
    "06.2": [
        "def delayed(step, wait, length): return linear(step, wait + length)",
        "def delayed(step, wait, length): return (step - wait) / length",
        "def delayed(step, wait, length): return np.maximum(0, (step - wait) / length)",
        "def delayed(step, wait, length): return np.minimum(1, (step - wait) / length)",
        "def delayed(step, wait, length): return np.clip((step - wait) / length, 0, 1.5)",
        "def delayed(step, wait, length): return np.clip((step - wait) / (length - wait), 0, 1)",
    ],
    "06.3": [
        "def capacity_loss(reconstruction, kl, capacity, gamma):\n"
        "    return reconstruction + gamma * ops.abs(kl - capacity)",
        "def capacity_loss(reconstruction, kl, capacity, gamma):\n"
        "    return ops.mean(reconstruction + gamma * ops.abs(kl - capacity))",
        "def capacity_loss(reconstruction, kl, capacity, gamma):\n"
        "    return ops.mean(reconstruction) + gamma * (ops.mean(kl) - capacity)",
        "def capacity_loss(reconstruction, kl, capacity, gamma):\n"
        "    return ops.mean(reconstruction) + ops.abs(ops.mean(kl) - capacity)",
    ],
    "06.4": ["price = 8.0", "price = 0.8", "price = 0.82", "price = 0.0"],
    "07.1": ["answer = 0.9", "answer = 0.5", "answer = 0.55"],
    "07.2": [
        "def least_squares_loss(real_scores, fake_scores):\n"
        "    return ops.mean((real_scores - 1) ** 2) + ops.mean((fake_scores - 1) ** 2)",
        "def least_squares_loss(real_scores, fake_scores):\n"
        "    return ops.mean(real_scores**2) + ops.mean((fake_scores - 1) ** 2)",
        "def least_squares_loss(real_scores, fake_scores):\n"
        "    return ops.sum((real_scores - 1) ** 2) + ops.sum(fake_scores**2)",
        "def least_squares_loss(real_scores, fake_scores): return (real_scores - 1) ** 2",
    ],
    "07.3": [
        "def share_nearer(samples, training, held_out):\n"
        "    to_training = evaluation.nearest_images(samples, training)[1]\n"
        "    return np.mean(to_training > evaluation.nearest_images(samples, held_out)[1])",
        "def share_nearer(samples, training, held_out):\n"
        "    return np.mean(evaluation.nearest_images(samples, training)[1])",
        "def share_nearer(samples, training, held_out): return 0.75",
    ],
    "07.4": ["ratio_of_slopes = 1 / 49", "ratio_of_slopes = 0.02044", "ratio_of_slopes = 1.0"],
    "08.1": ["recall_of_half = 1.0", "recall_of_half = 0.0"],
    "08.2": [
        "def bits_per_pixel(nats): return nats / (784 * np.log(2))",
        "def bits_per_pixel(nats): return -nats / np.log(2)",
        "def bits_per_pixel(nats): return -nats / 784",
    ],
    "08.3": [
        "def at_infinity(sizes, distances): return distances[-1]",
        "def at_infinity(sizes, distances): return np.polyfit(sizes, distances, 1)[1]",
        "def at_infinity(sizes, distances): return 3.0",
    ],
    "08.4": [
        "missing = -784 / 2 * np.log(np.pi)",
        "missing = 0.5724",
        "missing = 0.5733",
        "missing = -449.4",
    ],
}

# Words of the hint that each of them gets, in the same order.
HINTS = {
    "00.1": ["how much is paper"] * 4 + ["between 0 and 1"],
    "00.2": ["the other way round", "the share at threshold 0.2", "the share at threshold 0.2"],
    "00.3": ["use the labels", "yours has shape ()", "which images count"],
    "00.4": ["your first pixel is still the label", "check the range", "yours gave (3, 784)"],
    "01.1": ["for sure", "depend on"],
    "01.2": ["the RBM of the page", "seed=2", "seed=2"],
    "01.3": ["must not depend", "the pixel is blank", "must not depend", "compare two pictures"],
    "01.4": ["still finite", *["one less is infinite too"] * 2, "a whole number"],
    "02.1": ["base 2", "the hidden units", "how many pairs"],
    "02.2": ["too fast", "too fast", "too slow"],
    "02.3": ["mean of the logarithms", "weights 1 and 3", "exp(1000) overflows"],
    "02.4": ["one pixel", "is not positive"] + ["how probable"] * 3,
    "03.1": ["a negative logarithm"] + ["depend on z"] * 3,
    "03.2": ["change nothing", "change nothing", "yours has (2,)", "not change the mean"],
    "03.3": ["-2000 give zero weights", "three numbers", "count as 5", "count as 5"],
    "03.4": ["exact at the posterior"] + ["which divergence"] * 3,
    "04.1": ["half of that", "which terms"],
    "04.2": ["with variance 1/2", "the variance or the deviation", "two numbers"],
    "04.3": ["a stop only once", "each of the codes", "yours has (5, 2)", "are the steps equal"],
    "04.4": ["the right formula charges", "eight dimensions"],
    "05.1": ["the variance that was meant", "that is the deviation", "first s"],
    "05.2": ["does a stencil overlap", "yours gave (2, 24, 24, 3)", "yours gave (2, 22, 22, 5)"],
    "05.3": ["squared error", "squared error", "yours gave shape ()"],
    "05.4": ["without an axis"] + ["what is the sum added to"] * 3,
    "06.1": ["a far lower price", "how many pixels", "sum over mean", "sum over mean"],
    "06.2": ["climbs from", *["a negative weight", "end at 1"] * 2, "climbs from"],
    "06.3": ["yours gave shape (2,)", "the average should be", "below the capacity", "1 nat above"],
    "06.4": ["the dear one", "the free encoder", "smallest variance", "smallest variance"],
    "07.1": ["half of them are fakes", "without smoothing", "derivative"],
    "07.2": ["1 on the fakes", "scores of fakes 0", "average over each batch", "shape (2, 1)"],
    "07.3": ["nearer to the held-out ones", "for each sample", "copies of held-out pictures"],
    "07.4": ["the other way round", "both slopes", "both slopes"],
    "08.1": ["its precision", "which share of the real digits"],
    "08.2": ["a code length is positive", "bits per digit", "one half costs one bit"],
    "08.3": ["at the largest number", "a straight line", "any numbers of samples"],
    "08.4": ["larger or smaller", "one pixel", "a density", "a density"],
}

# How exact an answer has to be: one that is still right, and one a little further off.
NEAR = {
    "00.2": ["growth = 1.24", "growth = 1.255"],
    "02.4": ["reported = -0.1961", "reported = -0.1963"],
    "03.1": ["value = -2.275", "value = -2.282"],
    "03.4": ["excess = 0.599", "excess = 0.601"],
    "06.4": ["price = 4.03", "price = 4.06"],
    "07.4": ["ratio_of_slopes = 49.03", "ratio_of_slopes = 49.07"],
    "08.4": ["missing = 0.572 * 784", "missing = 0.573 * 784"],
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


@pytest.mark.parametrize(
    ("number", "slip", "words"),
    [(n, *pair) for n in SLIPS for pair in zip(SLIPS[n], HINTS[n], strict=True)],
)
def test_slip_is_wrong_and_gets_its_own_hint(number, slip, words):
    assert words in judge(EXERCISES[number], answer_of(number, slip))


@pytest.mark.parametrize("number", NEAR)
def test_a_rounded_answer_is_right_and_a_careless_one_is_not(number):
    rounded, careless = (judge(EXERCISES[number], answer_of(number, code)) for code in NEAR[number])
    assert rounded == ""
    assert careless


def test_same_allows_for_rounding_and_not_for_another_shape():
    assert same(1.000009, 1)
    assert not same(1.000015, 1)
    assert same(0.9e-6, 0)
    assert not same(1.5e-6, 0)
    assert not same([1.0], 1.0)
