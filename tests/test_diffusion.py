"""Diffusion: closed forms against simulation, gradients, exact scores, shapes, bad input."""

import itertools

import numpy as np
import pytest
from bad_arguments import faults

from helpers import diffusion as d
from helpers.runtime import keras, set_seed, tf

RNG = np.random.default_rng(0)
WEIGHTS, MEANS, DEVIATIONS = np.array([0.4, 0.6]), np.array([-1.2, 0.8]), np.array([0.3, 0.5])


def level(time):
    return tuple(float(part) for part in d.schedule(np.float64(time)))


def exact_noise(weights, means, deviations):
    """The best guess for a mixture on a line: -noise times the score of z_t."""

    def guess(z, time):
        signal, noise = (np.asarray(part, float) for part in d.schedule(np.asarray(time)))
        z, mean, variance = np.asarray(z), signal * means, (signal * deviations) ** 2 + noise**2
        log_parts = np.log(weights) - 0.5 * ((z - mean) ** 2 / variance + np.log(variance))
        shares = np.exp(log_parts - np.logaddexp.reduce(log_parts, axis=1, keepdims=True))
        return noise * np.sum(shares * (z - mean) / variance, axis=1, keepdims=True)

    return guess


def draws(n, rng):
    which = (rng.random(n) < WEIGHTS[1]).astype(int)
    return (MEANS[which] + DEVIATIONS[which] * rng.standard_normal(n))[:, None]


def log_density(z):
    log_parts = -0.5 * (((z - MEANS) / DEVIATIONS) ** 2 + np.log(2 * np.pi * DEVIATIONS**2))
    return np.logaddexp.reduce(np.log(WEIGHTS) + log_parts, axis=1)


# ---------------------------------------------------------------- the fixed encoder


def test_signal_and_noise_lie_on_a_circle_and_change_places():
    times = np.linspace(0, 1, 101)[:, None]
    signal, noise = (np.asarray(part) for part in d.schedule(times))
    assert signal.shape == noise.shape == (101, 1)
    np.testing.assert_allclose(signal**2 + noise**2, 1, atol=1e-14)
    assert (np.diff(signal[:, 0]) < 0).all()
    np.testing.assert_allclose(signal, noise[::-1], atol=1e-14)
    assert noise[0, 0] == pytest.approx(np.sin(d.MARGIN))


def test_noise_added_in_small_steps_is_noise_added_at_once():
    z = np.full((200_000, 1), 1.5)
    mixed, times = np.array(d.add_noise(z, RNG.standard_normal(z.shape), 0.0)), np.linspace(0, 1, 6)
    for time, later in itertools.pairwise(times):
        (signal, noise), (less, more) = level(time), level(later)
        kept = less / signal
        fresh = RNG.standard_normal(z.shape)
        mixed = kept * mixed + np.sqrt(more**2 - kept**2 * noise**2) * fresh
        assert mixed.mean() == pytest.approx(less * 1.5, abs=0.01)
        assert mixed.std() == pytest.approx(more, abs=0.01)


# ---------------------------------------------------------------- loss and bound


def test_the_gradient_of_the_loss():
    epsilon, predicted = RNG.normal(size=(2, 4, 3))
    guess = tf.Variable(predicted)
    with tf.GradientTape() as tape:
        loss = d.denoising_loss(epsilon, guess)
    np.testing.assert_allclose(loss, ((epsilon - predicted) ** 2).sum(axis=1))
    np.testing.assert_allclose(tape.gradient(loss, guess), 2 * (predicted - epsilon))


def test_a_step_costs_what_the_divergence_of_two_normals_says():
    """q(z_s | z_t, z) and the same with a guess in the place of z, by the conditional normal."""
    z, clean, z_t = 0.7, -0.4, 1.1
    for time, next_time in ((0.6, 0.5), (1.0, 0.2), (0.02, 0.0)):
        (signal, noise), (more, less) = level(time), level(next_time)
        covariance = signal / more * less**2  # of z_s and z_t, given z
        gain = covariance / noise**2
        variance = less**2 - gain * covariance
        mean, guessed = (more * x + gain * (z_t - signal * x) for x in (z, clean))
        kl = (mean - guessed) ** 2 / (2 * variance)
        epsilon, predicted = ((z_t - signal * x) / noise for x in (z, clean))
        weight = float(d.step_weight(np.float64(time), np.float64(next_time)))
        assert weight * (epsilon - predicted) ** 2 == pytest.approx(kl, rel=1e-9)


