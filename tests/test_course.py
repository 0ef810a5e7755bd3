import json

import nbformat
import pytest

from helpers import course

V4 = nbformat.v4


def write_notebook(folder, name, *sources, parameters="n = 1  # a number"):
    cells = [V4.new_code_cell(parameters, metadata={"tags": ["parameters"]})]
    cells += [V4.new_code_cell(source) for source in sources]
    kernel = {"name": "python3", "language": "python", "display_name": "Python 3"}
    notebook = V4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    folder.mkdir(exist_ok=True)
    nbformat.write(notebook, folder / f"{name}.ipynb")


@pytest.fixture
def run(tmp_path):
    """`course.run` on notebooks and editions of the test's own."""
    editions = tmp_path / "editions"
    editions.mkdir()
    (editions / "sample.toml").write_text("cell_timeout = 60\n")

    def start(edition="sample", only=None):
        folders = {"notebooks": tmp_path / "notebooks", "editions": editions}
        return course.run(edition, only, tmp_path / "out", **folders)

    return start


CHECK = "from helpers.checks import check; check('number', n, sample=(1, 0.1), n=5)"


def record(tmp_path):
    return json.loads((tmp_path / "out" / "run.json").read_text())


def test_a_good_run_keeps_copies_and_measured_values(run, tmp_path, capsys):
    write_notebook(tmp_path / "notebooks", "01_one", CHECK, "print('done')")
    assert run()
    entry = record(tmp_path)["notebooks"]["01_one"]
    assert entry["passed"]
    assert entry["problems"] == []
    assert [(c["claim"], c["value"], c["n"], c["edition"]) for c in entry["checks"]] == [
        ("number", 1, 5, "sample")
    ]
    assert "tensorflow" in record(tmp_path)["versions"]
    printed = capsys.readouterr().out
    assert "01_one" in printed
    assert "1 of 1" in printed
    assert "Executed notebooks:" in printed
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
    executed[:] = ["02_two"]
    assert run()
    assert executed == ["02_two", "02_two", "03_three"]
    assert "01_one: kept from the interrupted run" in capsys.readouterr().out
    executed[:] = ["02_two"]
    assert run()
    assert executed[1:] == ["01_one", "02_two", "03_three"], "a finished run starts anew"


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
            or {"passed": True, "seconds": 0, "checks": [], "problems": []}
        ),
    )
    assert run()
    assert executed == ["01_one", "02_two"]


def test_only_runs_one_notebook_and_keeps_the_records_of_others(run, tmp_path):
    write_notebook(tmp_path / "notebooks", "01_one", CHECK)
    write_notebook(tmp_path / "notebooks", "02_two", CHECK)
    assert run(only="01")
    assert set(record(tmp_path)["notebooks"]) == {"01_one"}
    assert run(only="02")
    assert set(record(tmp_path)["notebooks"]) == {"01_one", "02_two"}


def test_exit_status_and_messages(capsys, monkeypatch):
    assert course.main(["run", "--edition", "huge"]) == 2
    assert "✗ no edition 'huge'" in capsys.readouterr().err
    monkeypatch.setattr(course, "doctor", lambda: False)
    assert course.main(["doctor"]) == 1

    def interrupted():
        raise KeyboardInterrupt

    monkeypatch.setattr(course, "doctor", interrupted)
    assert course.main(["doctor"]) == 130
    with pytest.raises(SystemExit, match="2"):
        course.main(["fly"])


def test_doctor_finds_this_environment_well(capsys, monkeypatch):
    monkeypatch.delenv("MNIST_NPZ", raising=False)
    assert course.doctor()
    printed = capsys.readouterr().out
    assert "✓ Python" in printed
    assert "✓ the bundled digits" in printed


def test_doctor_names_what_is_missing_and_the_remedy(capsys, monkeypatch, tmp_path):
    version = course.importlib.metadata.version

    def look_up(name):
        if name == "papermill":
            raise course.importlib.metadata.PackageNotFoundError(name)
        return "1.0" if name == "keras" else "2.99" if name == "numpy" else version(name)

    monkeypatch.setattr(course.importlib.metadata, "version", look_up)
    monkeypatch.setattr("helpers.data.SAMPLE_FILE", tmp_path / "gone.npz")
    monkeypatch.setenv("MNIST_NPZ", str(tmp_path / "none.npz"))
    assert not course.doctor()
    printed = capsys.readouterr().out
    assert "✗ papermill is missing: pip install -c constraints.txt -e ." in printed
    assert "✗ keras>=3.13 is needed, 1.0 is here: pip install -U 'keras>=3.13'" in printed
    assert "· numpy 2.99; outputs made with" in printed
    assert "gone.npz is not there. Restore it" in printed
    assert "· all of MNIST is not here yet" in printed


def test_links_are_built_from_the_one_public_address():
    readme = (course.ROOT / "README.md").read_text(encoding="utf-8")
    assert course.LINKS.search(readme)[0] == course.badges()
    project = course.tomllib.loads((course.ROOT / "pyproject.toml").read_text())["project"]
    address = project["urls"]["Repository"].removeprefix("https://github.com/")
    files = [*course.ROOT.glob("*.md"), *course.ROOT.glob("*/*.py"), *course.ROOT.glob("*/*.ipynb")]
    naming = [p.name for p in files if address in p.read_text(encoding="utf-8")]
    assert naming == ["README.md"]
