"""The restricted Boltzmann machine (RBM) with binary units, in plain NumPy.

    E(v, h) = -b.v - c.h - v.W.h        p(v, h) = exp(-E(v, h)) / Z

Small functions hold the formulas; they take arrays, work in float32 as in float64, and check
nothing. The class `RBM` holds the parameters (float32) and checks what it is given. Every
energy, likelihood and log Z is in nats; a batch has one row per image.

References:
    Hinton 2002, Training products of experts by minimizing contrastive divergence (CD-k).
    Tieleman 2008, Training RBMs using approximations to the likelihood gradient (PCD).
    Salakhutdinov & Murray 2008, On the quantitative analysis of deep belief networks (AIS).
    Montavon & Mueller 2012, Deep Boltzmann machines and the centering trick.
    Melchior, Fischer & Wiskott 2016, How to center deep Boltzmann machines (eqs. 8-10).
    Burda, Grosse & Salakhutdinov 2015, Accurate and conservative estimates of MRF
    log-likelihood using reverse annealing.
"""

import itertools
import json
from typing import NamedTuple

import numpy as np

FILE_VERSION = 1
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

    Args: v: images in [0, 1], shape (n, n_visible). One white and one black image are counted
        on top, so that a pixel that never changes keeps a finite bias.
    Returns: float32, shape (n_visible,). Used to start training and as the base model of AIS.
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

    Returns: v_model (samples) and p(h = 1 | v_model): in the gradient a probability does what
        the sample does on average, with less noise, so the last step draws no hidden sample.
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

    Args: v_data, v_model: shapes (n, n_visible), (m, n_visible), each row counted equally.
        h_data, h_model: p(h = 1 | v) of the same rows.
    Returns: the gradients of W, visible_bias and hidden_bias, a direction of ascent.
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


