"""helpers.rbm against the truth: every state of small random RBMs listed, in float64."""

import itertools
import json
from types import SimpleNamespace

import numpy as np
import pytest
from bad_arguments import faults
from hypothesis import given, settings
from hypothesis import strategies as st
from small_rbms import Truth, generator, random_rbm, seeds, sizes

from helpers import rbm as rbm_module
from helpers.rbm import (
    RBM,
    base_rate_bias,
    binary_states,
    centred_gradient,
    likelihood_gradient,
    log_sum_exp,
    negative_phase,
    sample_bernoulli,
    sigmoid,
    softplus,
    train,
)

property_test = settings(max_examples=30, deadline=None, derandomize=True)


def distance(p, q):
    """Total variation: the most by which two distributions differ about any event."""
    return 0.5 * np.abs(p - q).sum()


# ---------------------------------------------------------------- formulas


def test_sigmoid_and_softplus_are_right_and_never_overflow():
    x = np.linspace(-30, 30, 601)
    np.testing.assert_allclose(sigmoid(x), 1 / (1 + np.exp(-x)), rtol=1e-9, atol=1e-15)
    np.testing.assert_allclose(softplus(x), np.log(1 + np.exp(x)), rtol=1e-9, atol=1e-15)
    for dtype in (np.float32, np.float64):
        extreme = np.array([-1e4, -100, 0, 100, 1e4], dtype=dtype)
        with np.errstate(over="raise", invalid="raise", divide="raise"):
            np.testing.assert_array_equal(sigmoid(extreme), np.array([0, 0, 0.5, 1, 1], dtype))
            np.testing.assert_allclose(softplus(extreme)[-2:], [100, 1e4])
        assert sigmoid(extreme).dtype == softplus(extreme).dtype == dtype
    assert softplus(np.float64(-50)) == pytest.approx(np.exp(-50), rel=1e-12)


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=20))
@property_test
def test_log_sum_exp(x):
    assert log_sum_exp(np.array(x)) == pytest.approx(np.logaddexp.reduce(x), abs=1e-9)


def test_log_sum_exp_of_whole_numbers_and_of_infinities():
    for x in ([1, 200], np.array([1, 200], np.uint8), np.array([[True, False]])):
        expected = np.logaddexp.reduce(np.asarray(x, float).ravel())
        assert log_sum_exp(x) == pytest.approx(expected)
    assert log_sum_exp([-np.inf, 3.0]) == 3.0
    assert log_sum_exp([-np.inf, -np.inf]) == -np.inf
    assert log_sum_exp([np.inf, 3.0]) == np.inf


@given(sizes, sizes, seeds)
@property_test
def test_energy_free_energy_and_conditionals(n_visible, n_hidden, seed):
    rbm = random_rbm(n_visible, n_hidden, seed)
    truth = Truth(rbm)
    for row, h in enumerate(truth.h):
        pairs = np.tile(h, (len(truth.v), 1))
        np.testing.assert_allclose(rbm.energy(truth.v, pairs), truth.energy[:, row], atol=1e-10)
    np.testing.assert_allclose(
        rbm.free_energy(truth.v), -np.log(np.exp(-truth.energy).sum(axis=1)), atol=1e-10
    )
    np.testing.assert_allclose(
        rbm.hidden_probability(truth.v), truth.p_h_given_v @ truth.h, atol=1e-10
    )
    np.testing.assert_allclose(
        rbm.visible_probability(truth.h), truth.p_v_given_h.T @ truth.v, atol=1e-10
    )


@given(sizes, sizes, seeds)
@property_test
def test_log_partition_and_likelihood(n_visible, n_hidden, seed):
    rbm = random_rbm(n_visible, n_hidden, seed)
    truth = Truth(rbm)
    assert rbm.log_partition() == pytest.approx(truth.log_z, abs=1e-10)
    log_likelihood = rbm.log_likelihood(truth.v, rbm.log_partition())
    np.testing.assert_allclose(np.exp(log_likelihood), truth.p_v, atol=1e-10)


def logit(p):
    return np.log(p / (1 - p))


def test_the_conditionals_accept_probabilities_in_place_of_states():
    """The sigmoid's argument is linear: midway between two states it is the mean of theirs."""
    rbm = random_rbm(3, 2, seed=0)
    for conditional, n_units in ((rbm.hidden_probability, 3), (rbm.visible_probability, 2)):
        two = np.eye(n_units)[:2]
        expected = logit(conditional(two)).mean(axis=0)
        np.testing.assert_allclose(logit(conditional(two[:1] / 2 + two[1:] / 2))[0], expected)


def test_an_rbm_starts_with_the_small_weights_that_hinton_recommends_and_biases_of_zero():
    """A practical guide to training restricted Boltzmann machines, section 8: deviation 0.01."""
    rbm = RBM(300, 200, generator())
    assert rbm.W.std() == pytest.approx(0.01, rel=0.02)
    assert abs(rbm.W.mean()) < 5 * 0.01 / np.sqrt(300 * 200)
    assert not rbm.visible_bias.any()
    assert not rbm.hidden_bias.any()


@pytest.mark.parametrize(("n_visible", "n_hidden"), [(11, 13), (13, 11), (12, 12)])
def test_log_partition_over_several_chunks_equals_the_sum_over_the_other_side(n_visible, n_hidden):
    rbm = random_rbm(n_visible, n_hidden, seed=1, scale=0.5)
    over_visible = log_sum_exp(-rbm.free_energy(binary_states(n_visible)))
    mirrored = RBM(n_hidden, n_visible, generator())
    mirrored.W, mirrored.visible_bias, mirrored.hidden_bias = (
        rbm.W.T, rbm.hidden_bias, rbm.visible_bias,
    )  # fmt: skip
    over_hidden = log_sum_exp(-mirrored.free_energy(binary_states(n_hidden)))
    assert over_visible == pytest.approx(over_hidden, abs=1e-9)
    assert rbm.log_partition() == pytest.approx(over_visible, abs=1e-9)


def test_a_side_of_just_the_limit_is_enumerated(monkeypatch):
    rbm = random_rbm(3, 5, seed=1)
    monkeypatch.setattr(rbm_module, "MOST_UNITS_TO_ENUMERATE", 3)
    assert rbm.log_partition() == pytest.approx(Truth(rbm).log_z)


def test_binary_states_lists_each_state_once():
    table = binary_states(4)
    assert table.shape == (16, 4)
    assert len({tuple(row) for row in table}) == 16
    np.testing.assert_array_equal(np.vstack([binary_states(4, 0, 5), binary_states(4, 5)]), table)


