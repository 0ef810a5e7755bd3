"""The generative adversarial network (GAN): its losses, and one Keras model that assembles them.

The generator G turns a code z, uniform in [-1, 1], into a picture G(z). The discriminator D looks
at a picture and returns one logit for each: D(x) = sigmoid(logit) is its probability that the
picture is real. Real is 1, fake is 0. Losses are averaged over a batch. Cross-entropies are taken
from logits and in nats, a critic's losses in the unit of its scores. The networks for digits draw
and expect pixels in [-1, 1], where 1 is ink.

References:
    Goodfellow et al. (2014), Generative adversarial nets: the game, and proposition 1.
    Salimans et al. (2016), Improved techniques for training GANs: section 3.4, label smoothing.
    Radford, Metz and Chintala (2016), Unsupervised representation learning with DCGANs.
    Gulrajani et al. (2017), Improved training of Wasserstein GANs: the gradient penalty.
    Karras et al. (2018), Progressive growing of GANs: appendix A.1, averaged weights.
"""

import functools

import numpy as np

from helpers import inputs
from helpers.batches import as_tensor, by_name, fit_arguments, pictures, refuse_weights, value_range
from helpers.networks import (
    checked_by,
    compiled_with,
    follow_frozen_parts,
    is_symbolic,
    last_activation,
    layers_of,
    one_number,
    require_models,
    seed_or_none,
    shape_of,
    sizes,
    tensors,
)
from helpers.runtime import keras, resumable, tf

ops = keras.ops


# ---------------------------------------------------------------- around the taught code


def _of_a_network(given):
    """What `gradient_penalty` is given: a function of images, and a seed."""
    if not callable(given["discriminator"]):
        raise TypeError(
            f"discriminator = {given['discriminator']!r}: a function from images to logits or "
            "scores is needed, such as a Keras model."
        )
    if not isinstance(given["seed"], keras.random.SeedGenerator):
        given["seed"] = inputs.whole_number(given["seed"], "seed", least=0)


def _fitting_parts(given):
    """What `GAN.__init__` is given: networks that fit together, settings that make sense."""
    require_models(given, "generator", "discriminator")
    _refuse_unfit(given["generator"], given["discriminator"])
    smoothing, weight, critic = (given[k] for k in ("smoothing", "penalty_weight", "critic"))
    given["smoothing"] = inputs.real_number(smoothing, "smoothing", above=0, most=1)
    given["penalty_weight"] = inputs.real_number(weight, "penalty_weight", least=0)
    if not isinstance(critic, bool | np.bool_):
        raise TypeError(f"critic = {critic!r}: choose True or False.")
    given["critic"] = bool(critic)
    given["seed"] = seed_or_none(given["seed"])


def _refuse_unfit(generator, discriminator):
    z = shape_of(generator, "input")
    if not isinstance(z, tuple) or len(z) != 1 or z[0] is None:
        raise ValueError(
            f"generator takes an input of shape {z}: codes of shape (n_latent,) are needed, so "
            "begin it with keras.Input((n_latent,))."
        )
    drawn, judged = shape_of(generator, "output"), shape_of(discriminator, "input")
    if None not in (drawn, judged) and drawn != judged:
        raise ValueError(
            f"generator draws pictures of shape {drawn}, discriminator takes {judged}: they must "
            "be the same."
        )
    if last_activation(discriminator) in ("sigmoid", "hard_sigmoid", "softmax"):
        raise ValueError(
            f"discriminator ends in a {last_activation(discriminator)}, and the losses take "
            "logits: leave the activation of its last layer out."
        )


def fitting_optimisers(given):
    """What `compile` of a GAN is given: two optimisers, for networks without losses of their own.

    Args:
        given: the arguments by name.

    Raises:
        ValueError: one optimiser for both, averages of the discriminator, or a part's own loss.
    """
    if given["generator_optimizer"] is given["discriminator_optimizer"]:
        raise ValueError(
            "generator_optimizer and discriminator_optimizer are one object, which cannot "
            "keep the state of two networks: make two, such as two keras.optimizers.Adam()."
        )
    if given["discriminator_optimizer"].use_ema:
        raise ValueError(
            "discriminator_optimizer has use_ema=True: only the generator's weights are "
            "averaged here, so leave it out."
        )
    _refuse_losses_of_parts(given["self"])


def _refuse_losses_of_parts(gan):
    """Raise a ValueError if a network has a loss of its own, which the game leaves out."""
    regularised = [
        layer for layer in layers_of(gan) if getattr(layer, "activity_regularizer", None)
    ]
    if gan.losses or regularised:
        raise ValueError(
            "a layer of this GAN has a regulariser or an add_loss, which its two losses leave out: "
            "remove it; to keep weights small, give the optimiser a weight_decay."
        )


