import asyncio
import errno
import inspect
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest
from small_course import CHECK, SmallCourse

from course import environment, run
from course.environment import CourseError


def test_a_good_run_keeps_copies_and_measured_values(course, capsys):
    course.notebook("01_one", CHECK, "print('done')")
    start = time.monotonic()
    assert course.run()
    took = time.monotonic() - start
    entry = course.record()["notebooks"]["01_one"]
    assert entry["passed"]
    assert entry["problems"] == []
    assert [(c["claim"], c["value"], c["n"], c["edition"]) for c in entry["checks"]] == [
        ("number", 1, 5, "sample")
    ]
    assert "tensorflow" in course.record()["versions"]
    printed, err = capsys.readouterr()
    assert "To execute, 1 at once: 01_one\n" in printed
    assert "[1/1] 01_one: " in printed
    assert "1 of 1" in printed
    assert 0 < entry["seconds"] <= took + 0.1
    assert int(re.search(r"Executed in (\d+) s", printed)[1]) <= took + 1
    assert "Executing" not in err, "no progress bar beside the lines of a run"
    executed = nbformat.read(course.out / "01_one.ipynb", as_version=4)
    assert "done" in executed.cells[-1].outputs[0].text


@pytest.mark.parametrize(
    ("sources", "problem"),
    [
        (["n = 2", CHECK], "In [3]: ✗ number: 2 (expected 1 ± 0.1)"),
        (["1 / 0"], "In [2]: ZeroDivisionError: division by zero"),
        (["import sys; print('noise', file=sys.stderr)"], "In [2]: wrote to stderr: noise"),
        (["import time; time.sleep(30)"], "a cell took more than 2 s, the cell_timeout of its"),
    ],
)
def test_what_goes_wrong_is_named_with_its_cell(course, capsys, sources, problem):
    course.edition("sample", cell_timeout=2)
    course.notebook("01_one", *sources)
    assert not course.run()
    entry = course.record()["notebooks"]["01_one"]
    assert not entry["passed"]
    assert any(problem in found for found in entry["problems"]), entry["problems"]
    assert f"✗ 01_one, {entry['problems'][0]}" in capsys.readouterr().out


def test_a_kernel_that_dies_is_named_and_the_others_go_on(course):
    course.notebook("01_one", "import os; os._exit(1)")
    course.notebook("02_two", CHECK)
    assert not course.run()
    one, two = course.record()["notebooks"].values()
    (problem,) = one["problems"]
    assert problem.startswith("stopped: the kernel died, most often for want of memory")
    assert "--jobs 1" in problem
    assert one["peak_memory"] is None
    assert two["passed"]


def test_the_table_of_a_run_is_aligned():
    entry = {"seconds": 172.4, "peak_memory": 1434, "passed": True}
    checks = [{"holds": True}, {"holds": False}, {"holds": None}]
    failed = {"seconds": 8.0, "peak_memory": None, "passed": False, "checks": checks}
    table = run._table({"04_dense_vae": entry | {"checks": checks[:1]}, "05_own": failed})
    assert table.splitlines() == [
        "notebook      seconds     MB  checks passed",
        "04_dense_vae      172   1434  1 of 1",
        "05_own              8      –  1 of 2  ✗",
    ]


def test_parameters_of_the_edition_reach_the_notebook(course):
    course.edition("full", "[01_one]\nn = 7\n")
    course.notebook("01_one", "assert n == 7")
    assert course.run("full")
    assert not course.run("sample")


def test_unknown_names_are_errors_before_anything_runs(course):
    course.notebook("01_one")
    for edition, only in (("huge", None), ("sample", "07")):
        with pytest.raises(CourseError):
            course.run(edition, only)
    with pytest.raises(CourseError, match="0 notebooks at once: at least 1 is needed"):
        course.run(jobs=0)
    assert not course.out.exists()


# ---------------------------------------------------------------- when something is in the way


def test_a_run_keeps_others_out_of_its_folder(course):
    course.notebook("01_one", CHECK)
    with run._alone_in(course.out), pytest.raises(CourseError, match="another run is at work in"):
        course.run()
    assert course.run(), "and lets them in when it is done"


