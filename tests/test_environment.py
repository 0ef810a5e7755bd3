"""One set of versions in pyproject.toml, constraints.txt and the two conda files."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from helpers import environment
from helpers.course import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PINS = dict(re.findall(r"^([\w.-]+)==(\S+)$", (ROOT / "constraints.txt").read_text(), re.M))
CONDA = (ROOT / "environment.yml").read_text()


EXTRAS = PROJECT["optional-dependencies"]


def direct_requirements(*extras):
    texts = PROJECT["dependencies"] + [text for extra in extras for text in EXTRAS[extra]]
    return [Requirement(text) for text in texts]


@pytest.mark.parametrize("requirement", direct_requirements(*EXTRAS), ids=lambda r: r.name)
def test_the_pinned_version_is_in_the_projects_range(requirement):
    names = {name.lower(): version for name, version in PINS.items()}
    assert requirement.specifier.contains(names[requirement.name])


def test_conda_pins_the_direct_requirements_to_the_same_versions():
    pinned = dict(re.findall(r"^ {6}- ([\w.-]+)==(\S+)$", CONDA, re.M))
    assert pinned == {r.name: PINS[r.name] for r in direct_requirements("dev")}


def test_make_installs_every_extra():
    makefile = (ROOT / "Makefile").read_text()
    assert set(re.search(r"-e '\.\[(.+)\]'", makefile)[1].split(",")) == set(EXTRAS)


def test_conda_python_is_one_the_project_supports():
    version = re.search(r"^  - python=(3\.\d+)$", CONDA, re.M)[1]
    assert Requirement(f"x{PROJECT['requires-python']}").specifier.contains(version)


def test_binder_has_the_same_environment():
    assert (ROOT / "binder" / "environment.yml").read_text() == CONDA


def test_every_line_of_the_constraints_is_an_exact_version():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    assert [line for line in lines if not re.match(r"#|[\w.-]+==[\w.+]+$", line)] == []


def test_repo2docker_picks_the_binder_folder_and_its_python():
    command = Path(sys.executable).with_name("jupyter-repo2docker")
    printed = subprocess.run(
        [command, "--no-build", "--debug", ROOT], capture_output=True, text=True, check=True
    )
    dockerfile = printed.stdout + printed.stderr
    version = re.search(r"^  - python=(3\.\d+)$", CONDA, re.M)[1]
    assert f"Building conda environment for python={version}" in dockerfile
    assert '--file "binder/environment.yml"' in dockerfile
    assert "RUN ./binder/postBuild" in dockerfile
    assert "binder/start" in dockerfile


def test_binder_starts_jupyter_as_the_course_starts_kernels():
    command = [ROOT / "binder" / "start", "printenv", "MALLOC_ARENA_MAX"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "2\n"


def test_post_build_is_a_shell_script_that_can_run():
    script = ROOT / "binder" / "postBuild"
    assert script.stat().st_mode & 0o111
    assert subprocess.run([shutil.which("bash"), "-n", script], check=False).returncode == 0


def test_post_build_installs_the_package_and_fetches_all_digits(tmp_path, monkeypatch):
    """A stand-in for Python writes down how it is called; what it should run is then run here."""
    stand_in = tmp_path / "python"
    stand_in.write_text(f'#!/bin/bash\nprintf "%s\\0" "$@" END >> {tmp_path}/calls\n')
    stand_in.chmod(0o755)
    env = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    subprocess.run([ROOT / "binder" / "postBuild"], cwd=ROOT, env=env, check=True)
    first, second, rest = (tmp_path / "calls").read_text().split("END\0")
    assert rest == ""
    install = first.split("\0")[:-1]
    assert install[:3] == ["-m", "pip", "install"]
    assert install[-4:] == ["-c", "constraints.txt", "-e", "."]
    flag, code = second.split("\0")[:-1]
    loaded = []
    monkeypatch.setattr("helpers.data.load_digits", loaded.append)
    exec(code, {})
    assert (flag, loaded) == ("-c", ["mnist"])


# ---------------------------------------------------------------- what the doctor looks at


def test_machine_tells_the_processor_and_the_cores_of_this_process(monkeypatch, tmp_path):
    monkeypatch.setattr(environment.os, "sched_getaffinity", {0: {3, 5, 6}}.get, raising=False)
    monkeypatch.setattr(environment, "Path", lambda path: tmp_path / Path(path).name)
    (tmp_path / "cpuinfo").write_text(
        "processor\t: 0\nmodel name\t: Some One @ 2 GHz\nflags\t: fpu\n"
    )
    found = environment.machine()
    assert found["machine"].endswith(", 3 cores")
    assert found["processor"] == "Some One @ 2 GHz"


def test_peak_memory_is_in_millions_of_bytes_where_the_system_tells_it(monkeypatch, tmp_path):
    monkeypatch.setattr(environment, "Path", lambda path: tmp_path / Path(path).name)
    assert environment.peak_memory(7) is None
    (tmp_path / "status").write_text("VmPeak:\t 3000000 kB\nVmHWM:\t 1000000 kB\nVmRSS:\t 9 kB\n")
    assert environment.peak_memory(7) == 1024, "the system's kB has 1,024 bytes"
    (tmp_path / "status").write_text("Name:\tgone\n")
    assert environment.peak_memory(7) is None


def test_another_version_than_the_pinned_one_is_mentioned_as_no_fault(monkeypatch):
    monkeypatch.setattr(environment.importlib.metadata, "version", PINS.get)
    assert {mark for mark, _ in environment._packages()} == {"✓"}
    monkeypatch.setattr(environment.importlib.metadata, "version", lambda name: "99")
    _, *found = environment._packages()
    assert ("·", f"numpy 99; outputs made with {PINS['numpy']}") in found
    assert {mark for mark, _ in found} == {"·"}


def test_the_kernel_and_all_of_mnist_are_found_where_they_are(monkeypatch):
    assert environment._kernel() == ("✓", "Jupyter kernel python3")
    monkeypatch.setattr("helpers.data.find_mnist", lambda: ("here.npz", ()))
    assert ("✓", "all of MNIST, from here.npz") in environment._datasets()
