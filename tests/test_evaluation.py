import re

import numpy as np
import pytest
from bad_arguments import faults

from helpers import evaluation as ev
from helpers.data import Digits, load_digits
from helpers.runtime import keras

RNG = np.random.default_rng(0)


def random_covariance(n, rank=None):
    factor = RNG.normal(size=(n, rank or n))
    return factor @ factor.T


# ---------------------------------------------------------------- Frechet distance


def test_frechet_of_one_dimension_is_known():
    value = ev.gaussian_frechet([1.0], [[4.0]], [3.0], [[25.0]])
    assert value == pytest.approx((1 - 3) ** 2 + (2 - 5) ** 2)


def test_frechet_of_commuting_covariances_is_known():
    rotation, _ = np.linalg.qr(RNG.normal(size=(6, 6)))
    variances_1, variances_2 = RNG.random((2, 6)) * 10
    mean = RNG.normal(size=6)
    value = ev.gaussian_frechet(
        mean, rotation * variances_1 @ rotation.T, 0 * mean, rotation * variances_2 @ rotation.T
    )
    expected = (mean**2).sum() + ((np.sqrt(variances_1) - np.sqrt(variances_2)) ** 2).sum()
    assert value == pytest.approx(expected)


def test_frechet_along_the_optimal_map_is_the_mean_squared_move():
    # x -> A x with A symmetric positive is the cheapest way to move N(0, C) to N(0, A C A)
    covariance, move = random_covariance(5), random_covariance(5) / 5
    moved = move @ covariance @ move
    step = np.eye(5) - move
    value = ev.gaussian_frechet(np.zeros(5), covariance, np.zeros(5), moved)
    assert value == pytest.approx(np.trace(step @ covariance @ step))


def test_frechet_is_symmetric_never_negative_and_zero_for_equals():
    for rank in (2, 5, 64):
        c_1, c_2 = random_covariance(64, rank), random_covariance(64, rank)
        m_1, m_2 = RNG.normal(size=(2, 64))
        there, back = (
            ev.gaussian_frechet(m_1, c_1, m_2, c_2),
            ev.gaussian_frechet(m_2, c_2, m_1, c_1),
        )
        assert there == pytest.approx(back, rel=1e-9)
        assert there > 0
        assert ev.gaussian_frechet(m_1, c_1, m_1, c_1) == pytest.approx(0, abs=1e-6 * np.trace(c_1))


def test_frechet_survives_dead_features_and_wild_scales():
    c_1, c_2 = np.diag([1e8, 1.0, 0.0, 1e-12]), np.diag([1e8, 4.0, 0.0, 0.0])
    assert ev.gaussian_frechet(np.zeros(4), c_1, np.zeros(4), c_2) == pytest.approx(1, rel=1e-6)


def test_frechet_of_samples_tends_to_the_value_of_their_distributions():
    c_1, c_2 = random_covariance(3), random_covariance(3)
    m_1, m_2 = np.zeros(3), np.array([2.0, 0.0, 1.0])
    x = RNG.multivariate_normal(m_1, c_1, 40_000)
    y = RNG.multivariate_normal(m_2, c_2, 40_000)
    expected = ev.gaussian_frechet(m_1, c_1, m_2, c_2)
    assert ev.frechet_distance(x, y) == pytest.approx(expected, rel=0.03)
    assert ev.frechet_distance(x + 100, y + 100) == pytest.approx(ev.frechet_distance(x, y))
    assert ev.frechet_distance(3 * x, 3 * y) == pytest.approx(9 * ev.frechet_distance(x, y))


def test_frechet_of_one_distribution_with_itself_falls_like_one_over_n():
    means = []
    for n in (200, 400, 800):
        draws = RNG.normal(size=(10, 2, n, 16))
        means.append(np.mean([ev.frechet_distance(*pair) for pair in draws]))
    np.testing.assert_allclose(means[0] / np.array(means), [1, 2, 4], rtol=0.2)


