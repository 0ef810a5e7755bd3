"""Generative models that are told a label: an RBM with label units, a VAE and a GAN given y.

A label y, from 0 to n_classes - 1, goes into a network as a row of zeros with a 1 in its place
(*one-hot*). The RBM has these numbers as further visible units, of which exactly one is on; so its
rows hold a picture and its label, `join(v, labels)`. The VAE and the GAN get them beside the
picture and beside the code. Energies, bounds and losses are in nats.

References:
    Hinton, Osindero and Teh (2006), A fast learning algorithm for deep belief nets: label units.
    Larochelle and Bengio (2008), Classification using discriminative restricted Boltzmann machines:
    p(y | v) in closed form, its gradient, and the two gradients together.
    Sohn, Lee and Yan (2015), Learning structured output representation using deep conditional
    generative models: the conditional VAE.
    Mirza and Osindero (2014), Conditional generative adversarial nets.
    Miyato and Koyama (2018), cGANs with projection discriminator: the discriminator's logit.
"""

import numpy as np

from helpers import evaluation, inputs
from helpers.batches import refuse_weights
from helpers.data import binarise_by_threshold
from helpers.gan import (
    descend,
    discriminator_loss,
    fitting_optimisers,
    generator_loss,
    no_losses_of_parts,
    use_averaged_weights,
)
from helpers.importance import OTHERWISE_IN_TRAINING
from helpers.networks import (
    checked_by,
    compiled_with,
    follow_frozen_parts,
    layers_of,
    require_models,
    seed_or_none,
    shape_of,
    sizes,
)
from helpers.rbm import (
    LARGEST_PARAMETER,
    PARAMETERS,
    base_rate_bias,
    centred_gradient,
    checked_bias,
    checked_units,
    hidden_probability,
    sample_bernoulli,
    sigmoid,
    softplus,
)
from helpers.runtime import keras, set_seed, tf
from helpers.vae import gaussian_kl, sample_latent, squared_error

layers, ops = keras.layers, keras.ops


# ---------------------------------------------------------------- labels as numbers


def one_hot(labels, n_classes=10):
    """Labels as rows of zeros with a 1 in the label's place.

    Args:
        labels: whole numbers from 0 to n_classes - 1, shape (n,).
        n_classes: how many there are.

    Returns:
        float32, shape (n, n_classes).

    Raises:
        TypeError: these are no numbers.
        ValueError: another shape, no labels, NaN, or a label out of range.
    """
    n_classes = inputs.whole_number(n_classes, "n_classes", least=1)
    labels = inputs.labels(labels, classes=n_classes)
    if not len(labels):
        raise ValueError("labels is empty: one label a row is needed.")
    return np.eye(n_classes, dtype=np.float32)[labels]


def join(v, labels, n_classes=10):
    """Pictures with their label units behind them, one row each.

    Args:
        v: binary pictures, shape (n, n_pixels).
        labels: whole numbers, shape (n,).
        n_classes: how many there are.

    Returns:
        float32, shape (n, n_pixels + n_classes).

    Raises:
        TypeError: these are no numbers.
        ValueError: shapes that do not fit, pictures that are not binary, a label out of range.
    """
    v = checked_units("v", v)
    y = one_hot(labels, n_classes)
    if len(y) != len(v):
        raise ValueError(f"labels has {len(y)} entries and v has {len(v)} rows: one for each.")
    return np.hstack([v, y])


# ---------------------------------------------------------------- the RBM: formulas


