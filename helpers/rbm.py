"""The restricted Boltzmann machine (RBM) with binary units, in plain NumPy.

    E(v, h) = -b.v - c.h - v.W.h        p(v, h) = exp(-E(v, h)) / Z

Small functions hold the formulas; they take arrays, work in float32 as in float64, and check
nothing, for they run at each step of a training. What is called once checks what it is given:
`log_sum_exp`, `base_rate_bias`, `binary_states`, `train`, and the class `RBM`, which holds the
parameters (float32). Every energy, likelihood and log Z is in nats; a batch has one row per image,
and images may have any size.

References:
    Hinton (2002), Training products of experts by minimizing contrastive divergence: CD-k.
    Tieleman (2008), Training RBMs using approximations to the likelihood gradient: PCD.
    Montavon and Müller (2012), Deep Boltzmann machines and the centering trick.
    Melchior, Fischer and Wiskott (2016), How to center deep Boltzmann machines: eqs. 8 to 10.
"""

import json
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np

from helpers import inputs

FILE_VERSION = 2
PARAMETERS = ("W", "visible_bias", "hidden_bias")
MOST_UNITS_TO_ENUMERATE = 25
LARGEST_PARAMETER = 100  # exp(-100) is about the smallest number that float32 holds


# ---------------------------------------------------------------- formulas


def sigmoid(x):
    """1 / (1 + exp(-x)), written with tanh so that no exponential can overflow."""
    return 0.5 * (1.0 + np.tanh(0.5 * x))


def softplus(x):
    """log(1 + exp(x)) without overflow; its derivative is the sigmoid."""
    return np.maximum(x, 0.0) + np.log1p(np.exp(-np.abs(x)))


def log_sum_exp(x):
    """log of the sum of exp(x) over a whole array, without overflow.

    Args:
        x: numbers, in an array of any shape that is not empty; -inf adds nothing.

    Returns:
        A number.

    Raises:
        TypeError: these are no numbers.
        ValueError: there are none, or one is NaN.
    """
    x = inputs.numbers_of(x, "x")
    if x.size == 0 or np.isnan(x.max()):
        raise ValueError(f"x of shape {x.shape} is empty or contains NaN: look where it is made.")
    x = x if x.dtype.kind == "f" else x.astype(np.float64)
    largest = x.max()
    if np.isinf(largest):
        return float(largest)
    return float(largest + np.log(np.exp(x - largest).sum()))


def energy(v, h, W, visible_bias, hidden_bias):
    """E(v, h) = -b.v - c.h - v.W.h for each pair of rows, shape (n,), in nats."""
    return -(v @ visible_bias) - h @ hidden_bias - ((v @ W) * h).sum(axis=1)


def free_energy(v, W, visible_bias, hidden_bias):
    """F(v) = -b.v - sum_j log(1 + exp(c_j + (v W)_j)), so p(v) = exp(-F(v)) / Z; shape (n,)."""
    return -(v @ visible_bias) - softplus(v @ W + hidden_bias).sum(axis=1, dtype=np.float64)


def hidden_probability(v, W, hidden_bias):
    """p(h_j = 1 | v) = sigmoid(c_j + (v W)_j), shape (n, n_hidden)."""
    return sigmoid(v @ W + hidden_bias)


def visible_probability(h, W, visible_bias):
    """p(v_i = 1 | h) = sigmoid(b_i + (W h)_i), shape (n, n_visible)."""
    return sigmoid(h @ W.T + visible_bias)


def sample_bernoulli(probability, rng):
    """One independent draw of 0 or 1 (float32) for each probability."""
    uniform = rng.random(probability.shape, dtype=np.float32)
    return (uniform < probability).astype(np.float32)


