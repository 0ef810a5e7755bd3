"""Write what the page "Playground" draws with: kept models in 8 bits, and ten digits.

A browser that opens a page from the disk may load a script but no data, so all of it is one script.
It assigns base64 texts. A kernel is kept as whole numbers from -127 to 127, each times the scale of
its column, that is of its output; biases stay float32. Batch norm is taken into both.
"""

import base64
import functools
import json

import numpy as np

from helpers import trained
from helpers.data import load_digits

FILE = "weights.js"
N_LABELS = 10  # label units of the RBM
NORM_EPSILON = 0.001  # of Keras's BatchNormalization


def write(folder):
    """Write the script into a folder; a model that is not kept here is left out.

    Args:
        folder: where the playground's other scripts lie.
    """
    write_models(folder, {name: kept_weights(name) for name in MODELS if name in trained.names()})


def write_models(folder, weights):
    """Write the script with these models: a list of arrays each, by name."""
    models = {name: packed_model(name, arrays) for name, arrays in weights.items()}
    text = json.dumps({"models": models, "digits": ten_digits()}, separators=(",", ":"))
    (folder / FILE).write_text(f"const KEPT = {text};\n", encoding="utf-8")


def kept_weights(name):
    """The arrays of a kept model, in their order."""
    weights, _ = trained.read_model((trained.MODELS / f"{name}{trained.SUFFIX}").read_bytes())
    return weights


def packed_model(name, weights):
    """A model's tensors as the script holds them, by name."""
    return {key: packed(tensor) for key, tensor in MODELS[name](weights).items()}


def ten_digits():
    """The first bundled test digit of each kind, as base64 of its grey levels from 0 to 255."""
    digits = load_digits("sample")
    first = [np.flatnonzero(digits.y_test == kind)[0] for kind in range(10)]
    return [in_base64(np.uint8(np.rint(255 * digits.x_test[i]))) for i in first]


# ---------------------------------------------------------------- 8 bits


def packed(tensor):
    """A vector as float32; anything else in 8 bits, with a scale for each column (last axis)."""
    if tensor.ndim == 1:
        return {"floats": in_base64(np.float32(tensor))}
    codes, scales = quantised(tensor)
    return {"codes": in_base64(codes), "scales": in_base64(scales)}


def quantised(kernel):
    """The nearest whole numbers, int8, and the scales: kernel = codes * scales, about."""
    largest = np.abs(kernel).max(axis=tuple(range(kernel.ndim - 1)))
    scales = np.float32(np.where(largest > 0, largest, 1) / 127)
    return np.int8(np.rint(kernel / scales)), scales


def in_base64(array):
    """The array's bytes, in order, as text."""
    return base64.b64encode(array.tobytes()).decode("ascii")


# ---------------------------------------------------------------- what each model is made of


def labelled_rbm(weights):
    """All of an RBM with label units; their weights U stand alone, to have scales of their own."""
    W, bias, hidden_bias = weights
    tensors = {"W": W[:-N_LABELS], "U": W[-N_LABELS:]}
    biases = {"visible_bias": bias[:-N_LABELS], "label_bias": bias[-N_LABELS:]}
    return tensors | biases | {"hidden_bias": hidden_bias}


def dense_decoder(weights, n_layers):
    """The last arrays of a dense VAE, two a layer, which are its decoder."""
    names = [f"{part}_{i + 1}" for i in range(n_layers) for part in ("kernel", "shift")]
    return dict(zip(names, weights[-2 * n_layers :], strict=True))


def conv_generator(weights):
    """The generator's two dense layers and two transposed convolutions."""
    tensors = {}
    for layer in (1, 2, 3):
        kernel, *norm = weights[5 * layer - 5 : 5 * layer]
        folded = without_norm(inputs_before_outputs(kernel), *norm)
        tensors |= dict(zip((f"kernel_{layer}", f"shift_{layer}"), folded, strict=True))
    return tensors | {"kernel_4": inputs_before_outputs(weights[15]), "shift_4": weights[16]}


def inputs_before_outputs(kernel):
    """A transposed convolution's kernel with its outputs last, as a dense layer has them."""
    return kernel.swapaxes(2, 3) if kernel.ndim == 4 else kernel


def without_norm(kernel, gamma, beta, mean, variance):
    """The kernel and shift that do what a kernel and batch norm after it do."""
    scale = gamma / np.sqrt(variance + NORM_EPSILON)
    return kernel * scale, beta - mean * scale


MODELS = {
    "labelled_rbm": labelled_rbm,
    "dense_vae_2": functools.partial(dense_decoder, n_layers=2),
    "conv_generator": conv_generator,
    "conditional_vae": functools.partial(dense_decoder, n_layers=3),
}
