import itertools

import numpy as np
import pytest
from bad_arguments import faults

from helpers.batches import shuffled_batches
from helpers.runtime import keras, set_seed, tf

IMAGES = np.arange(20, dtype=np.float32).reshape(10, 2, 1) / 32
EPOCHS = 4


def gone_through(batches, times=EPOCHS):
    """All batches in the order in which they come: shape (times * batches, batch_size, ...)."""
    return np.array([batch for _ in range(times) for batch in batches])


def shown_by_fit(batches, epochs=EPOCHS, steps_per_execution=1):
    """What Keras's `fit` shows a model, in a function that TensorFlow has traced."""
    seen = []

    class Witness(keras.Model):
        def train_step(self, data):
            tf.numpy_function(seen.append, [data], [])
            return {"loss": tf.zeros(())}

    witness = Witness()
    witness.built = True
    witness.compile(steps_per_execution=steps_per_execution, jit_compile=False)
    witness.fit(batches, epochs=epochs, shuffle=False, verbose=0)
    return np.array(seen)


def test_every_image_is_shown_once_an_epoch_in_another_order_each_time():
    epochs = gone_through(shuffled_batches(IMAGES, 5, seed=0)).reshape(EPOCHS, 10, 2)
    for epoch in epochs:
        np.testing.assert_array_equal(np.sort(epoch.ravel()), np.arange(20) / 32)
        assert (epoch[:, 1] - epoch[:, 0] == 1 / 32).all(), "images stay whole"
    for one, other in itertools.combinations(epochs, 2):
        assert (one != other).any()


def test_the_order_depends_on_the_seed_and_on_no_other():
    orders = []
    for global_seed, seed in ((1, 0), (2, 0), (1, 1)):
        set_seed(global_seed)
        orders.append(gone_through(shuffled_batches(IMAGES, 5, seed, binarise=False)))
        tf.random.uniform(())
    np.testing.assert_array_equal(orders[0], orders[1])
    assert (orders[0] != orders[2]).any()


@pytest.mark.parametrize("binarise", [False, True])
@pytest.mark.parametrize("steps_per_execution", [1, 3])
def test_fit_shows_the_epochs_in_turn_from_whichever_it_begins_with(binarise, steps_per_execution):
    """At the end of an epoch Keras starts an iterator that it does not use: no order is lost."""
    images = IMAGES

    def batches(first_epoch=0):
        return shuffled_batches(images, 3, 7, binarise, first_epoch)

    whole = gone_through(batches())
    assert len(whole) == EPOCHS * 3
    shown = shown_by_fit(batches(), EPOCHS, steps_per_execution)
    np.testing.assert_array_equal(shown, whole)
    for first in range(1, EPOCHS):
        rest = whole[3 * first :]
        np.testing.assert_array_equal(gone_through(batches(first), EPOCHS - first), rest)
        shown = shown_by_fit(batches(first), EPOCHS - first, steps_per_execution)
        np.testing.assert_array_equal(shown, rest)


@pytest.mark.parametrize(("batch_size", "count"), [(1, 10), (4, 2), (10, 1)])
def test_batches_are_full_ones_only(batch_size, count):
    batches = shuffled_batches(IMAGES, batch_size, 0)
    assert [tuple(batch.shape) for batch in batches] == count * [(batch_size, 2, 1)]
    assert len(batches) == count


def test_pixels_are_binarised_with_their_grey_level_as_probability():
    levels = np.linspace(0, 1, 5, dtype=np.float32)
    batches = shuffled_batches(np.tile(levels, (100, 1)), 50, seed=0, binarise=True)
    epochs = gone_through(batches, 20)
    assert set(np.unique(epochs)) == {0, 1}
    np.testing.assert_allclose(epochs.mean(axis=(0, 1)), levels, atol=5 * 0.5 / 2000**0.5)
    assert (epochs[..., [0, 4]] == [0, 1]).all()


def test_the_noise_of_each_epoch_each_batch_and_each_image_is_another():
    grey = np.full((9, 50), 0.5, np.float32)
    pictures = gone_through(shuffled_batches(grey, 3, seed=0, binarise=True)).reshape(-1, 50)
    assert len(pictures) == EPOCHS * 9
    assert len(np.unique(pictures, axis=0)) == len(pictures)