def test_sample_bernoulli():
    rng = generator()
    probability = np.array([0.0, 0.25, 1.0], dtype=np.float32)
    draws = sample_bernoulli(np.tile(probability, (40_000, 1)), rng)
    assert draws.dtype == np.float32
    assert set(np.unique(draws)) == {0, 1}
    assert (draws[:, 0] == 0).all()
    assert (draws[:, 2] == 1).all()
    assert abs(draws[:, 1].mean() - 0.25) < 5 * np.sqrt(0.25 * 0.75 / 40_000)


def test_probability_0_never_gives_a_1_even_at_the_lowest_uniform_draw():
    lowest = SimpleNamespace(random=lambda shape, dtype: np.zeros(shape, dtype))
    np.testing.assert_array_equal(sample_bernoulli(np.array([0.0, 1e-9]), lowest), [0, 1])


def test_base_rate_bias_gives_each_pixel_its_mean():
    v = np.array([[1, 0, 1], [1, 0, 0], [1, 0, 0]], dtype=np.float32)
    np.testing.assert_allclose(sigmoid(base_rate_bias(v)), [4 / 5, 1 / 5, 2 / 5], rtol=1e-6)


# ---------------------------------------------------------------- sampling


@given(sizes, sizes, seeds)
@property_test
def test_the_gibbs_chain_leaves_the_model_distribution_unchanged(n_visible, n_hidden, seed):
    rbm = random_rbm(n_visible, n_hidden, seed)
    truth = Truth(rbm)

    def probability(x, p):  # of each binary row under each row of independent probabilities
        return np.prod(np.where(x[None] == 1, p[:, None], 1 - p[:, None]), axis=2)

    to_h = probability(truth.h, rbm.hidden_probability(truth.v))
    to_v = probability(truth.v, rbm.visible_probability(truth.h))
    np.testing.assert_allclose(truth.p_v @ to_h @ to_v, truth.p_v, atol=1e-10)


@pytest.fixture(scope="module")
def slow_chain():
    """An RBM whose chain takes many steps to forget, and a start it remembers."""
    rbm = RBM(3, 2, generator())
    rbm.W = np.array([[3.0, -2.0], [2.5, 1.0], [-2.0, 3.0]])
    rbm.visible_bias, rbm.hidden_bias = np.array([-2.0, -1.0, 0.5]), np.array([-1.5, -1.0])
    return rbm, Truth(rbm), np.tile([1.0, 1.0, 0.0], (60_000, 1))


def test_gibbs_yields_one_full_step_at_a_time(slow_chain):
    rbm, truth, start = slow_chain
    expected = np.eye(8)[truth.index(start[0])]
    for state in itertools.islice(rbm.gibbs(start, generator()), 4):
        after_one_more = expected @ truth.gibbs
        assert distance(truth.frequencies(state.v), after_one_more) < 0.01
        assert distance(expected, after_one_more) > 0.02  # else the line above proves nothing
        np.testing.assert_allclose(state.visible_probability, rbm.visible_probability(state.h))
        expected = after_one_more


@pytest.mark.parametrize("gibbs_steps", [1, 2, 3])
def test_negative_phase_takes_exactly_k_steps(slow_chain, gibbs_steps):
    rbm, truth, start = slow_chain
    parameters = rbm.W, rbm.visible_bias, rbm.hidden_bias
    h_start = rbm.hidden_probability(start)
    v_model, h_model = negative_phase(h_start, *parameters, gibbs_steps, generator())
    after = [
        np.linalg.matrix_power(truth.gibbs, k)[truth.index(start[0])]
        for k in range(gibbs_steps + 2)
    ]
    measured = truth.frequencies(v_model)
    assert distance(measured, after[gibbs_steps]) < 0.01
    assert distance(measured, after[gibbs_steps - 1]) > 0.02
    assert distance(measured, after[gibbs_steps + 1]) > 0.02
    np.testing.assert_array_equal(h_model, rbm.hidden_probability(v_model))  # no samples


@pytest.mark.parametrize(("n_visible", "n_hidden"), [(4, 2), (2, 4), (3, 3)])
def test_exact_samples(n_visible, n_hidden):
    rbm = random_rbm(n_visible, n_hidden, seed=3, scale=0.7)
    truth = Truth(rbm)
    v = rbm.exact_samples(60_000, generator())
    assert v.shape == (60_000, n_visible)
    assert distance(truth.frequencies(v), truth.p_v) < 0.015


def test_exact_samples_do_not_overflow():
    rbm = random_rbm(3, 4, seed=0)
    rbm.visible_bias = np.array([800.0, -800.0, 800.0])
    np.testing.assert_array_equal(rbm.exact_samples(5, generator()), np.tile([1, 0, 1], (5, 1)))


def test_sampling_methods_draw_from_their_probabilities():
    rbm = random_rbm(3, 2, seed=5, scale=0.7)
    v, h = np.tile([1.0, 0, 1], (40_000, 1)), np.tile([0.0, 1], (40_000, 1))
    hidden, visible = rbm.sample_hidden(v, generator()), rbm.sample_visible(h, generator())
    np.testing.assert_allclose(hidden.mean(axis=0), rbm.hidden_probability(v[:1])[0], atol=0.015)
    np.testing.assert_allclose(visible.mean(axis=0), rbm.visible_probability(h[:1])[0], atol=0.015)


# ---------------------------------------------------------------- gradients


def exact_gradient(rbm, v_data):
    """`likelihood_gradient` is linear in the model's rows: weight each state by its p(v)."""
    truth = Truth(rbm)
    total = [np.zeros_like(p) for p in (rbm.W, rbm.visible_bias, rbm.hidden_bias)]
    for state, p in zip(truth.v, truth.p_v, strict=True):
        v_model = state[None]
        gradient = likelihood_gradient(
            v_data, rbm.hidden_probability(v_data), v_model, rbm.hidden_probability(v_model)
        )
        total = [t + p * g for t, g in zip(total, gradient, strict=True)]
    return total


@given(sizes, sizes, seeds)
@property_test
def test_gradient_against_finite_differences_of_the_exact_likelihood(n_visible, n_hidden, seed):
    rbm = random_rbm(n_visible, n_hidden, seed, scale=1.0)
    v_data = (generator(seed).random((7, n_visible)) < 0.5).astype(float)
    parameters = rbm.W, rbm.visible_bias, rbm.hidden_bias
    for parameter, gradient in zip(parameters, exact_gradient(rbm, v_data), strict=True):
        assert gradient.shape == parameter.shape
        for index in np.ndindex(parameter.shape):
            value, likelihood = parameter[index], []
            for shifted in (value + 1e-5, value - 1e-5):
                parameter[index] = shifted
                likelihood.append(rbm.log_likelihood(v_data, rbm.log_partition()).mean())
            parameter[index] = value
            difference = (likelihood[0] - likelihood[1]) / 2e-5
            assert gradient[index] == pytest.approx(difference, abs=1e-7)


