"""The exercises of the notebooks: what is asked, what is right, and hints on the way.

`check_exercise` says whether an answer is right, and `hint` helps one step further. Behind them
stands a judge for each exercise, a function with the name of the answer in the notebook. It gets
the learner's answer, a number or a function, and returns "" if it is right, else feedback that
points to the idea without giving the answer. It compares with a truth that it computes in another
way than the solution does.
"""

from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from numbers import Real
from typing import NamedTuple

import numpy as np
from IPython.display import display

from helpers.checks import FAILED, PASSED

NOT_ATTEMPTED = "–"
EXERCISES = {}  # number -> Exercise
_hints_shown = Counter()  # number -> how many hints were shown, 0 again after the solution


class Exercise(NamedTuple):
    """What belongs to one exercise: its judge, what it asks for, and its hints in their order."""

    judge: Callable
    asks: str
    hints: tuple


class NotAttemptedError(Exception):
    """An exercise's stub is as it was."""


class WrongKindError(Exception):
    """An answer, or what a learner's function returned, is not of the kind that is asked for."""


def exercise(number, *, asks, hints):
    """Register the decorated function as the judge of an exercise.

    Args:
        number: the exercise, such as "04.2".
        asks: "number" or "function". The judge of a number gets a finite float; the judge of a
            function gets the learner's function, which there returns arrays of floats.
        hints: sentences from the idea to the last nudge, none of them the solution.

    Returns:
        A decorator that returns the judge as it is.

    Raises:
        ValueError: `asks` is something else.
    """
    if asks not in ("number", "function"):
        raise ValueError(f'asks must be "number" or "function", got {asks!r}')

    def register(judge):
        EXERCISES[number] = Exercise(judge, asks, hints)
        return judge

    return register


def check_exercise(number, answer):
    """Print whether an answer to an exercise is right: ✓, ✗ with feedback, or not attempted.

    Args:
        number: the exercise, such as "04.2".
        answer: the learner's function or number. `None`, `...`, or a function that returns one of
            them counts as not attempted.

    Raises:
        ValueError: there is no exercise of that number.
    """
    feedback = judge(number, answer)
    if feedback is None:
        line = f"{NOT_ATTEMPTED} exercise {number}: not attempted"
    elif feedback:
        line = f"{FAILED} exercise {number}: {feedback}"
    else:
        line = f"{PASSED} exercise {number}: right"
    display({"text/plain": line}, raw=True)


def hint(number):
    """Print the next hint for an exercise.

    The first call prints the first hint, each further call the next one. After the last hint a
    call points to the solution, and the one after that begins again.

    Args:
        number: the exercise, such as "04.2".

    Raises:
        ValueError: there is no exercise of that number.
    """
    hints = _find(number).hints
    shown = _hints_shown[number]
    if shown < len(hints):
        line = f"hint {shown + 1} of {len(hints)}: {hints[shown]}"
    else:
        line = (
            f"that was the last of {len(hints)} hints: the notebook of the course has the "
            "solution; ask again to see the hints once more"
        )
    _hints_shown[number] = (shown + 1) % (len(hints) + 1)
    display({"text/plain": line}, raw=True)


def judge(number, answer):
    """Run an exercise's judge on an answer.

    Args:
        number: the exercise, such as "04.2".
        answer: the learner's function, or a number in any form: a Python or NumPy number, a
            tensor, an array or list of one.

    Returns:
        "" if the answer is right, feedback if it is wrong, `None` if it was not attempted. An
        answer of another kind, and an exception in the learner's own code, become feedback too.

    Raises:
        ValueError: there is no exercise of that number.
    """
    found = _find(number)
    try:
        return found.judge(_prepared(answer, found.asks))
    except NotAttemptedError:
        return None
    except WrongKindError as error:
        return str(error)
    except Exception as error:
        return f"your answer stopped with {type(error).__name__}: {error}"


def _find(number):
    if not (isinstance(number, str) and number in EXERCISES):
        there_are = ", ".join(sorted(EXERCISES))
        raise ValueError(
            f"number: no exercise {number!r}: there are {there_are}; write it in quotation marks"
        )
    return EXERCISES[number]


def _prepared(answer, asks):
    """The answer as its judge gets it: a float, or a function that returns arrays of floats."""
    _stop_if_untouched(answer)
    if asks == "number":
        return _one_number(answer)
    if not callable(answer):
        raise WrongKindError(
            "this exercise asks for a function; your answer has the type "
            f"{type(answer).__name__}: give the function itself, and do not call it"
        )

    def call(*args, **kwargs):
        own = (value.copy() if isinstance(value, np.ndarray) else value for value in args)
        returned = answer(*own, **kwargs)  # an answer may work in place
        _stop_if_untouched(returned)
        sentence = "your function should return numbers; what it returned"
        array = _floats(returned, sentence)
        if array.size == 0:
            raise WrongKindError(f"{sentence} holds none: its shape is {array.shape}")
        return array

    return call


def _stop_if_untouched(answer):
    if answer is None or answer is ...:
        raise NotAttemptedError


def _one_number(answer):
    sentence = "this exercise asks for one number; your answer"
    values = _floats(answer, sentence)
    if values.size != 1:
        raise WrongKindError(f"{sentence} holds {values.size} numbers")
    value = values.item()
    if np.isnan(value):
        raise WrongKindError(
            f"{sentence} is NaN: look for 0 / 0 or the logarithm of a negative number"
        )
    if np.isinf(value):
        raise WrongKindError(f"{sentence} is infinite: look for a division by 0 or the log of 0")
    return value


def _floats(values, sentence):
    """The values as an array of floats, or an error: the sentence, and what they are instead."""
    kind = None
    try:
        array = np.asarray(values)
        kind = array.dtype.kind
        if kind in "iuf" or (kind == "O" and all(map(_is_number, array.flat))):
            return array.astype(float)
    except Exception:  # foreign types raise what they like
        pass
    if callable(values):
        raise WrongKindError(f"{sentence} is a function: call it")
    if kind in ("U", "S"):
        raise WrongKindError(f"{sentence} is text: leave out the quotation marks")
    if kind == "b":
        raise WrongKindError(f"{sentence} is True or False")
    raise WrongKindError(f"{sentence} has the type {type(values).__name__}")


def _is_number(x):
    """Whether it is one of Python's real numbers, a fraction for example."""
    return isinstance(x, Real | Decimal) and not isinstance(x, bool)


def same(answer, truth, tolerance=1e-5):
    """Whether the answer has the truth's shape and, up to rounding, its values."""
    answer, truth = np.asarray(answer, dtype=float), np.asarray(truth, dtype=float)
    return answer.shape == truth.shape and np.allclose(answer, truth, rtol=tolerance, atol=1e-6)


# ---------------------------------------------------------------- 00, start here


@exercise(
    "00.1",
    asks="number",
    hints=(
        "Imagine one digit in its square of 28 × 28 pixels: does the stroke cover more than half "
        "of the square, or much less?",
        "Pixels darker than ½ are 13 % of all, as a check above says. The grey edges of the "
        "strokes are not white either: how much do they take from the rest?",
    ),
)
def white_share(answer):
    """The share of completely white pixels, to within 0.05."""
    from helpers.data import load_digits

    truth = np.mean(load_digits("sample").x_train == 0)
    if not 0 <= answer <= 1:
        return "a share lies between 0 and 1"
    return "" if abs(answer - truth) < 0.05 else "look at the digits: how much is paper?"


@exercise(
    "00.2",
    asks="number",
    hints=(
        "A pixel becomes ink if its grey level lies above the threshold. Does a lower threshold "
        "make more ink, or less?",
        "`binarise_by_threshold` takes the threshold as its second argument, and the mean of what "
        "it returns is the share of ink.",
        "Divide the share of ink at the threshold 0.2 by the share at the threshold ½.",
    ),
)
def growth(answer):
    """The factor by which the share of ink grows with a lower threshold."""
    from helpers.data import load_digits

    images = load_digits("sample").x_train
    truth = np.mean(images > 0.2) / np.mean(images > 0.5)
    if answer < 1:
        return "a lower threshold makes more ink: divide the other way round"
    return "" if abs(answer - truth) < 0.02 else "the share at threshold 0.2, over the share at 0.5"


