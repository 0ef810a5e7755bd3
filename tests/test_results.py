"""What is kept of a full run, and how a new measurement is compared with it."""

import base64
import json

import nbformat
import pytest
from notebook_files import PATHS
from small_course import CHECK, FIGURE, FULL_CHECK

from course import environment, results
from course.environment import CourseError

V4 = nbformat.v4

# ---------------------------------------------------------------- keeping


@pytest.fixture
def full_course(course):
    """A full edition of two notebooks, one with a value and one with a figure to keep."""
    course.edition("full", "[01_one]\nn = 1.02\n")
    course.notebook("01_one", FULL_CHECK)
    course.notebook("02_two", FIGURE, tags=["results:nothing"])
    return course


def test_a_complete_full_run_is_kept_as_values_figures_and_page(full_course, capsys):
    course = full_course
    readme = course.folder / "README.md"
    readme.write_text("Begin\n<!-- figures -->\nold\nrows\n<!-- end of figures -->\nEnd")
    assert course.run("full")
    assert course.keep()
    assert list(course.kept()["notebooks"]) == ["01_one", "02_two"]
    one, two = course.kept()["notebooks"].values()
    assert one["checks"] == [
        {
            "claim": "number",
            "edition": "full",
            "n": None,
            "value": 1.02,
            "expected": 1,
            "tolerance": 0.1,
        }
    ]
    assert one["versions"] == environment.machine()["versions"]
    assert (one["code"], one["date"]) == tuple(
        course.record()["notebooks"]["01_one"][key] for key in ("fingerprint", "date")
    )
    assert two["figures"] == {"nothing": "No z₁ and no z₂."}
    assert (course.results / "nothing.png").read_bytes().startswith(b"\x89PNG")
    page = (course.results / "README.md").read_text()
    assert "| a model | 1.05 | 1.02 | reproduced |" in page
    rows = readme.read_text().split("<!-- figures -->\n")[1]
    assert rows.startswith("| model | published | here | verdict |\n")
    assert rows.endswith("\n| a model | 1.05 | 1.02 | reproduced |\n<!-- end of figures -->\nEnd")
    assert "![No z₁ and no z₂.](nothing.png)" in page
    text = (course.results / "full.json").read_text(encoding="utf-8")
    assert '"No z₁ and no z₂."' in text
    assert str(course.folder) not in text
    assert environment.platform.node() not in text
    assert "Written:" in capsys.readouterr().out


def test_a_notebook_is_kept_once_it_has_passed_with_the_code_of_now(full_course, capsys):
    course = full_course
    assert course.keep()
    assert course.kept() is None
    assert "No run of the full edition" in (course.results / "README.md").read_text()
    assert course.run("full", only="01")
    assert course.keep()
    assert list(course.kept()["notebooks"]) == ["01_one"], "one at a time"
    before = course.kept()["notebooks"]["01_one"]
    assert course.run("full", only="02")
    course.notebook("01_one", FULL_CHECK, "'changed since'")
    capsys.readouterr()
    assert course.keep()
    assert list(course.kept()["notebooks"]) == ["01_one", "02_two"]
    assert "Kept: 02_two\nWritten" in capsys.readouterr().out
    course.notebook("01_one", FULL_CHECK, "1 / 0")
    assert not course.run("full")
    assert course.keep()
    assert course.kept()["notebooks"]["01_one"] == before, "what did not pass takes nothing away"
    assert results.stale(course.kept()["notebooks"], **course.folders) == ["01_one"]
    course.path("01_one").unlink()
    course.edition("full")
    assert course.keep()
    assert list(course.kept()["notebooks"]) == ["02_two"], "a notebook that is gone"


def test_run_keeps_what_passed_of_the_full_edition_in_its_own_folder_only(monkeypatch):
    kept = []
    monkeypatch.setattr(results, "keep", lambda: kept.append("kept"))
    monkeypatch.setattr(
        results, "run", lambda edition, only, out, jobs, kept: (edition != "bad") and kept != {}
    )
    assert results.run_and_keep("sample")
    assert results.run_and_keep("full", out="elsewhere")
    assert not results.run_and_keep("bad")
    assert kept == []
    assert results.run_and_keep("full")
    assert kept == ["kept"]


def test_only_a_full_run_asks_what_is_kept(monkeypatch):
    asked = []
    monkeypatch.setattr(results, "keep", lambda: None)
    monkeypatch.setattr(results, "read", lambda: ({"notebooks": {"01_one": {}}}, []))
    monkeypatch.setattr(
        results, "run", lambda edition, only, out, jobs, kept: asked.append(kept) or True
    )
    for edition in ("full", "sample"):
        results.run_and_keep(edition)
    assert asked == [{"01_one": {}}, None]


def test_the_doctor_is_told_whose_results_are_kept(monkeypatch):
    monkeypatch.setattr(results, "read", lambda: (None, []))
    assert results.status() == ("·", "results/ holds no run of the full edition yet: make full")
    entries = {path.stem: {"code": "old"} for path in PATHS}
    monkeypatch.setattr(results, "read", lambda: ({"notebooks": entries}, []))
    assert "results/ has other code, or none, for 00_start_here, 01" in results.status()[1]
    monkeypatch.setattr(results, "fingerprint", lambda path, parameters: "old")
    assert results.status() == ("✓", "results/ was measured with this code")


