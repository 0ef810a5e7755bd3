"""Two devices: a batch divided between them moves the weights as it does on one."""

import fresh_python
import pytest

START = """
import numpy as np
import tensorflow as tf

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from helpers.gan import GAN
from helpers.runtime import keras
from helpers.vae import VAE

layers = keras.layers
images = np.random.default_rng(0).random((64, 28, 28)).astype(np.float32)
strategies = [tf.distribute.get_strategy(), tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])]
assert [strategy.num_replicas_in_sync for strategy in strategies] == [1, 2]


def network(*parts, shape):
    return keras.Sequential([keras.Input(shape), *parts])


def moved(make):
    ends = []
    for strategy in strategies:
        keras.utils.set_random_seed(0)
        with strategy.scope():
            model = make()
        before = [np.array(w) for w in model.trainable_weights]
        model.fit(images, batch_size=32, epochs=2, shuffle=False, verbose=0)
        ends.append([np.array(w) - b for w, b in zip(model.trainable_weights, before)])
    steps = [np.abs(one).max() for one in ends[0]]
    apart = [np.abs(one - two).max() for one, two in zip(*ends)]
    return max(a / s if s else a for a, s in zip(apart, steps))
"""
VAE_WITHOUT_NOISE = """
def make():  # the devices draw the same noise, so that one batch's cannot be compared: make none
    inputs = keras.Input((28, 28))
    flat = layers.Flatten()(inputs)
    minus_40 = keras.initializers.Constant(-40)
    quiet = layers.Dense(2, kernel_initializer="zeros", bias_initializer=minus_40)
    quiet.trainable = False
    encoder = keras.Model(inputs, [layers.Dense(2)(flat), quiet(flat)])
    decoder = network(layers.Dense(784), layers.Reshape((28, 28)), shape=(2,))
    vae = VAE(encoder, decoder, seed=0)
    vae.compile(keras.optimizers.SGD(1e-4))
    return vae
"""
GAN_OF_ONE_FAKE = """
def make():  # a generator that draws the same picture from every code
    first = layers.Dense(4, kernel_initializer="zeros", use_bias=False)
    first.trainable = False
    last = layers.Dense(784, activation="sigmoid")
    generator = network(first, last, layers.Reshape((28, 28)), shape=(3,))
    discriminator = network(layers.Flatten(), layers.Dense(1), shape=(28, 28))
    gan = GAN(generator, discriminator, seed=0)
    gan.compile(keras.optimizers.SGD(0.01), keras.optimizers.SGD(0.01))
    return gan
"""


@pytest.mark.parametrize("make", [VAE_WITHOUT_NOISE, GAN_OF_ONE_FAKE], ids=["vae", "gan"])
def test_two_devices_take_the_steps_of_one(make):
    difference = float(fresh_python.run(f"{START}\n{make}\nprint(moved(make))"))
    assert difference < 1e-3
