"""Command line of the course: python -m course COMMAND.

Exit status: 0 if all is well, 1 if something is wrong, 2 for a wrong call, 130 if interrupted.
"""

import argparse
import codecs
import errno
import importlib
import signal
import sys

from course.environment import CourseError, install

COMMANDS = {
    "run": ("course.results", "run_and_keep"),
    "compare": ("course.results", "compare"),
    "results": ("course.results", "keep"),
    "outputs": ("course.outputs", "refresh"),
    "twice": ("course.twice", "run_twice"),
    "student": ("course.student", "write_student_notebooks"),
    "doctor": ("course.doctor", "doctor"),
    "versions": ("course.versions", "write"),
    "links": ("course.address", "write_links"),
}

RUNS = ("run_and_keep", "compare", "run_twice")  # they go on after an interruption

HALF = "; what is half-written does not count, and the same command goes on"
MINE = "; take a copy of the course, or another folder, that you may write to"
REMEDIES = {errno.ENOSPC: HALF, errno.EDQUOT: HALF}
REMEDIES |= {errno.EACCES: MINE, errno.EPERM: MINE, errno.EROFS: MINE}

ONLY = "the notebook whose name begins so; several with commas between"

PLAIN = {"✓": "ok", "✗": "FAILED", "·": "note:", "–": "-", "−": "-", "→": "->", "±": "+-"}


def main(arguments=None):
    """Run a command of the course; returns the exit status."""
    options = vars(parser().parse_args(arguments))
    module, function = COMMANDS[options.pop("command")]
    try:
        return 0 if getattr(importlib.import_module(module), function)(**options) else 1
    except CourseError as error:
        print(f"course: {error}", file=sys.stderr)
        return 2
    except ModuleNotFoundError as error:
        print(f"course: {error.name} is missing: {install()}", file=sys.stderr)
        return 1
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        print(f"course: {place}{error.strerror}{REMEDIES.get(error.errno, '')}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        goes_on = " The same command goes on at the notebook that was cut off."
        print(f"\nInterrupted.{goes_on if function in RUNS else ''}")
        return 130


def prepare():
    """Print a word where a terminal cannot print a mark; let SIGTERM end a run as Ctrl-C does."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    codecs.register_error(
        "plain", lambda e: ("".join(PLAIN.get(c, "?") for c in e.object[e.start : e.end]), e.end)
    )
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="plain")


def parser():
    """The commands and their options."""
    whole = argparse.ArgumentParser(
        prog="python -m course", description="Run the course and look after it."
    )
    commands = whole.add_subparsers(dest="command", required=True)
    runner = commands.add_parser("run", help="execute the notebooks and read their checks back")
    runner.add_argument("--edition", default="sample", help="sample (default) or full")
    runner.add_argument("--only", metavar="04", help=ONLY)
    runner.add_argument("--out", metavar="FOLDER", help="by default build/<edition>")
    runner.add_argument("--jobs", type=int, help="how many run at once; by default two")
    comparer = commands.add_parser("compare", help="measure again, and say what moved")
    comparer.add_argument("--edition", default="full", help="full (default) or sample")
    comparer.add_argument("--only", metavar="04", help=ONLY)
    comparer.add_argument("--out", metavar="FOLDER", help="by default build/compare-<edition>")
    commands.add_parser("results", help="keep what the last full run measured; write the page")
    refresher = commands.add_parser("outputs", help="execute notebooks, to commit their outputs")
    refresher.add_argument("--only", metavar="04", help=ONLY)
    refresher.add_argument("--out", metavar="FOLDER", help="by default build/outputs")
    repeater = commands.add_parser("twice", help="run every cell twice in a row: none may stop")
    repeater.add_argument("--only", metavar="04", help=ONLY)
    repeater.add_argument("--out", metavar="FOLDER", help="by default build/twice")
    student = commands.add_parser("student", help="notebooks to hand out: no solutions, no outputs")
    student.add_argument("out", metavar="FOLDER", help="a new folder for them")
    student.add_argument("--only", metavar="04", help=ONLY)
    commands.add_parser("doctor", help="say what is missing or wrong here, and how to mend it")
    commands.add_parser("versions", help="write the versions of constraints.txt for conda")
    commands.add_parser(
        "links", help="write the public address into the README and the cells for Colab"
    )
    return whole


if __name__ == "__main__":
    prepare()
    sys.exit(main())