def base_rate_bias(v):
    """The visible biases that alone give each pixel its mean: log(mean / (1 - mean)).

    Used to start training, and as the base model of annealed importance sampling.

    Args:
        v: images in [0, 1], shape (n, n_visible). One white and one black image are counted on
            top, so that a pixel that never changes keeps a finite bias.

    Returns:
        float32, shape (n_visible,).

    Raises:
        TypeError: these are no numbers.
        ValueError: another shape, NaN, or values outside [0, 1].
    """
    v = checked_units("v", v, grey=True)
    mean = (v.sum(axis=0, dtype=np.float64) + 1.0) / (len(v) + 2.0)
    return np.log(mean / (1.0 - mean)).astype(np.float32)


def binary_states(n_units, start=0, stop=None):
    """Rows `start` to `stop` of the table of all 2**n_units states, as float64 zeros and ones.

    Args:
        n_units: from 1 to 62.
        start, stop: row numbers, as in a slice; all rows if they are left out. At most
            2**25 rows are made at once.

    Returns:
        Shape (stop - start, n_units); the first unit is the one that changes with every row.

    Raises:
        TypeError: these are no whole numbers.
        ValueError: they lie outside their ranges.
    """
    n_units = inputs.whole_number(n_units, "n_units", 1, 62)
    start = inputs.whole_number(start, "start", 0, 2**n_units)
    most = min(2**n_units, start + 2**MOST_UNITS_TO_ENUMERATE)
    stop = inputs.whole_number(2**n_units if stop is None else stop, "stop", start, most)
    numbers = np.arange(start, stop)
    return ((numbers[:, None] >> np.arange(n_units)) & 1).astype(np.float64)


# ---------------------------------------------------------------- learning


def negative_phase(h_probability, W, visible_bias, hidden_bias, gibbs_steps, rng):
    """Run `gibbs_steps` full Gibbs steps h -> v -> h from given hidden probabilities.

    CD-k starts from p(h | v_data), PCD from where the chains stopped after the last update.

    Args:
        h_probability: p(h = 1) at the start, shape (n, n_hidden).
        W, visible_bias, hidden_bias: the parameters.
        gibbs_steps: how many full steps, at least 1.
        rng: NumPy generator.

    Returns:
        v_model, samples of shape (n, n_visible), and p(h = 1 | v_model): in the gradient a
        probability does what the sample does on average, with less noise, so the last step draws
        no hidden sample.
    """
    for _ in range(gibbs_steps):
        h = sample_bernoulli(h_probability, rng)
        v_model = sample_bernoulli(visible_probability(h, W, visible_bias), rng)
        h_probability = hidden_probability(v_model, W, hidden_bias)
    return v_model, h_probability


def likelihood_gradient(v_data, h_data, v_model, h_model):
    """Gradient of the mean log-likelihood: positive phase minus negative phase.

    d/dW = <v h'>_data - <v h'>_model,   d/db = <v>_data - <v>_model,   d/dc likewise with h.
    Exact if v_model is drawn from the model; CD and PCD put short chains in its place.

    Args:
        v_data, v_model: shapes (n, n_visible) and (m, n_visible), each row counted equally.
        h_data, h_model: p(h = 1 | v) of the same rows.

    Returns:
        The gradients of W, visible_bias and hidden_bias, a direction of ascent.
    """
    n_data, n_model = len(v_data), len(v_model)
    W = v_data.T @ (h_data / n_data) - v_model.T @ (h_model / n_model)
    visible_bias = v_data.mean(axis=0) - v_model.mean(axis=0)
    hidden_bias = h_data.mean(axis=0) - h_model.mean(axis=0)
    return W, visible_bias, hidden_bias