@exercise(
    "00.3",
    asks="function",
    hints=(
        "Only the images with the label that is asked for should count. How can `labels` pick "
        "them out of `images`?",
        "Comparing `labels` with `digit` gives True or False for each image, and such an array "
        "can stand between the brackets of `images`.",
        "The average should be an image again. So take the mean along one axis only: the one that "
        "counts the images.",
    ),
)
def average_digit(answer):
    """The average of all images with one label."""
    images = np.arange(5 * 28 * 28, dtype=float).reshape(5, 28, 28)
    labels = np.array([3, 1, 3, 3, 1])
    average = answer(images, labels, 3)
    if average.shape != (28, 28):
        return f"the average of images is an image, but yours has shape {average.shape}"
    if same(average, images.mean(axis=0)):
        return "that is the average of all images: use the labels to choose"
    return "" if same(average, (images[0] + images[2] + images[3]) / 3) else "which images count?"


@exercise(
    "00.4",
    asks="function",
    hints=(
        "A row holds 785 numbers and a picture 784. Which number of the row is not a pixel?",
        "`:784` keeps the columns 0 to 783. In which column do the pixels begin, and in which do "
        "they end?",
    ),
)
def images_of(answer):
    """Images from rows that begin with a label."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (3, 28, 28))
    rows = np.column_stack([[7, 2, 9], images.reshape(3, 784)])
    pictures = answer(rows)
    if pictures.shape != (3, 28, 28):
        return f"three rows should give shape (3, 28, 28), yours gave {pictures.shape}"
    if same(pictures, rows[:, :784].reshape(3, 28, 28) / 255):
        return "your first pixel is still the label, and the last pixel is missing"
    return "" if same(pictures, images / 255) else "check the range: from 0 to 1"


# ---------------------------------------------------------------- 01, derive the RBM


def _joint_probability(W, b, c):
    """All p(v, h) of a small RBM; rows are v, columns h, unit i of state n is bit i of n."""
    v, h = ((np.arange(2**n)[:, None] >> np.arange(n)) & 1 for n in W.shape)
    weights = np.exp((v @ b)[:, None] + h @ c + v @ W @ h.T)
    return weights / weights.sum()


@exercise(
    "01.1",
    asks="number",
    hints=(
        "A Gibbs step draws the hidden units given the picture, then a new picture given the "
        "hidden units. What does the old picture hand on to the new one?",
        "Put W = 0 into both conditionals: every pixel is a coin with probability sigmoid(b), in "
        "the model too. Which picture of the chain is the first that was tossed like that?",
    ),
)
def steps_without_weights(answer):
    """The Gibbs steps that a chain without weights needs to reach the model."""
    if same(answer, 0):
        return "at the start it is at the white picture for sure, which the model is not"
    return "" if same(answer, 1) else "what does the next picture depend on?"


@exercise(
    "01.2",
    asks="number",
    hints=(
        "Weaker weights let a chain forget its start sooner. So should it need more than 26 "
        "steps, or fewer?",
        "The page has a function that counts the steps of any RBM: look for `mixing_steps`.",
        "`toy_rbm` returns the weights and both biases. `mixing_steps` takes these three, one "
        "after the other.",
    ),
)
def steps_weaker(answer):
    """The Gibbs steps that a chain with weaker weights needs."""
    rng = np.random.default_rng(2)
    W = rng.normal(0, 1.5, (4, 3))
    b = -W.sum(axis=1) / 2 + rng.normal(0, 0.5, 4)
    c = -W.sum(axis=0) / 2 + rng.normal(0, 0.5, 3)
    joint = _joint_probability(W, b, c)
    step = (joint / joint.sum(axis=1, keepdims=True)) @ (joint / joint.sum(axis=0)).T
    powers = [np.linalg.matrix_power(step, k)[0] for k in range(50)]
    distances = np.array([abs(power - joint.sum(axis=1)).sum() / 2 for power in powers])
    if same(answer, 26):
        return "that is the RBM of the page: draw one with weaker weights"
    right = same(answer, np.argmax(distances < 0.01))
    return "" if right else "a distance below 0.01, with weight_std=1.5 and seed=2"


@exercise(
    "01.3",
    asks="function",
    hints=(
        "Given the other pixels there are only two candidates: the picture with this pixel inked, "
        "and the picture with it blank.",
        "p(v) is exp(−F(v)) / Z. Divide the probability of one candidate by the sum of both: Z "
        "cancels, and free energies are left.",
        "a / (a + b) with a = exp(−A) and b = exp(−B) is the sigmoid of B − A. Make a copy of `v` "
        "for each candidate before you set its pixel.",
    ),
)
def pixel_probability(answer):
    """The probability that one pixel is inked, given all others."""
    rng = np.random.default_rng(0)
    W, b, c = rng.normal(size=(3, 2)), rng.normal(size=3), rng.normal(size=2)
    v = np.array([[0.0, 0, 1], [1, 0, 1], [0, 1, 1], [1, 1, 0]])
    p = _joint_probability(W, b, c).sum(axis=1)  # pixel i of picture n is bit i of n
    truth = [p[6] / (p[4] + p[6]), p[7] / (p[5] + p[7])] * 2
    truth[2:] = truth[0], p[3] / (p[1] + p[3])
    probability = answer(v, 1, W, b, c)
    if probability.shape != (4,):
        return f"four pictures should give shape (4,), yours gave {probability.shape}"
    if not same(probability[0], probability[2]):
        return "the answer must not depend on the pixel in question, which is unknown"
    if same(probability, 1 - np.array(truth)):
        return "that is the probability that the pixel is blank"
    return "" if same(probability, truth) else "compare two pictures that differ in this pixel only"


@exercise(
    "01.4",
    asks="number",
    hints=(
        "A float32 can be no larger than about 3.4 · 10³⁸. Which part of the expression gets "
        "there first?",
        "exp(x) passes the largest float32, which is `np.finfo(np.float32).max`, at the natural "
        "logarithm of that number.",
        "Round this logarithm up to a whole number. Then try it, and the whole number below it, "
        "with `np.float32`.",
    ),
)
def first_infinite(answer):
    """The smallest whole number whose naive softplus is infinite in float32."""
    if answer != int(answer):
        return "a whole number, please"
    with np.errstate(over="ignore"):
        infinite = np.isinf(np.log(1 + np.exp(np.float32([answer - 1, answer]))))
    if infinite.tolist() == [False, True]:
        return ""
    return "one less is infinite too" if infinite[0] else "there it is still finite, in float32"


# ---------------------------------------------------------------- 02, train an RBM


@exercise(
    "02.1",
    asks="number",
    hints=(
        "Z is the sum of exp(−E(v, h)) over all pairs of v and h. What is the energy of a pair if "
        "all weights and biases are zero?",
        "Every pair adds the same, so Z counts the pairs. Each of the 784 visible and 20 hidden "
        "units is either on or off.",
        "The number of pairs is a power of two. In its natural logarithm the exponent comes to "
        "the front.",
    ),
)
def log_z_of_zeros(answer):
    """The log Z of an RBM whose parameters are all zero."""
    if same(answer, 804):
        return "that is the logarithm to base 2"
    if same(answer, 784 * np.log(2)):
        return "the hidden units have states too"
    return (
        "" if same(answer, 804 * np.log(2)) else "how many pairs are there, and what does each add?"
    )


@exercise(
    "02.2",
    asks="number",
    hints=(
        "Follow a few updates: each is 0.9 times the last one plus the new step. What do they "
        "approach, if the step stays the same?",
        "In the long run the update u no longer changes, so u = 0.9 u + step. What is u, for a "
        "given step?",
        "The update u should be 0.1. Put it into that equation, and read off the step.",
    ),
)
def step_size_with_momentum(answer):
    """The step size that with momentum 0.9 is as fast as 0.1 without."""
    velocity = 0.0
    for _ in range(1000):
        velocity = 0.9 * velocity + answer
    if velocity > 0.11:
        return "too fast: each step goes on moving the weights in the later ones"
    return "" if same(velocity, 0.1) else "too slow: what does the velocity settle at?"


@exercise(
    "02.3",
    asks="function",
    hints=(
        "The mean of the weights estimates Z / Z₀. Take the logarithm of both: what has to be "
        "added to get log Z?",
        "Average the weights, not their logarithms: first the exponential, then the mean, then "
        "the logarithm.",
        "exp(1000) overflows. Subtract the largest log-weight before the exponential, and add it "
        "again after the logarithm.",
    ),
)
def estimate_log_z(answer):
    """The estimate of log Z from AIS weights, for huge weights too."""
    truth = 5 + np.log(2.0)
    estimate = answer(np.log([1.0, 3.0]), 5.0)
    if same(estimate, 5 + np.log(3) / 2):
        return "that is the mean of the logarithms, not the logarithm of the mean"
    if not same(estimate, truth):
        return "weights 1 and 3 have the mean 2: what do they estimate?"
    right = same(answer(np.array([1000.0, 1000.0]), 5.0), 1005.0)
    return "" if right else "exp(1000) overflows: which factor can be taken out of all weights?"


@exercise(
    "02.4",
    asks="number",
    hints=(
        "`tf.function` runs the Python lines only while it traces the graph. How often is "
        "`self.pixel` read then, and what is its value?",
        "So every call flips the pixel in the top left corner, where no training digit has ink. "
        "How probable is it that this pixel is white, given all others?",
        "The log-sigmoid is the logarithm of that probability, and it is negative. The code "
        "multiplies it by the number of pixels.",
    ),
)
def reported(answer):
    """The pseudo-likelihood that a traced constant reports."""
    if same(answer, np.log1p(-1 / 4002)):
        return "that is one pixel: the code multiplies by their number"
    if answer > 0:
        return "the logarithm of a probability is not positive"
    truth = 784 * np.log1p(-1 / 4002)
    if same(answer, truth, 1e-3):
        return ""
    return "tf.function runs the Python lines once: how probable is a white corner, all else given?"


# ---------------------------------------------------------------- 03, the ELBO


@exercise(
    "03.1",
    asks="number",
    hints=(
        "The second route to the bound begins with log p(x) = log p(x, z) − log p(z | x), for "
        "every single z. What is q here?",
        "The value is log p(x) at every z, whether the draw is 5 or 1.",
        "x is z plus noise: the sum of two independent normal numbers of variance 1. What is the "
        "variance of the sum, and what is the logarithm of its density at 2?",
    ),
)
def value(answer):
    """The value of log p(x, z) − log q(z) at z = 5, with q the posterior."""
    z = 1.0  # any code will do
    log_joint = -0.5 * z**2 - 0.5 * (2 - z) ** 2 - np.log(2 * np.pi)
    truth = log_joint + 0.5 * np.log(2 * np.pi * 0.5)
    if same(answer, -truth, 0.01):
        return "a density below 1 has a negative logarithm"
    return (
        "" if same(answer, truth, 0.005) else "does it depend on z at all, if q is the posterior?"
    )


@exercise(
    "03.2",
    asks="function",
    hints=(
        "A baseline is one number that is subtracted from the values of all draws, before they "
        "are multiplied by the score.",
        "The average of `log_ratio` over the draws is the baseline. The score stays as it is.",
        "Each draw keeps its own gradient, so the result has the shape of `score`. A column of "
        "shape (n, 1) times `score` gives that; `[:, None]` makes a column.",
    ),
)
def score_gradients(answer):
    """Score function gradients with a baseline, one for each draw."""
    rng = np.random.default_rng(0)
    values, score = rng.normal(size=2000) - 5, rng.normal(size=(2000, 2))
    score -= score.mean(axis=0)
    gradients = answer(values, score)
    if gradients.shape != (2000, 2):
        return f"2,000 draws of 2 slopes have shape (2000, 2), yours has {gradients.shape}"
    if not same(gradients.mean(axis=0), (values @ score) / 2000, 0.01):
        return "a baseline must not change the mean of the gradient"
    moved = answer(values + 1000, score)
    right = same(moved, gradients) and gradients.var() < 0.5 * (values[:, None] * score).var()
    return "" if right else "adding 1,000 to all values should change nothing: is it subtracted?"


@exercise(
    "03.3",
    asks="function",
    hints=(
        "Each row stands for itself: sum along the last axis only.",
        "Multiply all weights of a row by the same factor: what happens to (Σ w)² / Σ w²? You are "
        "free to choose the factor.",
        "Subtract the largest log-weight of each row before the exponential; with `keepdims=True` "
        "the shapes fit.",
    ),
)
def effective_sample_size(answer):
    """The effective sample size of each row of log-weights."""
    weights = np.array([[1, 1, 1, 1, 1], [1, 0, 0, 0, 0], [3, 1, 0, 0, 0]])
    with np.errstate(all="ignore"):
        size = answer(np.log(weights + 1e-30))
        shifted = answer(np.log(weights + 1e-30) - 2000)
    if size.shape != (3,):
        return f"three rows should give three numbers, yours have shape {size.shape}"
    if not same(size, [5, 1, 1.6]):
        return "five equal weights count as 5; weights 3 and 1 as (3 + 1)² / (9 + 1)"
    right = same(shifted, [5, 1, 1.6])
    return "" if right else "log-weights of -2000 give zero weights: what can be cancelled first?"


@exercise(
    "03.4",
    asks="number",
    hints=(
        "Which divergence does the KL form on the page subtract, and which one does this code "
        "subtract?",
        "With q equal to the posterior the right bound is exactly log p(x), and the wrong "
        "divergence is 0. So the excess is the divergence that is missing.",
        "Compute the divergence of N(1, ½) from the prior N(0, 1). The page derives a formula for "
        "it.",
    ),
)
def excess(answer):
    """The nats by which a wrong bound lies above log p(x)."""
    z = np.linspace(-8, 10, 20_001)
    log_q, log_prior = -((z - 1) ** 2) - 0.5 * np.log(np.pi), -(z**2) / 2 - 0.5 * np.log(2 * np.pi)
    truth = np.trapezoid(np.exp(log_q) * (log_q - log_prior), z)
    if same(answer, 0, 0.01):
        return "the right form would be exact at the posterior; what does this one leave out?"
    return "" if same(answer, truth, 0.005) else "which divergence belongs there?"


# ---------------------------------------------------------------- 04, dense VAE


@exercise(
    "04.1",
    asks="number",
    hints=(
        "The formula adds up a variance, a squared mean and a logarithm for each dimension. Put "
        "in the variance 1 first.",
        "With variance 1, σ² − 1 − log σ² is 0. Only the squared means are left, and the factor "
        "in front of the sum.",
    ),
)
def nats(answer):
    """The KL of a cloud at (3, 4) with variance 1."""
    if same(answer, 25.0):
        return "half of that: there is a factor in front of the sum"
    return "" if same(answer, 12.5) else "which terms of the formula vanish when the variance is 1?"


@exercise(
    "04.2",
    asks="function",
    hints=(
        "The loss is minus the logarithm of a normal density. What stands in the exponent of that "
        "density?",
        "The variance only changes the factor in front of the squared error. With variance ½ this "
        "factor is 1.",
        "`squared_error` has summed over the pixels already. Divide what it returns, and do not "
        "average over the images.",
    ),
)
def gaussian_loss(answer):
    """The loss of a Gaussian likelihood of any variance, without its constant."""
    x, x_logits = np.zeros((2, 28, 28)), np.zeros((2, 28, 28))
    if answer(x, x_logits, 0.5).shape != (2,):
        return "two images should give two numbers: sum over pixels only"
    if not same(answer(x, x_logits, 0.5), [196.0, 196.0]):
        return "with variance 1/2 it should be the squared error itself"
    right = same(answer(x, x_logits, 0.1), [980.0, 980.0])
    return "" if right else "is it the variance or the deviation that stands in the exponent?"


@exercise(
    "04.3",
    asks="function",
    hints=(
        "Begin with one leg: `np.linspace` between two codes gives its stops, with both ends.",
        "The last stop of a leg is the first stop of the next. So leave out the first stop of "
        "every leg, and put the very first code in front.",
        "`zip` can pair each code with the one after it, and `np.concatenate` joins the legs.",
    ),
)
def tour(answer):
    """A walk through several codes in equal steps."""
    codes = np.array([[0.0, 2.0], [4.0, 0.0], [4.0, 8.0]])
    path = answer(codes, 5)
    if path.shape == (10, 2):
        return "the end of one leg is the beginning of the next: it is a stop only once"
    if path.shape != (9, 2):
        return f"two legs of 5 stops share one, which makes shape (9, 2), yours has {path.shape}"
    if not all(same(path[4 * leg], code) for leg, code in enumerate(codes)):
        return "each of the codes should be a stop, in their order"
    stops = np.arange(9) / 4
    truth = np.stack([np.interp(stops, [0, 1, 2], coordinate) for coordinate in codes.T], axis=1)
    return "" if same(path, truth) else "are the steps equal?"


@exercise(
    "04.4",
    asks="number",
    hints=(
        "Compare the code with the formula of the page, sign by sign.",
        "A cloud that is exactly the prior has mean 0 and log-variance 0. What is then left "
        "between the brackets, for one dimension?",
        "exp(0) is 1. Add up the eight dimensions, and mind the factor in front of the sum.",
    ),
)
def charged(answer):
    """The price that a wrong KL charges for the prior itself."""
    if same(answer, 0):
        return "that is what the right formula charges; put the prior into the one shown"
    return "" if same(answer, 8.0) else "mean 0, log-variance 0, eight dimensions"


# ---------------------------------------------------------------- 05, convolutional VAE


@exercise(
    "05.1",
    asks="number",
    hints=(
        "Follow one number through the code: first s, then the factor in front of ε, then the "
        "square of this factor, which is the variance.",
        "s is one half of log 9, and the changed line takes half of s once more, before the "
        "exponential.",
        "exp(a log 9) is 9 to the power of a. Which a belongs to the factor in front of ε, and "
        "which to its square?",
    ),
)
def variance(answer):
    """The variance of draws that take half of a log-deviation."""
    log_deviation = 0.5 * np.log(9)
    draws = np.exp(0.5 * log_deviation) * np.array([-1.0, 1.0])  # noise of variance 1
    if same(answer, np.exp(log_deviation) ** 2):
        return "that is the variance that was meant; follow the second one-half"
    if same(answer, np.sqrt(3), 0.01):
        return "that is the deviation"
    return "" if same(answer, draws.var()) else "first s, then the deviation, then its square"


@exercise(
    "05.2",
    asks="function",
    hints=(
        "First every pixel becomes a block of four, then a stencil slides over the larger "
        "picture as usual. Each pixel is then painted equally often.",
        "Resize with `layers.UpSampling2D`. Then let a convolution with stride 1 make the "
        "`filters` channels.",
        "A convolution cuts off the edges of its picture unless you tell it to keep the side: "
        "look at its argument `padding`.",
    ),
)
def doubled(answer):
    """A block that doubles the side of a picture without a checkerboard."""
    page = np.ones((2, 12, 12, 3), np.float32)
    larger = answer(page, 5)
    if larger.shape != (2, 24, 24, 5):
        return f"sides of 12 and 5 filters should give (2, 24, 24, 5), yours gave {larger.shape}"
    uneven = np.ptp(larger[:, 6:18, 6:18], axis=(1, 2)).max()
    return "" if uneven < 1e-5 else "an even picture comes out uneven: does a stencil overlap?"


@exercise(
    "05.3",
    asks="function",
    hints=(
        "Take one picture first: its difference to every known digit, squared and summed over the "
        "pixels. Where is the smallest of these sums?",
        "`np.argmin` gives a position. Each picture needs its own, so let it run over the known "
        "digits only.",
        "A loop over the pictures will do. Without a loop: ‖a − b‖² = ‖a‖² + ‖b‖² − 2 a · b, and "
        "one matrix product gives all the a · b.",
    ),
)
def nearest_positions(answer):
    """The position of the known image nearest to each image."""
    rng = np.random.default_rng(0)
    known = 0.8 * rng.random((30, 28, 28)) * rng.random((30, 1, 1))
    images = known[[4, 17, 29, 4]] + 0.2 * rng.random((4, 28, 28))
    truth = [min(range(30), key=lambda j: np.square(known[j] - i).sum()) for i in images]
    positions = answer(images, known)
    if positions.shape != (4,):
        return f"four pictures should give four positions, yours gave shape {positions.shape}"
    return "" if same(positions, truth) else "is it the smallest squared error, over all pixels?"


@exercise(
    "05.4",
    asks="number",
    hints=(
        "Which shape does `ops.sum` give if no axis is named, and which shape should the KL of a "
        "batch have?",
        "`kl` is the total of all images in the batch, and this total is added to the squared "
        "error of each image.",
        "Suppose that every image has a KL of 1 nat. What does the loss contain of it then, and "
        "what should it contain?",
    ),
)
def factor(answer):
    """The factor by which a sum without an axis raises the KL."""
    prices = np.linspace(1, 3, 64)
    paid = np.mean(prices.sum() + np.zeros(64))
    if same(answer, 1):
        return "how many numbers does the sum without an axis run over?"
    return "" if same(answer, paid / prices.mean()) else "what is the sum added to, and averaged?"


# ---------------------------------------------------------------- 06, KL annealing


@exercise(
    "06.1",
    asks="number",
    hints=(
        "A sum over pixels is a mean times their number. What happens to the best weights of a "
        "network if its whole loss is multiplied by a number?",
        "Multiply both terms by the number of pixels: the mean becomes a sum, and the weight of "
        "the KL grows by the same factor.",
        "These images are not MNIST's: how many pixels has a picture of 64 by 64?",
    ),
)
def weight(answer):
    """The KL weight beside a sum that equals 0.0005 beside a mean."""
    errors = np.full((64, 64), 0.01)
    if same(answer, 0.0005):
        return "the same weight beside a sum would be a far lower price"
    if same(answer, 0.0005 * 784):
        return "how many pixels has this image?"
    return "" if same(answer, 0.0005 * errors.sum() / errors.mean()) else "sum over mean is what?"


@exercise(
    "06.2",
    asks="function",
    hints=(
        "It is the same climb as `linear`, only later. How many steps of the climb are done at "
        "`step`, if it begins after `wait`?",
        "Divide these steps by `length`. Before the climb the result is negative, and after it "
        "larger than 1: `np.clip` cuts off both.",
    ),
)
def delayed(answer):
    """A KL weight that waits, then climbs to 1."""
    steps = np.array([0.0, 3, 5, 7, 9, 13, 100])
    weights = np.asarray([answer(step, 5, 8) for step in steps])
    if weights.min() < 0:
        return "a negative weight would pay the code for being dear"
    if weights.max() > 1:
        return "the climb should end at 1"
    truth = np.interp(steps, [5, 13], [0, 1])
    return "" if same(weights, truth) else "it climbs from `wait` to `wait + length`"


@exercise(
    "06.3",
    asks="function",
    hints=(
        "One image may take more than the capacity if another takes less. So what comes first, "
        "the average over the batch or the absolute value?",
        "Average `reconstruction` and `kl` over the batch, each by itself. Then put the two "
        "averages into the formula; `ops.abs` gives the absolute value.",
    ),
)
def capacity_loss(answer):
    """A loss that holds the average KL of a batch to a capacity."""
    reconstruction, kl = np.float32([100, 110]), np.float32([2, 6])
    loss = answer(reconstruction, kl, 3.0, 10.0)
    if loss.shape != ():
        return f"a batch should give one number, yours gave shape {loss.shape}"
    if same(loss, 105 + 10 * 2):
        return "each image is held to the capacity; the average should be"
    low = answer(reconstruction, kl, 7.0, 10.0)
    if not same(loss, 115):
        return "reconstruction averages 105, and the KL is 1 nat above the capacity"
    return "" if same(low, 135) else "a KL below the capacity should cost as well"


@exercise(
    "06.4",
    asks="number",
    hints=(
        "A ReLU never gives a negative number. Which means are still possible, and which "
        "variances, if the log-variance is not negative either?",
        "Begin with the cheapest cloud that is possible, the prior itself. The other has to lie "
        "four of its standard deviations away.",
        "½ (σ² + μ² − 1 − log σ²) is the price of a cloud. Both kinds of images are equally "
        "frequent, so average the two prices.",
    ),
)
def price(answer):
    """The smallest average KL of two clouds behind a ReLU."""
    near, spread = np.meshgrid(np.linspace(0, 2, 201), np.linspace(1, 3, 201))
    far = near + 4 * np.sqrt(spread)
    kl = [0.5 * (spread + mean**2 - 1 - np.log(spread)) for mean in (near, far)]
    if same(answer, 8):
        return "that is the dear one of the two clouds: what does the other pay?"
    if same(answer, 0.8, 0.02):
        return "that is the free encoder: which means and variances can a ReLU give?"
    return (
        "" if same(answer, np.mean(kl, axis=0).min(), 0.01) else "smallest variance, then the means"
    )


# ---------------------------------------------------------------- 07, GAN


@exercise(
    "07.1",
    asks="number",
    hints=(
        "Real and generated pictures are distributed alike here. So whatever the picture is, it "
        "is as often real as it is generated.",
        "Write down the mean loss at one picture, as a function of D: half of the time its label "
        "is 0.9, half of the time 0.",
        "Set the derivative with respect to D to zero. Or remember that cross-entropy is smallest "
        "where D is the average label.",
    ),
)
def best_probability(answer):
    """The best discriminator's answer to a perfect generator, with smoothing."""
    D = np.linspace(0.001, 0.999, 999)
    loss = -0.9 * np.log(D) - 0.1 * np.log(1 - D) - np.log(1 - D)
    if same(answer, 0.9):
        return "that would be right if every picture were real; half of them are fakes"
    if same(answer, 0.5):
        return "that is the answer without smoothing: which label do the real half have now?"
    return "" if same(answer, D[loss.argmin()]) else "set the derivative to zero, with p = q"


