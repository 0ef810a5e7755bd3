import numpy as np
import pytest

from helpers import vae
from helpers.data import load_digits
from helpers.runtime import keras, set_seed, tf

RNG = np.random.default_rng(0)


def normal_log_density(z, mean, variance):
    return -0.5 * (np.log(2 * np.pi * variance) + (z - mean) ** 2 / variance)


def kl_by_quadrature(mean, variance):
    z = np.linspace(mean - 12 * variance**0.5, mean + 12 * variance**0.5, 100_001)
    log_q, log_p = normal_log_density(z, mean, variance), normal_log_density(z, 0, 1)
    return np.trapezoid(np.exp(log_q) * (log_q - log_p), z)


@pytest.mark.parametrize("mean", [-1.5, 0.0, 2.0])
@pytest.mark.parametrize("variance", [0.09, 1.0, 4.0])
def test_gaussian_kl_is_the_integral(mean, variance):
    kl = vae.gaussian_kl(np.array([[mean]]), np.log([[variance]]))
    np.testing.assert_allclose(kl, [kl_by_quadrature(mean, variance)], atol=1e-7)


def test_gaussian_kl_adds_up_over_latents_and_keeps_images_apart():
    z_mean, z_log_var = RNG.normal(size=(2, 5, 3))
    one_by_one = sum(vae.gaussian_kl(z_mean[:, [j]], z_log_var[:, [j]]) for j in range(3))
    assert one_by_one.shape == (5,)
    np.testing.assert_allclose(vae.gaussian_kl(z_mean, z_log_var), one_by_one, rtol=1e-12)


def test_gaussian_kl_is_zero_only_at_the_prior():
    zeros = np.zeros((1, 8))
    assert float(vae.gaussian_kl(zeros, zeros)[0]) == 0
    assert float(vae.gaussian_kl(zeros + 0.01, zeros)[0]) > 0
    assert float(vae.gaussian_kl(zeros, zeros - 0.01)[0]) > 0


def test_sample_latent_moves_and_scales_the_noise():
    epsilon = RNG.normal(size=(4, 2))
    z = vae.sample_latent(np.full((4, 2), 3.0), np.full((4, 2), np.log(25.0)), epsilon)
    np.testing.assert_allclose(z, 3 + 5 * epsilon)


def test_gradient_passes_through_the_draw():
    mean, log_var = tf.Variable(0.5), tf.Variable(np.float32(np.log(4.0)))
    with tf.GradientTape() as tape:
        z = vae.sample_latent(mean, log_var, 0.7)
    assert [float(g) for g in tape.gradient(z, [mean, log_var])] == pytest.approx([1, 0.7])


def test_importance_weighted_bound_of_one_draw_is_its_log_weight():
    log_weights = RNG.normal(size=(5, 1))
    np.testing.assert_array_equal(vae.importance_weighted_bound(log_weights), log_weights[:, 0])


def test_importance_weighted_bound_of_equal_weights_is_exact_for_every_k():
    for k in (1, 2, 7, 1000):
        bound = vae.importance_weighted_bound(np.full((3, k), -2.5))
        np.testing.assert_allclose(bound, [-2.5] * 3, rtol=1e-14)


def test_importance_weighted_bound_averages_the_weights_of_each_image():
    weights = RNG.random((4, 6, 9))
    expected = np.log(weights.mean(axis=-1))
    np.testing.assert_allclose(vae.importance_weighted_bound(np.log(weights)), expected, rtol=1e-12)


def test_importance_weighted_bound_moves_with_the_log_weights():
    log_weights, shift = RNG.normal(size=(4, 20)), np.array([-700.0, -3.0, 50.0, 900.0])
    moved = vae.importance_weighted_bound(log_weights + shift[:, None])
    np.testing.assert_allclose(
        moved - shift, vae.importance_weighted_bound(log_weights), rtol=1e-10
    )


def test_importance_weighted_bound_neither_underflows_nor_overflows():
    log_weights = np.array([[-1e5, -1e5, -1e5, -1e5], [1e5, -1e5, -1e5, -1e5]])
    expected = [-1e5, 1e5 - np.log(4)]
    np.testing.assert_allclose(vae.importance_weighted_bound(log_weights), expected, rtol=1e-14)
    single = vae.importance_weighted_bound(tf.constant([[-1e5, -1e5]], tf.float32))
    assert single.dtype == tf.float32
    np.testing.assert_allclose(single, [-1e5])


def test_importance_weighted_bound_passes_the_normalised_weights_as_gradient():
    log_weights = tf.Variable(np.log([[1.0, 3.0, 4.0]]))
    with tf.GradientTape() as tape:
        bound = vae.importance_weighted_bound(log_weights)
    np.testing.assert_allclose(tape.gradient(bound, log_weights), [[1 / 8, 3 / 8, 4 / 8]])


def test_importance_weighted_bound_rises_from_the_elbo_to_the_exact_log_likelihood():
    # z ~ N(0, 1), x|z ~ N(z, 1), so x ~ N(0, 2); q is the prior, x = 1.5
    x, rng = 1.5, np.random.default_rng(4)
    exact, exact_elbo = normal_log_density(x, 0, 2), normal_log_density(x, 0, 1) - 0.5
    log_weights = normal_log_density(x, rng.normal(size=200_000), 1)
    groups = [
        np.asarray(vae.importance_weighted_bound(log_weights.reshape(-1, k)))
        for k in (1, 10, 100, 1000)
    ]
    means = [group.mean() for group in groups]
    error = [group.std() / len(group) ** 0.5 for group in groups]
    assert abs(means[0] - exact_elbo) < 4 * error[0]
    assert means == sorted(means)
    bias = np.var(np.exp(log_weights - exact)) / 2 / np.array([100, 1000])
    assert abs(exact - means[2] - bias[0]) < 4 * error[2]
    assert abs(exact - means[3] - bias[1]) < 4 * error[3]


