import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
from bad_arguments import faults

from helpers import checks


@pytest.fixture
def lines(monkeypatch):
    """What was displayed, as (line, metadata) pairs."""
    shown = []

    def display(data, raw, metadata=None):
        assert raw
        shown.append((data["text/plain"], (metadata or {}).get("check")))

    monkeypatch.setattr(checks, "display", display)
    monkeypatch.setattr(checks, "_edition", "sample")
    monkeypatch.setattr(checks, "_judging", True)
    return shown


def test_a_measurement_inside_its_band_is_printed_beside_the_band(lines):
    checks.check("loss", 51.9123, sample=(51.2, 2.0), full=(38.4, 0.5), n=1000)
    line, record = lines[0]
    assert line == "✓ loss: 51.91 (expected 51.2 ± 2.0)"
    assert record == {
        "claim": "loss",
        "edition": "sample",
        "n": 1000,
        "value": 51.9123,
        "expected": 51.2,
        "tolerance": 2.0,
        "bands": {"sample": (51.2, 2.0), "full": (38.4, 0.5)},
        "holds": True,
    }


def test_a_bound_and_an_exact_value_are_kept_as_numbers(lines):
    checks.check("error", np.float32(0.5), below=1)
    checks.check("parameters", 404_244, equals=404_244)
    checks.check("overflow", float("inf"), equals=float("inf"))
    bound, exact, infinite = (record for _, record in lines)
    assert (bound["bound"], bound["side"], bound["holds"]) == (1, "below", True)
    assert exact["expected"] == 404_244
    assert not {"bound", "tolerance", "bands"} & set(exact)
    assert (infinite["value"], infinite["expected"]) == ("inf", "inf"), "JSON has no such number"


def test_before_an_edition_is_chosen_the_sample_edition_counts(monkeypatch):
    found = importlib.util.find_spec("helpers.checks")
    fresh = importlib.util.module_from_spec(found)
    found.loader.exec_module(fresh)
    shown = []
    monkeypatch.setattr(fresh, "display", lambda data, **_: shown.append(data["text/plain"]))
    fresh.check("loss", 51.9, sample=(51.2, 2.0), full=(38.4, 0.5))
    assert shown == ["✓ loss: 51.9 (expected 51.2 ± 2.0)"]


def test_a_measurement_outside_turns_the_mark_and_does_not_raise(lines):
    checks.check("loss", 60.3, sample=(51.2, 2.0))
    assert lines[0][0] == "✗ loss: 60.3 (expected 51.2 ± 2.0)"
    assert lines[0][1]["holds"] is False


@pytest.mark.parametrize(("value", "mark"), [(53.2, "✓"), (49.2, "✓"), (53.3, "✗"), (49.1, "✗")])
def test_both_ends_of_the_band_belong_to_it(lines, value, mark):
    checks.check("loss", value, sample=(51.2, 2.0))
    assert lines[0][0].startswith(mark)


def test_the_edition_that_runs_decides(lines):
    checks.use_edition("full", "mnist")
    checks.check("loss", 38.5, sample=(51.2, 2.0), full=(38.4, 0.5))
    assert lines[0][0] == "✓ loss: 38.5 (expected 38.4 ± 0.5)"
    assert lines[0][1]["edition"] == "full"


@pytest.mark.parametrize(
    ("edition", "dataset", "own"), [("sample", "mnist", "sample"), ("full", "sample", "mnist")]
)
def test_on_other_digits_one_line_says_so_and_nothing_is_judged(lines, edition, dataset, own):
    checks.use_edition(edition, dataset)
    checks.check("loss", 38.5, sample=(51.2, 2.0), full=(38.4, 0.5))
    checks.check("parameters", 3, equals=4)
    said, loss, parameters = (line for line, _ in lines)
    assert said == (
        f"· expectations of the {edition} edition are those of dataset {own!r}, and here it is "
        f"{dataset!r}: checks print what they measured and judge nothing"
    )
    assert loss == "· loss: 38.5 (nothing is expected of it here)"
    assert parameters == "· parameters: 3 (nothing is expected of it here)"
    assert not {"expected", "tolerance", "bands"} & set(lines[1][1])
    checks.use_edition(edition, own)
    checks.check("parameters", 3, equals=4)
    assert lines[3][0] == "✗ parameters: 3 (expected 4)"


def test_nothing_to_compare_with_is_neither_passed_nor_failed(lines):
    checks.check("loss", 38.5, full=(38.4, 0.5))
    checks.check("loss", 2)
    assert lines[0][0] == "· loss: 38.5 (nothing is expected of it here)"
    assert [record["holds"] for _, record in lines] == [None, None]


@pytest.mark.parametrize(
    ("value", "expectation", "line"),
    [
        (404244, {"equals": 404_244}, "✓ it: 404,244"),
        (404245, {"equals": 404_244}, "✗ it: 404,245 (expected 404,244)"),
        ((4, 9), {"equals": (4, 9)}, "✓ it: (4, 9)"),
        (1e-9, {"below": 1e-6}, "✓ it: 1e-09 (expected below 1e-06)"),
        (1e-6, {"below": 1e-6}, "✗ it: 1e-06 (expected below 1e-06)"),
        (3, {"above": 2}, "✓ it: 3 (expected above 2)"),
        (2, {"above": 2}, "✗ it: 2 (expected above 2)"),
        (0, {"equals": 0}, "✓ it: 0"),
        (float("nan"), {"below": 1}, "✗ it: nan (expected below 1)"),
        (float("nan"), {"sample": (1, 2)}, "✗ it: nan (expected 1 ± 2)"),
    ],
)
def test_facts(lines, value, expectation, line):
    checks.check("it", value, **expectation)
    assert lines[0][0] == line


