"""One set of versions in pyproject.toml, constraints.txt and the two conda files."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

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