@exercise(
    "07.2",
    asks="function",
    hints=(
        "It has two terms: how far are the real scores from 1, and how far are the scores of the "
        "fakes from 0?",
        "Square the differences, and average each batch by itself, for the two may differ in "
        "size. The loss is the sum of both averages.",
    ),
)
def least_squares_loss(answer):
    """The discriminator's loss of a least-squares GAN."""
    real, fake = np.array([[1.5], [0.0]], np.float32), np.array([[0.2], [-0.4], [0.0]], np.float32)
    loss = answer(real, fake)
    if loss.shape != ():
        return f"the loss of a batch is one number, yours has shape {loss.shape}"
    if same(loss, 0.5 * (0.25 + 1) + (0.64 + 1.96 + 1) / 3):
        return "that asks for score 1 on the fakes as well"
    if same(loss, (0.25 + 1) + (0.04 + 0.16)):
        return "an average over each batch, so that its size does not matter"
    return "" if same(loss, 0.625 + 0.2 / 3) else "real scores should be 1, scores of fakes 0"


@exercise(
    "07.3",
    asks="function",
    hints=(
        "Ask two questions about each sample: how far is the nearest training picture, and how "
        "far is the nearest held-out one?",
        "`evaluation.nearest_images` answers both. It returns positions first and distances "
        "second; you need the distances.",
        "Compare the two distances of each sample. The mean of True and False is a share.",
    ),
)
def share_nearer(answer):
    """The share of samples nearer to a training image than to a held-out one."""
    places = np.arange(6) / 8
    blank = np.zeros((6, 28, 28))
    training, held_out, samples = (
        blank + x[:, None, None] for x in (places, places + 1 / 16, places)
    )
    samples = np.concatenate([samples[:3] + 1 / 80, samples[:1] + 4 / 80])
    share = answer(samples, training, held_out)
    if same(share, 0.25):
        return "that is the share nearer to the held-out ones"
    if not same(share, 0.75):
        return "for each sample: is the nearest of all training pictures nearer than the others?"
    copied = answer(held_out, training, held_out)
    return "" if same(copied, 0) else "copies of held-out pictures are nearer to those"


