"""One set of versions in pyproject.toml, constraints.txt and the two conda files."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from course import versions
from course.environment import ROOT, CourseError, pins

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PINS = pins()
CONDA = (ROOT / "environment.yml").read_text()


EXTRAS = PROJECT["optional-dependencies"]


def direct_requirements(*extras):
    texts = PROJECT["dependencies"] + [text for extra in extras for text in EXTRAS[extra]]
    return [Requirement(text) for text in texts]


def test_the_pinned_versions_are_in_the_projects_ranges():
    names = {name.lower(): version for name, version in PINS.items()}
    outside = [r for r in direct_requirements(*EXTRAS) if names[r.name.lower()] not in r.specifier]
    assert outside == []


def test_the_files_for_conda_are_those_that_make_versions_writes():
    assert versions.conda_environment(CONDA) == CONDA, "run make versions"
    for name in versions.FILES:
        assert (ROOT / name).read_text(encoding="utf-8") == CONDA


def test_versions_are_written_from_the_constraints_and_all_else_stays(monkeypatch, tmp_path):
    moved = PINS | {"keras": "9.9"}
    monkeypatch.setattr(versions, "pins", lambda: moved)
    text = versions.conda_environment(CONDA)
    pinned = dict(re.findall(r"^ {6}- ([\w.-]+)==(\S+)$", text, re.M))
    assert pinned == {r.name: moved[r.name] for r in direct_requirements("dev")}
    assert text.replace("keras==9.9", f"keras=={PINS['keras']}") == CONDA
    del moved["keras"]
    with pytest.raises(CourseError, match="no version of keras"):
        versions.conda_environment(CONDA)


def test_what_pip_freeze_leaves_out_is_pinned_too():
    assert {"pip", "setuptools"} <= set(PINS)


def test_make_installs_every_extra():
    makefile = (ROOT / "Makefile").read_text()
    assert set(re.search(r"-e '\.\[(.+)\]'", makefile)[1].split(",")) == set(EXTRAS)


def test_conda_python_is_one_the_project_supports():
    version = re.search(r"^  - python=(3\.\d+)$", CONDA, re.M)[1]
    assert Requirement(f"x{PROJECT['requires-python']}").specifier.contains(version)


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


def test_post_build_goes_on_without_all_of_mnist(tmp_path):
    stand_in = tmp_path / "python"
    stand_in.write_text('#!/bin/bash\n[ "$1" = -m ]\n')  # pip works, the download does not
    stand_in.chmod(0o755)
    env = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    script = [ROOT / "binder" / "postBuild"]
    done = subprocess.run(script, cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    assert "the sample edition does not need it" in done.stdout
    stand_in.write_text('#!/bin/bash\n[ "$1" = -c ]\n')
    assert subprocess.run(script, cwd=ROOT, env=env, check=False).returncode != 0


WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def test_workflows_take_actions_at_a_commit_and_may_do_little():
    for path in WORKFLOWS:
        text = path.read_text(encoding="utf-8")
        used = re.findall(r"uses: (\S+)", text)
        assert used
        assert [
            action for action in used if not re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", action)
        ] == []
        assert re.search(r"^permissions:\n  contents: read\n(?! )", text, re.M), path.name
        assert text.count("actions/checkout@") == text.count("persist-credentials: false")


def test_the_job_that_publishes_installs_nothing():
    text = next(p for p in WORKFLOWS if p.stem == "site").read_text(encoding="utf-8")
    publish = text[text.index("  publish:") :]
    assert "pages: write" in publish
    assert "pages: write" not in text[: text.index("  publish:")]
    assert "run:" not in publish