def test_contrastive_divergence_tends_to_the_exact_gradient_as_k_grows():
    rbm = random_rbm(4, 3, seed=2, scale=0.8)
    v_data = np.repeat([[1.0, 1, 0, 0], [0, 0, 0, 1]], 30_000, axis=0)
    h_data = rbm.hidden_probability(v_data)
    exact = np.concatenate([g.ravel() for g in exact_gradient(rbm, v_data[29_999:30_001])])
    bias = {}
    for gibbs_steps in (1, 30):
        v_model, h_model = negative_phase(
            h_data, rbm.W, rbm.visible_bias, rbm.hidden_bias, gibbs_steps, generator()
        )
        gradient = likelihood_gradient(v_data, h_data, v_model, h_model)
        bias[gibbs_steps] = np.abs(np.concatenate([g.ravel() for g in gradient]) - exact).max()
    assert bias[30] < 0.012 < 0.05 < bias[1]


def random_phases(n_visible, n_hidden, seed):
    """Binary rows for data and model (of different number), probabilities, offsets."""
    rng = generator(seed)
    v_data, v_model = ((rng.random((n, n_visible)) < 0.5).astype(float) for n in (6, 4))
    return v_data, rng.random((6, n_hidden)), v_model, rng.random((4, n_hidden)), rng


@given(sizes, sizes, seeds)
@property_test
def test_centred_gradient_without_offsets_is_the_gradient(n_visible, n_hidden, seed):
    *phases, _ = random_phases(n_visible, n_hidden, seed)
    centred = centred_gradient(*phases, np.zeros(n_visible), np.zeros(n_hidden))
    for plain, other in zip(likelihood_gradient(*phases), centred, strict=True):
        np.testing.assert_allclose(plain, other, atol=1e-12)


@given(sizes, sizes, seeds)
@property_test
def test_centred_gradient_does_not_depend_on_what_is_called_1(n_visible, n_hidden, seed):
    """Flip some units: the parameters that keep p unchanged must change by the flipped step."""
    v_data, h_data, v_model, h_model, rng = random_phases(n_visible, n_hidden, seed)
    mu, offset = rng.random(n_visible), rng.random(n_hidden)
    flip_v, flip_h = rng.random(n_visible) < 0.5, rng.random(n_hidden) < 0.5

    def flipped(x, flip):
        return np.where(flip, 1 - x, x)

    def flipped_parameters(W, b, c):  # so that E(v, h) keeps its value up to a constant
        sign_v, sign_h = np.where(flip_v, -1, 1), np.where(flip_h, -1, 1)
        return (
            sign_v[:, None] * W * sign_h,
            sign_v * (b + W @ flip_h),
            sign_h * (c + flip_v @ W),
        )

    rbm = random_rbm(n_visible, n_hidden, seed)
    other = RBM(n_visible, n_hidden, rng)
    other.W, other.visible_bias, other.hidden_bias = flipped_parameters(
        rbm.W, rbm.visible_bias, rbm.hidden_bias
    )
    np.testing.assert_allclose(  # the map is right: same probabilities of flipped images
        rbm.log_likelihood(v_data, rbm.log_partition()),
        other.log_likelihood(flipped(v_data, flip_v), other.log_partition()),
        atol=1e-10,
    )
    expected = flipped_parameters(*centred_gradient(v_data, h_data, v_model, h_model, mu, offset))
    actual = centred_gradient(
        flipped(v_data, flip_v), flipped(h_data, flip_h),
        flipped(v_model, flip_v), flipped(h_model, flip_h),
        flipped(mu, flip_v), flipped(offset, flip_h),
    )  # fmt: skip
    for one, two in zip(expected, actual, strict=True):
        np.testing.assert_allclose(one, two, atol=1e-12)


# ---------------------------------------------------------------- training


class Backwards(np.random.Generator):
    """A generator whose shuffling is known: it turns the order round."""

    def permutation(self, n):
        return np.arange(n)[::-1]


def one_picture_rbm():
    """Visible biases of +-60: whatever the hidden units do, the model draws 1 0 1.

    So the negative phase is known beforehand, and training is plain arithmetic.
    """
    rbm = random_rbm(3, 2, seed=4, scale=0.5)
    rbm.visible_bias = np.array([60.0, -60.0, 60.0])
    return rbm


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"momentum": 0.7, "weight_decay": 0.3, "persistent_chains": 3, "gibbs_steps": 4},
        {"final_step_size": 0.0},
        {"momentum": 0.5, "weight_decay": 0.1, "final_step_size": 0.02, "centred": True},
    ],
    ids=str,
)
def test_training_arithmetic(options):
    rbm = one_picture_rbm()
    v = np.array([[1.0, 1, 0], [0, 0, 0], [1, 0, 0]])
    W, b, c = rbm.W.copy(), rbm.visible_bias.copy(), rbm.hidden_bias.copy()
    rng = Backwards(np.random.SFC64(0))
    epochs = train(rbm, v, rng, epochs=2, batch_size=2, step_size=0.1, **options)
    steps_after_epochs = [epoch.step_size for epoch in epochs]

    momentum, decay = options.get("momentum", 0), options.get("weight_decay", 0)
    steps = np.linspace(0.1, options.get("final_step_size", 0.1), 5)[:4]
    dW, db, dc = np.zeros_like(W), np.zeros(3), np.zeros(2)
    mu, offset = v.mean(axis=0), 1 / (1 + np.exp(-(v.mean(axis=0) @ W + c)))
    v_model = np.array([[1.0, 0, 1]])
    for step, batch in zip(steps, [v[[2, 1]], v[[0]]] * 2, strict=True):
        h, h_model = 1 / (1 + np.exp(-(batch @ W + c))), 1 / (1 + np.exp(-(v_model @ W + c)))
        batch_mean, h_mean = batch.mean(axis=0), h.mean(axis=0)
        if options.get("centred"):
            mu, offset = 0.99 * mu + 0.01 * batch_mean, 0.99 * offset + 0.01 * h_mean
            gW = (batch - mu).T @ (h - offset) / len(h) - (v_model - mu).T @ (h_model - offset)
            gb = batch_mean - v_model[0] - gW @ offset
            gc = h_mean - h_model[0] - mu @ gW
        else:
            gW = batch.T @ h / len(h) - v_model.T @ h_model
            gb, gc = batch_mean - v_model[0], h_mean - h_model[0]
        dW = momentum * dW + step * (gW - decay * W)
        db, dc = momentum * db + step * gb, momentum * dc + step * gc
        W, b, c = W + dW, b + db, c + dc
    np.testing.assert_allclose(steps_after_epochs, steps[[1, 3]])
    np.testing.assert_allclose(rbm.W, W, atol=1e-6)
    np.testing.assert_allclose(rbm.visible_bias, b, rtol=1e-6)
    np.testing.assert_allclose(rbm.hidden_bias, c, atol=1e-6)