def test_arrays_of_one_number_count_as_the_number(lines):
    checks.check("it", np.float32(0.5), equals=0.5)
    checks.check("it", np.array(7), equals=7)
    assert [type(record["value"]) for _, record in lines] == [float, int]


def test_what_cannot_be_checked_is_an_error(lines):
    with pytest.raises(ValueError, match="one kind of expectation, got \\['equals', 'below'\\]"):
        checks.check("it", 1, equals=1, below=2)
    with pytest.raises(ValueError, match="got \\['below', 'a band'\\]"):
        checks.check("it", 1, below=2, full=(1, 2))
    with pytest.raises(ValueError, match="tolerance > 0"):
        checks.check("it", 1, sample=(1, 0))
    with pytest.raises(ValueError, match="unknown edition 'ful'"):
        checks.use_edition("ful")
    assert not lines


@pytest.mark.parametrize(
    "expectation",
    [
        {"equals": np.int64(3)},
        {"equals": np.array(3)},
        {"below": np.float32(4)},
        {"above": np.array([2])},
        {"sample": (np.float64(3), np.int32(1))},
        {"sample": np.array([3.0, 1.0]), "n": np.int64(100)},
        {"sample": [3, 1], "full": (np.float32(3), np.float32(1))},
    ],
)
def test_numbers_of_numpy_reach_the_page_as_json(lines, expectation):
    checks.check("it", np.float32(3), **expectation)
    line, record = lines[0]
    assert line.startswith("✓ it: 3")
    assert "np." not in line
    assert json.loads(json.dumps(record))["holds"] is True


def test_tuples_of_numpy_numbers_are_compared_and_kept(lines):
    checks.check("shape", (np.int64(4), np.int64(9)), equals=(4, 9))
    assert lines[0][0] == "✓ shape: (4, 9)"
    json.dumps(lines[0][1])


@pytest.mark.parametrize(
    ("dataset", "shown"),
    [("fashion", "'fashion'"), ("own/digits", "'own/digits'"), (Path("own"), "'own'")],
)
def test_on_any_other_dataset_nothing_is_judged(lines, dataset, shown):
    checks.use_edition("sample", dataset)
    checks.check("loss", 38.5, sample=(51.2, 2.0))
    assert f"and here it is {shown}: checks print what" in lines[0][0]
    assert lines[1][0] == "· loss: 38.5 (nothing is expected of it here)"


@pytest.mark.parametrize(
    ("value", "expectation", "error", "message"),
    [
        (np.mean, {"below": 1}, TypeError, r"value is a function: call it, mean\(...\)"),
        (np.ones(3), {"equals": 1}, ValueError, r"value has shape \(3,\)"),
        (None, {"below": 1}, TypeError, "value = None: a number"),
        ("3", {"sample": (3, 1)}, TypeError, "value = '3': a number"),
        ({}, {}, TypeError, "value is a dict"),
        (3, {"equals": np.ones(3)}, ValueError, r"equals has shape \(3,\)"),
        (3, {"equals": float("nan")}, ValueError, "equals = nan"),
        (3, {"below": "4"}, TypeError, "below = '4'"),
        (3, {"above": float("nan")}, ValueError, "above = nan"),
        (3, {"sample": 3}, ValueError, "needs sample=.expected, tolerance > 0., got 3"),
        (3, {"full": (3, float("nan"))}, ValueError, "needs full=|full = nan"),
        (3, {"full": (3, float("inf"))}, ValueError, "needs full="),
        (3, {"n": 0}, ValueError, "n = 0"),
    ],
)
def test_what_cannot_be_compared_is_named(lines, value, expectation, error, message):
    with pytest.raises(error, match=message):
        checks.check("it", value, **expectation)
    assert not lines


TEXTS = {("claim", "text"), ("claim", "number as text")}


def test_every_argument_is_right_or_refused_by_its_name(lines):
    numbers = ("infinite", "minus one", "zero", "two and a half")
    plain = (*numbers, "text", "number as text", "True", "text list", "empty list", "ragged list")
    good = {"claim": "it", "value": 1.0, "equals": 1.0, "n": 3}
    right = {("claim", "text"), ("claim", "number as text"), ("n", "None"), ("equals", "None")}
    right |= {(name, key) for name in ("value", "equals") for key in plain} | {("value", "NaN")}
    assert faults(checks.check, good, right) == []
    for bound in ("below", "above"):
        right = {(name, key) for name in ("value", bound) for key in numbers}
        right |= {("value", "NaN"), (bound, "None"), *TEXTS}
        assert faults(checks.check, {"claim": "it", "value": 1.0, bound: 2.0}, right) == []
    good = {"claim": "it", "value": 1.0, "sample": (1, 2), "full": (1, 2)}
    right = {(name, "None") for name in ("sample", "full")} | {("value", key) for key in numbers}
    right |= {("value", "NaN"), ("claim", "text"), ("claim", "number as text")}
    assert faults(checks.check, good, right) == []
    good = {"edition": "sample", "dataset": "sample"}
    right = {("dataset", key) for key in ("None", "text", "number as text")}
    assert faults(checks.use_edition, good, right) == []