def centred_gradient(v_data, h_data, v_model, h_model, visible_offset, hidden_offset):
    """The gradient as seen by an RBM whose units are measured from their offsets (mu, lambda).

    W sees (v - mu)(h - lambda)'; the biases then give back what W's change did to the mean
    input of each unit. The model family is the same, the direction no longer depends on
    whether a pixel calls ink 1 or 0. With both offsets 0 it is `likelihood_gradient`.

    Args:
        v_data, h_data, v_model, h_model: as for `likelihood_gradient`.
        visible_offset: mu, shape (n_visible,).
        hidden_offset: lambda, shape (n_hidden,).

    Returns:
        The gradients of W, visible_bias and hidden_bias, a direction of ascent.
    """
    W, visible_bias, hidden_bias = likelihood_gradient(
        v_data - visible_offset,
        h_data - hidden_offset,
        v_model - visible_offset,
        h_model - hidden_offset,
    )
    return W, visible_bias - W @ hidden_offset, hidden_bias - visible_offset @ W


def momentum_step(parameter, velocity, gradient, step_size, momentum):
    """Climb: velocity <- momentum * velocity + step_size * gradient, added to the parameter.

    Both arrays are changed in place, so an interrupted training keeps what it has learnt.
    """
    velocity *= momentum
    velocity += step_size * gradient
    parameter += velocity


# ---------------------------------------------------------------- the model


class GibbsState(NamedTuple):
    """One full Gibbs step: hidden sample h, then p(v = 1 | h), then the visible sample v."""

    h: np.ndarray
    visible_probability: np.ndarray
    v: np.ndarray


class TrainingState(NamedTuple):
    """Where a training stands after a whole epoch: what `train(..., resume=True)` goes on from.

    Attributes:
        epoch: epochs done.
        W_velocity, visible_velocity, hidden_velocity: the last changes of the parameters.
        h_model: p(h = 1) of the persistent chains, shape (persistent_chains, n_hidden).
        visible_offset, hidden_offset: running means of data and of hidden probabilities.
        rng: the state of the random generator.
    """

    epoch: int
    W_velocity: np.ndarray
    visible_velocity: np.ndarray
    hidden_velocity: np.ndarray
    h_model: np.ndarray
    visible_offset: np.ndarray
    hidden_offset: np.ndarray
    rng: dict


