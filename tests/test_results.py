import base64
import json

import nbformat
import pytest
from notebook_files import PATHS

from helpers import results
from helpers.course import RESULTS

V4 = nbformat.v4

LOSS = {"claim": "loss || z = 2", "edition": "full", "n": 10_000, "holds": True}
ENTRY = {"seconds": 930.0, "peak_memory": 1200, "passed": True, "problems": []}
RECORD = {
    "edition": "full",
    "python": "3.11.9",
    "machine": "Linux x86_64, 2 cores",
    "processor": "Some Processor",
    "versions": {"keras": "3.15.1"},
    "notebooks": {
        "02_two": ENTRY
        | {
            "date": "2026-11-02",
            "fingerprint": "bbb",
            "checks": [
                LOSS | {"value": 38.4, "expected": "38.33 ± 0.5"},
                LOSS | {"claim": "parameters", "value": 404_244, "expected": "404,244", "n": None},
                LOSS | {"claim": "no idea", "value": 3.14159265, "expected": None},
            ],
        },
        "01_one": ENTRY
        | {
            "date": "2026-11-03",
            "fingerprint": "aaa",
            "checks": [LOSS | {"claim": "nats", "value": -80.0, "expected": "-80.0 ± 1e-05"}],
        },
    },
}
FIGURE = {"model": "VAE", "value": 38.33, "better": "lower", "source": "A paper"}


@pytest.fixture
def full():
    return results.summary(RECORD, {"plane": {"notebook": "02_two", "alt": "A plane."}})


def test_a_summary_keeps_values_with_their_bands_as_numbers(full):
    two = full["notebooks"]["02_two"]
    assert two["checks"][0] == {
        "claim": "loss || z = 2",
        "edition": "full",
        "n": 10_000,
        "value": 38.4,
        "expected": 38.33,
        "uncertainty": 0.5,
    }
    assert two["checks"][1]["expected"] == "404,244"
    assert "uncertainty" not in two["checks"][1]
    assert two["checks"][2]["expected"] is None
    assert full["notebooks"]["01_one"]["checks"][0]["uncertainty"] == 1e-05


def test_a_summary_says_when_on_what_and_with_which_code(full):
    assert full["date"] == "2026-11-03"
    assert list(full["notebooks"]) == ["01_one", "02_two"]
    assert full["notebooks"]["02_two"]["code"] == "bbb"
    assert (full["processor"], full["python"]) == ("Some Processor", "3.11.9")
    assert full["versions"] == {"keras": "3.15.1"}


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
    check = {"value": value, "uncertainty": 0.5}
    assert results.verdict(FIGURE | {"better": better}, check) == word


def test_verdict_takes_the_published_width_if_there_is_one_and_none_for_a_fact():
    assert (
        results.verdict(FIGURE | {"within": 5}, {"value": 40, "uncertainty": 0.5}) == "reproduced"
    )
    assert results.verdict(FIGURE, {"value": 38.33}) == "reproduced"
    assert results.verdict(FIGURE, {"value": 38.34}) == "not reached"
    assert results.verdict(FIGURE, None) == "not measured"


@pytest.mark.parametrize(
    ("value", "word"),
    [(37.0, "not comparable"), (38.0, "reproduced"), (39.0, "not comparable")],
)
def test_a_figure_of_other_data_can_be_reproduced_but_not_beaten(value, word):
    figure = {name: FIGURE[name] for name in FIGURE if name != "better"}
    assert results.verdict(figure, {"value": value, "uncertainty": 0.5}) == word


def test_the_page_puts_values_beside_published_ones(full):
    published = [
        FIGURE | {"notebook": "02", "claim": "loss || z = 2", "note": "Same network."},
        FIGURE | {"model": "other", "notebook": "01", "claim": "loss || z = 2"},
        FIGURE | {"model": "third"},
    ]
    page = results.page(full, published)
    assert "| VAE | 38.33 | 38.4 | reproduced |\n" in page
    assert "| other | 38.33 | – | not measured |\n" in page
    assert "| third | 38.33 | – | not measured |\n" in page
    assert "- *VAE*: A paper. Same network.\n- *other*: A paper.\n" in page
    assert (
        "finished on 2026-11-03: 2 notebooks, no check failed. Their times add up to 31 minutes"
        in page
    )
    assert "Some Processor (Linux x86_64, 2 cores). Python 3.11.9, keras 3.15.1." in page
    assert "[notebook 02](../notebooks/02_two.ipynb): 930 seconds, up to 1,200 MB" in page
    assert "| loss \\|\\| z = 2 | 38.4 | 38.33 ± 0.5 | 10,000 |" in page
    assert "| parameters | 404,244 | 404,244 | – |" in page
    assert "| no idea | 3.1416 | – | 10,000 |" in page
    assert "![A plane.](plane.png)" in page


def test_every_row_of_the_page_has_the_cells_of_its_header(full):
    for line in results.page(full, [FIGURE]).splitlines():
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
    assert results.written(value) == text


def test_the_page_says_if_there_is_no_run_yet():
    page = results.page(None, [FIGURE])
    assert "No complete run" in page
    assert "| VAE | 38.33 | – | not measured |" in page


