"""Diffusion: noise taken away in small steps, for codes and other short rows of numbers.

It is a variational autoencoder whose encoder is fixed. The encoder mixes z, the data, with standard
normal noise: z_t = signal_t z + noise_t epsilon, with signal_t^2 + noise_t^2 = 1. Time t runs from
0, nearly all signal, to 1, nearly all noise. A network guesses epsilon from z_t, and with it a way
back is known. Terms are summed over the numbers of a row, one value a row, in nats.

References:
    Sohl-Dickstein et al. (2015), Deep unsupervised learning using nonequilibrium thermodynamics.
    Ho, Jain and Abbeel (2020), Denoising diffusion probabilistic models: eqs. 4, 5, 12 and 14.
    Song, Meng and Ermon (2021), Denoising diffusion implicit models: eq. 12 without noise.
    Kingma et al. (2021), Variational diffusion models: section 4, the sum over steps.
    Salimans and Ho (2022), Progressive distillation: appendix D, signal and noise on a circle.
    Ho and Salimans (2021), Classifier-free diffusion guidance: eq. 6.
"""

import itertools
import math

import numpy as np

from helpers import inputs
from helpers.batches import by_name, refuse_weights
from helpers.conditional import called_one_way
from helpers.networks import (
    checked_by,
    compiled_with,
    follow_frozen_parts,
    is_symbolic,
    one_number,
    seed_or_none,
    shape_of,
    sizes,
    tensors,
)
from helpers.runtime import keras, resumable, tf
from helpers.vae import gaussian_kl

ops = keras.ops
MARGIN = 0.02  # of the angle at either end: no time is without signal or without noise


# ---------------------------------------------------------------- around the taught code


def _of_times(*names, list_that=None):
    """A decorator: the arguments of these names lie in [0, 1], if their values are known.

    With list_that = "rise" or "fall" they are lists of two times or more; else each is one time,
    or a column with one for each row.
    """

    def check(given):
        for name in names:
            _refuse_times(given[name], name, list_that)

    return checked_by(check)


def _refuse_times(times, name, list_that):
    if is_symbolic(times):
        return
    values = inputs.numbers_of(times, name)
    if values.size == 0:
        raise ValueError(f"{name} is empty: shape {values.shape}.")
    if not (np.isfinite(values).all() and values.min() >= 0 and values.max() <= 1):
        wrong = values[~(np.isfinite(values) & (values >= 0) & (values <= 1))][0]
        raise ValueError(f"{name} contains {wrong:g}: 0 is nearly all signal, 1 nearly all noise.")
    if list_that is None:
        if not (values.ndim == 0 or values.shape[1:] == (1,)):
            raise ValueError(f"{name} has shape {values.shape}: give a number, or shape (n, 1).")
        return
    steps = np.diff(values) if values.ndim == 1 else np.zeros(0)
    if steps.size == 0 or not (steps > 0 if list_that == "rise" else steps < 0).all():
        raise ValueError(
            f"{name} must be a list of two or more that {list_that}, such as "
            f"np.linspace({'0, 1' if list_that == 'rise' else '1, 0'}, 51)."
        )


def _usable(given):
    """What takes a path is given: finite rows of floats, times of their type, and the rest."""
    if not callable(given["predict_noise"]):
        raise TypeError(
            f"predict_noise = {given['predict_noise']!r}: a function of (z, time) is needed."
        )
    if "rng" in given:
        inputs.random_generator(given["rng"])
    if "rounds" in given:
        given["rounds"] = inputs.whole_number(given["rounds"], "rounds", least=1)
    guess, z = given["predict_noise"], inputs.numbers_of(given["z"], "z")
    precision = np.float64 if z.dtype == np.float64 else np.float32
    given["z"] = inputs.rows(z, "z").astype(precision)
    given["times"] = np.asarray(given["times"], precision)
    given["predict_noise"] = lambda z, time: ops.cast(guess(z, time), precision.__name__)


def _asked(given):
    """What `Diffusion.predict_noise` is given: times in [0, 1], and labels that it knows."""
    _refuse_times(given["time"], "time", None)
    classes = given["self"].network.inputs[2].shape[1]
    if not is_symbolic(given["labels"]):
        _labels_or_none(np.atleast_1d(given["labels"]), None, classes)


