"""What every committed notebook must be. That its outputs are true, nbval tests by running it."""

import ast
import difflib
import json
import re
import statistics

import pytest
from notebook_files import PATHS, ROOT, calls, code_cells, exercises, markdown, read, tags

from course.address import COLAB
from course.run import checks_of, problems_of

each_notebook = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
MODULES = ("ais", "annealing", "batches", "conditional", "data", "diffusion", "evaluation")
MODULES += ("gan", "importance", "plotting", "rbm", "vae", "wasserstein")


@each_notebook
def test_executed_from_top_to_bottom_in_a_fresh_kernel(path):
    counts = [cell.execution_count for cell in read(path).cells if cell.cell_type == "code"]
    assert counts == list(range(1, len(counts) + 1))


@each_notebook
def test_nothing_failed_and_nothing_went_to_stderr(path):
    assert problems_of(read(path)) == []


@each_notebook
def test_every_check_holds_and_has_an_expectation_in_both_editions(path):
    for record in checks_of(read(path)):
        assert record["holds"], record["claim"]
        fact = "bound" in record or ("expected" in record and "tolerance" not in record)
        assert fact or set(record["bands"]) == {"sample", "full"}, record["claim"]


OF_A_DIFFERENCE = re.compile(r"\b(more|less|gains?|minus|differences?)\b", re.I)


@each_notebook
def test_a_claim_of_a_difference_leaves_no_room_for_none(path):
    for record in checks_of(read(path)):
        if OF_A_DIFFERENCE.search(record["claim"]):
            for edition, (expected, tolerance) in record.get("bands", {}).items():
                assert abs(expected) > tolerance, (edition, record["claim"])


@each_notebook
def test_cells_with_checks_are_compared_by_nbval(path):
    for cell in code_cells(path):
        if calls(cell.source, "check") or calls(cell.source, "check_exercise"):
            assert "nbval-check-output" in tags(cell), cell.source


@each_notebook
def test_compared_cells_train_nothing_that_shows_its_progress(path):
    """On a slow machine the line appears, on a quick one it does not."""
    trainers = {"epoch_progress"}
    for cell in code_cells(path):
        for name, node in definitions(cell.source).items():
            if any(calls(ast.unparse(node), trainer) for trainer in trainers):
                trainers.add(name)
        if "nbval-check-output" in tags(cell):
            assert not any(calls(cell.source, trainer) for trainer in trainers), cell.source


@each_notebook
def test_compared_cells_hold_no_pictures_or_clocks(path):
    for cell in code_cells(path):
        if "nbval-check-output" in tags(cell):
            assert cell.outputs, cell.source
            for output in cell.outputs:
                assert set(output.get("data", {"text/plain": ""})) == {"text/plain"}, cell.source


@each_notebook
def test_metadata_names_the_kernel_and_no_machine(path):
    notebook = read(path)
    assert notebook.metadata.kernelspec.name == "python3"
    assert notebook.metadata.kernelspec.language == "python"
    text = json.dumps(notebook)
    assert not re.search(r"(?<![\w.])/(work|root|tmp|home|Users)/\w", text)


@each_notebook
def test_size(path):
    assert path.stat().st_size <= 1_000_000


@each_notebook
def test_one_parameters_cell_of_plain_values_with_a_comment_each(path):
    cells = [cell for cell in code_cells(path) if "parameters" in tags(cell)]
    assert len(cells) == 1
    for node in ast.parse(cells[0].source).body:
        assert isinstance(node, ast.Assign)
        ast.literal_eval(node.value)
    for line in cells[0].source.splitlines():
        assert "  # " in line, line


NOT_YET = ()  # pages that are not yet in the new form


def is_deep_dive(path):
    return path.stem.startswith("d")


@each_notebook
def test_anatomy(path):
    text = markdown(path)
    assert re.match(rf"# {path.stem[:2]} · ", text)
    wanted = ["**You will**", "**You will learn**", "**You need**", "## Setup"]
    wanted += ["## Recap", "## Exercises"]
    if not is_deep_dive(path):
        wanted += ["### {}.1 Predict", "### {}.2 Change", "### {}.3 Implement"]
        wanted += ["### {}.4 Find the bug"]
    wanted += ["## References"]
    positions = [text.find(part.format(path.stem[:2])) for part in wanted]
    assert -1 not in positions, [w for w, p in zip(wanted, positions, strict=True) if p < 0]
    assert path.stem[:2] in NOT_YET or positions == sorted(positions)


