"""helpers.ais against the truth: every state of small random RBMs listed, in float64."""

import numpy as np
import pytest
from bad_arguments import faults
from hypothesis import given, settings
from hypothesis import strategies as st
from small_rbms import Truth, generator, random_rbm, seeds, sizes

from helpers import ais
from helpers.ais import annealed_importance_sampling, parallel_tempering, reverse_ais
from helpers.rbm import RBM


@given(sizes, sizes, seeds, st.sampled_from([2, 3, 10]))
@settings(max_examples=15, deadline=None, derandomize=True)
def test_ais_and_reverse_ais_agree_with_enumeration(n_visible, n_hidden, seed, temperatures):
    rbm = random_rbm(n_visible, n_hidden, seed, scale=0.7)
    log_z, rng = Truth(rbm).log_z, generator(seed)
    base_bias = 0.7 * rng.standard_normal(n_visible)
    forward = annealed_importance_sampling(rbm, base_bias, rng, temperatures, chains=20_000)
    samples = rbm.exact_samples(20_000, rng)
    backward = reverse_ais(rbm, base_bias, samples, rng, temperatures)
    for estimate in (forward, backward):
        assert estimate.temperatures == temperatures
        assert estimate.chains == 20_000
        assert abs(estimate.log_z - log_z) < 5 * estimate.standard_error + 1e-5
        assert estimate.standard_error < 0.1


def test_ais_transitions_leave_each_temperature_unchanged():
    """A strongly coupled RBM and few temperatures: any wrong transition biases Z by 10 %."""
    rbm, rng = random_rbm(4, 4, seed=2, scale=2.0), generator()
    log_z = Truth(rbm).log_z
    forward = annealed_importance_sampling(rbm, np.zeros(4), rng, 5, chains=50_000)
    backward = reverse_ais(rbm, np.zeros(4), rbm.exact_samples(50_000, rng), rng, 5)
    for estimate in (forward, backward):
        assert abs(estimate.log_z - log_z) < 5 * estimate.standard_error
        assert estimate.standard_error < 0.02


def test_ais_is_exact_where_nothing_has_to_be_annealed():
    rbm = random_rbm(4, 3, seed=0)
    rbm.W[:], rbm.hidden_bias[:] = 0.0, 0.0
    estimate = annealed_importance_sampling(rbm, rbm.visible_bias, generator(), 20, chains=10)
    assert estimate.log_z == pytest.approx(rbm.log_partition(), abs=1e-6)
    assert estimate.standard_error == pytest.approx(0, abs=1e-6)
    assert estimate.effective_sample_size == pytest.approx(10)
    assert estimate.lower == pytest.approx(estimate.upper, abs=1e-5)


def test_ais_error_bars_cover_the_truth_and_shrink_with_more_temperatures():
    rbm = random_rbm(5, 4, seed=6)
    log_z, rng, base_bias = Truth(rbm).log_z, generator(), np.zeros(5)
    covered = 0
    for _ in range(60):
        few = annealed_importance_sampling(rbm, base_bias, rng, 10, chains=100)
        covered += few.lower <= log_z <= few.upper
    many = annealed_importance_sampling(rbm, base_bias, rng, 1000, chains=100)
    assert covered >= 56
    assert many.standard_error < 0.2 * few.standard_error
    assert many.effective_sample_size > few.effective_sample_size


def test_ais_and_reverse_ais_bracket_the_truth_on_average():
    """Two temperatures and two chains: Z and 1/Z are still unbiased, so log Z is off each way."""
    rbm = random_rbm(4, 4, seed=9)
    log_z, rng, base_bias = Truth(rbm).log_z, generator(), np.zeros(4)
    samples = rbm.exact_samples(800, rng)
    forward = [annealed_importance_sampling(rbm, base_bias, rng, 4, 2).log_z for _ in range(400)]
    backward = [reverse_ais(rbm, base_bias, pair, rng, 4).log_z for pair in np.split(samples, 400)]
    for estimates, side in ((forward, -1), (backward, 1)):
        standard_error = np.std(estimates) / np.sqrt(400)
        assert side * (np.mean(estimates) - log_z) > 3 * standard_error