def test_cd_chains_start_at_the_data_and_persistent_chains_forget_them(slow_chain):
    rbm, truth, start = slow_chain
    before, v = rbm.W.copy(), start[:40_000]
    frozen = {"epochs": 40, "batch_size": 40_000, "step_size": 0.0}
    *_, cd = train(rbm, v, generator(), **frozen, gibbs_steps=2)
    *_, pcd = train(rbm, v, generator(), **frozen, gibbs_steps=2, persistent_chains=40_000)
    after_two = np.linalg.matrix_power(truth.gibbs, 2)[truth.index(v[0])]
    assert distance(truth.frequencies(cd.v_model), after_two) < 0.015
    assert distance(truth.frequencies(pcd.v_model), truth.p_v) < 0.015
    assert distance(after_two, truth.p_v) > 0.05
    np.testing.assert_array_equal(rbm.W, before)


def test_persistent_chains_start_from_hidden_units_that_are_fair_coins(slow_chain):
    rbm, truth, start = slow_chain
    once = {"epochs": 1, "batch_size": 100, "step_size": 0.0}
    (epoch,) = train(rbm, start[:100], generator(), **once, persistent_chains=60_000)
    after_coins = truth.p_v_given_h.mean(axis=1)
    assert distance(truth.frequencies(epoch.v_model), after_coins) < 0.01
    assert distance(truth.p_v, after_coins) > 0.02


TOY = np.array([[1, 1, 0, 0, 0, 0], [0, 0, 1, 1, 0, 0], [0, 0, 0, 0, 1, 1]], dtype=np.float32)


@pytest.mark.parametrize("centred", [False, True])
@pytest.mark.parametrize("persistent_chains", [0, 30])
def test_training_learns_three_pictures(centred, persistent_chains):
    rng = generator(7)
    v = np.repeat(TOY, 20, axis=0)
    rbm = RBM(6, 4, rng, weight_std=0.1, visible_bias=base_rate_bias(v))
    before = rbm.log_likelihood(v, rbm.log_partition()).mean()
    list(train(rbm, v, rng, epochs=400, batch_size=20, step_size=0.2, final_step_size=0.0,
               gibbs_steps=2, centred=centred, persistent_chains=persistent_chains))  # fmt: skip
    after = rbm.log_likelihood(v, rbm.log_partition()).mean()
    assert before < -3.5
    assert -1.6 < after < -np.log(3)  # no model of these three can beat log 1/3
    assert rbm.W.dtype == rbm.visible_bias.dtype == rbm.hidden_bias.dtype == np.float32


def test_training_is_repeatable_and_needs_no_global_seed():
    runs = []
    for global_seed in (1, 2):
        np.random.seed(global_seed)  # noqa: NPY002
        rng = generator(5)
        rbm = RBM(6, 3, rng)
        list(train(rbm, TOY, rng, epochs=5, batch_size=2, persistent_chains=4))
        runs.append(rbm.W)
    np.testing.assert_array_equal(*runs)


def test_resample_draws_the_data_anew_from_its_grey_levels():
    rng = generator()
    grey = np.full((200, 3), [0.2, 0.5, 0.9], dtype=np.float32)
    rbm = RBM(3, 1, rng)
    list(train(rbm, grey, rng, epochs=200, batch_size=50, step_size=0.3, final_step_size=0.0,
               persistent_chains=50, resample=True))  # fmt: skip
    truth = Truth(rbm)
    np.testing.assert_allclose(truth.p_v @ truth.v, [0.2, 0.5, 0.9], atol=0.02)


def test_training_yields_one_record_an_epoch_and_counts_a_smaller_last_batch():
    rng = generator()
    v = np.tile(TOY, (4, 1))[:11]
    epochs = list(train(RBM(6, 3, rng), v, rng, epochs=3, batch_size=4))
    assert [epoch.number for epoch in epochs] == [1, 2, 3]
    assert epochs[-1].v_model.shape == (3, 6)


class InterruptedGenerator(np.random.Generator):
    """A generator at which the learner presses stop after some draws."""

    def __init__(self, bit_generator, draws_left):
        super().__init__(bit_generator)
        self.draws_left = draws_left

    def random(self, *args, **kwargs):
        self.draws_left -= 1
        if self.draws_left < 0:
            raise KeyboardInterrupt
        return super().random(*args, **kwargs)


def test_interrupted_training_keeps_what_it_has_learnt(tmp_path):
    v = np.repeat(TOY, 20, axis=0)
    rbm = RBM(6, 4, generator())
    before = rbm.W.copy()
    done = []
    rng = InterruptedGenerator(np.random.SFC64(0), 55)
    training = train(rbm, v, rng, epochs=50, batch_size=20)
    with pytest.raises(KeyboardInterrupt):
        done.extend(training)
    assert len(done) == 9  # 3 updates an epoch, 2 draws an update
    assert not np.array_equal(rbm.W, before)
    assert np.isfinite(rbm.log_likelihood(v, rbm.log_partition())).all()
    rbm.save(tmp_path / "interrupted.npz")
    for interrupted in (rbm, RBM.load(tmp_path / "interrupted.npz")):  # in its tenth epoch
        with pytest.raises(ValueError, match="interrupted within an epoch: load a file"):
            next(train(interrupted, v, generator(), epochs=50, batch_size=20, resume=True))
    list(train(rbm, v, generator(), epochs=1))  # and goes on


# ---------------------------------------------------------------- resuming

GREY = np.random.default_rng(0).random((20, 6)).astype(np.float32)
EVERYTHING = {
    "batch_size": 7,
    "gibbs_steps": 2,
    "persistent_chains": 20,
    "centred": True,
    "final_step_size": 0.01,
    "momentum": 0.5,
    "weight_decay": 0.01,
    "resample": True,
}


def train_until(rbm, rng, last, **options):
    """Train as if for 6 epochs, and break off after the `last`."""
    for epoch in train(rbm, GREY, rng, **{"epochs": 6} | EVERYTHING | options):
        if epoch.number == last:
            break
    return epoch