class RBM:
    """A binary RBM: parameters W (n_visible, n_hidden), visible_bias and hidden_bias, float32.

    Args:
        n_visible, n_hidden: numbers of units, any size.
        rng: NumPy generator. `np.random.Generator(np.random.SFC64(seed))` is the quickest.
        weight_std: standard deviation of the initial normal weights.
        visible_bias: initial b, shape (n_visible,); zeros if None. `base_rate_bias(v_train)`
            lets learning start from the right mean image.

    Attributes:
        settings: what `train` was asked for.
        training: where `train` stands, a `TrainingState`; None before it began.

    Raises:
        TypeError: an argument is of another type, such as a seed in place of a generator.
        ValueError: a number of units is below 1, or the bias does not fit.

    Its methods raise the same two, and name the argument, where they are given rows that do not
    fit or are not binary, or where the parameters have been set to NaN or to other shapes.
    """

    def __init__(self, n_visible, n_hidden, rng, weight_std=0.01, visible_bias=None):
        """Draw small weights; see the class."""
        n_visible = inputs.whole_number(n_visible, "n_visible", least=1)
        n_hidden = inputs.whole_number(n_hidden, "n_hidden", least=1)
        weight_std = inputs.real_number(weight_std, "weight_std", 0, LARGEST_PARAMETER)
        rng = inputs.random_generator(rng)
        normal = rng.standard_normal((n_visible, n_hidden), dtype=np.float32)
        self.W = np.float32(weight_std) * normal
        self.hidden_bias = np.zeros(n_hidden, dtype=np.float32)
        self.visible_bias = np.zeros(n_visible, dtype=np.float32)
        if visible_bias is not None:
            self.visible_bias[:] = checked_bias(visible_bias, n_visible)
        self.settings, self.training = {}, None

    def energy(self, v, h):
        """E(v, h) per row, shape (n,), in nats; v and h have equally many rows."""
        v, h = self._checked(v), self._checked_hidden(h)
        if len(v) != len(h):
            raise ValueError(f"v has {len(v)} rows and h has {len(h)}: they must be the same.")
        return energy(v, h, self.W, self.visible_bias, self.hidden_bias)

    def free_energy(self, v):
        """F(v) per row, shape (n,), in nats; v must be binary."""
        return free_energy(self._checked(v), self.W, self.visible_bias, self.hidden_bias)

    def hidden_probability(self, v):
        """p(h = 1 | v), shape (n, n_hidden); v may hold probabilities."""
        return hidden_probability(self._checked(v, grey=True), self.W, self.hidden_bias)

    def sample_hidden(self, v, rng):
        """h ~ p(h | v), shape (n, n_hidden)."""
        return sample_bernoulli(self.hidden_probability(v), inputs.random_generator(rng))

    def visible_probability(self, h):
        """p(v = 1 | h), shape (n, n_visible); h may hold probabilities."""
        h = self._checked_hidden(h, grey=True)
        return visible_probability(h, self.W, self.visible_bias)

    def sample_visible(self, h, rng):
        """v ~ p(v | h), shape (n, n_visible)."""
        return sample_bernoulli(self.visible_probability(h), inputs.random_generator(rng))

    def gibbs(self, v, rng):
        """An endless iterator of chain states, one `GibbsState` for each full step from v.

        The start itself is not among them. `itertools.islice(rbm.gibbs(v, rng), 200)` takes 200.
        """
        v, rng = self._checked(v), inputs.random_generator(rng)
        while True:
            h = sample_bernoulli(hidden_probability(v, self.W, self.hidden_bias), rng)
            probability = visible_probability(h, self.W, self.visible_bias)
            v = sample_bernoulli(probability, rng)
            yield GibbsState(h, probability, v)

    def log_partition(self):
        """Exact log Z in nats, in float64, by enumerating the smaller side.

        Raises:
            ValueError: above 25 units on the smaller side; each unit doubles the time.
        """
        return log_sum_exp(self._minus_free_energies())

    def exact_samples(self, n, rng):
        """n independent exact draws of v, by enumerating the smaller side; (n, n_visible)."""
        n, rng = inputs.whole_number(n, "n", least=1), inputs.random_generator(rng)
        minus_free_energies = self._minus_free_energies()
        cumulative = np.cumsum(np.exp(minus_free_energies - minus_free_energies.max()))
        chosen = np.searchsorted(cumulative, cumulative[-1] * rng.random(n), side="right")
        states = ((chosen[:, None] >> np.arange(min(self.W.shape))) & 1).astype(np.float32)
        enumerated_hidden = self.W.shape[1] <= self.W.shape[0]
        return self.sample_visible(states, rng) if enumerated_hidden else states

    def _minus_free_energies(self, chunk=1024):
        """-F of all states of the smaller side, the other side summed out."""
        self._check()
        parameters = self.W.T, self.hidden_bias, self.visible_bias
        if self.W.shape[0] < self.W.shape[1]:
            parameters = self.W, self.visible_bias, self.hidden_bias
        W, own_bias, other_bias = (parameter.astype(np.float64) for parameter in parameters)
        n_units = len(own_bias)
        if n_units > MOST_UNITS_TO_ENUMERATE:
            raise ValueError(
                f"{n_units} units on the smaller side: 2**{n_units} states are too many to "
                f"enumerate (at most {MOST_UNITS_TO_ENUMERATE}). Use annealed_importance_sampling."
            )
        minus_free_energies = np.empty(2**n_units)
        for start in range(0, 2**n_units, chunk):
            stop = min(start + chunk, 2**n_units)
            states = binary_states(n_units, start, stop)
            minus_free_energies[start:stop] = -free_energy(states, W, own_bias, other_bias)
        return minus_free_energies

    def log_likelihood(self, v, log_z):
        """log p(v) = -F(v) - log Z per image, shape (n,), in nats.

        Args:
            v: binary rows.
            log_z: one number, from `log_partition`, or the `log_z` of an estimate.

        Returns:
            Shape (n,).

        Raises:
            TypeError: log_z is no number, but the whole estimate, say.
            ValueError: it is not finite, or v does not fit.
        """
        if hasattr(log_z, "log_z"):
            raise TypeError(f"log_z is a whole {type(log_z).__name__}: give estimate.log_z.")
        log_z = inputs.real_number(log_z, "log_z")
        return -self.free_energy(v) - log_z

    def pseudo_likelihood(self, v, rng):
        """Estimate of sum_i log p(v_i | all other pixels) per image, shape (n,), in nats.

        Flips one random pixel i per image: n_visible * log sigmoid(F(flipped) - F(v)).
        Caveat: cheap, but it does not rank models as the likelihood does.
        """
        v, rng = self._checked(v), inputs.random_generator(rng)
        rows, n_visible = np.arange(len(v)), v.shape[1]
        pixels = rng.integers(n_visible, size=len(v))
        flipped = v.copy()
        flipped[rows, pixels] = 1.0 - v[rows, pixels]
        return -n_visible * softplus(self.free_energy(v) - self.free_energy(flipped))

    def reconstruction_error(self, v, rng):
        """Mean squared pixel difference of v and p(v | h), h ~ p(h | v); per image, shape (n,).

        Caveat: it is no likelihood; a chain that does not move has a perfect one.
        """
        v = self._checked(v)
        return ((v - self.visible_probability(self.sample_hidden(v, rng))) ** 2).mean(axis=1)

    def save(self, path):
        """Write parameters, settings and the state of the training to an .npz file, no pickle.

        Args:
            path: of the file, used as it is; ~ is the home folder.

        Raises:
            TypeError: it is no name of a file.
            ValueError: parameters are NaN or do not fit.
        """
        path = _checked_path(path)
        self._check()
        arrays = {name: getattr(self, name) for name in PARAMETERS}
        training = self.training._asdict() if self.training else {}
        texts = {"settings": self.settings, "rng": training.pop("rng", None)}
        arrays |= {name: json.dumps(content, default=_plain) for name, content in texts.items()}
        with open(path, "wb") as file:
            np.savez_compressed(file, version=FILE_VERSION, **arrays, **training)

    @classmethod
    def load(cls, path):
        """Read an RBM that `save` wrote.

        Args:
            path: of the file.

        Returns:
            The RBM, its parameters as float32.

        Raises:
            TypeError: the path is no name of a file.
            FileNotFoundError: there is no such file.
            ValueError: the file holds anything else, or arrays that do not fit or are not finite.
        """
        path = _checked_path(path)
        try:
            with np.load(path, allow_pickle=False) as file:
                saved = dict(file)
        except FileNotFoundError:
            raise
        except Exception as error:  # damage can raise almost anything
            raise ValueError(f"{path} is not a file that RBM.save wrote: {error}") from error
        if saved.get("version") != FILE_VERSION:
            raise ValueError(
                f"{path} has RBM file version {saved.get('version')}, this code reads "
                f"{FILE_VERSION}: train and save the model again."
            )
        in_training = str(saved.get("rng", "null")) != "null"
        wanted = {*PARAMETERS, "settings", "rng", *(TrainingState._fields if in_training else ())}
        missing = wanted - saved.keys()
        if missing:
            raise ValueError(f"{path} lacks {', '.join(sorted(missing))}: save the model again.")
        rbm = cls.__new__(cls)
        try:
            for name in PARAMETERS:
                setattr(rbm, name, _float32(saved[name], name))
            rbm._check()
            rbm.settings = dict(json.loads(str(saved["settings"])))
            rbm.training = _read_training(rbm, saved) if in_training else None
        except Exception as error:
            raise ValueError(
                f"{path} is not as RBM.save wrote it: {error} Train and save the model again."
            ) from error
        return rbm

    def _check(self):
        """Raise an error unless the parameters, which anyone may set, fit and are finite."""
        for name in PARAMETERS:
            parameter = getattr(self, name)
            if not (isinstance(parameter, np.ndarray) and parameter.dtype.kind == "f"):
                raise TypeError(f"{name} is no NumPy array of floats: set it to one.")
            inputs.finite(parameter, name)
        shapes = [getattr(self, name).shape for name in PARAMETERS]
        if len(shapes[0]) != 2 or shapes[1:] != [shapes[0][:1], shapes[0][1:]]:
            raise ValueError(
                "W, visible_bias and hidden_bias have shapes {}, {} and {}: expected "
                "(n_visible, n_hidden), (n_visible,) and (n_hidden,).".format(*shapes)
            )

    def _checked(self, v, grey=False):
        self._check()
        return checked_units("v", v, self.W.shape[0], grey)

    def _checked_hidden(self, h, grey=False):
        self._check()
        return checked_units("h", h, self.W.shape[1], grey)


