"""What the course misses on this machine, and the remedy."""

import importlib
import importlib.metadata
import platform
import tomllib
from pathlib import Path

from packaging.requirements import Requirement

from course.environment import ROOT, CourseError, install, pins
from helpers.checks import FAILED, NOTED, PASSED


def doctor():
    """Print one line for everything that the course needs here, with a remedy where it is wrong.

    Returns:
        True if nothing is wrong; a version other than the one the committed outputs were made
        with is only mentioned.
    """
    findings = [*_packages(), _keras(), _kernel(), *_datasets(), _results()]
    for mark, text in findings:
        print(mark, text)
    return all(mark != FAILED for mark, _ in findings)


def _packages():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    running = platform.python_version()
    wanted = Requirement(f"python{project['requires-python']}").specifier
    if wanted.contains(running):
        yield PASSED, f"Python {running}"
    else:
        yield FAILED, f"Python {running}: install Python {wanted} and run make course again"
    pinned = pins()
    for text in project["dependencies"]:
        requirement = Requirement(text)
        try:
            version = importlib.metadata.version(requirement.name)
        except importlib.metadata.PackageNotFoundError:
            yield FAILED, f"{requirement.name} is missing: {install()}"
            continue
        if not requirement.specifier.contains(version):
            remedy = install(f"'{text}'")
            yield FAILED, f"{text} is needed, {version} is here: {remedy}"
        elif version != pinned[requirement.name]:
            yield (
                NOTED,
                f"{requirement.name} {version}; outputs made with {pinned[requirement.name]}",
            )
        else:
            yield PASSED, f"{requirement.name} {version}"


def _keras():
    """Whether Keras starts as the course needs it; the library says what is wrong if not."""
    try:
        importlib.import_module("helpers.runtime")
    except ModuleNotFoundError:
        return FAILED, "Keras cannot be tried before the missing packages are here"
    except ImportError as error:
        return FAILED, str(error)
    return PASSED, "Keras runs on TensorFlow, with channels last and float32"


def _kernel():
    try:
        from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel
    except ModuleNotFoundError:
        return FAILED, "Jupyter's kernel cannot be looked for before the missing packages are here"
    try:
        command = KernelSpecManager().get_kernel_spec("python3").argv[0]
    except NoSuchKernel:
        return FAILED, f"no Jupyter kernel python3: {install()}"
    if Path(command).name.startswith("python"):
        return PASSED, "Jupyter kernel python3"
    return FAILED, f"the Jupyter kernel python3 runs {command}: jupyter kernelspec remove python3"


def _datasets():
    from helpers.data import SAMPLE_FILE, find_mnist, read_digits

    try:
        read_digits(SAMPLE_FILE, "sample")
        yield PASSED, "the bundled digits"
    except (OSError, ValueError) as error:
        yield FAILED, str(error)
    try:
        yield PASSED, f"all of MNIST, from {find_mnist()[0]}"
    except FileNotFoundError as error:
        yield NOTED, f"all of MNIST is not here yet; only the full edition needs it. {error}"
    except ValueError as error:
        yield FAILED, str(error)


def _results():
    try:
        results = importlib.import_module("course.results")
    except ModuleNotFoundError:
        return FAILED, "results/ cannot be judged before the missing packages are here"
    try:
        return results.status()
    except CourseError as error:
        return FAILED, str(error)