def test_frechet_of_two_rows_takes_their_unbiased_variance():
    # means 1 and 12, variances 2 and 8
    distance = ev.frechet_distance([[0.0], [2.0]], [[10.0], [14.0]])
    assert distance == pytest.approx(11**2 + (2**0.5 - 8**0.5) ** 2)


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        (((1, 3), (5, 3)), "features_1 has 1 rows: at least 2"),
        (((5, 3), (1, 3)), "features_2 has 1 rows: at least 2"),
        (((5, 3), (5, 4)), r"1 has shape \(5, 3\) and features_2 has shape \(5, 4\)"),
    ],
)
def test_frechet_refuses_what_has_no_covariance_or_does_not_fit(shapes, message):
    with pytest.raises(ValueError, match=message):
        ev.frechet_distance(*(np.zeros(shape) for shape in shapes))


@pytest.mark.parametrize(
    ("covariance", "message"),
    [
        ([[1.0, 0.0], [0.0, -4.0]], "covariance_2 has the eigenvalue -4"),
        ([[-1.0, 0.0], [0.0, -4.0]], "covariance_2 has the eigenvalue -4"),
        ([[1.0, 2.0], [2.0, 1.0]], "covariance_2 has the eigenvalue -1"),
        ([[1.0, 0.5], [0.0, 1.0]], "covariance_2 is not symmetric, by up to 0.5"),
        ([[1.0, np.nan], [np.nan, 1.0]], "covariance_2 contains nan"),
        ([[1.0]], r"covariance_2 has shape \(1, 1\), expected \(2, 2\)"),
    ],
)
def test_frechet_refuses_a_matrix_that_is_no_covariance(covariance, message):
    with pytest.raises(ValueError, match=message):
        ev.gaussian_frechet(np.zeros(2), np.eye(2), np.zeros(2), covariance)
    with pytest.raises(ValueError, match=message.replace("_2", "_1")):
        ev.gaussian_frechet(np.zeros(2), covariance, np.zeros(2), np.eye(2))


def test_frechet_takes_what_rounding_in_float32_leaves_of_a_singular_covariance():
    factor = RNG.normal(size=(64, 8)).astype(np.float32)
    singular = factor @ factor.T
    assert np.linalg.eigvalsh(singular.astype(float))[0] < 0, "else this proves nothing"
    mean = np.zeros(64)
    value = ev.gaussian_frechet(mean, singular, mean, singular)
    assert 0 <= value < 1e-3 * np.trace(singular)


def test_a_squared_distance_is_never_negative():
    for _ in range(50):
        mean, covariance = RNG.normal(size=4), random_covariance(4)
        assert ev.gaussian_frechet(mean, covariance, mean, covariance.copy()) >= 0


# ---------------------------------------------------------------- precision and recall


def modes(*which, n=600):
    """Points around some of ten far-apart corners."""
    corners = 100 * np.eye(10)[np.resize(which, n)]
    return corners + RNG.normal(size=(n, 10))


def test_a_collapsed_model_keeps_precision_and_loses_recall():
    precision, recall = ev.precision_and_recall(modes(*range(10)), modes(0, 1, 2, 3, 4))
    assert precision > 0.6
    assert recall == pytest.approx(0.5 * precision, abs=0.2)
    assert recall < 0.5


def test_a_model_that_also_draws_nonsense_loses_precision_and_keeps_recall():
    fakes = modes(*range(10))
    fakes[::2] += 1000
    precision, recall = ev.precision_and_recall(modes(*range(10)), fakes)
    assert precision < 0.5
    assert recall > 0.3
    strict = ev.precision_and_recall(modes(*range(10)), np.concatenate([modes(3, n=300)] * 2))
    assert strict[1] < 0.1 < recall


