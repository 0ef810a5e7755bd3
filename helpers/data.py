"""The digits: loading the two datasets, making pixels binary and removing ink.

`sample` is 5,000 digits bundled in `data/`, `mnist` is all 70,000. Either is recognised by the
SHA-256 of its arrays, so a damaged or foreign file is never used, and one dataset never takes the
place of the other. `data/README.md` tells where the digits come from.
"""

import hashlib
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np

SAMPLE_FILE = Path(__file__).resolve().parents[1] / "data" / "mnist_sample.npz"
SHAPES_AND_DIGESTS = {
    "sample": {
        "x_train": ((4000, 28, 28), "75a35de62124fd8602546560c5b8efe4cf7aa1361dbb2ef51a8defa3d66e399a"),
        "y_train": ((4000,), "0c5e6784e1b5a27c2d01c7ed270654a46d8edf5a4ce921570eecbdafa7a23f8d"),
        "x_test": ((1000, 28, 28), "3ee5d969a0ac763fde7e0524dbb3cfe5ae096f3e5b9b1cba52be3aacb6e50528"),
        "y_test": ((1000,), "dbcac49a60e2f61dba28e698f12d9c8dd9cbf722dcd7ba7542f9cf8b6e5f958e"),
    },
    "mnist": {
        "x_train": ((60000, 28, 28), "741c988805d008ac6e4c904b69001ba184c24b2c540a4ef403f4c71b676cf757"),
        "y_train": ((60000,), "1feba77c54802fa5339a11837ea4b2866434b83314ec45192930f1df69120c13"),
        "x_test": ((10000, 28, 28), "6d87418db22cc8025d05968bec9bd5c3932904b23485740db143a061a2c9d161"),
        "y_test": ((10000,), "ddeff807876a9661a1110d45c266c86239a3a1b7d37da0c3716a7a683c852ff5"),
    },
}  # fmt: skip
HOW_TO_GET_MNIST = (
    "Three ways to get MNIST: set the environment variable MNIST_NPZ to a file mnist.npz that you "
    "have; or put that file at {cache}; or connect to the network and run this again, and Keras "
    'downloads it. The bundled dataset="sample" needs none of them.'
)


class Digits(NamedTuple):
    """Images as float32 in [0, 1], shape (n, 28, 28), 1 is ink; labels as integers, shape (n,)."""

    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray


def load_digits(dataset="sample"):
    """Load a dataset of handwritten digits.

    Args:
        dataset: "sample" (4,000 training and 1,000 test digits, bundled, both taken from MNIST's
            training set) or "mnist" (60,000 and 10,000; read from the file that the environment
            variable MNIST_NPZ names, else from Keras's cache, else downloaded into that cache).

    Returns:
        `Digits`, the images divided by 255.

    Raises:
        ValueError: the name is unknown, or a file does not hold exactly that dataset.
        FileNotFoundError: the file is not there, or MNIST can be had in none of the three ways.
    """
    if dataset not in SHAPES_AND_DIGESTS:
        raise ValueError(f'unknown dataset {dataset!r}: choose "sample" or "mnist"')
    arrays = read_digits(SAMPLE_FILE, "sample") if dataset == "sample" else fetch_mnist()[1]
    return Digits(
        x_train=arrays["x_train"].astype(np.float32) / 255,
        y_train=arrays["y_train"].astype(np.int64),
        x_test=arrays["x_test"].astype(np.float32) / 255,
        y_test=arrays["y_test"].astype(np.int64),
    )