def softmax(logits):
    """exp(logit) over its sum along each row, without overflow; shape as `logits`."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def label_free_energies(v, W, visible_bias, hidden_bias):
    """F(v, y) = -b.v - d_y - sum_j log(1 + exp(c_j + (v W)_j + U_yj)) for every y at once.

    Args:
        v: binary pictures, shape (n, n_pixels).
        W: shape (n_pixels + n_classes, n_hidden): the pixels' weights, below them U, the labels'.
        visible_bias: b and behind it d, the labels' biases.
        hidden_bias: c, shape (n_hidden,).

    Returns:
        shape (n, n_classes), in nats.
    """
    n_pixels = v.shape[1]
    pixels = v @ W[:n_pixels] + hidden_bias  # one product for all labels
    gains = [softplus(pixels + label).sum(axis=1) for label in W[n_pixels:]]
    biases = (v @ visible_bias[:n_pixels])[:, None] + visible_bias[n_pixels:]
    return -biases - np.stack(gains, axis=1)


def sample_one_hot(probability, rng):
    """In each row one unit is on, drawn with its probability; shape as `probability`, float32."""
    n_classes = probability.shape[1]
    passed = np.cumsum(probability, axis=1) < rng.random((len(probability), 1))
    chosen = np.minimum(passed.sum(axis=1), n_classes - 1)
    return np.eye(n_classes, dtype=np.float32)[chosen]


def joint_probability(h, W, visible_bias, n_classes):
    """p(v_i = 1 | h), a sigmoid for each pixel, and p(y | h), one softmax for the label units."""
    logits = h @ W.T + visible_bias
    pixels, labels = logits[:, :-n_classes], logits[:, -n_classes:]
    return np.hstack([sigmoid(pixels), softmax(labels)])


def sample_joint(probability, n_classes, rng):
    """Draw pixels, each for itself, and one label a row, from what `joint_probability` returns."""
    pixels = sample_bernoulli(probability[:, :-n_classes], rng)
    return np.hstack([pixels, sample_one_hot(probability[:, -n_classes:], rng)])


def label_gradient(rows, W, visible_bias, hidden_bias, n_classes):
    """Gradient of the mean of log p(y | v): a negative phase in which only the label is dreamt.

    sum over y' of (1[y' = y] - p(y' | v)) times the slope of -F(v, y'), exact, without a chain.

    Args:
        rows: pictures with their label units, shape (n, n_pixels + n_classes).
        W, visible_bias, hidden_bias: the parameters.
        n_classes: how many of the visible units are label units.

    Returns:
        The gradients of W, visible_bias and hidden_bias, a direction of ascent.
    """
    v, y = rows[:, :-n_classes], rows[:, -n_classes:]
    fields = v @ W[:-n_classes] + hidden_bias + W[-n_classes:, None]  # a layer for each label
    guess = softmax(visible_bias[-n_classes:] + softplus(fields).sum(axis=2).T)  # b.v cancels
    surprise = (y - guess) / len(v)
    by_label = surprise.T[..., None] * sigmoid(fields)
    hidden = by_label.sum(axis=0)
    labels_bias = np.zeros_like(visible_bias)
    labels_bias[-n_classes:] = surprise.sum(axis=0)
    return np.vstack([v.T @ hidden, by_label.sum(axis=1)]), labels_bias, hidden.sum(axis=0)


# ---------------------------------------------------------------- the RBM: model and training


class LabelledRBM:
    """A binary RBM with label units: visible are the pixels and, behind them, one-of-n labels.

    Args:
        n_pixels, n_classes, n_hidden: numbers of units.
        rng: NumPy generator.
        weight_std: standard deviation of the initial normal weights.
        visible_bias: initial biases of pixels and labels, shape (n_pixels + n_classes,); zeros if
            None. `base_rate_bias(rows)` lets learning start from the mean picture.

    Attributes:
        W: shape (n_pixels + n_classes, n_hidden), float32.
        visible_bias, hidden_bias: float32.

    Raises:
        TypeError: an argument is of another type, such as a seed in place of a generator.
        ValueError: a number is below 1, or the bias does not fit.

    Its methods raise the same two where rows do not fit or are not binary, and where the
    parameters have been set to NaN or to other shapes.
    """

    def __init__(self, n_pixels, n_classes, n_hidden, rng, weight_std=0.01, visible_bias=None):
        """Draw small weights; see the class."""
        n_pixels = inputs.whole_number(n_pixels, "n_pixels", least=1)
        self.n_classes = inputs.whole_number(n_classes, "n_classes", least=1)
        n_hidden = inputs.whole_number(n_hidden, "n_hidden", least=1)
        weight_std = inputs.real_number(weight_std, "weight_std", 0, LARGEST_PARAMETER)
        shape, rng = (n_pixels + self.n_classes, n_hidden), inputs.random_generator(rng)
        self.W = np.float32(weight_std) * rng.standard_normal(shape, dtype=np.float32)
        self.hidden_bias = np.zeros(n_hidden, dtype=np.float32)
        self.visible_bias = np.zeros(shape[0], dtype=np.float32)
        if visible_bias is not None:
            self.visible_bias[:] = checked_bias(visible_bias, shape[0])

    @property
    def parameters(self):
        """W, visible_bias and hidden_bias, looked at: they fit, and are finite."""
        found = [inputs.finite(getattr(self, name), name) for name in PARAMETERS]
        W, *biases = found
        if [bias.shape for bias in biases] != [(n,) for n in W.shape]:
            raise ValueError(
                f"W, visible_bias and hidden_bias have shapes {[part.shape for part in found]}: "
                "expected (n_visible, n_hidden), (n_visible,) and (n_hidden,)."
            )
        return found

    def label_probability(self, v):
        """p(y | v) in closed form, shape (n, n_classes); v binary, shape (n, n_pixels)."""
        W, visible_bias, hidden_bias = self.parameters
        v = checked_units("v", v, len(W) - self.n_classes)
        return softmax(-label_free_energies(v, W, visible_bias, hidden_bias))

    def classify(self, v):
        """The most probable label of each picture, shape (n,)."""
        return self.label_probability(v).argmax(axis=1)

    def settle(self, rows, held, steps, rng, loudness=1.0):
        """Run Gibbs steps in which some visible units are held, and the others dreamt.

        Hold the label units, and it draws on demand. Hold some pixels, and it completes. Hold
        nothing, and it dreams.

        Args:
            rows: pictures with label units, shape (n, n_pixels + n_classes), binary, one label on.
            held: which units keep their state, booleans of shape (n_pixels + n_classes,).
            steps: full Gibbs steps, at least 1.
            rng: NumPy generator.
            loudness: what the label unit that is on counts for, 1 as trained. Caveat: another
                value draws from another distribution, one that obeys more and varies less.

        Returns:
            Probabilities of the last step, shape as `rows`; units that are held keep their state.

        Raises:
            TypeError, ValueError: an argument does not fit.
        """
        W, visible_bias, hidden_bias = self.parameters
        rows, held = self.checked_rows(rows), np.asarray(held)
        if held.dtype != bool or held.shape != (len(W),):
            raise ValueError(f"held has shape {held.shape}: expected {len(W)} booleans.")
        steps, rng = inputs.whole_number(steps, "steps", least=1), inputs.random_generator(rng)
        loud = W.copy()
        loud[-self.n_classes :] *= inputs.real_number(loudness, "loudness", least=0)
        for _ in range(steps):
            h = sample_bernoulli(hidden_probability(rows, loud, hidden_bias), rng)
            dreamt = joint_probability(h, W, visible_bias, self.n_classes)
            probability = np.where(held, rows, dreamt)
            rows = sample_joint(probability, self.n_classes, rng)
        return probability

    def draw(self, labels, steps, rng, loudness=1.0):
        """Pictures of digits asked for: from noise, with the label held.

        Args:
            labels: what to draw, shape (n,).
            steps, rng, loudness: as for `settle`.

        Returns:
            The probability of ink in each pixel, shape (n, n_pixels).

        Raises:
            TypeError, ValueError: an argument does not fit.
        """
        rng, n_pixels = inputs.random_generator(rng), len(self.W) - self.n_classes
        y = one_hot(labels, self.n_classes)
        noise = sample_bernoulli(np.full((len(y), n_pixels), 0.5, np.float32), rng)
        held = np.arange(len(self.W)) >= n_pixels
        return self.settle(np.hstack([noise, y]), held, steps, rng, loudness)[:, :n_pixels]

    def checked_rows(self, rows, name="rows"):
        """Rows of binary pixels and exactly one label, as float32; else TypeError, ValueError."""
        rows = checked_units(name, rows, len(self.W))
        on = rows[:, -self.n_classes :].sum(axis=1)
        if (on != 1).any():
            raise ValueError(
                f"{name} has {on[on != 1][0]:g} label units on in a row, expected 1: "
                "join(v, labels) makes such rows."
            )
        return rows


def train_labelled(
    rbm,
    rows,
    rng,
    *,
    epochs,
    batch_size=20,
    chains=100,
    step_size=0.1,
    label_weight=0.0,
):
    """Train a `LabelledRBM` in place by persistent chains; yields the number of epochs done.

    It climbs log p(v, y) + label_weight * log p(y | v), the first by the centred gradient with
    chains that go on from update to update, the second by its exact gradient. The step size falls
    in a straight line to 0. Nothing happens until it is iterated.

    Args:
        rbm: a `LabelledRBM`.
        rows: pictures with their labels, from `join`.
        rng: NumPy generator.
        epochs: passes through the rows.
        batch_size: rows in an update; the last of an epoch may have fewer.
        chains: how many are kept.
        step_size: at the start.
        label_weight: what log p(y | v) counts for on top; 0 leaves it out.

    Yields:
        A whole number.

    Raises:
        TypeError: an argument is of another type.
        ValueError: unusable values or rows.
        FloatingPointError: the training diverges.
    """
    if not isinstance(rbm, LabelledRBM):
        raise TypeError(f"rbm is a {type(rbm).__name__}: a LabelledRBM is needed.")
    rows, rng = rbm.checked_rows(rows), inputs.random_generator(rng)
    epochs = inputs.whole_number(epochs, "epochs", least=1)
    batch_size = inputs.whole_number(batch_size, "batch_size", least=1)
    chains = inputs.whole_number(chains, "chains", least=1)
    step_size = inputs.real_number(step_size, "step_size", least=0)
    label_weight = inputs.real_number(label_weight, "label_weight", least=0)
    (W, visible_bias, hidden_bias), n_classes = rbm.parameters, rbm.n_classes
    h_model = np.full((chains, len(hidden_bias)), 0.5, np.float32)
    visible_offset = rows.mean(axis=0)
    hidden_offset = sigmoid(visible_offset @ W + hidden_bias)
    starts = range(0, len(rows), batch_size)
    for epoch in range(epochs):
        order = rng.permutation(len(rows))
        for batch, start in enumerate(starts):
            data = rows[order[start : start + batch_size]]
            h_data = hidden_probability(data, W, hidden_bias)
            dreamt = joint_probability(sample_bernoulli(h_model, rng), W, visible_bias, n_classes)
            model = sample_joint(dreamt, n_classes, rng)
            h_model = hidden_probability(model, W, hidden_bias)
            visible_offset += 0.01 * (data.mean(axis=0) - visible_offset)
            hidden_offset += 0.01 * (h_data.mean(axis=0) - hidden_offset)
            gradients = centred_gradient(
                data, h_data, model, h_model, visible_offset, hidden_offset
            )
            if label_weight:
                of_label = label_gradient(data, W, visible_bias, hidden_bias, n_classes)
                pairs = zip(gradients, of_label, strict=True)
                gradients = [joint + label_weight * label for joint, label in pairs]
            done = (epoch * len(starts) + batch) / (epochs * len(starts))
            for parameter, gradient in zip((W, visible_bias, hidden_bias), gradients, strict=True):
                parameter += np.float32(step_size * (1 - done)) * gradient
        largest = np.array([np.abs(part).max() for part in (W, visible_bias, hidden_bias)])
        if not (largest <= LARGEST_PARAMETER).all():
            raise FloatingPointError(
                f"training diverged in epoch {epoch + 1}: a weight or bias has reached "
                f"{largest.max():g}; choose a step_size below {step_size:g}."
            )
        yield epoch + 1


def labelled_rbm(rows, n_hidden, rng, n_classes=10):
    """A `LabelledRBM` for rows from `join`, with biases that give each pixel its share.

    A label starts in proportion to share / (1 - share), nearly its share where all are small.

    Args:
        rows: pictures with their labels.
        n_hidden: hidden units.
        rng: NumPy generator.
        n_classes: label units.

    Returns:
        The machine, not trained.

    Raises:
        TypeError, ValueError: as for the class and for `base_rate_bias`.
    """
    rows = checked_units("rows", rows)
    n_classes = inputs.whole_number(n_classes, "n_classes", least=1, most=rows.shape[1] - 1)
    bias, n_pixels = base_rate_bias(rows), rows.shape[1] - n_classes
    rbm = LabelledRBM(n_pixels, n_classes, n_hidden, rng, visible_bias=bias)
    rbm.checked_rows(rows)
    return rbm


def misread_by_a_line(x_train, labels, x_test, test_labels, epochs=None):
    """The share that a classifier without hidden units reads wrong: logistic regression.

    Args:
        x_train, x_test: rows of pixels or codes, shape (n, columns).
        labels, test_labels: whole numbers from 0 to 9, shape (n,).
        epochs: passes through the training rows; by default as many as show it 15,000 rows, but
            from 5 to 100.

    Returns:
        A number from 0 to 1.

    Raises:
        TypeError, ValueError: rows and labels that do not fit.
    """
    x_train = inputs.rows(x_train, "x_train").astype(np.float32)
    x_test = inputs.rows(x_test, "x_test", columns=x_train.shape[1]).astype(np.float32)
    labels = inputs.labels(labels, n=len(x_train), classes=10)
    test_labels = inputs.labels(test_labels, "test_labels", n=len(x_test), classes=10)
    epochs = min(100, max(5, 15_000 // len(x_train))) if epochs is None else epochs
    epochs = inputs.whole_number(epochs, "epochs", least=1)
    set_seed(0)
    reader = keras.Sequential([keras.Input((x_train.shape[1],)), layers.Dense(10)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    steps = -(-len(x_train) // 50)
    mover = keras.optimizers.Adam(0.003, weight_decay=0.03)
    reader.compile(mover, loss, steps_per_execution=steps, jit_compile=False)
    reader.fit(x_train, labels, batch_size=50, epochs=epochs, verbose=0)
    return float(np.mean(np.asarray(reader(x_test)).argmax(axis=1) != test_labels))


# ---------------------------------------------------------------- around the taught classes


def _told_networks(given):
    """What an `__init__` of two networks and a seed is given: each network is told the label."""
    names = [name for name in given if name not in ("self", "seed")]
    require_models(given, *names)
    shapes = [shape_of(given[name], "input") for name in names]
    for name, shape in zip(names, shapes, strict=True):
        if not isinstance(shape, list) or len(shape) != 2 or len(shape[1]) != 1:
            raise ValueError(
                f"{name} takes inputs of shape {shape}: a pair is needed, the second "
                "one the labels, keras.Input((n_classes,))."
            )
    (_, first), (_, second) = shapes
    if first != second:
        raise ValueError(
            f"{names[0]} takes labels of shape {first}, {names[1]} of {second}: "
            "make both with one n_classes."
        )
    given["seed"] = seed_or_none(given["seed"])


def called_one_way(network, name):
    """Refuse a network that acts otherwise in training where a model calls it one way only.

    Args:
        network: a Keras model.
        name: of the argument, for the message.

    Raises:
        ValueError: it holds dropout, noise or batch normalisation, or has losses of its own.
    """
    regularised = bool(network.losses)
    for layer in layers_of(network):
        regularised |= getattr(layer, "activity_regularizer", None) is not None
        if isinstance(layer, OTHERWISE_IN_TRAINING):
            raise ValueError(
                f"{name} has the layer {layer.name}, which acts otherwise in training, and is "
                "called here as in judging: leave it out."
            )
    if regularised:
        raise ValueError(
            f"{name} has losses of its own, such as regularisers, which are no part of this "
            "model's loss: leave them out."
        )


def _told_vae(given):
    """What `ConditionalVAE.__init__` is given: two networks that are called one way only."""
    _told_networks(given)
    for name in ("encoder", "decoder"):
        called_one_way(given[name], name)


def _movers(model):
    """Each optimiser with the network that it moves."""
    if isinstance(model, ConditionalVAE):
        return [(model.optimizer, model)]
    return [(model.generator_optimizer, model.generator), (model.optimizer, model.discriminator)]


def _as_tensors(given):
    """What `losses_per_image` is given: tensors, as networks do not mix these with arrays."""
    given.update({name: ops.convert_to_tensor(given[name]) for name in ("x", "y")})


def _fit(model, x, labels, lowest, size, **kwargs):
    """Keras's `fit` of pictures and labels that were looked at."""
    refuse_weights(kwargs)
    if kwargs.get("validation_data") is not None or kwargs.get("validation_split"):
        raise ValueError(
            "validation_data, validation_split are not for this model: call evaluate after fit, "
            "or judge."
        )
    x = inputs.images(x, "x", lowest, 1.0, size) if len(size) == 2 else _points(x, size)
    y = one_hot(inputs.labels(labels, n=len(x)), model.n_classes)
    if model.compiled:
        follow_frozen_parts(model, _movers(model))
    return keras.Model.fit(model, x, y, **kwargs)