def _fitting_parts(given):
    """What `Diffusion.__init__` is given: a network that fits, settings that make sense."""
    network, share = given["network"], given["hidden_labels"]
    if not isinstance(network, keras.Model):
        raise TypeError(f"network = {network!r}: a Keras model is needed: dense_denoiser.")
    takes, gives = shape_of(network, "input"), shape_of(network, "output")
    fits = isinstance(takes, list) and len(takes) == 3 and takes[1] == (1,)
    if not fits or takes[0] != gives:
        raise ValueError(
            f"network takes {takes} and gives {gives}: it must take rows, their times (1,) and "
            "labels, one number a kind, and give noise of the rows' shape: dense_denoiser."
        )
    called_one_way(network, "network")
    given["hidden_labels"] = inputs.real_number(share, "hidden_labels", least=0, most=1)
    given["seed"] = seed_or_none(given["seed"])


# ---------------------------------------------------------------- the fixed encoder


@_of_times("time")
@tensors("time")
def schedule(time):
    """How much signal and how much noise z_t holds: a point on a quarter of a circle.

    signal = cos(angle), noise = sin(angle), signal^2 + noise^2 = 1: data of variance 1 keep it.

    Args:
        time: from 0, nearly all signal, to 1, nearly all noise; a number, or shape (n, 1).

    Returns:
        signal and noise, each of the shape of time.

    Raises:
        TypeError: time is no number.
        ValueError: it lies outside [0, 1], or has another shape.
    """
    angle = MARGIN + (math.pi / 2 - 2 * MARGIN) * time
    return ops.cos(angle), ops.sin(angle)


@_of_times("time")
@tensors("z", "epsilon", "time")
@inputs.same_shape("z", "epsilon")
def add_noise(z, epsilon, time):
    """A draw of z_t, given the data and standard normal noise: signal z + noise epsilon.

    However small the steps in which noise is added, this is where they lead.

    Args:
        z: the data, shape (n, d).
        epsilon: standard normal draws, same shape.
        time: a number, or shape (n, 1).

    Returns:
        z_t, shape (n, d).

    Raises:
        TypeError: these are no numbers.
        ValueError: shapes that differ, or times outside [0, 1].
    """
    signal, noise = schedule(time)
    return signal * z + noise * epsilon


# ---------------------------------------------------------------- what is minimised


@tensors("epsilon", "predicted", axes=1)
@inputs.same_shape("epsilon", "predicted")
def denoising_loss(epsilon, predicted):
    """The squared error of the guessed noise, summed over a row.

    The guess with the least loss is the mean of epsilon given z_t, which is -noise times the score,
    the gradient of log p(z_t).

    Args:
        epsilon: the noise that was added, shape (n, d).
        predicted: the network's guess, same shape.

    Returns:
        shape (n,).

    Raises:
        TypeError: these are no numbers.
        ValueError: the shapes differ.
    """
    return ops.sum(ops.square(epsilon - predicted), axis=-1)


@_of_times("time", "next_time")
@tensors("time", "next_time")
def step_weight(time, next_time):
    """What a squared error of the noise costs in a step from time to next_time, in nats.

    The KL divergence of the encoder's step back, which knows z, from the model's, which guesses it,
    is step_weight times denoising_loss: with the ratio r of signal^2 / noise^2, after the step to
    before, the weight is (r - 1) / 2.

    Args:
        time: before the step back, the noisier one.
        next_time: after it.

    Returns:
        A number for each; positive if next_time is smaller.

    Raises:
        TypeError, ValueError: as for `schedule`.
    """
    (signal, noise), (next_signal, next_noise) = schedule(time), schedule(next_time)
    return 0.5 * (ops.square(next_signal * noise / (signal * next_noise)) - 1)