def test_copies_of_the_real_pictures_score_one_and_strangers_zero():
    real = modes(*range(10))
    assert ev.precision_and_recall(real, real[::-1].copy()) == (1.0, 1.0)
    assert ev.precision_and_recall(real, real + 1000) == (0.0, 0.0)


def test_balls_reach_the_kth_neighbour():
    real = np.array([[0.0], [1.0], [3.0], [7.0]])  # radii for k = 1: 1, 1, 2, 4
    fakes = np.array([[-1.1], [5.1], [11.1], [4.9]])
    assert ev.precision_and_recall(real, fakes, neighbours=1)[0] == pytest.approx(2 / 4)
    # for k = 2 the radii are 3, 2, 3, 6: all inside
    assert ev.precision_and_recall(real, fakes, neighbours=2)[0] == 1
    borders = np.array([[-1.0], [-1.0], [11.0], [11.0]])
    assert ev.precision_and_recall(real, borders, neighbours=1)[0] == 1, "a border is inside"


def test_exchanging_real_and_fake_exchanges_precision_and_recall():
    a, b = modes(0, 1, 2), modes(1, 2, 3, 4)
    assert ev.precision_and_recall(a, b) == ev.precision_and_recall(b, a)[::-1]


@pytest.mark.parametrize(
    ("real", "fakes", "neighbours", "message"),
    [
        (np.zeros((10, 2)), np.zeros((9, 2)), 3, "10 rows and fake_features has 9: equally many"),
        (np.zeros((9, 2)), np.zeros((10, 2)), 3, "9 rows and fake_features has 10: equally many"),
        (np.zeros((3, 2)), np.zeros((3, 2)), 3, "real_features has 3 rows: at least 4"),
        (
            np.zeros((5, 2)),
            np.zeros((5, 3)),
            3,
            r"real_features has .* fake_features has shape \(5, 3\)",
        ),
        (np.eye(5), np.where(np.eye(5), np.nan, 0), 3, "fake_features contains nan"),
        (np.where(np.eye(5), np.nan, 0), np.eye(5), 3, "real_features contains nan"),
        (np.eye(5), np.eye(5), 0, "neighbours = 0: it must be at least 1"),
        (np.eye(5), np.eye(5), -1, "neighbours = -1: it must be at least 1"),
    ],
)
def test_precision_and_recall_refuse_what_does_not_fit(real, fakes, neighbours, message):
    with pytest.raises(ValueError, match=message):
        ev.precision_and_recall(real, fakes, neighbours)


# ---------------------------------------------------------------- copies


def test_nearest_images_finds_the_copies_and_their_distance():
    training = RNG.random((1200, 28, 28)).astype(np.float32)
    order = RNG.permutation(1200)[:700]
    shifted = training[order].copy()
    training[:, 3, 4], shifted[:, 3, 4] = 0.0, 1.0
    positions, distances = ev.nearest_images(shifted, training)
    np.testing.assert_array_equal(positions, order)
    np.testing.assert_allclose(distances, 1.0, rtol=1e-3)
    copies, distances = ev.nearest_images(training[:9], training)
    np.testing.assert_array_equal(copies, range(9))
    np.testing.assert_allclose(distances, 0, atol=0.05)  # the root of a rounding error


@pytest.mark.parametrize("side", [16, 28])
@pytest.mark.parametrize("kind", [bool, np.uint8, np.int64, np.float64])
def test_nearest_images_of_black_and_white_pictures_of_any_type_and_size(side, kind):
    training = RNG.random((60, side, side)) < 0.3
    order, copies = np.array([5, 0, 59]), training.astype(kind)
    positions, distances = ev.nearest_images(copies[order], training.astype(np.float32))
    np.testing.assert_array_equal(positions, order)
    np.testing.assert_allclose(distances, 0, atol=0.05)
    flat, _ = ev.nearest_images(copies[order].reshape(3, -1), copies.reshape(60, -1))
    np.testing.assert_array_equal(flat, order)
    far = ev.nearest_images(np.zeros((1, side, side), kind), np.ones((1, side, side), kind))[1]
    assert far[0] == pytest.approx(side)