def test_a_folder_that_cannot_be_written_is_named_at_once(course, monkeypatch):
    course.notebook("01_one", "import pathlib; pathlib.Path('begun').touch()")
    (course.folder / "file").write_text("in the way")
    course.out = course.folder / "file" / "out"
    with pytest.raises(CourseError, match=r"cannot be written .*--out FOLDER names another"):
        course.run()
    assert not (course.folders["notebooks"] / "begun").exists()


def test_a_copy_that_was_cut_off_is_a_problem_and_no_traceback(course, monkeypatch):
    def full_disk(path, target, *_, **__):
        Path(target).write_text('{"cells": [')
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(run.papermill, "execute_notebook", full_disk)
    course.notebook("01_one", CHECK)
    assert not course.run()
    (problem,) = course.record()["notebooks"]["01_one"]["problems"]
    assert problem == "stopped: [Errno 28] No space left on device"


def test_kernels_start_although_the_temporary_folder_has_a_long_name(course, monkeypatch, tmp_path):
    long = tmp_path / ("long" * 30)
    long.mkdir()
    monkeypatch.setattr(environment.tempfile, "tempdir", str(long))
    course.notebook("01_one", CHECK)
    assert course.run()
    monkeypatch.setattr(environment.os, "access", lambda *_: False)
    with pytest.raises(CourseError, match=r"TMPDIR = .* is too long .*: export TMPDIR="):
        environment.socket_folder()


def test_a_kernel_that_starts_while_the_run_is_stopped_is_stopped_too(course, monkeypatch):
    kernels, killed = run._Kernels(60, threads=1), []
    monkeypatch.setattr(run.os, "kill", lambda process, _: killed.append(process))

    class Starts:
        def __init__(self):
            self.provisioner = self
            self.pid = 77

        async def start_kernel(self, **_):
            kernels.kill()  # just now

    monkeypatch.setattr(run, "AsyncKernelManager", Starts)
    kernel = kernels.manager({})()
    asyncio.run(kernel.start_kernel())
    assert killed == [77]
    with pytest.raises(RuntimeError, match="interrupted"):
        asyncio.run(kernel.start_kernel())


WITHOUT_HOME = """
import sys
from pathlib import Path
from course import run
folder = Path(sys.argv[1])
folders = {"notebooks": folder / "notebooks", "editions": folder / "editions"}
sys.exit(not run.run("sample", out=folder / "out", jobs=1, **folders))
"""


def test_a_home_that_cannot_be_written_is_no_failure(course):
    course.notebook("01_one", "from matplotlib import pyplot as plt; fig, ax = plt.subplots()")
    env = os.environ | {"HOME": "/proc/no-home-here"}
    command = [sys.executable, "-c", WITHOUT_HOME, course.folder]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


TERMINATED = """
import sys
from pathlib import Path
from course import __main__ as command_line, results, run
folder = Path(sys.argv[1])
folders = {"notebooks": folder / "notebooks", "editions": folder / "editions"}
results.run_and_keep = lambda **_: run.run("sample", out=folder / "out", jobs=1, **folders)
command_line.prepare()
sys.exit(command_line.main(["run"]))
"""


def test_sigterm_ends_a_run_in_one_sentence_and_leaves_no_kernel(course):
    tells = "import os, pathlib; pathlib.Path('begun').write_text(str(os.getpid()))"
    course.notebook("01_one", tells, "import time; time.sleep(60)")
    command = [sys.executable, "-c", TERMINATED, course.folder]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    file = course.folders["notebooks"] / "begun"
    while not (file.exists() and file.read_text()):
        assert running.poll() is None, running.communicate()[1]
        time.sleep(0.1)
    running.terminate()
    printed, _ = running.communicate(timeout=30)
    assert running.returncode == 130
    assert "Interrupted. The same command goes on" in printed
    kernel = int(file.read_text())
    deadline = time.monotonic() + 10
    while environment.peak_memory(kernel) is not None and time.monotonic() < deadline:
        time.sleep(0.1)
    with pytest.raises(ProcessLookupError):
        os.kill(kernel, 0)


# ---------------------------------------------------------------- before the start