def assert_same_training(one, two):
    """Parameters, velocities, chains, offsets and random state are equal bit for bit."""
    for name in ("W", "visible_bias", "hidden_bias"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
    np.testing.assert_equal(one.training, two.training)


@pytest.mark.parametrize("kind", [np.random.SFC64, np.random.PCG64])
def test_a_saved_training_that_is_resumed_ends_where_the_unbroken_one_ends(tmp_path, kind):
    unbroken, broken_off = (RBM(6, 3, generator(), weight_std=1.0) for _ in range(2))
    last = train_until(unbroken, np.random.Generator(kind(1)), 6)
    train_until(broken_off, np.random.Generator(kind(1)), 3)
    broken_off.save(tmp_path / "rbm.npz")
    resumed = RBM.load(tmp_path / "rbm.npz")
    assert_same_training(resumed, broken_off)
    again = train_until(resumed, np.random.Generator(kind(2)), 6, resume=True)
    assert_same_training(resumed, unbroken)
    np.testing.assert_array_equal(again.v_model, last.v_model)
    assert again[:2] == last[:2]


def test_a_training_with_a_constant_step_can_be_resumed_for_more_epochs_than_it_was_begun_for():
    unbroken, longer = (RBM(6, 3, generator(), weight_std=1.0) for _ in range(2))
    train_until(unbroken, generator(1), 6, final_step_size=None)
    train_until(longer, generator(1), 4, final_step_size=None, epochs=4)
    train_until(longer, generator(2), 6, final_step_size=None, resume=True)
    assert_same_training(unbroken, longer)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"momentum": 0.6}, "momentum = 0.6, but this training began with 0.5"),
        ({"persistent_chains": 5}, "persistent_chains = 5, but this training began with 20"),
        ({"epochs": 7}, "epochs = 7, but this training began with 6"),  # the step size falls
        ({"final_step_size": None}, "final_step_size = None, but this training began with 0.01"),
    ],
)
def test_a_training_is_not_resumed_with_other_settings(options, message):
    rbm = RBM(6, 3, generator())
    train_until(rbm, generator(), 3)
    with pytest.raises(ValueError, match=message):
        train_until(rbm, generator(), 6, resume=True, **options)


def test_a_training_is_not_resumed_with_a_generator_of_another_kind():
    rbm = RBM(6, 3, generator())
    train_until(rbm, generator(), 3)
    with pytest.raises(ValueError, match="began with a SFC64 generator"):
        train_until(rbm, np.random.default_rng(), 6, resume=True)


def test_a_training_is_not_resumed_for_no_more_epochs_than_are_done():
    rbm = RBM(6, 3, generator())
    train_until(rbm, generator(), 3, final_step_size=None)
    for epochs in (2, 3):
        with pytest.raises(ValueError, match=f"epochs = {epochs}: 3 are done already"):
            train_until(rbm, generator(), 6, final_step_size=None, epochs=epochs, resume=True)


def test_a_training_that_did_not_end_its_first_epoch_is_not_mixed_with_an_older_one():
    rbm = RBM(6, 3, generator())
    train_until(rbm, generator(), 3)
    other = {"epochs": 9, "step_size": 0.05}
    with pytest.raises(KeyboardInterrupt):
        train_until(rbm, InterruptedGenerator(np.random.SFC64(0), 4), 1, **other)
    with pytest.raises(ValueError, match="no training to go on with"):
        train_until(rbm, generator(), 9, resume=True, **other)


def test_nothing_is_resumed_without_a_training(tmp_path):
    rbm = RBM(6, 3, generator())
    rbm.save(tmp_path / "rbm.npz")
    for untrained in (rbm, RBM.load(tmp_path / "rbm.npz")):
        with pytest.raises(ValueError, match="no training to go on with"):
            train_until(untrained, generator(), 6, resume=True)


# ---------------------------------------------------------------- monitoring


@given(sizes, seeds)
@property_test
def test_with_one_pixel_pseudo_likelihood_is_the_likelihood(n_hidden, seed):
    rbm = random_rbm(1, n_hidden, seed)
    v = np.array([[0.0], [1.0]])
    np.testing.assert_allclose(
        rbm.pseudo_likelihood(v, generator()), rbm.log_likelihood(v, rbm.log_partition()), atol=1e-9
    )


def test_pseudo_likelihood_is_right_on_average():
    rbm = random_rbm(4, 3, seed=8)
    truth = Truth(rbm)
    for row, v in enumerate(truth.v[:6]):
        exact = 0.0
        for i in range(4):
            flipped = v.copy()
            flipped[i] = 1 - v[i]
            p, p_flipped = truth.p_v[row], truth.p_v[truth.index(flipped)]
            exact += np.log(p / (p + p_flipped))
        estimates = rbm.pseudo_likelihood(np.tile(v, (4000, 1)), generator(row))
        assert abs(estimates.mean() - exact) < 5 * estimates.std() / np.sqrt(4000) + 1e-9


def test_reconstruction_error():
    rbm = one_picture_rbm()
    v = np.array([[1.0, 0, 1], [0, 0, 1], [0, 1, 0]])
    np.testing.assert_allclose(rbm.reconstruction_error(v, generator()), [0, 1 / 3, 1], atol=1e-12)


# ---------------------------------------------------------------- files and errors


def test_save_and_load(tmp_path):
    rng = generator()
    rbm = RBM(6, 3, rng, visible_bias=base_rate_bias(TOY))
    list(train(rbm, TOY, rng, epochs=2, centred=True, final_step_size=0.0))
    path = tmp_path / "model"  # no suffix: the name is used as it is
    rbm.save(path)
    loaded = RBM.load(path)
    for name in ("W", "visible_bias", "hidden_bias"):
        np.testing.assert_array_equal(getattr(loaded, name), getattr(rbm, name))
        assert getattr(loaded, name).dtype == np.float32
    assert loaded.settings == rbm.settings
    assert loaded.settings["centred"] is True
    list(train(loaded, TOY, rng, epochs=1))


def test_settings_may_be_numpy_numbers(tmp_path):
    rng, path = generator(), tmp_path / "model.npz"
    rbm = RBM(6, 3, rng, weight_std=np.float64(0.1))
    assert rbm.W.dtype == np.float32
    list(train(rbm, TOY, rng, epochs=np.int64(2), step_size=np.float64(0.1), centred=np.True_))
    rbm.save(path)
    assert RBM.load(path).settings == rbm.settings


