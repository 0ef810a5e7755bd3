import ast
import json
import shutil
import subprocess
import sys

import nbformat
import pytest
from notebook_files import PATHS, read, tags

from course import address
from course.environment import ROOT, CourseError


def test_links_are_built_from_the_one_public_address():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert address.with_links(readme) == readme, "run make links"
    assert address.badges() in readme
    name = address.address().removeprefix("https://github.com/")
    files = [*ROOT.glob("*.md"), *ROOT.glob("*/*.md"), *ROOT.glob("*/*.py"), *PATHS]
    naming = [p.name for p in files if name in p.read_text(encoding="utf-8")]
    assert naming == ["README.md", *(path.name for path in PATHS)]


def test_links_writes_the_badges_between_their_marks_and_two_columns():
    name = PATHS[0].name
    row = f"| 00 | [Start](notebooks/{name}) | look | 2 |"
    text = "# Title\n<!-- links -->\n{}\n<!-- end of links -->\nText\n" + row + " {} | {} |\n"
    new = f"[Binder]({address.binder(name)})", f"[Colab]({address.colab(name)})"
    badges = address.badges()
    assert address.with_links(text.format("old", "-", "[Colab](old)")) == text.format(badges, *new)


@pytest.mark.parametrize(
    "named",
    [
        "https://github.com/a/b.git",
        "https://github.com/a/b/",
        "https://github.com/a",
        "https://gitlab.com/a/b",
    ],
)
def test_an_address_that_makes_wrong_links_is_refused(monkeypatch, tmp_path, named):
    (tmp_path / "pyproject.toml").write_text(f'[project.urls]\nRepository = "{named}"\n')
    monkeypatch.setattr(address, "ROOT", tmp_path)
    with pytest.raises(CourseError, match=rf"Repository = '{named}', https://github.com/OWNER"):
        address.address()


def test_each_notebook_has_its_addresses_in_the_table():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for path in PATHS:
        name = path.name
        assert f"[Binder]({address.binder(name)}) | [Colab]({address.colab(name)}) |" in readme
    assert address.binder("04_dense_vae.ipynb").startswith("https://mybinder.org/v2/gh/")
    assert address.binder("x.ipynb").endswith("/HEAD?urlpath=lab/tree/notebooks/x.ipynb")
    assert address.colab("x.ipynb").startswith("https://colab.research.google.com/github/")
    assert address.colab("x.ipynb").endswith("/blob/HEAD/notebooks/x.ipynb")


@pytest.mark.parametrize("path", PATHS)
def test_each_notebook_fetches_the_course_on_colab_before_anything_else(path):
    notebook = read(path)
    first = next(cell for cell in notebook.cells if cell.cell_type == "code")
    assert {address.COLAB, "remove-cell"} <= set(tags(first))
    assert first.outputs == []
    assert address.with_colab_cell(read(path)) == notebook, "run make links"


def test_links_writes_the_colab_cells_and_leaves_the_rest(monkeypatch, tmp_path):
    (tmp_path / "notebooks").mkdir()
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [nbformat.v4.new_markdown_cell("# 00"), nbformat.v4.new_code_cell("1")]
    file = tmp_path / "notebooks" / "00_new.ipynb"
    nbformat.write(notebook, file)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "README.md").write_text("# Title\n")
    monkeypatch.setattr(address, "ROOT", tmp_path)
    assert address.write_links()
    cells = read(file).cells
    assert [cells[0], cells[2]] == notebook.cells
    assert address.address() in cells[1].source
    once = file.read_bytes()
    address.write_links()
    assert file.read_bytes() == once


LIKE_COLAB = """
import sys, types
sys.modules["google.colab"] = types.ModuleType("google.colab")
for _ in range(2):  # a reader may run the cell again
    exec(sys.argv[1])
import helpers, json
print(json.dumps(helpers.__file__))
"""


def test_the_colab_cell_fetches_the_course_and_finds_its_package(tmp_path):
    """With a stand-in for Colab's module, and a repository on the disk as the public address."""
    origin = tmp_path / "origin"
    (origin / "helpers").mkdir(parents=True)
    shutil.copy(ROOT / "helpers" / "__init__.py", origin / "helpers")
    git = ["git", "-C", str(origin), "-c", "user.name=a", "-c", "user.email=a@example.org"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "The course"]):
        subprocess.run([*git, *command], check=True)
    cell = address.with_colab_cell(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell()]))
    source = cell.cells[0].source.replace(address.address(), origin.as_uri())
    run = [sys.executable, "-I", "-c", LIKE_COLAB, source]
    done = subprocess.run(run, cwd=tmp_path, check=True, capture_output=True, text=True)
    assert json.loads(done.stdout).startswith(str(tmp_path))


def test_elsewhere_the_colab_cell_does_nothing(tmp_path, monkeypatch):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell()])
    source = address.with_colab_cell(notebook).cells[0].source
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("it fetched"))
    before = sys.path.copy()
    exec(compile(ast.parse(source), "cell", "exec"), {})
    assert sys.path == before
