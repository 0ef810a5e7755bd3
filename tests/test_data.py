import contextlib
import gzip
import hashlib
import http.server
import pickle
import socket
import struct
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from bad_arguments import faults
from fresh_python import ROOT, loads_tensorflow

from helpers import data

RNG = np.random.default_rng(0)


@pytest.fixture
def no_mnist(monkeypatch, tmp_path):
    """Neither MNIST_NPZ nor a file in Keras's cache; returns the path that the cache would have."""
    for variable in data.VARIABLES.values():
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(data, "FALL_BACK", tmp_path / "fall-back")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    cached = tmp_path / "keras" / "datasets" / "mnist.npz"
    cached.parent.mkdir(parents=True)
    return cached


def some_arrays():
    return {
        "x_train": RNG.integers(0, 256, (6, 28, 28), np.uint8),
        "y_train": np.arange(6, dtype=np.uint8),
        "x_test": RNG.integers(0, 256, (4, 28, 28), np.uint8),
        "y_test": np.arange(4, dtype=np.uint8),
    }


@pytest.fixture
def tiny_mnist(monkeypatch):
    """Let a few bytes be MNIST: their digests replace the real ones, which need 11 MB."""
    arrays = some_arrays()
    facts = {n: (a.shape, hashlib.sha256(a.tobytes()).hexdigest()) for n, a in arrays.items()}
    monkeypatch.setitem(data.SHAPES_AND_DIGESTS, "mnist", facts)
    return arrays