@exercise(
    "07.4",
    asks="number",
    hints=(
        "A slope is the derivative with respect to the logit, with D = sigmoid(logit). The first "
        "term of the text does not depend on the generator.",
        "The page gives the slopes of both losses, where it explains why the first one saturates. "
        "Put D = 0.02 into each.",
        "How many times steeper is the code's? Divide its slope by the other one, both without "
        "their signs.",
    ),
)
def ratio_of_slopes(answer):
    """The slope of the loss in the code over the slope of the loss in the text."""
    logit, h = np.log(0.02 / 0.98), 1e-4
    stated, used = (
        (loss(logit + h) - loss(logit - h)) / (2 * h)
        for loss in (lambda x: -np.logaddexp(0, x), lambda x: np.logaddexp(0, -x))
    )
    if same(answer, stated / used, 1e-3):
        return "the other way round: which of the two is steep where the fake is recognised?"
    return "" if same(answer, used / stated, 1e-3) else "both slopes are given in the text above"


# ---------------------------------------------------------------- 08, compare


@exercise(
    "08.1",
    asks="number",
    hints=(
        "Precision asks whether what is drawn looks real. Recall asks which share of the real "
        "digits lies near something that is drawn.",
        "Nothing near a real 7 is ever drawn. For how many of the ten kinds is something drawn?",
    ),
)
def recall_of_half(answer):
    """The recall of a model that draws only half of the digits."""
    if same(answer, 1.0):
        return "that is its precision: everything it draws is a digit"
    return "" if same(answer, 0.5) else "which share of the real digits lies near something drawn?"


