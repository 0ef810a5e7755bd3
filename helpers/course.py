"""Command line of the course.

python -m helpers.course run --edition sample     execute the notebooks and read their checks back
python -m helpers.course doctor                   say what is missing or wrong here, and the remedy
python -m helpers.course links                    write the public address into the README's links

Exit status: 0 if all is well, 1 if something is wrong, 2 for a wrong call, 130 if interrupted.
"""

import argparse
import hashlib
import importlib.metadata
import json
import os
import platform
import re
import sys
import tempfile
import time
import tomllib
from pathlib import Path

import nbformat
import papermill
from packaging.requirements import Requirement
from traitlets.config import Config

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = ROOT / "notebooks"
FAILED_MARK = "✗"


class CourseError(Exception):
    """Something that the person at the command line can mend; the message says how."""


# Running an edition ------------------------------------------------------------------------------


def run(edition, only=None, out=None, notebooks=NOTEBOOKS, editions=ROOT / "editions"):
    """Execute an edition of the notebooks with papermill and read back what their checks said.

    The executed copies and `run.json`, with every measured value, are left in the folder `out`. A
    run that was interrupted or that failed goes on, the next time, at the first notebook that did
    not pass; a notebook whose source, parameters or package changed since is executed again.

    Args:
        edition: the name of a file in `editions`.
        only: the beginning of a notebook's name, such as "04"; all notebooks without it.
        out: the folder for the executed copies; by default build/<edition>.
        notebooks, editions: folders to take the notebooks and the editions from.

    Returns:
        True if every notebook passed: no error, no failed check, nothing on stderr, no timeout.

    Raises:
        CourseError: the edition, the notebook or a parameter of this name does not exist.
    """
    timeout, parameters = _read_edition(editions, edition, notebooks)
    paths = _choose(notebooks, only)
    out = Path(out or ROOT / "build" / edition).resolve()
    out.mkdir(parents=True, exist_ok=True)
    record_file = out / "run.json"
    marks = {path.stem: _fingerprint(path, parameters.get(path.stem, {})) for path in paths}
    record = _open_record(record_file, edition)
    kept = {
        name: entry
        for name, entry in record["notebooks"].items()
        if entry["passed"] and marks.get(name, entry["fingerprint"]) == entry["fingerprint"]
    }
    if all(path.stem in kept for path in paths):
        kept = {name: entry for name, entry in kept.items() if name not in marks}
    record["notebooks"] = kept

    for position, path in enumerate(paths, start=1):
        if path.stem in kept:
            print(f"[{position}/{len(paths)}] {path.stem}: kept from the interrupted run")
            continue
        print(f"[{position}/{len(paths)}] {path.stem} ...", flush=True)
        entry = _execute(path, out / path.name, parameters.get(path.stem, {}), timeout)
        entry["fingerprint"] = marks[path.stem]
        record["notebooks"][path.stem] = entry
        record_file.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n")
        for problem in entry["problems"]:
            print(f"    {FAILED_MARK} {path.stem}, {problem}")

    entries = {path.stem: record["notebooks"][path.stem] for path in paths}
    print(_table(entries))
    print(f"Executed notebooks: {os.path.relpath(out)}")
    return all(entry["passed"] for entry in entries.values())


def problems_of(notebook):
    """List what is wrong with an executed notebook, each item with the cell's number.

    Args:
        notebook: an nbformat notebook.

    Returns:
        Sentences such as "In [7]: ✗ validation loss: expected 51.2 ± 2.0, measured 60.3".
    """
    found = []
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            where = f"In [{cell.execution_count or ' '}]"
            text = output.get("text", "") or output.get("data", {}).get("text/plain", "")
            if output.output_type == "error":
                found.append(f"{where}: {output.ename}: {output.evalue}")
            elif output.get("name") == "stderr":
                found.append(f"{where}: wrote to stderr: {text.strip()[:200]}")
            found += [f"{where}: {line}" for line in text.splitlines() if FAILED_MARK in line]
    return found