def _points(x, size):
    return inputs.rows(x, "x", columns=size[0]).astype(np.float32)


# ---------------------------------------------------------------- the conditional VAE


class ConditionalVAE(keras.Model):
    """A VAE whose encoder and decoder are both told the label.

    Its loss is minus a lower bound on log p(x | y), up to the constant of `squared_error`:
    E over q(z | x, y) of the squared error, plus KL(q(z | x, y) || p(z)). The prior is the same for
    all labels, so a code says what the label does not: the style.

    Args:
        encoder: a Keras model from [pictures, one-hot labels] to the pair (z_mean, z_log_var).
        decoder: a Keras model from [codes, one-hot labels] to x_logits.
        seed: of the noise that `fit` and `evaluate` draw.

    `fit(x, labels)` takes pictures in [0, 1] and whole numbers; `evaluate(x, labels)` likewise.
    Calling it with [codes, one-hot labels] decodes to grey levels. It is not made to be saved with
    Keras. Its networks are called as in judging, so they may hold no layer that acts otherwise in
    training, and no losses of their own.

    Raises:
        TypeError, ValueError: networks, pictures, labels or options that do not fit.
    """

    @checked_by(_told_vae)
    def __init__(self, encoder, decoder, seed=None):
        """Assemble the parts; see the class."""
        super().__init__()
        self.encoder, self.decoder = encoder, decoder
        self.n_latent, self.n_classes = decoder.inputs[0].shape[1], decoder.inputs[1].shape[1]
        self.noise = keras.random.SeedGenerator(seed)
        names = ("loss", "reconstruction_loss", "kl_loss")
        self.averages = [keras.metrics.Mean(name) for name in names]
        self.built = True  # because its parts are

    @compiled_with("optimizer")
    def compile(self, optimizer, **kwargs):
        """Choose the optimiser; its variables are made here, and a step is then traced once."""
        super().compile(optimizer, **kwargs)
        self.optimizer.build(self.trainable_variables)

    def call(self, z_and_y):
        """Decode [codes, one-hot labels] to grey levels."""
        return ops.sigmoid(self.decoder(z_and_y))

    @checked_by(_as_tensors)
    def losses_per_image(self, x, y):
        """Loss, squared error and KL of each picture, with one draw of z; y is one-hot."""
        z_mean, z_log_var = self.encoder([x, y])
        epsilon = keras.random.normal(ops.shape(z_mean), seed=self.noise)
        z = sample_latent(z_mean, z_log_var, epsilon)
        reconstruction = squared_error(x, self.decoder([z, y]))
        kl = gaussian_kl(z_mean, z_log_var)
        return reconstruction + kl, reconstruction, kl

    def train_step(self, data):
        """One step of the optimiser on a batch of pictures and one-hot labels."""
        with tf.GradientTape() as tape:
            losses = self.losses_per_image(*data)
            loss = ops.mean(losses[0])
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply(gradients, self.trainable_variables)
        return self.report(losses)

    def test_step(self, data):
        """The losses of a batch."""
        return self.report(self.losses_per_image(*data))

    def report(self, losses):
        """Take a batch into the running means over pictures, and return these."""
        for average, loss in zip(self.averages, losses, strict=True):
            average.update_state(loss)
        return {average.name: average.result() for average in self.averages}

    def fit(self, x, labels, **kwargs):
        """Keras's `fit`; see the class for what it takes."""
        return _fit(self, x, labels, 0.0, shape_of(self.encoder, "input")[0], **kwargs)

    def evaluate(self, x, labels, **kwargs):
        """Keras's `evaluate`: the means of the three losses, as a dictionary."""
        refuse_weights(kwargs)
        x = inputs.images(x, "x", size=shape_of(self.encoder, "input")[0])
        y = one_hot(inputs.labels(labels, n=len(x)), self.n_classes)
        return super().evaluate(x, y, **kwargs | {"return_dict": True, "verbose": 0})