def test_importance_weighted_bound_is_exact_at_the_posterior():
    x, z = 1.5, RNG.normal(size=(8, 5)) / 2**0.5 + 0.75
    log_joint = normal_log_density(z, 0, 1) + normal_log_density(x, z, 1)
    bound = vae.importance_weighted_bound(log_joint - normal_log_density(z, 0.75, 0.5))
    np.testing.assert_allclose(bound, normal_log_density(x, 0, 2), rtol=1e-12)


def test_squared_error_is_784_times_the_mean_squared_error():
    x, x_logits = RNG.random((3, 28, 28)), RNG.normal(size=(3, 28, 28))
    mse = np.mean((x - 1 / (1 + np.exp(-x_logits))) ** 2, axis=(1, 2))
    np.testing.assert_allclose(vae.squared_error(x, x_logits), 784 * mse, rtol=1e-12)


def test_squared_error_is_a_gaussian_likelihood_with_variance_one_half():
    x, x_logits = RNG.random((3, 4)), RNG.normal(size=(3, 4))
    log_p = normal_log_density(x, 1 / (1 + np.exp(-x_logits)), 0.5).sum(axis=1)
    constant = 4 / 2 * np.log(np.pi)
    np.testing.assert_allclose(vae.squared_error(x, x_logits), -log_p - constant, rtol=1e-12)


@pytest.mark.parametrize(("n_latent", "count"), [(2, 404_244), (8, 408_864), (16, 415_024)])
def test_parameter_counts_of_the_dense_networks(n_latent, count):
    encoder, decoder = vae.dense_encoder(n_latent), vae.dense_decoder(n_latent)
    assert encoder.count_params() + decoder.count_params() == count


@pytest.fixture
def images():
    return load_digits().x_train[:50]


@pytest.fixture
def model():
    set_seed(0)
    built = vae.VAE(vae.dense_encoder(2, 8), vae.dense_decoder(2, 8), seed=0)
    built.compile(keras.optimizers.Adam(0.01))
    return built


def test_reported_loss_is_reconstruction_plus_kl_in_nats_per_image(model, images):
    report = model.evaluate(images, batch_size=16, verbose=0, return_dict=True)
    assert set(report) == {"loss", "reconstruction_loss", "kl_loss"}
    assert report["loss"] == pytest.approx(report["reconstruction_loss"] + report["kl_loss"])
    exact_kl = np.mean(vae.gaussian_kl(*model.encoder(images)))
    assert report["kl_loss"] == pytest.approx(exact_kl, rel=1e-5)


def test_reconstruction_loss_is_the_average_over_the_noise(model, images):
    z_mean, z_log_var = (np.asarray(part) for part in model.encoder(images))
    rng = np.random.default_rng(2)
    draws = [
        np.mean(vae.squared_error(images, model.decoder(z)))
        for z in (
            z_mean + np.exp(0.5 * z_log_var) * rng.normal(size=z_mean.shape) for _ in range(60)
        )
    ]
    reported = [
        model.evaluate(images, verbose=0, return_dict=True)["reconstruction_loss"]
        for _ in range(60)
    ]
    error = np.hypot(np.std(draws), np.std(reported)) / 60**0.5
    assert abs(np.mean(draws) - np.mean(reported)) < 5 * error


def test_report_does_not_depend_on_how_batches_divide_the_images(model, images):
    kl = [
        model.evaluate(images, batch_size=size, verbose=0, return_dict=True)["kl_loss"]
        for size in (50, 7)
    ]
    assert kl[0] == pytest.approx(kl[1], rel=1e-5)


def test_kl_weight_multiplies_the_kl_only(model, images):
    model.kl_weight.assign(0.25)
    report = model.evaluate(images, verbose=0, return_dict=True)
    assert report["loss"] == pytest.approx(report["reconstruction_loss"] + 0.25 * report["kl_loss"])


def test_training_lowers_the_loss_and_moves_both_networks(model, images):
    before = [weight.numpy() for weight in model.trainable_variables]
    loss = model.fit(images, epochs=30, verbose=0).history["loss"]
    assert loss[-1] < 0.8 * loss[0]
    assert all(
        (w.numpy() != b).any() for w, b in zip(model.trainable_variables, before, strict=True)
    )
    assert len(before) == 6 + 4


def test_evaluation_and_prediction_leave_the_weights_alone(model, images):
    model.fit(images, verbose=0)
    before = [weight.numpy() for weight in model.trainable_variables]
    model.evaluate(images, verbose=0)
    model.predict(images, verbose=0)
    for weight, old in zip(model.trainable_variables, before, strict=True):
        np.testing.assert_array_equal(weight, old)


def test_predict_reconstructs_through_the_mean_code_without_noise(model, images):
    expected = keras.ops.sigmoid(model.decoder(model.encoder(images)[0]))
    np.testing.assert_allclose(model.predict(images, verbose=0), expected, atol=1e-6)


def test_two_trainings_with_one_seed_are_identical(images):
    losses = []
    for _ in range(2):
        set_seed(3)
        again = vae.VAE(vae.dense_encoder(2, 8), vae.dense_decoder(2, 8), seed=3)
        again.compile(keras.optimizers.Adam())
        losses.append(again.fit(images, epochs=2, verbose=0).history["loss"])
    assert losses[0] == losses[1]


@pytest.mark.parametrize("seed", [-1, 2**32, 1.5, "0"])
def test_bad_seed_is_named(seed):
    with pytest.raises(ValueError, match="seed must be an integer"):
        set_seed(seed)
