import numpy as np
import pytest
from bad_arguments import faults
from small_vaes import forgetful_vae, linear_gaussian_vae, small_vae

from helpers import importance
from helpers.importance import BoundTrainer, bounds_over_draws
from helpers.runtime import keras, set_seed, tf
from helpers.vae import VAE, bernoulli_loss, dense_decoder, dense_encoder, squared_error

pytestmark = pytest.mark.filterwarnings("error::UserWarning")
GREY = np.random.default_rng(0).random((6, 28, 28), dtype=np.float32)
X = (GREY > 0.5).astype(np.float32)


def binary_vae(n_latent=1):
    set_seed(0)
    networks = dense_encoder(n_latent, 4), dense_decoder(n_latent, 4)
    return VAE(*networks, bernoulli_loss, seed=0)


def step_of(model, vae, x):
    """How one step on one batch with step size 1 moves the weights: the gradient's negative."""
    before = [weight.numpy() for weight in vae.trainable_variables]
    model.compile(keras.optimizers.SGD(1.0))
    model.fit(x, batch_size=len(x), verbose=0)
    after = [weight.numpy() for weight in vae.trainable_variables]
    return np.concatenate([(b - a).ravel() for a, b in zip(before, after, strict=True)])


# ---------------------------------------------------------------- training


def test_one_draw_has_the_gradient_of_the_elbo_on_average():
    x, steps = np.repeat(X[:1], 20_000, axis=0), {}
    steps["elbo"] = step_of(vae := binary_vae(), vae, x)
    for k in (1, 10):
        vae = binary_vae()
        steps[k] = step_of(BoundTrainer(vae, k), vae, x)
    away = {k: np.linalg.norm(steps[k] - steps["elbo"]) for k in (1, 10)}
    assert np.linalg.norm(steps["elbo"]) > 1
    assert away[1] < 0.01 * np.linalg.norm(steps["elbo"])
    assert away[10] > 5 * away[1]  # so that the test can tell one draw from ten


def test_two_weights_by_hand(monkeypatch):
    """Weights 1 and 3 at theta = 0, which raises their logarithms by 1 and 2 for each unit."""
    x, z = keras.Input((2,)), keras.Input((1,))
    encoder = keras.Model(x, [0 * x[:, :1], 0 * x[:, :1]])
    decoder = keras.Model(z, keras.layers.Dense(2, use_bias=False)(z))
    (theta,) = decoder.trainable_variables
    theta.assign([[0.0, 5.0]])

    def by_hand(vae, x, k):
        assert k == 2
        log_weights = theta[0, 0] * tf.constant([[1.0, 2.0]]) + tf.constant([[0.0, np.log(3)]])
        return log_weights - 2000

    monkeypatch.setattr(importance, "log_importance_weights", by_hand)
    trainer = BoundTrainer(VAE(encoder, decoder, bernoulli_loss), 2)
    trainer.compile(keras.optimizers.SGD(1.0))
    (loss,) = trainer.fit(np.zeros((1, 2)), verbose=0).history["loss"]
    assert loss == pytest.approx(2000 - np.log(2), abs=1e-3)
    np.testing.assert_allclose(theta, [[1 / 4 * 1 + 3 / 4 * 2, 5]], rtol=1e-3)


def test_training_climbs_the_bound_and_leaves_the_vae_with_the_weights():
    vae = binary_vae(2)
    trainer, before = BoundTrainer(vae, 5), bounds_over_draws(vae, X, 100)
    trainer.compile("adam")
    losses = trainer.fit(X, batch_size=2, epochs=30, verbose=0).history["loss"]
    assert losses[0] == pytest.approx(-before[5], abs=5)
    assert bounds_over_draws(vae, X, 100)[5] > before[5] + 20


def test_the_reported_loss_is_a_mean_over_images_whatever_the_batches():
    vae, images, exact, _ = linear_gaussian_vae()  # each log-weight is log p(x)
    images, exact = images[[0, 0, 1]], exact[[0, 0, 1]]
    for data in (images, tf.data.Dataset.from_tensor_slices((images, [1, 2, 3])).batch(2)):
        trainer = BoundTrainer(vae, 3)
        trainer.compile(keras.optimizers.SGD(0.0))
        (loss,) = trainer.fit(data, batch_size=None, shuffle=False, verbose=0).history["loss"]
        assert loss == pytest.approx(-exact.mean(), abs=1e-4)


# ---------------------------------------------------------------- measuring


