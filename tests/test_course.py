import inspect
import json
import re
import time

import nbformat
import pytest

from helpers import address, course, environment, results

V4 = nbformat.v4


def write_notebook(folder, name, *sources, parameters="n = 1  # a number"):
    cells = [V4.new_code_cell(parameters, metadata={"tags": ["parameters"]})]
    cells += [V4.new_code_cell(source) for source in sources]
    kernel = {"name": "python3", "language": "python", "display_name": "Python 3"}
    notebook = V4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    folder.mkdir(exist_ok=True)
    nbformat.write(notebook, folder / f"{name}.ipynb")


def folders(tmp_path):
    return {"notebooks": tmp_path / "notebooks", "editions": tmp_path / "editions"}


@pytest.fixture
def run(tmp_path):
    """`course.run` on notebooks and editions of the test's own."""
    editions = tmp_path / "editions"
    editions.mkdir()
    (editions / "sample.toml").write_text("cell_timeout = 60\n")

    def start(edition="sample", only=None, jobs=1):
        return course.run(edition, only, tmp_path / "out", jobs, **folders(tmp_path))

    return start


CHECK = "from helpers.checks import check; check('number', n, sample=(1, 0.1), n=5)"


def record(tmp_path):
    return json.loads((tmp_path / "out" / "run.json").read_text())


def test_a_good_run_keeps_copies_and_measured_values(run, tmp_path, capsys):
    write_notebook(tmp_path / "notebooks", "01_one", CHECK, "print('done')")
    start = time.monotonic()
    assert run()
    took = time.monotonic() - start
    entry = record(tmp_path)["notebooks"]["01_one"]
    assert entry["passed"]
    assert entry["problems"] == []
    assert [(c["claim"], c["value"], c["n"], c["edition"]) for c in entry["checks"]] == [
        ("number", 1, 5, "sample")
    ]
    assert "tensorflow" in record(tmp_path)["versions"]
    assert '"1 ± 0.1"' in (tmp_path / "out" / "run.json").read_text(encoding="utf-8")
    printed, err = capsys.readouterr()
    assert "[1/1] 01_one: " in printed
    assert "1 of 1" in printed
    assert 0 < entry["seconds"] <= took + 0.1
    assert int(re.search(r"Executed in (\d+) s", printed)[1]) <= took + 1
    assert "Executing" not in err, "no progress bar beside the lines of a run"
    executed = nbformat.read(tmp_path / "out" / "01_one.ipynb", as_version=4)
    assert "done" in executed.cells[-1].outputs[0].text


@pytest.mark.parametrize(
    ("sources", "problem"),
    [
        (["n = 2", CHECK], "In [3]: ✗ number: expected 1 ± 0.1, measured 2"),
        (["1 / 0"], "In [2]: ZeroDivisionError: division by zero"),
        (["import sys; print('noise', file=sys.stderr)"], "In [2]: wrote to stderr: noise"),
        (["import time; time.sleep(30)"], "a cell may take 2 s"),
    ],
)
def test_what_goes_wrong_is_named_with_its_cell(run, tmp_path, capsys, sources, problem):
    (tmp_path / "editions" / "sample.toml").write_text("cell_timeout = 2\n")
    write_notebook(tmp_path / "notebooks", "01_one", *sources)
    assert not run()
    entry = record(tmp_path)["notebooks"]["01_one"]
    assert not entry["passed"]
    assert any(problem in found for found in entry["problems"]), entry["problems"]
    assert f"✗ 01_one, {entry['problems'][0]}" in capsys.readouterr().out


def test_a_kernel_that_dies_is_named_and_the_others_go_on(run, tmp_path):
    write_notebook(tmp_path / "notebooks", "01_one", "import os; os._exit(1)")
    write_notebook(tmp_path / "notebooks", "02_two", CHECK)
    assert not run()
    one, two = record(tmp_path)["notebooks"].values()
    assert one["problems"] == ["stopped: Kernel died (a cell may take 60 s)"]
    assert one["peak_memory"] is None
    assert two["passed"]