def test_error_bar_follows_from_the_weights():
    rbm = RBM(2, 1, generator())
    log_weights = np.log([1.0, 2.0, 3.0, 2.0])
    estimate = ais._estimate(1, log_weights, rbm, np.zeros(2), [0, 0.5, 1])
    relative = np.std([1, 2, 3, 2], ddof=1) / 2 / np.sqrt(4)
    assert estimate.log_z == pytest.approx(np.log(2) + 3 * np.log(2))
    assert estimate.standard_error == pytest.approx(relative)
    assert estimate.lower == pytest.approx(estimate.log_z + np.log(1 - 3 * relative))
    assert estimate.upper == pytest.approx(estimate.log_z + np.log(1 + 3 * relative))
    assert estimate.effective_sample_size == pytest.approx(8**2 / 18)
    inverse = ais._estimate(-1, log_weights, rbm, np.zeros(2), [0, 0.5, 1])
    assert inverse.log_z == pytest.approx(3 * np.log(2) - np.log(2))
    assert inverse.lower < inverse.log_z < inverse.upper


def test_error_bar_has_no_lower_end_from_a_relative_error_of_one_third_on():
    rbm = RBM(2, 1, generator())
    for error in (0.3, 0.4, 0.9):  # the standard error of the two weights 1 - error, 1 + error
        log_weights = np.log([1 - error, 1 + error])
        estimate = ais._estimate(1, log_weights, rbm, np.zeros(2), [0, 1])
        assert estimate.standard_error == pytest.approx(error)
        lower = estimate.log_z + np.log(1 - 3 * error) if error < 1 / 3 else -np.inf
        assert estimate.lower == pytest.approx(lower)


def test_temperatures_may_be_listed():
    rbm, rng = random_rbm(3, 2, seed=1, scale=0.5), generator()
    estimate = annealed_importance_sampling(rbm, np.zeros(3), rng, [0, 0.3, 0.9, 1], 5000)
    assert estimate.temperatures == 4
    assert abs(estimate.log_z - rbm.log_partition()) < 5 * estimate.standard_error


V = np.zeros((2, 3), dtype=np.float32)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda rbm, rng: annealed_importance_sampling(rbm, np.zeros(2), rng), r"\(2,\), exp"),
        (lambda rbm, rng: annealed_importance_sampling(rbm, V[0], rng, 1), "temperatures = 1"),
        (lambda rbm, rng: annealed_importance_sampling(rbm, V[0], rng, 5, 1), "chains = 1"),
        (lambda rbm, rng: annealed_importance_sampling(rbm, V[0], rng, [0, 0.5]), "from 0 to 1"),
        (lambda rbm, rng: annealed_importance_sampling(rbm, V[0], rng, [0.5, 1]), "from 0 to 1"),
        (lambda rbm, rng: annealed_importance_sampling(rbm, V[0], rng, [0, 1, 1]), "from 0 to 1"),
        (lambda rbm, rng: annealed_importance_sampling(rbm, V[0], rng, [[0, 1]]), r"shape \(1, 2"),
        (lambda rbm, rng: annealed_importance_sampling(rbm, V[0], rng, [0, np.nan, 1]), "from 0"),
        (lambda rbm, rng: annealed_importance_sampling(rbm, V[0] + np.nan, rng), "contains nan"),
        (lambda rbm, rng: reverse_ais(rbm, V[0], V[:1], rng), "1 row"),
        (lambda rbm, rng: reverse_ais(rbm, V[0], V + 0.5, rng), "v_model contains 0.5"),
    ],
)
def test_unusable_values_are_refused(call, message):
    rng = generator()
    with pytest.raises(ValueError, match=message):
        call(RBM(3, 2, rng), rng)


AIS = {"base_visible_bias": np.zeros(3), "rng": generator(), "temperatures": 10}


@pytest.mark.parametrize(
    ("function", "more"),
    [
        (annealed_importance_sampling, {"chains": 5}),
        (reverse_ais, {"v_model": V}),
        (parallel_tempering, {"v": V}),
    ],
)
def test_every_argument_is_right_or_refused_by_name(function, more):
    given = AIS | more | {"rbm": RBM(3, 2, generator())}
    assert faults(function, given, [("base_visible_bias", "one row")]) == []


@pytest.mark.parametrize(
    ("temperatures", "number"), [(np.int64(4), 4), (np.array(4), 4), ([0, 1], 2)]
)
def test_temperatures_may_be_a_whole_number_of_any_kind_or_a_list(temperatures, number):
    rbm, rng = RBM(3, 2, generator()), generator()
    estimate = annealed_importance_sampling(rbm, V[0], rng, temperatures, np.int32(5))
    assert (estimate.temperatures, estimate.chains) == (number, 5)


