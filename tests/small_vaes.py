"""Small VAEs of any kind, compiled."""

import numpy as np

from helpers.runtime import keras, set_seed
from helpers.vae import VAE, dense_decoder, dense_encoder

layers = keras.layers


def compiled(kind, encoder, decoder, **kwargs):
    model = kind(encoder, decoder, seed=0, **kwargs)
    model.compile(keras.optimizers.Adam(0.01))
    return model


def small_vae(kind=VAE, **kwargs):
    set_seed(0)
    return compiled(kind, dense_encoder(3, 8), dense_decoder(3, 8), **kwargs)


def forgetful_vae(kind=VAE, **kwargs):
    """One with dropout in its encoder, and weights from the seed of the moment."""
    x = keras.Input((28, 28))
    hidden = layers.Dropout(0.3)(layers.Flatten()(x))
    encoder = keras.Model(x, [layers.Dense(3)(hidden), layers.Dense(3)(hidden)])
    return compiled(kind, encoder, dense_decoder(3, 8), **kwargs)


def two_stage_vae(frozen=(), kind=VAE, **kwargs):
    """An encoder whose convolutions stand in a part of their own, with batch norm, and heads."""
    set_seed(0)
    stack = keras.Sequential(
        [
            keras.Input((28, 28)),
            layers.Reshape((28, 28, 1)),
            layers.Conv2D(4, 3, strides=4, name="convolution"),
            layers.BatchNormalization(name="norm"),
            layers.Flatten(),
        ]
    )
    for layer in stack.layers:
        layer.trainable = layer.name not in frozen
    x = keras.Input((28, 28))
    encoder = keras.Model(x, [layers.Dense(2)(stack(x)), layers.Dense(2)(stack(x))])
    return compiled(kind, encoder, dense_decoder(2, 8), **kwargs), stack


def linear_gaussian_vae(shift=0.0, log_scale=0.0):
    """z ~ N(0, 1) in 2-D, x|z ~ N(W z, 1/4) in 3-D, and the exact posterior as encoder.

    The columns of W are orthogonal, so the posterior's covariance is diagonal. `shift` moves the
    encoder's mean away from the posterior's, `log_scale` widens its variance.
    """
    W = np.array([[1.0, 0.5], [2.0, 0.0], [1.0, -0.5]])
    precision = 1 + (W**2).sum(axis=0) / 0.25
    x, z = keras.Input((3,)), keras.Input((2,))
    head = layers.Dense(2)
    z_mean = head(x)
    z_log_var = keras.ops.zeros_like(z_mean) + (log_scale - np.log(precision)).astype("float32")
    head.set_weights([W / 0.25 / precision, np.full(2, shift)])
    tail = layers.Dense(3, use_bias=False)
    decoder = keras.Model(z, tail(z))
    tail.set_weights([W.T])

    def minus_log_likelihood(x, x_mean):
        return 2 * keras.ops.sum((x - x_mean) ** 2, axis=-1) + 1.5 * np.log(np.pi / 2)

    minus_log_likelihood.is_likelihood = True
    model = VAE(keras.Model(x, [z_mean, z_log_var]), decoder, minus_log_likelihood, seed=1)
    covariance = W @ W.T + 0.25 * np.eye(3)
    images = np.array([[0.5, 1.0, -0.5], [2.0, 0.0, 1.0]], np.float32)
    exact = -0.5 * (
        np.einsum("ni,ij,nj->n", images, np.linalg.inv(covariance), images)
        + np.linalg.slogdet(2 * np.pi * covariance)[1]
    )
    return model, images, exact, 1 / precision
