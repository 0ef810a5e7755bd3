"""Models that the full edition trained on all of MNIST, ready to be used.

A complete run of the full edition leaves each model as `results/models/NAME.npz`: its weights,
rounded to 7 significant bits and stored as float16, no pickle. `results/full.json` holds what was
measured of it there, and the digest of its file.

The bundled test digits were taken from MNIST's training set, so a kept model has seen them. What it
is worth on unseen digits says `measured`, not a loss on the bundled ones.
"""

import functools
import hashlib
import io
import json
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np

from helpers.inputs import one_of, whole_number
from helpers.rbm import PARAMETERS, RBM

RESULTS = Path(__file__).resolve().parents[1] / "results"
MODELS = RESULTS / "models"
FOLDER_OF_RUN = "KEEP_MODELS_IN"  # set by `course run`
SIGNIFICANT_BITS = 7  # costs a VAE less than 0.01 nats
SUFFIX = ".npz"

# TensorFlow is imported where a model needs it: to look a value up takes none.


def _rbm(n_hidden):
    return RBM(784, n_hidden, np.random.default_rng(0))


def _dense_vae(n_latent):
    from helpers.vae import VAE, dense_decoder, dense_encoder

    return VAE(dense_encoder(n_latent), dense_decoder(n_latent))


def _conv_vae(n_latent):
    from helpers.vae import VAE, conv_decoder, conv_encoder

    encoder = conv_encoder(n_latent, 128, (16, 32), "silu")
    return VAE(encoder, conv_decoder(n_latent, (128, 128), (32, 16), "silu"))


def _conv_generator():
    from helpers.gan import conv_generator

    return conv_generator()


def _labelled_rbm():
    from helpers.conditional import LabelledRBM

    return LabelledRBM(784, 10, 300, np.random.default_rng(0))


def _conditional_vae():
    from helpers.conditional import ConditionalVAE, conditional_decoder, conditional_encoder

    return ConditionalVAE(conditional_encoder(8), conditional_decoder(8))


def _conditional_generator():
    from helpers.conditional import conditional_generator

    return conditional_generator(filters=16)


BUILDERS = {
    "rbm_100": functools.partial(_rbm, 100),
    "rbm_500": functools.partial(_rbm, 500),
    "dense_vae_2": functools.partial(_dense_vae, 2),
    "dense_vae_8": functools.partial(_dense_vae, 8),
    "dense_vae_16": functools.partial(_dense_vae, 16),
    "conv_vae_8": functools.partial(_conv_vae, 8),
    "conv_generator": _conv_generator,
    "labelled_rbm": _labelled_rbm,
    "conditional_vae": _conditional_vae,
    "conditional_generator": _conditional_generator,
}


class About(NamedTuple):
    """Where a kept model came from."""

    notebook: str  # that trained it
    date: str  # of the run
    seconds: float  # that the whole notebook took
    versions: dict  # of the libraries
    n_digits: int  # training digits that the model saw


# ---------------------------------------------------------------- what is kept


def names():
    """The names of the models that are kept, sorted."""
    return sorted(path.stem for path in MODELS.glob(f"*{SUFFIX}"))


def load_model(name):
    """Build a model and load the weights that the full edition left.

    Args:
        name: one of `names()`.

    Returns:
        An `RBM`, a `VAE`, or the generator of a GAN, a Keras model from codes to pictures in
        [-1, 1]; or one of `helpers.conditional`. It is not compiled.

    Raises:
        ValueError: no model of this name is kept; or its file is damaged, or not the one that the
            full edition left.
    """
    weights, _ = _kept(name)
    model = BUILDERS[name]()
    try:
        _set_weights(model, weights)
    except ValueError as error:
        raise ValueError(
            f"the kept model {name!r} does not fit its network ({error}): make full trains it anew."
        ) from None
    return model


def load_models(wanted, dataset):
    """Load the models that are kept of some, and say in a sentence why others are not shown.

    Args:
        wanted: a list of names; or a dictionary from any key to a name.
        dataset: what the notebook at hand was given. The kept models learned MNIST's digits, so
            beside other pictures none is loaded.

    Returns:
        A dictionary from a name, or from its key, to the model; in the order of `wanted`.

    Raises:
        TypeError: `wanted` is one name, and no list.
        ValueError: a file is damaged or another one, as for `load_model`.
    """
    if isinstance(wanted, str):
        raise TypeError(f"wanted = {wanted!r}: a list of names is needed, [{wanted!r}].")
    wanted = wanted if isinstance(wanted, dict) else {name: name for name in wanted}
    if dataset not in ("sample", "mnist"):
        print(f"The kept models learned MNIST's digits: none is shown beside {dataset}.")
        return {}
    there = [name for name in wanted.values() if name in names() and name in BUILDERS]
    missing = [name for name in wanted.values() if name not in there]
    if missing:
        print(
            f"No model is kept for {', '.join(missing)}: there are {', '.join(names()) or 'none'}."
        )
    return {key: load_model(name) for key, name in wanted.items() if name in there}


def about(name):
    """Where a kept model came from, as `About`; arguments and errors as for `load_model`."""
    return About(**_kept(name)[1])


