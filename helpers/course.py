"""Command line of the course.

python -m helpers.course run --edition sample     execute the notebooks and read their checks back
python -m helpers.course compare --edition full   measure again, and say what moved
python -m helpers.course results                  write the folder results/ anew
python -m helpers.course doctor                   say what is missing or wrong here, and the remedy
python -m helpers.course links                    write the public address into the README's links

A complete run of the full edition writes the folder results/ by itself. Exit status: 0 if all is
well, 1 if something is wrong, 2 for a wrong call, 130 if interrupted.
"""

import argparse
import ast
import contextlib
import datetime
import hashlib
import json
import os
import signal
import sys
import tempfile
import time
import tomllib
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

import nbformat
import papermill
from jupyter_client import AsyncKernelManager
from traitlets.config import Config

from helpers import environment
from helpers import results as kept
from helpers.address import with_links
from helpers.environment import FAILED_MARK, ROOT

NOTEBOOKS = ROOT / "notebooks"
EDITIONS = ROOT / "editions"
RESULTS = ROOT / "results"
MEMORY_LIMITS = {"sample": 1610}  # MB a kernel may take, 1.5 GiB; Binder gives 2 GiB in all
NOT_IN_KERNELS = ("address.py", "course.py", "environment.py", "results.py")


class CourseError(Exception):
    """Something that the person at the command line can mend; the message says how."""


# Running an edition ------------------------------------------------------------------------------


