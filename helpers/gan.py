"""The generative adversarial network (GAN): its losses, and one Keras model that assembles them.

The generator G turns a code z, uniform in [-1, 1], into a picture G(z). The discriminator D looks
at a picture and returns one logit for each: D(x) = sigmoid(logit) is its probability that the
picture is real. Real is 1, fake is 0. All losses are taken from logits, averaged over a batch, and
in nats. The networks for digits draw and expect pixels in [-1, 1], where 1 is ink.

References:
    Goodfellow et al. (2014), Generative adversarial nets: the game, and proposition 1.
    Salimans et al. (2016), Improved techniques for training GANs: section 3.4, label smoothing.
    Radford, Metz and Chintala (2016), Unsupervised representation learning with DCGANs.
    Gulrajani et al. (2017), Improved training of Wasserstein GANs: the gradient penalty.
    Karras et al. (2018), Progressive growing of GANs: section 3, the statistic of a batch;
    appendix A.1, averaged weights.
"""

from helpers.runtime import keras, resumable, tf

ops = keras.ops


# ---------------------------------------------------------------- losses


def discriminator_loss(real_logits, fake_logits, smoothing=1.0):
    """Cross-entropy of the discriminator: -s log D(x) - (1 - s) log(1 - D(x)) - log(1 - D(G(z))).

    Args:
        real_logits, fake_logits: D's logits of real and of generated pictures, shape (n, 1).
        smoothing: s, the label of real pictures; 0.9 keeps D from being too sure. The label of
            fakes stays 0: smoothing it too would praise the generator for what it already does.

    Returns:
        One number in nats, 2 log 2 where all logits are 0.
    """
    real = ops.softplus(real_logits) - smoothing * real_logits
    return ops.mean(real) + ops.mean(ops.softplus(fake_logits))


def generator_loss(fake_logits):
    """The non-saturating loss of the generator: -log D(G(z)), in nats.

    Its slope is largest where D is sure of a fake, so a generator that is far behind still learns.
    """
    return ops.mean(ops.softplus(-fake_logits))


def saturating_loss(fake_logits):
    """The loss of the two-player game as it is written: log(1 - D(G(z))), in nats.

    Its slope is the one of `generator_loss` times D / (1 - D): next to nothing where D is sure of
    a fake.
    """
    return -ops.mean(ops.softplus(fake_logits))


def critic_loss(real_scores, fake_scores):
    """The Wasserstein critic's loss: its mean score of fakes minus its mean score of real pictures.

    Its negative is at most the Wasserstein distance of the two distributions, if the critic's
    slope is at most 1 everywhere, and equals it for the best such critic. The generator's loss is
    minus the mean score of fakes.
    """
    return ops.mean(fake_scores) - ops.mean(real_scores)


def gradient_penalty(discriminator, real_images, fake_images, seed):
    """Mean of (|gradient of D with respect to its input| - 1)^2, at points between real and fake.

    Each point lies at a place of its own on the line from a real to a fake image, uniformly.

    Args:
        discriminator: a function from images to logits or scores.
        real_images, fake_images: of one shape (n, ...).
        seed: a number or a `keras.random.SeedGenerator`.

    Returns:
        One number; 0 where the slope of D is 1.
    """
    shape = (ops.shape(real_images)[0],) + (1,) * (len(real_images.shape) - 1)
    share = keras.random.uniform(shape, seed=seed)
    between = share * real_images + (1 - share) * fake_images
    with tf.GradientTape() as tape:
        tape.watch(between)
        scores = discriminator(between)
    gradient = tape.gradient(scores, between)
    squared_norm = ops.sum(ops.square(gradient), axis=tuple(range(1, len(between.shape))))
    return ops.mean(ops.square(ops.sqrt(squared_norm + 1e-12) - 1))


# ---------------------------------------------------------------- the model


def descend(tape, loss, network, optimizer):
    """Move one network, and no other, down a loss by one step; returns the loss before it."""
    variables = network.trainable_variables
    optimizer.apply(tape.gradient(loss, variables), variables)
    return loss