def write_idx(folder, arrays, end=""):
    """The four files as MNIST is distributed."""
    folder.mkdir(exist_ok=True)
    for name, array in arrays.items():
        header = struct.pack(f">4B{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
        file = folder / f"{data.IDX[name]}-idx{array.ndim}-ubyte{end}"
        content = header + array.tobytes()
        file.write_bytes(gzip.compress(content) if end else content)


def write_csv(path, x, y, header=False):
    names = [["label", *(f"pixel{i}" for i in range(784))]] if header else []
    rows = [[label, *pixels] for label, pixels in zip(y, x.reshape(len(x), -1), strict=True)]
    path.write_text("".join(",".join(map(str, row)) + "\n" for row in names + rows))


@pytest.fixture
def tiny_fashion(monkeypatch, tmp_path):
    """Let a few bytes be Fashion-MNIST; returns its arrays and a folder with its four files."""
    arrays = {}
    for part in ("train", "test"):
        rest = [*range(10)] * 3
        for label in data.FASHION[f"y_{part}"]:
            rest.remove(label)
        arrays[f"x_{part}"] = RNG.integers(0, 256, (30, 28, 28), np.uint8)
        arrays[f"y_{part}"] = np.array([*data.FASHION[f"y_{part}"], *rest], np.uint8)
    facts = {name: (array.shape, None) for name, array in arrays.items()}
    monkeypatch.setitem(data.SHAPES_AND_DIGESTS, "fashion", facts)
    monkeypatch.setitem(data.FASHION, "mean", arrays["x_train"].mean() / 255)
    folder = tmp_path / "published"
    write_idx(folder, arrays, ".gz")
    digests = {f.name: hashlib.sha256(f.read_bytes()).hexdigest() for f in folder.iterdir()}
    monkeypatch.setitem(data.DOWNLOADS, "fashion", digests)
    return arrays, folder


def keras_downloads(monkeypatch, write):
    """Let Keras's download be `write(path)`."""
    from helpers.runtime import keras

    def get_file(name, origin, file_hash, cache_subdir):
        write(Path(cache_subdir) / name)

    monkeypatch.setattr(keras.utils, "get_file", get_file)


def never(path):
    pytest.fail("a download was started")  # no Exception, which would be caught


def entries(folder):
    return sorted(path.name for path in folder.iterdir())


def test_sample_is_balanced_and_scaled():
    digits = data.load_digits()
    assert digits.x_train.shape == (4000, 28, 28)
    assert digits.x_test.shape == (1000, 28, 28)
    assert digits.x_train.dtype == np.float32
    for images in (digits.x_train, digits.x_test):
        assert (images.min(), images.max()) == (0, 1)
    assert np.bincount(digits.y_train).tolist() == [400] * 10
    assert np.bincount(digits.y_test).tolist() == [100] * 10


def test_no_sample_digit_is_both_for_training_and_for_testing():
    digits = data.load_digits()
    training = {image.tobytes() for image in digits.x_train}
    testing = {image.tobytes() for image in digits.x_test}
    assert len(training) == 4000
    assert len(testing) == 1000
    assert not training & testing


def test_readme_of_the_data_states_the_digests():
    text = (Path(data.SAMPLE_FILE).parent / "README.md").read_text(encoding="utf-8")
    for shape, digest in data.SHAPES_AND_DIGESTS["sample"].values():
        assert f"| {shape} | `{digest}` |" in text


def test_mnist_has_the_published_number_of_digits_and_their_size():
    """LeCun, Cortes & Burges: 60,000 digits for training, 10,000 for testing, 28 by 28 pixels."""
    shapes = {name: shape for name, (shape, _) in data.SHAPES_AND_DIGESTS["mnist"].items()}
    for part, n in (("train", 60_000), ("test", 10_000)):
        assert shapes[f"x_{part}"] == (n, 28, 28)
        assert shapes[f"y_{part}"] == (n,)


def test_unknown_dataset_is_named():
    with pytest.raises(ValueError, match="unknown dataset 'cifar': choose"):
        data.load_digits("cifar")


def test_mnist_comes_from_the_file_that_the_variable_names(monkeypatch, tmp_path, tiny_mnist):
    file = tmp_path / "mine.npz"
    np.savez(file, **tiny_mnist)
    monkeypatch.setenv("MNIST_NPZ", str(file))
    digits = data.load_digits("mnist")
    np.testing.assert_array_equal(digits.x_train, tiny_mnist["x_train"].astype(np.float32) / 255)
    assert digits.y_test.tolist() == [0, 1, 2, 3]


def test_mnist_comes_from_the_cache_without_network(no_mnist, tiny_mnist):
    np.savez(no_mnist, **tiny_mnist)
    path, arrays = data.fetch_mnist()
    assert path == no_mnist
    np.testing.assert_equal(arrays, tiny_mnist)


def test_a_download_is_verified_and_kept(monkeypatch, no_mnist, tiny_mnist):
    keras_downloads(monkeypatch, lambda path: np.savez(path, **tiny_mnist))
    path, arrays = data.fetch_mnist()
    assert path == no_mnist
    np.testing.assert_equal(arrays, tiny_mnist)
    assert [path.name for path in no_mnist.parent.iterdir()] == ["mnist.npz"]
    data.read_digits(no_mnist, "mnist")


@pytest.mark.usefixtures("no_mnist")
def test_without_network_the_error_names_the_three_ways(monkeypatch):
    def fail(path):
        raise OSError("no network")

    keras_downloads(monkeypatch, fail)
    with pytest.raises(
        FileNotFoundError, match=r"MNIST_NPZ.*put that file at.*network.*no network"
    ):
        data.load_digits("mnist")


def test_a_broken_download_leaves_the_cache_as_it_was(monkeypatch, no_mnist):
    no_mnist.write_bytes(b"an old file")
    keras_downloads(monkeypatch, lambda path: path.write_bytes(b"half a file"))
    with pytest.raises(ValueError, match="damaged"):
        data.load_digits("mnist")
    assert no_mnist.read_bytes() == b"an old file"
    assert [path.name for path in no_mnist.parent.iterdir()] == ["mnist.npz"]


def test_a_wrong_file_in_the_variable_is_an_error_even_if_the_cache_is_good(
    monkeypatch, no_mnist, tiny_mnist, tmp_path
):
    np.savez(no_mnist, **tiny_mnist)
    keras_downloads(monkeypatch, never)
    monkeypatch.setenv("MNIST_NPZ", str(tmp_path / "missing.npz"))
    with pytest.raises(FileNotFoundError, match=r"missing.npz is not there.*Three ways"):
        data.load_digits("mnist")


@pytest.mark.usefixtures("no_mnist")
@pytest.mark.parametrize("dataset", ["mnist", "fashion"])
def test_what_the_variable_names_never_falls_through_to_a_download(monkeypatch, tmp_path, dataset):
    keras_downloads(monkeypatch, never)
    bad = tmp_path / "bad.npz"
    bad.write_bytes(b"no dataset")
    monkeypatch.setenv(data.VARIABLES[dataset], str(bad))
    with pytest.raises(ValueError, match=r"bad.npz is damaged or of another format"):
        data.load_digits(dataset)
    monkeypatch.setenv(data.VARIABLES[dataset], str(tmp_path / "missing.npz"))
    with pytest.raises(FileNotFoundError, match=r"missing.npz is not there"):
        data.load_digits(dataset)


def test_truncated_file(tmp_path):
    file = tmp_path / "cut.npz"
    file.write_bytes(data.SAMPLE_FILE.read_bytes()[:100_000])
    with pytest.raises(ValueError, match=r"cut.npz is damaged.*git checkout"):
        data.read_digits(file, "sample")


@pytest.mark.parametrize("where", [0, 0.5, 0.9])  # as a share of the file
def test_damage_inside_the_file(tmp_path, where):
    content = bytearray(data.SAMPLE_FILE.read_bytes())
    content[int(where * len(content))] ^= 255
    file = tmp_path / "flipped.npz"
    file.write_bytes(content)
    with pytest.raises(ValueError, match=r"flipped.npz is (damaged|not sample)"):
        data.read_digits(file, "sample")


def test_a_damaged_compressed_stream(tmp_path, tiny_mnist):
    file = tmp_path / "stream.npz"
    np.savez_compressed(file, **tiny_mnist)
    whole = file.read_bytes()
    for byte in range(0, len(whole), 11):
        file.write_bytes(whole[:byte] + bytes([whole[byte] ^ 255]) + whole[byte + 1 :])
        with contextlib.suppress(ValueError):  # or it is read: a date in it may be another one
            data.read_digits(file, "mnist")


def test_wrong_digest_shape_type_pickle_and_missing_array(tmp_path, tiny_mnist):
    file = tmp_path / "other.npz"
    for change, message in [
        ({"x_test": tiny_mnist["x_test"][::-1]}, "x_test has the right shape but other values"),
        ({"x_test": tiny_mnist["x_test"][:3]}, r"x_test has shape \(3, 28, 28\)"),
        ({"y_train": tiny_mnist["y_train"].astype(float)}, "type float64"),
        ({"y_train": np.array([{}])}, "damaged.*is a pickle of Python objects"),
    ]:
        np.savez(file, **tiny_mnist | change)
        with pytest.raises(ValueError, match=message):
            data.read_digits(file, "mnist")
    np.savez(file, x_train=tiny_mnist["x_train"])
    with pytest.raises(ValueError, match="y_train"):
        data.read_digits(file, "mnist")


def test_threshold_is_strict_and_deterministic():
    grey = np.array([[0.0, 0.49, 0.5, 0.51, 1.0]])
    assert data.binarise_by_threshold(grey).tolist() == [[0, 0, 0, 1, 1]]
    assert data.binarise_by_threshold(grey, threshold=0.3).tolist() == [[0, 1, 1, 1, 1]]
    assert data.binarise_by_threshold(grey, threshold=0).tolist() == [[0, 1, 1, 1, 1]]
    assert data.binarise_by_threshold(grey, threshold=1).tolist() == [[0, 0, 0, 0, 0]]


def test_sampled_pixels_have_the_grey_level_as_their_mean():
    grey = np.array([0.0, 0.2, 0.7, 1.0])
    draws = data.binarise_by_sampling(np.tile(grey, (20_000, 1)), np.random.default_rng(1))
    assert set(np.unique(draws)) == {0, 1}
    np.testing.assert_allclose(draws.mean(axis=0), grey, atol=0.015)
    assert draws[:, 0].max() == 0
    assert draws[:, 3].min() == 1


def test_a_white_pixel_stays_white_even_at_the_lowest_uniform_draw():
    class Lowest(np.random.Generator):
        def random(self, shape, dtype):
            return np.zeros(shape, dtype)

    lowest = Lowest(np.random.PCG64(0))
    assert data.binarise_by_sampling(np.array([0.0, 1 / 255]), lowest).tolist() == [0, 1]


@pytest.mark.parametrize("fraction", [0, 0.3, 1])
def test_remove_ink_takes_that_share_of_every_image_and_nothing_else(fraction):
    images = data.load_digits().x_test[:50]
    damaged = data.remove_ink(images, fraction, np.random.default_rng(2))
    ink = (images > 0).sum(axis=(1, 2))
    left = (damaged > 0).sum(axis=(1, 2))
    np.testing.assert_array_equal(ink - left, np.rint(fraction * ink))
    np.testing.assert_array_equal(damaged[damaged > 0], images[damaged > 0])


def test_remove_ink_chooses_anew_for_every_image():
    images = np.ones((2, 28, 28), np.float32)
    damaged = data.remove_ink(images, 0.5, np.random.default_rng(3))
    assert (damaged[0] != damaged[1]).any()


GREY = np.full((2, 4, 4), 0.5)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: data.binarise_by_threshold(np.array([0, 255])), ValueError, "from 0 to 255.*255"),
        (lambda: data.binarise_by_threshold(np.array([0, 1.01])), ValueError, "from 0 to 1.01"),
        (lambda: data.binarise_by_threshold(-GREY), ValueError, "images ranges from -0.5"),
        (lambda: data.binarise_by_threshold(GREY, threshold=2), ValueError, "threshold = 2"),
        (lambda: data.binarise_by_threshold(GREY, threshold=np.nan), ValueError, "threshold = nan"),
        (lambda: data.binarise_by_threshold(GREY, threshold="½"), TypeError, "threshold = '½'"),
        (lambda: data.binarise_by_threshold([]), ValueError, "images is empty"),
        (lambda: data.binarise_by_threshold(None), TypeError, "images holds NoneType"),
        (lambda: data.binarise_by_threshold(0.5), ValueError, "images = 0.5"),
        (lambda: data.binarise_by_sampling(GREY, 0), TypeError, "rng = 0.*default_rng"),
        (lambda: data.binarise_by_sampling(np.array([np.nan]), RNG), ValueError, "contains NaN"),
        (lambda: data.binarise_by_sampling([[0.1], [0.1, 0.2]], RNG), TypeError, "images cannot"),
        (lambda: data.remove_ink(GREY, 1.01, RNG), ValueError, "fraction = 1.01"),
        (lambda: data.remove_ink(GREY, None, RNG), TypeError, "fraction = None"),
        (lambda: data.remove_ink(GREY, 0.5, None), TypeError, "rng = None"),
        (
            lambda: data.remove_ink(GREY[0, 0], 0.5, RNG),
            ValueError,
            r"shape \(4,\).*images\[None\]",
        ),
        (lambda: data.remove_ink(np.full((1, 2, 2), 9), 0.5, RNG), ValueError, "from 9 to 9"),
        (lambda: data.remove_ink(np.empty((0, 4)), 0.5, RNG), ValueError, "images is empty"),
    ],
)
def test_bad_input_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_every_argument_is_right_or_refused_by_its_name():
    arrays = ("one row", "three axes", "four axes", "another width")
    right = {("images", key) for key in arrays} | {(n, "zero") for n in ("threshold", "fraction")}
    good = {"images": GREY, "threshold": 0.5}
    assert faults(data.binarise_by_threshold, good, right) == []
    good = {"images": GREY, "rng": RNG}
    assert faults(data.binarise_by_sampling, good, right) == []
    good = {"images": GREY, "fraction": 0.5, "rng": RNG}
    assert faults(data.remove_ink, good, right - {("images", "one row")}) == []
    good = {"path": data.SAMPLE_FILE, "dataset": "sample"}
    missing = {("path", "text"), ("path", "number as text")}  # FileNotFoundError
    assert {fault[:2] for fault in faults(data.read_digits, good)} == missing
    assert faults(data.load_digits, {"dataset": "sample"}) == []
    for find in (data.find_dataset, data.fetch_dataset):
        assert faults(find, {"dataset": "mnist"}) == []


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64, np.float16])
def test_black_and_white_pictures_of_any_type_are_taken(dtype):
    images = RNG.random((20, 8, 8)) < 0.5
    whole = images.astype(dtype)
    damaged = data.remove_ink(whole, 0.5, np.random.default_rng(0))
    assert damaged.dtype == np.float32
    same = data.remove_ink(images.astype(np.float32), 0.5, np.random.default_rng(0))
    np.testing.assert_array_equal(damaged, same)
    np.testing.assert_array_equal(data.binarise_by_threshold(whole), images)
    np.testing.assert_array_equal(data.binarise_by_sampling(whole, RNG), images)


