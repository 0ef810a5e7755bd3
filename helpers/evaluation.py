"""What judges pictures from any model: a small digit classifier and statistics of its features.

The classifier's own accuracy on real digits belongs beside every number that it gives. Every
statistic here depends on the number of samples as well: each function says how. Compare models at
equal numbers, and put the value of real digits against real digits beside theirs.

References:
    Heusel et al. (2017), GANs trained by a two time-scale update rule: the distance.
    Dowson and Landau (1982), The Frechet distance between multivariate normal distributions.
    Kynkaanniemi et al. (2019), Improved precision and recall metric: section 3.
    Binkowski et al. (2018), Demystifying MMD GANs: appendix D, the bias of the distance.
"""

import numpy as np

from helpers.runtime import keras, set_seed

ROWS_AT_ONCE = 500  # of a table of distances; keeps it below 250 MB for 60,000 digits


# ---------------------------------------------------------------- the judge


def train_classifier(images, labels, epochs=5, seed=0):
    """Train a small convolutional network to read digits.

    Args:
        images: shape (n, 28, 28), values in [0, 1]; binary ones if it is to judge binary ones.
        labels: digits 0 to 9, shape (n,).
        epochs: passes through the images.
        seed: of the initial weights and the shuffling; `set_seed` is called with it, so what
            draws random numbers afterwards starts from it too.

    Returns:
        A Keras model from images to the ten logits; its layer "features", of 64 numbers, is the
        last but one.
    """
    set_seed(seed)
    layers = keras.layers
    classifier = keras.Sequential(
        [
            keras.Input((28, 28)),
            layers.Reshape((28, 28, 1)),
            layers.Conv2D(32, 5, strides=2, padding="same", activation="relu"),
            layers.Conv2D(64, 5, strides=2, padding="same", activation="relu"),
            layers.Flatten(),
            layers.Dropout(0.4),
            layers.Dense(64, activation="relu", name="features"),
            layers.Dense(10),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    classifier.compile(keras.optimizers.Adam(0.002), loss)
    classifier.fit(images, labels, epochs=epochs, batch_size=64, verbose=0)
    return classifier


def accuracy(classifier, images, labels):
    """The share of images that a classifier reads as their label.

    Args:
        classifier: from `train_classifier`.
        images: shape (n, 28, 28) or (n, 784).
        labels: digits 0 to 9, shape (n,).

    Returns:
        A number from 0 to 1.
    """
    logits = _in_parts(classifier, images)
    return float(np.mean(np.argmax(logits, axis=1) == labels))


def features(classifier, images):
    """What the classifier sees in images: the 64 numbers before its last layer.

    Args:
        classifier: from `train_classifier`.
        images: shape (n, 28, 28) or (n, 784), values in [0, 1].

    Returns:
        float64, shape (n, 64).
    """
    layer = classifier.get_layer("features")
    return _in_parts(keras.Model(classifier.inputs[0], layer.output), images).astype(np.float64)


def digit_shares(classifier, images):
    """Which digits a model draws, and how often: the share of each among its samples.

    Args:
        classifier: from `train_classifier`; it sorts every picture under one digit, nonsense too.
        images: samples, shape (n, 28, 28) or (n, 784).

    Returns:
        shape (10,), sum 1. The standard error of a share p is sqrt(p (1 - p) / n), and with few
        samples the smallest of ten shares lies below the true one on average.
    """
    read = np.argmax(_in_parts(classifier, images), axis=1)
    return np.bincount(read, minlength=10) / len(read)


# ---------------------------------------------------------------- distances of distributions


def gaussian_frechet(mean_1, covariance_1, mean_2, covariance_2):
    """The squared Frechet distance of two normal distributions.

    |mean_1 - mean_2|^2 + tr(C_1) + tr(C_2) - 2 tr((C_1^(1/2) C_2 C_1^(1/2))^(1/2))

    The last trace is the sum of the square roots of the eigenvalues of the symmetric product, and
    these square roots are the singular values of C_1^(1/2) C_2^(1/2): no matrix that is nearly
    singular is ever inverted or multiplied out, and no complex root appears.

    Args:
        mean_1, mean_2: shape (n_features,).
        covariance_1, covariance_2: shape (n_features, n_features), symmetric, no eigenvalue
            below 0; singular ones will do.

    Returns:
        A number, 0 for equal distributions up to rounding, and the same with 1 and 2 exchanged.
    """
    roots = []
    for covariance in (covariance_1, covariance_2):
        values, vectors = np.linalg.eigh(covariance)
        roots.append((vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T)
    overlap = np.linalg.svd(roots[0] @ roots[1], compute_uv=False).sum()
    shift = np.sum((np.asarray(mean_1) - mean_2) ** 2)
    return float(shift + np.trace(covariance_1) + np.trace(covariance_2) - 2 * overlap)


def frechet_distance(features_1, features_2):
    """The squared Frechet distance of the normal distributions fitted to two sets of features.

    Args:
        features_1, features_2: shape (n, n_features), from `features` of one classifier: the unit
            is that classifier's own, and values from two classifiers cannot be compared.

    Returns:
        A number. Caveat: it is too large by an amount that falls like 1 / n, so that two halves
        of one data set are not at distance 0. State n, and the real-against-real value for it.

    Raises:
        ValueError: a set has fewer than two rows, or the numbers of features differ.
    """
    sets = [np.asarray(rows, dtype=np.float64) for rows in (features_1, features_2)]
    shapes = [rows.shape for rows in sets]
    if min(len(rows) for rows in sets) < 2 or shapes[0][1:] != shapes[1][1:]:
        raise ValueError(f"two sets of at least 2 rows, equally long, are needed; got {shapes}")
    moments = [(rows.mean(axis=0), np.cov(rows, rowvar=False, ddof=1)) for rows in sets]
    moments = [(mean, np.atleast_2d(covariance)) for mean, covariance in moments]
    return gaussian_frechet(*moments[0], *moments[1])


def precision_and_recall(real_features, fake_features, neighbours=3):
    """Which share of the fakes looks real, and which share of the real can be drawn.

    Around each real picture lies a ball that reaches its k-th nearest real neighbour, in the
    space of features. Precision is the share of fakes that lie in any of these balls; recall is
    the share of real pictures that lie in any ball made likewise around the fakes.

    Args:
        real_features, fake_features: shape (n, n_features), equal numbers of rows: more rows make
            smaller balls, and the two values are fair to each other only at equal numbers.
        neighbours: k.

    Returns:
        Precision and recall, from 0 to 1. Caveat: both change with n, and at the usual n even a
        second set of real pictures does not reach 1; show its values too.

    Raises:
        ValueError: the sets differ in size, or have no more than k rows.
    """
    if len(real_features) != len(fake_features):
        counts = len(real_features), len(fake_features)
        raise ValueError(f"equally many real and fake rows are needed, got {counts}")
    if len(real_features) <= neighbours:
        raise ValueError(f"more than {neighbours} rows are needed, got {len(real_features)}")
    precision = _share_inside(fake_features, real_features, neighbours)
    return precision, _share_inside(real_features, fake_features, neighbours)


def nearest_images(images, training_images):
    """The training image nearest to each image, pixel by pixel: is a model copying?

    Args:
        images: shape (n, ...).
        training_images: shape (m, ...), all of them: among fewer, the nearest is farther away.

    Returns:
        The positions of the nearest training images, shape (n,), and the distances to them, the
        root of the sum over pixels of the squared differences, shape (n,).
    """
    rows = np.reshape(images, (len(images), -1))
    others = np.reshape(training_images, (len(training_images), -1))
    positions, squared = [], []
    for part in _squared_distances(rows, others):
        positions.append(part.argmin(axis=1))
        squared.append(part.min(axis=1))
    return np.concatenate(positions), np.sqrt(np.concatenate(squared))


# ---------------------------------------------------------------- inside


def _in_parts(model, images):
    """The model's answers, 500 images at a time."""
    images = np.reshape(images, (-1, 28, 28))
    starts = range(0, len(images), ROWS_AT_ONCE)
    return np.concatenate([model(images[start : start + ROWS_AT_ONCE]) for start in starts])


def _squared_distances(rows, others):
    """Squared distances from each row to all others, 500 rows at a time, never below 0."""
    lengths = np.square(others).sum(axis=1)
    for start in range(0, len(rows), ROWS_AT_ONCE):
        part = rows[start : start + ROWS_AT_ONCE]
        products = part @ others.T
        yield np.maximum(np.square(part).sum(axis=1)[:, None] - 2 * products + lengths, 0)


def _share_inside(points, centres, neighbours):
    """The share of points in any ball around a centre that reaches its k-th neighbour."""
    # position 0 is the centre itself
    radii = [
        np.partition(part, neighbours, axis=1)[:, neighbours]
        for part in _squared_distances(centres, centres)
    ]
    radii = np.concatenate(radii)
    inside = [(part <= radii).any(axis=1) for part in _squared_distances(points, centres)]
    return float(np.concatenate(inside).mean())