@resumable
class GAN(keras.Model):
    """A generator and a discriminator, each with an optimiser of its own.

    One step of `fit` moves the discriminator once, then the generator once, each on fresh fakes.
    Calling the model draws the pictures of given codes, without dropout and with the batch
    statistics that training gathered.

    Args:
        generator: a Keras model from codes, shape (n, n_latent), to pictures.
        discriminator: a Keras model from pictures to one logit each, shape (n, 1).
        smoothing: the label of real pictures, for the discriminator only.
        critic: train the discriminator as a Wasserstein critic, on `critic_loss`.
        penalty_weight: of `gradient_penalty` in the discriminator's loss; 0 leaves it out.
        seed: of the codes and the mixing that `fit` draws.

    After `compile(generator_optimizer, discriminator_optimizer)`, `fit(images)` reports the means
    of `discriminator_loss` and `generator_loss` over the batches of an epoch. It is saved and
    loaded with Keras's own `save` and `load_model`, both optimisers and all random states
    included, so a loaded GAN trains on as the saved one would have.
    """

    def __init__(
        self, generator, discriminator, smoothing=1.0, critic=False, penalty_weight=0.0, seed=None
    ):
        """Assemble the parts; see the class."""
        super().__init__()
        self.generator, self.discriminator = generator, discriminator
        self.smoothing, self.critic, self.penalty_weight = smoothing, critic, penalty_weight
        self.noise = keras.random.SeedGenerator(seed)
        self.averages = [keras.metrics.Mean(n) for n in ("discriminator_loss", "generator_loss")]
        self.built = True  # because its parts are

    def compile(self, generator_optimizer, discriminator_optimizer, **kwargs):
        """Give each network its optimiser; other arguments go to Keras's own `compile`."""
        super().compile(discriminator_optimizer, **kwargs)
        self.generator_optimizer = generator_optimizer
        self.generator_optimizer.build(self.generator.trainable_variables)
        self.optimizer.build(self.discriminator.trainable_variables)

    def call(self, z, training=False):
        """The pictures that the generator draws for codes z, shape (n, n_latent)."""
        return self.generator(z, training=training)

    def draw_fakes(self, n):
        """Pictures of n new codes, drawn as in training: with dropout, if there is any."""
        z = keras.random.uniform((n, self.generator.input_shape[-1]), -1, 1, seed=self.noise)
        return self(z, training=True)

    def discriminator_step(self, real_images):
        """Move the discriminator only; returns its loss before the step."""
        fake_images = self.draw_fakes(ops.shape(real_images)[0])
        with tf.GradientTape() as tape:
            pair = [self.discriminator(x, training=True) for x in (real_images, fake_images)]
            loss = critic_loss(*pair) if self.critic else discriminator_loss(*pair, self.smoothing)
            if self.penalty_weight:
                penalty = gradient_penalty(self.discriminator, real_images, fake_images, self.noise)
                loss += self.penalty_weight * penalty
        return descend(tape, loss, self.discriminator, self.optimizer)

    def generator_step(self, n):
        """Move the generator only, by n new fakes; returns its loss before the step."""
        with tf.GradientTape() as tape:
            fake_logits = self.discriminator(self.draw_fakes(n), training=True)
            loss = -ops.mean(fake_logits) if self.critic else generator_loss(fake_logits)
        return descend(tape, loss, self.generator, self.generator_optimizer)

    def train_step(self, data):
        """One step of each network on a batch; labels, if there are any, are not used."""
        x, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        losses = self.discriminator_step(x), self.generator_step(ops.shape(x)[0])
        for average, loss in zip(self.averages, losses, strict=True):
            average.update_state(loss)
        return {average.name: average.result() for average in self.averages}

    def get_config(self):
        """What `from_config` needs to make such a model anew; Keras adds the weights."""
        config = {
            name: keras.saving.serialize_keras_object(getattr(self, name))
            for name in ("generator", "discriminator")
        }
        names = ("smoothing", "critic", "penalty_weight")
        seed = self.noise.get_config()["seed"]
        return config | {name: getattr(self, name) for name in names} | {"seed": seed}

    def get_compile_config(self):
        """What `compile` was given, both optimisers included; Keras adds their state."""
        config = super().get_compile_config()
        if config:
            optimizer = keras.saving.serialize_keras_object(self.generator_optimizer)
            config["discriminator_optimizer"] = config.pop("optimizer")
            config["generator_optimizer"] = optimizer
        return config