def no_losses_of_parts(method):
    """A decorator around `train_step`: once it is traced, losses of parts are refused.

    Args:
        method: `train_step`.

    Returns:
        The method; it raises a ValueError if a part has a loss of its own.
    """

    @functools.wraps(method)
    def checked(self, data):
        reported = method(self, data)
        _refuse_losses_of_parts(self)
        return reported

    return checked


def _fitting_pictures(given):
    """What `discriminator_step` is given: pictures, looked at outside a graph."""
    check = given["self"].checked_pictures
    given["real_images"] = as_tensor(given["real_images"], "real_images", check)


def _at_least_one(given):
    """What methods of a number n are given: one of 0 pictures has no mean."""
    if not is_symbolic(given["n"]):
        given["n"] = inputs.whole_number(given["n"], "n", least=1)


# ---------------------------------------------------------------- losses


@one_number("smoothing", above=0, most=1)
@tensors("real_logits", "fake_logits")
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


@tensors("fake_logits")
def generator_loss(fake_logits):
    """The non-saturating loss of the generator: -log D(G(z)), in nats.

    Its slope is largest where D is sure of a fake, so a generator that is far behind still learns.
    """
    return ops.mean(ops.softplus(-fake_logits))


@tensors("fake_logits")
def saturating_loss(fake_logits):
    """The loss of the two-player game as it is written: log(1 - D(G(z))), in nats.

    Its slope is the one of `generator_loss` times D / (1 - D): next to nothing where D is sure of
    a fake.
    """
    return -ops.mean(ops.softplus(fake_logits))


@tensors("real_scores", "fake_scores")
def critic_loss(real_scores, fake_scores):
    """The Wasserstein critic's loss: its mean score of fakes minus its mean score of real pictures.

    Its negative is at most the Wasserstein distance of the two distributions, if the critic's
    slope is at most 1 everywhere, and equals it for the best such critic. The generator's loss is
    minus the mean score of fakes.
    """
    return ops.mean(fake_scores) - ops.mean(real_scores)


@checked_by(_of_a_network)
@tensors("real_images", "fake_images")
@inputs.same_shape("real_images", "fake_images")
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


def _movers(gan):
    """Each optimiser with the network that it moves."""
    return [(gan.generator_optimizer, gan.generator), (gan.optimizer, gan.discriminator)]