# ---------------------------------------------------------------- training


class Epoch(NamedTuple):
    """What `train` yields: epochs done, last step size, and the last v_model (chain states)."""

    number: int
    step_size: float
    v_model: np.ndarray


def train(
    rbm,
    v,
    rng,
    *,
    epochs,
    batch_size=64,
    gibbs_steps=1,
    persistent_chains=0,
    centred=False,
    step_size=0.1,
    final_step_size=None,
    momentum=0.0,
    weight_decay=0.0,
    resample=False,
    resume=False,
):
    """Train `rbm` in place by CD-k or PCD; an iterator that yields an `Epoch` after each epoch.

    Nothing happens until it is iterated: `for epoch in train(...): ...`. Monitor, draw or
    `break` in the loop; after a break or an interruption the RBM keeps what it has learnt.
    With `resume` a training that was broken off after a whole epoch, then or in a saved file,
    ends bit for bit where the unbroken one ends. One that was interrupted within an epoch cannot
    be resumed: save in the loop, and load the file of the last whole epoch.

    A training counts as diverged where an epoch ends with any weight or bias that is not finite
    or beyond +-100: one unit then decides another for certain, and samples no longer move. (On
    digits the largest of a healthy one is 10 to 20.) Caveat: a step size that is merely too large
    leaves hidden units that never change; that shows in the likelihood, not here.

    Args:
        rbm: an `RBM`.
        v: images, shape (n, n_visible), binary; in [0, 1] if `resample`; the same if `resume`.
        rng: NumPy generator; with `resume` it takes the state that it had then. Draw in the loop
            from another one: what the loop takes from this one is not repeated after a break.
        epochs: passes through the images, with `resume` those done before included.
        batch_size: images in an update; the last batch of an epoch may be smaller.
        gibbs_steps: k, full Gibbs steps per update.
        persistent_chains: 0 for CD-k (chains start at the data), else PCD with so many chains.
        centred: use `centred_gradient` with running means of data and hidden probabilities.
        step_size, final_step_size: the step goes linearly, update by update, from the first
            towards the second at the very end; constant if the second is None.
        momentum: share of the last change that is kept, in [0, 1).
        weight_decay: pulls W to 0 with the gradient -weight_decay * W.
        resample: draw v anew from its grey levels, read as probabilities, each time it is shown.
        resume: go on from `rbm.training`, with the settings of then.

    Yields:
        An `Epoch`.

    Raises:
        TypeError: an argument is of another type, such as a seed in place of a generator.
        ValueError: unusable values or data, or nothing to resume, or other settings.
        FloatingPointError: the training diverges.
    """
    rbm, rng = checked_rbm(rbm), inputs.random_generator(rng)
    epochs = inputs.whole_number(epochs, "epochs", least=1)
    batch_size = inputs.whole_number(batch_size, "batch_size", least=1)
    gibbs_steps = inputs.whole_number(gibbs_steps, "gibbs_steps", least=1)
    persistent_chains = inputs.whole_number(persistent_chains, "persistent_chains", least=0)
    step_size = inputs.real_number(step_size, "step_size", least=0)
    if final_step_size is not None:
        final_step_size = inputs.real_number(final_step_size, "final_step_size", least=0)
    momentum = inputs.real_number(momentum, "momentum", least=0, below=1)
    weight_decay = inputs.real_number(weight_decay, "weight_decay", least=0)
    centred, resample = _flag(centred, "centred"), _flag(resample, "resample")
    resume = _flag(resume, "resume")
    given = locals().items()
    settings = {key: value for key, value in given if key not in ("rbm", "v", "rng", "resume")}
    v = checked_units("v", v, rbm.W.shape[0], grey=resample)
    state = _resumed(rbm, settings, rng) if resume else _started(rbm, v, rng, persistent_chains)
    rbm.settings = settings
    first_epoch, *velocities, h_model, visible_offset, hidden_offset, _ = state
    parameters = rbm.W, rbm.visible_bias, rbm.hidden_bias
    final_step_size = step_size if final_step_size is None else final_step_size
    starts = range(0, len(v), batch_size)
    for epoch in range(first_epoch, epochs):
        rbm.training = None  # within an epoch there is no state to go on from
        order = rng.permutation(len(v))
        for batch, start in enumerate(starts):
            v_data = v[order[start : start + batch_size]]
            if resample:
                v_data = sample_bernoulli(v_data, rng)
            h_data = hidden_probability(v_data, rbm.W, rbm.hidden_bias)
            chain_start = h_model if persistent_chains else h_data
            v_model, chain_end = negative_phase(chain_start, *parameters, gibbs_steps, rng)
            if persistent_chains:
                h_model = chain_end
            if centred:
                visible_offset += 0.01 * (v_data.mean(axis=0) - visible_offset)
                hidden_offset += 0.01 * (h_data.mean(axis=0) - hidden_offset)
                gradients = centred_gradient(
                    v_data, h_data, v_model, chain_end, visible_offset, hidden_offset
                )
            else:
                gradients = likelihood_gradient(v_data, h_data, v_model, chain_end)
            if weight_decay:
                gradients = (gradients[0] - weight_decay * rbm.W, *gradients[1:])
            done = (epoch * len(starts) + batch) / (epochs * len(starts))
            step = step_size + done * (final_step_size - step_size)
            for arrays in zip(parameters, velocities, gradients, strict=True):
                momentum_step(*arrays, step, momentum)
        largest = np.array([np.abs(parameter).max() for parameter in parameters])  # NaN stays
        if not (largest <= LARGEST_PARAMETER).all():
            raise FloatingPointError(
                f"training diverged in epoch {epoch + 1}: a weight or bias has reached "
                f"{largest.max():g}; choose a step_size below {step_size:g}."
            )
        offsets = visible_offset, hidden_offset
        generator = rng.bit_generator.state
        rbm.training = TrainingState(epoch + 1, *velocities, h_model, *offsets, generator)
        yield Epoch(epoch + 1, step, v_model)