def test_the_bound_is_exact_for_standard_normal_data():
    z = RNG.standard_normal((20_000, 2))

    def guess(z_t, time):
        return d.schedule(time)[1] * z_t

    log_p = (-0.5 * (z**2 + np.log(2 * np.pi))).sum(axis=1)
    times = np.linspace(0, 1, 501) ** 2
    bound = np.asarray(d.diffusion_bound(guess, z, times, RNG, rounds=100))
    assert bound.shape == (20_000,)
    assert 0 < np.mean(log_p - bound) < 0.15


def test_the_bound_of_the_exact_score_lies_below_log_p_and_closes_in_on_it():
    z, grid = draws(20_000, RNG), np.linspace(-6, 6, 6001)[:, None]
    guess = exact_noise(WEIGHTS, MEANS, DEVIATIONS)
    density = np.exp(log_density(grid))
    truth = np.sum(density * np.log(density)) * (grid[1, 0] - grid[0, 0])
    assert log_density(z).mean() == pytest.approx(truth, abs=0.03)
    gaps = [
        np.mean(log_density(z) - d.diffusion_bound(guess, z, np.linspace(0, 1, n) ** 2, RNG))
        for n in (21, 101, 501)
    ]
    assert gaps == sorted(gaps, reverse=True)
    assert 0 < gaps[-1] < 0.07


def test_the_bound_of_a_guesser_that_says_nothing_is_its_formula():
    """Guess 0, and the loss of a step is d on average: every other part is known."""
    z, times = np.array([[90.0, -60.0]] * 4000), np.array([0.0, 0.3, 0.9, 1.0])
    (first_signal, first_noise), (last_signal, last_noise) = level(0.0), level(1.0)
    steps = sum(2 * float(d.step_weight(times[n + 1], times[n])) for n in range(3))
    end = 2 * (np.log(first_noise / first_signal) + 0.5 * np.log(2 * np.pi * np.e))
    kl = 0.5 * np.sum((last_signal * z[0]) ** 2 + last_noise**2 - 1 - 2 * np.log(last_noise))
    bounds = np.asarray(
        d.diffusion_bound(lambda z_t, time: 0 * z_t, z, times, np.random.default_rng(3), rounds=30)
    )
    assert kl > 0.1
    assert steps > 100 * kl, "so the parts are judged one by one"
    assert bounds.mean() == pytest.approx(-end - kl - steps, abs=4 * bounds.std() / 4000**0.5)

    def told(z_t, time):
        signal, noise = map(np.asarray, d.schedule(time))
        return (z_t - signal * z[0]) / noise

    silent = d.diffusion_bound(told, z, times, RNG)
    np.testing.assert_allclose(silent, -end - kl, rtol=1e-6)  # its steps cost nothing


def test_the_least_loss_is_that_of_the_score():
    z, epsilon = draws(50_000, RNG), RNG.standard_normal((50_000, 1))
    guess = exact_noise(WEIGHTS, MEANS, DEVIATIONS)
    for time in (0.1, 0.5, 0.8):
        best = guess(np.asarray(d.add_noise(z, epsilon, time)), time)
        least = np.mean(d.denoising_loss(epsilon, best))
        for other in (0.9 * best, best + 0.1, np.zeros_like(best)):
            assert np.mean(d.denoising_loss(epsilon, other)) > least


# ---------------------------------------------------------------- the way back


def test_a_step_back_with_the_true_noise_is_the_encoders_own():
    z, epsilon = RNG.standard_normal((2, 5, 3))
    back = d.denoise(d.add_noise(z, epsilon, 0.7), epsilon, 0.7, 0.2)
    np.testing.assert_allclose(back, d.add_noise(z, epsilon, 0.2), rtol=1e-9)