def run(edition, only=None, out=None, jobs=None, notebooks=NOTEBOOKS, editions=EDITIONS):
    """Execute an edition of the notebooks with papermill and read back what their checks said.

    Several notebooks run side by side, each on its share of the cores: two small networks on a
    core each are trained much sooner than one after the other on both.

    The executed copies and `run.json`, with every measured value, are left in the folder `out`. A
    run that was interrupted or that failed goes on, the next time, at the first notebook that did
    not pass; a notebook whose code, parameters or package changed since is executed again.

    Args:
        edition: the name of a file in `editions`.
        only: the beginning of a notebook's name, such as "04"; all notebooks without it.
        out: the folder for the executed copies; by default build/<edition>.
        jobs: how many notebooks run at once, each with up to 1.6 GB of memory in the sample
            edition and 3.5 GB in the full one; by default two, or one on a single core.
        notebooks, editions: folders to take the notebooks and the editions from.

    Returns:
        True if every notebook passed: no error, no failed check, nothing on stderr, no timeout,
        and no more memory than the edition allows.

    Raises:
        CourseError: the edition, the notebook or a parameter of this name does not exist, or
            `jobs` is below 1.
    """
    cores = environment.cores()
    jobs = min(2, cores) if jobs is None else jobs
    if jobs < 1:
        raise CourseError(f"{jobs} notebooks at once: at least 1 is needed")
    timeout, parameters = _read_edition(editions, edition, notebooks)
    paths = _choose(notebooks, only)
    out = _copies(edition, out)
    out.mkdir(parents=True, exist_ok=True)
    record_file = out / "run.json"
    marks = {path.stem: _fingerprint(path, parameters.get(path.stem, {})) for path in paths}
    record = _open_record(record_file, edition)
    done = {
        name: entry
        for name, entry in record["notebooks"].items()
        if entry["passed"] and marks.get(name, entry["fingerprint"]) == entry["fingerprint"]
    }
    if all(path.stem in done for path in paths):
        done = {name: entry for name, entry in done.items() if name not in marks}
    record["notebooks"] = done

    for path in paths:
        if path.stem in done:
            print(f"{path.stem}: kept from the interrupted run")
    to_do = [path for path in paths if path.stem not in done]
    print(f"Notebooks to execute: {len(to_do)}, {jobs} at once", flush=True)
    start = time.monotonic()
    kernels = _Kernels(timeout, threads=max(1, cores // jobs))
    pool = ThreadPoolExecutor(jobs)
    try:
        executing = {}
        for path in to_do:
            given = parameters.get(path.stem, {})
            executing[pool.submit(_execute, path, out / path.name, given, kernels)] = path.stem
        for count, future in enumerate(as_completed(executing), start=1):
            name, entry = executing[future], future.result()
            entry |= {"fingerprint": marks[name], "date": datetime.date.today().isoformat()}
            _judge_memory(entry, edition)
            record["notebooks"][name] = entry
            _write(record_file, record)
            print(f"[{count}/{len(to_do)}] {name}: {entry['seconds']:.0f} s", flush=True)
            for problem in entry["problems"]:
                print(f"    {FAILED_MARK} {name}, {problem}")
    except BaseException:  # whatever stops us, do not wait for notebooks that take an hour
        pool.shutdown(wait=False, cancel_futures=True)
        kernels.kill()
        raise
    finally:
        pool.shutdown()

    entries = {path.stem: record["notebooks"][path.stem] for path in paths}
    print(_table(entries))
    print(f"Executed in {time.monotonic() - start:.0f} s: {os.path.relpath(out)}")
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


def _copies(edition, out=None):
    return Path(out or ROOT / "build" / edition).resolve()


def _fingerprint(path, parameters):
    digest = hashlib.sha256(json.dumps(parameters, sort_keys=True).encode())
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "code":
            digest.update(f"{cell.source}\0".encode())
    for module in sorted(Path(__file__).parent.glob("*.py")):
        if module.name not in NOT_IN_KERNELS:
            digest.update(_without_docstrings(module.read_text(encoding="utf-8")).encode())
    return digest.hexdigest()


def _without_docstrings(code):
    """The lines of a module that can change what it does; the comments are left in."""
    lines = code.splitlines()
    for node in ast.walk(ast.parse(code)):
        documented = isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        if documented and ast.get_docstring(node):
            first, last = node.body[0].lineno - 1, node.body[0].end_lineno
            lines[first:last] = [""] * (last - first)
    return "\n".join(line for line in lines if line)


def _open_record(file, edition):
    new = {"edition": edition, **environment.machine(), "notebooks": {}}
    if file.is_file():
        old = json.loads(file.read_text(encoding="utf-8"))
        if {**old, "notebooks": {}} == new:
            return old
    return new


def _write(file, content):
    text = json.dumps(content, indent=1, ensure_ascii=False)
    file.write_text(text + "\n", encoding="utf-8")


def _judge_memory(entry, edition):
    peak, limit = entry["peak_memory"], MEMORY_LIMITS.get(edition)
    if peak and limit and peak > limit:
        entry["passed"] = False
        entry["problems"].append(
            f"took up to {peak:,} MB of memory; the {edition} edition may take {limit:,} MB"
        )


class _Kernels:
    """The kernels of a run: how they are started, which are at work, what memory they took."""

    def __init__(self, timeout, threads):
        self.timeout = timeout
        self.environment = {
            "TF_NUM_INTRAOP_THREADS": str(threads),
            "OPENBLAS_NUM_THREADS": str(threads),
            "MALLOC_ARENA_MAX": "2",  # as in binder/start: with more heaps, freed memory is kept
        } | os.environ
        if os.environ.get("MNIST_NPZ"):  # named from here; the kernels work in another folder
            self.environment["MNIST_NPZ"] = os.path.abspath(os.environ["MNIST_NPZ"])
        self.at_work = set()

    def manager(self, peaks):
        """A class of kernel managers; each notes in a list what memory its kernel took."""
        kernels = self

        class Kernel(AsyncKernelManager):
            async def start_kernel(self, **options):
                await super().start_kernel(**options | {"env": kernels.environment})
                self.process = self.provisioner.pid
                kernels.at_work.add(self.process)

            async def shutdown_kernel(self, now=False, restart=False):
                peaks.append(environment.peak_memory(self.process))
                kernels.at_work.discard(self.process)
                await super().shutdown_kernel(now, restart)

        return Kernel

    def kill(self):
        """Stop the kernels that are at work; the threads that wait for them then end."""
        for process in list(self.at_work):
            with contextlib.suppress(ProcessLookupError):  # it ended just now
                os.kill(process, signal.SIGKILL)


def _execute(path, target, parameters, kernels):
    start = time.monotonic()
    stopped, peaks = [], [None]

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
            execution_timeout=kernels.timeout,
            progress_bar=False,
            config=Config(KernelManager=sockets),
            kernel_manager_class=kernels.manager(peaks),
        )
    except papermill.PapermillExecutionError:
        pass  # it stands in the executed copy, where problems_of finds it
    except Exception as error:
        reason = str(error).strip() or type(error).__name__
        stopped = [f"stopped: {reason.splitlines()[0]} (a cell may take {kernels.timeout} s)"]
    finally:
        folder.cleanup()
    executed = nbformat.read(target, as_version=4)
    problems = problems_of(executed) + stopped
    return {
        "passed": not problems,
        "seconds": round(time.monotonic() - start, 1),
        "peak_memory": peaks[-1],
        "checks": checks_of(executed),
        "problems": problems,
    }


def _table(entries):
    rows = [("notebook", "seconds", "MB", "checks passed")]
    for name, entry in entries.items():
        judged = [check["holds"] for check in entry["checks"] if check["holds"] is not None]
        result = f"{sum(judged)} of {len(judged)}" + ("" if entry["passed"] else f"  {FAILED_MARK}")
        rows.append((name, f"{entry['seconds']:.0f}", str(entry["peak_memory"] or "–"), result))
    width = max(len(row[0]) for row in rows)
    return "\n".join(
        f"{name:{width}}  {seconds:>7}  {memory:>5}  {checks}".rstrip()
        for name, seconds, memory, checks in rows
    )


# What was measured -------------------------------------------------------------------------------


def run_and_keep(edition, only=None, out=None, jobs=None):
    """Run an edition; after a complete run of the full one, write the folder results/."""
    passed = run(edition, only, out, jobs)
    if passed and edition == "full" and out is None:
        keep()
    return passed


def keep(copies=None, folder=RESULTS, notebooks=NOTEBOOKS, editions=EDITIONS):
    """Write the folder results/ anew: values and figures of a complete full run, and the page.

    Values and figures are taken only if every notebook passed in one record, with the code and
    the parameters of now. Otherwise those that are kept stay, and only the page is written.

    Args:
        copies: the folder of the executed copies; by default build/full.
        folder: where full.json, the figures and README.md go, and where published.toml lies.
        notebooks, editions: as for `run`.

    Returns:
        True.
    """
    copies = _copies("full", copies)
    if (copies / "run.json").is_file():
        record = json.loads((copies / "run.json").read_text(encoding="utf-8"))
        passed = {name: entry for name, entry in record["notebooks"].items() if entry["passed"]}
        missing = _not_as_now(passed, "fingerprint", notebooks, editions)
        if missing:
            print(f"The values kept in results/ stay: this run has not got {', '.join(missing)}.")
        else:
            paths = [copies / path.name for path in _choose(notebooks, None)]
            record["notebooks"] = {path.stem: passed[path.stem] for path in paths}
            full = kept.summary(record, kept.save_figures(paths, folder))
            _write(folder / kept.VALUES, full)
    (folder / "README.md").write_text(kept.page(*kept.read(folder)), encoding="utf-8")
    print(f"Written: {os.path.relpath(folder / 'README.md')}")
    return True


def compare(edition="full", out=None, folder=RESULTS, notebooks=NOTEBOOKS, editions=EDITIONS):
    """Measure an edition again and print what moved against the values that are kept.

    The full edition is compared with results/full.json, the sample edition with the committed
    outputs of the notebooks.

    Args:
        edition: "full" or "sample".
        out: the folder for the executed copies; by default build/compare-<edition>.
        folder, notebooks, editions: as for `keep`.

    Returns:
        True if every notebook passed and no value left its band.

    Raises:
        CourseError: there is nothing to compare with.
    """
    if edition == "full":
        full, _ = kept.read(folder)
        if full is None:
            raise CourseError("no results/full.json to compare with: make full writes it")
        before = {name: entry["checks"] for name, entry in full["notebooks"].items()}
    else:
        before = {
            path.stem: kept.measured(checks_of(nbformat.read(path, as_version=4)))
            for path in _choose(notebooks, None)
        }
    out = _copies(f"compare-{edition}", out)
    passed = run(edition, out=out, notebooks=notebooks, editions=editions)
    record = json.loads((out / "run.json").read_text(encoding="utf-8"))
    now = {name: kept.measured(entry["checks"]) for name, entry in record["notebooks"].items()}
    lines, inside = kept.moved(before, now)
    print("\n".join(lines))
    return passed and inside


def _not_as_now(entries, key, notebooks=NOTEBOOKS, editions=EDITIONS):
    """Names of the notebooks of the full edition whose entry is missing or of other code."""
    _, parameters = _read_edition(editions, "full", notebooks)
    return [
        path.stem
        for path in _choose(notebooks, None)
        if entries.get(path.stem, {}).get(key) != _fingerprint(path, parameters.get(path.stem, {}))
    ]


# The environment ---------------------------------------------------------------------------------


def doctor():
    """Print one line for everything the course needs here, with a remedy where it is wrong.

    Returns:
        True if nothing is wrong; a version other than the one the committed outputs were made
        with is only mentioned.
    """
    findings = [*environment.findings(), _results()]
    for mark, text in findings:
        print(mark, text)
    return all(mark != FAILED_MARK for mark, _ in findings)


def _results():
    full, _ = kept.read(RESULTS)
    if full is None:
        return "·", "results/ holds no run of the full edition yet: make full"
    missing = _not_as_now(full["notebooks"], "code")
    if missing:
        return "·", f"results/ has other code, or none, for {', '.join(missing)}: make full"
    return "✓", f"results/ was measured with this code, {full['date']}"


# Links -------------------------------------------------------------------------------------------


def links():
    """Write the links of the README that hold the public address in pyproject.toml."""
    file = ROOT / "README.md"
    file.write_text(with_links(file.read_text(encoding="utf-8")), encoding="utf-8")
    return True


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
    runner.add_argument("--jobs", type=int, help="how many run at once; by default two")
    comparer = commands.add_parser("compare", help="measure again, and say what moved")
    comparer.add_argument("--edition", default="full", help="full (default) or sample")
    commands.add_parser("results", help="write results/ anew: from build/full, if it is complete")
    commands.add_parser("doctor", help="say what is missing or wrong here, and how to mend it")
    commands.add_parser("links", help="write the public address into the README's links")
    options = vars(parser.parse_args(arguments))
    known = {
        "run": run_and_keep,
        "compare": compare,
        "results": keep,
        "doctor": doctor,
        "links": links,
    }
    try:
        return 0 if known[options.pop("command")](**options) else 1
    except CourseError as error:
        print(f"{FAILED_MARK} {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nInterrupted. The same command goes on at the notebook that was cut off.")
        return 130


if __name__ == "__main__":
    sys.exit(main())
