"""How fast does the dense VAE train? Seconds per epoch of 60,000, beside the usual Keras style.

    python benchmarks/vae.py [--mnist mnist.npz] [--repeats 5] [--batch 128] [--reproducible]

The network is 784-256-2-256-784 with Adam. The usual style is that of most published Keras
examples: a `train_step` of its own, NumPy arrays into `fit`, everything else as it comes. Ours is
`helpers.vae.VAE` fed by `shuffled_batches`, an epoch in one execution, which notebook 04 uses as
well; the last candidate compiles it with XLA too, which Keras does not do by itself on a CPU, and
which draws other random numbers and excludes the reproducible operations that `set_seed` asks for.
All in one process on the same images; the candidates take turns, so that a busy machine slows all
of them alike, and the ratios are medians over the repeats. The first two epochs of each (tracing,
compiling) are not counted. --reproducible measures as the notebooks run: after `set_seed`.
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from helpers.runtime import keras, set_seed, tf
from helpers.vae import VAE, dense_decoder, dense_encoder, shuffled_batches, squared_error

IMAGES, N_LATENT = 60_000, 2


class UsualVAE(keras.Model):
    """A VAE as most examples write it."""

    def __init__(self):
        super().__init__()
        self.encoder, self.decoder = dense_encoder(N_LATENT), dense_decoder(N_LATENT)
        self.noise = keras.random.SeedGenerator(0)
        self.total = keras.metrics.Mean("loss")
        self.reconstruction = keras.metrics.Mean("reconstruction_loss")
        self.kl = keras.metrics.Mean("kl_loss")

    @property
    def metrics(self):
        return [self.total, self.reconstruction, self.kl]

    def train_step(self, data):
        with tf.GradientTape() as tape:
            z_mean, z_log_var = self.encoder(data)
            epsilon = keras.random.normal(tf.shape(z_mean), seed=self.noise)
            z = z_mean + tf.exp(0.5 * z_log_var) * epsilon
            reconstruction = tf.reduce_mean(squared_error(data, self.decoder(z)))
            kl = -0.5 * (1 + z_log_var - tf.square(z_mean) - tf.exp(z_log_var))
            kl = tf.reduce_mean(tf.reduce_sum(kl, axis=1))
            total = reconstruction + kl
        gradients = tape.gradient(total, self.trainable_weights)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_weights, strict=True))
        self.total.update_state(total)
        self.reconstruction.update_state(reconstruction)
        self.kl.update_state(kl)
        return {metric.name: metric.result() for metric in self.metrics}


def usual(images, batch_size):
    """An epoch in the usual style."""
    vae = UsualVAE()
    vae.compile(keras.optimizers.Adam())
    return lambda: vae.fit(images, batch_size=batch_size, verbose=0)


def ours(images, batch_size, **options):
    """An epoch of helpers.vae."""
    vae = VAE(dense_encoder(N_LATENT), dense_decoder(N_LATENT), seed=0)
    batches = shuffled_batches(images, batch_size, seed=0)
    vae.compile(keras.optimizers.Adam(), steps_per_execution=len(batches), **options)
    return lambda: vae.fit(batches, shuffle=False, verbose=0)


def seconds(epoch):
    """Wall-clock seconds of a call."""
    start = time.perf_counter()
    epoch()
    return time.perf_counter() - start


def main():
    """Read the options, time the candidates in turns, print medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mnist", help="an .npz file with x_train (else random pixels)")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--reproducible", action="store_true", help="after set_seed")
    options = parser.parse_args()
    if options.reproducible:
        set_seed(0)
    if options.mnist:
        with np.load(options.mnist) as file:
            images = (file["x_train"][:IMAGES] / 255).astype(np.float32)
    else:
        images = np.random.default_rng(0).random((IMAGES, 28, 28), dtype=np.float32)
    candidates = {
        "usual Keras style": usual(images, options.batch),
        "ours": ours(images, options.batch),
    }
    if not options.reproducible:
        candidates["ours, XLA"] = ours(images, options.batch, jit_compile=True)
    times = {name: [] for name in candidates}
    for _ in range(options.repeats + 2):
        for name, epoch in candidates.items():
            times[name].append(seconds(epoch) * IMAGES / len(images))
    times = {name: np.array(values[2:]) for name, values in times.items()}
    print(f"seconds per epoch of {IMAGES:,}, batches of {options.batch}:")
    for name, values in times.items():
        ratios = values / times["usual Keras style"]
        print(
            f"  {name:18s}{np.median(values):6.2f}  (from {values.min():.2f} to "
            f"{values.max():.2f}), ratio to the usual style {np.median(ratios):.2f}  "
            f"(from {ratios.min():.2f} to {ratios.max():.2f})"
        )


if __name__ == "__main__":
    main()
