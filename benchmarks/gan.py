"""How fast is a training step of helpers.gan? Seconds per epoch beside Keras's train_on_batch.

    python benchmarks/gan.py [--mnist mnist.npz] [--repeats 5] [--batches 400]

All train the dense networks of source C4, in batches of 64. Ours is `fit` with one compiled step
and 50 steps for each call. The usual loop calls the generator directly, then the discriminator's
`train_on_batch` on real pictures, again on fakes, and last that of a stacked model whose
discriminator does not learn. The lean loop saves what a loop can: fakes from a compiled function,
and real and fake pictures in one call. Part of an epoch is timed and scaled to 60,000 digits. The
three take turns in one process, so that a busy machine slows all alike: the ratios mean more than
the seconds.
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from helpers.gan import GAN, dense_discriminator, dense_generator
from helpers.runtime import keras, set_seed, tf

BATCH, EPOCH, N_LATENT, STEP_SIZE = 64, 60_000, 100, 0.002
REACH = 0.35
OURS = "helpers.gan"


def load_images(path, n):
    """The first n MNIST images in [-1, 1], or random pixels."""
    if path is None:
        return np.random.default_rng(0).uniform(-1, 1, (n, 28, 28)).astype(np.float32)
    with np.load(path) as file:
        return file["x_train"][:n].astype(np.float32) / 127.5 - 1


def ours(images):
    """One pass of helpers.gan."""
    model = GAN(dense_generator(), dense_discriminator(), smoothing=0.9, seed=0)
    adams = [keras.optimizers.Adam(STEP_SIZE) for _ in range(2)]
    model.compile(*adams, steps_per_execution=50, jit_compile=False)
    return lambda: model.fit(images, batch_size=BATCH, verbose=0)


def train_on_batch(images, lean):
    """One pass of a loop over Keras's train_on_batch."""
    generator, discriminator = dense_generator(), dense_discriminator()
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    discriminator.compile(keras.optimizers.Adam(STEP_SIZE), loss, jit_compile=False)
    compiled = tf.function(lambda z: generator(z, training=True))
    real_labels, fake_labels = np.full((BATCH, 1), 0.9, "f"), np.zeros((BATCH, 1), "f")
    both_labels, ones = np.concatenate([real_labels, fake_labels]), np.ones((BATCH, 1), "f")
    rng = np.random.default_rng(0)

    def codes():
        return rng.uniform(-1, 1, (BATCH, N_LATENT)).astype(np.float32)

    def discriminator_step(real):
        if lean:
            discriminator.train_on_batch(np.concatenate([real, compiled(codes())]), both_labels)
        else:
            fake = generator(codes(), training=True)
            discriminator.train_on_batch(real, real_labels)
            discriminator.train_on_batch(fake, fake_labels)

    discriminator_step(images[:BATCH])  # traced now, while its weights may still move
    discriminator.trainable = False
    stacked = keras.Sequential([generator, discriminator])
    stacked.compile(keras.optimizers.Adam(STEP_SIZE), loss, jit_compile=False)

    def one_pass():
        order = rng.permutation(len(images))
        for start in range(0, len(images), BATCH):
            discriminator_step(images[order[start : start + BATCH]])
            stacked.train_on_batch(codes(), ones)

    before = discriminator.get_weights()
    one_pass()
    if all(
        (old == new).all() for old, new in zip(before, discriminator.get_weights(), strict=True)
    ):
        raise RuntimeError("the discriminator of the loop does not learn: nothing to compare with")
    return one_pass


def main():
    """Read the options, time all in turns, print medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mnist", help="an .npz file with x_train (else random pixels)")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--batches", type=int, default=400)
    options = parser.parse_args()
    set_seed(0)
    images = load_images(options.mnist, options.batches * BATCH)
    passes = {
        OURS: ours(images),
        "train_on_batch, usual": train_on_batch(images, lean=False),
        "train_on_batch, lean": train_on_batch(images, lean=True),
    }
    times = {name: [] for name in passes}
    for _ in range(options.repeats + 1):  # the first round warms up
        for name, one_pass in passes.items():
            start = time.perf_counter()
            one_pass()
            times[name].append((time.perf_counter() - start) * EPOCH / len(images))
    times = {name: np.array(values[1:]) for name, values in times.items()}
    print(f"Networks of source C4, batches of {BATCH}, seconds per epoch of {EPOCH:,}:")
    for name, values in times.items():
        spread = f"from {values.min():.2f} to {values.max():.2f}"
        print(f"  {name:24s}{np.median(values):7.2f}  ({spread})")
    for name in list(passes)[1:]:
        ratios = times[OURS] / times[name]
        spread = f"from {ratios.min():.2f} to {ratios.max():.2f}"
        print(f"  {OURS} / {name}: {np.median(ratios):.2f}  ({spread})")
    print(f"To reach: at most {REACH} of the usual loop.")


if __name__ == "__main__":
    main()