def test_nearest_images_refuses_bytes_and_another_size():
    pictures = RNG.integers(256, size=(4, 28, 28), dtype=np.uint8)
    for pair in ((pictures, pictures / 255), (pictures / 255, pictures)):
        with pytest.raises(ValueError, match=r"images ranges from .*: divide 8-bit grey levels"):
            ev.nearest_images(*pair)
    with pytest.raises(ValueError, match=r"images has shape \(2, 16, 16\) and training_images"):
        ev.nearest_images(np.zeros((2, 16, 16)), pictures / 255)


# ---------------------------------------------------------------- the classifier


@pytest.fixture(scope="module")
def judged():
    digits = load_digits()
    return digits, ev.train_classifier(digits.x_train, digits.y_train, epochs=3)


def test_classifier_reads_unseen_digits(judged):
    digits, classifier = judged
    stencils = 32 * (5 * 5 + 1) + 64 * (32 * 5 * 5 + 1)
    assert classifier.count_params() == stencils + 64 * (7 * 7 * 64 + 1) + 10 * (64 + 1)
    assert ev.accuracy(classifier, digits.x_test, digits.y_test) > 0.92
    wrong = (digits.y_test + 1) % 10
    assert ev.accuracy(classifier, digits.x_test.reshape(-1, 784), wrong) < 0.05


def test_training_a_classifier_is_silent_and_repeatable(capsys):
    digits = load_digits()
    some = digits.x_train[:130], digits.y_train[:130]
    first, again, other = (ev.train_classifier(*some, epochs=2, seed=seed) for seed in (3, 3, 4))
    assert int(first.optimizer.iterations) == 2 * 3, "64, 64 and 2 images in a pass"
    for mine, same in zip(first.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, same)
    assert (first.get_weights()[0] != other.get_weights()[0]).any()
    assert capsys.readouterr() == ("", "")


def test_features_are_what_the_last_layer_sees_with_dropout_off(judged):
    digits, classifier = judged
    seen = ev.features(classifier, digits.x_test)
    assert seen.shape == (1000, 64)
    kernel, bias = classifier.layers[-1].get_weights()
    np.testing.assert_allclose(seen @ kernel + bias, classifier(digits.x_test), atol=1e-3)


def test_digit_shares_count_a_constructed_collapse(judged):
    digits, classifier = judged
    everything = ev.digit_shares(classifier, digits.x_test)
    assert everything.sum() == pytest.approx(1)
    np.testing.assert_allclose(everything, np.bincount(digits.y_test) / 1000, atol=0.02)
    collapsed = ev.digit_shares(classifier, digits.x_test[digits.y_test < 3])
    assert collapsed[:3].sum() > 0.9
    assert collapsed[3:].max() < 0.05


def test_frechet_in_features_sees_collapse_and_noise(judged):
    digits, classifier = judged
    train, test = (ev.features(classifier, x) for x in (digits.x_train[:1000], digits.x_test))
    real = ev.frechet_distance(train, test)
    collapsed = ev.frechet_distance(train, test[digits.y_test < 5])
    noisy = np.clip(digits.x_test + RNG.normal(0, 0.3, digits.x_test.shape), 0, 1)
    assert collapsed > 5 * real
    assert ev.frechet_distance(train, ev.features(classifier, noisy.astype("float32"))) > 2 * real


def without_labels(x_train, x_test):
    return Digits(x_train, np.full(len(x_train), -1), x_test, np.full(len(x_test), -1))