def write_array(path):
    with open(path, "wb") as file:
        np.save(file, np.zeros(3))


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda path: np.savez(path, W=np.zeros((2, 2))), "version None, this code reads 2"),
        (
            lambda path: np.savez(path, version=2),
            "lacks W, hidden_bias, rng, settings, v",
        ),
        (lambda path: np.savez(path, version=1), "version 1, this code reads 2"),
        (lambda path: np.savez(path, version=np.array([{}], dtype=object)), "allow_pickle=False"),
        (lambda path: path.write_text("no model"), "not a file that RBM.save"),
        (write_array, "not a file that RBM.save"),
    ],
    ids=["no version", "no arrays", "other version", "pickle", "text", "plain array"],
)
def test_load_refuses_other_files(tmp_path, write, message):
    path = tmp_path / "file.npz"
    write(path)
    with pytest.raises(ValueError, match=message):
        RBM.load(path)


def test_load_names_what_a_training_lacks(tmp_path):
    path = tmp_path / "rbm.npz"
    rbm = RBM(6, 3, generator())
    train_until(rbm, generator(), 3)
    rbm.save(path)
    with np.load(path) as file:
        rest = {name: file[name] for name in file.files if name != "W_velocity"}
    np.savez(path, **rest)
    with pytest.raises(ValueError, match="lacks W_velocity"):
        RBM.load(path)


def test_load_refuses_a_damaged_file_and_leaves_a_missing_one_missing(tmp_path):
    path = tmp_path / "model.npz"
    with pytest.raises(FileNotFoundError):
        RBM.load(path)
    RBM(60, 30, generator(), weight_std=0.1).save(path)
    content = bytearray(path.read_bytes())
    for byte in (0, len(content) // 3, len(content) // 2, len(content) - 4):
        content[byte] ^= 255
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"not a file that RBM\.save wrote"):
            RBM.load(path)
        content[byte] ^= 255


# parameters and training of a file, and what is done to them -> what the error says
DAMAGE = {
    "scalar bias": ({"hidden_bias": np.float32(0)}, r"shapes \(6, 3\), \(6,\) and \(\)"),
    "short bias": ({"visible_bias": np.zeros(5)}, r"shapes \(6, 3\), \(5,\) and \(3,\)"),
    "weights without an axis": ({"W": np.zeros(6)}, r"W, visible_bias and .* shapes \(6,\)"),
    "a weight is NaN": ({"W": np.full((6, 3), [0, np.nan, 0])}, "W contains nan"),
    "a bias is infinite": ({"hidden_bias": np.array([0, 0, np.inf])}, "hidden_bias contains inf"),
    "a bias beyond float32": ({"hidden_bias": np.array([0, 0, 1e99])}, "hidden_bias contains inf"),
    "text": ({"W": np.full((6, 3), "a")}, "W holds <U1"),
    "complex numbers": ({"W": np.full((6, 3), 1j)}, "W holds complex128"),
    "settings": ({"settings": "{"}, "Expecting"),
    "settings that are none": ({"settings": "3"}, "not iterable"),
    "velocity": ({"W_velocity": np.zeros((6, 2))}, r"W_velocity has shape \(6, 2\)"),
    "chains": ({"h_model": np.zeros((19, 3))}, r"h_model has shape \(19, 3\), expected \(20, 3\)"),
    "offset": ({"hidden_offset": np.full(3, np.nan)}, "hidden_offset contains nan"),
    "epoch": ({"epoch": 2.5}, "epoch = 2.5"),
    "random state": ({"rng": json.dumps({"bit_generator": "PCG64"})}, "not as RBM.save wrote it"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_load_refuses_arrays_that_do_not_fit(tmp_path, damage):
    path, (changed, message) = tmp_path / "rbm.npz", DAMAGE[damage]
    rbm = RBM(6, 3, generator())
    train_until(rbm, generator(), 3)
    rbm.save(path)
    with np.load(path) as file:
        arrays = dict(file)
    np.savez(path, **arrays)
    assert_same_training(RBM.load(path), rbm)
    np.savez(path, **(arrays | changed))
    with pytest.raises(ValueError, match=message) as error:
        RBM.load(path)
    assert "rbm.npz is not as RBM.save wrote it" in str(error.value)


def test_a_loaded_rbm_is_float32_whatever_was_saved(tmp_path):
    rbm = random_rbm(4, 3, seed=0)
    rbm.save(tmp_path / "rbm.npz")
    loaded = RBM.load(tmp_path / "rbm.npz")
    for name in ("W", "visible_bias", "hidden_bias"):
        assert getattr(loaded, name).dtype == np.float32
        np.testing.assert_allclose(getattr(loaded, name), getattr(rbm, name), rtol=1e-6)


def test_a_path_may_begin_with_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    RBM(3, 2, generator()).save("~/rbm.npz")
    assert (tmp_path / "rbm.npz").exists()
    assert RBM.load("~/rbm.npz").W.shape == (3, 2)


# ---------------------------------------------------------------- other pictures


def test_pictures_of_16_by_16_train_and_have_likelihoods_and_files(tmp_path):
    """All that 28 x 28 can do: bars that are learnt, exact and estimated log Z, save and load."""
    from helpers.ais import annealed_importance_sampling, reverse_ais

    rng, pictures = generator(), np.zeros((32, 16, 16), dtype=bool)
    pictures[range(16), range(16)], pictures[range(16, 32), :, range(16)] = True, True
    v = np.repeat(pictures.reshape(32, 256), 10, axis=0)
    rbm = RBM(256, 10, rng, weight_std=0.1, visible_bias=base_rate_bias(v))
    before = rbm.log_likelihood(v, rbm.log_partition()).mean()
    options = {"epochs": 60, "batch_size": 20, "persistent_chains": 20, "centred": True}
    list(train(rbm, v, rng, **options))
    after = rbm.log_likelihood(v, rbm.log_partition()).mean()
    assert after > before + 5
    base, samples = base_rate_bias(v), rbm.exact_samples(100, rng)
    assert samples.shape == (100, 256)
    for estimate in (
        annealed_importance_sampling(rbm, base, rng, temperatures=500),
        reverse_ais(rbm, base, samples, rng, temperatures=500),
    ):
        assert estimate.log_z == pytest.approx(rbm.log_partition(), abs=0.3)
    rbm.save(tmp_path / "bars.npz")
    loaded = RBM.load(tmp_path / "bars.npz")
    assert_same_training(loaded, rbm)
    assert loaded.log_partition() == rbm.log_partition()


# ---------------------------------------------------------------- right or refused

V = np.zeros((2, 3), dtype=np.float32)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda rbm, rng: rbm.free_energy(V[0]), r"v has shape \(3,\), expected \(n, 3\)"),
        (lambda rbm, rng: rbm.free_energy(V[:, :2]), r"v has shape \(2, 2\)"),
        (lambda rbm, rng: rbm.free_energy(V[:0]), r"shape \(0, 3\).* n >= 1"),
        (lambda rbm, rng: rbm.free_energy([[0, 1, 0.25]]), r"contains 0.25.*binarise"),
        (lambda rbm, rng: rbm.free_energy(V + 255), "from 255 to 255.*divide 8-bit"),
        (lambda rbm, rng: rbm.free_energy(V - 1), "from -1 to -1"),
        (lambda rbm, rng: rbm.free_energy(V + np.nan), "v contains NaN"),
        (lambda rbm, rng: rbm.energy(V, np.zeros((2, 3))), r"h has shape \(2, 3\)"),
        (lambda rbm, rng: rbm.energy(V[:1], V[:, :2]), "v has 1 rows and h has 2"),
        (lambda rbm, rng: base_rate_bias(V + 255), "v ranges from 255 to 255.*divide 8-bit"),
        (lambda rbm, rng: binary_states(3, 0, 9), "stop = 9: .* at most 8"),
        (lambda rbm, rng: binary_states(3, 5, 4), "stop = 4: .* at least 5"),
        (lambda rbm, rng: binary_states(30), "stop = .*at most 3.35544e"),
        (lambda rbm, rng: binary_states(63), "n_units = 63"),
        (lambda rbm, rng: log_sum_exp([1, np.nan]), "empty or contains NaN"),
        (lambda rbm, rng: rbm.hidden_probability(V + 2), "from 2 to 2"),
        (lambda rbm, rng: rbm.visible_probability(V), r"h has shape \(2, 3\), expected \(n, 2\)"),
        (lambda rbm, rng: next(rbm.gibbs(V + 0.5, rng)), "contains 0.5"),
        (lambda rbm, rng: rbm.pseudo_likelihood(V + 0.5, rng), "contains 0.5"),
        (lambda rbm, rng: rbm.log_likelihood(V + 0.5, 0.0), "contains 0.5"),
        (lambda rbm, rng: next(train(rbm, V + 0.5, rng, epochs=1)), "0.5.*resample=True"),
        (lambda rbm, rng: next(train(rbm, V + 2, rng, epochs=1, resample=True)), "from 2 to 2"),
        (lambda rbm, rng: RBM(0, 2, rng), "n_visible = 0"),
        (lambda rbm, rng: RBM(3, 0, rng), "n_hidden = 0"),
        (lambda rbm, rng: RBM(3, 2, rng, visible_bias=np.zeros(2)), r"\(2,\), expected \(3,\)"),
        (lambda rbm, rng: RBM(3, 2, rng, visible_bias=[0, np.inf, 0]), "visible_bias contains inf"),
        (lambda rbm, rng: RBM(3, 2, rng, weight_std=-0.1), "weight_std = -0.1"),
        (lambda rbm, rng: RBM(26, 26, rng).log_partition(), r"26 units.*at most 25.*annealed"),
        (lambda rbm, rng: RBM(26, 30, rng).exact_samples(1, rng), "26 units"),
    ],
)
def test_unusable_values_are_refused(call, message):
    rng = generator()
    with pytest.raises(ValueError, match=message):
        call(RBM(3, 2, rng), rng)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("epochs", 0),
        ("gibbs_steps", 0),
        ("batch_size", 0),
        ("momentum", 1),
        ("momentum", -0.1),
        ("step_size", -1),
        ("step_size", np.nan),
        ("final_step_size", -1),
        ("weight_decay", -1),
        ("persistent_chains", -1),
    ],
)
def test_unusable_settings_are_refused(name, value):
    rng = generator()
    with pytest.raises(ValueError, match=f"{name} = {value}"):
        next(train(RBM(3, 2, rng), V, rng, **{"epochs": 1, name: value}))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("epochs", 2.0),
        ("gibbs_steps", True),
        ("batch_size", "64"),
        ("batch_size", 2.5),
        ("persistent_chains", None),
        ("momentum", None),
        ("step_size", "0.1"),
        ("weight_decay", [0.1]),
        ("centred", "no"),
        ("resample", 1),
        ("resume", None),
    ],
)
def test_settings_of_another_type_are_refused(name, value):
    rng = generator()
    with pytest.raises(TypeError, match=f"{name} = .* needed"):
        next(train(RBM(3, 2, rng), V, rng, **{"epochs": 1, name: value}))