def read_digits(path, dataset):
    """Read the four arrays of a dataset from an .npz file and verify every byte of them.

    Args:
        path: the file.
        dataset: "sample" or "mnist": what the file must hold.

    Returns:
        A dictionary of uint8 arrays: x_train, y_train, x_test, y_test.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is damaged, lacks an array, or an array has another shape, type or content.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path} is not there. {_remedy(dataset)}")
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in SHAPES_AND_DIGESTS[dataset]}
    except KeyError as error:
        raise ValueError(f"{path} is not {dataset}: {error.args[0]}. {_remedy(dataset)}") from None
    except Exception as error:  # damage can raise almost anything, such as tokenize's error
        raise ValueError(f"{path} is damaged ({error}). {_remedy(dataset)}") from None
    for name, (shape, digest) in SHAPES_AND_DIGESTS[dataset].items():
        array = arrays[name]
        if array.shape != shape or array.dtype != np.uint8:
            raise ValueError(
                f"{path} is not {dataset}: {name} has shape {array.shape} and type {array.dtype}, "
                f"expected {shape} and uint8. {_remedy(dataset)}"
            )
        if hashlib.sha256(array.tobytes()).hexdigest() != digest:
            raise ValueError(
                f"{path} is not {dataset}: {name} has the right shape but other values (its "
                f"SHA-256 differs). {_remedy(dataset)}"
            )
    return arrays


def binarise_by_threshold(images, threshold=0.5):
    """Set each pixel to 1 where it is above the threshold, else to 0: always the same picture.

    Args:
        images: grey levels in [0, 1], any shape.
        threshold: in [0, 1].

    Returns:
        float32 zeros and ones of the same shape.

    Raises:
        ValueError: a grey level or the threshold lies outside [0, 1].
    """
    if not 0 <= threshold <= 1:
        raise ValueError(f"threshold must lie in [0, 1], got {threshold}")
    return (_grey_levels(images) > threshold).astype(np.float32)


def binarise_by_sampling(images, rng):
    """Set each pixel to 1 with probability equal to its grey level: a new picture at each call.

    Likelihoods measured after the two kinds of binarisation differ: always say which it was.

    Args:
        images: grey levels in [0, 1], any shape.
        rng: a `numpy.random.Generator`.

    Returns:
        float32 zeros and ones of the same shape, whose mean over many calls is `images`.

    Raises:
        ValueError: a grey level lies outside [0, 1].
    """
    images = _grey_levels(images)
    return (rng.random(images.shape, dtype=np.float32) < images).astype(np.float32)


def remove_ink(images, fraction, rng):
    """Set a random part of each image's non-zero pixels to 0.

    Args:
        images: shape (n, ...), grey levels in [0, 1].
        fraction: the part of each image's own non-zero pixels to remove, in [0, 1]; the number of
            pixels is rounded to the nearest integer.
        rng: a `numpy.random.Generator`; every image gets its own random choice.

    Returns:
        A damaged copy, same shape and type.

    Raises:
        ValueError: the fraction or a grey level lies outside [0, 1].
    """
    if not 0 <= fraction <= 1:
        raise ValueError(f"fraction must lie in [0, 1], got {fraction}")
    pixels = _grey_levels(images).reshape(len(images), -1)
    ink = pixels > 0
    remove_count = np.rint(fraction * ink.sum(axis=1, keepdims=True))
    lottery = np.where(ink, rng.random(pixels.shape), np.inf)
    rank = lottery.argsort(axis=1).argsort(axis=1)
    return np.where(rank < remove_count, 0, pixels).reshape(images.shape)


def _grey_levels(images):
    images = np.asarray(images)
    if images.size and not (images.min() >= 0 and images.max() <= 1):
        raise ValueError(
            f"grey levels must lie in [0, 1], got values from {images.min()} to {images.max()}: "
            "divide bytes by 255 and check for NaN"
        )
    return images


def find_mnist():
    """Find all of MNIST without the network.

    Returns:
        The file's path and its four arrays.

    Raises:
        FileNotFoundError: neither MNIST_NPZ nor Keras's cache has it.
        ValueError: the file does not hold MNIST.
    """
    path = Path(os.environ.get("MNIST_NPZ") or keras_cache() / "mnist.npz")
    return path, read_digits(path, "mnist")


def _download_mnist():
    """Let Keras download MNIST beside its usual place, verify it, and only then put it there.

    Returns the file's path and its four arrays.
    """
    from helpers.runtime import keras

    target = keras_cache() / "mnist.npz"
    part = target.with_name(f"mnist.part-{os.getpid()}.npz")  # nobody else writes there
    try:
        keras.datasets.mnist.load_data(path=part.name)
        arrays = read_digits(part, "mnist")
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return target, arrays


def fetch_mnist():
    """Find all of MNIST, or let Keras download it into its cache.

    Returns:
        The file's path and its four arrays.

    Raises:
        FileNotFoundError, ValueError: as for `find_mnist`, with the reason why the download
            failed; what MNIST_NPZ names is used or refused, and nothing is downloaded in its place.
    """
    try:
        return find_mnist()
    except (FileNotFoundError, ValueError) as error:
        if os.environ.get("MNIST_NPZ"):
            raise
        why = error
    try:
        return _download_mnist()
    except Exception as error:
        raise type(why)(f"{why} The download failed: {error}") from None


def keras_cache():
    """The folder in which Keras keeps the datasets that it downloaded."""
    return Path(os.environ.get("KERAS_HOME", Path.home() / ".keras")) / "datasets"


def _remedy(dataset):
    if dataset == "sample":
        return "Restore it from the repository: git checkout -- data/mnist_sample.npz"
    return HOW_TO_GET_MNIST.format(cache=keras_cache() / "mnist.npz")