HELD_OUT = (
    "its losses on other pictures do not tell how good it is. Judge what it draws, such as by "
    "helpers.evaluation.frechet_distance."
)


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

    Pictures are looked at once in a call of `fit`: floats in [-1, 1], or in [0, 1] if the generator
    ends in a sigmoid, in the discriminator's shape; points, one row each, need only be finite. A
    part with `trainable = False` does not move.

    Raises:
        TypeError, ValueError: networks, pictures, codes or options that do not fit, each in the
            call that takes it, or that the training would leave out: regularisers and `add_loss`
            of a part, losses and metrics given to `compile`, weights of samples or classes, held
            out pictures (a GAN has no loss that tells how good it is), layers that do not compute
            in float32.
    """

    @checked_by(_fitting_parts)
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

    @compiled_with("generator_optimizer", "discriminator_optimizer")
    @checked_by(fitting_optimisers)
    def compile(self, generator_optimizer, discriminator_optimizer, **kwargs):
        """Give each network its optimiser; other arguments go to Keras's own `compile`."""
        super().compile(discriminator_optimizer, **kwargs)
        self.generator_optimizer = generator_optimizer
        self.generator_optimizer.build(self.generator.trainable_variables)
        self.optimizer.build(self.discriminator.trainable_variables)

    def call(self, z, training=False):
        """The pictures that the generator draws for codes z, shape (n, n_latent)."""
        return self.generator(z, training=training)

    @checked_by(_at_least_one)
    def draw_fakes(self, n):
        """Pictures of n new codes, drawn as in training: with dropout, if there is any.

        What batch normalisation gathers moves with them; to look at pictures, call the model.
        """
        z = keras.random.uniform((n, self.generator.input_shape[-1]), -1, 1, seed=self.noise)
        return self(z, training=True)

    @checked_by(_fitting_pictures)
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

    @checked_by(_at_least_one)
    def generator_step(self, n):
        """Move the generator only, by n new fakes; returns its loss before the step."""
        with tf.GradientTape() as tape:
            fake_logits = self.discriminator(self.draw_fakes(n), training=True)
            loss = -ops.mean(fake_logits) if self.critic else generator_loss(fake_logits)
        return descend(tape, loss, self.generator, self.generator_optimizer)

    @no_losses_of_parts
    def train_step(self, data):
        """One step of each network on a batch; labels, if there are any, are not used."""
        x, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        losses = self.discriminator_step(x), self.generator_step(ops.shape(x)[0])
        for average, loss in zip(self.averages, losses, strict=True):
            average.update_state(loss)
        return {average.name: average.result() for average in self.averages}

    def fit(self, *args, **kwargs):
        """Keras's `fit`; see the class for what the pictures must be."""
        given = by_name(keras.Model.fit, args, kwargs)
        if given.get("validation_data") is not None or given.get("validation_split"):
            raise ValueError(f"validation_data or validation_split is not for a GAN: {HELD_OUT}")
        given = fit_arguments((), given, self.checked_pictures)
        if self.compiled:
            follow_frozen_parts(self, _movers(self))
        return super().fit(**given)

    def __call__(self, z, *args, **kwargs):
        """Keras's call: the pictures of codes, shape (n, n_latent)."""
        return super().__call__(as_tensor(z, "z", self.checked_codes), *args, **kwargs)

    def evaluate(self, *args, **kwargs):
        """A GAN cannot be evaluated so: raises a ValueError that says what to do."""
        raise ValueError(f"evaluate is not for a GAN: {HELD_OUT}")

    def test_on_batch(self, *args, **kwargs):
        """As `evaluate`."""
        self.evaluate()

    def predict(self, *args, **kwargs):
        """Keras's `predict`: the pictures of codes, shape (n, n_latent)."""
        given = by_name(keras.Model.predict, args, kwargs)
        return super().predict(**given | {"x": self.checked_codes(given.get("x"), "x")})

    def train_on_batch(self, *args, **kwargs):
        """Keras's `train_on_batch`; see the class for what the pictures must be."""
        given = by_name(keras.Model.train_on_batch, args, kwargs)
        refuse_weights(given)
        if self.compiled:
            follow_frozen_parts(self, _movers(self))
        x = as_tensor(given["x"], "x", self.checked_pictures)
        return super().train_on_batch(**given | {"x": x})

    def predict_on_batch(self, x):
        """Keras's `predict_on_batch`: the pictures of codes, shape (n, n_latent)."""
        return super().predict_on_batch(as_tensor(x, "x", self.checked_codes))

    def checked_codes(self, z, name):
        """Codes as float32, finite, of the generator's shape."""
        return pictures(z, name, shape_of(self.generator, "input"), None, None)

    def checked_pictures(self, data, name):
        """Pictures or batches of them as the discriminator takes them, on the generator's scale."""
        shape, end = shape_of(self.discriminator, "input"), last_activation(self.generator)
        if shape is not None and len(shape) == 1 and end not in ("tanh", "sigmoid"):
            return pictures(data, name, shape, None, None)
        data = pictures(data, name, shape, 0 if end == "sigmoid" else -1, 1)
        values = value_range(data)
        if end == "tanh" and values is not None and values[0] >= 0:
            raise ValueError(
                f"{name} ranges from {values[0]:g} to {values[1]:g}, and the generator draws in "
                f"[-1, 1]: give 2 * {name} - 1."
            )
        return data

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

    Args:
        gan: a `GAN` that was trained.
        n_codes: fakes for the means and variances, at least 2.

    Raises:
        TypeError: `gan` is no GAN, or `n_codes` no whole number.
        ValueError: the optimiser keeps no averages, or has made no step yet.
    """
    if not isinstance(gan, keras.Model) or not hasattr(gan, "draw_fakes"):
        raise TypeError(f"gan = {gan!r}: a GAN is needed.")
    n_codes = inputs.whole_number(n_codes, "n_codes", least=2)
    optimizer = getattr(gan, "generator_optimizer", None)
    if optimizer is None or not optimizer.use_ema:
        raise ValueError(
            "the generator's optimiser keeps no averages: compile with "
            "Adam(..., use_ema=True, ema_momentum=0.999) as generator_optimizer, and train."
        )
    if int(optimizer.iterations) == 0:
        raise ValueError("the generator has not been trained yet, so there is no average: fit it.")
    averages = optimizer._model_variables_moving_average
    of = dict(zip(map(id, optimizer._trainable_variables), averages, strict=True))
    for variable in gan.generator.trainable_variables:
        if of.get(id(variable)) is not None:
            variable.assign(of[id(variable)])
    normalisations = [
        layer
        for layer in layers_of(gan.generator)
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
    kept = [layer.momentum for layer in normalisations]
    try:
        for layer in normalisations:
            layer.momentum = 0.0  # the next batch replaces what was gathered
        gan.draw_fakes(n_codes)
    finally:
        for layer, momentum in zip(normalisations, kept, strict=True):
            layer.momentum = momentum


# ---------------------------------------------------------------- networks for digits


@sizes("n_latent")
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


@sizes("n_latent", "filters")
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


@sizes("filters", shares=("dropout",))
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