def test_what_it_took_before_is_said_before_the_start(course, capsys):
    for name in ("01_one", "02_two", "03_three"):
        course.notebook(name, CHECK)
    kept = {
        "01_one": {"seconds": 600, "peak_memory": 900},
        "02_two": {"seconds": 360, "peak_memory": 2100},
    }
    assert course.run(only="0", kept=kept)
    assert "Last time" not in capsys.readouterr().out, "one of them is not known"
    course.out.joinpath("run.json").unlink()
    course.notebook("03_three", CHECK, "2")
    assert course.run(only="01", kept=kept)
    printed = capsys.readouterr().out
    assert "Last time that took about 10 minutes, and up to 900 MB of memory a notebook." in printed
    assert printed.index("Last time") < printed.index("[1/1]")
    assert course.run(only="01")
    assert "Last time that took less than a minute" in capsys.readouterr().out, "from the last run"


def test_the_longest_come_first(course, capsys):
    for name in ("01_one", "02_two", "03_three"):
        course.notebook(name, CHECK)
    kept = {
        name: {"seconds": n, "peak_memory": 9} for name, n in (("01_one", 20), ("03_three", 30))
    }
    assert course.run(jobs=1, kept=kept)
    printed = capsys.readouterr().out
    assert "To execute, 1 at once: 03_three, 01_one, 02_two\n" in printed
    done = re.findall(r"\[\d/3\] (\w+):", printed)
    assert done == ["03_three", "01_one", "02_two"], "an unknown one comes last"
    assert list(course.record()["notebooks"]) == done


def test_the_minutes_are_those_of_two_at_once(capsys):
    paths = [run.Path(f"{name}.ipynb") for name in ("01", "02")]
    before = {path.stem: {"seconds": 1200, "peak_memory": None} for path in paths}
    run._announce(paths, paths, 2, before)
    assert "about 20 minutes" in capsys.readouterr().out


NEEDS_MNIST = 'dataset = "sample"  # digits'


def test_mnist_is_looked_for_once_before_any_notebook_starts(course, monkeypatch, capsys):
    for name in ("01_one", "02_two"):
        course.notebook(
            name, "import pathlib; pathlib.Path('begun').touch()", parameters=NEEDS_MNIST
        )
    course.edition("full", '[01_one]\ndataset = "mnist"\n[02_two]\ndataset = "mnist"\n')
    looked = []

    def fetch():
        looked.append(1)
        raise FileNotFoundError("not there. Three ways to get MNIST: ...")

    monkeypatch.setattr(run, "fetch_mnist", fetch)
    with pytest.raises(CourseError, match="Three ways to get MNIST"):
        course.run("full")
    assert looked == [1]
    assert not (course.folders["notebooks"] / "begun").exists()
    assert course.run("sample"), "which needs no MNIST"
    monkeypatch.setattr(run, "fetch_mnist", lambda: (course.folder / "mnist.npz", {}))
    assert course.run("full", only="01")
    assert (
        f"All of MNIST: {environment.shown(course.folder / 'mnist.npz')}" in capsys.readouterr().out
    )


# ---------------------------------------------------------------- going on after an interruption


def passing(path, target, *_):
    """A stand-in for executing a notebook: it leaves a copy, and passes."""
    target.write_text(path.read_text())
    return {"passed": True, "seconds": 0, "peak_memory": 9, "checks": [], "problems": []}


@pytest.fixture
def executed(monkeypatch):
    """Names of the notebooks that are executed, by a stand-in."""
    names = []
    monkeypatch.setattr(
        run, "_execute", lambda path, *rest: names.append(path.stem) or passing(path, *rest)
    )
    return names


def test_an_interrupted_run_goes_on_where_it_was_cut_off(course, monkeypatch, capsys):
    for name in ("01_one", "02_two", "03_three"):
        course.notebook(name, CHECK)
    execute, executed = run._execute, []

    def interrupted(path, *rest):
        if path.stem == "02_two" and "02_two" not in executed:
            executed.append("02_two")
            raise KeyboardInterrupt
        executed.append(path.stem)
        return execute(path, *rest)

    monkeypatch.setattr(run, "_execute", interrupted)
    with pytest.raises(KeyboardInterrupt):
        course.run()
    assert "Kept" not in capsys.readouterr().out
    executed[:] = ["02_two"]
    assert course.run()
    assert executed == ["02_two", "02_two", "03_three"]
    printed = capsys.readouterr().out
    assert "Kept from the last run: 01_one\n" in printed
    assert "To execute, 1 at once: 02_two, 03_three\n" in printed
    executed[:] = ["02_two"]
    assert course.run()
    assert executed[1:] == ["01_one", "02_two", "03_three"], "a finished run starts anew"


