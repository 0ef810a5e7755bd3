import importlib.util

import numpy as np
import pytest

from helpers import checks, exercises


@pytest.fixture
def lines(monkeypatch):
    """What was displayed, as (line, metadata) pairs."""
    shown = []

    def display(data, raw, metadata=None):
        assert raw
        shown.append((data["text/plain"], (metadata or {}).get("check")))

    monkeypatch.setattr(checks, "display", display)
    monkeypatch.setattr(checks, "_edition", "sample")
    return shown


def test_a_measurement_inside_its_band_prints_the_band_only(lines):
    checks.check("loss", 51.9, sample=(51.2, 2.0), full=(38.4, 0.5), n=1000)
    line, record = lines[0]
    assert line == "✓ loss: 51.2 ± 2.0"
    assert record == {
        "claim": "loss",
        "value": 51.9,
        "expected": "51.2 ± 2.0",
        "holds": True,
        "n": 1000,
        "edition": "sample",
    }


def test_before_an_edition_is_chosen_the_sample_edition_counts(monkeypatch):
    found = importlib.util.find_spec("helpers.checks")
    fresh = importlib.util.module_from_spec(found)
    found.loader.exec_module(fresh)
    shown = []
    monkeypatch.setattr(fresh, "display", lambda data, **_: shown.append(data["text/plain"]))
    fresh.check("loss", 51.9, sample=(51.2, 2.0), full=(38.4, 0.5))
    assert shown == ["✓ loss: 51.2 ± 2.0"]


def test_a_measurement_outside_prints_what_was_measured_and_does_not_raise(lines):
    checks.check("loss", 60.3, sample=(51.2, 2.0))
    assert lines[0][0] == "✗ loss: expected 51.2 ± 2.0, measured 60.3"
    assert lines[0][1]["holds"] is False


@pytest.mark.parametrize(("value", "mark"), [(53.2, "✓"), (49.2, "✓"), (53.3, "✗"), (49.1, "✗")])
def test_both_ends_of_the_band_belong_to_it(lines, value, mark):
    checks.check("loss", value, sample=(51.2, 2.0))
    assert lines[0][0].startswith(mark)


def test_the_edition_that_runs_decides(lines):
    checks.use_edition("full")
    checks.check("loss", 38.5, sample=(51.2, 2.0), full=(38.4, 0.5))
    assert lines[0][0] == "✓ loss: 38.4 ± 0.5"
    assert lines[0][1]["edition"] == "full"


def test_nothing_to_compare_with_is_neither_passed_nor_failed(lines):
    checks.check("loss", 38.5, full=(38.4, 0.5))
    checks.check("loss", 2)
    assert lines[0][0] == "· loss: measured 38.5, nothing to compare with in this edition"
    assert [record["holds"] for _, record in lines] == [None, None]


@pytest.mark.parametrize(
    ("value", "expectation", "line"),
    [
        (404244, {"equals": 404_244}, "✓ it: 404,244"),
        (404245, {"equals": 404_244}, "✗ it: expected 404,244, measured 404,245"),
        ((4, 9), {"equals": (4, 9)}, "✓ it: (4, 9)"),
        (1e-9, {"below": 1e-6}, "✓ it: below 1e-06"),
        (1e-6, {"below": 1e-6}, "✗ it: expected below 1e-06, measured 1e-06"),
        (3, {"above": 2}, "✓ it: above 2"),
        (2, {"above": 2}, "✗ it: expected above 2, measured 2"),
        (0, {"equals": 0}, "✓ it: 0"),
        (float("nan"), {"below": 1}, "✗ it: expected below 1, measured nan"),
        (float("nan"), {"sample": (1, 2)}, "✗ it: expected 1 ± 2, measured nan"),
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
    with pytest.raises(ValueError, match="tolerance > 0"):
        checks.check("it", 1, sample=(1, 0))
    with pytest.raises(ValueError, match="unknown edition 'ful'"):
        checks.use_edition("ful")
    assert not lines


def test_exercise_lines(lines, monkeypatch):
    hint = "add them"
    monkeypatch.setitem(exercises.EXERCISES, "99.1", lambda f: "" if f(1, 2) == 3 else hint)
    checks.check_exercise("99.1", lambda a, b: a + b)
    checks.check_exercise("99.1", lambda a, b: a * b)
    checks.check_exercise("99.1", lambda a, b: ...)
    checks.check_exercise("99.1", None)
    checks.check_exercise("99.1", lambda a: a)
    assert [line for line, _ in lines[:4]] == [
        "✓ exercise 99.1: right",
        "✗ exercise 99.1: add them",
        "– exercise 99.1: not attempted",
        "– exercise 99.1: not attempted",
    ]
    assert lines[4][0].startswith("✗ exercise 99.1: your answer stopped with TypeError")
    with pytest.raises(ValueError, match=r"no exercise '99.9': there are 00.1"):
        checks.check_exercise("99.9", None)
