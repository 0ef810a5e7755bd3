"""What judges pictures from any model: a small digit classifier.

Its own accuracy on real digits belongs beside every number that it gives.
"""

import numpy as np

from helpers.runtime import keras, set_seed


def train_classifier(images, labels, epochs=5, seed=0):
    """Train a small convolutional network to read digits.

    Args:
        images: shape (n, 28, 28), values in [0, 1]; binary ones if it is to judge binary ones.
        labels: digits 0 to 9, shape (n,).
        epochs: passes through the images.
        seed: of the initial weights and the shuffling.

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
    logits = classifier(np.reshape(images, (-1, 28, 28)))
    return float(np.mean(np.argmax(logits, axis=1) == labels))
