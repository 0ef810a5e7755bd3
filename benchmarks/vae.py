"""How fast does the dense VAE train? Seconds per epoch of 60,000, beside the usual Keras style.

    python benchmarks/vae.py [--mnist mnist.npz] [--repeats 5] [--batch 128] [--reproducible]

The network is 784-256-2-256-784 with Adam. The usual style is that of most published Keras
examples: a `train_step` of its own, NumPy arrays into `fit`, everything else as it comes. Ours is
`helpers.vae.VAE` fed by `shuffled_batches`, an epoch in one execution, which notebook 04 uses as
well; the last candidate compiles it with XLA too, which Keras does not do by itself on a CPU, and
which draws other random numbers and excludes the reproducible operations that `set_seed` asks for.
"The products alone" is the floor of this machine: the matrix products of a step, forwards and
backwards, and nothing else.
The first two epochs of each (tracing, compiling) are not counted. --reproducible measures as the
notebooks run: after `set_seed`.
"""

import numpy as np
from timing import EPOCH, in_turns, load_images, options, report

from helpers.batches import shuffled_batches
from helpers.runtime import keras, set_seed, tf
from helpers.vae import VAE, dense_decoder, dense_encoder, squared_error

N_LATENT = 2


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


def products_alone(images, batch_size):
    """An epoch of nothing but the network's large matrix products (those with its 2 latents are
    left out), into arrays that are there already."""
    x = np.ascontiguousarray(images[:batch_size].reshape(batch_size, -1), np.float32)
    W = np.ones((x.shape[1], 256), np.float32)
    y, h, gradient = np.empty_like(x), np.empty((batch_size, 256), np.float32), np.empty_like(W)

    def epoch():
        for _ in range(len(images) // batch_size):
            np.matmul(x, W, out=h)  # the encoder
            np.matmul(h, W.T, out=y)  # the decoder
            np.matmul(y, W, out=h)  # back through the decoder
            np.matmul(y.T, h, out=gradient)  # its weights
            np.matmul(x.T, h, out=gradient)  # the encoder's

    return epoch


def main():
    """Read the options, time the candidates in turns, print medians and ratios."""
    given = options(__doc__, batch=128, reproducible=False)
    if given.reproducible:
        set_seed(0)
    images = load_images(given.mnist, EPOCH)
    epochs = {"usual Keras style": usual(images, given.batch), "ours": ours(images, given.batch)}
    if not given.reproducible:
        epochs["ours, XLA"] = ours(images, given.batch, jit_compile=True)
    epochs["the products alone"] = products_alone(images, given.batch)
    passes = {name: lambda epoch=epoch: epoch for name, epoch in epochs.items()}
    times = in_turns(passes, given.repeats, warm_up=2)
    report(f"Seconds per epoch of {EPOCH:,}, batches of {given.batch}", times, "ours")


if __name__ == "__main__":
    main()