H = np.array([[0, 1], [1, 0]], dtype=np.float32)


def fresh():
    return RBM(3, 2, generator())


def trained(rbm=None, **options):
    return next(train(fresh() if rbm is None else rbm, **options))


SETTINGS = {"epochs": 1, "batch_size": 2, "gibbs_steps": 1, "persistent_chains": 0, "momentum": 0.5}
SETTINGS |= {"step_size": 0.1, "final_step_size": 0.0, "weight_decay": 0.0}
SETTINGS |= {"centred": False, "resample": False, "resume": False}
ZERO_OR_MORE = ("step_size", "final_step_size", "weight_decay")
NUMBERS = ("infinite", "minus one", "zero", "two and a half", "True", "one row", "three axes")
NUMBERS += ("four axes", "another width", "infinite table", "grey levels in bytes", "below zero")
NUMBERS += ("pictures in bytes", "pictures below zero")

# what is called, its arguments, and which of the sweep's values are right
SWEPT = {
    "RBM": (
        lambda **given: RBM(**given),
        {"n_visible": 3, "n_hidden": 2, "rng": generator(), "weight_std": 0.1}
        | {"visible_bias": np.zeros(3)},
        [
            ("weight_std", "zero"),
            ("weight_std", "two and a half"),
            ("visible_bias", "None"),
            ("visible_bias", "one row"),
        ],
    ),
    "log_sum_exp": (log_sum_exp, {"x": V}, [("x", key) for key in NUMBERS]),
    "base_rate_bias": (base_rate_bias, {"v": V}, [("v", "another width")]),
    "binary_states": (
        binary_states,
        {"n_units": 3, "start": 0, "stop": 4},
        [("start", "zero"), ("stop", "zero"), ("stop", "None")],
    ),
    "energy": (lambda **given: fresh().energy(**given), {"v": V, "h": H}, []),
    "free_energy": (lambda **given: fresh().free_energy(**given), {"v": V}, []),
    "hidden_probability": (lambda **given: fresh().hidden_probability(**given), {"v": V}, []),
    "visible_probability": (lambda **given: fresh().visible_probability(**given), {"h": H}, []),
    "sample_hidden": (
        lambda **given: fresh().sample_hidden(**given), {"v": V, "rng": generator()}, [],
    ),
    "sample_visible": (
        lambda **given: fresh().sample_visible(**given), {"h": H, "rng": generator()}, [],
    ),
    "gibbs": (lambda **given: next(fresh().gibbs(**given)), {"v": V, "rng": generator()}, []),
    "exact_samples": (
        lambda **given: fresh().exact_samples(**given), {"n": 2, "rng": generator()}, [],
    ),
    "log_likelihood": (
        lambda **given: fresh().log_likelihood(**given),
        {"v": V, "log_z": 3.0},
        [("log_z", key) for key in ("minus one", "zero", "two and a half")],
    ),
    "pseudo_likelihood": (
        lambda **given: fresh().pseudo_likelihood(**given), {"v": V, "rng": generator()}, [],
    ),
    "reconstruction_error": (
        lambda **given: fresh().reconstruction_error(**given), {"v": V, "rng": generator()}, [],
    ),
    "train": (
        trained,
        {"rbm": fresh(), "v": V, "rng": generator()} | SETTINGS,
        [(name, key) for name in ZERO_OR_MORE for key in ("zero", "two and a half")]
        + [("rbm", "None"), ("final_step_size", "None"), ("persistent_chains", "zero")]
        + [("momentum", "zero"), ("centred", "True"), ("resample", "True")],
    ),
    "save": (
        lambda **given: fresh().save(**given),
        {"path": "rbm.npz"},
        [("path", "text"), ("path", "number as text")],
    ),
    "load": (RBM.load, {"path": "rbm.npz"}, [("path", "text"), ("path", "number as text")]),
}  # fmt: skip


