"""What needs a ladder of temperatures: the normaliser Z of an RBM, and samples of all its modes.

The ladder leads from independent pixels (inverse temperature 0), whose Z is known, to the RBM (1).
Annealed importance sampling (AIS) climbs it once and estimates Z from either side. Parallel
tempering keeps a chain on each rung and exchanges neighbours, so that a chain which is stuck in one
mode of the RBM is replaced by one that came from another.

References:
    Salakhutdinov and Murray (2008), On the quantitative analysis of deep belief networks: AIS.
    Burda, Grosse and Salakhutdinov (2015), Accurate and conservative estimates of MRF
        log-likelihood using reverse annealing: AIS from the other side.
    Desjardins, Courville, Bengio, Vincent and Delalleau (2010), Tempered Markov chain Monte Carlo
        for training of restricted Boltzmann machines: parallel tempering.
"""

import itertools
from typing import NamedTuple

import numpy as np

from helpers import inputs
from helpers.rbm import (
    checked_bias,
    checked_rbm,
    checked_units,
    log_sum_exp,
    sample_bernoulli,
    sigmoid,
    softplus,
)


class LogPartitionEstimate(NamedTuple):
    """An estimate of log Z in nats, with the range of +-3 standard errors of Z itself.

    From `reverse_ais` the range is that of 1 / Z, which its weights estimate.

    Caveat: the range trusts the weights it saw. If the effective sample size (of `chains`) is
    a handful, states may have been missed: use more temperatures.

    Attributes:
        log_z: the estimate, nats.
        standard_error: of Z as a share of Z, from `reverse_ais` of 1 / Z as a share of it.
        lower, upper: log Z, nats, at 3 standard errors on either side. Where 3 exceed the estimate,
            lower is -inf, and from `reverse_ais` upper is inf.
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


class TemperedState(NamedTuple):
    """The state of parallel tempering after one step.

    Attributes:
        v: the pictures on the top rung, the RBM's own, binary, shape (chains, n_visible).
        swapped: for each pair of neighbouring rungs the share of chains that were exchanged;
            NaN for a pair whose turn it was not, as every other pair's is in a step.
    """

    v: np.ndarray
    swapped: np.ndarray


def annealed_importance_sampling(rbm, base_visible_bias, rng, temperatures=10_000, chains=100):
    """Estimate log Z by annealing from independent pixels (known Z) to the RBM.

    The estimate of Z is unbiased, so log Z is underestimated on average (a stochastic lower
    bound) and a likelihood computed with it is flattered.

    Args:
        rbm: an `RBM`.
        base_visible_bias: biases of the independent pixels, shape (n_visible,):
            `base_rate_bias(v_train)`.
        rng: NumPy generator.
        temperatures: how many inverse temperatures from 0 to 1, evenly spaced, both included;
            or an increasing sequence of them.
        chains: independent runs; the error shrinks with their square root.

    Returns:
        A `LogPartitionEstimate`.

    Raises:
        TypeError: an argument is of another type, such as a seed in place of a generator.
        ValueError: fewer than 2 chains, which an error bar needs, another bias, or temperatures
            that do not rise from 0 to 1.
    """
    base_bias, betas = _checked(rbm, base_visible_bias, rng, temperatures)
    chains = inputs.whole_number(chains, "chains", least=2)
    v = sample_bernoulli(np.tile(sigmoid(base_bias), (chains, 1)), rng)
    log_weights = _annealed_log_weights(rbm, v, base_bias, betas, rng)
    return _estimate(+1, log_weights, rbm, base_bias, betas)


def reverse_ais(rbm, base_visible_bias, v_model, rng, temperatures=10_000):
    """Estimate log Z from the other side: anneal samples of the RBM to independent pixels.

    The estimate of 1 / Z is unbiased, so log Z is overestimated on average (a stochastic upper
    bound) and a likelihood computed with it is conservative: with
    `annealed_importance_sampling` it brackets the truth.

    Args:
        rbm, base_visible_bias, rng, temperatures: as for `annealed_importance_sampling`.
        v_model: samples of the RBM, shape (chains, n_visible). With `rbm.exact_samples` the
            bound is strict. Caveat: with the end of a long Gibbs run (PCD's chains, run on) it
            is only as good as that run, and data are not samples of the model.

    Returns:
        A `LogPartitionEstimate`.

    Raises:
        TypeError: as there.
        ValueError: fewer than 2 samples, samples that are not binary, and as there.
    """
    base_bias, betas = _checked(rbm, base_visible_bias, rng, temperatures)
    v = checked_units("v_model", v_model, rbm.W.shape[0])
    if len(v) < 2:
        raise ValueError(f"v_model has {len(v)} row: an error bar needs at least 2.")
    log_weights = _annealed_log_weights(rbm, v, base_bias, betas[::-1], rng)
    return _estimate(-1, log_weights, rbm, base_bias, betas)


def parallel_tempering(rbm, base_visible_bias, v, rng, temperatures=20):
    """An endless iterator of `TemperedState`: Gibbs steps on every rung, then exchanges.

    In a step each rung takes one Gibbs step; then neighbouring rungs exchange their pictures v and
    v' with probability min(1, p(v' | beta) p(v | beta') / (p(v | beta) p(v' | beta'))). That
    leaves the product of all rungs' distributions as it is, so the top rung holds samples of the
    RBM once the start is forgotten. One step costs as much as `temperatures` Gibbs steps.

    Args:
        rbm, base_visible_bias: as for `annealed_importance_sampling`.
        v: where all rungs of each chain start, binary, shape (chains, n_visible).
        rng: NumPy generator.
        temperatures: how many rungs, or an increasing sequence from 0 to 1. Too few, and
            neighbours are so different that hardly any exchange is accepted: look at `swapped`.

    Returns:
        The iterator. `itertools.islice(parallel_tempering(...), 200)` takes 200 states.

    Raises:
        TypeError, ValueError: as for `annealed_importance_sampling`; a start that is not binary.
    """
    base_bias, betas = _checked(rbm, base_visible_bias, rng, temperatures)
    start = checked_units("v", v, rbm.W.shape[0])
    return _tempered(rbm, base_bias, np.float32(betas)[:, None, None], start, rng)


def _tempered(rbm, base_bias, betas, start, rng):
    W_by_columns = np.asfortranarray(rbm.W)
    biases = (1 - betas) * base_bias + betas * rbm.visible_bias

    def log_p(v, hidden_input, rungs):  # up to each rung's log Z
        total = np.sum(v * biases[rungs], axis=-1, dtype=np.float64)
        return total + softplus(betas[rungs] * hidden_input).sum(axis=-1, dtype=np.float64)

    v = np.tile(start, (len(betas), 1, 1))
    hidden_input = v @ rbm.W + rbm.hidden_bias
    for step in itertools.count():
        h = sample_bernoulli(sigmoid(betas * hidden_input), rng)
        v = sample_bernoulli(sigmoid(betas * (h @ W_by_columns.T) + biases), rng)
        hidden_input = v @ rbm.W + rbm.hidden_bias
        low = np.arange(step % 2, len(betas) - 1, 2)
        high = low + 1
        own = log_p(v[low], hidden_input[low], low) + log_p(v[high], hidden_input[high], high)
        other = log_p(v[high], hidden_input[high], low) + log_p(v[low], hidden_input[low], high)
        accepted = np.log(rng.random(own.shape)) < other - own
        for arrays in (v, hidden_input):
            exchanged = np.where(accepted[..., None], arrays[high], arrays[low])
            arrays[high] = np.where(accepted[..., None], arrays[low], arrays[high])
            arrays[low] = exchanged
        swapped = np.full(len(betas) - 1, np.nan)
        swapped[low] = accepted.mean(axis=1)
        yield TemperedState(v[-1].copy(), swapped)


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


def _checked(rbm, base_visible_bias, rng, temperatures):
    """The base bias, and the inverse temperatures 0 = beta_0 < ... < beta_T = 1 as floats."""
    base_bias = checked_bias(base_visible_bias, checked_rbm(rbm).W.shape[0], "base_visible_bias")
    inputs.random_generator(rng)
    betas = inputs.numbers_of(temperatures, "temperatures")
    if betas.ndim == 0:  # the path needs both ends
        betas = np.linspace(0.0, 1.0, inputs.whole_number(betas, "temperatures", least=2))
    rising = betas.ndim == 1 and len(betas) >= 2 and (np.diff(betas) > 0).all()
    if not (rising and betas[0] == 0 and betas[-1] == 1):
        raise ValueError(
            "temperatures must be a whole number, or a sequence that increases from 0 to 1, both "
            f"included, and not an array of shape {betas.shape} such as this."
        )
    return base_bias, betas.tolist()
