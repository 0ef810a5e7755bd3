"""The check line under a claim, and the checker behind an exercise.

`check` compares a measured value with what this page claims and prints one line that is the same
on every run as long as the claim holds: a test can compare it letter by letter. A claim that fails
raises nothing, so a learner who changes a number sees the mark turn and goes on. The measured value
travels in the metadata of the output, where `helpers.course` reads it back.
"""

import math
import numbers

import numpy as np
from IPython.display import display

EDITIONS = ("sample", "full")
_edition = EDITIONS[0]


def use_edition(edition):
    """Say which edition runs: `check` compares with the values expected for that one.

    Args:
        edition: "sample" or "full".

    Raises:
        ValueError: the name is unknown; the edition stays what it was.
    """
    global _edition
    if edition not in EDITIONS:
        raise ValueError(f'unknown edition {edition!r}: choose "sample" or "full"')
    _edition = edition


def check(claim, value, *, equals=None, below=None, above=None, sample=None, full=None, n=None):
    """Compare a measured value with what is claimed of it, and print one line.

    A mathematical fact takes `equals`, `below` or `above`, in every edition. A measurement takes
    `sample` and `full`, each a pair (expected, tolerance): it passes where
    |value - expected| <= tolerance for the edition that runs. Without an expectation for that
    edition the line gives the measured value and is marked with a dot, neither passed nor failed.

    Args:
        claim: what the value is, with its unit, in a few words.
        value: a number; for `equals` also a string, a bool or a tuple.
        equals: the value exactly.
        below, above: a bound that the value must not reach.
        sample, full: (expected, tolerance) for the edition of that name.
        n: optional, how many images, draws or seeds the value was measured on; kept with it.

    Raises:
        ValueError: several kinds of expectation are given, or a tolerance is not positive.
    """
    pairs = {"sample": sample, "full": full}
    given = {"equals": equals, "below": below, "above": above, "a pair": sample or full}
    kinds = [kind for kind, expectation in given.items() if expectation is not None]
    if len(kinds) > 1:
        raise ValueError(f"check({claim!r}) takes one kind of expectation, got {kinds}")
    for pair in filter(None, pairs.values()):
        if not (len(pair) == 2 and pair[1] > 0):
            raise ValueError(f"check({claim!r}) needs (expected, tolerance > 0), got {pair}")
    value = np.asarray(value).item() if hasattr(value, "__array__") else value

    if kinds == ["equals"]:
        holds, expected = value == equals, _write(equals)
    elif kinds == ["below"]:
        holds, expected = value < below, f"below {_write(below)}"
    elif kinds == ["above"]:
        holds, expected = value > above, f"above {_write(above)}"
    elif pairs[_edition] is None:
        holds, expected = None, None
    else:
        centre, tolerance = pairs[_edition]
        holds, expected = abs(value - centre) <= tolerance, f"{centre} ± {tolerance}"

    if holds is None:
        line = f"· {claim}: measured {_write(value)}, nothing to compare with in this edition"
    elif holds:
        line = f"✓ {claim}: {expected}"
    else:
        line = f"✗ {claim}: expected {expected}, measured {_write(value)}"
    record = {"claim": claim, "value": value, "expected": expected, "holds": holds, "n": n}
    if isinstance(value, float) and not math.isfinite(value):
        record["value"] = str(value)
    display({"text/plain": line}, raw=True, metadata={"check": record | {"edition": _edition}})


def check_exercise(number, answer):
    """Say whether an answer to an exercise is right: ✓, ✗ with a hint, or not attempted.

    Args:
        number: the exercise, such as "04.2".
        answer: the learner's function or value. `None`, `...`, or a function that returns one of
            them counts as not attempted.

    Raises:
        ValueError: there is no exercise of that number.
    """
    from helpers.exercises import EXERCISES

    if number not in EXERCISES:
        raise ValueError(f"no exercise {number!r}: there are {', '.join(sorted(EXERCISES))}")
    verdict = judge(EXERCISES[number], answer)
    marks = {None: f"– exercise {number}: not attempted", "": f"✓ exercise {number}: right"}
    line = marks.get(verdict, f"✗ exercise {number}: {verdict}")
    display({"text/plain": line}, raw=True)


class NotAttemptedError(Exception):
    """An exercise's stub is as it was."""


def judge(exercise, answer):
    """Run an exercise's checker on an answer.

    Args:
        exercise: a function of one argument that returns "" if the answer is right, else a hint.
            A learner's function reaches it wrapped: returning `None` or `...` ends the judging.
        answer: the learner's function or value.

    Returns:
        "" if it is right, a hint if it is wrong, `None` if it was not attempted. An exception in
        the learner's own code becomes a hint that names it.
    """
    try:
        return exercise(_attempted(answer) if not callable(answer) else _wrapped(answer))
    except NotAttemptedError:
        return None
    except Exception as error:
        return f"your answer stopped with {type(error).__name__}: {error}"


def _wrapped(function):
    def call(*args, **kwargs):
        return _attempted(function(*args, **kwargs))

    return call


def _attempted(answer):
    if answer is None or answer is ...:
        raise NotAttemptedError
    return answer


def _write(value):
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        return str(value)
    return f"{value:,}" if isinstance(value, numbers.Integral) else f"{value:.4g}"