@_of_times("times", list_that="rise")
@checked_by(_usable)
def diffusion_bound(predict_noise, z, times, rng, rounds=50):
    """A lower bound on log p(z) of the model with these steps: the ELBO, in nats.

    log p(z|z_0) - sum over steps of step_weight * denoising_loss - KL(q(z_1|z) || N(0, I)), with
    p(z|z_0) = N(z_0 / signal_0, noise_0^2 / signal_0^2), whose mean is known. In each round every
    row looks at one step, drawn at random, in the name of all.

    Args:
        predict_noise: a function of (z_t, time) that returns a guess of shape (n, d).
        z: shape (n, d).
        times: an array of numbers that rise from 0 to 1. With more steps the bound of a good
            guesser comes closer, at no cost; of d * (len(times) - 1) small ones a nat is left.
        rng: a NumPy generator.
        rounds: how often.

    Returns:
        shape (n,). Each is an unbiased, noisy estimate of the row's bound: average over rows.

    Raises:
        TypeError, ValueError: arguments of another kind, times that do not rise, or rows that are
            not finite.
    """
    signal, noise = schedule(times[0])
    bound = -z.shape[-1] * (ops.log(noise / signal) + 0.5 * math.log(2 * math.pi * math.e))
    signal, noise = schedule(times[-1])
    bound -= gaussian_kl(signal * z, 2 * ops.log(noise) * ops.ones_like(z))
    for _ in range(rounds):
        step = rng.integers(len(times) - 1, size=(len(z), 1))
        epsilon = rng.standard_normal(z.shape).astype(z.dtype)
        time, next_time = times[step + 1], times[step]
        loss = denoising_loss(epsilon, predict_noise(add_noise(z, epsilon, time), time))
        bound -= (len(times) - 1) / rounds * step_weight(time, next_time)[:, 0] * loss
    return bound


# ---------------------------------------------------------------- the way back


@_of_times("time", "next_time")
@tensors("z", "predicted", "time", "next_time")
@inputs.same_shape("z", "predicted")
def denoise(z, predicted, time, next_time):
    """One step back, without new noise: guess the data, and mix it again with less noise.

    Args:
        z: z_t at `time`, shape (n, d).
        predicted: the noise that is guessed in it, same shape.
        time: of z.
        next_time: a smaller one.

    Returns:
        z at next_time, same shape.

    Raises:
        TypeError: these are no numbers.
        ValueError: shapes that differ, or times outside [0, 1].
    """
    signal, noise = schedule(time)
    return add_noise((z - noise * predicted) / signal, predicted, next_time)


@_of_times("times", list_that="fall")
@checked_by(_usable)
def draw_path(predict_noise, z, times):
    """Go from noise to data in the steps given, and keep every stop.

    Args:
        predict_noise: a function of (z_t, time) that returns a guess of shape (n, d).
        z: standard normal draws, shape (n, d).
        times: falling, from 1 to 0, such as np.linspace(1, 0, 51) for 50 steps.

    Returns:
        shape (len(times), n, d); the last are the draws.

    Raises:
        TypeError, ValueError: arguments of another kind, times outside [0, 1], or rows that are
            not finite.
    """
    path = [z]
    for time, next_time in itertools.pairwise(times):
        path.append(denoise(path[-1], predict_noise(path[-1], time), time, next_time))
    return ops.stack(path)


@one_number("strength", least=-1)
@tensors("with_label", "without")
@inputs.same_shape("with_label", "without")
def guided_noise(with_label, without, strength):
    """Classifier-free guidance: exaggerate what the label changes in the guess.

    Args:
        with_label: the noise that is guessed with the label known, shape (n, d).
        without: the same without a label.
        strength: 0 takes the label as it is; above, it is obeyed more, and variety goes.

    Returns:
        A guess, same shape.

    Raises:
        TypeError: these are no numbers.
        ValueError: the shapes differ, or the strength is below -1 or not finite.
    """
    return with_label + strength * (with_label - without)


# ---------------------------------------------------------------- a network, and its training


@one_number("classes", inputs.whole_number, least=0)
@sizes("n", lists=("layers",))
def dense_denoiser(n, layers, classes=0):
    """Dense layers with SiLU that guess the noise in z_t, from its time and a label.

    The guess is noise * z_t + signal * correction. The first part is the best guess for data that
    are standard normal, and the correction is 0 before training.

    Args:
        n: numbers in a row.
        layers: units of each hidden layer, such as [256, 256].
        classes: kinds that a label tells apart; 0 if there are none.

    Returns:
        A Keras model: rows of shape (n_rows, n), times (n_rows, 1) and labels as ones and zeros
        (n_rows, classes) to a guess of the noise, (n_rows, n).
    """
    shapes = (n,), (1,), (classes,)
    z, time, label = inputs_of_network = [keras.Input(shape) for shape in shapes]
    waves = ops.cos(math.pi * time * np.arange(1, 9, dtype=np.float32))
    hidden = ops.concatenate([z, waves, label], axis=-1)
    for units in layers:
        hidden = keras.layers.Dense(units, activation="silu")(hidden)
    correction = keras.layers.Dense(n, kernel_initializer="zeros")(hidden)
    signal, noise = schedule(time)
    return keras.Model(inputs_of_network, noise * z + signal * correction)


