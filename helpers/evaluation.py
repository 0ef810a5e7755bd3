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

from helpers import inputs
from helpers.data import Digits, load_digits
from helpers.runtime import keras, set_seed

ROWS_AT_ONCE = 500  # of a table of distances; keeps it below 250 MB for 60,000 digits


# ---------------------------------------------------------------- the judge


def train_classifier(images, labels, epochs=5, seed=0):
    """Train a small convolutional network to read digits.

    Args:
        images: shape (n, height, width), or flat if they are square; values in [0, 1]; binary
            ones if it is to judge binary ones.
        labels: digits 0 to 9, shape (n,).
        epochs: passes through the images.
        seed: of the initial weights and the shuffling; `set_seed` is called with it, so what
            draws random numbers afterwards starts from it too.

    Returns:
        A Keras model from images of that size to the ten logits; its layer "features", of 64
        numbers, is the last but one.

    Raises:
        TypeError: images or labels are no numbers, epochs or seed are no whole numbers.
        ValueError: pictures of another shape or outside [0, 1], NaN, labels that do not fit, or
            epochs below 1.
    """
    images = inputs.images(images)
    labels = inputs.labels(labels, n=len(images), classes=10)
    epochs = inputs.whole_number(epochs, "epochs", least=1)
    set_seed(inputs.whole_number(seed, "seed", 0, 2**32 - 1))
    layers = keras.layers
    classifier = keras.Sequential(
        [
            keras.Input(images.shape[1:]),
            layers.Reshape((*images.shape[1:], 1)),
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


def with_labels(digits):
    """Digits with labels: where none are known, those that a classifier reads.

    It is trained on the bundled digits, scaled to the size of these pictures. One line says so, and
    how well it reads. What it says of pictures that are no digits means little.

    Args:
        digits: `Digits`, as `load_digits` returns them.

    Returns:
        The same digits if their labels are known, else these with labels from 0 to 9.

    Raises:
        TypeError: these are no `Digits`.
    """
    if not isinstance(digits, Digits):
        raise TypeError(f"digits is a {type(digits).__name__}: load_digits gives what is needed.")
    if digits.y_train.min() >= 0:
        return digits
    known, size = load_digits("sample"), digits.x_train.shape[1:]
    x_train, x_test = (_resized(x, size) for x in (known.x_train, known.x_test))
    classifier = train_classifier(x_train, known.y_train, epochs=3)
    print(
        "There are no labels: in their place stands what a classifier reads that was trained on "
        f"the bundled digits. It reads {accuracy(classifier, x_test, known.y_test):.0%} of other "
        "bundled digits right."
    )
    y_train, y_test = (_read(classifier, x) for x in (digits.x_train, digits.x_test))
    return digits._replace(y_train=y_train, y_test=y_test)


def accuracy(classifier, images, labels):
    """The share of images that a classifier reads as their label.

    Args:
        classifier: from `train_classifier`, or any Keras model of that shape.
        images: of the size that the classifier reads, or flat; values in [0, 1].
        labels: digits 0 to 9, shape (n,).

    Returns:
        A number from 0 to 1.

    Raises:
        TypeError: images or labels are no numbers, or the classifier is no Keras model.
        ValueError: pictures of another size or outside [0, 1], NaN, labels that do not fit, or a
            classifier that gives no ten finite logits.
    """
    images = inputs.images(images, size=_size(classifier))
    labels = inputs.labels(labels, n=len(images), classes=10)
    return float(np.mean(_read(classifier, images) == labels))


def features(classifier, images):
    """What the classifier sees in images: the 64 numbers before its last layer.

    Args:
        classifier: from `train_classifier`.
        images: of the size that the classifier reads, or flat; values in [0, 1].

    Returns:
        float64, shape (n, 64).

    Raises:
        TypeError: images are no numbers, or the classifier is no Keras model.
        ValueError: pictures of another size or outside [0, 1], NaN, or a classifier without a
            layer of that name, or whose features are not finite.
    """
    images = inputs.images(images, size=_size(classifier))
    if "features" not in (layer.name for layer in _model(classifier).layers):
        raise ValueError('classifier has no layer "features": train_classifier makes one.')
    layer = classifier.get_layer("features")
    return _in_parts(keras.Model(classifier.inputs[0], layer.output), images).astype(np.float64)


def digit_shares(classifier, images):
    """Which digits a model draws, and how often: the share of each among its samples.

    Args:
        classifier: from `train_classifier`; it sorts every picture under one digit, nonsense too.
        images: samples, of the size that the classifier reads, or flat; values in [0, 1].

    Returns:
        shape (10,), sum 1. The standard error of a share p is sqrt(p (1 - p) / n), and with few
        samples the smallest of ten shares lies below the true one on average.

    Raises:
        TypeError, ValueError: as for `accuracy`.
    """
    read = _read(classifier, inputs.images(images, size=_size(classifier)))
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
            below 0; singular ones will do, and what rounding in float32 does to either.

    Returns:
        A number, at least 0; 0 for equal distributions up to rounding, and the same with 1 and 2
        exchanged.

    Raises:
        TypeError: these are no numbers.
        ValueError: shapes that do not fit, NaN, or a matrix that is no covariance.
    """
    mean_1 = _finite(mean_1, "mean_1")
    mean_2 = _finite(mean_2, "mean_2", mean_1.shape)
    covariance_1 = _finite(covariance_1, "covariance_1", 2 * mean_1.shape)
    covariance_2 = _finite(covariance_2, "covariance_2", 2 * mean_1.shape)
    roots = [_root(covariance_1, "covariance_1"), _root(covariance_2, "covariance_2")]
    overlap = np.linalg.svd(roots[0] @ roots[1], compute_uv=False).sum()
    shift = np.sum((mean_1 - mean_2) ** 2)
    squared = shift + np.trace(covariance_1) + np.trace(covariance_2) - 2 * overlap
    return max(float(squared), 0.0)


def frechet_distance(features_1, features_2):
    """The squared Frechet distance of the normal distributions fitted to two sets of features.

    Args:
        features_1, features_2: shape (n, n_features), from `features` of one classifier: the unit
            is that classifier's own, and values from two classifiers cannot be compared.

    Returns:
        A number. Caveat: it is too large by an amount that falls like 1 / n, so that two halves
        of one data set are not at distance 0. State n, and the real-against-real value for it.

    Raises:
        TypeError: these are no numbers.
        ValueError: a set has fewer than two rows or is not finite, or the numbers of features
            differ.
    """
    sets = inputs.rows(features_1, "features_1", 2), inputs.rows(features_2, "features_2", 2)
    _stop_unless_alike(("features_1", "features_2"), *sets)
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
        TypeError: the features are no numbers, or k is no whole number.
        ValueError: k is below 1, or the sets differ in shape, are not finite, or have no more
            than k rows.
    """
    neighbours = inputs.whole_number(neighbours, "neighbours", least=1)
    real = inputs.rows(real_features, "real_features", least=neighbours + 1)
    fakes = inputs.rows(fake_features, "fake_features", least=neighbours + 1)
    _stop_unless_alike(("real_features", "fake_features"), real, fakes)
    if len(real) != len(fakes):
        raise ValueError(
            f"real_features has {len(real)} rows and fake_features has {len(fakes)}: equally many "
            "are needed."
        )
    return _share_inside(fakes, real, neighbours), _share_inside(real, fakes, neighbours)


def nearest_images(images, training_images):
    """The training image nearest to each image, pixel by pixel: is a model copying?

    Args:
        images: shape (n, height, width), or flat if they are square; values in [0, 1].
        training_images: as many pixels each, all of them: among fewer, the nearest is farther
            away.

    Returns:
        The positions of the nearest training images, shape (n,), and the distances to them, the
        root of the sum over pixels of the squared differences, shape (n,).

    Raises:
        TypeError: these are no numbers.
        ValueError: pictures of different sizes, outside [0, 1] or none, or NaN.
    """
    images = inputs.images(images)
    others = inputs.images(training_images, "training_images")
    _stop_unless_alike(("images", "training_images"), images, others)
    rows, others = images.reshape(len(images), -1), others.reshape(len(others), -1)
    positions, squared = [], []
    for part in _squared_distances(rows, others):
        positions.append(part.argmin(axis=1))
        squared.append(part.min(axis=1))
    return np.concatenate(positions), np.sqrt(np.concatenate(squared))


# ---------------------------------------------------------------- inside


def _model(classifier):
    if not isinstance(classifier, keras.Model):
        raise TypeError(
            f"classifier is a {type(classifier).__name__}: a Keras model is needed, as "
            "train_classifier makes one."
        )
    return classifier


def _resized(images, size):
    return np.clip(keras.ops.image.resize(images[..., None], size)[..., 0], 0, 1)


def _size(classifier):
    """The height and width of the pictures that a classifier reads."""
    return tuple(_model(classifier).inputs[0].shape[1:3])


def _read(classifier, images):
    """The digit that a classifier reads in each image."""
    logits = _in_parts(_model(classifier), images)
    if logits.shape[1:] != (10,):
        raise ValueError(f"classifier gives shape {logits.shape}, expected ten logits a picture.")
    return logits.argmax(axis=1)


def _in_parts(model, images):
    """The model's answers, 500 images at a time."""
    starts = range(0, len(images), ROWS_AT_ONCE)
    answers = np.concatenate([model(images[start : start + ROWS_AT_ONCE]) for start in starts])
    if not np.isfinite(answers).all():
        raise ValueError("classifier answers NaN or infinity: train it again.")
    return answers


def _stop_unless_alike(names, *arrays):
    """Raise a ValueError unless the rows of two arrays, of which each has its own, are alike."""
    shapes = [array.shape for array in arrays]
    if shapes[0][1:] != shapes[1][1:]:
        raise ValueError(
            f"{names[0]} has shape {shapes[0]} and {names[1]} has shape {shapes[1]}: all axes but "
            "the first must be the same."
        )


def _finite(x, name, shape=None):
    """Finite numbers as float64, of a shape that follows from mean_1, or else with one axis."""
    x = inputs.numbers_of(x, name)
    if shape is None and (x.ndim != 1 or x.size == 0):
        raise ValueError(f"{name} has shape {x.shape}, expected (n_features,).")
    if shape is not None and x.shape != shape:
        raise ValueError(f"{name} has shape {x.shape}, expected {shape}, as mean_1 is that long.")
    return inputs.finite(x.astype(np.float64), name)


def _root(covariance, name):
    """The square root of a symmetric matrix without eigenvalues below 0."""
    asymmetry, largest = np.abs(covariance - covariance.T).max(), np.abs(covariance).max()
    if asymmetry > 1e-5 * largest:
        raise ValueError(
            f"{name} is not symmetric, by up to {asymmetry:g}: np.cov(features, rowvar=False) "
            "makes a covariance."
        )
    values, vectors = np.linalg.eigh(covariance)
    if values[0] < -1e-5 * values[-1]:
        raise ValueError(
            f"{name} has the eigenvalue {values[0]:g}: none of a covariance is negative; "
            "np.cov(features, rowvar=False) makes one."
        )
    return (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T


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