def test_a_white_pixel_stays_white_even_at_the_lowest_uniform_draw(monkeypatch):
    monkeypatch.setattr(tf.random, "stateless_uniform", lambda shape, seed: tf.zeros(shape))
    levels = np.array([[0.0, 1 / 255]], np.float32)
    (batch,) = shuffled_batches(levels, 1, seed=0, binarise=True)
    assert batch.numpy().tolist() == [[0, 1]]


def test_fewer_images_than_a_batch_are_one_batch():
    np.testing.assert_array_equal(
        gone_through(shuffled_batches(IMAGES, 11, 0)), gone_through(shuffled_batches(IMAGES, 10, 0))
    )


@pytest.mark.parametrize("batch_size", [0, 2.5])
def test_a_batch_size_of_none_is_refused(batch_size):
    with pytest.raises((TypeError, ValueError), match=f"batch_size = {batch_size}: .*at least 1"):
        shuffled_batches(IMAGES, batch_size, 0)


def test_an_epoch_before_the_first_is_refused():
    with pytest.raises(ValueError, match="first_epoch = -1: it must be at least 0"):
        shuffled_batches(IMAGES, 5, 0, first_epoch=-1)


GREY = np.random.default_rng(0).random((6, 4, 4), dtype=np.float32)


@pytest.mark.parametrize(
    ("images", "words"),
    [
        ((255 * GREY).astype(np.uint8), "images ranges .*divide 8-bit grey levels by 255"),
        (255 * GREY, "images ranges .*divide 8-bit grey levels by 255"),
        (2 - GREY - 4, r"scale them to \[-1, 1\]"),
        (np.where(GREY > 0.9, np.nan, GREY), "images contains NaN"),
        (GREY[:, 0, 0], r"images has shape \(6,\)"),
        (GREY[:0], "images is empty"),
        (0.5, "images has shape"),
        (None, "images holds"),
        ([["a"]], "images holds"),
    ],
)
def test_images_that_are_none_are_refused(images, words):
    with pytest.raises((TypeError, ValueError), match=words):
        shuffled_batches(images, 2, 0)


def test_a_picture_below_0_has_no_probability():
    with pytest.raises(ValueError, match=r"scale them to \[0, 1\]"):
        shuffled_batches(2 * GREY - 1, 2, 0, binarise=True)
    assert len(shuffled_batches(2 * GREY - 1, 2, 0)) == 3


def test_float64_and_whole_zeros_and_ones_are_the_same_batches():
    binary = (GREY > 0.5).astype(np.float32)
    expected = gone_through(shuffled_batches(binary, 2, 0))
    for images in (binary.astype(float), binary.astype(int), GREY > 0.5, binary.tolist()):
        batches = shuffled_batches(images, np.int64(2), np.int32(0), first_epoch=np.int64(0))
        assert batches.element_spec.dtype == tf.float32
        np.testing.assert_array_equal(gone_through(batches), expected)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"seed": 1.5}, "seed = 1.5"),
        ({"seed": None}, "seed = None"),
        ({"first_epoch": 0.5}, "first_epoch = 0.5"),
        ({"batch_size": None}, "batch_size = None"),
        ({"batch_size": "2"}, "batch_size = '2'"),
        ({"binarise": "yes"}, "binarise = 'yes'"),
    ],
)
def test_settings_that_are_no_whole_numbers_are_refused(settings, words):
    with pytest.raises((TypeError, ValueError), match=words):
        shuffled_batches(GREY, **{"batch_size": 2, "seed": 0} | settings)


def test_whatever_comes_is_handled_right_or_refused():
    """Images may have any number of axes, and values from -1 on."""
    kinds = ("three axes", "four axes", "another width", "below zero", "pictures below zero")
    harmless = [("images", kind) for kind in kinds]
    harmless += [("seed", "minus one"), ("seed", "zero"), ("first_epoch", "zero")]
    harmless += [("binarise", "True")]
    good = {"images": GREY[:3], "batch_size": 2, "seed": 0, "binarise": False, "first_epoch": 0}
    assert faults(shuffled_batches, good, harmless) == []