@exercise(
    "08.2",
    asks="function",
    hints=(
        "Three things change: nats become bits, a digit becomes one of its pixels, and a "
        "log-likelihood becomes a code length, which is positive.",
        "One bit is log 2 nats, and a digit has 28 × 28 pixels.",
    ),
)
def bits_per_pixel(answer):
    """Bits per pixel from nats per digit."""
    bits = answer(np.array([-784 * np.log(2), -392 * np.log(2)]))
    if bits.shape != (2,):
        return f"two likelihoods should give two numbers, yours gave shape {bits.shape}"
    if same(bits, [-1, -0.5]):
        return "a code length is positive: the better the model, the fewer bits"
    if same(bits, [784, 392]):
        return "that is bits per digit"
    return "" if same(bits, [1, 0.5]) else "a pixel at probability one half costs one bit"


@exercise(
    "08.3",
    asks="function",
    hints=(
        "The distances follow limit + c / n. Over which horizontal axis is that a straight line?",
        "`np.polyfit` fits a straight line, if you give it 1/n as x and the degree 1.",
        "It returns the slope first, then the height of the line at x = 0. How many samples does "
        "x = 0 stand for?",
    ),
)
def at_infinity(answer):
    """The limit of distances that lie on a straight line over 1/n."""
    sizes = np.array([100, 200, 400, 1000])
    limit = answer(sizes, 3 + 50 / sizes)
    if same(limit, 3 + 50 / 1000):
        return "that is the value at the largest number; the bias has not gone yet"
    if not same(limit, 3.0, 1e-4):
        return "a straight line over 1/n: where does it meet 1/n = 0?"
    right = same(answer(sizes[:2], np.array([7.0, 4.5])), 2.0, 1e-4)
    return "" if right else "it should work for any numbers of samples"