def test_the_exact_score_of_one_gaussian_leads_to_it():
    start = RNG.standard_normal((20_000, 1))
    guess = exact_noise(np.ones(1), np.array([2.0]), np.array([0.5]))
    path = np.asarray(d.draw_path(guess, start, np.linspace(1, 0, 201)))
    assert path.shape == (201, 20_000, 1)
    np.testing.assert_array_equal(path[0], start)
    assert path[-1].mean() == pytest.approx(2, abs=0.03)
    assert path[-1].std() == pytest.approx(0.5, abs=0.02)


def test_the_exact_score_of_a_mixture_leads_to_it():
    start = RNG.standard_normal((20_000, 1))
    guess = exact_noise(WEIGHTS, MEANS, DEVIATIONS)
    drawn, real = (
        np.asarray(d.draw_path(guess, start, np.linspace(1, 0, 201)))[-1],
        draws(50_000, RNG),
    )
    assert drawn.mean() == pytest.approx(real.mean(), abs=0.04)
    assert drawn.std() == pytest.approx(real.std(), abs=0.04)
    assert np.mean(drawn < -0.3) == pytest.approx(np.mean(real < -0.3), abs=0.02)


def test_guidance_exaggerates_what_the_label_changes():
    with_label, without = RNG.normal(size=(2, 4, 3))
    np.testing.assert_allclose(d.guided_noise(with_label, without, 0), with_label)
    np.testing.assert_allclose(d.guided_noise(with_label, without, -1), without, atol=1e-12)
    expected = 3 * with_label - 2 * without
    np.testing.assert_allclose(d.guided_noise(with_label, without, 2), expected)


# ---------------------------------------------------------------- network and training


def fitted(seed=0, classes=2, epochs=3):
    set_seed(seed)
    model = d.Diffusion(d.dense_denoiser(2, [16], classes), hidden_labels=0.3, seed=seed)
    model.compile(keras.optimizers.Adam(0.01), jit_compile=False)
    z = np.random.default_rng(1).normal(size=(400, 2)).astype(np.float32) * 0.3 + [1, -1]
    labels = np.arange(400) % 2 if classes else None
    history = model.fit(z.astype(np.float32), labels, epochs=epochs, verbose=0).history["loss"]
    return model, history


def test_before_training_the_guess_is_that_for_standard_normal_data():
    model = d.Diffusion(d.dense_denoiser(3, [8, 8], classes=10))
    z = RNG.standard_normal((5, 3)).astype(np.float32)
    for time in (0.0, 0.4, np.full((5, 1), 0.9)):
        noise = np.asarray(d.schedule(time)[1])
        np.testing.assert_allclose(model.predict_noise(z, time), noise * z, atol=1e-6)


@pytest.mark.parametrize("layers", [[], [3]])
def test_the_network_knows_the_time_by_eight_waves_and_bends_by_silu(layers):
    network = d.dense_denoiser(2, layers, classes=3)
    rng = np.random.default_rng(0)
    weights = [rng.normal(size=weight.shape) for weight in network.get_weights()]
    network.set_weights(weights)
    z, time, label = rng.normal(size=(4, 2)), rng.random((4, 1)), np.eye(3)[[0, 1, 2, 0]]
    value = np.hstack([z, np.cos(np.pi * time * np.arange(1, 9)), label])
    if layers:
        value = value @ weights[0] + weights[1]
        value = value / (1 + np.exp(-value))
    signal, noise = map(np.asarray, d.schedule(time))
    expected = noise * z + signal * (value @ weights[-2] + weights[-1])
    np.testing.assert_allclose(network([z, time, label]), expected, rtol=1e-4)


def trained_on_labels(before, **options):
    """The weights after one step, from one start; `before` seeds everything but the model."""
    set_seed(0)
    network = d.dense_denoiser(2, [4], classes=2)
    network.set_weights([np.full(weight.shape, 0.1) for weight in network.get_weights()])
    set_seed(before)
    model = d.Diffusion(network, **options)
    model.compile(keras.optimizers.SGD(0.1))
    model.fit(np.ones((6, 2), np.float32), [0, 1] * 3, shuffle=False, verbose=0)
    return model.get_weights()


def test_hidden_labels_teach_nothing_about_labels():
    for share, moved in ((0.0, True), (1.0, False)):
        kernel = trained_on_labels(0, hidden_labels=share)[0]
        assert (np.abs(kernel[-2:] - 0.1).max() > 1e-6) == moved
    assert d.Diffusion(d.dense_denoiser(2, [4])).hidden_labels == 0.5


