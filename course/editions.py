"""The editions: which parameters each notebook gets, which notebooks there are, and their marks.

A mark, or fingerprint, says whether a measured value still belongs to the code: it covers a
notebook's code, the values of its parameters, and the modules of `helpers` that it imports,
directly or through other modules. What changes no value changes no mark: prose, figures' captions
and alternatives, docstrings, exercises, kept models, how the library draws, the cell for Google
Colab, and what another edition sets or expects.
"""

import ast
import hashlib
import json
import tomllib
from pathlib import Path

import nbformat
from IPython.core.inputtransformer2 import TransformerManager

from course.address import COLAB
from course.environment import ROOT, CourseError
from helpers.checks import DATASETS

NOTEBOOKS = ROOT / "notebooks"
EDITIONS = ROOT / "editions"
HELPERS = ROOT / "helpers"
# Hints, kept models, drawing and progress lines change nothing that is measured. (The grid of codes
# of `plotting.manifold_codes` would, and is pinned by its test.)
WITHOUT_MARK = ("exercises", "trained", "plotting", "explorer", "progress")


def read_edition(edition, folder=EDITIONS, notebooks=NOTEBOOKS):
    """The parameters of an edition, checked against the notebooks that they are for.

    Args:
        edition: the name of a file in `folder`.
        folder: with the editions, one TOML file for each.
        notebooks: the folder of the notebooks.

    Returns:
        A pair: the seconds that a cell may take, and a dictionary from a notebook's name to the
        parameters that differ from those in its own cell.

    Raises:
        CourseError: there is no such edition, or the file names a notebook or a parameter that
            does not exist, cannot be read, or has no usable `cell_timeout`.
    """
    file = Path(folder) / f"{edition}.toml"
    if not file.is_file():
        names = ", ".join(sorted(path.stem for path in Path(folder).glob("*.toml")))
        raise CourseError(f"no edition {edition!r}: there are {names}")
    try:
        parameters = tomllib.loads(file.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise CourseError(f"{file.name} is no valid TOML: {error}") from None
    timeout = parameters.pop("cell_timeout", None)
    if not isinstance(timeout, int) or timeout < 1:
        raise CourseError(f"{file.name}: cell_timeout = {timeout}, seconds above 0 are needed")
    for name, given in parameters.items():
        path = Path(notebooks) / f"{name}.ipynb"
        if not path.is_file():
            raise CourseError(f"{file.name} names {name!r}, but there is no {path.name}")
        known = parameters_of(nbformat.read(path, as_version=4))
        for parameter in given:
            if parameter not in known:
                raise CourseError(
                    f"{file.name}: {name} has no parameter {parameter!r}: "
                    f"its parameters cell holds {', '.join(known) or 'none'}"
                )
    return timeout, parameters


def parameters_of(notebook):
    """What a notebook's parameters cell assigns: a dictionary from a name to its value, as code."""
    values = {}
    for cell in notebook.cells:
        if "parameters" in cell.metadata.get("tags", []):
            for node in ast.parse(cell.source).body:
                if isinstance(node, ast.Assign | ast.AnnAssign) and node.value:
                    target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
                    values[ast.unparse(target)] = ast.unparse(node.value)
    return values


def choose(only=None, folder=NOTEBOOKS):
    """The paths of the notebooks that `only` chooses; of all, without it.

    Args:
        only: how the name of one begins, or of several, with commas between: "04" or "04,07".
        folder: of the notebooks.

    Raises:
        CourseError: there is none of such a name.
    """
    paths = sorted(Path(folder).glob("*.ipynb"))
    beginnings = [beginning.strip() for beginning in (only or "").split(",")]
    beginnings = list(filter(None, beginnings)) or [only or ""]  # "04," asks for one
    for beginning in beginnings:
        if not any(path.stem.startswith(beginning) for path in paths):
            names = ", ".join(path.stem for path in paths)
            raise CourseError(f"no notebook begins with {beginning!r}: there are {names}")
    return [path for path in paths if path.stem.startswith(tuple(beginnings))]


def fingerprint(path, parameters, package=HELPERS):
    """The mark of a notebook with these parameters; see the module.

    Args:
        path: of the notebook.
        parameters: those that the edition gives it.
        package: the folder of the library's modules.

    Returns:
        64 hexadecimal digits.
    """
    notebook = nbformat.read(path, as_version=4)
    given = {name: repr(value) for name, value in parameters.items()}
    values = parameters_of(notebook) | given
    digest = hashlib.sha256(json.dumps(values, sort_keys=True).encode())
    sources = code_of(notebook)
    others = set(DATASETS) - {ast.literal_eval(values.get("edition", "'sample'"))}
    for source in sources:
        digest.update(_without_words(source, others) + b"\0")
    for module in modules_behind(sources, package):
        code = (Path(package) / f"{module}.py").read_text(encoding="utf-8")
        digest.update(_without_docstrings(code).encode())
    return digest.hexdigest()


def all_behind(package=HELPERS):
    """A mark of everything that a notebook may show beside its own code.

    Args:
        package: the folder of the library's modules.

    Returns:
        64 hexadecimal digits, from all of the library's modules and the list of the kept models.
    """
    digest = hashlib.sha256()
    for file in (*sorted(Path(package).glob("*.py")), ROOT / "results" / "full.json"):
        digest.update(file.read_bytes() if file.is_file() else b"")
    return digest.hexdigest()


def code_of(notebook):
    """The sources of a notebook's code cells, without its parameters and that for Google Colab."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    left_out = {"parameters", COLAB}
    return [cell.source for cell in code if not left_out & set(cell.metadata.get("tags", []))]


def modules_behind(sources, package=HELPERS):
    """Names of the library's modules that pieces of code import, directly or through others.

    Args:
        sources: pieces of code, as from `code_of`.
        package: the folder of the library's modules.

    Returns:
        A sorted list, without those of `WITHOUT_MARK`.
    """
    to_python = TransformerManager().transform_cell  # a cell may hold %magic
    waiting = {name for source in sources for name in _imports(to_python(source))}
    found = set()
    while waiting:
        name = waiting.pop()
        file = Path(package) / f"{name}.py"
        if name not in WITHOUT_MARK and name not in found and file.is_file():
            found.add(name)
            waiting |= _imports(file.read_text(encoding="utf-8"))
    return sorted(found)


def _imports(code):
    """Names of the modules of `helpers` that a piece of code imports, at its top or inside."""
    names = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return {name.split(".")[1] for name in names if name.startswith("helpers.")}


def _without_words(source, others):
    """A cell as bytes, without its figures' words and what is expected in `others`, editions."""
    code = TransformerManager().transform_cell(source)
    lines, spans = code.encode().splitlines(keepends=True), []
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "plotting.show":
            named = [word.value for word in node.keywords if word.arg in ("alt", "caption")]
            spans += [(_place(lines, word), _place(lines, word, "end_")) for word in named]
            if node.args[1:]:
                spans.append(tuple(_place(lines, node.args[i], "end_") for i in (0, -1)))
        elif isinstance(node, ast.Assign | ast.AugAssign):
            target = node.target if isinstance(node, ast.AugAssign) else node.targets[0]
            if isinstance(target, ast.Name) and target.id in ("alt", "caption"):
                spans.append((_place(lines, node), _place(lines, node, "end_")))
        elif isinstance(node, ast.keyword) and node.arg in others:
            spans.append((_place(lines, node.value), _place(lines, node.value, "end_")))
        elif isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant) and key.value in others:
                    spans.append((_place(lines, value), _place(lines, value, "end_")))
    text = b"".join(lines)
    for start, end in sorted(spans, reverse=True):
        text = text[:start] + text[end:]
    return text


def _place(lines, node, side=""):
    """Where a node begins, or with "end_" ends, in bytes from the start."""
    line, column = getattr(node, f"{side}lineno"), getattr(node, f"{side}col_offset")
    return sum(map(len, lines[: line - 1])) + column


def _without_docstrings(code):
    """The lines of a module that can change what it does; the comments are left in."""
    lines = code.splitlines()
    for node in ast.walk(ast.parse(code)):
        documented = isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        if documented and ast.get_docstring(node):
            first, last = node.body[0].lineno - 1, node.body[0].end_lineno
            lines[first:last] = [""] * (last - first)
    return "\n".join(line for line in lines if line)
