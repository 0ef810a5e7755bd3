"""The page of results, from values made up here."""

import re

import pytest
from notebook_files import ROOT

from course import page as pages
from course import results

LOSS = {"claim": "loss || z = 2", "edition": "full", "n": 10_000, "value": 38.4}
MADE = {
    "processor": "Some Processor",
    "machine": "Linux x86_64, 2 cores",
    "python": "3.11.9",
    "versions": {"keras": "3.15.1"},
    "peak_memory": 1200,
}
FIGURE = {"model": "VAE", "value": 38.33, "better": "lower", "source": "A paper"}


@pytest.fixture
def full():
    two = [
        LOSS | {"expected": 38.33, "tolerance": 0.5},
        LOSS | {"claim": "parameters", "value": 404_244, "expected": 404_244, "n": None},
        LOSS | {"claim": "no idea", "value": 3.14159265},
        LOSS | {"claim": "error", "value": -1e-13, "bound": 1e-12, "side": "below"},
    ]
    one = [LOSS | {"claim": "nats", "value": -80.0, "expected": -80.0, "tolerance": 1e-05}]
    notebooks = {
        "01_one": MADE | {"date": "2026-11-03", "seconds": 930.0, "checks": one, "figures": {}},
        "02_two": MADE
        | {
            "date": "2026-11-03",
            "seconds": 930.0,
            "checks": two,
            "figures": {"plane": "A plane. It is flat."},
        },
    }
    return {"edition": "full", "notebooks": notebooks}


@pytest.mark.parametrize(
    ("value", "better", "word"),
    [
        (38.4, "lower", "reproduced"),
        (38.0, "lower", "reproduced"),
        (37.0, "lower", "better"),
        (39.0, "lower", "not reached"),
        (39.0, "higher", "better"),
        (37.0, "higher", "not reached"),
    ],
)
def test_verdict(value, better, word):
    check = {"value": value, "tolerance": 0.5}
    assert pages.verdict(FIGURE | {"better": better}, check) == word


def test_verdict_takes_the_published_width_if_there_is_one_and_none_for_a_fact():
    assert pages.verdict(FIGURE | {"within": 5}, {"value": 40, "tolerance": 0.5}) == "reproduced"
    assert pages.verdict(FIGURE, {"value": 38.33}) == "reproduced"
    assert pages.verdict(FIGURE, {"value": 38.34}) == "not reached"
    assert pages.verdict(FIGURE, None) == "not measured"


@pytest.mark.parametrize(
    ("value", "word"),
    [(37.0, "not comparable"), (38.0, "reproduced"), (39.0, "not comparable")],
)
def test_a_figure_of_other_data_can_be_reproduced_but_not_beaten(value, word):
    figure = {name: FIGURE[name] for name in FIGURE if name != "better"}
    assert pages.verdict(figure, {"value": value, "tolerance": 0.5}) == word


def test_the_page_puts_values_beside_published_ones(full):
    published = [
        FIGURE | {"notebook": "02", "claim": "loss || z = 2", "note": "Same network."},
        FIGURE | {"model": "other", "notebook": "01", "claim": "loss || z = 2"},
        FIGURE | {"model": "third"},
    ]
    page = pages.page(full, published)
    assert "| VAE | 38.33 | 38.4 | reproduced |\n" in page
    assert "| other | 38.33 | – | not measured |\n" in page
    assert "| third | 38.33 | – | not measured |\n" in page
    assert "- *VAE*: A paper. Same network.\n- *other*: A paper.\n" in page
    summary = "<summary>02_two: 4 values, 930 seconds, up to 1,200 MB of memory</summary>"
    assert f"<details>{summary}\n\nMeasured by [notebook 02](../notebooks/02_two.ipynb)" in page
    assert page.count("\n\n</details>\n") == page.count("<details>") == 2
    assert "| loss \\|\\| z = 2 | 38.4 | 38.33 ± 0.5 | 10,000 |" in page
    assert "| parameters | 404,244 | 404,244 | – |" in page
    assert "| no idea | 3.1416 | – | 10,000 |" in page
    assert "| error | −1e−13 | below 1e−12 | 10,000 |" in page
    assert "![A plane. It is flat.](plane.png)\n\n*A plane. From [notebook 02]" in page


