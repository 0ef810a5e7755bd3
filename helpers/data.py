"""The digits: loading a dataset, making pixels binary and removing ink.

`sample` is 5,000 digits bundled in `data/`, `mnist` is all 70,000, `fashion` is Fashion-MNIST. Each
is verified, so a damaged or foreign file is never used, and one dataset never takes the place of
another. A path loads a learner's own pictures. `data/README.md` tells where the digits come from.
"""

import contextlib
import gzip
import hashlib
import os
import re
import socket
import struct
import tempfile
import threading
from pathlib import Path
from typing import NamedTuple

import numpy as np

from helpers import inputs, pictures

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
    "fashion": {  # we could not measure these digests: see FASHION and data/README.md
        "x_train": ((60000, 28, 28), None),
        "y_train": ((60000,), None),
        "x_test": ((10000, 28, 28), None),
        "y_test": ((10000,), None),
    },
}  # fmt: skip
FASHION = {  # what is published of it: the first labels, the mean of the training pixels / 255
    "y_train": (9, 0, 0, 3, 0, 2, 7, 2, 5, 5),
    "y_test": (9, 2, 1, 1, 6, 1, 4, 6, 5, 7),
    "mean": 0.2860,
}
# In Keras's cache, and where Keras downloads them from: names and SHA-256 of the files
DOWNLOADS_FROM = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
DOWNLOADS = {
    "mnist": {"mnist.npz": "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"},
    "fashion": {
        "train-images-idx3-ubyte.gz": "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        "train-labels-idx1-ubyte.gz": "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        "t10k-images-idx3-ubyte.gz": "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        "t10k-labels-idx1-ubyte.gz": "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
    },
}
VARIABLES = {"mnist": "MNIST_NPZ", "fashion": "FASHION_NPZ"}
IN_CACHE = {"mnist": "mnist.npz", "fashion": "fashion-mnist"}
HOW_TO_GET = (
    "Three ways to get {name}: set the environment variable {variable} to a file .npz that you "
    "have, or to a folder with its IDX or CSV files; or put {files} at {cache}; or connect to the "
    'network and run this again, and Keras downloads it. The bundled dataset="sample" needs none '
    "of them."
)
IDX = {  # how the four files begin that MNIST and its kin are distributed as
    "x_train": "train-images",
    "y_train": "train-labels",
    "x_test": "t10k-images",
    "y_test": "t10k-labels",
}
ARRAYS = tuple(IDX)
FALL_BACK = Path("/tmp" if os.path.isdir("/tmp") else tempfile.gettempdir()) / ".keras"
TIME_OUT = 30  # seconds in which a server must send something
_downloading = threading.Lock()


class Digits(NamedTuple):
    """Images as float32 in [0, 1], shape (n, 28, 28), 1 is ink; labels as integers, shape (n,).

    A learner's own images may have another height and width, and labels of -1: none are known.
    """

    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray


def load_digits(dataset="sample"):
    """Load a dataset of handwritten digits, or pictures of your own.

    A folder of your own pictures is prepared as MNIST was (LeCun et al. 1998, section III.A,
    https://doi.org/10.1109/5.726791): paper is told from ink, each digit is cropped, scaled into
    20 × 20 with its proportions kept, and centred by its mass in 28 × 28; `helpers.pictures` does
    it. Arrays are taken as they are. One line says what was done to how many pictures.

    Args:
        dataset: "sample" (4,000 training and 1,000 test digits, bundled, both taken from MNIST's
            training set); "mnist" (60,000 and 10,000; read from what the environment variable
            MNIST_NPZ names, else from Keras's cache, else downloaded into that cache); "fashion"
            (Fashion-MNIST, clothes, in the same ways, with FASHION_NPZ); or a path of your own:

            - a folder of PNG or JPEG pictures of any size, or of one such folder for each class,
              or of two such folders named train and test;
            - an .npz file with `x_train`, and perhaps `y_train`, `x_test`, `y_test`: pictures of
              shape (n, height, width), bytes or in [0, 1], ink high and paper 0; labels (n,);
            - a folder with the four IDX files that MNIST is distributed as, .gz or not; or a CSV
              file, the label first in each row, then 784 pixels from 0 to 255.

            Without test pictures the last fifth of each class is split off.

    Returns:
        `Digits`, bytes divided by 255.

    Raises:
        TypeError: it is neither text nor a path.
        ValueError: the name is unknown, or a file does not hold exactly that dataset, or holds
            what cannot be read or prepared.
        FileNotFoundError: it is not there, or can be had in none of the three ways.
    """
    if isinstance(dataset, str) and dataset in SHAPES_AND_DIGESTS:
        if dataset == "sample":
            arrays = read_digits(SAMPLE_FILE, "sample")
        else:
            arrays = fetch_dataset(dataset)[1]
        scaled = {n: a.astype(np.float32) / 255 if n[0] == "x" else a for n, a in arrays.items()}
        return Digits(**{n: a if n[0] == "x" else a.astype(np.int64) for n, a in scaled.items()})
    if not isinstance(dataset, str | Path):
        raise TypeError(f"dataset = {dataset!r}: a name or a path is needed, as text.")
    path = Path(os.path.expanduser(dataset))
    is_name = isinstance(dataset, str) and not re.search(r"[/\\.~]", dataset)
    if is_name and (not dataset.strip() or not os.path.exists(path)):
        names = ", ".join(f'"{name}"' for name in SHAPES_AND_DIGESTS)
        raise ValueError(f"unknown dataset {dataset!r}: choose {names}, or give a path.")
    return _own_digits(path)


# ---------------------------------------------------------------- the named datasets


def read_digits(path, dataset):
    """Read the four arrays of a dataset and verify every byte of them.

    Args:
        path: an .npz file; or a folder with the four IDX files, .gz or not, or one of them; or a
            folder with a CSV file for training and one for testing, or one CSV file for both.
        dataset: "sample", "mnist" or "fashion": what it must hold.

    Returns:
        A dictionary of uint8 arrays: x_train, y_train, x_test, y_test.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is damaged or something else, lacks an array, or an array has another shape,
            type or content.
    """
    facts = SHAPES_AND_DIGESTS[inputs.one_of(dataset, "dataset", tuple(SHAPES_AND_DIGESTS))]
    path = inputs.path_of(path)
    if not os.path.exists(path):
        raise FileNotFoundError(f"{path} is not there. {_remedy(dataset)}")
    try:
        arrays = _read(path, DOWNLOADS.get(dataset, {}), facts["x_train"][0][0])
        missing = [name for name in facts if name not in arrays]
        if missing:
            raise _UnfitError(f"is not {dataset}: it lacks {', '.join(missing)}")
        arrays = {name: arrays[name] for name in facts}
        for name, (shape, digest) in facts.items():
            array = arrays[name]
            if array.shape != shape or array.dtype != np.uint8:
                raise _UnfitError(
                    f"is not {dataset}: {name} has shape {array.shape} and type {array.dtype}, "
                    f"expected {shape} and uint8"
                )
            if digest is not None and _digest(array.tobytes()) != digest:
                raise _UnfitError(
                    f"is not {dataset}: {name} has the right shape but other values (its SHA-256 "
                    "differs)"
                )
        if dataset == "fashion":
            _verify_fashion(arrays)
    except _UnfitError as error:
        raise ValueError(f"{path} {error}. {_remedy(dataset)}") from None
    return arrays


