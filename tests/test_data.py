import contextlib
import hashlib
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from fresh_python import loads_tensorflow

from helpers import data

RNG = np.random.default_rng(0)


@pytest.fixture
def no_mnist(monkeypatch, tmp_path):
    """Neither MNIST_NPZ nor a file in Keras's cache; returns the path that the cache would have."""
    monkeypatch.delenv("MNIST_NPZ", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    cached = tmp_path / "datasets" / "mnist.npz"
    cached.parent.mkdir()
    return cached


@pytest.fixture
def tiny_mnist(monkeypatch):
    """Let a few bytes be MNIST: their digests replace the real ones, which need 11 MB."""
    arrays = {
        "x_train": RNG.integers(0, 256, (6, 28, 28), np.uint8),
        "y_train": np.arange(6, dtype=np.uint8),
        "x_test": RNG.integers(0, 256, (4, 28, 28), np.uint8),
        "y_test": np.arange(4, dtype=np.uint8),
    }
    facts = {n: (a.shape, hashlib.sha256(a.tobytes()).hexdigest()) for n, a in arrays.items()}
    monkeypatch.setitem(data.SHAPES_AND_DIGESTS, "mnist", facts)
    return arrays


def keras_downloads(monkeypatch, write):
    """Let Keras's download be `write(path)`, and say where it was told to put the file."""
    from helpers.runtime import keras

    def load_data(path):
        write(data.keras_cache() / path)

    monkeypatch.setattr(keras.datasets.mnist, "load_data", load_data)


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
    monkeypatch.setenv("MNIST_NPZ", str(tmp_path / "missing.npz"))
    with pytest.raises(FileNotFoundError, match=r"missing.npz is not there.*Three ways"):
        data.load_digits("mnist")


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
        ({"y_train": np.array([{}])}, "damaged.*allow_pickle=False"),
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
    lowest = SimpleNamespace(random=lambda shape, dtype: np.zeros(shape, dtype))
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


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: data.binarise_by_threshold(np.array([0, 255])), "values from 0 to 255"),
        (lambda: data.binarise_by_threshold(np.array([0, 1.01])), "values from 0.0 to 1.01"),
        (lambda: data.binarise_by_threshold(np.array([0.1]), threshold=2), "threshold.*got 2"),
        (lambda: data.binarise_by_sampling(np.array([np.nan]), RNG), "check for NaN"),
        (lambda: data.remove_ink(np.ones((1, 4)), 1.01, RNG), "fraction.*got 1.01"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_the_bundled_digits_do_not_need_tensorflow():
    assert not loads_tensorflow("from helpers.data import load_digits; load_digits()")
