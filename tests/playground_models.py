"""The playground's script of weights, read back, and Python's models with these 8-bit weights.

A model that is not kept here is stood in for by its untrained network, so that the arithmetic and
the panels are tested without it too.
"""

import base64
import json
import runpy

import numpy as np
from notebook_files import ROOT

from helpers import conditional, rbm, trained
from helpers.runtime import set_seed

PLAYGROUND = runpy.run_path(str(ROOT / "site" / "playground.py"))
NAMES = list(PLAYGROUND["MODELS"])


def model_of(name):
    """The kept model; or its untrained network, always the same, and no bias is 0."""
    if name in trained.names():
        return trained.load_model(name)
    set_seed(0)
    model = trained.BUILDERS[name]()
    rng = np.random.default_rng(0)
    noise = [rng.normal(0, 0.05, weight.shape) for weight in weights_of(model)]
    noise = [np.abs(one) if one.ndim == 1 else one for one in noise]  # variances stay positive
    set_weights(model, [sum(pair) for pair in zip(weights_of(model), noise, strict=True)])
    return model


def weights_of(model):
    """The arrays that the script is made of: an RBM's, a decoder's or a generator's."""
    if hasattr(model, "hidden_bias"):
        return [getattr(model, name) for name in rbm.PARAMETERS]
    return getattr(model, "decoder", model).get_weights()


def set_weights(model, weights):
    if hasattr(model, "hidden_bias"):
        for name, weight in zip(rbm.PARAMETERS, weights, strict=True):
            setattr(model, name, np.float32(weight))
    else:
        getattr(model, "decoder", model).set_weights(weights)


def write_all(folder):
    """The script with all models, kept or standing in."""
    PLAYGROUND["write_models"](folder, {name: weights_of(model_of(name)) for name in NAMES})


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
    """The model as Python has it, then with the script's weights in its place."""
    model, weights = model_of(name), list(tensors.values())
    if name == "labelled_rbm":
        W, U, visible_bias, label_bias, hidden_bias = weights
        weights = [np.vstack([W, U]), np.hstack([visible_bias, label_bias]), hidden_bias]
    elif name == "conv_generator":
        weights = generator_weights(tensors)
    set_weights(model, weights)
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
    """Twenty inputs of a model: codes, for the conditional VAE with labels behind them; or for the
    RBM the ten digits with their labels, then without half and with labels three times as loud."""
    rng, labels = np.random.default_rng(0), np.eye(10, dtype=np.float32)
    if name == "labelled_rbm":
        whole = np.float32([array(digit, np.uint8) > 127 for digit in content["digits"]])
        half = whole * (np.arange(784) < 392)
        return np.block([[whole, labels], [half, 3 * labels]])
    if name == "dense_vae_2":
        return rng.uniform(-3, 3, (20, 2)).astype(np.float32)
    if name == "conditional_vae":
        z = rng.standard_normal((20, 8)).astype(np.float32)
        return np.hstack([z, np.tile(labels, (2, 1))])
    return rng.uniform(-1, 1, (20, 16)).astype(np.float32)


def outputs(name, model, given):
    """What the page draws of each input, flat, from 0 to 1; of the RBM p(h | v, y), and of pixels
    and labels given these probabilities."""
    if name == "labelled_rbm":
        hidden = rbm.hidden_probability(given, model.W, model.hidden_bias)
        dreamt = conditional.joint_probability(hidden, model.W, model.visible_bias, 10)
        return np.hstack([hidden, dreamt])
    if name == "dense_vae_2":
        return rbm.sigmoid(np.asarray(model.decoder(given)).reshape(20, -1))
    if name == "conditional_vae":
        return np.asarray(model([given[:, :8], given[:, 8:]])).reshape(20, -1)
    return (1 + np.asarray(model(given)).reshape(20, -1)) / 2