def test_bounds_are_the_truth_where_q_is_the_posterior(monkeypatch):
    vae, images, exact, _ = linear_gaussian_vae()
    images, exact = np.repeat(images, [1, 4], axis=0), np.repeat(exact, [1, 4])
    monkeypatch.setattr(importance, "DRAWS_AT_ONCE", 80)  # parts of 2, 2 and 1
    curve = bounds_over_draws(vae, images, 40)
    assert list(curve) == [1, 2, 5, 10, 20, 40]
    np.testing.assert_allclose(list(curve.values()), exact.mean(), atol=5e-5)


def test_bounds_rise_from_the_elbo_to_the_truth():
    vae, images, exact, variance = linear_gaussian_vae(shift=0.2, log_scale=0.3)
    gap = 0.5 * np.sum(np.exp(0.3) + 0.2**2 / variance - 1 - 0.3)
    curve = bounds_over_draws(vae, np.repeat(images, 20, axis=0), 5000)
    assert list(curve) == [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000]
    values = list(curve.values())
    assert values == sorted(values)
    assert curve[1] == pytest.approx(exact.mean() - gap, abs=0.02)
    assert curve[5000] == pytest.approx(exact.mean(), abs=0.01)


def test_bounds_reach_the_integral_over_a_code_of_one_number():
    vae, z = binary_vae(), np.linspace(-8, 8, 4001, dtype=np.float32)[:, None]
    vae.encoder.get_layer("z_mean").bias.assign([1.0])  # so that q is not the posterior
    x_logits = np.asarray(vae.decoder(z), float).reshape(-1, 784)
    log_joint = X.reshape(-1, 784) @ x_logits.T - np.logaddexp(0, x_logits).sum(axis=1)
    log_joint = log_joint - z[:, 0] ** 2 / 2 - np.log(2 * np.pi) / 2
    truth = np.logaddexp.reduce(log_joint, axis=1) + np.log(z[1, 0] - z[0, 0])
    curve = bounds_over_draws(vae, X, 3000)
    assert curve[1] < truth.mean() - 0.2
    assert curve[3000] == pytest.approx(truth.mean(), abs=0.1)


# ---------------------------------------------------------------- what does not fit


def test_whatever_comes_is_refused():
    vae = binary_vae()
    assert faults(bounds_over_draws, {"vae": vae, "x": X, "n_draws": 2}) == []
    assert faults(BoundTrainer, {"vae": vae, "k": 2}) == []
    trainer = BoundTrainer(vae, 2)
    trainer.compile("adam")
    assert faults(trainer.fit, {"x": X}) == []
    assert faults(trainer.compile, {"optimizer": "adam"}) == []


def test_a_vae_that_the_bound_does_not_know_is_refused():
    for call in (BoundTrainer, lambda vae, k: bounds_over_draws(vae, X, k)):
        with pytest.raises(ValueError, match="squared_error, which is not marked as -log p"):
            call(small_vae(reconstruction_loss=squared_error), 2)
    with pytest.raises(ValueError, match=r"vae has the layer dropout.*leave it out"):
        BoundTrainer(forgetful_vae(reconstruction_loss=bernoulli_loss), 2)
    x, z = keras.Input((2,)), keras.Input((1,))
    head = keras.layers.Dense(1, kernel_regularizer="l2")
    decoder = keras.Model(z, keras.layers.Dense(2)(z))
    with pytest.raises(ValueError, match="vae has losses of its own"):
        BoundTrainer(VAE(keras.Model(x, [head(x), head(x)]), decoder, bernoulli_loss), 2)


def test_grey_levels_and_data_that_would_be_left_out_are_refused():
    vae = binary_vae()
    trainer = BoundTrainer(vae, 2)
    trainer.compile("adam")
    with pytest.raises(ValueError, match=r"x holds grey levels.*binarise"):
        trainer.fit(GREY)
    with pytest.raises(ValueError, match=r"x holds grey levels.*binarise"):
        bounds_over_draws(vae, GREY, 2)
    with pytest.raises(TypeError, match=r"x is a tf.data.Dataset"):
        bounds_over_draws(vae, tf.data.Dataset.from_tensor_slices(X).batch(2), 2)
    for options in ({"validation_data": X}, {"validation_split": 0.5}):
        with pytest.raises(ValueError, match="only trains"):
            trainer.fit(X, **options)
    with pytest.raises(ValueError, match="loss = 'mse'"):
        trainer.compile("adam", "mse")


def test_what_is_frozen_stays():
    vae = binary_vae()
    vae.encoder.trainable = False
    trainer, before = BoundTrainer(vae, 2), vae.encoder.get_weights()
    trainer.compile("adam")
    trainer.fit(X, verbose=0)
    for weight, kept in zip(vae.encoder.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, kept)
    vae.encoder.trainable = True
    with pytest.raises(ValueError, match="compile again"):
        trainer.fit(X, verbose=0)
