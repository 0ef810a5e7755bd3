"""What this machine is, and what the course misses on it."""

import importlib.metadata
import os
import platform
import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]
FAILED_MARK = "✗"


def machine():
    """What a measurement was made on and with: no host, no path, nothing that names a person.

    Returns:
        A dictionary with the versions of Python and of the main libraries, the processor's name,
        and the system with the number of cores that this process may use.
    """
    return {
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}, {cores()} cores",
        "processor": _processor(),
        "versions": {n: importlib.metadata.version(n) for n in ("tensorflow", "keras", "numpy")},
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


def findings():
    """What the course needs here, one pair for each: a mark and a sentence, with the remedy.

    Yields:
        ("✓", ...) where all is well, ("✗", ...) where something is wrong, and ("·", ...) for what
        is worth knowing and no fault, such as another version than the outputs were made with.
    """
    yield from _packages()
    yield _kernel()
    yield from _datasets()


def _packages():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    running = platform.python_version()
    wanted = Requirement(f"python{project['requires-python']}").specifier
    if wanted.contains(running):
        yield "✓", f"Python {running}"
    else:
        yield FAILED_MARK, f"Python {running}: install Python {wanted} and run make course again"
    constraints = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    pins = dict(re.findall(r"^([\w.-]+)==(\S+)$", constraints, re.M))
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