def test_a_run_goes_on_with_what_changed_what_failed_and_what_is_missing(course, monkeypatch):
    executed = []

    def execute(path, *rest):
        executed.append(path.stem)
        return passing(path, *rest) | {"passed": path.stem != "03_failed"}

    monkeypatch.setattr(run, "_execute", execute)
    for name in ("01_good", "02_changed", "03_failed", "04_missing"):
        course.notebook(name, CHECK)
    assert [course.run(only=start) for start in ("01", "02", "03")] == [True, True, False]
    course.notebook("02_changed", CHECK, "2")
    executed.clear()
    assert not course.run()
    assert executed == ["02_changed", "03_failed", "04_missing"]


@pytest.mark.parametrize(
    "damage",
    [
        lambda course: (course.out / "01_one.ipynb").unlink(),
        lambda course: (course.out / "01_one.ipynb").write_text('{"cells": ['),
        lambda course: (course.out / "run.json").write_text('{"notebooks": {"01'),
        lambda course: (course.out / "run.json").write_text('["01_one"]'),
        lambda course: (course.out / "run.json").unlink(),
    ],
)
def test_what_is_gone_or_damaged_counts_as_absent(course, executed, damage):
    for name in ("01_one", "02_two"):
        course.notebook(name, CHECK)
    assert course.run(only="01")
    damage(course)
    executed.clear()
    assert course.run()
    assert executed == ["01_one", "02_two"]


def test_a_record_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    file = tmp_path / "run.json"
    run.write_json(file, {"a": "z₁"})
    before = file.read_text(encoding="utf-8")
    assert json.loads(before) == {"a": "z₁"}
    assert "z₁" in before

    def full_disk(*_):
        raise OSError("No space left on device")

    monkeypatch.setattr(run.os, "replace", full_disk)
    with pytest.raises(OSError, match="No space"):
        run.write_json(file, {"a": "other"})
    assert file.read_text(encoding="utf-8") == before
    assert list(tmp_path.iterdir()) == [file], "no part of a file is left behind"


def test_only_runs_one_notebook_and_keeps_the_records_of_others(course, executed):
    course.notebook("01_one", CHECK)
    course.notebook("02_two", CHECK)
    assert course.run(only="01")
    assert set(course.record()["notebooks"]) == {"01_one"}
    assert course.run(only="02")
    assert set(course.record()["notebooks"]) == {"01_one", "02_two"}
    assert executed == ["01_one", "02_two"]


def test_the_printed_path_is_right_from_every_folder(course, executed, monkeypatch, capsys):
    course.notebook("01_one", CHECK)
    for folder in (course.folder, course.folders["notebooks"]):
        monkeypatch.chdir(folder)
        assert course.run()
        printed = re.search(r"Executed in \d+ s: (.+)", capsys.readouterr().out)[1]
        assert (folder / printed).resolve() == course.out


# ---------------------------------------------------------------- side by side

MEET = """
import pathlib, time
pathlib.Path('{mine}').touch()
while not pathlib.Path('{other}').exists(): time.sleep(0.05)
"""


def test_two_notebooks_run_side_by_side(course, monkeypatch):
    monkeypatch.chdir(course.folder)
    course.edition("sample", cell_timeout=30)
    course.notebook("01_one", MEET.format(mine="one", other="two"))
    course.notebook("02_two", MEET.format(mine="two", other="one"))
    assert course.run(jobs=2), "each waits for the other"
    assert run.Path.cwd() == course.folder, "where the printed paths are seen from"


THREADS = "import os; assert os.environ['TF_NUM_INTRAOP_THREADS'] == '{}'"


@pytest.mark.parametrize(
    ("cores", "jobs", "threads"),
    [(8, 2, 4), (2, 2, 1), (2, 1, 2), (1, 3, 1), (8, None, 4)],
)
def test_notebooks_share_the_cores(course, monkeypatch, cores, jobs, threads):
    monkeypatch.setattr(run.environment, "cores", lambda: cores)
    monkeypatch.delenv("TF_NUM_INTRAOP_THREADS", raising=False)
    course.notebook("01_one", THREADS.format(threads))
    assert course.run(jobs=jobs)