def _verify_fashion(arrays):
    """Compare with what is published of Fashion-MNIST: no digest of its arrays is known to us."""
    if _digest(arrays["x_train"].tobytes()) == SHAPES_AND_DIGESTS["mnist"]["x_train"][1]:
        raise _UnfitError("is not fashion: it is MNIST")
    for name in ("y_train", "y_test"):
        counts = np.bincount(arrays[name], minlength=10)
        if len(counts) != 10 or (counts != len(arrays[name]) // 10).any():
            raise _UnfitError(
                f"is not fashion: {name} has {counts.tolist()} of each class, not as many"
            )
        if tuple(arrays[name][:10].tolist()) != FASHION[name]:
            raise _UnfitError(f"is not fashion: {name} begins {arrays[name][:10].tolist()}")
    mean = arrays["x_train"].mean() / 255
    if abs(mean - FASHION["mean"]) > 0.0001:
        raise _UnfitError(
            f"is not fashion: the mean of x_train is {mean:.4f}, not {FASHION['mean']}"
        )


def find_dataset(dataset):
    """Find "mnist" or "fashion" without the network.

    Args:
        dataset: its name.

    Returns:
        The path and its four arrays.

    Raises:
        FileNotFoundError: neither its environment variable nor Keras's cache has it.
        ValueError: what is there does not hold it.
    """
    named = os.environ.get(VARIABLES[inputs.one_of(dataset, "dataset", tuple(VARIABLES))])
    if named:
        path = inputs.path_of(named, VARIABLES[dataset])
        return path, read_digits(path, dataset)
    errors = []
    for folder in _cache_folders():
        path = folder / IN_CACHE[dataset]
        try:
            return path, read_digits(path, dataset)
        except (FileNotFoundError, ValueError) as error:
            errors.append(error)
    raise next((error for error in errors if isinstance(error, ValueError)), errors[0])


def fetch_dataset(dataset):
    """Find "mnist" or "fashion", or let Keras download it into its cache.

    Args:
        dataset: its name.

    Returns:
        The path and its four arrays.

    Raises:
        FileNotFoundError, ValueError: as for `find_dataset`, with the reason why the download
            failed; what the environment variable names is used or refused, and nothing is
            downloaded in its place.
    """
    inputs.one_of(dataset, "dataset", tuple(VARIABLES))
    try:
        return find_dataset(dataset)
    except (FileNotFoundError, ValueError) as error:
        if os.environ.get(VARIABLES[dataset]):
            raise
        why = error
    try:
        return _download(dataset)
    except Exception as error:
        slow = isinstance(error, TimeoutError) or "timed out" in str(error)
        reason = f"the server sent nothing for {TIME_OUT} seconds" if slow else error
        raise type(why)(f"{why} The download failed: {reason}") from None


def find_mnist():
    """Find all of MNIST without the network: `find_dataset("mnist")`."""
    return find_dataset("mnist")


def fetch_mnist():
    """Find all of MNIST, or let Keras download it: `fetch_dataset("mnist")`."""
    return fetch_dataset("mnist")


def _download(dataset):
    """Let Keras download beside the usual place, verify it all, and only then put it there.

    Returns the path and its four arrays.
    """
    from helpers.runtime import keras

    target = keras_cache() / IN_CACHE[dataset]
    folder = target.parent if target.suffix else target
    folder.mkdir(parents=True, exist_ok=True)
    with (
        _downloading,  # the time-out is the whole process's
        tempfile.TemporaryDirectory(prefix=f"{dataset}.part-", dir=folder) as part,  # nobody else's
    ):
        with _time_out(TIME_OUT):
            for name, digest in DOWNLOADS[dataset].items():
                keras.utils.get_file(
                    name, DOWNLOADS_FROM + name, file_hash=digest, cache_subdir=part
                )
        arrays = read_digits(Path(part) / target.name if target.suffix else part, dataset)
        for name in DOWNLOADS[dataset]:
            (Path(part) / name).replace(folder / name)
    return target, arrays


@contextlib.contextmanager
def _time_out(seconds):
    """Let a connection that is silent for so long fail; Keras sets no such limit."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def keras_cache():
    """The folder in which Keras keeps the datasets that it downloaded.

    It is in KERAS_HOME, else in ~/.keras; where that cannot be written, in /tmp/.keras.
    """
    home = _keras_home()
    parent = home if "KERAS_HOME" in os.environ else os.path.dirname(home)
    return (Path(home) if _can_be_written(parent) else FALL_BACK) / "datasets"


def _keras_home():
    return os.path.expanduser(os.environ.get("KERAS_HOME", os.path.join("~", ".keras")))


def _can_be_written(folder):
    """Whether a folder can be written, or made."""
    while folder and not os.path.lexists(folder) and os.path.dirname(folder) != folder:
        folder = os.path.dirname(folder)
    return os.path.isdir(folder) and os.access(folder, os.W_OK)


def _cache_folders():
    """Where a download may be: where Keras keeps it now, and where it would in other times."""
    homes = [keras_cache(), Path(_keras_home()) / "datasets", FALL_BACK / "datasets"]
    return list(dict.fromkeys(homes))


def _remedy(dataset):
    if dataset == "sample":
        return "Restore it from the repository: git checkout -- data/mnist_sample.npz"
    return HOW_TO_GET.format(
        name={"mnist": "MNIST", "fashion": "Fashion-MNIST"}[dataset],
        variable=VARIABLES[dataset],
        files={"mnist": "that file", "fashion": "its four files .gz"}[dataset],
        cache=keras_cache() / IN_CACHE[dataset],
    )


def _digest(content):
    return hashlib.sha256(content).hexdigest()


# ---------------------------------------------------------------- files


class _UnfitError(Exception):
    """What is wrong with a file, as the end of a sentence that begins with its path."""


def _read(path, digests=(), n_train=None):
    """The arrays in a file or folder, by name, as they are stored; each may be missing.

    `digests` are those of gzipped IDX files by name; a single CSV file is split after `n_train`
    rows.
    """
    try:
        if path.is_dir():
            return _read_folder(path, digests, n_train)
        kind = _kind(path)
        if kind == "IDX":
            return _read_folder(path.parent, digests, n_train)
        if kind == "CSV":
            return _read_csv_files(path, n_train)
        return _read_npz(path)
    except OSError as error:
        raise _UnfitError(f"cannot be read ({error})") from None


def _read_folder(folder, digests, n_train):
    if _idx_file(folder, "x_train"):
        found = {name: _idx_file(folder, name) for name in ARRAYS}
        return {name: _read_idx(file, digests) for name, file in found.items() if file}
    tables = sorted(folder.glob("*.csv"))
    if tables:
        return _read_csv_files(next((t for t in tables if "train" in t.name), tables[0]), n_train)
    raise _UnfitError("is a folder without IDX files (train-images-idx3-ubyte, ...) and CSV files")


def _kind(path):
    """What a file is by its first bytes: "npz", "IDX" or "CSV"; all else is refused by name."""
    with open(path, "rb") as file:
        start = file.read(512)
    if start[:2] == b"\x1f\x8b":
        try:
            with gzip.open(path) as file:
                start = file.read(512)
        except (OSError, EOFError) as error:
            raise _UnfitError(f"is damaged ({error})") from None
        if start[:3] != b"\0\0\x08" and not _is_pickle(start):
            raise _UnfitError("is a gzipped file of something else: unpack it first")
    text = start.lstrip().lower()
    if not start:
        raise _UnfitError("is empty: the download or the copy did not finish")
    if start[:4] == b"PK\x03\x04":
        return "npz"
    if start[:3] == b"\0\0\x08":
        return "IDX"
    if text.startswith((b"<!doctype", b"<html", b"<?xml", b"<head", b"<!--")):
        raise _UnfitError(
            "is an HTML page that was saved in place of the file: download the file itself"
        )
    if text.startswith(b"version https://git-lfs"):
        raise _UnfitError("is a Git LFS pointer and not the file: run git lfs pull")
    if _is_pickle(start):
        raise _UnfitError(
            "is a pickle, which can run code and is not loaded: open it where you trust it, and "
            "save the four arrays with np.savez"
        )
    if start[:6] == b"\x93NUMPY":
        raise _UnfitError("is a single array: save the four arrays with np.savez")
    if b"," in start and re.fullmatch(rb"[\w\s,.+\"'-]*", start):
        return "CSV"
    if start[:4] == b"\x89PNG" or start[:3] == b"\xff\xd8\xff":
        raise _UnfitError("is one picture: give the folder that holds the pictures")
    raise _UnfitError(f"is damaged or of another format: it begins with {start[:8]!r}")


def _is_pickle(start):
    binary = start[:1] == b"\x80" and start[1:2] in (b"\2", b"\3", b"\4", b"\5")
    return binary or start.startswith((b"(lp", b"(dp", b"((", b"cnumpy", b"ccopy_reg"))


def _read_npz(path):
    try:
        with np.load(path, allow_pickle=False) as file:
            names = [name for name in ARRAYS if name in file.files]
            arrays = {name: file[name] for name in names}
            others = file.files
    except Exception as error:  # damage can raise almost anything, such as tokenize's error
        if "allow_pickle" in str(error):
            error = "an array in it is a pickle of Python objects, which is not loaded"
        raise _UnfitError(f"is damaged ({error})") from None
    if not arrays:
        held = ", ".join(others[:4]) or "nothing"
        raise _UnfitError(
            f"has none of the arrays {', '.join(ARRAYS)}: it holds {held}; save them with "
            "np.savez(path, x_train=..., ...)"
        )
    return arrays


def _idx_file(folder, name):
    """The IDX file of an array in a folder, gzipped by preference, or None."""
    found = sorted(folder.glob(f"{IDX[name]}?idx?-ubyte*"))
    return next((f for end in ("ubyte.gz", "ubyte") for f in found if f.name.endswith(end)), None)


def _read_idx(path, digests=()):
    """One IDX file of bytes: two zeros, 8, the number of axes, their lengths, the bytes."""
    content = path.read_bytes()
    if path.suffix == ".gz":
        if path.name in digests and _digest(content) != digests[path.name]:
            raise _UnfitError(
                f"has another {path.name} than the published one: its SHA-256 differs"
            )
        try:
            content = gzip.decompress(content)
        except Exception as error:
            raise _UnfitError(f"is damaged ({path.name}: {error})") from None
    axes = content[3] if content[:3] == b"\0\0\x08" else 0
    if axes not in (1, 3) or len(content) < 4 + 4 * axes:
        raise _UnfitError(f"is damaged ({path.name} does not begin as an IDX file of bytes does)")
    shape = struct.unpack(f">{axes}I", content[4 : 4 + 4 * axes])
    values = np.frombuffer(content, np.uint8, offset=4 + 4 * axes)
    if len(values) != np.prod(shape, dtype=object):
        raise _UnfitError(f"is damaged ({path.name} holds {len(values):,} bytes for shape {shape})")
    return values.reshape(shape)


def _read_csv_files(path, n_train):
    """A CSV file; of a pair that is named alike but for train and test, both."""
    other = path.with_name(path.name.replace("test", "train"))
    if other != path and other.exists():
        path = other
    test = path.with_name(path.name.replace("train", "test"))
    x, y = _read_csv(path)
    if test != path and test.exists():
        x_test, y_test = _read_csv(test)
    elif n_train is not None and len(x) > n_train:
        x, y, x_test, y_test = x[:n_train], y[:n_train], x[n_train:], y[n_train:]
    else:
        return {"x_train": x, "y_train": y}
    return {"x_train": x, "y_train": y, "x_test": x_test, "y_test": y_test}


def _read_csv(path):
    """The pictures and labels of a table: the label first, then 784 pixels from 0 to 255."""
    with open(path, encoding="utf-8", errors="replace") as file:
        first = file.readline()
    cells = first.strip().split(",")
    header = not re.fullmatch(r"[\d\s,.+eE-]*", first)
    if len(cells) != 785:
        raise _UnfitError(
            f"is a table of {len(cells)} columns ({path.name}): 785 are needed, the label and 784 "
            "pixels"
        )
    if header and cells[0].strip(" \"'").lower() not in ("label", "y", "class", "digit", "target"):
        raise _UnfitError(
            f"is a table whose first column is {cells[0]!r} ({path.name}): labels first"
        )
    try:
        table = np.loadtxt(path, np.float32, delimiter=",", skiprows=int(header), ndmin=2)
    except ValueError as error:
        raise _UnfitError(f"is damaged ({path.name}: {error})") from None
    if not len(table):
        raise _UnfitError(f"is a table without rows ({path.name})")
    whole = table == np.floor(table)
    if not (whole.all() and table.min() >= 0 and table.max() <= 255):
        wrong = table[~(whole & (table >= 0) & (table <= 255))][0]
        raise _UnfitError(
            f"is a table with {wrong:g} in it ({path.name}): whole numbers from 0 to 255"
        )
    table = table.astype(np.uint8)
    return table[:, 1:].reshape(-1, 28, 28), table[:, 0]


# ---------------------------------------------------------------- a learner's own


def _own_digits(path):
    """`Digits` from a path, with one line about what was done."""
    if not os.path.exists(path):
        raise FileNotFoundError(
            f"{path} is not there, looked for as {path.absolute()}: give a folder of pictures or "
            "an .npz file, best by its whole path."
        )
    if path.is_dir() and not _idx_file(path, "x_train") and not any(path.glob("*.csv")):
        found = pictures.read_folder(path)
        x, y, done = found.x, found.y, found.done
    else:
        try:
            arrays = _read(path)
            x, y = _own_arrays(arrays)
        except _UnfitError as error:
            raise ValueError(f"{path} {error}.") from None
        size = " × ".join(map(str, x["train"].shape[1:]))
        done = f"{sum(map(len, x.values())):,} pictures of {size} pixels, taken as they are"
    if "test" not in x:
        x, y, how = _split(x["train"], y["train"])
        done += f"; {how}"
    if (y["train"] < 0).all():
        done += "; there are no labels, all are -1"
    print(f"{path}: {done}. {len(x['train']):,} are for training, {len(x['test']):,} for testing.")
    return Digits(x["train"], y["train"], x["test"], y["test"])


def _own_arrays(arrays):
    """Pictures and labels by part; an error if they are not what `load_digits` takes."""
    if "x_train" not in arrays:
        raise _UnfitError(f"lacks x_train: it holds {', '.join(arrays)}")
    x, y = {}, {}
    for part in ("train", "test"):
        if f"x_{part}" in arrays:
            x[part] = _own_pictures(arrays[f"x_{part}"], f"x_{part}")
            labels = arrays.get(f"y_{part}")
            try:
                y[part] = (
                    np.full(len(x[part]), -1, np.int64)
                    if labels is None
                    else inputs.labels(labels, f"y_{part}", n=len(x[part]))
                )
            except (TypeError, ValueError) as error:
                raise _UnfitError(f"cannot be used: {error}"[:-1]) from None
        elif f"y_{part}" in arrays:
            raise _UnfitError(f"has y_{part} and no x_{part}")
    if "test" in x and x["test"].shape[1:] != x["train"].shape[1:]:
        sizes = [x[part].shape[1:] for part in ("train", "test")]
        raise _UnfitError(
            f"has training pictures of {sizes[0]} pixels and test pictures of {sizes[1]}"
        )
    if "test" in x and ("y_train" in arrays) != ("y_test" in arrays):
        raise _UnfitError("has labels of one part only: give y_train and y_test, or neither")
    return x, y


def _own_pictures(x, name):
    try:
        if np.issubdtype(x.dtype, np.integer) and x.size and x.max() > 1 and x.min() >= 0:
            if x.max() > 255:
                raise _UnfitError(f"cannot be used: {name} reaches {x.max()}, and bytes end at 255")
            x = x.astype(np.float32) / 255
        x = inputs.images(x, name)
    except (TypeError, ValueError) as error:
        raise _UnfitError(f"cannot be used: {error}"[:-1]) from None
    edges = np.concatenate([x[:, 0], x[:, -1], x[:, :, 0], x[:, :, -1]], axis=1)
    if np.median(edges) > 0.5:
        raise _UnfitError(
            f"cannot be used: {name} has bright borders, and ink must be 1 and paper 0; turn it "
            "with 1 - x (bytes: 255 - x) and save it again"
        )
    if x.max() == 0:
        raise _UnfitError(f"cannot be used: all pictures of {name} are blank")
    return x


def _split(x, y):
    """Split off the last fifth of each class: pictures and labels by part, and a clause about it."""
    if len(x) < 2:
        raise ValueError("there is one picture: at least 2 are needed, to train and to test.")
    last = np.zeros(len(x), bool)
    for label in np.unique(y):
        (rows,) = np.nonzero(y == label)
        last[rows[len(rows) - len(rows) // 5 :]] = True
    how = "the last fifth of each label is for testing" if y.max() >= 0 else ""
    if not last.any():
        last[len(x) - max(1, len(x) // 5) :] = True
        how = ""
    how = how or "the last fifth is for testing"
    return {"train": x[~last], "test": x[last]}, {"train": y[~last], "test": y[last]}, how


# ---------------------------------------------------------------- pixels


def binarise_by_threshold(images, threshold=0.5):
    """Set each pixel to 1 where it is above the threshold, else to 0: always the same picture.

    Args:
        images: grey levels in [0, 1], any shape.
        threshold: in [0, 1].

    Returns:
        float32 zeros and ones of the same shape.

    Raises:
        TypeError: the images or the threshold are no numbers.
        ValueError: a grey level or the threshold lies outside [0, 1], or there are no images.
    """
    threshold = inputs.real_number(threshold, "threshold", least=0, most=1)
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
        TypeError: the images are no numbers, or `rng` is no generator, such as a seed.
        ValueError: a grey level lies outside [0, 1], or there are no images.
    """
    images, rng = _grey_levels(images), inputs.random_generator(rng)
    return (rng.random(images.shape, dtype=np.float32) < images).astype(np.float32)


def remove_ink(images, fraction, rng):
    """Set a random part of each image's non-zero pixels to 0.

    Args:
        images: shape (n, ...), grey levels in [0, 1].
        fraction: the part of each image's own non-zero pixels to remove, in [0, 1]; the number of
            pixels is rounded to the nearest integer.
        rng: a `numpy.random.Generator`; every image gets its own random choice.

    Returns:
        A damaged copy of the same shape, float64 if the images are and else float32.

    Raises:
        TypeError: the images or the fraction are no numbers, or `rng` is no generator.
        ValueError: the fraction or a grey level lies outside [0, 1], or there are no images.
    """
    fraction = inputs.real_number(fraction, "fraction", least=0, most=1)
    images, rng = _grey_levels(images), inputs.random_generator(rng)
    if images.ndim < 2:
        raise ValueError(f"images has shape {images.shape}: one image is images[None].")
    pixels = images.reshape(len(images), -1)
    ink = pixels > 0
    remove_count = np.rint(fraction * ink.sum(axis=1, keepdims=True))
    lottery = np.where(ink, rng.random(pixels.shape), np.inf)
    rank = lottery.argsort(axis=1).argsort(axis=1)
    return np.where(rank < remove_count, 0, pixels).reshape(images.shape)


def _grey_levels(images):
    """Grey levels as floating point numbers; those that are not, as float32."""
    images = inputs.numbers_of(images, "images")
    if images.ndim == 0:
        raise ValueError(f"images = {images}: an array of grey levels is needed.")
    checked = inputs.in_range(images, "images", 0.0, 1.0)
    return images if images.dtype in (np.float32, np.float64) else checked