@pytest.mark.parametrize("path", [p for p in PATHS if p.stem[:2] not in NOT_YET])
def test_a_page_is_no_longer_than_a_reader_bears(path):
    cells, most = read(path).cells, (50, 2500) if path.stem[0] == "d" else (60, 3000)
    texts = [cell.source for cell in cells if cell.cell_type == "markdown"]
    texts = [re.sub(r"<details>.*?</details>", "", text, flags=re.S) for text in texts]
    lengths = [len(text.split()) for text in texts]
    assert len(cells) <= most[0]
    assert sum(lengths) <= most[1]
    assert max(lengths) <= 180, texts[lengths.index(max(lengths))]
    prose = "\n".join(texts)
    assert len(re.findall(r"(?:sample|full) edition", prose, re.I)) <= 2
    assert not re.findall(r"\bpublished (?:notebook|network|model|VAE|one|work)", prose, re.I)
    assert re.search(r"!\[[^\]]{30,}\]\(\.\./results/\w+\.png\)", cells[0].source)
    minutes = re.search(r"(\d+) minutes to study", prose)
    assert int(minutes[1]) <= (40 if path.stem[0] == "d" else 45)
    references = prose.split("## References")[1]
    assert all("](https://" in line for line in references.splitlines() if line.startswith("- "))


@each_notebook
def test_cells_are_short(path):
    lengths = []
    for cell in code_cells(path):
        lines = [line for line in cell.source.splitlines() if line.strip()]
        assert lines, "an empty cell"
        assembling = re.search(r"^class ", cell.source, re.M)
        assert len(lines) <= (40 if assembling else 25), cell.source
        lengths.append(len(lines))
    assert statistics.median(lengths) <= 8


@each_notebook
def test_no_long_run_of_code_without_prose(path):
    cells = [cell for cell in read(path).cells if COLAB not in tags(cell)]
    kinds = "".join("c" if cell.cell_type == "code" else "m" for cell in cells)
    assert "cccc" not in kinds


@each_notebook
def test_every_picture_has_a_text_alternative(path):
    for cell in code_cells(path):
        for output in cell.outputs:
            if "image/png" in output.get("data", {}):
                alternative = output.metadata.get("image/png", {}).get("alt", "")
                assert len(alternative) > 30, cell.source


@each_notebook
def test_links_lead_somewhere(path):
    for target in re.findall(r"\]\(([^)#]+)", markdown(path)):
        if not target.startswith("https://"):
            assert (path.parent / target).exists(), target


@each_notebook
def test_nothing_unfinished(path):
    text = markdown(path) + "".join(cell.source for cell in code_cells(path))
    assert not re.search(r"\b(TODO|FIXME|XXX|PROSE|lorem)\b", text)


@each_notebook
def test_exercises_are_answered_and_left_open(path):
    found = exercises(path)
    deep = is_deep_dive(path)
    count = len(found) if deep else 4
    assert count >= 2
    assert list(found) == [f"{path.stem[:2]}.{position + 1}" for position in range(count)]
    for number in found if deep else ():
        kinds = "Predict|Change|Implement|Find the bug"
        assert re.search(rf"^### {re.escape(number)} ({kinds})$", markdown(path), re.M), number
    for number, (_, _, solution) in found.items():
        assert solution, f"no folded solution after exercise {number}"


# not taught: saving with Keras, and looking at what comes in; the latter too if named checked_...
SAVING = ("get_config", "get_compile_config")
DOORS = ("__call__", "fit", "evaluate", "predict", "set_model")
DOORS += ("train_on_batch", "test_on_batch", "predict_on_batch")


def is_taught(part):
    name = getattr(part, "name", None) or ""
    return name not in SAVING + DOORS and not name.startswith("checked_")


def without_docstrings(node):
    """The definition as code, without docstrings, decorators and the methods not taught."""
    for part in ast.walk(node):
        if hasattr(part, "decorator_list"):
            part.decorator_list = []
        if isinstance(part, ast.ClassDef):
            part.body = [kept for kept in part.body if is_taught(kept)]
        body = getattr(part, "body", None)
        if isinstance(body, list) and body and isinstance(body[0], ast.Expr):
            value = body[0].value
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                part.body = body[1:] or [ast.Pass()]
    return ast.unparse(node)


def definitions(source):
    kinds = (ast.FunctionDef, ast.ClassDef)
    return {node.name: node for node in ast.parse(source).body if isinstance(node, kinds)}


def packaged_definitions():
    """The definitions in the package: no name of a taught one is used twice."""
    found = {}
    for module in MODULES:
        file = ROOT / "helpers" / f"{module}.py"
        for name, node in definitions(file.read_text(encoding="utf-8")).items():
            assert name.startswith("_") or name not in found, name
            found[name] = module, without_docstrings(node).splitlines()
    return found


@each_notebook
def test_taught_code_is_the_packages_code(path):
    packaged = packaged_definitions()
    for cell in code_cells(path):
        if "local" in tags(cell) or calls(cell.source, "check_exercise"):
            continue
        for name, node in definitions(cell.source).items():
            where = f"{path.name}, In [{cell.execution_count}], {name}"
            assert name in packaged, f"{where}: not in helpers, and its cell is not tagged local"
            module, kept = packaged[name]
            taught = without_docstrings(node).splitlines()
            lines = difflib.unified_diff(kept, taught, f"helpers.{module}", where, lineterm="")
            assert kept == taught, "\n".join(lines)


def test_the_readme_lists_the_notebooks():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    listed = re.findall(r"\[[^\]]+\]\(notebooks/([\w.]+)\)", readme)
    assert sorted(set(listed)) == [path.name for path in PATHS]
