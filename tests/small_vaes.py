"""Small VAEs of any kind, compiled."""

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