@exercise(
    "08.4",
    asks="number",
    hints=(
        "The area under a density is 1. What is the area under exp(−(x − x̂)²), for one pixel?",
        "The area is √π, so the density is the exponential divided by √π. What does that add to "
        "minus its logarithm?",
        "The pixels are independent: each of them adds the same number.",
    ),
)
def missing(answer):
    """The constant that makes a summed squared error a bound on a log-density."""
    x = np.linspace(-9, 9, 20_001)
    per_pixel = np.log(np.trapezoid(np.exp(-(x**2)), x))
    if same(answer, -784 * per_pixel, 1e-3):
        return "right size; does it make the loss larger or smaller?"
    if same(answer, per_pixel, 1e-3):
        return "that is one pixel"
    return "" if same(answer, 784 * per_pixel, 1e-3) else "what makes exp(-(x - mean)²) a density?"


# ---------------------------------------------------------------- 09, draw me a seven


@exercise(
    "09.1",
    asks="number",
    hints=(
        "The forger's picture and the label that was asked for have nothing to do with each other.",
        "Whatever the judge reads, rightly or not: how often is it the label that was asked for?",
    ),
)
def deaf_obedience(answer):
    """The obedience of a model that draws all ten kinds and never listens."""
    if same(answer, 0.09):
        return "the judge's slips hit the label that was asked for now and then, too"
    if same(answer, 0.9):
        return "that is how well the judge reads; who says that the forger drew what was asked?"
    return "" if same(answer, 0.1) else "ten labels, and what is read does not depend on them"


@exercise(
    "09.2",
    asks="function",
    hints=(
        "Bayes' rule: the probability of a label given a picture is in proportion to its share "
        "times the probability of the picture given the label.",
        "The old shares are in the old answer as a factor. Take them out, and put the new ones in.",
        "Afterwards each row must sum to 1 again.",
    ),
)
def with_other_shares(answer):
    """p(y | v) for other shares of the labels, by Bayes' rule."""
    rng = np.random.default_rng(0)
    old, new = rng.dirichlet(np.ones(10), size=2)
    likelihood = rng.uniform(0.1, 1, (7, 10))
    before, truth = (p / p.sum(axis=1, keepdims=True) for p in (likelihood * old, likelihood * new))
    found = answer(before, old, new)
    if found.shape != truth.shape:
        return f"seven rows of ten should stay so, yours have shape {found.shape}"
    if not same(found.sum(axis=1), np.ones(7)):
        return "each row must sum to 1"
    if same(found, truth):
        return ""
    doubled = before * new
    if same(found, doubled / doubled.sum(axis=1, keepdims=True)):
        return "the old shares are still in it"
    return "which factor of Bayes' rule changed, and which did not?"


@exercise(
    "09.3",
    asks="function",
    hints=(
        "The probabilities of the ten cases add up: exp(-F(v)) is the sum of exp(-F(v, y)).",
        "exp(2000) overflows. Take the lowest of a row's values out of the sum first.",
    ),
)
def free_energy_of_picture(answer):
    """The free energy of a picture without its label, from those with each label."""
    table = np.random.default_rng(0).normal(-3, 1, (6, 10))
    truth = -np.logaddexp.reduce(-table, axis=1)
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        found, far = answer(table), answer(table - 2000)
    if found.shape != truth.shape:
        return f"six pictures have six free energies, yours have shape {found.shape}"
    if same(found, -truth):
        return "mind the sign: a probable picture has a low free energy"
    if same(found, truth + np.log(10)):
        return "that is a mean over the labels, and their probabilities add up"
    if not same(found, truth):
        return "which numbers add up: energies, or probabilities?"
    if not same(far, truth - 2000):
        return "right for small values; around -2,000 it overflows"
    return ""


@exercise(
    "09.4",
    asks="number",
    hints=(
        "An input of 0 gives each coin the probability one half.",
        "One particular unit on and nine off: how probable is that? And how many units are there?",
    ),
)
def share_of_valid_labels(answer):
    """How often exactly one of ten fair coins shows heads."""
    if same(answer, 0.5**10):
        return "that is one particular label; any of the ten would do"
    if same(answer, 0.1):
        return "that is the share of each label under a softmax; here the coins are independent"
    if same(answer, 1 - 10 * 0.5**10):
        return "that is the share of dreams with another number of labels"
    right = same(answer, 10 * 0.5**10, 0.01)
    return "" if right else "ten independent coins, exactly one of them on"


# ---------------------------------------------------------------- 10, what came next


@exercise(
    "10.1",
    asks="number",
    hints=(
        "If data and noise are both standard normal, what is z_t? And how does it vary together "
        "with the noise?",
        "z_t has variance 1, and its covariance with the noise is the share of noise in it.",
        "For normal numbers of variance 1 the best guess of one from the other is the covariance "
        "times the other.",
    ),
)
def noise_guess(answer):
    """The mean of the noise given z_t = 2, for standard normal data at signal 0.6, noise 0.8."""
    signal, noise, z_t = 0.6, 0.8, 2.0
    grid = np.linspace(-9, 9, 20_001)  # of the noise: its posterior, point by point
    weight = np.exp(-0.5 * grid**2 - 0.5 * ((z_t - noise * grid) / signal) ** 2)
    truth = np.sum(weight * grid) / np.sum(weight)
    if same(answer, signal * z_t):
        return "that is the guess for the data: what is left for the noise?"
    if same(answer, z_t) or same(answer, z_t / noise):
        return "that takes all of z_t for noise: part of it is data"
    return "" if abs(answer - truth) < 0.005 else "data and noise share z_t: which share is noise?"


@exercise(
    "10.2",
    asks="function",
    hints=(
        "z_t is signal times data plus noise times epsilon. Which of the four do you know?",
        "Take signal times the guessed data away from z_t. What is left is noise times epsilon.",
    ),
)
def noise_from_clean(answer):
    """The noise that a guess of the clean data implies."""
    rng = np.random.default_rng(0)
    clean, epsilon = rng.normal(size=(2, 4, 3))
    for signal, noise in ((0.6, 0.8), (0.96, 0.28)):
        found = answer(signal * clean + noise * epsilon, clean, signal, noise)
        if found.shape != epsilon.shape:
            return f"4 codes of 3 numbers have shape (4, 3), yours has {found.shape}"
        if same(found, epsilon * noise):
            return "what is left is still multiplied by noise"
        if same(found, (signal * clean + noise * epsilon - clean) / noise):
            return "only a part of the data is in z_t: signal times it"
        if not same(found, epsilon):
            return "put your answer into z_t = signal · z + noise · ε: it must come out again"
    return ""


@exercise(
    "10.3",
    asks="function",
    hints=(
        "Go on in two steps: what would z_s be if the guessed data were the truth, and how much "
        "new noise does it need?",
        "A step from s to t keeps the share kept = signal_t / signal_s of z_s, and adds noise of "
        "variance fresh = noise_t² − kept² · noise_s².",
        "Given z_t and the data, z_s has the mean kept · noise_s² / noise_t² · z_t + signal_s · "
        "fresh / noise_t² · data, and the variance fresh · noise_s² / noise_t².",
    ),
)
def noisy_step(answer):
    """A step back with new noise: a draw from q(z_s | z_t, data)."""
    rng = np.random.default_rng(0)
    z_t, clean = rng.normal(size=(2, 5, 3))
    zero = np.zeros_like(z_t)
    for now, then in (((0.6, 0.8), (0.8, 0.6)), ((0.28, 0.96), (0.96, 0.28))):
        # z_s and z_t given the data are jointly normal: condition the one on the other
        covariance = now[0] / then[0] * then[1] ** 2
        gain = covariance / now[1] ** 2
        mean = then[0] * clean + gain * (z_t - now[0] * clean)
        deviation = np.sqrt(then[1] ** 2 - gain * covariance)
        found = answer(z_t, clean, now, then, zero)
        if found.shape != z_t.shape:
            return f"5 codes of 3 numbers have shape (5, 3), yours has {found.shape}"
        if same(found, then[0] * clean):
            return "without new noise your step forgets z_t: part of its noise stays"
        if same(found, then[0] * clean + then[1] / now[1] * (z_t - now[0] * clean)):
            return "that is the step without new noise: it keeps all of the old noise"
        if not same(found, mean):
            return "with epsilon = 0 your step must be the mean of z_s, given z_t and the data"
        spread = answer(z_t, clean, now, then, np.ones_like(z_t)) - found
        if same(spread, deviation**2 * np.ones_like(z_t)):
            return "epsilon is multiplied by a deviation, not by a variance"
        if not same(spread, deviation * np.ones_like(z_t)):
            return "the mean is right; how much does z_s vary, given z_t and the data?"
    return ""


