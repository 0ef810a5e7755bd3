"""The restricted Boltzmann machine (RBM) with binary units, in plain NumPy.

    E(v, h) = -b.v - c.h - v.W.h        p(v, h) = exp(-E(v, h)) / Z

Small functions hold the formulas; they take arrays, work in float32 as in float64, and check
nothing. The class `RBM` holds the parameters (float32) and checks what it is given. Every
energy, likelihood and log Z is in nats; a batch has one row per image.

References:
    Hinton (2002), Training products of experts by minimizing contrastive divergence: CD-k.
    Tieleman (2008), Training RBMs using approximations to the likelihood gradient: PCD.
    Montavon and Müller (2012), Deep Boltzmann machines and the centering trick.
    Melchior, Fischer and Wiskott (2016), How to center deep Boltzmann machines: eqs. 8 to 10.
"""

import json
from typing import NamedTuple

import numpy as np

FILE_VERSION = 2
PARAMETERS = ("W", "visible_bias", "hidden_bias")
MOST_UNITS_TO_ENUMERATE = 25


# ---------------------------------------------------------------- formulas


def sigmoid(x):
    """1 / (1 + exp(-x)), written with tanh so that no exponential can overflow."""
    return 0.5 * (1.0 + np.tanh(0.5 * x))


def softplus(x):
    """log(1 + exp(x)) without overflow; its derivative is the sigmoid."""
    return np.maximum(x, 0.0) + np.log1p(np.exp(-np.abs(x)))