def checks_of(notebook):
    """Collect the records that `helpers.checks.check` left in an executed notebook, in order."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return [o.metadata["check"] for o in outputs if "check" in o.get("metadata", {})]


def _read_edition(folder, edition, notebooks):
    file = Path(folder) / f"{edition}.toml"
    if not file.is_file():
        names = ", ".join(sorted(path.stem for path in Path(folder).glob("*.toml")))
        raise CourseError(f"no edition {edition!r}: there are {names}")
    parameters = tomllib.loads(file.read_text(encoding="utf-8"))
    timeout = parameters.pop("cell_timeout")
    for name, given in parameters.items():
        path = Path(notebooks) / f"{name}.ipynb"
        if not path.is_file():
            raise CourseError(f"{file.name} names {name!r}, but there is no {path.name}")
        known = papermill.inspect_notebook(path)
        for parameter in given:
            if parameter not in known:
                raise CourseError(
                    f"{file.name}: {name} has no parameter {parameter!r}: "
                    f"its parameters cell holds {', '.join(known) or 'none'}"
                )
    return timeout, parameters


def _choose(folder, only):
    paths = sorted(Path(folder).glob("*.ipynb"))
    chosen = [path for path in paths if path.stem.startswith(only or "")]
    if not chosen:
        names = ", ".join(path.stem for path in paths)
        raise CourseError(f"no notebook begins with {only!r}: there are {names}")
    return chosen


def _fingerprint(path, parameters):
    digest = hashlib.sha256(json.dumps(parameters, sort_keys=True).encode())
    for cell in nbformat.read(path, as_version=4).cells:
        digest.update(f"{cell.cell_type}\0{cell.source}\0".encode())
    for module in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(module.read_bytes())
    return digest.hexdigest()


def _open_record(file, edition):
    new = {
        "edition": edition,
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "versions": {n: importlib.metadata.version(n) for n in ("tensorflow", "keras", "numpy")},
        "notebooks": {},
    }
    if file.is_file():
        old = json.loads(file.read_text())
        if {**old, "notebooks": {}} == new:
            return old
    return new


def _execute(path, target, parameters, timeout):
    start = time.monotonic()
    stopped = []
    # Unix sockets in a folder of their own: no network is needed, not even the loopback one.
    folder = tempfile.TemporaryDirectory(prefix="kernel-")
    sockets = {"transport": "ipc", "ip": f"{folder.name}/socket"}
    try:
        papermill.execute_notebook(
            path,
            target,
            parameters,
            kernel_name="python3",
            cwd=path.parent,
            execution_timeout=timeout,
            progress_bar=sys.stderr.isatty(),
            config=Config(KernelManager=sockets),
        )
    except papermill.PapermillExecutionError:
        pass  # it stands in the executed copy, where problems_of finds it
    except Exception as error:
        reason = str(error).strip() or type(error).__name__
        stopped = [f"stopped: {reason.splitlines()[0]} (a cell may take {timeout} s)"]
    finally:
        folder.cleanup()
    executed = nbformat.read(target, as_version=4)
    problems = problems_of(executed) + stopped
    return {
        "passed": not problems,
        "seconds": round(time.monotonic() - start, 1),
        "checks": checks_of(executed),
        "problems": problems,
    }


def _table(entries):
    rows = [("notebook", "seconds", "checks passed")]
    for name, entry in entries.items():
        judged = [check["holds"] for check in entry["checks"] if check["holds"] is not None]
        result = f"{sum(judged)} of {len(judged)}" + ("" if entry["passed"] else f"  {FAILED_MARK}")
        rows.append((name, f"{entry['seconds']:.0f}", result))
    rows.append(("in all", f"{sum(entry['seconds'] for entry in entries.values()):.0f}", ""))
    width = max(len(row[0]) for row in rows)
    return "\n".join(f"{name:{width}}  {seconds:>7}  {checks}" for name, seconds, checks in rows)


# The environment ---------------------------------------------------------------------------------


def doctor():
    """Print one line for everything the course needs here, with a remedy where it is wrong.

    Returns:
        True if nothing is wrong; a version other than the one the committed outputs were made
        with is only mentioned.
    """
    findings = [*_packages(), _kernel(), *_datasets()]
    for mark, text in findings:
        print(mark, text)
    return all(mark != FAILED_MARK for mark, _ in findings)


def _packages():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    running = platform.python_version()
    wanted = Requirement(f"python{project['requires-python']}").specifier
    if wanted.contains(running):
        yield "✓", f"Python {running}"
    else:
        yield FAILED_MARK, f"Python {running}: install Python {wanted} and run make course again"
    pins = dict(re.findall(r"^([\w.-]+)==(\S+)$", (ROOT / "constraints.txt").read_text(), re.M))
    for text in project["dependencies"]:
        requirement = Requirement(text)
        try:
            version = importlib.metadata.version(requirement.name)
        except importlib.metadata.PackageNotFoundError:
            yield FAILED_MARK, f"{requirement.name} is missing: pip install -c constraints.txt -e ."
            continue
        if not requirement.specifier.contains(version):
            yield FAILED_MARK, f"{text} is needed, {version} is here: pip install -U '{text}'"
        elif version != pins[requirement.name]:
            yield "·", f"{requirement.name} {version}; outputs made with {pins[requirement.name]}"
        else:
            yield "✓", f"{requirement.name} {version}"


def _kernel():
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    try:
        command = KernelSpecManager().get_kernel_spec("python3").argv[0]
    except NoSuchKernel:
        return FAILED_MARK, "no Jupyter kernel python3: pip install -c constraints.txt -e ."
    if Path(command).name.startswith("python"):
        return "✓", "Jupyter kernel python3"
    return FAILED_MARK, f"the Jupyter kernel python3 runs {command}: jupyter kernelspec remove it"


def _datasets():
    from helpers.data import SAMPLE_FILE, find_mnist, read_digits

    try:
        read_digits(SAMPLE_FILE, "sample")
        yield "✓", "the bundled digits"
    except (OSError, ValueError) as error:
        yield FAILED_MARK, str(error)
    try:
        yield "✓", f"all of MNIST, from {find_mnist()[0]}"
    except FileNotFoundError as error:
        yield "·", f"all of MNIST is not here yet; only the full edition needs it. {error}"
    except ValueError as error:
        yield FAILED_MARK, str(error)


# Links -------------------------------------------------------------------------------------------

LINKS = re.compile(r"(?<=<!-- links -->\n).*?(?=\n<!-- end of links -->)", re.S)


def links():
    """Write the badges at the top of the README from the public address in pyproject.toml."""
    file = ROOT / "README.md"
    text = file.read_text(encoding="utf-8")
    file.write_text(LINKS.sub(lambda _: badges(), text), encoding="utf-8")
    return True


def badges():
    """The README's badges as Markdown, built from the public address in pyproject.toml."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    address = project["urls"]["Repository"]
    name = address.removeprefix("https://github.com/")
    start = "v2/gh/" + name + "/HEAD?urlpath=lab/tree/notebooks/00_start_here.ipynb"
    return "\n".join(
        [
            f"[![Tests]({address}/actions/workflows/ci.yml/badge.svg)]"
            f"({address}/actions/workflows/ci.yml)",
            f"[![Open on Binder](https://mybinder.org/badge_logo.svg)](https://mybinder.org/{start})",
            "[![Licence: MIT](https://img.shields.io/badge/licence-MIT-blue)](LICENSE)",
        ]
    )


def main(arguments=None):
    """Run a command of the course; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m helpers.course", description="Run the course and look after it."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    runner = commands.add_parser("run", help="execute the notebooks and read their checks back")
    runner.add_argument("--edition", default="sample", help="sample (default) or full")
    runner.add_argument("--only", metavar="04", help="the notebook whose name begins so")
    runner.add_argument("--out", metavar="FOLDER", help="by default build/<edition>")
    commands.add_parser("doctor", help="say what is missing or wrong here, and how to mend it")
    commands.add_parser("links", help="write the public address into the README's links")
    options = vars(parser.parse_args(arguments))
    command = {"run": run, "doctor": doctor, "links": links}[options.pop("command")]
    try:
        return 0 if command(**options) else 1
    except CourseError as error:
        print(f"{FAILED_MARK} {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nInterrupted. The same command goes on at the notebook that was cut off.")
        return 130


if __name__ == "__main__":
    sys.exit(main())
