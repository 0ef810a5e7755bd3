import numpy as np
import pytest

from helpers import evaluation as ev
from helpers.data import load_digits

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


@pytest.mark.parametrize("shapes", [((1, 3), (5, 3)), ((5, 3), (5, 4))])
def test_frechet_refuses_what_has_no_covariance_or_does_not_fit(shapes):
    with pytest.raises(ValueError, match="two sets of at least 2 rows"):
        ev.frechet_distance(*(np.zeros(shape) for shape in shapes))


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


def test_precision_and_recall_refuse_unequal_or_few_rows():
    with pytest.raises(ValueError, match="equally many"):
        ev.precision_and_recall(np.zeros((10, 2)), np.zeros((9, 2)))
    with pytest.raises(ValueError, match="more than 3 rows"):
        ev.precision_and_recall(np.zeros((3, 2)), np.zeros((3, 2)))


# ---------------------------------------------------------------- copies


def test_nearest_images_finds_the_copies_and_their_distance():
    training = RNG.random((1200, 28, 28)).astype(np.float32)
    order = RNG.permutation(1200)[:700]
    shifted = training[order].copy()
    shifted[:, 3, 4] += 2.0
    positions, distances = ev.nearest_images(shifted, training)
    np.testing.assert_array_equal(positions, order)
    np.testing.assert_allclose(distances, 2.0, rtol=1e-3)
    copies, distances = ev.nearest_images(training[:9], training)
    np.testing.assert_array_equal(copies, range(9))
    np.testing.assert_allclose(distances, 0, atol=0.05)  # the root of a rounding error


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