@pytest.mark.parametrize("name", ["W", "visible_bias", "hidden_bias"])
def test_an_rbm_whose_parameters_are_nan_in_part_has_no_estimate(name):
    rbm, rng = RBM(3, 2, generator()), generator()
    getattr(rbm, name)[-1] = np.nan
    for call in (
        lambda: annealed_importance_sampling(rbm, np.zeros(3), rng, 5),
        lambda: reverse_ais(rbm, np.zeros(3), V, rng, 5),
    ):
        with pytest.raises(ValueError, match=f"{name} contains nan"):
            call()


# ---------------------------------------------------------------- parallel tempering


def two_modes(n_visible=8, depth=3.0):
    """An RBM that likes pictures all white or all ink, and hardly any between: exact and known."""
    rbm = RBM(n_visible, 3, generator(), weight_std=0)
    rbm.W[:] = depth
    rbm.visible_bias[:] = -1.5 * depth
    rbm.hidden_bias[:] = -0.5 * n_visible * depth
    return rbm


def all_ink(v):
    return np.mean(v.mean(axis=1) > 0.5)


@pytest.mark.parametrize("temperatures", [2, 5, [0, 0.3, 1]])
def test_tempering_leaves_the_distribution_of_the_rbm_as_it_is(temperatures):
    rbm, rng, n = random_rbm(4, 3, seed=4), generator(1), 40_000
    truth = Truth(rbm)
    start = rbm.exact_samples(n, rng)
    states = parallel_tempering(rbm, np.array([1.0, -2.0, 0.5, 0.0]), start, rng, temperatures)
    for _ in range(30):  # the lower rungs begin at the top one's samples
        state = next(states)
    counts, expected = n * truth.frequencies(state.v), n * truth.p_v
    assert (np.abs(counts - expected) < 5 * np.sqrt(expected) + 1).all()


def test_tempering_finds_the_mode_that_gibbs_sampling_does_not():
    rbm, rng = two_modes(), generator()
    white = np.zeros((200, 8), np.float32)
    *_, gibbs = (state for _, state in zip(range(200), rbm.gibbs(white, rng), strict=False))
    assert all_ink(gibbs.v) < 0.05, "a chain of the RBM alone stays where it began"
    tempered = parallel_tempering(rbm, np.zeros(8), white, rng, temperatures=10)
    *_, state = (state for _, state in zip(range(200), tempered, strict=False))
    truth = all_ink(rbm.exact_samples(100_000, rng))
    assert 0.3 < truth < 0.7
    assert abs(all_ink(state.v) - truth) < 5 * np.sqrt(0.25 / 200)


def test_every_other_pair_of_rungs_has_its_turn_and_near_rungs_exchange_more():
    rbm, rng = random_rbm(5, 4, seed=3), generator()
    start = np.zeros((2000, 5), np.float32)
    shares = []
    for temperatures in (4, 16):
        states = parallel_tempering(rbm, np.zeros(5), start, rng, temperatures)
        seen = np.array([next(states).swapped for _ in range(20)])
        turn = ~np.isnan(seen)
        assert (turn[::2] == (np.arange(temperatures - 1) % 2 == 0)).all()
        assert (turn[1::2] == (np.arange(temperatures - 1) % 2 == 1)).all()
        shares.append(np.nanmean(seen))
    assert 0 < shares[0] < shares[1] < 1


def test_without_weights_two_rungs_exchange_as_often_as_a_sum_by_hand_says():
    rbm, rng, n = RBM(1, 1, generator(), weight_std=0), generator(), 40_000
    rbm.visible_bias[:] = 2
    states = parallel_tempering(rbm, [-2.0], np.zeros((n, 1), np.float32), rng, temperatures=2)
    shares = [next(states).swapped[0] for _ in range(5)]
    on = 1 / (1 + np.exp(2.0)), 1 / (1 + np.exp(-2.0))  # below and above
    apart = on[0] * (1 - on[1]) + (1 - on[0]) * on[1] * np.exp(-4)
    alike = on[0] * on[1] + (1 - on[0]) * (1 - on[1])
    assert shares[::2] == pytest.approx([apart + alike] * 3, abs=0.012)


def test_a_start_that_is_not_binary_is_refused_before_the_first_step():
    with pytest.raises(ValueError, match=r"v contains 0\.5"):
        parallel_tempering(RBM(3, 2, generator()), V[0], V + 0.5, generator())