def test_times_noise_and_hidden_labels_come_from_the_models_own_seed():
    one, same, other = (
        trained_on_labels(before, seed=seed) for before, seed in ((1, 0), (2, 0), (1, 1))
    )
    for first, second in zip(one, same, strict=True):
        np.testing.assert_array_equal(first, second)
    assert not np.array_equal(one[0], other[0])


def test_training_lowers_the_loss_with_and_without_labels():
    for classes in (0, 2):
        _, history = fitted(classes=classes, epochs=15)
        assert history[-1] < 0.9 * history[0]


def test_training_repeats_with_its_seed():
    (one, _), (same, _), (other, _) = fitted(0), fitted(0), fitted(1)
    for first, second in zip(one.get_weights(), same.get_weights(), strict=True):
        np.testing.assert_array_equal(first, second)
    assert any(
        not np.array_equal(first, second)
        for first, second in zip(one.get_weights(), other.get_weights(), strict=True)
    )


def test_a_label_is_used_and_minus_one_is_none():
    model, _ = fitted()
    z = np.zeros((3, 2), np.float32)
    without = model.predict_noise(z, 0.5)
    np.testing.assert_array_equal(without, model.predict_noise(z, 0.5, np.full(3, -1)))
    assert not np.allclose(without, model.predict_noise(z, 0.5, np.full(3, 1)))


def test_a_saved_model_guesses_the_same(tmp_path):
    model, _ = fitted()
    model.save(tmp_path / "diffusion.keras")
    loaded = keras.models.load_model(tmp_path / "diffusion.keras")
    z = np.ones((3, 2), np.float32)
    np.testing.assert_array_equal(model.predict_noise(z, 0.3), loaded.predict_noise(z, 0.3))
    assert loaded.hidden_labels == 0.3


# ---------------------------------------------------------------- bad input


def test_bad_times_are_named():
    same = {("time", "zero"), ("time", "True")}
    assert faults(d.schedule, {"time": 0.5}, same) == []
    with pytest.raises(ValueError, match="time contains 2: 0 is"):
        d.schedule(np.array([[0.0], [2.0]]))
    same |= {("next_time", "zero"), ("next_time", "True")}
    assert faults(d.step_weight, {"time": 0.5, "next_time": 0.2}, same) == []


def test_bad_arguments_of_bound_and_path_are_named():
    z = np.zeros((2, 3))

    def path(z, times, predict_noise=lambda z, time: z):
        return d.draw_path(predict_noise, z, times)

    def bound(z, times, rng, rounds=1, predict_noise=lambda z, time: z):
        return d.diffusion_bound(predict_noise, z, times, rng, rounds)

    rows = {"grey levels in bytes", "below zero", "another width"}
    harmless = {("z", name) for name in rows}
    assert faults(path, {"z": z, "times": np.linspace(1, 0, 3)}, harmless) == []
    rising = {"z": z, "times": np.linspace(0, 1, 3), "rng": RNG, "rounds": 1}
    assert faults(bound, rising, harmless) == []


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: d.schedule(1.5), "time contains 1.5: 0 is nearly all signal"),
        (lambda: d.schedule(np.zeros(4)), r"shape \(n, 1\)"),
        (lambda: d.add_noise(np.zeros((2, 3)), np.zeros((3, 3)), 0.5), "must be the same"),
        (lambda: d.denoising_loss(np.zeros((2, 3)), np.zeros((2, 1))), "must be the same"),
        (lambda: d.draw_path(lambda z, t: z, np.zeros((2, 3)), [0.0, 1.0]), "times .*fall"),
        (
            lambda: d.diffusion_bound(lambda z, t: z, np.zeros((2, 3)), [1.0, 0.0], RNG),
            "times .*rise",
        ),
        (lambda: d.draw_path(lambda z, t: z, np.zeros((2, 3)), [0, 1]), r"linspace\(1, 0, 51\)"),
        (
            lambda: d.diffusion_bound(lambda z, t: z, np.zeros((2, 3)), [1, 0], RNG),
            r"linspace\(0, 1, 51\)",
        ),
        (lambda: d.draw_path(3, np.zeros((2, 3)), [1, 0]), "predict_noise = 3: a function"),
        (lambda: d.guided_noise(np.zeros((2, 3)), np.zeros((2, 3)), -2), "strength"),
        (lambda: d.dense_denoiser(0, [8]), "n = 0"),
        (lambda: d.dense_denoiser(2, [8], classes=-1), "classes"),
        (lambda: d.Diffusion(d.dense_denoiser(2, [8]), hidden_labels=2), "hidden_labels"),
        (lambda: d.Diffusion(keras.Sequential([keras.Input((2,))])), "network takes"),
        (lambda: d.Diffusion(3), "network = 3"),
    ],
)
def test_what_does_not_fit_is_refused(call, words):
    with pytest.raises((TypeError, ValueError), match=words):
        call()