# ---------------------------------------------------------------- files


def test_a_home_written_as_a_tilde_is_found(monkeypatch, tmp_path, tiny_mnist):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("MNIST_NPZ", "~/mine.npz")
    np.savez(tmp_path / "mine.npz", **tiny_mnist)
    assert data.load_digits("mnist").y_test.tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("end", ["", ".gz"])
def test_idx_files_are_taken_by_their_folder_or_by_one_of_them(tmp_path, tiny_mnist, end):
    write_idx(tmp_path / "idx", tiny_mnist, end)
    for path in (tmp_path / "idx", tmp_path / "idx" / f"train-images-idx3-ubyte{end}"):
        np.testing.assert_equal(data.read_digits(path, "mnist"), tiny_mnist)
    renamed = tmp_path / "idx" / f"train-images.idx3-ubyte{end}"
    (tmp_path / "idx" / f"train-images-idx3-ubyte{end}").rename(renamed)
    np.testing.assert_equal(data.read_digits(renamed, "mnist"), tiny_mnist)


@pytest.mark.parametrize("header", [False, True])
def test_csv_files_are_taken_as_a_pair_or_as_one(tmp_path, tiny_mnist, header):
    x = {part: tiny_mnist[f"x_{part}"] for part in ("train", "test")}
    y = {part: tiny_mnist[f"y_{part}"] for part in ("train", "test")}
    for part in x:
        write_csv(tmp_path / f"mnist_{part}.csv", x[part], y[part], header)
    for path in (tmp_path, tmp_path / "mnist_train.csv", tmp_path / "mnist_test.csv"):
        np.testing.assert_equal(data.read_digits(path, "mnist"), tiny_mnist)
    one = tmp_path / "all.csv"
    write_csv(one, np.concatenate([*x.values()]), np.concatenate([*y.values()]), header)
    np.testing.assert_equal(data.read_digits(one, "mnist"), tiny_mnist)