@exercise(
    "10.4",
    asks="function",
    hints=(
        "The bound uses log_var as the logarithm of a variance. What does the sampler take it for?",
        "A normal draw is the mean plus the standard deviation times epsilon.",
        "The standard deviation is the root of the variance: half of its logarithm.",
    ),
)
def draw_from_component(answer):
    """Draws from the components of a mixture, from means and log-variances."""
    mean, log_var = np.full((4000, 2), 3.0), np.full((4000, 2), np.log(0.04))
    epsilon = np.random.default_rng(0).standard_normal(mean.shape)
    drawn = answer(mean, log_var, epsilon)
    if drawn.shape != mean.shape:
        return f"4000 codes of 2 numbers have shape (4000, 2), yours has {drawn.shape}"
    if same(drawn, mean + 0.04 * epsilon):
        return "a variance of 0.04 still gives draws with deviation 0.04"
    if same(drawn, mean + np.log(0.2) * epsilon) or same(drawn, mean + np.log(0.04) * epsilon):
        return "the logarithm has to be undone"
    right = abs(drawn.mean() - 3) < 0.02 and same(drawn - 3, 0.2 * epsilon)
    return "" if right else "a variance of 0.04 is a deviation of 0.2, around the mean"


# ---------------------------------------------------------------- d1, measure an RBM


@exercise(
    "d1.1",
    asks="number",
    hints=(
        "Which part of Z do chains add up that only ever see one of the two valleys?",
        "They find half of Z. How far does its logarithm fall, and with which sign does log Z "
        "stand in the log-likelihood?",
    ),
)
def flattered(answer):
    """Nats by which a likelihood is flattered if half of the mass is missed."""
    valley = -7.0 - np.logaddexp(-7.0, -7.0)  # log of the share of one of two equal valleys
    if same(answer, valley, 1e-2):
        return "right size; is a likelihood higher or lower if Z is taken too small?"
    if same(answer, 1.0):
        return "1 is the loss in bits: a nat is a natural logarithm"
    if same(answer, 0.5, 1e-2):
        return "that is the share that is missed: what is its logarithm?"
    return "" if same(answer, -valley, 1e-2) else "the estimates find half of Z: what of its log?"


@exercise(
    "d1.2",
    asks="number",
    hints=(
        "Where does the logarithm belong: inside the mean, or outside?",
        "The code finds the mean of the log-weights. The right formula needs the mean of the "
        "weights, and a few large ones dominate it.",
        "For a normal number with mean m and deviation s, the mean of its exponential is known: "
        "look up the log-normal distribution.",
    ),
)
def lost(answer):
    """Nats lost by averaging normal log-weights of deviation 3 in place of weights."""
    x = np.linspace(-40, 40, 80_001)
    density = np.exp(-(x**2) / 18) / np.sqrt(18 * np.pi)
    truth = np.log(np.trapezoid(np.exp(x) * density, x))
    if same(answer, -truth, 1e-3):
        return "right size; the question is how many nats too low, a positive number"
    if same(answer, 3.0, 1e-3) or same(answer, 9.0, 1e-3):
        return "that is the deviation or the variance: what is the mean of exp(log-weight)?"
    return "" if same(answer, truth, 1e-3) else "the mean of which exponential is missing?"


# ---------------------------------------------------------------- d2, estimate the ELBO


@exercise(
    "d2.1",
    asks="number",
    hints=(
        "The page has a rule for the difference between the two variances. Does the place of q "
        "enter it?",
        "R is the variance of q in units of the posterior's. What is R if q has exactly the "
        "posterior's covariance, and what is its trace?",
    ),
)
def variance_of_entropy_form(answer):
    """The variance of the entropy form, with a displaced mean and the posterior's covariance."""
    n, shift = 16, 3.0  # nats² of z -> -|z|²/2 at z = shift + noise, in posterior deviations
    moments = 1.0, 3.0  # of the squared noise: its mean, and the mean of its square
    truth = shift**2 + n / 4 * (moments[1] - moments[0] ** 2)
    if same(answer, shift**2):
        return "that is the full form's; the entropy form lacks the scatter of log q that cancels"
    if same(answer, shift**2 - n / 2) or same(answer, n / 2):
        return "which of the two is quieter, if q is as wide as the posterior?"
    if same(answer, shift**2 + n):
        return "what is half the number of latents minus the trace of R?"
    return "" if same(answer, truth, 1e-3) else "add the difference that the rule gives to 9"


@exercise(
    "d2.2",
    asks="function",
    hints=(
        "Each draw has a baseline of its own: the average of n − 1 values.",
        "The sum of the others is the sum of all, less the draw's own value.",
        "The values minus their baselines have shape (n,). They multiply rows of shape "
        "(n, n_latent), so they have to become a column.",
    ),
)
def leave_one_out(answer):
    """Score function gradients whose baseline leaves the draw's own value out."""
    rng = np.random.default_rng(0)
    values, score = rng.normal(size=6) - 5, rng.normal(size=(6, 3))
    gradients = answer(values, score)
    if gradients.shape != score.shape:
        return f"6 draws of 3 latents have shape (6, 3), yours has {gradients.shape}"
    truth = [(values[i] - np.delete(values, i).mean()) * score[i] for i in range(6)]
    if same(gradients, (values - values.mean())[:, None] * score):
        return "your average still contains the draw itself"
    if same(gradients, -np.array(truth)):
        return "the baseline is subtracted from the value, not the other way round"
    right = same(gradients, truth)
    return "" if right else "of two draws, the baseline of each is the other's value"


# ---------------------------------------------------------------- d3, a VAE in nats


@exercise(
    "d3.1",
    asks="number",
    hints=(
        "Multiply the whole loss by 784: then the cross-entropy is a sum over pixels.",
        "The KL's factor is now 0.1 times 784, and it multiplies a mean. How does a mean over the "
        "latents become a sum?",
    ),
)
def kl_weight(answer):
    """The KL weight, in sums, of a mean over pixels and 0.1 times a mean over 50 latents."""
    pixels, latents = np.full(784, 1 / 784), np.full(50, 0.1 / 50)  # what multiplies each term
    truth = latents[0] / pixels[0]
    if same(answer, 0.1 * 784, 1e-3):
        return "that multiplies the mean of the KL: there are 50 latents in it"
    if same(answer, 0.1 * 784 / 8, 1e-3):
        return "that is the weight with 8 latents; does it stay if there are 50?"
    if same(answer, 0.1):
        return "0.1 stands before a mean, beside another mean: what is it if both are sums?"
    if same(answer, 1 / truth, 1e-3):
        return "right size, upside down: the weight multiplies the KL"
    return "" if same(answer, truth, 2e-3) else "multiply the loss by 784, then look at the KL"