def _started(rbm, v, rng, persistent_chains):
    """The state of a training before its first epoch: no velocity, chains that are fair coins."""
    velocities = [np.zeros_like(getattr(rbm, name)) for name in PARAMETERS]
    h_model = np.full((persistent_chains, rbm.W.shape[1]), 0.5, dtype=np.float32)
    visible_offset = v.mean(axis=0)
    hidden_offset = sigmoid(visible_offset @ rbm.W + rbm.hidden_bias)
    return TrainingState(
        0, *velocities, h_model, visible_offset, hidden_offset, rng.bit_generator.state
    )


def _resumed(rbm, settings, rng):
    """The state that the RBM's training reached, with its random generator set back to it."""
    if rbm.training is None:
        raise ValueError(
            "resume = True: this RBM has no training to go on with, or it was interrupted within "
            "an epoch: load a file that was saved after a whole one."
        )
    may_differ = () if settings["final_step_size"] is not None else ("epochs",)
    for name, value in settings.items():
        if name not in may_differ and value != rbm.settings.get(name):
            raise ValueError(
                f"resume = True: {name} = {value}, but this training began with "
                f"{rbm.settings.get(name)}: go on with the settings of then."
            )
    if settings["epochs"] <= rbm.training.epoch:
        raise ValueError(
            f"epochs = {settings['epochs']}: {rbm.training.epoch} are done already, and epochs "
            "counts them too."
        )
    kind = rbm.training.rng["bit_generator"]
    if rng.bit_generator.state["bit_generator"] != kind:
        raise ValueError(f"rng: this training began with a {kind} generator: give one of its kind.")
    rng.bit_generator.state = rbm.training.rng
    return rbm.training