def zip_of_text(path):
    import zipfile

    with zipfile.ZipFile(path, "w") as file:
        file.writestr("readme.txt", "hello")


REFUSED = {
    "a pickle": (lambda p: p.write_bytes(pickle.dumps({"x_train": 1})), "is a pickle.*np.savez"),
    "an old pickle": (lambda p: p.write_bytes(pickle.dumps([1], 0)), "is a pickle"),
    "a zipped pickle": (
        lambda p: p.write_bytes(gzip.compress(pickle.dumps([1]))),
        "is a pickle",
    ),
    "a page": (lambda p: p.write_text("\n<!DOCTYPE html><html>404"), "is an HTML page"),
    "nothing": (lambda p: p.write_bytes(b""), "is empty"),
    "another zip": (zip_of_text, "none of the arrays x_train, .*it holds readme.txt"),
    "other arrays": (lambda p: np.savez(p, images=np.ones(3)), "it holds images"),
    "an .npy": (lambda p: p.write_bytes(b"\x93NUMPY\1\0"), "is a single array"),
    "a pointer": (lambda p: p.write_text("version https://git-lfs.github.com/spec/v1"), "git lfs"),
    "a small table": (lambda p: p.write_text("1,2,3\n"), "a table of 3 columns.*785 are needed"),
    "a table of words": (lambda p: p.write_text(",".join(["x"] * 785)), "first column is 'x'"),
    "a table of nothing": (
        lambda p: p.write_text(",".join(["label"] * 785) + "\n"),
        "is a table without rows",
    ),
    "a table of fractions": (lambda p: p.write_text(",".join(["0.5"] * 785)), "with 0.5 in it"),
    "a table that ends": (
        lambda p: p.write_text(",".join("1" * 785) + "\n1,2\n"),
        "is damaged",
    ),
    "a gzipped text": (
        lambda p: p.write_bytes(gzip.compress(b"hello")),
        "gzipped file of something",
    ),
    "half a gzip": (lambda p: p.write_bytes(gzip.compress(b"hello")[:12]), "is damaged"),
    "text": (lambda p: p.write_text("hello"), "of another format: it begins with b'hello'"),
}