def test_unknown_labels_are_read_by_a_classifier_of_the_bundled_digits(capsys):
    digits = load_digits()
    assert ev.with_labels(digits) is digits, "known ones stay"
    assert capsys.readouterr().out == ""
    some = digits.x_train[:300], digits.x_test
    for x_train, x_test in (some, [np.float32(x[:, ::2, ::2]) for x in some]):
        read = ev.with_labels(without_labels(x_train, x_test))
        assert read.x_train is x_train
        assert np.mean(read.y_train == digits.y_train[:300]) > 0.8
        assert np.mean(read.y_test == digits.y_test) > 0.8
        printed = capsys.readouterr().out
        assert printed.startswith("There are no labels: ")
        assert 90 < int(re.search(r"(\d+)%", printed)[1]) <= 100
    with pytest.raises(TypeError, match="digits is a tuple: load_digits gives what is needed"):
        ev.with_labels(tuple(digits))


# ---------------------------------------------------------------- right or refused

X = np.zeros((4, 28, 28), np.float32)
Y = np.array([0, 1, 2, 3])

WRONG_PICTURES = {
    "in colour": (np.zeros((4, 28, 28, 3)), r"shape \(4, 28, 28, 3\).*average the colours"),
    "with an axis more": (np.zeros((4, 28, 28, 1)), "drop the last axis"),
    "only one": (np.zeros((28, 28)), r"one picture is x\[None\]"),
    "none": (np.zeros((0, 28, 28)), "0 pictures: at least 1"),
    "bytes": (np.full((4, 28, 28), 200, np.uint8), "divide 8-bit grey levels by 255"),
    "from -1 to 1": (np.full((4, 28, 28), -0.5), "from -0.5 to -0.5"),
    "NaN in one pixel": (np.where(np.arange(784).reshape(28, 28) == 5, np.nan, X), "contains NaN"),
}
WRONG_LABELS = {
    "in a column": (Y[:, None], r"labels has shape \(4, 1\), expected \(4,\): labels\[:, 0\]"),
    "one-hot": (np.eye(10)[Y], r"labels.argmax\(axis=1\)"),
    "too few": (Y[:3], r"labels has shape \(3,\), expected \(4,\)"),
    "of ten": (Y + 7, "labels contains 10: whole numbers from 0 below 10"),
    "negative": (Y - 1, "labels contains -1"),
    "halves": (Y / 2, "labels contains 0.5"),
    "text": (Y.astype(str), "labels holds <U"),
}


@pytest.mark.parametrize("wrong", WRONG_PICTURES)
def test_the_judge_refuses_pictures(judged, wrong):
    (pictures, message), (_, classifier) = WRONG_PICTURES[wrong], judged
    for call in (
        lambda: ev.features(classifier, pictures),
        lambda: ev.digit_shares(classifier, pictures),
        lambda: ev.accuracy(classifier, pictures, Y),
        lambda: ev.train_classifier(pictures, Y, epochs=1),
    ):
        with pytest.raises(ValueError, match=f"images .*{message}"):
            call()


@pytest.mark.parametrize("name", ["features", "digit_shares", "accuracy"])
def test_the_judge_refuses_pictures_of_another_size_than_it_was_trained_on(judged, name):
    pictures = np.zeros((4, 16, 12), np.float32)
    labels = [Y] if name == "accuracy" else []
    with pytest.raises(ValueError, match=r"shape \(4, 16, 12\), expected \(n, 28, 28\)"):
        getattr(ev, name)(judged[1], pictures, *labels)
    other = ev.train_classifier(pictures, Y, epochs=1)
    getattr(ev, name)(other, pictures, *labels)
    getattr(ev, name)(other, pictures.reshape(4, -1), *labels)


@pytest.mark.parametrize("wrong", WRONG_LABELS)
def test_the_judge_refuses_labels(judged, wrong):
    (labels, message), (_, classifier) = WRONG_LABELS[wrong], judged
    for call in (
        lambda: ev.accuracy(classifier, X, labels),
        lambda: ev.train_classifier(X, labels, epochs=1),
    ):
        with pytest.raises((TypeError, ValueError), match=message):
            call()


