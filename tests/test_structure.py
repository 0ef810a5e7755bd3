"""Which module calls which: no circle, and no arrow from the library to the tool."""

import ast
import re
from graphlib import TopologicalSorter

import pytest
from notebook_files import ROOT

PACKAGES = ("helpers", "course")


def imports(file):
    """Names such as "helpers.rbm" that a module imports, at its top or inside a function."""
    names = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def arrows():
    files = {f"{p}.{file.stem}": file for p in PACKAGES for file in (ROOT / p).glob("*.py")}
    return {name: imports(file) & set(files) - {name} for name, file in files.items()}


def test_modules_import_each_other_in_no_circle():
    tuple(TopologicalSorter(arrows()).static_order())  # raises CycleError, which names the circle


def test_the_library_knows_nothing_of_the_tool():
    for name, targets in arrows().items():
        if name.startswith("helpers."):
            assert not [target for target in targets if target.startswith("course.")], name


@pytest.mark.parametrize("name", ["progress", "data", "plotting", "rbm", "checks", "explorer"])
def test_these_modules_stand_alone_in_the_library(name):
    lazily = {
        "data": {"helpers.runtime", "helpers.pictures"},
        "progress": {"helpers.runtime"},
        "explorer": {"helpers.plotting"},
    }
    assert arrows()[f"helpers.{name}"] <= {"helpers.inputs"} | lazily.get(name, set())


def test_no_file_edits_the_search_path():
    """The cell for Google Colab does, which is a text in `course.address`."""
    edited = "sys." + "path"
    texts = {ROOT / "course" / "address.py": 1, ROOT / "tests" / "test_address.py": 2}
    for folder in (*PACKAGES, "benchmarks", "tests", "site", "data"):
        for file in (ROOT / folder).rglob("*.py"):
            assert file.read_text(encoding="utf-8").count(edited) == texts.get(file, 0), file.name


def documented_functions():
    """Functions of the packages whose docstring has an Args block: name, parameters, the block."""
    for folder in PACKAGES:
        for file in sorted((ROOT / folder).glob("*.py")):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.FunctionDef):
                    text = ast.get_docstring(node) or ""
                    block = re.search(r"^Args:\n((?:    .*\n?|\n)+)", text, re.M)
                    if block:
                        given = node.args.args + node.args.kwonlyargs
                        names = {argument.arg for argument in given} - {"self", "cls"}
                        names |= {node.args.vararg.arg} if node.args.vararg else set()
                        yield f"{file.stem}.{node.name}", names, block[1]


def test_a_docstring_that_lists_arguments_lists_them_all():
    for name, parameters, block in documented_functions():
        lines = re.findall(r"^    ([\w*][\w, *]*):", block, re.M)
        described = {part.strip() for line in lines for part in line.split(",")}
        assert described == parameters, name


def test_docstrings_speak_one_dialect():
    for folder in PACKAGES:
        for file in (ROOT / folder).glob("*.py"):
            text = file.read_text(encoding="utf-8")
            assert not re.findall(r"^ *(?:Args|Returns|Raises|Yields): \S.*", text, re.M), file.name