def test_the_table_of_a_run_is_aligned():
    entry = {"seconds": 172.4, "peak_memory": 1434, "passed": True}
    checks = [{"holds": True}, {"holds": False}, {"holds": None}]
    failed = {"seconds": 8.0, "peak_memory": None, "passed": False, "checks": checks}
    table = course._table({"04_dense_vae": entry | {"checks": checks[:1]}, "05_own": failed})
    assert table.splitlines() == [
        "notebook      seconds     MB  checks passed",
        "04_dense_vae      172   1434  1 of 1",
        "05_own              8      –  1 of 2  ✗",
    ]


def test_parameters_of_the_edition_reach_the_notebook(run, tmp_path):
    (tmp_path / "editions" / "full.toml").write_text("cell_timeout = 60\n[01_one]\nn = 7\n")
    write_notebook(tmp_path / "notebooks", "01_one", "assert n == 7")
    assert run("full")
    assert not run("sample")


@pytest.mark.parametrize(
    ("edition", "content", "only", "message"),
    [
        ("full", "[01_one]\nepoch = 7\n", None, "01_one has no parameter 'epoch'.*holds n"),
        ("full", "[02_two]\nn = 7\n", None, "names '02_two', but there is no"),
        ("huge", "", None, "no edition 'huge': there are full, sample"),
        ("full", "", "07", "no notebook begins with '07': there are 01_one"),
    ],
)
def test_unknown_names_are_errors_before_anything_runs(
    run, tmp_path, edition, content, only, message
):
    (tmp_path / "editions" / "full.toml").write_text("cell_timeout = 60\n" + content)
    write_notebook(tmp_path / "notebooks", "01_one")
    with pytest.raises(course.CourseError, match=message):
        run(edition, only)
    assert not (tmp_path / "out").exists()