@exercise(
    "d3.2",
    asks="function",
    hints=(
        "A share is a weight divided by the sum of its row. Why can exp(-2000) not be used?",
        "Subtract the same number from all log-weights of a row: no share changes.",
        "With the largest log-weight of each row subtracted, the largest weight is 1. Keep the "
        "axis, so that the division fits.",
    ),
)
def shares_of(answer):
    """The weights of the draws of each digit, divided by their sum, from their logarithms."""
    log_weights = np.log([[1.0, 3.0, 4.0], [2.0, 2.0, 12.0]])
    truth = np.array([[1, 3, 4], [1, 1, 6]]) / 8
    found = answer(log_weights)
    if found.shape != truth.shape:
        return f"2 digits with 3 draws have shape (2, 3), yours has {found.shape}"
    if same(found, np.exp(log_weights) / np.exp(log_weights).sum()):
        return "your shares of all digits together add up to 1: each digit's own must"
    if not same(found.sum(axis=1), np.ones(2)):
        return "the shares of each row must add up to 1"
    if not same(found, truth):
        return "weights 1, 3 and 4 have the shares 1/8, 3/8 and 1/2"
    with np.errstate(all="ignore"):
        tiny, large = answer(log_weights - 2000), answer(log_weights + 2000)
    right = same(tiny, truth) and same(large, truth)
    return "" if right else "log-weights around -2000 or 2000 need the largest taken out first"


@exercise(
    "d3.3",
    asks="function",
    hints=(
        "How many numbers of noise does a batch of n digits with 8 latents need?",
        "z_mean knows how many digits there are and how many latents: ask for its shape.",
    ),
)
def draw(answer):
    """A draw of each digit's code, for any number of digits and latents."""
    for n, n_latent in ((800, 8), (3, 8), (5, 2)):
        mean, log_var = np.full((n, n_latent), 2.0), np.full((n, n_latent), np.log(9.0))
        try:
            z = answer(mean, log_var, np.random.default_rng(0))
        except ValueError as error:
            return f"it stops for {n} digits with {n_latent} latents: {error}"
        if z.shape != mean.shape:
            return f"{n} digits with {n_latent} latents gave shape {z.shape}"
        if np.ptp(z, axis=0).max() < 1e-9:
            return "all digits of a batch share their noise: each needs its own"
        if np.ptp(z, axis=1).max() < 1e-9:
            return "all latents of a digit share their noise: each needs its own"
    mean = np.full((4000, 4), 2.0)
    z = answer(mean, np.log(4.5 * mean), np.random.default_rng(1))
    right = abs(z.mean() - 2) < 0.15 and abs(z.std() - 3) < 0.1
    return "" if right else "a log-variance of log 9 is a deviation of 3, around the mean"


# ---------------------------------------------------------------- d4, published convolutional VAEs


@exercise(
    "d4.1",
    asks="number",
    hints=(
        "Take a line of pixels first, and a stencil of 5 that moves in steps of 2. How many stamps "
        "can cover one pixel, at most and at least?",
        "5 divided by 2 is two and a half: some pixels get one stamp more than others.",
        "In a picture a pixel gets the count of its row times the count of its column.",
    ),
)
def most_over_least(answer):
    """Largest over smallest number of stamps of a 5 by 5 stencil in steps of 2."""
    along = np.zeros(40)
    for start in range(0, 36, 2):
        along[start : start + 5] += 1
    counts = np.outer(along, along)[10:30, 10:30]
    if same(answer, along[10:30].max() / along[10:30].min()):
        return "that is along a line: what happens in a picture?"
    if same(answer, 4):
        return "that is a stencil of 3 by 3"
    if same(answer, counts.min() / counts.max()):
        return "the most divided by the least, not the other way round"
    return "" if same(answer, counts.max() / counts.min()) else "count along a line first"


@exercise(
    "d4.2",
    asks="function",
    hints=(
        "Which picture makes `x @ matrix` vanish, so that only the constant is left?",
        "A picture with a single 1 picks one row of the matrix. `np.eye(n)` holds all n of them.",
        "What `f` says to such a picture is the row plus the constant.",
    ),
)
def straightened(answer):
    """The matrix of an affine function."""
    rng = np.random.default_rng(0)
    matrix, constant = rng.normal(size=(7, 3)), rng.normal(size=3)

    def asked(x):
        return np.asarray(x, np.float64) @ matrix + constant

    found = answer(asked, 7)
    if found.shape == (3, 7):
        return "codes stand in rows: the matrix has a row for each pixel"
    if found.shape != (7, 3):
        return f"7 pixels and 3 numbers of a code: (7, 3) is needed, yours has {found.shape}"
    if same(found, matrix + constant):
        return "your rows still hold the constant"
    images = rng.random((5, 7))
    return "" if same(images @ found + constant, asked(images)) else "that is not what f does"


# ---------------------------------------------------------------- d5, steadier GANs


@exercise(
    "d5.1",
    asks="number",
    hints=(
        "Overlapping costs nothing by itself: what counts is how far each number must be carried.",
        "On a line the cheapest plan keeps the order. To which real number does the fake in the "
        "middle go, and to which the largest?",
        "The fake 3t goes to t. What is the mean of the way between them, if t is uniform?",
    ),
)
def mean_way(answer):
    """The Wasserstein distance of the uniform laws on [0, 1] and [0, 3]."""
    t = (np.arange(1000) + 0.5) / 1000
    real, fakes = t, 3 * t[::-1]
    truth = np.abs(np.sort(real) - np.sort(fakes)).mean()
    if same(answer, 0):
        return "overlapping laws are not equal laws: two thirds of the fakes must move out"
    if same(answer, 2):
        return "that is the longest way, of the largest fake"
    if same(answer, np.abs(real[:, None] - fakes).mean(), 0.02):
        return "that is the mean way of a plan at random; the cheapest keeps the order"
    if same(answer, 2 / 3, 0.01):
        return "that is the share of fakes outside: how far must each be carried?"
    return "" if same(answer, truth, 2e-3) else "carry the smallest to the smallest, and so on"


@exercise(
    "d5.2",
    asks="function",
    hints=(
        "A row vector of length n times the matrix has length m; the transpose takes it back.",
        "Each round turns the vector nearer to the direction that is stretched most. Scale it "
        "to length 1, so that it neither vanishes nor overflows.",
        "At the end, how long is a vector of length 1 after the matrix?",
    ),
)
def stretch(answer):
    """The largest singular value by power iteration."""
    rng = np.random.default_rng(0)
    matrix, vector = rng.normal(size=(6, 4)), rng.normal(size=6)
    values = np.linalg.svd(matrix, compute_uv=False)
    found = answer(matrix, vector, 60)
    if found.shape != ():
        return f"one number is asked for, yours has shape {found.shape}"
    if same(found, values[0] ** 2, 1e-3):
        return "that is its square: there and back stretches twice"
    if same(found, 1, 1e-3):
        return "do not scale the last one: its length is the answer"
    if same(found, np.linalg.norm(matrix), 1e-3):
        return "that is the root of the sum of all squares: which direction is stretched most?"
    if not same(found, values[0], 1e-3):
        return "compare with np.linalg.svd(matrix, compute_uv=False)[0]"
    if not same(answer(1e60 * matrix, vector, 60), 1e60 * values[0], 1e-3):
        return "scale the vector in each round, else it overflows"
    few = answer(matrix, vector, 2)
    right = 1e-6 < values[0] - few < values[0] - 1e-6
    return "" if right else "2 rounds give an estimate from below: use the vector and the rounds"


@exercise(
    "d5.3",
    asks="number",
    hints=(
        "Compare with the code of the page, line by line. One difference is in the first line, "
        "the other one under the root.",
        "With share 0 the place is the real picture, with share 1 the fake. Which shares lie "
        "between, and how often does a normal number do so?",
        "Draw many normal numbers and count, or look up the normal distribution at 0 and at 1.",
    ),
)
def share_outside(answer):
    """The share of standard normal numbers outside 0 to 1."""
    t = np.linspace(0, 1, 10_001)
    inside = np.trapezoid(np.exp(-(t**2) / 2), t) / np.sqrt(2 * np.pi)
    if same(answer, inside, 0.01):
        return "that is the share between them"
    if same(answer, 1 - 2 * inside, 0.01):
        return "a negative share lies beyond the real picture: it is outside as well"
    if same(answer, 0.5, 1e-3):
        return "negative shares are half of it; and those above 1?"
    return (
        "" if same(answer, 1 - inside, 5e-3) else "how often is a normal number below 0 or above 1?"
    )