def test_the_judge_reads_black_and_white_pictures_of_every_type_alike(judged):
    digits, classifier = judged
    ink = digits.x_test[:200] > 0.5
    expected = ev.features(classifier, ink.astype(np.float32))
    labels = digits.y_test[:200]
    for kind in (bool, np.uint8, np.int64, np.float64):
        np.testing.assert_array_equal(ev.features(classifier, ink.astype(kind)), expected)
    read = {ev.accuracy(classifier, ink, labels.astype(kind)) for kind in (np.uint8, float, int)}
    assert len(read) == 1
    assert read.pop() > 0.85


def test_a_classifier_of_another_kind_is_refused(judged):
    digits, _ = judged
    plain = keras.Sequential([keras.Input((28, 28)), keras.layers.Flatten(), keras.layers.Dense(3)])
    with pytest.raises(ValueError, match=r"classifier gives shape \(4, 3\), expected ten logits"):
        ev.accuracy(plain, X, Y)
    with pytest.raises(ValueError, match=r"classifier gives shape \(4, 3\)"):
        ev.digit_shares(plain, X)
    with pytest.raises(ValueError, match='no layer "features": train_classifier makes one'):
        ev.features(plain, X)
    dead = ev.train_classifier(digits.x_train[:64], digits.y_train[:64], epochs=1)
    kernel, bias = dead.layers[-2].get_weights()
    dead.layers[-2].set_weights([kernel, np.where(np.arange(64) == 9, np.nan, bias)])
    for call in (ev.digit_shares, ev.features, lambda *a: ev.accuracy(*a, Y)):
        with pytest.raises(ValueError, match="classifier answers NaN or infinity: train it again"):
            call(dead, X)


def test_a_dead_classifier_is_not_trained():
    for epochs in (-1, 0):
        with pytest.raises(ValueError, match=f"epochs = {epochs}: it must be at least 1"):
            ev.train_classifier(X, Y, epochs=epochs)
    with pytest.raises(ValueError, match="seed = -1"):
        ev.train_classifier(X, Y, epochs=1, seed=-1)


def test_numpy_numbers_are_whole_numbers_too():
    ev.train_classifier(X, Y.astype(float), epochs=np.int64(1), seed=np.int64(3))
    assert ev.precision_and_recall(np.eye(5), np.eye(5), np.int64(2)) == (1.0, 1.0)


F = np.array([[0.0, 1, 2], [1, 0, 5], [2, 2, 2]])
TABLES = ("grey levels in bytes", "below zero")  # features may have any size
SWEPT = {
    "train_classifier": (
        ev.train_classifier,
        {"images": X[:2], "labels": Y[:2], "epochs": 1, "seed": 0},
        [("seed", "zero"), ("images", "three axes")],  # of any size
    ),
    "gaussian_frechet": (
        ev.gaussian_frechet,
        {"mean_1": F[0], "covariance_1": np.eye(3), "mean_2": F[1], "covariance_2": np.eye(3)},
        [("mean_1", "one row"), ("mean_2", "one row")],
    ),
    "frechet_distance": (
        ev.frechet_distance,
        {"features_1": F, "features_2": F},
        [(name, key) for name in ("features_1", "features_2") for key in TABLES],
    ),
    "precision_and_recall": (
        ev.precision_and_recall, {"real_features": F, "fake_features": F, "neighbours": 2}, [],
    ),
    "nearest_images": (ev.nearest_images, {"images": X, "training_images": X}, []),
}  # fmt: skip


@pytest.mark.parametrize("name", SWEPT)
def test_every_argument_is_right_or_refused_by_name(name):
    assert faults(*SWEPT[name]) == []


@pytest.mark.parametrize("name", ["accuracy", "features", "digit_shares"])
def test_every_argument_of_the_judge_is_right_or_refused_by_name(judged, name):
    labels = {"labels": Y} if name == "accuracy" else {}
    good = {"classifier": judged[1], "images": X} | labels
    assert faults(getattr(ev, name), good) == []