class RBM:
    """A binary RBM: parameters W (n_visible, n_hidden), visible_bias and hidden_bias, float32.

    Args: n_visible, n_hidden: numbers of units, any size.
        rng: NumPy generator. `np.random.Generator(np.random.SFC64(seed))` is the quickest.
        weight_std: standard deviation of the initial normal weights.
        visible_bias: initial b, shape (n_visible,); zeros if None. `base_rate_bias(v_train)`
            lets learning start from the right mean image.
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
            self.visible_bias[:] = _checked_bias(visible_bias, n_visible)
        self.settings = {}  # what `train` was asked for; saved with the parameters

    def energy(self, v, h):
        """E(v, h) per row, shape (n,), in nats."""
        v, h = self._checked(v), _checked_units("h", h, self.W.shape[1])
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
        h = _checked_units("h", h, self.W.shape[1], grey=True)
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

        Raises: ValueError above 25 units on the smaller side (each unit doubles the time).
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
        """Write parameters and settings to an .npz file (versioned, no pickle)."""
        arrays = {name: getattr(self, name) for name in ("W", "visible_bias", "hidden_bias")}
        settings = json.dumps(self.settings, default=lambda number: number.item())
        with open(path, "wb") as file:
            np.savez_compressed(file, version=FILE_VERSION, settings=settings, **arrays)

    @classmethod
    def load(cls, path):
        """Read an RBM that `save` wrote. Raises: ValueError if the file holds anything else."""
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
        missing = {"W", "visible_bias", "hidden_bias", "settings"} - saved.keys()
        if missing:
            raise ValueError(f"{path} lacks {', '.join(sorted(missing))}: save the model again.")
        rbm = cls(*saved["W"].shape, np.random.default_rng(0), visible_bias=saved["visible_bias"])
        rbm.W, rbm.hidden_bias = saved["W"], saved["hidden_bias"]
        rbm.settings = json.loads(str(saved["settings"]))
        return rbm

    def _checked(self, v, grey=False):
        return _checked_units("v", v, self.W.shape[0], grey)


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
):
    """Train `rbm` in place by CD-k or PCD; an iterator that yields an `Epoch` after each epoch.

    Nothing happens until it is iterated: `for epoch in train(...): ...`. Monitor, draw or
    `break` in the loop; after a break or an interruption the RBM keeps what it has learnt.

    Args: v: images, shape (n, n_visible), binary; in [0, 1] if `resample`.
        gibbs_steps: k, full Gibbs steps per update.
        persistent_chains: 0 for CD-k (chains start at the data), else PCD with so many chains.
        centred: use `centred_gradient` with running means of data and hidden probabilities.
        step_size, final_step_size: the step goes linearly, update by update, from the first
            towards the second at the very end; constant if the second is None.
        momentum: share of the last change that is kept, in [0, 1).
        weight_decay: pulls W to 0 with the gradient -weight_decay * W.
        resample: draw v anew from its grey levels, read as probabilities, each time it is shown.
    Raises: ValueError for unusable values or data, FloatingPointError if training diverges.
    """
    settings = {key: value for key, value in locals().items() if key not in ("rbm", "v", "rng")}
    for name in ("epochs", "batch_size", "gibbs_steps"):
        if settings[name] < 1:
            raise ValueError(f"{name} = {settings[name]}: it must be at least 1.")
    for name in ("persistent_chains", "step_size", "final_step_size", "weight_decay"):
        if settings[name] is not None and not settings[name] >= 0:
            raise ValueError(f"{name} = {settings[name]}: it must not be negative.")
    if not 0 <= momentum < 1:
        raise ValueError(f"momentum = {momentum}: it must be at least 0 and below 1.")
    v = _checked_units("v", v, rbm.W.shape[0], grey=resample)
    rbm.settings = settings
    parameters = rbm.W, rbm.visible_bias, rbm.hidden_bias
    velocities = [np.zeros_like(parameter) for parameter in parameters]
    h_model = np.full((persistent_chains, rbm.W.shape[1]), 0.5, dtype=np.float32)
    visible_offset = v.mean(axis=0)
    hidden_offset = sigmoid(visible_offset @ rbm.W + rbm.hidden_bias)
    final_step_size = step_size if final_step_size is None else final_step_size
    starts = range(0, len(v), batch_size)
    for epoch in range(epochs):
        order = rng.permutation(len(v))
        for batch, start in enumerate(starts):
            v_data = v[order[start : start + batch_size]]
            if resample:
                v_data = sample_bernoulli(v_data, rng)
            h_data = hidden_probability(v_data, rbm.W, rbm.hidden_bias)
            chain_start = h_model if persistent_chains else h_data
            v_model, h_model = negative_phase(chain_start, *parameters, gibbs_steps, rng)
            if centred:
                visible_offset += 0.01 * (v_data.mean(axis=0) - visible_offset)
                hidden_offset += 0.01 * (h_data.mean(axis=0) - hidden_offset)
                gradients = centred_gradient(
                    v_data, h_data, v_model, h_model, visible_offset, hidden_offset
                )
            else:
                gradients = likelihood_gradient(v_data, h_data, v_model, h_model)
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
        yield Epoch(epoch + 1, step, v_model)


# ---------------------------------------------------------------- estimating log Z


class LogPartitionEstimate(NamedTuple):
    """An estimate of log Z in nats, with the range of +-3 standard errors of Z itself.

    Caveat: the range trusts the weights it saw. If the effective sample size (of `chains`) is
    a handful, states may have been missed: use more temperatures.

    Attributes: log_z: the estimate, nats. standard_error: of Z, as a share of Z (no unit).
        lower, upper: log Z, nats, at 3 standard errors below and above; -inf where 3 exceed Z.
        effective_sample_size: (sum of weights)^2 / sum of squared weights, from 1 to `chains`.
        chains, temperatures: what it was taken with.
    """

    log_z: float
    standard_error: float
    lower: float
    upper: float
    effective_sample_size: float
    chains: int
    temperatures: int


def annealed_importance_sampling(rbm, base_visible_bias, rng, temperatures=10_000, chains=100):
    """Estimate log Z by annealing from independent pixels (known Z) to the RBM.

    The estimate of Z is unbiased, so log Z is underestimated on average (a stochastic lower
    bound) and a likelihood computed with it is flattered.

    Args: base_visible_bias: biases of the independent pixels, shape (n_visible,):
            `base_rate_bias(v_train)`.
        temperatures: how many inverse temperatures from 0 to 1, evenly spaced, both included;
            or an increasing sequence of them.
        chains: independent runs; the error shrinks with their square root.
    Returns: `LogPartitionEstimate`.
    Raises: ValueError for fewer than 2 chains, another bias, or temperatures that do not rise
        from 0 to 1.
    """
    base_bias = _checked_bias(base_visible_bias, rbm.W.shape[0])
    betas = _checked_betas(temperatures)
    if chains < 2:
        raise ValueError(f"chains = {chains}: an error bar needs at least 2.")
    v = sample_bernoulli(np.tile(sigmoid(base_bias), (chains, 1)), rng)
    log_weights = _annealed_log_weights(rbm, v, base_bias, betas, rng)
    return _estimate(+1, log_weights, rbm, base_bias, betas)


def reverse_ais(rbm, base_visible_bias, v_model, rng, temperatures=10_000):
    """Estimate log Z from the other side: anneal samples of the RBM to independent pixels.

    The estimate of 1 / Z is unbiased, so log Z is overestimated on average (a stochastic upper
    bound) and a likelihood computed with it is conservative: with
    `annealed_importance_sampling` it brackets the truth.

    Args: v_model: samples of the RBM, shape (chains, n_visible). With `rbm.exact_samples` the
            bound is strict; caveat: with the end of a long Gibbs run (PCD's chains, run on) it
            is only as good as that run, and data are not samples of the model.
        base_visible_bias, temperatures: as in `annealed_importance_sampling`.
    Returns: `LogPartitionEstimate`.
    Raises: ValueError for fewer than 2 samples, samples that are not binary, and as there.
    """
    base_bias = _checked_bias(base_visible_bias, rbm.W.shape[0])
    betas = _checked_betas(temperatures)
    v = _checked_units("v_model", v_model, rbm.W.shape[0])
    if len(v) < 2:
        raise ValueError(f"v_model has {len(v)} row: an error bar needs at least 2.")
    log_weights = _annealed_log_weights(rbm, v, base_bias, betas[::-1], rng)
    return _estimate(-1, log_weights, rbm, base_bias, betas)


def _annealed_log_weights(rbm, v, base_bias, betas, rng):
    """Sum of log p*(v, next beta) - log p*(v, beta) along the path, one Gibbs step at each.

    Between base model and RBM, W and c are scaled by beta and b is (1 - beta) base + beta b:
    log p*(v, beta) = v.((1 - beta) base + beta b) + sum_j softplus(beta (c_j + (v W)_j)).
    """
    log_weights = np.zeros(len(v))
    W_by_columns = np.asfortranarray(rbm.W)  # same numbers, faster h @ W.T
    for beta, next_beta in itertools.pairwise(betas):
        hidden_input = v @ rbm.W + rbm.hidden_bias
        log_weights += (next_beta - beta) * (v @ (rbm.visible_bias - base_bias))
        change = softplus(next_beta * hidden_input) - softplus(beta * hidden_input)
        log_weights += change.sum(axis=1, dtype=np.float64)
        h = sample_bernoulli(sigmoid(next_beta * hidden_input), rng)
        bias = (1.0 - next_beta) * base_bias + next_beta * rbm.visible_bias
        v = sample_bernoulli(sigmoid(next_beta * (h @ W_by_columns.T) + bias), rng)
    return log_weights


def _estimate(sign, log_weights, rbm, base_bias, betas):
    """log Z = log Z_base +- log mean weight, and its error (sign -1: weights estimate 1 / Z)."""
    n_chains = len(log_weights)
    log_z_base = rbm.W.shape[1] * np.log(2.0) + softplus(base_bias.astype(np.float64)).sum()
    log_total = log_sum_exp(log_weights)
    shares = np.exp(log_weights - log_total)  # they sum to 1
    error = float(np.std(n_chains * shares, ddof=1) / np.sqrt(n_chains))
    log_z = float(log_z_base + sign * (log_total - np.log(n_chains)))
    below = float(np.log1p(-3 * error)) if 3 * error < 1 else -np.inf
    lower, upper = sorted((log_z + sign * below, log_z + sign * float(np.log1p(3 * error))))
    return LogPartitionEstimate(
        log_z, error, lower, upper, float(1 / (shares**2).sum()), n_chains, len(betas)
    )


# ---------------------------------------------------------------- checks at the boundary


def _checked_units(name, x, n_units, grey=False):
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


def _checked_bias(bias, n_visible):
    bias = np.asarray(bias, dtype=np.float32)
    if bias.shape != (n_visible,) or not np.isfinite(bias).all():
        raise ValueError(
            f"visible bias of shape {bias.shape}, expected ({n_visible},) and finite values: "
            "base_rate_bias(v_train) gives one."
        )
    return bias


def _checked_betas(temperatures):
    """Inverse temperatures 0 = beta_0 < ... < beta_T = 1 as a list of floats."""
    if np.ndim(temperatures) == 0:
        if temperatures < 2:
            raise ValueError(f"temperatures = {temperatures}: the path needs both ends, 0 and 1.")
        temperatures = np.linspace(0.0, 1.0, int(temperatures))
    betas = np.asarray(temperatures, dtype=np.float64)
    if len(betas) < 2 or betas[0] != 0 or betas[-1] != 1 or not (np.diff(betas) > 0).all():
        raise ValueError("temperatures must increase from 0 to 1, both included.")
    return betas.tolist()