def test_fit_refuses_what_it_would_train_on_wrongly():
    model = d.Diffusion(d.dense_denoiser(2, [8], classes=10))
    model.compile(keras.optimizers.Adam(0.01), jit_compile=False)
    z = np.zeros((20, 2), np.float32)
    with pytest.raises(ValueError, match="sample_weight"):
        model.fit(z, sample_weight=np.ones(20), verbose=0)
    with pytest.raises(ValueError, match="z contains nan"):
        model.fit(np.full((20, 2), np.nan), verbose=0)
    with pytest.raises(ValueError, match=r"z has shape \(20, 3\)"):
        model.fit(np.zeros((20, 3)), verbose=0)
    with pytest.raises(ValueError, match="labels"):
        model.fit(z, np.full(20, 10), verbose=0)
    with pytest.raises(ValueError, match="labels"):
        model.fit(z, np.zeros(19, int), verbose=0)
    with pytest.raises(ValueError, match="loss"):
        model.compile(keras.optimizers.Adam(0.01), loss="mse")


def test_a_label_or_a_time_that_the_network_does_not_know_is_refused():
    model, z = d.Diffusion(d.dense_denoiser(2, [4], 3)), np.zeros((5, 2), np.float32)
    for label in (3, 0.5, [0, 1, 2, 3, -1]):
        with pytest.raises(ValueError, match="labels contains"):
            model.predict_noise(z, 0.5, label)
    for time in (50.0, -0.1, np.full((5, 1), 2.0)):
        with pytest.raises(ValueError, match="time contains"):
            model.predict_noise(z, time)
    assert np.array_equal(model.predict_noise(z, 0.5, [0, 1, 2, -1, -1]).shape, z.shape)
    with pytest.raises(ValueError, match="this network knows none"):
        d.Diffusion(d.dense_denoiser(2, [4])).predict_noise(z, 0.5, 0)
    with pytest.raises(ValueError, match="labels contains 1"):
        d.Diffusion(d.dense_denoiser(2, [4], 1)).predict_noise(z, 0.5, 1)


def test_rows_of_either_precision_get_a_bound_and_a_path():
    model, rng = d.Diffusion(d.dense_denoiser(2, [4])), np.random.default_rng(0)
    times = np.linspace(0, 1, 11)
    for precision in (np.float32, np.float64):
        z = rng.standard_normal((6, 2)).astype(precision)
        assert np.isfinite(d.diffusion_bound(model.predict_noise, z, times, rng)).all()
        path = d.draw_path(model.predict_noise, z, times[::-1])
        assert np.isfinite(path[-1]).all()


def test_a_network_is_called_one_way_and_a_frozen_part_stays():
    z = np.random.default_rng(0).standard_normal((40, 2)).astype(np.float32)
    network = d.dense_denoiser(2, [4])
    model = d.Diffusion(network, seed=0)
    model.compile(keras.optimizers.Adam(0.01))
    model.fit(z, batch_size=10, verbose=0)
    first = next(layer for layer in network.layers if isinstance(layer, keras.layers.Dense))
    before = first.kernel.numpy().copy()
    first.trainable = False
    model.fit(z, batch_size=10, verbose=0)
    assert np.array_equal(before, first.kernel.numpy())
    noisy = keras.Model(
        network.inputs, keras.layers.Dropout(0.5)(d.dense_denoiser(2, [4])(network.inputs))
    )
    with pytest.raises(ValueError, match="network has the layer dropout"):
        d.Diffusion(noisy)