# ---------------------------------------------------------------- checks at the boundary


def checked_rbm(rbm):
    """An `RBM` whose parameters fit and are finite, as it is; else TypeError or ValueError."""
    if not isinstance(rbm, RBM):
        raise TypeError(f"rbm is a {type(rbm).__name__}: RBM(n_visible, n_hidden, rng) makes one.")
    rbm._check()
    return rbm


def checked_units(name, x, n_units=None, grey=False):
    """x as float32, shape (n, n_units), binary or (grey) in [0, 1]; else TypeError, ValueError."""
    x = inputs.numbers_of(x, name)
    if x.ndim != 2 or 0 in x.shape or n_units not in (None, x.shape[1]):
        raise ValueError(
            f"{name} has shape {x.shape}, expected (n, {n_units or 'n_visible'}) with n >= 1: one "
            "row per image, e.g. images.reshape(len(images), -1)."
        )
    x = inputs.in_range(x, name, 0, 1)
    if not grey and not ((x == 0) | (x == 1)).all():
        example = x[(x != 0) & (x != 1)][0]
        raise ValueError(
            f"{name} contains {example:g}, expected only 0 and 1: binarise it, by threshold or "
            "by sampling (helpers.data); train(..., resample=True) samples anew at each draw."
        )
    return x


def checked_bias(bias, n_visible, name="visible_bias"):
    """bias as float32, shape (n_visible,) and finite; else TypeError or ValueError."""
    bias = _float32(bias, name)
    if bias.shape != (n_visible,):
        raise ValueError(
            f"{name} has shape {bias.shape}, expected ({n_visible},): base_rate_bias(v_train) "
            "gives one."
        )
    return inputs.finite(bias, name)


