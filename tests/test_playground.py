"""What the playground draws with: small, near the kept models, and there without them too."""

import base64
import re

import numpy as np
import pytest
from notebook_files import ROOT
from playground_models import (
    NAMES,
    PLAYGROUND,
    in_8_bits,
    inputs,
    kept,
    model_of,
    outputs,
    unpacked,
    write_all,
)

from helpers import trained

PAGE = (ROOT / "site" / "playground.md").read_text(encoding="utf-8")
SCRIPTS = {file.stem: file.read_text() for file in (ROOT / "site" / "playground").glob("*.js")}
needs_models = pytest.mark.skipif(
    not set(NAMES) <= set(trained.names()), reason="not all models are kept here: make full"
)


@pytest.fixture(scope="module")
def script(tmp_path_factory):
    folder = tmp_path_factory.mktemp("playground")
    PLAYGROUND["write"](folder)
    (file,) = folder.iterdir()
    return file


@pytest.fixture(scope="module")
def whole_script(tmp_path_factory):
    """With a stand-in of the same size for each model that is not kept here."""
    folder = tmp_path_factory.mktemp("whole")
    write_all(folder)
    return folder / "weights.js"


def test_it_is_one_small_script(script, whole_script):
    assert script.name == whole_script.name
    assert whole_script.stat().st_size <= 2_000_000


def test_the_weights_are_small(whole_script):
    """Measured are the bytes of all codes, scales and biases, before base64 adds a third."""
    text = whole_script.read_text(encoding="utf-8")
    weights = re.findall(r'"(?:codes|scales|floats)":"([^"]*)"', text)
    n_bytes = sum(len(base64.b64decode(one)) for one in weights)
    print(f"weights: {n_bytes:,} bytes, script: {len(text):,}")
    assert 1_000_000 < n_bytes <= 1_500_000


def test_ten_digits_lie_in_it(script):
    digits = kept(script)["digits"]
    assert len(digits) == len(set(digits)) == 10


@needs_models
def test_each_model_is_in_it(script):
    assert list(kept(script)["models"]) == NAMES
    assert "all 60,000 training digits" in PAGE
    assert {trained.about(name).n_digits for name in NAMES} == {60_000}


@pytest.mark.parametrize("name", NAMES)
def test_eight_bits_change_little(name, whole_script):
    content = kept(whole_script)
    given = inputs(name, content)
    there = outputs(name, in_8_bits(name, content["models"][name]), given)
    difference = 255 * np.abs(there - outputs(name, model_of(name), given))
    print(f"{name}: mean {difference.mean():.3f}, largest {difference.max():.1f} of 255")
    assert difference.mean() < 1


def test_rounding_moves_no_weight_further_than_half_a_step():
    kernel = np.random.default_rng(0).normal(0, [1, 0.01, 0], (4, 4, 5, 3))
    packed = unpacked(PLAYGROUND["packed"](kernel)).reshape(kernel.shape)
    steps = np.abs(kernel).max(axis=(0, 1, 2)) / 127
    assert (np.abs(packed - kernel) <= 0.501 * steps).all()


def test_without_a_kept_model_the_script_has_the_digits_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(trained, "MODELS", tmp_path / "none")
    PLAYGROUND["write"](tmp_path)
    content = kept(tmp_path / "weights.js")
    assert content["models"] == {}
    assert len(content["digits"]) == 10


def test_the_page_says_what_makes_missing_models():
    (sentence,) = re.findall(r'<p class="play-missing" hidden>(.*)</p>', PAGE)
    assert "<code>make full</code>" in sentence
    assert sentence.count(".") == 1


def test_each_panel_has_its_function_and_its_model():
    found = re.findall(r'data-panel="(\w+)" data-model="(\w+)" hidden', PAGE)
    assert {model for _, model in found} == set(NAMES)
    defined = re.findall(r"^panels\.(\w+) = ", "".join(SCRIPTS.values()), re.M)
    assert sorted(defined) == sorted(panel for panel, _ in found)


def test_the_page_loads_each_script_and_none_is_committed_with_weights():
    conf = (ROOT / "site" / "conf.py").read_text(encoding="utf-8")
    lines = "".join(re.findall(r"^PLAYGROUND \+?= (.*?\))", conf, re.M))
    assert sorted(re.findall(r'"(\w+)"', lines)) == sorted([*SCRIPTS, "weights"])


def test_the_scripts_ask_nobody_for_anything():
    for name, text in SCRIPTS.items():
        assert not re.search(r"https?:|fetch\(|XMLHttpRequest|import\(|\bWorker\(", text), name
