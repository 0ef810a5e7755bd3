"""Notebooks for a class: no solution and no output is left, and everything else is."""

import re

import nbformat
import pytest
from notebook_files import PATHS

from course.__main__ import main
from course.student import write_student_notebooks


@pytest.fixture(scope="module")
def handed_out(tmp_path_factory):
    out = tmp_path_factory.mktemp("class") / "handed out"
    assert write_student_notebooks(out)
    return out


def texts(notebook, kind):
    return [cell.source for cell in notebook.cells if cell.cell_type == kind]


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_the_answers_are_gone_and_the_questions_are_there(path, handed_out):
    taught = nbformat.read(path, as_version=4)
    given = nbformat.read(handed_out / "notebooks" / path.name, as_version=4)
    nbformat.validate(given)
    prose, whole = ("\n".join(texts(notebook, "markdown")) for notebook in (given, taught))
    exercises = len(re.findall(r"^### \w+\.\d ", whole, re.M))
    assert whole.count("<summary>Solution") == exercises
    assert "<summary>Solution" not in prose
    assert len(re.findall(r"^### \w+\.\d ", prose, re.M)) == exercises
    assert re.findall(r"^#+ .*", prose, re.M) == re.findall(r"^#+ .*", whole, re.M)
    assert prose.count("<details>") == prose.count("</details>")
    assert texts(given, "code") == texts(taught, "code")
    assert "widgets" not in given.metadata
    for cell in given.cells:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None


def test_linked_pictures_go_along(handed_out):
    for path in (handed_out / "notebooks").glob("*.ipynb"):
        prose = "\n".join(texts(nbformat.read(path, as_version=4), "markdown"))
        for linked in re.findall(r"\]\((\.\./[^)#]+)", prose):
            assert (path.parent / linked).is_file(), linked


def test_a_linked_file_goes_along_with_its_folders(tmp_path):
    folder = tmp_path / "course" / "notebooks"
    for place in (folder, tmp_path / "course" / "figures" / "of one"):
        place.mkdir(parents=True)
    (tmp_path / "course" / "figures" / "of one" / "a.png").write_bytes(b"picture")
    linked = "Look: [a picture](../figures/of one/a.png)"
    cells = [nbformat.v4.new_markdown_cell(linked), nbformat.v4.new_code_cell("'](../none.png)'")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), folder / "01_one.ipynb")
    out = tmp_path / "new"
    out.mkdir()  # empty, and so welcome
    assert write_student_notebooks(out, notebooks=folder)
    files = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    assert files == {"notebooks/01_one.ipynb", "figures/of one/a.png"}


def test_a_file_in_the_place_of_the_folder_is_left_as_it_is(tmp_path, capsys):
    out = tmp_path / "notes.txt"
    out.write_text("mine")
    assert main(["student", str(out)]) == 2
    assert "name a new folder" in capsys.readouterr().err
    assert out.read_text() == "mine"


def test_what_a_class_has_worked_in_is_never_replaced(tmp_path, capsys):
    work = tmp_path / "notes.txt"
    work.write_text("mine")
    assert main(["student", str(tmp_path)]) == 2
    assert "name a new folder" in capsys.readouterr().err
    assert [file.name for file in tmp_path.iterdir()] == ["notes.txt"]


def test_some_of_the_notebooks(tmp_path, capsys):
    assert main(["student", str(tmp_path / "new"), "--only", "01,03"]) == 0
    written = sorted(path.name[:2] for path in tmp_path.glob("new/notebooks/*.ipynb"))
    assert written == ["01", "03"]
    assert "2 notebooks without solutions and outputs" in capsys.readouterr().out
    assert main(["student", str(tmp_path / "other"), "--only", "99"]) == 2
    assert not (tmp_path / "other").exists()
