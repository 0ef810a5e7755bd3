import importlib
import json
import os
import subprocess
import sys

import pytest

from course import doctor, environment
from course.environment import ROOT, CourseError, pins

PINS = pins()


def test_another_version_than_the_pinned_one_is_mentioned_as_no_fault(monkeypatch):
    monkeypatch.setattr(doctor.importlib.metadata, "version", PINS.get)
    assert {mark for mark, _ in doctor._packages()} == {"✓"}
    monkeypatch.setattr(doctor.importlib.metadata, "version", lambda name: "99")
    _, *found = doctor._packages()
    assert ("·", f"numpy 99; outputs made with {PINS['numpy']}") in found
    assert {mark for mark, _ in found} == {"·"}


def test_the_kernel_and_all_of_mnist_are_found_where_they_are(monkeypatch):
    assert doctor._kernel() == ("✓", "Jupyter kernel python3")
    monkeypatch.setattr("helpers.data.find_mnist", lambda: ("here.npz", ()))
    assert ("✓", "all of MNIST, from here.npz") in doctor._datasets()


def test_a_kernel_that_is_missing_or_another_program_is_named_with_its_remedy(monkeypatch):
    specs = importlib.import_module("jupyter_client.kernelspec")

    def missing(*_):
        raise specs.NoSuchKernel("python3")

    monkeypatch.setattr(specs.KernelSpecManager, "get_kernel_spec", missing)
    mark, text = doctor._kernel()
    assert (mark, text) == ("✗", f"no Jupyter kernel python3: {environment.install()}")
    spec = specs.KernelSpec(argv=["/usr/bin/julia", "-i"])
    monkeypatch.setattr(specs.KernelSpecManager, "get_kernel_spec", lambda *_: spec)
    mark, text = doctor._kernel()
    assert mark == "✗"
    assert "runs /usr/bin/julia: jupyter kernelspec remove python3" in text
    monkeypatch.setitem(sys.modules, "jupyter_client.kernelspec", None)
    mark, text = doctor._kernel()
    assert mark == "✗"
    assert "before the missing packages are here" in text


def test_doctor_finds_this_environment_well(capsys, monkeypatch):
    monkeypatch.delenv("MNIST_NPZ", raising=False)
    assert doctor.doctor()
    printed = capsys.readouterr().out
    assert "✓ Python" in printed
    assert "✓ the bundled digits" in printed


def test_doctor_names_what_is_missing_and_the_remedy(capsys, monkeypatch, tmp_path):
    metadata = doctor.importlib.metadata
    version = metadata.version

    def look_up(name):
        if name == "papermill":
            raise metadata.PackageNotFoundError(name)
        return "1.0" if name == "keras" else "2.99" if name == "numpy" else version(name)

    monkeypatch.setattr(metadata, "version", look_up)
    monkeypatch.setattr("helpers.data.SAMPLE_FILE", tmp_path / "gone.npz")
    monkeypatch.setenv("MNIST_NPZ", str(tmp_path / "none.npz"))
    assert not doctor.doctor()
    printed = capsys.readouterr().out
    assert f"✗ papermill is missing: {environment.install()}\n" in printed
    remedy = environment.install("'keras>=3.13.2'")
    assert f"✗ keras>=3.13.2 is needed, 1.0 is here: {remedy}\n" in printed
    assert "· numpy 2.99; outputs made with" in printed
    assert "gone.npz is not there. Restore it" in printed
    assert "· all of MNIST is not here yet" in printed


@pytest.mark.parametrize("missing", ["papermill", "jupyter_client", "nbformat"])
def test_doctor_goes_on_where_a_package_cannot_be_imported(missing):
    code = f"import sys; sys.modules[{missing!r}] = None\n"
    code += "from course.__main__ import main; sys.exit(main(['doctor']))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "✗ results/ cannot be judged before the missing packages are here\n" in done.stdout
    assert "✓ the bundled digits\n" in done.stdout


def test_doctor_names_a_damaged_list_of_results(monkeypatch):
    def damaged():
        raise CourseError("results/full.json cannot be read")

    monkeypatch.setattr("course.results.status", damaged)
    assert doctor._results() == ("✗", "results/full.json cannot be read")


@pytest.mark.parametrize(
    ("backend", "floatx", "words"),
    [
        ("jax", "float32", "✗ Keras is set to backend = 'jax' by the environment variable"),
        ("tensorflow", "float16", "✗ Keras is set to floatx = 'float16' by"),
        ("tensorflow", "float32", "✓ Keras runs on TensorFlow, with channels last and float32"),
    ],
)
def test_doctor_names_a_setting_of_keras_that_is_not_ours(tmp_path, backend, floatx, words):
    (tmp_path / "keras.json").write_text(json.dumps({"floatx": floatx}))
    env = os.environ | {"KERAS_HOME": str(tmp_path), "KERAS_BACKEND": backend}
    command = [sys.executable, "-m", "course", "doctor"]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert words in done.stdout
    assert done.returncode == (0 if words.startswith("✓") else 1), done.stderr
