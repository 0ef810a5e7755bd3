"""The playground's script of weights, read back, and Python's models with these 8-bit weights."""

import base64
import json
import runpy

import numpy as np
from notebook_files import ROOT

from helpers import trained

PLAYGROUND = runpy.run_path(str(ROOT / "site" / "playground.py"))
NAMES = list(PLAYGROUND["MODELS"])


def kept(script):
    """What the script assigns, with the models' tensors as arrays: matrices, and kernels 4 x 4."""
    text = script.read_text(encoding="utf-8").removeprefix("const KEPT = ").removesuffix(";\n")
    content = json.loads(text)
    for tensors in content["models"].values():
        tensors |= {name: unpacked(tensor) for name, tensor in tensors.items()}
    return content


def unpacked(tensor):
    if "floats" in tensor:
        return array(tensor["floats"], np.float32)
    scales = array(tensor["scales"], np.float32)
    return array(tensor["codes"], np.int8).reshape(-1, len(scales)) * scales


def array(text, dtype):
    return np.frombuffer(base64.b64decode(text), dtype)


def in_8_bits(name, tensors):
    """The kept model as Python loads it, then with the script's weights in its place."""
    model = trained.load_model(name)
    if name.startswith("rbm"):
        for parameter, tensor in tensors.items():
            setattr(model, parameter, tensor)
    elif name.startswith("dense_vae"):
        model.decoder.set_weights(list(tensors.values()))
    else:
        model.set_weights(generator_weights(tensors))
    return model


def generator_weights(tensors):
    """Those of the Keras generator: its batch norm multiplies by 1 and adds the shift."""
    weights = []
    for layer in (1, 2, 3):
        shift = tensors[f"shift_{layer}"]
        ones = np.ones_like(shift)
        weights += [tensors[f"kernel_{layer}"], ones, shift, 0 * ones]
        weights += [ones - np.float32(PLAYGROUND["NORM_EPSILON"])]
    weights += [tensors["kernel_4"], tensors["shift_4"]]
    for i, n_outputs in ((10, 32), (15, 1)):
        weights[i] = weights[i].reshape(4, 4, -1, n_outputs).swapaxes(2, 3)
    return weights


def inputs(name, content):
    """Twenty inputs of a model: codes, or for an RBM the ten digits, whole and without half."""
    rng = np.random.default_rng(0)
    if name.startswith("rbm"):
        whole = np.float32([array(digit, np.uint8) > 127 for digit in content["digits"]])
        return np.concatenate([whole, whole * (np.arange(784) < 392)])
    if name.startswith("dense_vae"):
        return rng.uniform(-3, 3, (20, 2)).astype(np.float32)
    return rng.uniform(-1, 1, (20, 16)).astype(np.float32)


def outputs(name, model, given):
    """What the page draws of each input, flat, from 0 to 1; of an RBM p(h|v) and p(v|p(h|v))."""
    if name.startswith("rbm"):
        hidden = model.hidden_probability(given)
        return np.hstack([hidden, model.visible_probability(hidden)])
    if name.startswith("dense_vae"):
        return 1 / (1 + np.exp(-np.asarray(model.decoder(given)).reshape(20, -1)))
    return (1 + np.asarray(model(given)).reshape(20, -1)) / 2