def test_every_kept_value_was_expected_and_names_no_place():
    full, _ = results.read()
    for entry in full["notebooks"].values():
        assert "/" not in entry["processor"] + entry["machine"]
        for check in entry["checks"]:
            assert {"expected", "bound"} & set(check), check["claim"]
    json.loads(json.dumps(full), parse_constant=pytest.fail)  # no Infinity, no NaN


# ---------------------------------------------------------------- comparing


def test_compare_says_what_moved_and_what_left_its_band(full_course, capsys):
    course = full_course
    with pytest.raises(CourseError, match=r"no results/full\.json"):
        course.compare()
    assert course.run("full")
    course.keep()
    assert course.compare()
    printed = capsys.readouterr().out
    assert "Values that have not moved: 1" in printed
    assert "Same libraries: what moves is the machine's doing." in printed
    course.edition("full", "[01_one]\nn = 0.95\n")
    assert course.compare(only="01")
    printed = capsys.readouterr().out
    assert "· 01_one, number: 1.02 → 0.95, 70% of its tolerance" in printed
    assert "02_two" not in printed
    course.edition("full", "[01_one]\nn = 1.2\n")
    assert not course.compare()
    assert "✗ 01_one, number: 1.02 → 1.2, outside 1 ± 0.1" in capsys.readouterr().out
    course.notebook("01_one", FULL_CHECK.replace("0.1", "0.5"))
    assert not course.compare(), "a band made wider in the notebook is not the band that was kept"


def test_compare_holds_the_sample_edition_against_the_committed_outputs(course, capsys):
    course.notebook("01_one", CHECK)
    assert course.run()
    (course.out / "01_one.ipynb").rename(course.path("01_one"))
    assert course.compare("sample")
    assert "Values that have not moved: 1" in capsys.readouterr().out


def test_a_machines_drift_is_told_from_a_librarys(monkeypatch):
    here = environment.machine()
    assert results.differing(here) == []
    kept = here | {"processor": "Another One"}
    (line,) = results.differing(kept)
    assert line == f"· other processor: Another One there, {here['processor']} here"
    kept = here | {"versions": here["versions"] | {"keras": "2.0"}}
    (line,) = results.differing(kept)
    assert line == f"· other keras: 2.0 there, {here['versions']['keras']} here"


def band(value, **more):
    return {"claim": "loss", "value": value, "expected": 10.0, "tolerance": 1.0} | more


@pytest.mark.parametrize(
    ("value", "line", "inside"),
    [
        (10.3, "Values that have not moved: 1", True),
        (10.6, "· 01, loss: 10.1 → 10.6, 50% of its tolerance", True),
        (9.6, "· 01, loss: 10.1 → 9.6, 50% of its tolerance", True),
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
        (11.0, "· 01, loss: 10 → 11, 100% of its tolerance"),
    ],
)
def test_a_quarter_of_the_band_is_no_move_and_its_edge_is_inside(value, line):
    lines, stayed = results.moved({"01": [band(10.0)]}, {"01": [band(value)]})
    assert lines[0] == line
    assert stayed


def test_a_small_step_over_the_edge_of_the_band_is_a_departure():
    lines, stayed = results.moved({"01": [band(10.9)]}, {"01": [band(11.1)]})
    assert lines[0] == "✗ 01, loss: 10.9 → 11.1, outside 10 ± 1"
    assert not stayed


@pytest.mark.parametrize(("name", "text"), [("full.json", "{"), ("published.toml", "<<<<")])
def test_damaged_results_are_named_with_their_remedy(course, name, text):
    (course.results / name).write_text(text)
    with pytest.raises(CourseError, match=rf"{name} cannot be read \(.+git checkout -- .+{name}"):
        results.read(course.results)


def test_a_model_that_no_notebook_names_is_removed(tmp_path):
    (tmp_path / "models").mkdir()
    for name in ("kept", "of_none"):
        (tmp_path / "models" / f"{name}{results.SUFFIX}").touch()
    full = {"notebooks": {"01_one": {"models": {"kept": "digest"}}, "02_two": {}}}
    results._remove_models_of_none(full, tmp_path)
    assert [file.stem for file in (tmp_path / "models").iterdir()] == ["kept"]


def test_absent_are_those_of_which_nothing_is_kept(course):
    for name in ("01_one", "02_two", "03_three"):
        course.notebook(name, CHECK)
    assert results.absent({"02_two": {}}, course.folders["notebooks"]) == ["01", "03"]


def test_moved_leaves_facts_to_the_run_itself():
    fact = {"claim": "rounding error", "value": 1e-16, "bound": 1e-12, "side": "below"}
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


# ---------------------------------------------------------------- figures

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
    assert found == {"01_one": {}, "02_two": {"plane": "A plane."}}
    assert (tmp_path / "plane.png").read_bytes() == b"a picture"
    assert len(list(tmp_path.glob("*.png"))) == 1


@pytest.mark.parametrize(
    "cells",
    [[cell("results:a", 0)], [cell("results:a", 2)], [cell("results:a"), cell("results:a")]],
)
def test_a_tag_without_exactly_one_figure_is_refused(tmp_path, cells):
    write_copy(tmp_path, "01_one", *cells)
    with pytest.raises(CourseError, match="01_one: tag 'results:a'"):
        results.save_figures([tmp_path / "01_one.ipynb"], tmp_path)


def test_the_figures_that_a_full_run_will_keep_can_be_kept(tmp_path):
    """Their tags are tried on the committed outputs, not after ninety minutes."""
    for figures in results.save_figures(PATHS, tmp_path).values():
        for name, alt in figures.items():
            assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")
            assert len(alt) > 30
