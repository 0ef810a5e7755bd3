"""How fast is a training step of helpers.gan? Seconds per epoch beside Keras's train_on_batch.

    python benchmarks/gan.py [--mnist mnist.npz] [--repeats 5] [--batches 400]

All train the dense networks of notebook 07, in batches of 64. Ours is `fit` with one compiled step
and 50 steps for each call. The usual loop calls the generator directly, then the discriminator's
`train_on_batch` on real pictures, again on fakes, and last that of a stacked model whose
discriminator does not learn. The lean loop saves what a loop can: fakes from a compiled function,
and real and fake pictures in one call. Part of an epoch is timed and scaled to 60,000 digits.
"""

import numpy as np
from timing import EPOCH, in_turns, load_images, options, report

from helpers.gan import GAN, dense_discriminator, dense_generator
from helpers.runtime import keras, set_seed, tf

BATCH, N_LATENT, STEP_SIZE = 64, 100, 0.002
OURS = "helpers.gan"


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
    given = options(__doc__, batches=400)
    set_seed(0)
    images = 2 * load_images(given.mnist, given.batches * BATCH) - 1
    loops = {
        OURS: ours(images),
        "train_on_batch, usual": train_on_batch(images, lean=False),
        "train_on_batch, lean": train_on_batch(images, lean=True),
    }
    times = in_turns({name: lambda loop=loop: loop for name, loop in loops.items()}, given.repeats)
    times = {name: values * EPOCH / len(images) for name, values in times.items()}
    report(f"Batches of {BATCH}, seconds per epoch of {EPOCH:,}", times, OURS)


if __name__ == "__main__":
    main()