@pytest.mark.parametrize("name", SWEPT)
def test_every_argument_is_right_or_refused_by_name(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for file in ("rbm.npz", "three", "3"):
        fresh().save(file)
    assert faults(*SWEPT[name]) == []


def test_a_table_of_one_value_has_the_log_of_its_size_added():
    assert log_sum_exp(np.full((2, 3), 200, np.uint8)) == pytest.approx(200 + np.log(6))


def test_the_estimate_as_a_whole_is_no_log_z():
    from helpers.ais import annealed_importance_sampling

    rbm, rng = fresh(), generator()
    estimate = annealed_importance_sampling(rbm, np.zeros(3), rng, 10, 10)
    for rows in (1, 2, 7):  # an estimate holds seven numbers
        v = np.zeros((rows, 3))
        with pytest.raises(TypeError, match=r"log_z is a whole .*: give estimate\.log_z"):
            rbm.log_likelihood(v, estimate)
        with pytest.raises(TypeError, match="log_z"):
            rbm.log_likelihood(v, np.zeros(rows + 1))
        assert rbm.log_likelihood(v, estimate.log_z).shape == (rows,)


@pytest.mark.parametrize("name", ["W", "visible_bias", "hidden_bias"])
@pytest.mark.parametrize("kind", ["NaN", "shape", "list", "whole numbers"])
def test_parameters_that_were_set_to_nonsense_are_noticed_at_every_door(tmp_path, name, kind):
    rbm, rng = fresh(), generator()
    parameter = getattr(rbm, name)
    if kind == "NaN":
        parameter[1:] = np.nan  # not all of it
    elif kind == "shape":
        setattr(rbm, name, np.zeros(1))
    else:
        setattr(rbm, name, parameter.tolist() if kind == "list" else parameter.astype(int))
    for call in (
        lambda: rbm.energy(V, H),
        lambda: rbm.free_energy(V),
        lambda: rbm.sample_hidden(V, rng),
        lambda: rbm.sample_visible(H, rng),
        lambda: next(rbm.gibbs(V, rng)),
        rbm.log_partition,
        lambda: rbm.exact_samples(2, rng),
        lambda: rbm.log_likelihood(V, 0.0),
        lambda: rbm.pseudo_likelihood(V, rng),
        lambda: rbm.reconstruction_error(V, rng),
        lambda: rbm.save(tmp_path / "rbm.npz"),
        lambda: trained(rbm, v=V, rng=rng, epochs=1),
    ):
        with pytest.raises((TypeError, ValueError), match=name):
            call()
    assert not (tmp_path / "rbm.npz").exists()


# ---------------------------------------------------------------- divergence


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_divergence_is_reported_and_names_the_epoch_and_the_step_size():
    rng, done = generator(), []
    training = train(RBM(6, 3, rng), TOY, rng, epochs=60, step_size=10.0, weight_decay=1e3)
    with pytest.raises(FloatingPointError, match="below 10") as error:
        done.extend(training)
    assert f"epoch {len(done) + 1}:" in str(error.value)


@pytest.mark.parametrize("step_size", [1e3, 1e4, 1e6, 1e38])
@pytest.mark.parametrize("persistent_chains", [0, 5])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_step_size_that_throws_the_weights_far_off_is_divergence(step_size, persistent_chains):
    rng, rbm = generator(), RBM(6, 3, generator())
    options = {"step_size": step_size, "persistent_chains": persistent_chains}
    with pytest.raises(FloatingPointError, match=r"epoch 1: .* has reached .* step_size below 1"):
        list(train(rbm, TOY, rng, epochs=3, **options))
    with pytest.raises(ValueError, match="no training to go on with"):
        next(train(rbm, TOY, rng, epochs=3, resume=True, **options))


@pytest.mark.parametrize(
    ("name", "index", "value"),
    [
        ("W", (2, 1), np.nan),
        ("W", (2, 1), np.inf),
        ("W", (2, 1), -101),
        ("visible_bias", 0, np.nan),
        ("visible_bias", 5, 101),
        ("hidden_bias", 2, np.nan),
        ("hidden_bias", 0, -np.inf),
    ],
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_one_parameter_is_enough_for_divergence(name, index, value):
    """A step size of 0 leaves all others as they are."""
    rbm = RBM(6, 3, generator())
    training = train(rbm, TOY, generator(), epochs=3, step_size=0.0)
    next(training)
    next(training)
    getattr(rbm, name)[index] = value
    with pytest.raises(FloatingPointError, match="epoch 3"):
        next(training)


def test_large_and_healthy_parameters_are_no_divergence():
    rbm = RBM(6, 3, generator())
    rbm.visible_bias[:], rbm.W[0, 0] = 99, -100
    assert len(list(train(rbm, TOY, generator(), epochs=2, step_size=0.0))) == 2
