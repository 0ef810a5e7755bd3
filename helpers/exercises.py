"""The checkers behind the exercises, one small function for each.

A checker gets the learner's answer, a value or a function, and returns "" if it is right, else a
hint that points to the idea without giving the answer. It compares with a truth that it computes
in another way than the solution does.
"""

import numpy as np

EXERCISES = {}


def exercise(number):
    """Register the checker of the exercise of this number."""

    def register(checker):
        EXERCISES[number] = checker
        return checker

    return register


def same(answer, truth, tolerance=1e-5):
    """Whether the answer has the truth's shape and, up to rounding, its values."""
    answer, truth = np.asarray(answer, dtype=float), np.asarray(truth, dtype=float)
    return answer.shape == truth.shape and np.allclose(answer, truth, rtol=tolerance, atol=1e-6)


@exercise("00.1")
def _(white_share):
    from helpers.data import load_digits

    truth = np.mean(load_digits("sample").x_train == 0)
    if not 0 <= white_share <= 1:
        return "a share lies between 0 and 1"
    return "" if abs(white_share - truth) < 0.05 else "look at the digits: how much is paper?"


@exercise("00.2")
def _(growth):
    from helpers.data import load_digits

    images = load_digits("sample").x_train
    truth = np.mean(images > 0.2) / np.mean(images > 0.5)
    if growth < 1:
        return "a lower threshold makes more ink: divide the other way round"
    return "" if abs(growth - truth) < 0.02 else "the share at threshold 0.2, over the share at 0.5"


@exercise("00.3")
def _(average_digit):
    images = np.arange(5 * 28 * 28, dtype=float).reshape(5, 28, 28)
    labels = np.array([3, 1, 3, 3, 1])
    average = np.asarray(average_digit(images, labels, 3))
    if average.shape != (28, 28):
        return f"the average of images is an image, but yours has shape {average.shape}"
    if same(average, images.mean(axis=0)):
        return "that is the average of all images: use the labels to choose"
    return "" if same(average, (images[0] + images[2] + images[3]) / 3) else "which images count?"


@exercise("00.4")
def _(images_of):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (3, 28, 28))
    rows = np.column_stack([[7, 2, 9], images.reshape(3, 784)])
    answer = np.asarray(images_of(rows))
    if answer.shape != (3, 28, 28):
        return f"three rows should give shape (3, 28, 28), yours gave {answer.shape}"
    if same(answer, rows[:, :784].reshape(3, 28, 28) / 255):
        return "your first pixel is still the label, and the last pixel is missing"
    return "" if same(answer, images / 255) else "check the range: from 0 to 1"


@exercise("04.1")
def _(nats):
    if same(nats, 25.0):
        return "half of that: there is a factor in front of the sum"
    return "" if same(nats, 12.5) else "which terms of the formula vanish when the variance is 1?"


@exercise("04.2")
def _(gaussian_loss):
    x, x_logits = np.zeros((2, 28, 28)), np.zeros((2, 28, 28))
    if np.shape(gaussian_loss(x, x_logits, 0.5)) != (2,):
        return "two images should give two numbers: sum over pixels only"
    if not same(gaussian_loss(x, x_logits, 0.5), [196.0, 196.0]):
        return "with variance 1/2 it should be the squared error itself"
    right = same(gaussian_loss(x, x_logits, 0.1), [980.0, 980.0])
    return "" if right else "is it the variance or the deviation that stands in the exponent?"


@exercise("04.3")
def _(interpolate):
    path = np.asarray(interpolate(np.array([0.0, 2.0]), np.array([4.0, 0.0]), 5))
    if path.shape != (5, 2):
        return f"5 steps between codes of 2 numbers have shape (5, 2), yours has {path.shape}"
    if not (same(path[0], [0, 2]) and same(path[-1], [4, 0])):
        return "the path should begin and end at the two codes"
    return (
        "" if same(path, [[0, 2], [1, 1.5], [2, 1], [3, 0.5], [4, 0]]) else "are the steps equal?"
    )


@exercise("04.4")
def _(charged):
    if same(charged, 0):
        return "that is what the right formula charges; put the prior into the one shown"
    return "" if same(charged, 8.0) else "mean 0, log-variance 0, eight dimensions"