@pytest.mark.parametrize("what", REFUSED)
@pytest.mark.filterwarnings("ignore:loadtxt")
def test_a_file_of_something_else_is_refused_by_name(tmp_path, what):
    write, message = REFUSED[what]
    path = tmp_path / "mine.npz"
    write(path)
    with pytest.raises(ValueError, match=rf"mine.npz .*{message}.*Three ways"):
        data.read_digits(path, "mnist")
    with pytest.raises(ValueError, match=rf"mine.npz .*{message}"):
        data.load_digits(path)


def test_a_damaged_idx_file_is_named(tmp_path, tiny_mnist):
    write_idx(tmp_path, tiny_mnist)
    file = tmp_path / "t10k-labels-idx1-ubyte"
    for content in (file.read_bytes()[:-1], b"", b"\0\0\x0d\1"):
        file.write_bytes(content)
        with pytest.raises(ValueError, match=r"is damaged .*t10k-labels"):
            data.read_digits(tmp_path, "mnist")
    file.unlink()
    with pytest.raises(ValueError, match="is not mnist: it lacks y_test"):
        data.read_digits(tmp_path, "mnist")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="a folder without IDX files"):
        data.read_digits(tmp_path / "empty", "mnist")


# ---------------------------------------------------------------- Fashion-MNIST


@pytest.mark.usefixtures("no_mnist")
def test_fashion_comes_from_the_variable_and_from_the_cache(monkeypatch, tmp_path, tiny_fashion):
    arrays, folder = tiny_fashion
    keras_downloads(monkeypatch, never)
    np.savez(tmp_path / "fashion.npz", **arrays)
    for path in (tmp_path / "fashion.npz", folder):
        monkeypatch.setenv("FASHION_NPZ", str(path))
        digits = data.load_digits("fashion")
        assert digits.y_train.tolist() == arrays["y_train"].tolist()
        np.testing.assert_array_equal(digits.x_test, arrays["x_test"].astype(np.float32) / 255)
    monkeypatch.delenv("FASHION_NPZ")
    folder.rename(data.keras_cache() / "fashion-mnist")
    path, found = data.fetch_dataset("fashion")
    assert path == data.keras_cache() / "fashion-mnist"
    np.testing.assert_equal(found, arrays)


def test_a_published_file_of_fashion_with_another_digest_is_refused(tiny_fashion):
    arrays, folder = tiny_fashion
    write_idx(folder, arrays | {"x_test": arrays["x_test"][::-1]}, ".gz")
    with pytest.raises(ValueError, match=r"another t10k-images-idx3-ubyte.gz than the published"):
        data.read_digits(folder, "fashion")