def test_an_interrupted_run_goes_on_where_it_was_cut_off(run, tmp_path, monkeypatch, capsys):
    for name in ("01_one", "02_two", "03_three"):
        write_notebook(tmp_path / "notebooks", name, CHECK)
    execute, executed = course._execute, []

    def interrupted(path, *rest):
        if path.stem == "02_two" and "02_two" not in executed:
            executed.append("02_two")
            raise KeyboardInterrupt
        executed.append(path.stem)
        return execute(path, *rest)

    monkeypatch.setattr(course, "_execute", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run()
    assert "kept" not in capsys.readouterr().out
    executed[:] = ["02_two"]
    assert run()
    assert executed == ["02_two", "02_two", "03_three"]
    assert "01_one: kept from the interrupted run" in capsys.readouterr().out
    executed[:] = ["02_two"]
    assert run()
    assert executed[1:] == ["01_one", "02_two", "03_three"], "a finished run starts anew"


MEET = """
import pathlib, time
pathlib.Path('{mine}').touch()
while not pathlib.Path('{other}').exists(): time.sleep(0.05)
"""


def test_two_notebooks_run_side_by_side(run, tmp_path):
    (tmp_path / "editions" / "sample.toml").write_text("cell_timeout = 30\n")
    write_notebook(tmp_path / "notebooks", "01_one", MEET.format(mine="one", other="two"))
    write_notebook(tmp_path / "notebooks", "02_two", MEET.format(mine="two", other="one"))
    assert run(jobs=2), "each waits for the other"
    with pytest.raises(course.CourseError, match="0 notebooks at once: at least 1 is needed"):
        run(jobs=0)


THREADS = "import os; assert os.environ['TF_NUM_INTRAOP_THREADS'] == '{}'"


@pytest.mark.parametrize(
    ("cores", "jobs", "threads"),
    [(8, 2, 4), (2, 2, 1), (2, 1, 2), (1, 3, 1), (8, None, 4)],
)
def test_notebooks_share_the_cores(run, tmp_path, monkeypatch, cores, jobs, threads):
    monkeypatch.setattr(course.environment, "cores", lambda: cores)
    monkeypatch.delenv("TF_NUM_INTRAOP_THREADS", raising=False)
    write_notebook(tmp_path / "notebooks", "01_one", THREADS.format(threads))
    assert run(jobs=jobs)


def test_a_file_named_from_here_is_found_from_the_notebooks(run, tmp_path, monkeypatch):
    (tmp_path / "mine.npz").write_bytes(b"digits")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MNIST_NPZ", "mine.npz")
    look = "import os; open(os.environ['MNIST_NPZ'])"
    write_notebook(tmp_path / "notebooks", "01_one", look)
    assert run()


def test_an_interruption_stops_the_kernels(run, tmp_path, monkeypatch):
    def interrupted(futures):
        while not (tmp_path / "notebooks" / "begun").exists():
            time.sleep(0.05)
        raise KeyboardInterrupt

    monkeypatch.setattr(course, "as_completed", interrupted)
    waits = "import pathlib, time; pathlib.Path('begun').touch(); time.sleep(50)"
    write_notebook(tmp_path / "notebooks", "01_one", waits)
    second = "import pathlib; pathlib.Path('second').touch()"
    write_notebook(tmp_path / "notebooks", "02_two", second)
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        run()
    assert time.monotonic() - start < 40
    assert not (tmp_path / "out" / "run.json").exists()
    assert not (tmp_path / "notebooks" / "second").exists(), "nothing more is begun"


def test_kernels_are_shut_down_as_jupyter_does_it():
    managers = course._Kernels(60, threads=1).manager([]), course.AsyncKernelManager
    ours, theirs = (inspect.signature(kind.shutdown_kernel).parameters for kind in managers)
    assert {n: p.default for n, p in ours.items()} == {n: p.default for n, p in theirs.items()}


def test_the_sample_edition_may_take_one_and_a_half_gib_and_not_more():
    limit = course.MEMORY_LIMITS["sample"]
    assert limit == 1.5 * 1024**3 // 1e6
    for peak, passed in ((limit, True), (limit + 1, False), (None, True)):
        entry = {"peak_memory": peak, "passed": True, "problems": []}
        course._judge_memory(entry, "sample")
        assert entry["passed"] is passed


@pytest.mark.skipif(environment.peak_memory("self") is None, reason="the system tells no peak")
def test_a_kernel_that_takes_too_much_memory_fails_the_run(run, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(course.MEMORY_LIMITS, "sample", 300)
    hungry = "import numpy as np; x = np.ones(300 * 1024**2 // 8); del x"
    write_notebook(tmp_path / "notebooks", "01_one", hungry)
    write_notebook(tmp_path / "notebooks", "02_two", CHECK)
    assert not run()
    one, two = record(tmp_path)["notebooks"].values()
    assert 300 < one["peak_memory"] < 600, "the peak, although the memory was given back"
    assert not one["passed"]
    assert two["passed"], "each notebook has its own peak"
    assert "memory; the sample edition may take 300 MB" in capsys.readouterr().out


def test_prose_is_no_reason_to_run_again(tmp_path):
    write_notebook(tmp_path, "01_one", CHECK)
    before = course._fingerprint(tmp_path / "01_one.ipynb", {})
    notebook = nbformat.read(tmp_path / "01_one.ipynb", as_version=4)
    notebook.cells.append(V4.new_markdown_cell("prose"))
    nbformat.write(notebook, tmp_path / "01_one.ipynb")
    assert course._fingerprint(tmp_path / "01_one.ipynb", {}) == before
    assert course._fingerprint(tmp_path / "01_one.ipynb", {"n": 2}) != before
    orders = {"n": 2, "m": 3}, {"m": 3, "n": 2}
    assert len({course._fingerprint(tmp_path / "01_one.ipynb", order) for order in orders}) == 1
    notebook.cells[1].source += "  # more"
    nbformat.write(notebook, tmp_path / "01_one.ipynb")
    assert course._fingerprint(tmp_path / "01_one.ipynb", {}) != before


def test_only_modules_that_notebooks_run_make_another_code(tmp_path, monkeypatch):
    package = course.Path(course.__file__).parent
    assert all((package / name).is_file() for name in course.NOT_IN_KERNELS)
    write_notebook(tmp_path, "01_one", CHECK)
    monkeypatch.setattr(course, "__file__", str(tmp_path / "course.py"))
    marks = []
    for name in ("rbm.py", "course.py", "results.py"):
        (tmp_path / name).write_text(f"# {name}")
        marks.append(course._fingerprint(tmp_path / "01_one.ipynb", {}))
    (tmp_path / "rbm.py").write_text("# changed")
    marks.append(course._fingerprint(tmp_path / "01_one.ipynb", {}))
    assert marks[0] == marks[1] == marks[2] != marks[3]


def test_docstrings_are_no_code(tmp_path, monkeypatch):
    write_notebook(tmp_path, "01_one", CHECK)
    monkeypatch.setattr(course, "__file__", str(tmp_path / "course.py"))

    def mark(module):
        (tmp_path / "rbm.py").write_text(module)
        return course._fingerprint(tmp_path / "01_one.ipynb", {})

    module = '{0}def f(x):\n    {1}return "x"\n\n\ndef g(x):\n    {1}return x\n'
    plain = mark(module.format("", ""))
    assert mark(module.format('"""One\n\nmodule."""\n\n', '"""Of\n    x."""\n    ')) == plain
    assert mark(module.format('text = """One"""\n', "")) != plain
    assert mark(module.replace("x", "y").format("", "")) != plain


def test_copies_lie_in_the_build_folder_that_git_ignores(tmp_path):
    assert course._copies("sample") == course.ROOT / "build" / "sample"
    assert course._copies("sample", tmp_path) == tmp_path


def test_a_changed_notebook_is_not_kept(run, tmp_path, monkeypatch):
    write_notebook(tmp_path / "notebooks", "01_one", CHECK)
    write_notebook(tmp_path / "notebooks", "02_two", "1 / 0")
    assert not run()
    write_notebook(tmp_path / "notebooks", "01_one", CHECK, "2")
    executed = []
    monkeypatch.setattr(
        course,
        "_execute",
        lambda path, *_: (
            executed.append(path.stem)
            or {"passed": True, "seconds": 0, "peak_memory": 9, "checks": [], "problems": []}
        ),
    )
    assert run()
    assert executed == ["01_one", "02_two"]


def test_a_run_goes_on_with_what_changed_what_failed_and_what_is_missing(
    run, tmp_path, monkeypatch
):
    executed = []

    def execute(path, *_):
        executed.append(path.stem)
        passed = path.stem != "03_failed"
        return {"passed": passed, "seconds": 0, "peak_memory": 9, "checks": [], "problems": []}

    monkeypatch.setattr(course, "_execute", execute)
    for name in ("01_good", "02_changed", "03_failed", "04_missing"):
        write_notebook(tmp_path / "notebooks", name, CHECK)
    assert [run(only=start) for start in ("01", "02", "03")] == [True, True, False]
    write_notebook(tmp_path / "notebooks", "02_changed", CHECK, "2")
    executed.clear()
    assert not run()
    assert executed == ["02_changed", "03_failed", "04_missing"]


def test_only_runs_one_notebook_and_keeps_the_records_of_others(run, tmp_path):
    write_notebook(tmp_path / "notebooks", "01_one", CHECK)
    write_notebook(tmp_path / "notebooks", "02_two", CHECK)
    assert run(only="01")
    assert set(record(tmp_path)["notebooks"]) == {"01_one"}
    assert run(only="02")
    assert set(record(tmp_path)["notebooks"]) == {"01_one", "02_two"}


PUBLISHED = """
[[figure]]
model = "a model"
value = 1.05
better = "lower"
notebook = "01"
claim = "number"
source = "A paper"
"""
FIGURE = "from IPython.display import Image, display; from helpers import plotting; "
FIGURE += "plotting.show(plotting.plt.figure(), 'No z₁ and no z₂.')"
FULL_CHECK = "from helpers.checks import check, use_edition; use_edition('full'); "
FULL_CHECK += "check('number', n, full=(1, 0.1))"


@pytest.fixture
def keep(run, tmp_path):
    """`course.keep` on the test's own folders, in which a full edition of two notebooks lies."""
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "published.toml").write_text(PUBLISHED)
    (tmp_path / "editions" / "full.toml").write_text("cell_timeout = 60\n[01_one]\nn = 1.02\n")
    write_notebook(tmp_path / "notebooks", "01_one", FULL_CHECK)
    write_notebook(tmp_path / "notebooks", "02_two", FIGURE)
    path = tmp_path / "notebooks" / "02_two.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[1].metadata.tags = ["results:nothing"]
    nbformat.write(notebook, path)
    return lambda: course.keep(tmp_path / "out", tmp_path / "results", **folders(tmp_path))


def test_a_complete_full_run_is_kept_as_values_figures_and_page(run, keep, tmp_path, capsys):
    assert run("full")
    assert keep()
    full, _ = results.read(tmp_path / "results")
    assert list(full["notebooks"]) == ["01_one", "02_two"]
    (check,) = full["notebooks"]["01_one"]["checks"]
    assert (check["value"], check["expected"], check["uncertainty"]) == (1.02, 1, 0.1)
    assert (tmp_path / "results" / "nothing.png").read_bytes().startswith(b"\x89PNG")
    page = (tmp_path / "results" / "README.md").read_text()
    assert "| a model | 1.05 | 1.02 | reproduced |" in page
    assert "![No z₁ and no z₂.](nothing.png)" in page
    text = (tmp_path / "results" / "full.json").read_text(encoding="utf-8")
    assert '"No z₁ and no z₂."' in text
    assert str(tmp_path) not in text
    assert environment.platform.node() not in text
    assert "Written:" in capsys.readouterr().out


def test_an_incomplete_full_run_is_not_kept(run, keep, tmp_path, capsys):
    assert run("full", only="01")
    assert keep()
    assert not (tmp_path / "results" / "full.json").exists()
    assert "this run has not got 02_two" in capsys.readouterr().out
    assert run("full", only="02")
    write_notebook(tmp_path / "notebooks", "01_one", FULL_CHECK, "'changed since'")
    assert keep()
    assert not (tmp_path / "results" / "full.json").exists()
    assert "this run has not got 01_one" in capsys.readouterr().out
    write_notebook(tmp_path / "notebooks", "01_one", FULL_CHECK, "1 / 0")
    assert not run("full")
    assert keep()
    assert not (tmp_path / "results" / "full.json").exists()
    assert "this run has not got 01_one" in capsys.readouterr().out
    assert "No complete run" in (tmp_path / "results" / "README.md").read_text()


def compare(tmp_path, edition="full"):
    out = tmp_path / "build" / "again"
    return course.compare(edition, out, tmp_path / "results", **folders(tmp_path))


def test_compare_says_what_moved_and_what_left_its_band(run, keep, tmp_path, capsys):
    with pytest.raises(course.CourseError, match=r"no results/full\.json"):
        compare(tmp_path)
    assert run("full")
    keep()
    assert compare(tmp_path)
    assert "Values that have not moved: 1" in capsys.readouterr().out
    edition = tmp_path / "editions" / "full.toml"
    edition.write_text("cell_timeout = 60\n[01_one]\nn = 0.95\n")
    assert compare(tmp_path)
    assert "· 01_one, number: 1.02 → 0.95, 70% of its uncertainty" in capsys.readouterr().out
    edition.write_text("cell_timeout = 60\n[01_one]\nn = 1.2\n")
    assert not compare(tmp_path)
    assert "✗ 01_one, number: 1.02 → 1.2, outside 1 ± 0.1" in capsys.readouterr().out
    write_notebook(tmp_path / "notebooks", "01_one", FULL_CHECK.replace("0.1", "0.5"))
    assert not compare(tmp_path), "a band made wider in the notebook is not the band that was kept"


def test_compare_holds_the_sample_edition_against_the_committed_outputs(run, tmp_path, capsys):
    write_notebook(tmp_path / "notebooks", "01_one", CHECK)
    assert run()
    (tmp_path / "out" / "01_one.ipynb").rename(tmp_path / "notebooks" / "01_one.ipynb")
    assert compare(tmp_path, "sample")
    assert "Values that have not moved: 1" in capsys.readouterr().out


def test_run_keeps_only_what_belongs_in_results(monkeypatch):
    kept = []
    monkeypatch.setattr(course, "keep", lambda: kept.append("kept"))
    monkeypatch.setattr(course, "run", lambda edition, only, out, jobs: edition != "bad")
    assert course.run_and_keep("sample")
    assert course.run_and_keep("full", out="elsewhere")
    assert not course.run_and_keep("bad")
    assert kept == []
    assert course.run_and_keep("full")
    assert kept == ["kept"]


def test_exit_status_and_messages(capsys, monkeypatch):
    assert course.main(["run", "--edition", "huge"]) == 2
    assert "✗ no edition 'huge'" in capsys.readouterr().err
    for well, status in ((True, 0), (False, 1)):
        monkeypatch.setattr(course, "doctor", lambda well=well: well)
        assert course.main(["doctor"]) == status

    def interrupted():
        raise KeyboardInterrupt

    monkeypatch.setattr(course, "doctor", interrupted)
    assert course.main(["doctor"]) == 130
    for wrong in (["fly"], []):
        with pytest.raises(SystemExit, match="2"):
            course.main(wrong)


def test_doctor_finds_this_environment_well(capsys, monkeypatch):
    monkeypatch.delenv("MNIST_NPZ", raising=False)
    assert course.doctor()
    printed = capsys.readouterr().out
    assert "✓ Python" in printed
    assert "✓ the bundled digits" in printed


def test_doctor_names_what_is_missing_and_the_remedy(capsys, monkeypatch, tmp_path):
    metadata = environment.importlib.metadata
    version = metadata.version

    def look_up(name):
        if name == "papermill":
            raise metadata.PackageNotFoundError(name)
        return "1.0" if name == "keras" else "2.99" if name == "numpy" else version(name)

    monkeypatch.setattr(metadata, "version", look_up)
    monkeypatch.setattr("helpers.data.SAMPLE_FILE", tmp_path / "gone.npz")
    monkeypatch.setenv("MNIST_NPZ", str(tmp_path / "none.npz"))
    assert not course.doctor()
    printed = capsys.readouterr().out
    assert "✗ papermill is missing: pip install -c constraints.txt -e ." in printed
    assert "✗ keras>=3.13 is needed, 1.0 is here: pip install -U 'keras>=3.13'" in printed
    assert "· numpy 2.99; outputs made with" in printed
    assert "gone.npz is not there. Restore it" in printed
    assert "· all of MNIST is not here yet" in printed


def test_doctor_tells_whose_results_are_kept(monkeypatch, tmp_path):
    monkeypatch.setattr(course, "RESULTS", tmp_path)
    (tmp_path / "published.toml").write_text(PUBLISHED)
    assert course._results() == ("·", "results/ holds no run of the full edition yet: make full")
    entries = {path.stem: {"code": "old"} for path in course._choose(course.NOTEBOOKS, None)}
    (tmp_path / "full.json").write_text(json.dumps({"date": "2026-11-03", "notebooks": entries}))
    assert "results/ has other code, or none, for 00_start_here, 01" in course._results()[1]
    monkeypatch.setattr(course, "_fingerprint", lambda path, parameters: "old")
    assert course._results() == ("✓", "results/ was measured with this code, 2026-11-03")


def test_links_are_built_from_the_one_public_address():
    readme = (course.ROOT / "README.md").read_text(encoding="utf-8")
    assert address.with_links(readme) == readme, "run make links"
    assert address.badges() in readme
    assert address.on_binder() in readme
    name = address.address().removeprefix("https://github.com/")
    files = [*course.ROOT.glob("*.md"), *course.ROOT.glob("*/*.md"), *course.ROOT.glob("*/*.py")]
    files += course.ROOT.glob("*/*.ipynb")
    naming = [p.name for p in files if name in p.read_text(encoding="utf-8")]
    assert naming == ["README.md"]


def test_links_writes_the_address_between_its_marks_only(monkeypatch, tmp_path):
    monkeypatch.setattr(course, "ROOT", tmp_path)
    readme = "# Title\n<!-- links -->\n{}\n<!-- end of links -->\nText\n"
    (tmp_path / "README.md").write_text(readme.format("old"))
    assert course.main(["links"]) == 0
    assert (tmp_path / "README.md").read_text(encoding="utf-8") == readme.format(address.badges())


def test_each_notebook_has_its_address_on_binder():
    line = address.on_binder()
    for path in course.NOTEBOOKS.glob("*.ipynb"):
        assert f"[{path.name[:2]}]({address.binder(path.name)})" in line
    start = "https://mybinder.org/v2/gh/"
    assert address.binder("04_dense_vae.ipynb").startswith(start)
    assert address.binder("x.ipynb").endswith("/HEAD?urlpath=lab/tree/notebooks/x.ipynb")
