"""The command line: its words, its exit status, and that every command leads somewhere."""

import errno
import importlib
import inspect
import os
import re
import subprocess
import sys

import pytest

from course import __main__ as command_line
from course import doctor, outputs, results
from course.environment import install


def test_every_command_is_a_function_that_takes_its_options():
    parser = command_line.parser()
    for command, (module, function) in command_line.COMMANDS.items():
        options = vars(parser.parse_args([command, *(["folder"] if command == "student" else [])]))
        del options["command"]
        called = getattr(importlib.import_module(module), function)
        inspect.signature(called).bind(**options)


@pytest.mark.parametrize("command", ["run", "compare", "outputs", "twice", "student"])
def test_every_command_that_runs_notebooks_runs_those_that_are_named(command, capsys):
    folder = ["folder"] if command == "student" else ["--out", "folder"]
    options = command_line.parser().parse_args([command, *folder, "--only", "04"])
    assert (options.only, options.out) == ("04", "folder")
    with pytest.raises(SystemExit, match="0"):
        command_line.main([command, "--help"])
    told = " ".join(capsys.readouterr().out.split())
    assert f"--only 04 {command_line.ONLY}" in told
    assert "FOLDER" in told


def test_every_command_says_what_it_does(capsys):
    with pytest.raises(SystemExit, match="0"):
        command_line.main(["--help"])
    told = capsys.readouterr().out
    for command in command_line.COMMANDS:
        assert re.search(rf"^ +{command} +\w+ \w+", told, re.M), command


def test_exit_status_and_messages(capsys, monkeypatch):
    assert command_line.main(["run", "--edition", "huge"]) == 2
    assert "course: no edition 'huge'" in capsys.readouterr().err
    for well, status in ((True, 0), (False, 1)):
        monkeypatch.setattr(doctor, "doctor", lambda well=well: well)
        assert command_line.main(["doctor"]) == status

    def interrupted():
        raise KeyboardInterrupt

    monkeypatch.setattr(doctor, "doctor", interrupted)
    assert command_line.main(["doctor"]) == 130
    for wrong in (["fly"], []):
        with pytest.raises(SystemExit, match="2"):
            command_line.main(wrong)


def test_a_missing_package_is_named_with_its_remedy(capsys, monkeypatch):
    monkeypatch.delitem(sys.modules, "course.doctor")
    monkeypatch.setitem(sys.modules, "packaging.requirements", None)
    assert command_line.main(["doctor"]) == 1
    assert f"packaging.requirements is missing: {install()}\n" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.ENOSPC, "; what is half-written does not count, and the same command goes on"),
        (errno.EACCES, "; take a copy of the course, or another folder, that you may write to"),
        (errno.EROFS, "; take a copy of the course, or another folder, that you may write to"),
        (errno.ENOENT, ""),
    ],
)
def test_what_the_system_refuses_ends_in_one_sentence(capsys, monkeypatch, number, remedy):
    def refused(*_, **__):
        raise OSError(number, os.strerror(number), "build/sample/run.json")

    monkeypatch.setattr(doctor, "doctor", refused)
    assert command_line.main(["doctor"]) == 1
    why = f"build/sample/run.json: {os.strerror(number)}"
    assert capsys.readouterr().err == f"course: {why}{remedy}\n"


@pytest.mark.parametrize(
    ("module", "function", "command", "goes_on"),
    [
        (results, "run_and_keep", "run", True),
        (outputs, "refresh", "outputs", False),
        (doctor, "doctor", "doctor", False),
    ],
)
def test_only_what_goes_on_after_an_interruption_says_so(
    capsys, monkeypatch, module, function, command, goes_on
):
    def interrupted(**_):
        raise KeyboardInterrupt

    monkeypatch.setattr(module, function, interrupted)
    assert command_line.main([command]) == 130
    printed = capsys.readouterr().out
    assert "Interrupted." in printed
    assert ("goes on" in printed) is goes_on


def test_a_terminal_without_the_marks_gets_words():
    code = "from course import __main__ as m; m.prepare(); print('✓ ✗ · ± é')"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        env=os.environ | {"PYTHONIOENCODING": "ascii"},
        check=True,
    )
    assert done.stdout == b"ok FAILED note: +- ?\n"
