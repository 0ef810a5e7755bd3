"""Run an edition: kernels, papermill, one notebook, many notebooks, and what they left behind."""

import contextlib
import datetime
import fcntl
import json
import os
import signal
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

import nbformat
import papermill
from jupyter_client import AsyncKernelManager
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from traitlets.config import Config

from course import environment
from course.editions import EDITIONS, NOTEBOOKS, all_behind, choose, fingerprint, read_edition
from course.environment import ROOT, CourseError, shown, socket_folder
from helpers.checks import FAILED
from helpers.data import fetch_mnist
from helpers.trained import FOLDER_OF_RUN

MEMORY_LIMITS = {"sample": 1610}  # MB a kernel may take, 1.5 GiB; Binder gives 2 GiB in all


def run(
    edition,
    only=None,
    out=None,
    jobs=None,
    notebooks=NOTEBOOKS,
    editions=EDITIONS,
    kept=None,
    anew=False,
):
    """Execute an edition of the notebooks with papermill and read back what their checks said.

    Several notebooks run side by side, each on its share of the cores: two small networks on a
    core each are trained much sooner than one after the other on both. The longest come first, as
    far as `kept` knows them, so that no core is left idle for long at the end.

    The executed copies and `run.json`, with every measured value, are left in the folder `out`. A
    run that was interrupted or that failed goes on, the next time, at the first notebook that did
    not pass; a notebook whose mark (`course.editions`) changed since, or whose copy is gone or
    damaged, is executed again. In any edition but the full one, which takes hours, so is every
    notebook after a change of anything in `helpers` or of a kept model.

    Args:
        edition: the name of a file in `editions`.
        only: the beginning of a notebook's name, such as "04"; all notebooks without it.
        out: the folder for the executed copies; by default build/<edition>.
        jobs: how many notebooks run at once, each with up to 1.6 GB of memory in the sample
            edition and 5.6 GB in the full one; by default two, or one on a single core.
        notebooks, editions: folders to take the notebooks and the editions from.
        kept: what earlier runs of this edition measured, a dictionary from a notebook's name to
            its `seconds` and `peak_memory`: by these they are put in order, and what to expect is
            printed before the start.
        anew: execute every notebook, whatever an earlier run in the folder has left.

    Returns:
        True if every notebook passed: no error, no failed check, nothing on stderr, no timeout,
        and no more memory than the edition allows.

    Raises:
        CourseError: the edition, the notebook or a parameter of this name does not exist, `jobs`
            is below 1, the edition needs MNIST and it is not to be had, or the folder cannot be
            written or has another run at work in it.
    """
    cores = environment.cores()
    jobs = min(2, cores) if jobs is None else jobs
    if jobs < 1:
        raise CourseError(f"{jobs} notebooks at once: at least 1 is needed")
    timeout, parameters = read_edition(edition, editions, notebooks)
    paths = choose(only, notebooks)
    given = {path.stem: parameters.get(path.stem, {}) for path in paths}
    out = copies(edition, out)
    marks = {path.stem: fingerprint(path, given[path.stem]) for path in paths}
    if edition != "full":
        behind = all_behind()
        marks = {name: f"{mark} {behind}" for name, mark in marks.items()}
    with _alone_in(out), contextlib.chdir("."):  # papermill's threads leave us anywhere
        record = _open_record(out, edition)
        done = {
            name: entry
            for name, entry in record["notebooks"].items()
            if entry["passed"] and marks.get(name, entry["fingerprint"]) == entry["fingerprint"]
        }
        if anew or all(path.stem in done for path in paths):
            done = {name: entry for name, entry in done.items() if name not in marks}
        kept = kept or {}
        to_do = [path for path in paths if path.stem not in done]
        to_do.sort(key=lambda path: -kept.get(path.stem, {"seconds": 0})["seconds"])
        _announce(paths, to_do, jobs, {**kept, **record["notebooks"]})
        if any(given[path.stem].get("dataset") == "mnist" for path in to_do):
            _require_mnist()
        record["notebooks"] = done
        if (out / "run.json").exists():  # the copies that it speaks of are about to be replaced
            write_json(out / "run.json", record)
        environment.settle(out)

        start = time.monotonic()
        models = out / "models" if edition == "full" else None
        kernels = _Kernels(timeout, threads=max(1, cores // jobs), models=models)
        pool = ThreadPoolExecutor(jobs)
        try:
            executing = {
                pool.submit(_execute, path, out / path.name, given[path.stem], kernels): path.stem
                for path in to_do
            }
            for count, future in enumerate(as_completed(executing), start=1):
                name, entry = executing[future], future.result()
                entry |= {"fingerprint": marks[name], "date": datetime.date.today().isoformat()}
                _judge_memory(entry, edition)
                record["notebooks"][name] = entry
                write_json(out / "run.json", record)
                print(f"[{count}/{len(to_do)}] {name}: {entry['seconds']:.0f} s", flush=True)
                for problem in entry["problems"]:
                    print(f"    {FAILED} {name}, {problem}")
        except BaseException:  # whatever stops us, do not wait for notebooks that take an hour
            pool.shutdown(wait=False, cancel_futures=True)
            kernels.kill()
            raise
        finally:
            pool.shutdown()

    entries = {path.stem: record["notebooks"][path.stem] for path in paths}
    print(_table(entries))
    print(f"Executed in {time.monotonic() - start:.0f} s: {shown(out)}")
    return all(entry["passed"] for entry in entries.values())


@contextlib.contextmanager
def _alone_in(folder):
    """Make a folder for a run, and keep other runs out of it meanwhile."""
    lock = folder / "run.lock"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = lock.open("w")
    except OSError as error:
        why = f"{shown(folder)} cannot be written ({error.strerror})"
        raise CourseError(f"{why}: --out FOLDER names another place") from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CourseError(
                f"another run is at work in {shown(folder)}: wait for its end, or give --out FOLDER"
            ) from None
        except OSError:  # a file system without locks, as some over a network
            pass
        yield


# What a run leaves -------------------------------------------------------------------------------


def copies(edition, out=None):
    """The folder of an edition's executed copies: `out`, by default build/<edition>."""
    return Path(out or ROOT / "build" / edition).resolve()


def read_record(folder):
    """What run.json in a folder says; `None` if there is none or it is damaged."""
    try:
        record = json.loads((Path(folder) / "run.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    sound = isinstance(record, dict) and isinstance(record.get("notebooks"), dict)
    return record if sound else None


def write_json(file, content):
    """Write a file whole or not at all: an interruption leaves the old one."""
    text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", dir=file.parent, prefix=f"{file.name}.", delete=False
    ) as new:
        try:
            new.write(text)
            new.close()
            os.chmod(new.name, 0o644)
            os.replace(new.name, file)
        except BaseException:
            os.unlink(new.name)
            raise


def problems_of(notebook):
    """List what is wrong with an executed notebook, each item with the cell's number.

    Args:
        notebook: an nbformat notebook.

    Returns:
        Sentences such as "In [7]: ✗ validation loss: 60.3 (expected 51.2 ± 2.0)".
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
            found += [f"{where}: {line}" for line in text.splitlines() if FAILED in line]
    return found


def checks_of(notebook):
    """Collect the records that `helpers.checks.check` left in an executed notebook, in order."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return [o.metadata["check"] for o in outputs if "check" in o.get("metadata", {})]


def _open_record(folder, edition):
    """The record to go on with: the one in the folder, as far as it can be relied on."""
    new = {"edition": edition, **environment.machine(), "notebooks": {}}
    old = read_record(folder)
    if old is None or {**old, "notebooks": {}} != new:
        return new
    old["notebooks"] = {
        name: entry
        for name, entry in old["notebooks"].items()
        if _parses(Path(folder) / f"{name}.ipynb")
    }
    return old


def _parses(path):
    try:
        nbformat.read(path, as_version=4)
    except Exception:  # a damaged notebook can raise almost anything
        return False
    return True


def _announce(paths, to_do, jobs, before):
    """Say what is kept, what is run, and what that took before."""
    kept = [path.stem for path in paths if path not in to_do]
    if kept:
        print(f"Kept from the last run: {', '.join(kept)}")
    names = [path.stem for path in to_do]
    print(f"To execute, {min(jobs, len(names))} at once: {', '.join(names)}")
    known = [before[name] for name in names if name in before]
    if len(known) == len(names):
        minutes = sum(entry["seconds"] for entry in known) / min(jobs, len(names)) / 60
        memory = max(entry["peak_memory"] or 0 for entry in known)
        took = "less than a minute" if minutes < 1 else f"about {minutes:.0f} minutes"
        print(f"Last time that took {took}, and up to {memory:,} MB of memory a notebook.")
    print(flush=True, end="")


def _require_mnist():
    try:
        print(f"All of MNIST: {shown(fetch_mnist()[0])}", flush=True)
    except (FileNotFoundError, ValueError) as error:
        raise CourseError(str(error)) from None


def _judge_memory(entry, edition):
    peak, limit = entry["peak_memory"], MEMORY_LIMITS.get(edition)
    if peak and limit and peak > limit:
        entry["passed"] = False
        entry["problems"].append(
            f"took up to {peak:,} MB of memory; the {edition} edition may take {limit:,} MB"
        )


def _table(entries):
    rows = [("notebook", "seconds", "MB", "checks passed")]
    for name, entry in entries.items():
        judged = [check["holds"] for check in entry["checks"] if check["holds"] is not None]
        result = f"{sum(judged)} of {len(judged)}" + ("" if entry["passed"] else f"  {FAILED}")
        rows.append((name, f"{entry['seconds']:.0f}", str(entry["peak_memory"] or "–"), result))
    width = max(len(row[0]) for row in rows)
    return "\n".join(
        f"{name:{width}}  {seconds:>7}  {memory:>5}  {checks}".rstrip()
        for name, seconds, memory, checks in rows
    )


# One notebook ------------------------------------------------------------------------------------


class _Kernels:
    """The kernels of a run: how they are started, which are at work, what memory they took."""

    def __init__(self, timeout, threads, models=None):
        self.timeout = timeout
        self.environment = {
            "TF_NUM_INTRAOP_THREADS": str(threads),
            "OPENBLAS_NUM_THREADS": str(threads),
            "MALLOC_ARENA_MAX": "2",  # as in binder/start: with more heaps, freed memory is kept
        } | os.environ
        self.environment[FOLDER_OF_RUN] = str(models or "")
        for name in ("MNIST_NPZ", "FASHION_NPZ"):  # named from here; kernels work elsewhere
            if os.environ.get(name):
                given = os.path.expanduser(os.environ[name])
                self.environment[name] = os.path.abspath(given)
        self.at_work, self.stopped = set(), False

    def manager(self, notes):
        """A class of kernel managers; each notes its kernel's number and what memory it took."""
        kernels = self

        class Kernel(AsyncKernelManager):
            async def start_kernel(self, **options):
                if kernels.stopped:
                    raise RuntimeError("the run was interrupted")
                quiet = ["--log-level=CRITICAL"]  # an idle kernel calls its own end an error
                options |= {"env": kernels.environment, "extra_arguments": quiet}
                await super().start_kernel(**options)
                notes["process"] = self.provisioner.pid
                kernels.at_work.add(notes["process"])
                if kernels.stopped:  # while it started
                    kernels.kill()

            async def shutdown_kernel(self, now=False, restart=False):
                notes["peak_memory"] = environment.peak_memory(notes["process"])
                kernels.at_work.discard(notes["process"])
                await super().shutdown_kernel(now, restart)

        return Kernel

    def kill(self):
        """Stop the kernels that are at work or about to be; the threads that wait then end."""
        self.stopped = True
        for process in list(self.at_work):
            with contextlib.suppress(ProcessLookupError, PermissionError):  # it ended just now
                os.kill(process, signal.SIGKILL)


def _execute(path, target, parameters, kernels):
    start = time.monotonic()
    stopped, notes = [], {"process": None, "peak_memory": None}

    # Unix sockets in a folder of their own: no network is needed, not even the loopback one.
    folder = socket_folder()
    sockets = {"transport": "ipc", "ip": f"{folder.name}/socket"}
    try:
        papermill.execute_notebook(
            _as_written(path),
            _as_written(target),
            parameters,
            kernel_name="python3",
            cwd=path.parent,
            execution_timeout=kernels.timeout,
            progress_bar=False,
            config=Config(KernelManager=sockets),
            kernel_manager_class=kernels.manager(notes),
        )
    except papermill.PapermillExecutionError:
        pass  # it stands in the executed copy, where problems_of finds it
    except Exception as error:
        stopped = [f"stopped: {_reason(error, kernels.timeout)}"]
    finally:
        folder.cleanup()
        kernels.at_work.discard(notes["process"])  # of one that died, the number is free for others
    try:
        executed = nbformat.read(target, as_version=4)
    except Exception:  # cut off while it was written, as on a full disk
        executed = nbformat.v4.new_notebook()
        stopped = stopped or [f"stopped: {shown(target)} could not be written whole"]
    problems = problems_of(executed) + stopped
    return {
        "passed": not problems,
        "seconds": round(time.monotonic() - start, 1),
        "peak_memory": notes["peak_memory"],
        "checks": checks_of(executed),
        "problems": problems,
    }


def _as_written(path):
    """A path in which papermill finds no parameters to fill in."""
    return str(path).replace("{", "{{").replace("}", "}}")


def _reason(error, timeout):
    """Why a notebook stopped, and how to go on, in one sentence."""
    if isinstance(error, CellTimeoutError):
        return f"a cell took more than {timeout} s, the cell_timeout of its edition"
    if isinstance(error, DeadKernelError):
        return (
            "the kernel died, most often for want of memory: close other programs, or run one "
            "notebook at a time with --jobs 1"
        )
    return (str(error).strip() or type(error).__name__).splitlines()[0]