def test_a_file_named_from_here_is_found_from_the_notebooks(course, tmp_path, monkeypatch):
    (tmp_path / "mine.npz").write_bytes(b"digits")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MNIST_NPZ", "mine.npz")
    course.notebook("01_one", "import os; open(os.environ['MNIST_NPZ'])")
    assert course.run()


def test_an_interruption_stops_the_kernels(course, monkeypatch):
    folder = course.folders["notebooks"]

    def interrupted(futures):
        while not (folder / "begun").exists():
            assert time.monotonic() - start < 40, "the kernel has not started"
            time.sleep(0.05)
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "as_completed", interrupted)
    course.notebook("01_one", "import pathlib, time; pathlib.Path('begun').touch(); time.sleep(50)")
    course.notebook("02_two", "import pathlib; pathlib.Path('second').touch()")
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        course.run()
    assert time.monotonic() - start < 40
    assert not (course.out / "run.json").exists()
    assert not (folder / "second").exists(), "nothing more is begun"


def test_an_interruption_in_the_first_notebook_leaves_no_word_of_the_copies_that_are_gone(
    course, monkeypatch
):
    course.notebook("01_one", CHECK)
    assert course.run()
    assert course.record()["notebooks"]["01_one"]["passed"]

    def interrupted(futures):
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "as_completed", interrupted)
    with pytest.raises(KeyboardInterrupt):
        course.run()
    assert course.record()["notebooks"] == {}


def test_a_kernel_that_died_is_no_longer_at_work(course, monkeypatch):
    course.notebook("01_one", "import os; os._exit(1)")
    kernels = run._Kernels(60, threads=1)
    entry = run._execute(course.path("01_one"), course.folder / "copy.ipynb", {}, kernels)
    assert not entry["passed"]
    assert kernels.at_work == set()


def test_a_change_in_the_library_runs_a_short_edition_again(course, capsys, monkeypatch):
    """Also of what no mark covers, such as drawing: nothing may look mended that is not."""
    course.notebook("01_one", CHECK)
    course.notebook("02_two", "1 / 0")
    for edition in ("sample", "full"):
        course.edition(edition)
        monkeypatch.setattr(run, "all_behind", lambda: "old")
        assert not course.run(edition)
        monkeypatch.setattr(run, "all_behind", lambda: "new")
        capsys.readouterr()
        assert not course.run(edition)
        kept = "Kept from the last run: 01_one" in capsys.readouterr().out
        assert kept is (edition == "full")


def test_a_folder_without_locks_can_be_run_in(course, monkeypatch):
    def no_locks(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(run.fcntl, "flock", no_locks)
    course.notebook("01_one", CHECK)
    assert course.run()


def test_braces_in_a_path_are_no_parameters(tmp_path):
    (tmp_path / "{rbm} {").mkdir()
    course = SmallCourse(tmp_path / "{rbm} {")
    course.notebook("01_one", CHECK)
    assert course.run()


def test_kernels_are_shut_down_as_jupyter_does_it():
    managers = run._Kernels(60, threads=1).manager({}), run.AsyncKernelManager
    ours, theirs = (inspect.signature(kind.shutdown_kernel).parameters for kind in managers)
    assert {n: p.default for n, p in ours.items()} == {n: p.default for n, p in theirs.items()}


def test_the_sample_edition_may_take_one_and_a_half_gib_and_not_more():
    limit = run.MEMORY_LIMITS["sample"]
    assert limit == 1.5 * 1024**3 // 1e6
    for peak, passed in ((limit, True), (limit + 1, False), (None, True)):
        entry = {"peak_memory": peak, "passed": True, "problems": []}
        run._judge_memory(entry, "sample")
        assert entry["passed"] is passed


@pytest.mark.skipif(environment.peak_memory("self") is None, reason="the system tells no peak")
def test_a_kernel_that_takes_too_much_memory_fails_the_run(course, monkeypatch, capsys):
    monkeypatch.setitem(run.MEMORY_LIMITS, "sample", 300)
    hungry = "import numpy as np; x = np.ones(300 * 1024**2 // 8); del x"
    course.notebook("01_one", hungry)
    course.notebook("02_two", CHECK)
    assert not course.run()
    one, two = course.record()["notebooks"].values()
    assert 300 < one["peak_memory"] < 600, "the peak, although the memory was given back"
    assert not one["passed"]
    assert two["passed"], "each notebook has its own peak"
    assert "memory; the sample edition may take 300 MB" in capsys.readouterr().out
