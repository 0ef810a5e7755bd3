"""Notebooks run to their end on a learner's own pictures, and at other latent sizes.

The package is copied for the kernels, so that what a notebook writes goes elsewhere than what a run
beside this one writes.
"""

import json
import shutil

import numpy as np
import PIL.Image
import pytest

from course import run
from course.editions import choose
from course.environment import ROOT
from helpers.data import load_digits

QUICK = {  # so little training that nothing is learnt
    "02": {
        "hidden_sizes": [3, 5],
        "cd_epochs": 2,
        "pcd_epochs": 2,
        "classifier_epochs": 1,
        "chain_steps": 5,
        "temperatures": 10,
    },
    "04": {
        "hidden_units": 8,
        "epochs": 1,
        "toy_epochs": 1,
        "classifier_epochs": 1,
        "collapse_epochs": 1,
        "n_drawn": 200,
    },
    "05": {
        "latent_sizes": [2, 8],
        "filters": [2, 3],
        "bottleneck": 4,
        "trial_images": 200,
        "trial_epochs": 1,
        "epochs": 1,
    },
    "07": {
        "curve_steps": 100,
        "ring_steps": 50,
        "dense_epochs": 2,
        "conv_epochs": 2,
        "filters": 2,
        "classifier_epochs": 1,
        "n_judged": 200,
    },
    "d5": {
        "batches": 20,
        "filters": 2,
        "classifier_epochs": 1,
        "n_judged": 100,
    },
    "d3": {
        "layers": [8],
        "passes": 2,
        "more_passes": {"1": 1, "5": 1},
        "web_passes": 1,
        "n_judged": 10,
        "n_draws": 10,
    },
}


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """A copy of the package, for the kernels."""
    folder = tmp_path_factory.mktemp("package")
    for name in ("helpers", "data"):
        shutil.copytree(ROOT / name, folder / name)
    return folder


def few_photographs(folder):
    """Sixty digits as a learner might scan them: large, off centre, dark on light, no labels."""
    folder = folder / "mine"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number, digit in enumerate(load_digits().x_train[:60]):
        paper = np.full((90, 100), 230.0)
        top, left = rng.integers(2, 5), rng.integers(2, 15)
        paper[top : top + 84, left : left + 84] -= 200 * np.kron(digit, np.ones((3, 3)))
        PIL.Image.fromarray(paper.astype(np.uint8)).save(folder / f"{number}.png")
    return folder


def shapes(folder, side=28, kinds=(1, 2, 3, 5, 6, 8)):
    """Discs and frames of several sizes, the size as label, in grey levels."""
    rng = np.random.default_rng(0)
    labels = rng.permutation(np.resize(kinds, 300))
    middle = side / 2 + rng.uniform(-2, 2, (2, 300, 1, 1))
    away = np.abs(np.indices((side, side))[:, None] - middle) / side * 28
    away = np.where((labels < 5)[:, None, None], np.hypot(*away), away.max(axis=0))
    size = 3 + labels[:, None, None]
    drawn = np.clip(size - away, 0, 1) * np.where(size > 7, away > size - 4, 1)
    images = np.uint8(np.round(rng.uniform(150, 255, (300, 1, 1)) * drawn))
    path = folder / f"shapes{side}.npz"
    np.savez(path, x_train=images, y_train=labels)
    return path


def in_toml(value):
    if isinstance(value, dict):
        pairs = (f"{json.dumps(key)} = {in_toml(item)}" for key, item in value.items())
        return f"{{{', '.join(pairs)}}}"
    return json.dumps(value)


def small_shapes(folder):
    return shapes(folder, side=16)


def one_kind(folder):
    return shapes(folder, kinds=[3])


@pytest.mark.parametrize(
    ("start", "digits", "changes"),
    [
        ("02", few_photographs, {}),
        ("02", small_shapes, {}),
        ("04", few_photographs, {"latent_sizes": [3]}),
        ("04", shapes, {}),
        ("05", few_photographs, {}),
        ("05", one_kind, {"latent_sizes": [9, 2]}),
        ("07", few_photographs, {}),
        ("07", shapes, {}),
        ("d3", few_photographs, {}),
        ("d5", few_photographs, {}),
    ],
)
def test_a_notebook_runs_to_its_end(tmp_path, package, monkeypatch, start, digits, changes):
    (path,) = choose(start)
    given = {"dataset": str(digits(tmp_path)), **QUICK[start], **changes}
    lines = [f"{name} = {in_toml(value)}\n" for name, value in given.items()]
    (tmp_path / "own.toml").write_text(f"cell_timeout = 300\n[{path.stem}]\n{''.join(lines)}")
    monkeypatch.setenv("PYTHONPATH", str(package))
    out = tmp_path / "out"
    passed = run.run("own", only=start, out=out, jobs=1, editions=tmp_path)
    entry = run.read_record(out)["notebooks"][path.stem]
    assert passed, entry["problems"]
    assert {check["holds"] for check in entry["checks"]} == {None}, "nothing is judged"
