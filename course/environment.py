"""What this machine is: the processor, the cores, the versions, the memory that a kernel took."""

import importlib.metadata
import os
import platform
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LIBRARIES = ("tensorflow", "keras", "numpy")
LONGEST_FOLDER = 75  # bytes; a socket's path may have 103 on a Mac, and 25 are ours


class CourseError(Exception):
    """Something that the person at the command line can mend; the message says how."""


def machine():
    """What a measurement was made on and with: no host, no path, nothing that names a person.

    Returns:
        A dictionary with the versions of Python and of the main libraries, the processor's name,
        and the system with the number of cores that this process may use.
    """
    n = cores()
    return {
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}, {n} core" + "s" * (n > 1),
        "processor": _processor(),
        "versions": {name: importlib.metadata.version(name) for name in LIBRARIES},
    }


def cores():
    """How many cores this process may use: all of them, or those that it was given."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _processor():
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        text = ""
    named = re.search(r"^model name\s*: (.+)$", text, re.M)
    return named[1] if named else platform.processor() or platform.machine()


def pins():
    """The exact versions in constraints.txt, with which the committed outputs were made."""
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    return dict(re.findall(r"^([\w.-]+)==(\S+)$", text, re.M))


def install(what="-e ."):
    """The command that installs into the Python that is running, with the pinned versions."""
    return f"{shlex.quote(shown(sys.executable))} -m pip install -c constraints.txt {what}"


def peak_memory(process):
    """The most memory that a process has held.

    Args:
        process: its number.

    Returns:
        MB, as a whole number; `None` where the system does not tell (it does on Linux).
    """
    try:
        text = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return None
    peak = re.search(r"^VmHWM:\s+(\d+) kB$", text, re.M)
    return peak and round(int(peak[1]) * 1024 / 1e6)


def shown(path):
    """A path as the person at the command line can use it: seen from the folder they stand in."""
    return os.path.relpath(path)


def socket_folder():
    """A temporary folder whose path is short enough for Unix sockets, also with a long TMPDIR.

    Raises:
        CourseError: there is none that can be written.
    """
    for place in (tempfile.gettempdir(), "/tmp", "/var/tmp"):
        if len(os.fsencode(place)) <= LONGEST_FOLDER and os.access(place, os.W_OK):
            return tempfile.TemporaryDirectory(prefix="kernel-", dir=place)
    raise CourseError(
        f"TMPDIR = {tempfile.gettempdir()} is too long for the sockets of Jupyter's kernels, and "
        "/tmp cannot be written: export TMPDIR=a shorter folder"
    )


def settle(folder):
    """Let libraries that keep files in the home do so in a folder where the home cannot be written.

    It also lets matplotlib list its fonts, which it would announce in the first notebook's output.

    Args:
        folder: exists, and can be written.
    """
    if not os.access(os.path.expanduser("~"), os.W_OK):
        for name in ("MPLCONFIGDIR", "IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR"):
            os.environ.setdefault(name, str(Path(folder, "home", name.lower())))
            Path(os.environ[name]).mkdir(parents=True, exist_ok=True)
    listing = [sys.executable, "-c", "import matplotlib.font_manager"]
    subprocess.run(listing, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