def log_sum_exp(x):
    """log of the sum of exp(x) over a whole array, without overflow."""
    largest = x.max()
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
    """
    mean = (v.sum(axis=0, dtype=np.float64) + 1.0) / (len(v) + 2.0)
    return np.log(mean / (1.0 - mean)).astype(np.float32)


def binary_states(n_units, start=0, stop=None):
    """Rows `start` to `stop` of the table of all 2**n_units states, as float64 zeros and ones."""
    numbers = np.arange(start, 2**n_units if stop is None else stop)
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
        ValueError: a number of units is below 1, or the bias does not fit.
    """

    def __init__(self, n_visible, n_hidden, rng, weight_std=0.01, visible_bias=None):
        """Draw small weights; see the class."""
        for name, size in (("n_visible", n_visible), ("n_hidden", n_hidden)):
            if size < 1:
                raise ValueError(f"{name} = {size}: an RBM needs at least one unit on each side.")
        normal = rng.standard_normal((n_visible, n_hidden), dtype=np.float32)
        self.W = np.float32(weight_std) * normal
        self.hidden_bias = np.zeros(n_hidden, dtype=np.float32)
        self.visible_bias = np.zeros(n_visible, dtype=np.float32)
        if visible_bias is not None:
            self.visible_bias[:] = checked_bias(visible_bias, n_visible)
        self.settings, self.training = {}, None

    def energy(self, v, h):
        """E(v, h) per row, shape (n,), in nats."""
        v, h = self._checked(v), checked_units("h", h, self.W.shape[1])
        return energy(v, h, self.W, self.visible_bias, self.hidden_bias)

    def free_energy(self, v):
        """F(v) per row, shape (n,), in nats; v must be binary."""
        return free_energy(self._checked(v), self.W, self.visible_bias, self.hidden_bias)

    def hidden_probability(self, v):
        """p(h = 1 | v), shape (n, n_hidden); v may hold probabilities."""
        return hidden_probability(self._checked(v, grey=True), self.W, self.hidden_bias)

    def sample_hidden(self, v, rng):
        """h ~ p(h | v), shape (n, n_hidden)."""
        return sample_bernoulli(self.hidden_probability(v), rng)

    def visible_probability(self, h):
        """p(v = 1 | h), shape (n, n_visible); h may hold probabilities."""
        h = checked_units("h", h, self.W.shape[1], grey=True)
        return visible_probability(h, self.W, self.visible_bias)

    def sample_visible(self, h, rng):
        """v ~ p(v | h), shape (n, n_visible)."""
        return sample_bernoulli(self.visible_probability(h), rng)

    def gibbs(self, v, rng):
        """An endless iterator of chain states, one `GibbsState` for each full step from v.

        The start itself is not among them. `itertools.islice(rbm.gibbs(v, rng), 200)` takes 200.
        """
        v = self._checked(v)
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
        minus_free_energies = self._minus_free_energies()
        cumulative = np.cumsum(np.exp(minus_free_energies - minus_free_energies.max()))
        chosen = np.searchsorted(cumulative, cumulative[-1] * rng.random(n), side="right")
        states = ((chosen[:, None] >> np.arange(min(self.W.shape))) & 1).astype(np.float32)
        enumerated_hidden = self.W.shape[1] <= self.W.shape[0]
        return self.sample_visible(states, rng) if enumerated_hidden else states

    def _minus_free_energies(self, chunk=1024):
        """-F of all states of the smaller side, the other side summed out."""
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
        """log p(v) = -F(v) - log Z per image, shape (n,), in nats; log_z exact or estimated."""
        return -self.free_energy(v) - log_z

    def pseudo_likelihood(self, v, rng):
        """Estimate of sum_i log p(v_i | all other pixels) per image, shape (n,), in nats.

        Flips one random pixel i per image: n_visible * log sigmoid(F(flipped) - F(v)).
        Caveat: cheap, but it does not rank models as the likelihood does.
        """
        v = self._checked(v)
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
        """Write parameters, settings and the state of the training to an .npz file, no pickle."""
        arrays = {name: getattr(self, name) for name in PARAMETERS}
        training = self.training._asdict() if self.training else {}
        texts = {"settings": self.settings, "rng": training.pop("rng", None)}
        arrays |= {name: json.dumps(content, default=_plain) for name, content in texts.items()}
        with open(path, "wb") as file:
            np.savez_compressed(file, version=FILE_VERSION, **arrays, **training)

    @classmethod
    def load(cls, path):
        """Read an RBM that `save` wrote.

        Raises:
            ValueError: the file holds anything else.
        """
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
        rng = json.loads(str(saved.get("rng", "null")))
        wanted = {*PARAMETERS, "settings", "rng", *(TrainingState._fields if rng else ())}
        missing = wanted - saved.keys()
        if missing:
            raise ValueError(f"{path} lacks {', '.join(sorted(missing))}: save the model again.")
        rbm = cls(*saved["W"].shape, np.random.default_rng(0), visible_bias=saved["visible_bias"])
        rbm.W, rbm.hidden_bias = saved["W"], saved["hidden_bias"]
        rbm.settings = json.loads(str(saved["settings"]))
        if rng:
            saved |= {"epoch": int(saved["epoch"]), "rng": rng}
            rbm.training = TrainingState(*(saved[name] for name in TrainingState._fields))
        return rbm

    def _checked(self, v, grey=False):
        return checked_units("v", v, self.W.shape[0], grey)


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
    ends bit for bit where the unbroken one ends.

    Args:
        rbm: an `RBM`.
        v: images, shape (n, n_visible), binary; in [0, 1] if `resample`.
        rng: NumPy generator; with `resume` it takes the state that it had then.
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
        ValueError: unusable values or data, or nothing to resume, or other settings.
        FloatingPointError: the training diverges.
    """
    given = locals().items()
    settings = {key: value for key, value in given if key not in ("rbm", "v", "rng", "resume")}
    for name in ("epochs", "batch_size", "gibbs_steps"):
        if settings[name] < 1:
            raise ValueError(f"{name} = {settings[name]}: it must be at least 1.")
    for name in ("persistent_chains", "step_size", "final_step_size", "weight_decay"):
        if settings[name] is not None and not settings[name] >= 0:
            raise ValueError(f"{name} = {settings[name]}: it must not be negative.")
    if not 0 <= momentum < 1:
        raise ValueError(f"momentum = {momentum}: it must be at least 0 and below 1.")
    v = checked_units("v", v, rbm.W.shape[0], grey=resample)
    state = _resumed(rbm, settings, rng) if resume else _started(rbm, v, rng, persistent_chains)
    rbm.settings, rbm.training = settings, state if resume else None
    first_epoch, *velocities, h_model, visible_offset, hidden_offset, _ = state
    parameters = rbm.W, rbm.visible_bias, rbm.hidden_bias
    final_step_size = step_size if final_step_size is None else final_step_size
    starts = range(0, len(v), batch_size)
    for epoch in range(first_epoch, epochs):
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
        if not np.isfinite(rbm.W).all():
            raise FloatingPointError(
                f"training diverged in epoch {epoch + 1}: choose a step_size below {step_size}."
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
        raise ValueError("resume = True: this RBM has no training to go on with.")
    may_differ = () if settings["final_step_size"] is not None else ("epochs",)
    for name, value in settings.items():
        if name not in may_differ and value != rbm.settings[name]:
            raise ValueError(
                f"resume = True: {name} = {value}, but this training began with "
                f"{rbm.settings[name]}: go on with the settings of then."
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


def checked_units(name, x, n_units, grey=False):
    """x as float32, shape (n, n_units), binary or (grey) in [0, 1]; else ValueError."""
    x = np.asarray(x)
    if x.ndim != 2 or x.shape[1] != n_units or len(x) == 0:
        raise ValueError(
            f"{name} has shape {x.shape}, expected (n, {n_units}) with n >= 1: one row per "
            "image, e.g. images.reshape(len(images), -1)."
        )
    x = x.astype(np.float32, copy=False)
    lowest, highest = x.min(), x.max()
    if np.isnan(lowest):
        raise ValueError(f"{name} contains NaN: repair or drop those rows.")
    if lowest < 0 or highest > 1:
        raise ValueError(
            f"{name} ranges from {lowest:g} to {highest:g}, expected [0, 1]: divide 8-bit grey "
            "levels by 255."
        )
    if not grey and not ((x == 0) | (x == 1)).all():
        example = x[(x != 0) & (x != 1)][0]
        raise ValueError(
            f"{name} contains {example:g}, expected only 0 and 1: binarise it, by threshold or "
            "by sampling (helpers.data); train(..., resample=True) samples anew at each draw."
        )
    return x


def checked_bias(bias, n_visible):
    """bias as float32, shape (n_visible,) and finite; else ValueError."""
    bias = np.asarray(bias, dtype=np.float32)
    if bias.shape != (n_visible,) or not np.isfinite(bias).all():
        raise ValueError(
            f"visible bias of shape {bias.shape}, expected ({n_visible},) and finite values: "
            "base_rate_bias(v_train) gives one."
        )
    return bias


def _plain(number):
    """A NumPy number or array as what JSON can hold."""
    return number.tolist()