@resumable
class Diffusion(keras.Model):
    """A network that learns to guess noise: denoising_loss at random times.

    Args:
        network: from rows, times and labels to a guess, such as `dense_denoiser` makes.
        hidden_labels: share of the labels that training hides, so that the network learns to do
            without one too.
        seed: of times, noise and hidden labels.

    `fit(z, labels)` takes rows of shape (n, d) and labels from 0 on, -1 for none; or `fit(z)`.
    Compile with `Adam(..., use_ema=True, ema_momentum=0.999)` for averaged weights: `fit` puts them
    in place at its end. The reported loss is per row, summed over its numbers. The network is
    called as in judging, so it may hold no layer that acts otherwise in training, and no losses of
    its own.

    Raises:
        TypeError, ValueError: parts, rows, labels or options that do not fit.
    """

    @checked_by(_fitting_parts)
    def __init__(self, network, hidden_labels=0.5, seed=None, **kwargs):
        """Assemble the parts; see the class."""
        super().__init__(**kwargs)
        self.network = network
        self.hidden_labels = hidden_labels
        self.random = keras.random.SeedGenerator(seed)
        self.average = keras.metrics.Mean("loss")
        self.built = True  # because the network is

    @compiled_with("optimizer")
    def compile(self, optimizer, **kwargs):
        """Choose the optimiser; its variables are made here."""
        super().compile(optimizer, **kwargs)
        self.optimizer.build(self.trainable_variables)

    @checked_by(_asked)
    def predict_noise(self, z, time, labels=-1):
        """The network's guess for rows at one time, or one each; label -1 is none."""
        z, time = ops.cast(z, "float32"), ops.cast(time, "float32")
        n = ops.shape(z)[0]
        time, labels = ops.broadcast_to(time, (n, 1)), ops.broadcast_to(labels, (n,))
        return self.network([z, time, ops.one_hot(labels, self.network.inputs[2].shape[1])])

    def train_step(self, data):
        """One step of the optimiser: noise of a random strength on each row of a batch."""
        z, labels, _ = keras.utils.unpack_x_y_sample_weight(data)
        n, seed = ops.shape(z)[0], self.random
        time = keras.random.uniform((n, 1), seed=seed)
        epsilon = keras.random.normal(ops.shape(z), seed=seed)
        hidden = keras.random.uniform((n,), seed=seed) < self.hidden_labels
        labels = -1 if labels is None else ops.where(hidden, -1, labels)
        with tf.GradientTape() as tape:
            predicted = self.predict_noise(add_noise(z, epsilon, time), time, labels)
            loss = ops.mean(denoising_loss(epsilon, predicted))
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply(gradients, self.trainable_variables)
        self.average.update_state(loss)
        return {"loss": self.average.result()}

    def fit(self, *args, **kwargs):
        """Keras's `fit`; see the class for what rows and labels must be."""
        given = by_name(keras.Model.fit, args, kwargs)
        refuse_weights(given)
        shapes = self.network.inputs[0].shape[1], self.network.inputs[2].shape[1]
        given["x"] = inputs.rows(given.get("x"), "z", columns=shapes[0]).astype(np.float32)
        if given.get("y") is not None:
            given["y"] = _labels_or_none(given["y"], len(given["x"]), shapes[1])
        if self.compiled:
            follow_frozen_parts(self, [(self.optimizer, self)])
        return super().fit(**given)

    def get_config(self):
        """What `from_config` needs to make such a model anew; Keras adds the weights."""
        config = {"network": keras.saving.serialize_keras_object(self.network)}
        config |= {"hidden_labels": self.hidden_labels, "name": self.name}
        return config | {"seed": self.random.get_config()["seed"]}


def _labels_or_none(labels, n, classes):
    """Labels from 0 on as they are, and -1 for none."""
    values = inputs.numbers_of(labels, "labels")
    known = np.where(values == -1, 0, values)
    inputs.labels(known, "labels", n=n, classes=max(classes, 1))
    if classes == 0 and (values != -1).any():
        raise ValueError("labels: this network knows none, it has classes = 0: leave them out.")
    return values.astype(np.int64)