def band(value, **more):
    return {"claim": "loss", "value": value, "expected": 10.0, "uncertainty": 1.0} | more


@pytest.mark.parametrize(
    ("value", "line", "inside"),
    [
        (10.3, "Values that have not moved: 1", True),
        (10.6, "· 01, loss: 10.1 → 10.6, 50% of its uncertainty", True),
        (9.6, "· 01, loss: 10.1 → 9.6, 50% of its uncertainty", True),
        (11.2, "✗ 01, loss: 10.1 → 11.2, outside 10 ± 1", False),
        (8.8, "✗ 01, loss: 10.1 → 8.8, outside 10 ± 1", False),
        ("nan", "✗ 01, loss: 10.1 → nan, outside 10 ± 1", False),
    ],
)
def test_moved_tells_moves_from_departures(value, line, inside):
    lines, stayed = results.moved({"01": [band(10.1)]}, {"01": [band(value)]})
    assert lines[0] == line
    assert stayed is inside


@pytest.mark.parametrize(
    ("value", "line"),
    [
        (10.25, "Values that have not moved: 1"),
        (11.0, "· 01, loss: 10 → 11, 100% of its uncertainty"),
    ],
)
def test_a_quarter_of_the_band_is_no_move_and_its_edge_is_inside(value, line):
    lines, stayed = results.moved({"01": [band(10.0)]}, {"01": [band(value)]})
    assert lines[0] == line
    assert stayed


def test_moved_leaves_facts_to_the_run_itself():
    fact = {"claim": "rounding error", "value": 1e-16, "expected": "below 1e-12"}
    assert results.moved({"01": [fact]}, {"01": [fact | {"value": 9e-16}]}) == (
        ["Values that have not moved: 1"],
        True,
    )


def test_moved_names_what_came_and_went_and_pairs_equal_claims_in_order():
    before = {"01": [band(10.0), band(10.5)], "02": [band(10.0)]}
    now = {"01": [band(10.0), band(10.5), band(9.5)], "03": [band(10.0)]}
    lines, stayed = results.moved(before, now)
    assert lines == [
        "· 01, loss: new",
        "· 02, loss: not measured any more",
        "· 03, loss: new",
        "Values that have not moved: 2",
    ]
    assert stayed


PNG = base64.b64encode(b"a picture").decode()


def write_copy(folder, name, *cells):
    notebook = V4.new_notebook(cells=list(cells))
    nbformat.write(notebook, folder / f"{name}.ipynb")


def cell(tag, pictures=1):
    figure = V4.new_output(
        "display_data", {"image/png": PNG}, metadata={"image/png": {"alt": "A plane."}}
    )
    text = V4.new_output("stream", text="drawn")
    return V4.new_code_cell(
        "draw()", metadata={"tags": [tag]}, outputs=[text, *pictures * [figure]]
    )


def test_tagged_figures_are_taken_out_of_executed_notebooks(tmp_path):
    write_copy(tmp_path, "01_one", V4.new_markdown_cell("# 1"), cell("local"))
    write_copy(tmp_path, "02_two", cell("results:plane"))
    found = results.save_figures(sorted(tmp_path.glob("*.ipynb")), tmp_path)
    assert found == {"plane": {"notebook": "02_two", "alt": "A plane."}}
    assert (tmp_path / "plane.png").read_bytes() == b"a picture"
    assert len(list(tmp_path.glob("*.png"))) == 1


@pytest.mark.parametrize(
    "cells",
    [[cell("results:a", 0)], [cell("results:a", 2)], [cell("results:a"), cell("results:a")]],
)
def test_a_tag_without_exactly_one_figure_is_refused(tmp_path, cells):
    write_copy(tmp_path, "01_one", *cells)
    with pytest.raises(ValueError, match="01_one: tag 'results:a'"):
        results.save_figures([tmp_path / "01_one.ipynb"], tmp_path)


def test_the_figures_that_a_full_run_will_keep_can_be_kept(tmp_path):
    """Their tags are tried on the committed outputs, not after ninety minutes."""
    for name, figure in results.save_figures(PATHS, tmp_path).items():
        assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        assert len(figure["alt"]) > 30


def test_the_committed_page_is_made_of_the_committed_values():
    page = (RESULTS / "README.md").read_text(encoding="utf-8")
    assert page == results.page(*results.read(RESULTS)), "run python -m helpers.course results"


def test_published_figures_are_complete_and_a_miss_has_its_reason():
    full, published = results.read(RESULTS)
    for figure in published:
        assert figure["better"] in ("higher", "lower") if "better" in figure else figure["note"]
        assert {"model", "value", "source"} <= set(figure)
        check = results.find(full, figure)
        assert full is None or "claim" not in figure or check, f"no check {figure['claim']!r}"
        assert results.verdict(figure, check) != "not reached" or figure.get("note")


def test_every_kept_value_was_expected():
    full, _ = results.read(RESULTS)
    checks = [
        c for entry in (full or {"notebooks": {}})["notebooks"].values() for c in entry["checks"]
    ]
    assert [check["claim"] for check in checks if check["expected"] is None] == []


def test_kept_values_name_no_place():
    full, _ = results.read(RESULTS)
    assert "/" not in json.dumps(full["processor"] + full["machine"] if full else "")