def _flag(value, name):
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name} = {value!r}: True or False is needed.")
    return bool(value)


def _checked_path(path):
    if not isinstance(path, str | os.PathLike) or not str(path):
        raise TypeError(f"path = {path!r}: the name of a file is needed, such as 'rbm.npz'.")
    return Path(path).expanduser()


def _float32(x, name):
    with np.errstate(over="ignore"):  # what float32 cannot hold is refused as infinite
        return inputs.numbers_of(x, name).astype(np.float32, copy=False)


def _read_training(rbm, saved):
    """The `TrainingState` among a file's arrays, each of the shape that the RBM asks for."""
    n_visible, n_hidden = rbm.W.shape
    chains = inputs.whole_number(rbm.settings.get("persistent_chains"), "persistent_chains", 0)
    shapes = [(n_visible, n_hidden), (n_visible,), (n_hidden,), (chains, n_hidden)]
    arrays = []
    for name, shape in zip(TrainingState._fields[1:-1], [*shapes, *shapes[1:3]], strict=True):
        array = inputs.finite(_float32(saved[name], name), name)
        if array.shape != shape:
            raise ValueError(f"{name} has shape {array.shape}, expected {shape}.")
        arrays.append(array)
    epoch, rng = inputs.whole_number(saved["epoch"], "epoch", 1), json.loads(str(saved["rng"]))
    getattr(np.random, rng["bit_generator"])(0).state = rng  # raises if it is no such state
    return TrainingState(epoch, *arrays, rng)


def _plain(number):
    """A NumPy number or array as what JSON can hold."""
    return number.tolist()