def measured(notebook, claim):
    """A value that the full edition measured.

    Args:
        notebook: its number, such as "04".
        claim: the text of the check that measured it there.

    Returns:
        The value.

    Raises:
        ValueError: the notebook has no such claim, or several.
    """
    for name, entry in _full()["notebooks"].items():
        if name.startswith(f"{notebook}_"):
            values = [check["value"] for check in entry["checks"] if check["claim"] == claim]
            if len(values) == 1:
                return values[0]
            raise ValueError(
                f"claim = {claim!r}: the full edition of notebook {notebook} has {len(values)} "
                "values of it, one is needed."
            )
    raise ValueError(f"notebook = {notebook!r}: the full edition holds no values of it.")


def _full():
    file = RESULTS / "full.json"
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {"notebooks": {}}


def _kept(name):
    """Weights and facts of a kept model, whose file is the one that the full edition left."""
    one_of(name, "name", BUILDERS)
    file = MODELS / f"{name}{SUFFIX}"
    if not file.is_file():
        kept = ", ".join(names()) or "none"
        raise ValueError(f"name = {name!r}: no such model is kept, there are {kept}.")
    content = file.read_bytes()
    digests = {
        model: digest
        for entry in _full()["notebooks"].values()
        for model, digest in entry.get("models", {}).items()
    }
    if hashlib.sha256(content).hexdigest() != digests.get(name):
        raise ValueError(
            f"{file.name} is not the file that the full edition left: git checkout {file.name} "
            "in results/models brings that one back."
        )
    return read_model(content)


# ---------------------------------------------------------------- keeping


def keep_model(name, model, n_digits):
    """Hand a trained model to the run of the full edition that is at work; else do nothing.

    `make full` keeps it in results/models if the notebook passes to its end. A reader's own
    training leaves that folder alone, and so does a model that `load_model` knows no name of, such
    as one with another number of latents.

    Args:
        name: of the model, such as "dense_vae_2".
        model: an `RBM`, a `VAE`, a generator, or one of `helpers.conditional`.
        n_digits: how many training digits it saw.

    Raises:
        TypeError: the number is no whole number.
        ValueError: the weights do not fit the network of this name, or are not finite.
    """
    n_digits = whole_number(n_digits, "n_digits", least=1)
    folder = os.environ.get(FOLDER_OF_RUN)
    if not folder or name not in BUILDERS:
        return
    weights = [rounded(weight) for weight in _weights(model)]
    _set_weights(BUILDERS[name](), weights)
    Path(folder).mkdir(parents=True, exist_ok=True)
    write_model(Path(folder) / f"{name}{SUFFIX}", weights, {"n_digits": n_digits})


def write_model(file, weights, facts):
    """Write weights, and what is known of where they came from, whole or not at all.

    Args:
        file: the path of an .npz file.
        weights: a list of arrays, stored as float16.
        facts: a dictionary that becomes the line `about`.

    Returns:
        The SHA-256 of the file.
    """
    content = io.BytesIO()
    arrays = {f"weight_{i}": np.float16(weight) for i, weight in enumerate(weights)}
    np.savez_compressed(content, about=json.dumps(facts), **arrays)
    new = file.with_suffix(".new")
    new.write_bytes(content.getvalue())
    new.replace(file)
    return hashlib.sha256(content.getvalue()).hexdigest()


def read_model(content):
    """The inverse of `write_model`: from a file's bytes its weights, float32, and its facts."""
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        weights = [np.float32(arrays[f"weight_{i}"]) for i in range(len(arrays.files) - 1)]
        return weights, json.loads(str(arrays["about"]))


def rounded(weight):
    """The nearest numbers with 7 significant bits that float16 can hold.

    Args:
        weight: an array.

    Returns:
        float16, of the same shape. Rounding changes a weight by at most one part in 128, as long as
        it is not below 6e-5 in size, where float16 has fewer bits.

    Raises:
        ValueError: a weight is not finite, or too large for float16.
    """
    fraction, exponent = np.frexp(np.asarray(weight, np.float64))
    scale = 2.0**SIGNIFICANT_BITS
    with np.errstate(over="ignore"):
        result = np.float16(np.ldexp(np.rint(fraction * scale) / scale, exponent))
    if not np.isfinite(result).all():
        raise ValueError("weights must be finite and below 65,504 to be kept as float16.")
    return result


def _is_rbm(model):
    """Whether it is an RBM, with label units or without: TensorFlow is not loaded to ask."""
    return hasattr(model, "hidden_bias")


def _parts(model):
    """The networks of a Keras model of ours, or itself."""
    return (model.encoder, model.decoder) if hasattr(model, "encoder") else (model,)


def _weights(model):
    if _is_rbm(model):
        return [getattr(model, name) for name in PARAMETERS]
    return [weight for part in _parts(model) for weight in part.get_weights()]


def _set_weights(model, weights):
    weights = [np.float32(weight) for weight in weights]
    shapes, wanted = ([np.shape(w) for w in some] for some in (weights, _weights(model)))
    if shapes != wanted:
        raise ValueError(f"weights of shapes {shapes}, expected {wanted}")
    if _is_rbm(model):
        for name, weight in zip(PARAMETERS, weights, strict=True):
            setattr(model, name, weight)
        return
    for part in _parts(model):
        count = len(part.get_weights())
        part.set_weights(weights[:count])
        weights = weights[count:]