@sizes("n_latent", "n_classes", "hidden_units")
def conditional_encoder(n_latent, n_classes=10, hidden_units=256):
    """A picture and its label through two hidden layers to mean and log-variance of q(z | x, y)."""
    x, y = keras.Input((28, 28)), keras.Input((n_classes,))
    hidden = layers.Concatenate()([layers.Flatten()(x), y])
    for _ in range(2):
        hidden = layers.Dense(hidden_units, activation="relu")(hidden)
    return keras.Model([x, y], [layers.Dense(n_latent)(hidden) for _ in range(2)])


@sizes("n_latent", "n_classes", "hidden_units")
def conditional_decoder(n_latent, n_classes=10, hidden_units=256):
    """A code and a label through two hidden layers to the logits of a 28 x 28 picture."""
    z, y = keras.Input((n_latent,)), keras.Input((n_classes,))
    hidden = layers.Concatenate()([z, y])
    for _ in range(2):
        hidden = layers.Dense(hidden_units, activation="relu")(hidden)
    x_logits = layers.Reshape((28, 28))(layers.Dense(28 * 28)(hidden))
    return keras.Model([z, y], x_logits)


def train_vae(x, labels, epochs, seed, callbacks=(), n_latent=8, hidden_units=256):
    """Make a `ConditionalVAE` of dense networks, and train it by Adam in batches of 64.

    Args:
        x: pictures, shape (n, 28, 28), in [0, 1].
        labels: whole numbers from 0 to 9, shape (n,).
        epochs: passes through the pictures.
        seed: of the initial weights, the shuffling and the noise.
        callbacks: of Keras.
        n_latent, hidden_units: of the networks.

    Returns:
        The VAE.

    Raises:
        TypeError, ValueError: an argument does not fit.
    """
    x, epochs = inputs.images(x, "x", size=(28, 28)), inputs.whole_number(epochs, "epochs", least=1)
    set_seed(seed)
    encoder = conditional_encoder(n_latent, 10, hidden_units)
    vae = ConditionalVAE(encoder, conditional_decoder(n_latent, 10, hidden_units), seed)
    steps = max(1, len(x) // 64)
    vae.compile(keras.optimizers.Adam(0.002), steps_per_execution=steps, jit_compile=False)
    vae.fit(x, labels, batch_size=64, epochs=epochs, callbacks=list(callbacks), verbose=0)
    return vae


# ---------------------------------------------------------------- the conditional GAN


class ConditionalGAN(keras.Model):
    """A GAN whose generator is asked for a label, and whose discriminator knows what was asked.

    Args:
        generator: a Keras model from [codes, one-hot labels] to pictures.
        discriminator: a Keras model from [pictures, one-hot labels] to one logit, shape (n, 1).
        seed: of the codes that `fit` draws.

    `fit(x, labels)` takes pictures in [-1, 1], or points, one row each, and whole numbers. The
    fakes of a step are asked for the labels of its real batch. Calling it with
    [codes, one-hot labels] draws. It is not made to be saved with Keras.

    Raises:
        TypeError, ValueError: networks, pictures, labels or options that do not fit.
    """

    @checked_by(_told_networks)
    def __init__(self, generator, discriminator, seed=None):
        """Assemble the parts; see the class."""
        super().__init__()
        self.generator, self.discriminator = generator, discriminator
        self.n_latent, self.n_classes = (part.shape[1] for part in generator.inputs)
        self.noise = keras.random.SeedGenerator(seed)
        self.averages = [keras.metrics.Mean(n) for n in ("discriminator_loss", "generator_loss")]
        self.built = True  # because its parts are

    @compiled_with("generator_optimizer", "discriminator_optimizer")
    @checked_by(fitting_optimisers)
    def compile(self, generator_optimizer, discriminator_optimizer, **kwargs):
        """Give each network its optimiser."""
        super().compile(discriminator_optimizer, **kwargs)
        self.generator_optimizer = generator_optimizer
        self.generator_optimizer.build(self.generator.trainable_variables)
        self.optimizer.build(self.discriminator.trainable_variables)

    def call(self, z_and_y, training=False):
        """The pictures of [codes, one-hot labels]."""
        return self.generator(z_and_y, training=training)

    def fakes_of(self, y):
        """Pictures of new codes, one for each of the one-hot labels, drawn as in training."""
        z = keras.random.uniform((ops.shape(y)[0], self.n_latent), -1, 1, seed=self.noise)
        return self([z, y], training=True)

    @no_losses_of_parts
    def train_step(self, data):
        """One step of each network on a batch; both are told the labels."""
        x, y = data
        fakes = self.fakes_of(y)
        with tf.GradientTape() as tape:
            pair = [self.discriminator([pictures, y], training=True) for pictures in (x, fakes)]
            loss_d = discriminator_loss(*pair)
        descend(tape, loss_d, self.discriminator, self.optimizer)
        with tf.GradientTape() as tape:
            loss_g = generator_loss(self.discriminator([self.fakes_of(y), y], training=True))
        descend(tape, loss_g, self.generator, self.generator_optimizer)
        for average, loss in zip(self.averages, (loss_d, loss_g), strict=True):
            average.update_state(loss)
        return {average.name: average.result() for average in self.averages}

    def draw_fakes(self, n):
        """n fakes with all labels in turn: what `gan.use_averaged_weights` asks for."""
        return self.fakes_of(ops.one_hot(ops.arange(n) % self.n_classes, self.n_classes))

    def fit(self, x, labels, **kwargs):
        """Keras's `fit`; see the class for what it takes."""
        return _fit(self, x, labels, -1.0, shape_of(self.discriminator, "input")[0], **kwargs)


@sizes("n_latent", "n_classes", "filters", "hidden_units")
def conditional_generator(n_latent=16, n_classes=10, filters=8, hidden_units=64):
    """A code and a label to maps of 7 x 7, doubled twice, to 28 x 28 pixels in [-1, 1]."""
    z, y = keras.Input((n_latent,)), keras.Input((n_classes,))
    x = layers.Concatenate()([z, y])
    for units in (hidden_units, 7 * 7 * 2 * filters):
        x = layers.Dense(units, use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.Reshape((7, 7, 2 * filters))(x)
    x = layers.Conv2DTranspose(filters, 4, strides=2, padding="same", use_bias=False)(x)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.Conv2DTranspose(1, 4, strides=2, padding="same", activation="tanh")(x)
    return keras.Model([z, y], layers.Reshape((28, 28))(x))


@sizes("n_classes", "filters", shares=("dropout",))
def projection_discriminator(n_classes=10, filters=8, dropout=0.0):
    """How real a picture looks, plus how well it fits its label: one logit.

    logit(x, y) = w.f(x) + w_y.f(x), with features f of the picture and a row w_y for each label.
    """
    x, y = keras.Input((28, 28)), keras.Input((n_classes,))
    hidden = layers.Reshape((28, 28, 1))(x)
    for n_filters in (filters, 2 * filters):
        hidden = layers.Conv2D(n_filters, 4, strides=2, padding="same")(hidden)
        hidden = layers.Dropout(dropout)(layers.LeakyReLU(0.2)(hidden))
    f = layers.LeakyReLU(0.2)(layers.Dense(128)(layers.Flatten()(hidden)))
    fits = layers.Dot(axes=1)([layers.Dense(128, use_bias=False)(y), f])
    return keras.Model([x, y], layers.Add()([layers.Dense(1)(f), fits]))


def train_gan(x, labels, epochs, seed, callbacks=(), filters=8):
    """Make a `ConditionalGAN` of convolutional networks, train it, and average its weights.

    Args:
        x: pictures, shape (n, 28, 28), in [0, 1].
        labels: whole numbers from 0 to 9, shape (n,).
        epochs: passes through the pictures, in batches of 32.
        seed: of the initial weights, the shuffling and the codes.
        callbacks: of Keras.
        filters: of both networks.

    Returns:
        The GAN, whose generator has the running average of its weights.

    Raises:
        TypeError, ValueError: an argument does not fit.
    """
    x, epochs = inputs.images(x, "x", size=(28, 28)), inputs.whole_number(epochs, "epochs", least=1)
    set_seed(seed)
    players = conditional_generator(filters=filters), projection_discriminator(filters=filters)
    gan = ConditionalGAN(*players, seed)
    average = {"use_ema": True, "ema_momentum": 0.995}
    movers = keras.optimizers.Adam(0.001, 0.5, **average), keras.optimizers.Adam(0.001, 0.5)
    gan.compile(*movers, steps_per_execution=50, jit_compile=False)
    options = {"batch_size": 32, "epochs": epochs, "callbacks": list(callbacks), "verbose": 0}
    gan.fit(2 * x - 1, labels, **options)
    use_averaged_weights(gan)
    return gan


@sizes("n_classes", "n_latent")
def point_networks(n_classes, hears=1.0, n_latent=8):
    """Two small networks for points in the plane, whose label is multiplied by a number.

    Args:
        n_classes: how many labels there are.
        hears: what the discriminator multiplies its label by; 0 lets it ignore the label.
        n_latent: numbers in a code.

    Returns:
        The generator and the discriminator, for `ConditionalGAN`.

    Raises:
        TypeError, ValueError: an argument does not fit.
    """
    hears = inputs.real_number(hears, "hears")

    def network(n_in, n_out, loud):
        x, y = keras.Input((n_in,)), keras.Input((n_classes,))
        hidden = layers.Concatenate()([x, layers.Rescaling(loud)(y)])
        for _ in range(2):
            hidden = layers.Dense(64, activation="relu")(hidden)
        return keras.Model([x, y], layers.Dense(n_out)(hidden))

    return network(n_latent, 2, 1.0), network(2, 1, hears)


# ---------------------------------------------------------------- what a judge says


def verdict(classifier, real, real_labels, images, asked):
    """Obedience, distance and variety of pictures that were asked for, cut at grey level 1/2.

    Args:
        classifier: from `evaluation.train_classifier`, of black-and-white digits.
        real: features of real digits, from `evaluation.features`.
        real_labels: their labels.
        images: what was drawn, shape (n, 28, 28) or flat, in [0, 1] up to rounding.
        asked: the labels that were asked for, shape (n,).

    Returns:
        A dictionary: "obedience"; "distance", the mean of `distance_by_kind`; and "variety", over
        that of the real digits.

    Raises:
        TypeError, ValueError: as for the functions that it calls.
    """
    images = inputs.drawable(images, "images")
    black = binarise_by_threshold(np.clip(images, 0, 1))
    found = evaluation.features(classifier, black)
    return {
        "obedience": obedience(classifier, black, asked),
        "distance": float(distance_by_kind(real, real_labels, found, asked).mean()),
        "variety": variety(found, asked) / variety(real, real_labels),
    }


def ink_and_slant(images):
    """Two marks of a hand: how much ink a picture has, and how far its strokes lean.

    Args:
        images: shape (n, height, width), each with ink in two rows or more.

    Returns:
        shape (2, n): the sum of the grey levels; and the slope of the line that tells, row by row,
        where the ink lies, in pixels to the right for each pixel down.

    Raises:
        TypeError, ValueError: these are no pictures, or one is blank or has ink in one row only.
    """
    images = inputs.drawable(images, "images").astype(np.float64)
    ink = images.sum(axis=(1, 2))
    if not (ink > 0).all():
        raise ValueError("images holds a blank picture: it has no slant.")
    if ((images > 0).any(axis=2).sum(axis=1) < 2).any():
        raise ValueError("images holds a picture with ink in one row only: it has no slant.")
    down, across = np.mgrid[: images.shape[1], : images.shape[2]]
    share = images / ink[:, None, None]
    middle = [(share * place).sum(axis=(1, 2))[:, None, None] for place in (down, across)]
    down, across = down - middle[0], across - middle[1]
    leaning = (share * down * across).sum(axis=(1, 2))
    return np.array([ink, leaning / (share * down**2).sum(axis=(1, 2))])


def obedience(classifier, images, labels):
    """The share of pictures that a classifier reads as what was asked for.

    Args:
        classifier: from `evaluation.train_classifier`.
        images: of the size that it reads, values in [0, 1].
        labels: what was asked for, shape (n,).

    Returns:
        A number from 0 to 1. Caveat: on real digits the classifier errs too, so its own accuracy
        belongs beside it; and a model that draws one perfect 7 again and again obeys perfectly.

    Raises:
        TypeError, ValueError: as for `evaluation.accuracy`.
    """
    return evaluation.accuracy(classifier, images, labels)


def distance_by_kind(real_features, real_labels, fake_features, fake_labels):
    """The squared Frechet distance of each kind to the real pictures of that kind.

    Args:
        real_features, fake_features: from `evaluation.features` of one classifier.
        real_labels, fake_labels: the kind of each row; for fakes, what was asked for.

    Returns:
        shape (n_kinds,), for the kinds of `real_labels` in ascending order. Caveat: it is too
        large by an amount that falls like 1 / n, n the rows of a kind; put real against real
        beside it, at equal numbers.

    Raises:
        TypeError: these are no numbers.
        ValueError: shapes that do not fit, or a kind with fewer than two rows on a side.
    """
    real, fake = _by_kind(real_features, real_labels, "real"), None
    fake = _by_kind(fake_features, fake_labels, "fake")
    missing = [kind for kind in real if kind not in fake]
    if missing:
        raise ValueError(f"fake_labels has no {missing[0]}, and real_labels has: ask for all.")
    return np.array([evaluation.frechet_distance(real[kind], fake[kind]) for kind in real])


def variety(features, labels):
    """How different the pictures of one kind are: the variance of their features, summed.

    Args:
        features: from `evaluation.features`, shape (n, n_features).
        labels: the kind of each row.

    Returns:
        The mean over the kinds of the trace of a kind's covariance, at least 0. Divide it by the
        value of real digits: 1 is as varied as they are. Caveat: nonsense is varied too.

    Raises:
        TypeError: these are no numbers.
        ValueError: shapes that do not fit, or a kind with fewer than two rows.
    """
    groups = _by_kind(features, labels, "").values()
    return float(np.mean([group.var(axis=0, ddof=1).sum() for group in groups]))


def _by_kind(features, labels, side):
    """Rows of features, a group for each label; `side` is part of the arguments' names."""
    names = [f"{side}_{name}" if side else name for name in ("features", "labels")]
    features = inputs.rows(features, names[0])
    labels = inputs.labels(labels, names[1])
    if len(labels) != len(features):
        raise ValueError(
            f"{names[1]} has {len(labels)} entries and {names[0]} {len(features)} rows: one each."
        )
    groups = {int(kind): features[labels == kind] for kind in np.unique(labels)}
    for kind, group in groups.items():
        if len(group) < 2:
            raise ValueError(f"{names[1]} has one {kind} only: at least two of a kind are needed.")
    return groups