def test_another_dataset_does_not_take_the_place_of_fashion(monkeypatch, tmp_path, tiny_fashion):
    arrays, _ = tiny_fashion
    path = tmp_path / "other.npz"
    for change, message in [
        ({"y_train": arrays["y_train"] * 0}, r"y_train has \[30, 0.*\] of each class"),
        ({"y_test": np.sort(arrays["y_test"])}, r"y_test begins \[0, 0, 0"),
        ({"x_train": arrays["x_train"] // 2}, "the mean of x_train is"),
    ]:
        np.savez(path, **arrays | change)
        with pytest.raises(ValueError, match=f"is not fashion: {message}.*FASHION_NPZ"):
            data.read_digits(path, "fashion")
    digest = hashlib.sha256(arrays["x_train"].tobytes()).hexdigest()
    facts = data.SHAPES_AND_DIGESTS["mnist"] | {"x_train": ((30, 28, 28), digest)}
    monkeypatch.setitem(data.SHAPES_AND_DIGESTS, "mnist", facts)
    np.savez(path, **arrays)
    with pytest.raises(ValueError, match="is not fashion: it is MNIST"):
        data.read_digits(path, "fashion")


# ---------------------------------------------------------------- downloads


@pytest.fixture
def server(monkeypatch, tmp_path):
    """A folder that a server on this machine offers in the place of Keras's."""
    folder = tmp_path / "served"
    folder.mkdir()

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), partial(Handler, directory=folder)
    ) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        monkeypatch.setattr(data, "DOWNLOADS_FROM", f"http://127.0.0.1:{running.server_port}/")
        yield folder
        running.shutdown()


def offer(monkeypatch, server, tiny_mnist):
    np.savez(server / "mnist.npz", **tiny_mnist)
    digest = hashlib.sha256((server / "mnist.npz").read_bytes()).hexdigest()
    monkeypatch.setitem(data.DOWNLOADS, "mnist", {"mnist.npz": digest})


def test_keras_itself_downloads_where_the_cache_is_looked_for(
    monkeypatch, no_mnist, tiny_mnist, tiny_fashion, server
):
    offer(monkeypatch, server, tiny_mnist)
    arrays, folder = tiny_fashion
    for file in folder.iterdir():
        file.rename(server / file.name)
    for dataset, expected in (("mnist", tiny_mnist), ("fashion", arrays)):
        path, downloaded = data.fetch_dataset(dataset)
        np.testing.assert_equal(downloaded, expected)
        assert data.find_dataset(dataset)[0] == path
    assert entries(no_mnist.parent) == ["fashion-mnist", "mnist.npz"]
    assert entries(no_mnist.parent / "fashion-mnist") == sorted(data.DOWNLOADS["fashion"])


def test_a_download_that_fails_leaves_nothing_behind(monkeypatch, no_mnist, tiny_mnist, server):
    with pytest.raises(FileNotFoundError, match=r"Three ways.*download failed.*404"):
        data.load_digits("mnist")
    offer(monkeypatch, server, tiny_mnist)
    (server / "mnist.npz").write_bytes(b"another file")
    with pytest.raises(FileNotFoundError, match=r"Three ways.*download failed.*hash"):
        data.load_digits("mnist")
    assert entries(no_mnist.parent) == []


def test_a_server_that_is_silent_ends_in_a_time_out(monkeypatch, no_mnist):
    monkeypatch.setattr(data, "TIME_OUT", 0.3)
    before = socket.getdefaulttimeout()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        hang_up = threading.Timer(10, silent.close)
        hang_up.start()
        monkeypatch.setattr(data, "DOWNLOADS_FROM", f"http://127.0.0.1:{port}/")
        with pytest.raises(FileNotFoundError, match=r"Three ways.*sent nothing for 0.3 seconds"):
            data.load_digits("mnist")
        hang_up.cancel()
    assert socket.getdefaulttimeout() == before
    assert entries(no_mnist.parent) == []


TWO_AT_ONCE = """
import sys, time, types
from pathlib import Path
from helpers import data

def get_file(name, origin, file_hash, cache_subdir):
    whole = Path(sys.argv[1]).read_bytes()
    with open(Path(cache_subdir) / name, "wb") as file:
        for start in range(0, len(whole), len(whole) // 5):
            file.write(whole[start : start + len(whole) // 5])
            file.flush()
            time.sleep(0.1)

keras = types.SimpleNamespace(utils=types.SimpleNamespace(get_file=get_file))
sys.modules["helpers.runtime"] = types.SimpleNamespace(keras=keras)
with open(sys.argv[1], "rb") as file:
    import numpy as np
    arrays = dict(np.load(file))
data.SHAPES_AND_DIGESTS["mnist"] = {
    name: (array.shape, data._digest(array.tobytes())) for name, array in arrays.items()
}
print(data.fetch_mnist()[0])
"""