def test_the_page_says_when_and_on_what_it_was_measured(full):
    page = pages.page(full, [FIGURE])
    assert "of 2 notebooks, run on 2026-11-03; no check failed" in page
    assert "Their times add up to 31 minutes" in page
    made = "Processor: Some Processor (Linux x86_64, 2 cores). Python 3.11.9, keras 3.15.1."
    assert f"\n\n{made}\n\n" in page
    full["notebooks"]["02_two"] |= {"date": "2026-11-05", "processor": "Another One"}
    page = pages.page(full, [FIGURE])
    assert "run from 2026-11-03 to 2026-11-05" in page
    assert f"Notebooks 01: {made}" in page
    assert "Notebooks 02: Processor: Another One" in page


def test_every_row_of_the_page_has_the_cells_of_its_header(full):
    for line in pages.page(full, [FIGURE]).splitlines():
        if line.startswith("|"):
            assert line.replace("\\|", "").count("|") == 5, line


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (-543.4, "−543.4"),
        ("-543.4", "−543.4"),
        ("below 1e-12", "below 1e−12"),
        (-1234, "−1,234"),
        (True, "True"),
        ([2, -3], "[2, −3]"),
        ("mid-way", "mid-way"),
        (None, "–"),
    ],
)
def test_numbers_are_written_with_a_minus_sign(value, text):
    assert pages.written(value) == text


def test_the_page_says_if_there_is_no_run_yet():
    page = pages.page(None, [FIGURE])
    assert "No run of the full edition" in page
    assert "| VAE | 38.33 | – | not measured |" in page


def test_the_committed_page_is_made_of_the_committed_values():
    page = (ROOT / "results" / "README.md").read_text(encoding="utf-8")
    full, published = results.read()
    absent = results.absent(full["notebooks"])
    assert page == pages.page(full, published, absent), "run python -m course results"


def test_the_page_names_the_notebooks_of_which_nothing_is_kept(full):
    assert "Not run on all of MNIST" not in pages.page(full, [])
    assert "Not run on all of MNIST yet: 09, d3." in pages.page(full, [], ["d3", "09"])


def test_the_readme_shows_the_figures_marked_for_it_that_are_measured(full):
    there = FIGURE | {"notebook": "02", "claim": LOSS["claim"]}
    figures = [there | {"front": True}, there | {"model": "other"}, FIGURE | {"front": True}]
    assert pages.front(None, figures).count("\n") == 1, "the head of the table alone"
    rows = pages.front(full, figures)
    assert rows.endswith("\n| VAE | 38.33 | 38.4 | reproduced |")
    assert rows.count("VAE") == 1
    assert "other" not in rows
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = re.search(results.FRONT, readme, re.S)[0]
    assert shown == pages.front(*results.read()), "run python -m course results"
    assert shown.count("\n") >= 5


def test_published_figures_are_complete_and_a_miss_has_its_reason():
    full, published = results.read()
    for figure in published:
        assert figure["better"] in ("higher", "lower") if "better" in figure else figure["note"]
        assert {"model", "value", "source"} <= set(figure)
        check = pages.matching_check(full, figure)
        assert "claim" not in figure or check, f"no check {figure['claim']!r}"
        assert pages.verdict(figure, check) != "not reached" or figure.get("note")


def test_the_models_are_listed_with_where_they_came_from(full):
    assert "## Trained models" not in pages.page(full, [])
    full["notebooks"]["02_two"]["models"] = {"dense_vae_2": "0123456789abcdef" * 4}
    link = "[notebook 02](../notebooks/02_two.ipynb)"
    row = f"| `dense_vae_2` | {link} | 2026-11-03 | 0123456789ab |"
    assert row in pages.page(full, []).splitlines()
