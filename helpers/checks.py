"""The check line under a claim.

`check` compares a measured value with what this page claims and prints one line: a mark, the claim,
what was measured, and what was expected. A claim that fails raises nothing, so a learner who
changes a number sees the mark turn and goes on. The same numbers travel, as numbers, in the
metadata of the output, where the tool `course` reads them back; a test of the notebooks compares
the line without the measured number.
"""

import math
import numbers
import os

import numpy as np
from IPython.display import display

from helpers import inputs

PASSED, FAILED, NOTED = "✓", "✗", "·"
DATASETS = {"sample": "sample", "full": "mnist"}  # each edition's own
_edition = "sample"
_judging = True


def use_edition(edition, dataset=None):
    """Say which edition runs: `check` compares with the values expected for that one.

    On other digits than the edition's own nothing that was expected applies. Then one line says so,
    and checks print what they measured and judge nothing.

    Args:
        edition: "sample" or "full".
        dataset: the digits that are used, if any, as `load_digits` takes them: a name or a path.

    Raises:
        TypeError: the dataset is neither text nor a path.
        ValueError: the edition is unknown; it stays what it was.
    """
    global _edition, _judging
    if not isinstance(dataset, str | os.PathLike | None):
        raise TypeError(f"dataset = {dataset!r}: a name or a path is needed, as text.")
    dataset = None if dataset is None else os.fspath(dataset)
    if not isinstance(edition, str) or edition not in DATASETS:
        raise ValueError(f'unknown edition {edition!r}: choose "sample" or "full"')
    _edition, _judging = edition, dataset in (None, DATASETS[edition])
    if not _judging:
        line = f"expectations of the {edition} edition are those of dataset {DATASETS[edition]!r}"
        line += f", and here it is {dataset!r}: checks print what they measured and judge nothing"
        display({"text/plain": f"{NOTED} {line}"}, raw=True)


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
        TypeError: the value is a function or no number where one is needed, or a bound is none.
        ValueError: several kinds of expectation are given, a tolerance is not positive, or the
            value is an array of several numbers.
    """
    if not isinstance(claim, str):
        raise TypeError(f"claim = {claim!r}: check takes the claim as text first, then the value.")
    value, equals = _plain(value), _plain(equals)
    n = None if n is None else inputs.whole_number(n, "n", least=1)
    below, above = _number(below, "below", claim), _number(above, "above", claim)
    bands = {name: pair for name, pair in (("sample", sample), ("full", full)) if pair is not None}
    facts = {"equals": equals, "below": below, "above": above}
    given = {kind: fact for kind, fact in facts.items() if fact is not None}
    if len(given) + bool(bands) > 1:
        kinds = [*given, *(["a band"] if bands else [])]
        raise ValueError(f"check({claim!r}) takes one kind of expectation, got {kinds}")
    bands = {name: _band(pair, name, claim) for name, pair in bands.items()}
    _require_plain(
        value, "value", claim, number=bool(bands) or not {"below", "above"}.isdisjoint(given)
    )
    if "equals" in given:
        _require_plain(equals, "equals", claim)
        if equals != equals:
            raise ValueError(f"check({claim!r}): equals = {equals}: nothing equals it.")

    record = {"claim": claim, "edition": _edition, "n": n, "value": value}
    if not _judging:
        holds, bands = None, {}
    elif equals is not None:
        holds, record["expected"] = value == equals, equals
    elif below is not None:
        holds, record["bound"], record["side"] = value < below, below, "below"
    elif above is not None:
        holds, record["bound"], record["side"] = value > above, above, "above"
    elif _edition in bands:
        expected, tolerance = bands[_edition]
        holds = abs(value - expected) <= tolerance
        record |= {"expected": expected, "tolerance": tolerance}
    else:
        holds = None
    if bands:
        record["bands"] = bands
    expectation = "" if equals is not None and holds else _expectation(record)
    record["holds"] = None if holds is None else bool(holds)
    for name in ("value", "expected", "bound"):
        if isinstance(record.get(name), float) and not math.isfinite(record[name]):
            record[name] = str(record[name])  # JSON has no such number
    line = f"{_mark(holds)} {claim}: {written(value)}{expectation}"
    display({"text/plain": line}, raw=True, metadata={"check": record})


def _plain(value):
    """A value as Python has it, so that JSON can hold it: NumPy's and tensors' numbers are not."""
    if isinstance(value, tuple | list):
        return (
            type(value)(_plain(part) for part in value) if type(value) in (tuple, list) else value
        )
    if hasattr(value, "__array__") and not isinstance(value, type):
        array = np.asarray(value)
        return array.item() if array.size == 1 else array
    return value


def _number(bound, name, claim):
    """A bound as a Python number, or None."""
    bound = _plain(bound)
    if bound is None or (isinstance(bound, numbers.Real) and not isinstance(bound, bool)):
        if bound is not None and math.isnan(bound):
            raise ValueError(f"check({claim!r}): {name} = {bound}: a number is needed.")
        return bound
    raise TypeError(f"check({claim!r}): {name} = {bound!r}: a number is needed.")


def _band(pair, name, claim):
    """A pair (expected, tolerance) of Python numbers."""
    parts = tuple(pair) if isinstance(pair, tuple | list | np.ndarray) else ()
    if len(parts) != 2:
        raise ValueError(f"check({claim!r}) needs {name}=(expected, tolerance > 0), got {pair}")
    band = tuple(_number(part, name, claim) for part in parts)
    if None in band or not (math.isfinite(band[0]) and 0 < band[1] < math.inf):
        raise ValueError(f"check({claim!r}) needs {name}=(expected, tolerance > 0), got {pair}")
    return band


def _require_plain(value, name, claim, number=False):
    """Refuse what cannot be compared or kept."""
    if isinstance(value, np.ndarray):
        raise ValueError(
            f"check({claim!r}): {name} has shape {value.shape}: one number is needed, such as its "
            "mean or maximum."
        )
    if callable(value):
        function = getattr(value, "__name__", "it")
        raise TypeError(f"check({claim!r}): {name} is a function: call it, {function}(...).")
    if number and (not isinstance(value, numbers.Real) or isinstance(value, bool)):
        raise TypeError(f"check({claim!r}): {name} = {value!r}: a number is needed.")
    if not _is_plain(value):
        kind = type(value).__name__
        raise TypeError(f"check({claim!r}): {name} is a {kind}: give a number, text or a tuple.")


def _is_plain(value):
    if isinstance(value, tuple | list):
        return all(map(_is_plain, value))
    return isinstance(value, str | bool | int | float)


def _mark(holds):
    return NOTED if holds is None else PASSED if holds else FAILED


def _expectation(record):
    if "tolerance" in record:
        return f" (expected {record['expected']} ± {record['tolerance']})"
    if "bound" in record:
        return f" (expected {record['side']} {written(record['bound'])})"
    if "expected" in record:
        return f" (expected {written(record['expected'])})"
    return " (nothing is expected of it here)"


def written(value, digits=4):
    """A value as text: numbers with so many significant digits, whole numbers in full."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        return str(value)
    return f"{value:,}" if isinstance(value, numbers.Integral) else f"{value:.{digits}g}"