def test_two_downloads_at_once_both_end_well(no_mnist, tiny_mnist, tmp_path):
    np.savez(tmp_path / "served.npz", **tiny_mnist)
    command = [sys.executable, "-c", TWO_AT_ONCE, str(tmp_path / "served.npz")]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    both = [subprocess.Popen(command, cwd=ROOT, **pipes) for _ in range(2)]
    for process in both:
        printed, errors = process.communicate(timeout=100)
        assert printed == f"{no_mnist}\n", errors
    assert entries(no_mnist.parent) == ["mnist.npz"]
    np.testing.assert_equal(data.read_digits(no_mnist, "mnist"), tiny_mnist)


# ---------------------------------------------------------------- where Keras keeps its files


@pytest.mark.parametrize(
    ("environment", "cache"),
    [
        ({"KERAS_HOME": "{home}/keras"}, "{home}/keras"),
        ({"KERAS_HOME": "~/keras"}, "{home}/keras"),
        ({"KERAS_HOME": "{home}/file/keras"}, "{fall_back}"),
        ({"KERAS_HOME": ""}, "{fall_back}"),
        ({}, "{home}/.keras"),
        ({"HOME": "{home}/file"}, "{fall_back}"),
    ],
)
def test_the_cache_is_where_keras_puts_it(monkeypatch, tmp_path, environment, cache):
    (tmp_path / "file").write_text("a file, in which nothing can be written")
    names = {"home": tmp_path, "fall_back": data.FALL_BACK}
    monkeypatch.delenv("KERAS_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name, value in environment.items():
        monkeypatch.setenv(name, value.format(**names))
    assert data.keras_cache() == Path(cache.format(**names)) / "datasets"


# Keras's own answer, without making its folders
ASK_KERAS = """
import os
import keras
from keras.src.utils import file_utils

def stop(url, target, report):
    raise SystemExit(target)

os.makedirs = lambda *args, **kwargs: None
file_utils.urlretrieve = stop
keras.utils.get_file("x.npz", "http://nowhere/x.npz")
"""


@pytest.mark.parametrize("place", ["KERAS_HOME", "HOME"])
def test_keras_itself_falls_back_to_there(monkeypatch, tmp_path, place):
    (tmp_path / "file").write_text("")
    monkeypatch.delenv("KERAS_HOME", raising=False)
    monkeypatch.setenv(place, str(tmp_path / "file" / "keras"))
    done = subprocess.run([sys.executable, "-c", ASK_KERAS], capture_output=True, text=True)
    assert done.stderr.splitlines()[-1] == str(data.keras_cache() / "x.npz")


def test_a_home_that_cannot_be_written_is_a_sentence(monkeypatch, no_mnist, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "file" / "keras"))
    monkeypatch.setattr(data, "FALL_BACK", tmp_path / "file" / "other")
    with pytest.raises(FileNotFoundError, match=r"Three ways.*The download failed: .*Not a dir"):
        data.load_digits("mnist")


def test_what_lies_in_the_other_cache_is_found_too(monkeypatch, no_mnist, tiny_mnist):
    other = data.FALL_BACK / "datasets"
    other.mkdir(parents=True)
    np.savez(other / "mnist.npz", **tiny_mnist)
    no_mnist.write_bytes(b"damaged")
    assert data.find_mnist()[0] == other / "mnist.npz"


# ---------------------------------------------------------------- a learner's own


def own_arrays(n=10, side=16, dtype=np.float32):
    x = np.zeros((n, side, side), dtype)
    x[:, 4:12, 6:9] = 200 if dtype == np.uint8 else 0.8
    return x


def test_own_arrays_are_taken_as_they_are_and_one_line_says_so(tmp_path, capsys):
    path = tmp_path / "own.npz"
    x, y = own_arrays(), np.arange(10) % 2
    np.savez(path, x_train=x[:8], y_train=y[:8], x_test=x[8:], y_test=y[8:])
    digits = data.load_digits(path)
    np.testing.assert_array_equal(digits.x_train, x[:8])
    assert digits.y_test.tolist() == [0, 1]
    assert {part.dtype for part in digits} == {np.dtype(np.float32), np.dtype(np.int64)}
    assert capsys.readouterr().out == (
        f"{path}: 10 pictures of 16 × 16 pixels, taken as they are. 8 are for training, 2 for "
        "testing.\n"
    )
    np.savez(path, x_train=own_arrays(dtype=np.uint8))
    digits = data.load_digits(str(path))
    assert digits.x_train.max() == np.float32(200 / 255)
    assert digits.y_train.tolist() == [-1] * 8
    assert "the last fifth is for testing; there are no labels, all are -1. 8 are for" in (
        capsys.readouterr().out
    )


@pytest.mark.usefixtures("capsys")
def test_the_last_fifth_of_each_label_is_split_off(tmp_path):
    y = np.repeat([3, 1, 7], [10, 5, 6])
    x = own_arrays(21) * np.linspace(0.5, 1, 21, dtype=np.float32)[:, None, None]
    np.savez(tmp_path / "own.npz", x_train=x, y_train=y)
    digits = data.load_digits(tmp_path / "own.npz")
    assert digits.y_test.tolist() == [3, 3, 1, 7]
    np.testing.assert_array_equal(digits.x_test, x[[8, 9, 14, 20]])
    assert len(digits.x_train) == len(digits.y_train) == 17