def use_averaged_weights(gan, n_codes=2000):
    """Put the running averages of the generator's weights in the place of the last weights.

    The generator's optimiser must have kept them: `Adam(..., use_ema=True, ema_momentum=0.999)`.
    The batch normalisations' means and variances belong to the old weights, and with them the
    averaged weights may draw one digit only: so they are computed anew, from `n_codes` fakes.
    """
    gan.generator_optimizer.finalize_variable_values(gan.generator.trainable_variables)
    normalisations = [
        layer
        for layer in gan.generator.layers
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
    kept = [layer.momentum for layer in normalisations]
    for layer in normalisations:
        layer.momentum = 0.0  # the next batch replaces what was gathered
    gan.draw_fakes(n_codes)
    for layer, momentum in zip(normalisations, kept, strict=True):
        layer.momentum = momentum


# ---------------------------------------------------------------- networks for digits


def dense_generator(n_latent=100):
    """Codes through 32, 64 and 128 units to a 28 x 28 picture in [-1, 1]."""
    layers = [keras.Input((n_latent,))]
    for units in (32, 64, 128):
        layers += [
            keras.layers.Dense(units),
            keras.layers.LeakyReLU(0.2),
            keras.layers.Dropout(0.3),
        ]
    layers += [keras.layers.Dense(28 * 28, activation="tanh"), keras.layers.Reshape((28, 28))]
    return keras.Sequential(layers, name="generator")


def dense_discriminator():
    """A 28 x 28 picture in [-1, 1] through 128, 64 and 32 units to one logit."""
    layers = [keras.Input((28, 28)), keras.layers.Flatten()]
    for units in (128, 64, 32):
        layers += [
            keras.layers.Dense(units),
            keras.layers.LeakyReLU(0.2),
            keras.layers.Dropout(0.3),
        ]
    return keras.Sequential([*layers, keras.layers.Dense(1)], name="discriminator")


def conv_generator(n_latent=16, filters=32):
    """Codes to maps of 7 x 7, and twice a transposed convolution to 28 x 28 pixels in [-1, 1]."""
    layers = keras.layers
    z = x = keras.Input((n_latent,))
    for units in (128, 7 * 7 * 2 * filters):
        x = layers.Dense(units, use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.Reshape((7, 7, 2 * filters))(x)
    x = layers.Conv2DTranspose(filters, 4, strides=2, padding="same", use_bias=False)(x)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.Conv2DTranspose(1, 4, strides=2, padding="same", activation="tanh")(x)
    return keras.Model(z, layers.Reshape((28, 28))(x), name="generator")


def conv_discriminator(filters=32, dropout=0.0):
    """A 28 x 28 picture in [-1, 1] through two convolutions and a dense layer to one logit.

    Dropout after each convolution slows the steps by half; in long training it keeps the
    discriminator from growing too strong for the generator.
    """
    layers = keras.layers
    x = keras.Input((28, 28))
    y = layers.Reshape((28, 28, 1))(x)
    for n_filters in (filters, 2 * filters):
        y = layers.Conv2D(n_filters, 4, strides=2, padding="same")(y)
        y = layers.Dropout(dropout)(layers.LeakyReLU(0.2)(y))
    y = layers.LeakyReLU(0.2)(layers.Dense(128)(layers.Flatten()(y)))
    return keras.Model(x, layers.Dense(1)(y), name="discriminator")