@pytest.mark.usefixtures("capsys")
def test_idx_and_csv_of_anything_are_own_arrays(tmp_path, tiny_mnist):
    arrays = tiny_mnist | {n: tiny_mnist[n].copy() for n in ("x_train", "x_test")}
    for name in ("x_train", "x_test"):
        arrays[name][:, [0, -1]] = arrays[name][:, :, [0, -1]] = 0
    write_idx(tmp_path / "idx", arrays)
    write_csv(tmp_path / "own.csv", arrays["x_train"], arrays["y_train"])
    for path in (tmp_path / "idx", tmp_path / "own.csv"):
        digits = data.load_digits(path)
        n = len(digits.x_train)
        np.testing.assert_array_equal(digits.x_train, arrays["x_train"][:n].astype("f") / 255)


X = own_arrays()


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x_train": 1 - X}, "bright borders.*1 - x"),
        ({"x_train": 0 * X}, "are blank"),
        ({"x_train": 2 * X - 1}, "ranges from -1"),
        ({"x_train": 255 * X}, "from 0 to 204.*divide 8-bit"),
        ({"x_train": (1000 * X).astype(int)}, "reaches 800"),
        ({"x_train": X[..., None]}, r"shape \(10, 16, 16, 1\).*drop the last axis"),
        ({"x_train": np.stack([X] * 3, -1)}, "average the colours"),
        ({"x_train": X[0]}, r"one picture is x\[None\]"),
        ({"x_train": X[:0]}, "x_train holds 0 pictures"),
        ({"x_train": np.where(X > 0, np.nan, X)}, "x_train contains NaN"),
        ({"x_train": np.array(["a"])}, "x_train holds <U1"),
        ({"x_train": X[:1]}, "there is one picture"),
        ({"x_train": X, "y_train": np.zeros((10, 1), int)}, r"y_train has shape \(10, 1\)"),
        ({"x_train": X, "y_train": np.zeros(9, int)}, r"y_train has shape \(9,\)"),
        ({"x_train": X, "y_train": np.full(10, 0.5)}, "y_train contains 0.5"),
        ({"x_train": X, "y_train": np.full(10, -1)}, "y_train contains -1"),
        ({"x_train": X, "x_test": X[:, :8, :8]}, r"of \(16, 16\) pixels and .*\(8, 8\)"),
        ({"x_train": X, "x_test": X, "y_train": np.zeros(10, int)}, "labels of one part only"),
        ({"x_train": X, "y_test": np.zeros(10, int)}, "has y_test and no x_test"),
        ({"x_test": X}, "lacks x_train"),
    ],
)
def test_own_arrays_that_cannot_be_used_are_refused(tmp_path, arrays, message):
    np.savez(tmp_path / "own.npz", **arrays)
    with pytest.raises(ValueError, match=message):
        data.load_digits(tmp_path / "own.npz")


def test_a_folder_of_own_pictures(tmp_path, capsys):
    for digit in "17":
        (tmp_path / digit).mkdir()
        for number in range(5):
            page = np.full((60, 50), 230, np.uint8)
            page[10:50, 20:26] = 30
            PIL.Image.fromarray(page).save(tmp_path / digit / f"{number}.png")
    digits = data.load_digits(str(tmp_path))
    assert digits.x_train.shape == (8, 28, 28)
    assert digits.y_train.tolist() == [1] * 4 + [7] * 4
    assert digits.y_test.tolist() == [1, 7]
    line = capsys.readouterr().out
    assert line.count("\n") == 1
    assert "10 pictures, 10 with dark ink on light paper and 0 with light on dark" in line
    assert "the last fifth of each label is for testing. 8 are for training, 2 for" in line


@pytest.mark.parametrize(
    ("dataset", "error", "message"),
    [
        (None, TypeError, "dataset = None: a name or a path"),
        (3, TypeError, "dataset = 3"),
        ("", ValueError, "unknown dataset ''"),
        (" ", ValueError, "unknown dataset ' '"),
        ("Mnist", ValueError, 'unknown dataset \'Mnist\': choose "sample", "mnist"'),
        ("no/such", FileNotFoundError, "no/such is not there, looked for as /"),
        ("x" * 5000, ValueError, "unknown dataset"),
        ("~/no-such.npz", FileNotFoundError, "/no-such.npz is not there"),
    ],
)
def test_a_dataset_that_cannot_be_is_named(dataset, error, message):
    with pytest.raises(error, match=message):
        data.load_digits(dataset)


def test_the_bundled_digits_do_not_need_tensorflow():
    assert not loads_tensorflow("from helpers.data import load_digits; load_digits()")
