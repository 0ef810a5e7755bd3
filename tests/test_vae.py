import itertools

import fresh_python
import numpy as np
import pytest
from bad_arguments import BAD, faults
from resuming import assert_resumed_ends_as_unbroken, assert_same_state
from small_vaes import forgetful_vae, linear_gaussian_vae, small_vae, two_stage_vae

from helpers import vae
from helpers.annealing import FreeBitsVAE, KLAnnealing, linear
from helpers.batches import shuffled_batches
from helpers.data import load_digits
from helpers.runtime import keras, set_seed, tf

pytestmark = pytest.mark.filterwarnings("error::UserWarning")
RNG = np.random.default_rng(0)


# ---------------------------------------------------------------- the terms of the loss


def normal_log_density(z, mean, variance):
    return -0.5 * (np.log(2 * np.pi * variance) + (z - mean) ** 2 / variance)


def kl_by_quadrature(mean, variance):
    z = np.linspace(mean - 12 * variance**0.5, mean + 12 * variance**0.5, 100_001)
    log_q, log_p = normal_log_density(z, mean, variance), normal_log_density(z, 0, 1)
    return np.trapezoid(np.exp(log_q) * (log_q - log_p), z)


def test_gaussian_kl_is_the_integral():
    for mean, variance in itertools.product([-1.5, 0.0, 2.0], [0.09, 1.0, 4.0]):
        kl = vae.gaussian_kl(np.array([[mean]]), np.log([[variance]]))
        np.testing.assert_allclose(kl, [kl_by_quadrature(mean, variance)], atol=1e-7)


def test_gaussian_kl_adds_up_over_latents_and_keeps_images_apart():
    z_mean, z_log_var = RNG.normal(size=(2, 5, 3))
    one_by_one = sum(vae.gaussian_kl(z_mean[:, [j]], z_log_var[:, [j]]) for j in range(3))
    assert one_by_one.shape == (5,)
    np.testing.assert_allclose(vae.gaussian_kl(z_mean, z_log_var), one_by_one, rtol=1e-12)
    latents_apart = vae.gaussian_kl(z_mean[..., None], z_log_var[..., None])
    np.testing.assert_allclose(np.sum(latents_apart, axis=1), one_by_one, rtol=1e-12)


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


def test_importance_weighted_bound_averages_the_weights_of_each_image():
    for draws in (1, 2, 9):
        weights = RNG.random((4, 6, draws))
        bound = vae.importance_weighted_bound(np.log(weights))
        np.testing.assert_allclose(bound, np.log(weights.mean(axis=-1)), rtol=1e-12)


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


def test_bernoulli_loss_is_minus_the_log_probability_of_the_pixel():
    x_logits = np.array([-1000.0, -3.0, 0.0, 0.5, 1000.0])[:, None]
    for pixel, surprise in ((1.0, -x_logits), (0.0, x_logits)):
        exact = np.logaddexp(0, surprise[:, 0])  # -log sigmoid(-surprise) = log(1 + e^surprise)
        loss = vae.bernoulli_loss(np.full_like(x_logits, pixel), x_logits)
        np.testing.assert_allclose(loss, exact, rtol=1e-12)


def test_bernoulli_loss_adds_up_over_pixels_and_keeps_images_apart():
    x, x_logits = (RNG.random((3, 28, 28)) < 0.3) * 1.0, RNG.normal(size=(3, 28, 28))
    p = 1 / (1 + np.exp(-x_logits))
    exact = -np.log(np.where(x == 1, p, 1 - p)).sum(axis=(1, 2))
    np.testing.assert_allclose(vae.bernoulli_loss(x, x_logits), exact, rtol=1e-12)


def test_bernoulli_probabilities_of_all_images_sum_to_one():
    images = np.array([[i >> bit & 1 for bit in range(3)] for i in range(8)], float)
    probabilities = np.exp(-vae.bernoulli_loss(images, np.tile([0.4, -2.0, 1.3], (8, 1))))
    assert np.sum(probabilities) == pytest.approx(1)


def test_bernoulli_loss_has_the_gradient_probability_minus_pixel():
    x, x_logits = np.array([[1.0, 0.0, 0.0]]), tf.Variable([[-1000.0, 1000.0, 0.0]])
    with tf.GradientTape() as tape:
        loss = vae.bernoulli_loss(x, x_logits)
    np.testing.assert_allclose(tape.gradient(loss, x_logits), [[-1, 1, 0.5]])


# ---------------------------------------------------------------- the networks


def test_parameter_counts_of_the_dense_networks():
    for n_latent, count in ((2, 404_244), (8, 408_864), (16, 415_024)):
        encoder, decoder = vae.dense_encoder(n_latent), vae.dense_decoder(n_latent)
        assert encoder.count_params() + decoder.count_params() == count


def test_the_deep_networks_mirror_each_other():
    encoder, decoder = vae.deep_encoder(2, [7, 5]), vae.deep_decoder(2, [7, 5])
    down = [784 * 7 + 7, 7 * 5 + 5, 5 * 2 + 2, 5 * 2 + 2]
    up = [2 * 5 + 5, 5 * 7 + 7, 7 * 784 + 784]
    for network, counts in ((encoder, down), (decoder, up)):
        layers = [layer for layer in network.layers if layer.count_params()]
        assert [layer.count_params() for layer in layers] == counts
        assert {layer.activation for layer in layers[: len(down) - 2]} == {keras.activations.silu}
    z_mean, z_log_var = encoder(np.zeros((3, 28, 28)))
    assert z_mean.shape == z_log_var.shape == (3, 2)
    assert decoder(z_mean).shape == (3, 28, 28)
    outputs = [*encoder.layers[-2:], decoder.layers[-2]]
    assert {layer.activation for layer in outputs} == {keras.activations.linear}


# ---------------------------------------------------------------- the model


@pytest.fixture
def images():
    return load_digits().x_train[:50]


@pytest.fixture
def model():
    return small_vae()


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


def gradients(model, images, of):
    with tf.GradientTape() as tape:
        target = keras.ops.mean(of(model, images))
    return tape.gradient(target, model.encoder.trainable_variables)


def blind_vae():
    """A VAE whose decoder does not listen to z, so the encoder's only gradient is the KL's."""
    model = small_vae()
    model.decoder.layers[1].kernel.assign(np.zeros((3, 8)))
    return model


def test_weight_0_removes_the_gradient_of_the_kl(images):
    model = blind_vae()
    model.kl_weight.assign(0.0)
    for gradient in gradients(model, images, lambda m, x: m.losses_per_image(x)[0]):
        assert np.abs(gradient).max() == 0


def test_weight_1_restores_the_elbo_and_its_gradient(images):
    model = blind_vae()
    model.kl_weight.assign(0.0)
    model.kl_weight.assign(1.0)
    loss, reconstruction, kl = model.losses_per_image(images)
    np.testing.assert_allclose(loss, reconstruction + kl)
    found = gradients(model, images, lambda m, x: m.losses_per_image(x)[0])
    alone = gradients(model, images, lambda m, x: vae.gaussian_kl(*m.encoder(x)))
    for gradient, expected in zip(found, alone, strict=True):
        assert np.abs(expected).max() > 0
        np.testing.assert_allclose(gradient, expected, rtol=1e-4, atol=1e-7)


def test_weight_0_leaves_the_gradient_of_the_reconstruction(images):
    model = small_vae()
    model.kl_weight.assign(0.0)
    found = gradients(model, images, lambda m, x: m.losses_per_image(x)[0])
    assert max(np.abs(gradient).max() for gradient in found) > 0.1


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


def test_only_training_gathers_the_statistics_of_its_batches(images):
    model, stack = two_stage_vae()
    norm = stack.get_layer("norm")
    model(images)
    model.evaluate(images, verbose=0)
    assert np.max(np.abs(norm.moving_mean)) == 0
    model.fit(images, verbose=0)
    assert np.max(np.abs(norm.moving_mean)) > 1e-3


def largest_move(model, part, images):
    before = [weight.numpy() for weight in part.weights]
    model.fit(images, epochs=2, verbose=0)
    after = [weight.numpy() for weight in part.weights]
    return [np.abs(new - old).max() for new, old in zip(after, before, strict=True)]


def test_a_frozen_part_does_not_move_and_the_rest_does(images):
    model, stack = two_stage_vae(["convolution", "norm"])
    assert len(stack.weights) == 2 + 4
    assert max(largest_move(model, stack, images)) == 0
    heads = [layer for layer in model.encoder.layers if isinstance(layer, keras.layers.Dense)]
    assert len(heads) == 2
    for part in (*heads, model.decoder):
        assert min(largest_move(model, part, images)) > 0


def test_predict_reconstructs_through_the_mean_code_without_noise(model, images):
    expected = keras.ops.sigmoid(model.decoder(model.encoder(images)[0]))
    np.testing.assert_allclose(model.predict(images, verbose=0), expected, atol=1e-6)


def test_two_trainings_with_one_seed_are_identical(images):
    losses = [small_vae().fit(images, epochs=2, verbose=0).history["loss"] for _ in range(2)]
    assert losses[0] == losses[1]


def test_a_step_is_traced_once(model, images, monkeypatch):
    traced, step = [], model.train_step
    monkeypatch.setattr(model, "train_step", lambda data: traced.append(1) or step(data))
    model.fit(images, batch_size=25, epochs=2, verbose=0)
    assert len(traced) == 1


def test_a_step_follows_the_mean_over_the_batch_not_the_sum(model, images):
    model.compile(keras.optimizers.SGD(0.01))
    noise, before = model.noise.state.numpy(), [w.numpy() for w in model.trainable_variables]
    with tf.GradientTape() as tape:
        loss = keras.ops.mean(model.losses_per_image(images)[0])
    gradients = tape.gradient(loss, model.trainable_variables)
    model.noise.state.assign(noise)
    model.train_on_batch(images)
    for weight, old, gradient in zip(model.trainable_variables, before, gradients, strict=True):
        np.testing.assert_allclose(weight.numpy(), old - 0.01 * gradient, atol=1e-5)


def test_a_model_saved_before_its_training_loads_whole(images, tmp_path):
    original = small_vae(reconstruction_loss=vae.bernoulli_loss, name="mine")
    original.kl_weight.assign(0.25)
    original.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert_same_state(loaded, original)
    np.testing.assert_array_equal(loaded(images), original(images))
    assert loaded.reconstruction_loss is vae.bernoulli_loss
    assert loaded.name == "mine"
    assert loaded.get_config()["seed"] == 0
    reports = [m.evaluate(images, verbose=0, return_dict=True) for m in (loaded, original)]
    assert reports[0] == reports[1]


@pytest.mark.parametrize("binarise", [False, True])
def test_a_resumed_training_ends_where_the_unbroken_one_ends(images, tmp_path, binarise):
    def make():
        return forgetful_vae(reconstruction_loss=vae.bernoulli_loss)

    annealing = KLAnnealing(lambda epochs: linear(epochs, 5))
    path = tmp_path / "model.keras"
    assert_resumed_ends_as_unbroken(make, images, path, annealing, binarise=binarise)


def test_the_config_alone_makes_the_same_kind_of_model(model, images):
    again = vae.VAE.from_config(model.get_config())
    assert [w.shape for w in again.weights] == [w.shape for w in model.weights]
    again.set_weights(model.get_weights())
    np.testing.assert_array_equal(again(images), model(images))


def test_weights_alone_can_be_saved_too(model, images, tmp_path):
    model.save_weights(tmp_path / "model.weights.h5")
    set_seed(1)
    fresh = vae.VAE(vae.dense_encoder(3, 8), vae.dense_decoder(3, 8))
    assert np.any(fresh(images) != model(images))
    fresh.load_weights(tmp_path / "model.weights.h5")
    np.testing.assert_array_equal(fresh(images), model(images))


def test_tf_data_labels_and_steps_per_execution_work(model, images):
    batches = shuffled_batches(images, 10, seed=0)
    model.compile(keras.optimizers.Adam(0.01), steps_per_execution=len(batches))
    history = model.fit(batches, epochs=30, shuffle=False, verbose=0).history["loss"]
    assert int(model.optimizer.iterations) == 150
    assert history[-1] < 0.8 * history[0]
    with_labels = tf.data.Dataset.from_tensor_slices((images, np.zeros(50))).batch(7)
    report = model.evaluate(with_labels, verbose=0, return_dict=True)
    exact_kl = np.mean(vae.gaussian_kl(*model.encoder(images)))
    assert report["kl_loss"] == pytest.approx(exact_kl, rel=1e-5)
    np.testing.assert_allclose(
        model.predict(with_labels.map(lambda x, _: x), verbose=0), model(images), atol=1e-6
    )


def test_standard_callbacks_work_together(model, images, tmp_path):
    callbacks = [
        keras.callbacks.ModelCheckpoint(tmp_path / "{epoch}.keras"),
        keras.callbacks.EarlyStopping(patience=1, min_delta=1e9),
    ]
    settings = {"validation_data": (images,), "epochs": 9, "verbose": 0}
    history = model.fit(images, callbacks=callbacks, **settings).history
    assert len(history["val_loss"]) == 2  # the second epoch was not better by 1e9
    last = keras.saving.load_model(tmp_path / "2.keras")
    np.testing.assert_array_equal(last(images), model(images))


class Interruption(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 2:
            raise InterruptedError


def test_an_interrupted_training_goes_on_from_its_backup(images, tmp_path):
    def training(*callbacks):
        model = forgetful_vae()
        settings = {"epochs": 4, "shuffle": False, "verbose": 0, "callbacks": callbacks}
        return model, model.fit(images, **settings)

    set_seed(0)
    unbroken, whole = training()
    set_seed(0)
    with pytest.raises(InterruptedError):
        training(keras.callbacks.BackupAndRestore(tmp_path), Interruption())
    resumed, rest = training(keras.callbacks.BackupAndRestore(tmp_path))
    assert rest.epoch == [2, 3]
    assert rest.history == {name: values[2:] for name, values in whole.history.items()}
    assert_same_state(resumed, unbroken)


MIRRORED = """
import numpy as np
import tensorflow as tf

cpus = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(cpus[0], 2 * [tf.config.LogicalDeviceConfiguration()])
from helpers import vae
from helpers.runtime import keras, set_seed

set_seed(0)
images = np.random.default_rng(0).random((64, 28, 28), dtype=np.float32)
with tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]).scope():
    model = vae.VAE(vae.dense_encoder(2, 8), vae.dense_decoder(2, 8), seed=0)
    model.compile(keras.optimizers.Adam(0.01))
history = model.fit(images, validation_data=(images,), epochs=5, batch_size=16, verbose=0).history
kl = np.mean(vae.gaussian_kl(*model.encoder(images)))
print(history["loss"][0], history["loss"][-1], history["val_kl_loss"][-1], kl)
print(len(model.trainable_variables[0].value.values), model.predict(images, verbose=0).shape)
"""


def test_two_devices_train_one_model_together():
    losses, devices = fresh_python.run(MIRRORED).strip().splitlines()[-2:]
    first, last, reported_kl, kl = map(float, losses.split())
    assert last < first
    assert reported_kl == pytest.approx(kl, rel=1e-4)
    assert devices == "2 (64, 28, 28)"


# ---------------------------------------------------------------- right or refused

GREY = np.random.default_rng(1).random((6, 28, 28), dtype=np.float32)
BAD_IMAGES = {
    "bytes": (
        (255 * GREY).astype(np.uint8),
        "ranges from 0 to 25.*divide 8-bit grey levels by 255",
    ),
    "0 to 255": (255 * GREY, "divide 8-bit grey levels by 255"),
    "-1 to 1": (2 * GREY - 1, r"scale them to \[0, 1\]"),
    "NaN": (np.where(GREY > 0.99, np.nan, GREY), "contains NaN"),
    "a channel": (GREY[..., None], r"\(6, 28, 28, 1\).*drop the last axis"),
    "another size": (GREY[:, :16, :16], r"\(6, 16, 16\), expected \(n, 28, 28\)"),
    "one picture": (GREY[0], r"one picture is x\[None\]"),
    "empty": (GREY[:0], "is empty"),
    "text": ("digits", "an array or a tf.data.Dataset"),
    "nothing": (None, "an array or a tf.data.Dataset|x = None"),
    "names": (np.array(["a", "b"]), "holds <U1"),
    "ragged": ([[1], [1, 2]], "cannot be read as an array"),
    "a generator": ((batch for batch in [GREY]), "is a generator"),
}
METHODS = ("fit", "evaluate", "predict", "__call__")
METHODS += ("train_on_batch", "test_on_batch", "predict_on_batch")


def given_to(model, method, x):
    silent = {"verbose": 0} if method in ("fit", "evaluate", "predict") else {}
    return getattr(model, method)(x, **silent)


@pytest.fixture(scope="module")
def shared():
    """For what is refused, or leaves nothing behind."""
    return small_vae()


@pytest.mark.parametrize("kind", BAD_IMAGES)
def test_images_that_do_not_fit_are_refused_by_name_at_every_door(shared, kind):
    bad, words = BAD_IMAGES[kind]
    before = shared.get_weights()
    for method in METHODS:
        with pytest.raises((TypeError, ValueError), match=f"^x .*(?:{words})|^x = .*{words}"):
            given_to(shared, method, bad)
    for old, new in zip(before, shared.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize(
    "convert",
    [
        lambda x: x.astype(np.float64),
        lambda x: x.astype(int),
        lambda x: x.astype(bool),
        lambda x: x.reshape(-1, 784),
        tf.constant,
        lambda x: x.tolist(),
    ],
)
def test_images_in_another_form_are_taken_as_the_same_images(convert):
    binary = (GREY > 0.5).astype(np.float32)
    results = []
    for x in (binary, convert(binary)):
        model = small_vae()
        history = model.fit(x, verbose=0).history
        results.append([history, *(given_to(model, method, x) for method in METHODS[1:])])
    for one, other in zip(*results, strict=True):
        assert one == other if isinstance(one, dict) else np.array_equal(one, other)


def test_held_out_images_are_looked_at_once_in_a_fit(shared, monkeypatch):
    for held_out in (255 * GREY, (255 * GREY,), (255 * GREY, np.zeros(6))):
        with pytest.raises(ValueError, match=r"validation_data.*divide 8-bit"):
            shared.fit(GREY, validation_data=held_out, verbose=0)
    looks, model = [], small_vae()
    look = model.checked_images
    monkeypatch.setattr(model, "checked_images", lambda *a: looks.append(a[1]) or look(*a))
    model.fit(GREY, validation_data=(GREY,), epochs=3, verbose=0)
    assert looks == ["x", "validation_data[0]"]


def batches_of(x):
    return tf.data.Dataset.from_tensor_slices(x).batch(2)


@pytest.mark.parametrize(
    ("dataset", "words"),
    [
        (batches_of((255 * GREY).astype(np.uint8)), "batches of uint8"),
        (batches_of(GREY.astype(np.float64)), "batches of float64"),
        (batches_of(GREY[..., None]), r"\(None, 28, 28, 1\)"),
        (tf.data.Dataset.from_tensor_slices(GREY), r"take x.batch"),
        (batches_of(255 * GREY).prefetch(2), "first batch of x.*divide 8-bit"),
        (batches_of((GREY, GREY, np.ones(6))), "3 parts"),
        (batches_of({"x": GREY}), "batches of images"),
        (shuffled_batches(2 * GREY - 1, 2, 0), r"scale them to \[0, 1\]"),
    ],
)
def test_batches_that_do_not_fit_are_refused(shared, dataset, words):
    for method in ("fit", "evaluate", "predict"):
        with pytest.raises((TypeError, ValueError), match=words):
            given_to(shared, method, dataset)


def test_batches_whose_order_counts_are_not_gone_through(shared):
    drawn = []

    def note(x):
        drawn.append(1)
        return x

    def noting(x):
        x = tf.numpy_function(note, [x], tf.float32)
        x.set_shape((None, 28, 28))
        return x

    seen = shared.checked_images(batches_of(GREY).map(noting), "x")
    assert drawn == []
    assert len(list(seen)) == len(drawn) == 3
    batches = shuffled_batches(GREY, 2, seed=0)
    shared.checked_images(batches, "x")
    for batch, fresh in zip(batches, shuffled_batches(GREY, 2, seed=0), strict=True):
        np.testing.assert_array_equal(batch, fresh)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"sample_weight": np.ones(6)}, "sample_weight is not used"),
        ({"class_weight": {0: 2.0}, "y": np.zeros(6)}, "class_weight is not used"),
        ({"validation_data": (GREY, GREY, np.ones(6))}, "validation_data has 3 parts"),
        ({"validation_data": ()}, "validation_data has 0 parts"),
        ({"epochs": 0}, "epochs = 0: it must be at least 1"),
        ({"epochs": -1}, "epochs = -1"),
        ({"epochs": "3"}, "epochs = '3'"),
        ({"batch_size": 0}, "batch_size = 0"),
        ({"batch_size": 2.5}, "batch_size = 2.5"),
    ],
)
def test_options_of_fit_that_would_be_dropped_are_refused(shared, options, words):
    with pytest.raises((TypeError, ValueError), match=words):
        shared.fit(GREY, verbose=0, **options)


def test_weights_of_samples_are_refused_by_the_other_methods_too(shared):
    for method in ("evaluate", "train_on_batch", "test_on_batch"):
        with pytest.raises(ValueError, match="sample_weight is not used"):
            getattr(shared, method)(GREY, sample_weight=np.ones(6))


@pytest.mark.parametrize("name", ["loss", "loss_weights", "metrics", "weighted_metrics"])
def test_losses_and_metrics_given_to_compile_are_refused(model, name):
    with pytest.raises(ValueError, match=f"{name} = .*VAE has losses of its own"):
        model.compile("adam", **{name: ["mae"]})
    with pytest.raises(ValueError, match="loss = 'mse'"):
        model.compile("adam", "mse")


def test_an_optimiser_is_given_as_such_or_by_name(model):
    model.compile("sgd")
    assert isinstance(model.optimizer, keras.optimizers.SGD)
    with pytest.raises(ValueError, match="optimizer = 'foo'"):
        model.compile("foo")
    for wrong in (None, 0.001, keras.optimizers.Adam):
        with pytest.raises(TypeError, match=r"optimizer = .*give an optimiser"):
            model.compile(wrong)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16", "float64"])
def test_parts_that_compute_in_another_precision_are_refused(policy):
    keras.config.set_dtype_policy(policy)
    try:
        parts = vae.dense_encoder(2, 4), vae.dense_decoder(2, 4)
    finally:
        keras.config.set_dtype_policy("float32")
    with pytest.raises(ValueError, match=r"computes in .*trains in float32 only"):
        vae.VAE(*parts).compile("adam")


class Charge(keras.layers.Layer):
    """A layer that costs something."""

    def call(self, x):
        self.add_loss(7.0 + 0.0 * keras.ops.sum(x))
        return x


@pytest.mark.parametrize("kind", [vae.VAE, FreeBitsVAE])
def test_losses_of_the_parts_are_in_the_loss_and_its_gradient(kind):
    x = keras.Input((28, 28))
    kernel = {"kernel_regularizer": keras.regularizers.L2(0.5), "kernel_initializer": "ones"}
    hidden = keras.layers.Dense(2, **kernel)(Charge()(keras.layers.Flatten()(x)))
    encoder = keras.Model(x, [keras.layers.Dense(2)(hidden), 0 * keras.layers.Dense(2)(hidden)])
    model = kind(encoder, vae.dense_decoder(2, 4), **({"floor": 0.0} if kind != vae.VAE else {}))
    model.compile(keras.optimizers.SGD(0.0))
    extra = 7 + 0.5 * 784 * 2
    for report in (
        model.evaluate(GREY, verbose=0, return_dict=True),
        {name: value[0] for name, value in model.fit(GREY, verbose=0).history.items()},
    ):
        own = report["reconstruction_loss"] + report["kl_loss"]
        assert report["loss"] == pytest.approx(own + extra, rel=1e-5)
    blind, rate = model.decoder.layers[1].kernel, 0.1
    blind.assign(keras.ops.zeros_like(blind))
    model.kl_weight.assign(0.0)
    model.compile(keras.optimizers.SGD(rate))
    model.train_on_batch(GREY)
    kernel = encoder.layers[3].kernel
    np.testing.assert_allclose(kernel, np.full(kernel.shape, 1 - rate), rtol=1e-5)


def test_a_part_frozen_after_compile_does_not_move_and_moves_again_later(images):
    model = small_vae()
    model.fit(images, verbose=0)
    for trainable in (False, True, False):
        model.encoder.trainable = trainable
        for move in (model.fit, lambda x, verbose: model.train_on_batch(x)):
            before = model.encoder.get_weights(), model.decoder.get_weights()
            move(images, verbose=0)
            moved = [
                max(
                    np.abs(new - old).max()
                    for new, old in zip(part.get_weights(), olds, strict=True)
                )
                for part, olds in zip((model.encoder, model.decoder), before, strict=True)
            ]
            assert (moved[0] > 0) == trainable
            assert moved[1] > 0


def test_a_training_in_which_nothing_can_move_is_refused(model, images):
    model.trainable = False
    with pytest.raises(ValueError, match="every part is frozen"):
        model.fit(images, verbose=0)


def test_a_part_freed_after_compile_asks_for_another_compile(images):
    model = small_vae()
    model.encoder.trainable = False
    model.compile("adam")
    model.encoder.trainable = True
    with pytest.raises(ValueError, match="was not at compile: compile again"):
        model.fit(images, verbose=0)
    model.compile("adam")
    model.fit(images, verbose=0)


def uneven_encoder():
    x = keras.Input((28, 28))
    flat = keras.layers.Flatten()(x)
    return keras.Model(x, [keras.layers.Dense(2)(flat), keras.layers.Dense(3)(flat)])


def sigmoid_decoder():
    network = keras.Sequential([keras.Input((2,)), keras.layers.Dense(784, "sigmoid")])
    network.add(keras.layers.Reshape((28, 28)))
    return network


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        (lambda: (vae.dense_encoder(2, 4), vae.dense_decoder(3, 4)), "one n_latent"),
        (lambda: (vae.dense_decoder(2, 4), vae.dense_encoder(2, 4)), "a pair is needed"),
        (lambda: (uneven_encoder(), vae.dense_decoder(2, 4)), r"z_mean has shape .* \(3,\)\."),
        (lambda: (vae.dense_encoder(2, 4), sigmoid_decoder()), "leave the activation"),
        (lambda: (vae.dense_encoder(2, 4), None), "decoder = None"),
        (lambda: ("encoder", vae.dense_decoder(2, 4)), "encoder = 'encoder'"),
        (lambda: (vae.dense_encoder(2, 4), vae.dense_decoder(2, 4), "mse"), "_loss = 'mse'"),
        (
            lambda: (vae.dense_encoder(2, 4), vae.dense_decoder(2, 4), vae.squared_error, 1.5),
            "seed",
        ),
    ],
)
def test_parts_that_do_not_fit_together_are_refused(parts, words):
    with pytest.raises((TypeError, ValueError), match=words):
        vae.VAE(*parts())


def test_a_decoder_of_another_shape_is_refused():
    flat = keras.Sequential([keras.Input((2,)), keras.layers.Dense(784)])
    with pytest.raises(ValueError, match=r"end it with keras.layers.Reshape\(\(28, 28\)\)"):
        vae.VAE(vae.dense_encoder(2, 4), flat)


def test_a_loss_of_ones_own_gives_one_number_for_each_image():
    def averaged(x, x_logits):
        return keras.ops.mean(keras.ops.square(x - x_logits))

    for loss, shape in ((averaged, r"\(\)"), (keras.losses.mean_squared_error, r"\(2, 28\)")):
        model = vae.VAE(vae.dense_encoder(2, 4), vae.dense_decoder(2, 4), loss)
        with pytest.raises(ValueError, match=f"reconstruction_loss gave shape {shape}"):
            model.compile("adam")


def test_a_seed_of_numpy_is_a_seed():
    parts = vae.dense_encoder(2, 4), vae.dense_decoder(2, 4)
    assert vae.VAE(*parts, seed=np.int64(3)).get_config()["seed"] == 3


LOSSES = (vae.squared_error, vae.bernoulli_loss)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("kind", ["bytes", "0 to 255", "-1 to 1", "NaN", "names", "ragged"])
def test_a_loss_of_what_are_no_grey_levels_is_refused(loss, kind):
    bad, words = BAD_IMAGES[kind]
    with pytest.raises((TypeError, ValueError), match=words):
        loss(bad, GREY)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("shape", [(6, 28, 28, 1), (6, 784), (1, 28, 28), (28, 28)])
def test_a_loss_compares_shapes_and_does_not_broadcast(loss, shape):
    other = np.zeros(shape, np.float32)
    for x, x_logits in ((GREY, other), (other, GREY)):
        with pytest.raises(ValueError, match="they must be the same"):
            loss(x, x_logits)
        with pytest.raises(ValueError, match="they must be the same"):
            tf.function(loss)(tf.constant(x), tf.constant(x_logits))


@pytest.mark.parametrize("loss", LOSSES)
def test_a_loss_takes_the_type_of_its_logits_and_keeps_the_gradient_of_x(loss):
    x = (GREY > 0.5).astype(np.float32)
    expected = loss(x, GREY)
    for form in (x.astype(bool), x.astype(int), x.astype(float), tf.constant(x, tf.float64)):
        np.testing.assert_array_equal(loss(form, GREY), expected)
    variable = tf.Variable(x)
    with tf.GradientTape() as tape:
        total = loss(variable, GREY)
    assert np.abs(tape.gradient(total, variable)).max() > 0


def test_gradients_pass_through_a_call(shared):
    x = tf.Variable(GREY)
    with tf.GradientTape() as tape:
        picture = shared(x)
    assert np.abs(tape.gradient(picture, x)).max() > 0


Z = np.zeros((3, 2), np.float32)


@pytest.mark.parametrize(
    ("function", "arguments", "words"),
    [
        (vae.bernoulli_loss, (0.5, Z), r"x has shape \(\), expected \(n, ...\)"),
        (vae.conv_encoder, (2, 16, (4, 0)), r"filters\[1\] = 0"),
        (vae.conv_encoder, (2, 16, (4, 4), "relu", 1.0), "hidden_share = 1"),
        (vae.conv_decoder, (2, (0,)), r"before\[0\] = 0"),
        (vae.gaussian_kl, (Z, Z[0]), "z_mean has shape .* and z_log_var has shape"),
        (vae.gaussian_kl, (Z, Z[..., None]), "must be the same"),
        (vae.gaussian_kl, (0.0, 0.0), "z_mean has shape"),
        (vae.gaussian_kl, ("a", Z), "z_mean holds"),
        (vae.gaussian_kl, (Z, None), "z_log_var holds"),
        (vae.gaussian_kl, (Z[:0], Z[:0]), "z_mean is empty"),
        (vae.sample_latent, (Z, Z, Z[:, :1]), "epsilon has shape"),
        (vae.sample_latent, (Z, Z[:1], Z), "z_log_var has shape"),
        (vae.sample_latent, (Z, Z, "noise"), "epsilon holds"),
        (vae.importance_weighted_bound, (1.0,), "log_weights has shape"),
        (vae.importance_weighted_bound, ([],), "log_weights is empty"),
        (vae.importance_weighted_bound, (None,), "log_weights holds"),
        (vae.active_units, ((Z, Z),), "is a pair"),
        (vae.active_units, (np.stack([Z, Z]),), "z_mean has shape"),
        (vae.active_units, (Z * np.nan,), "z_mean contains nan"),
        (vae.active_units, (Z, -1), "threshold = -1"),
        (vae.active_units, (None,), "z_mean holds"),
        (vae.dense_encoder, (0,), "n_latent = 0"),
        (vae.dense_encoder, (2.0,), "n_latent = 2.0"),
        (vae.dense_encoder, (2, -1), "hidden_units = -1"),
        (vae.dense_decoder, ("2",), "n_latent = '2'"),
        (vae.dense_decoder, (True,), "n_latent = True"),
        (vae.deep_encoder, (2, 200), "layers = 200"),
        (vae.deep_encoder, (2, [200, 0]), r"layers\[1\] = 0"),
        (vae.deep_decoder, (2, None), "layers = None"),
        (vae.deep_decoder, (None, [3]), "n_latent = None"),
        (vae.log_importance_weights, (None, GREY, 3), "vae = None"),
    ],
)
def test_bad_arguments_are_named(function, arguments, words):
    with pytest.raises((TypeError, ValueError), match=words):
        function(*arguments)


TABLES = ["another width", "below zero", "grey levels in bytes"]
LOG_WEIGHTS = [*TABLES, "one row", "three axes", "four axes", "NaN table", "infinite table"]
LOG_WEIGHTS += ["NaN pictures", "pictures in bytes", "pictures below zero"]


@pytest.mark.parametrize(
    ("function", "good", "right"),
    [
        (vae.gaussian_kl, {"z_mean": Z, "z_log_var": Z}, {}),
        (vae.sample_latent, {"z_mean": Z, "z_log_var": Z, "epsilon": Z}, {}),
        (vae.importance_weighted_bound, {"log_weights": Z}, {"log_weights": LOG_WEIGHTS}),
        (vae.squared_error, {"x": GREY, "x_logits": GREY}, {}),
        (vae.bernoulli_loss, {"x": GREY, "x_logits": GREY}, {}),
        (
            vae.active_units,
            {"z_mean": Z, "threshold": 0.01},
            {"z_mean": TABLES, "threshold": ["zero", "two and a half"]},
        ),
        (vae.dense_encoder, {"n_latent": 2, "hidden_units": 3}, {}),
        (vae.dense_decoder, {"n_latent": 2, "hidden_units": 3}, {}),
        (vae.deep_encoder, {"n_latent": 2, "layers": [3]}, {"layers": ["empty list"]}),
        (vae.deep_decoder, {"n_latent": 2, "layers": [3]}, {"layers": ["empty list"]}),
        (
            vae.VAE,
            {
                "encoder": vae.dense_encoder(2, 3),
                "decoder": vae.dense_decoder(2, 3),
                "reconstruction_loss": vae.squared_error,
                "seed": 1,
            },
            {"reconstruction_loss": ["function"], "seed": ["None", "zero"]},
        ),
    ],
)
def test_whatever_comes_is_handled_right_or_refused(function, good, right):
    """No layers at all are a linear network; a bound is taken of any weights, NaN of NaN."""
    assert (
        faults(function, good, [(name, key) for name, keys in right.items() for key in keys]) == []
    )


def test_whatever_comes_to_a_trained_model_is_refused():
    model = small_vae(reconstruction_loss=vae.bernoulli_loss)
    weights = {"vae": model, "x": np.zeros((2, 28, 28)), "n_draws": 2}
    assert faults(vae.log_importance_weights, weights) == []
    for method in METHODS:
        found = faults(lambda x, method=method: given_to(model, method, x), {"x": GREY})
        assert found == [], method
    assert len(BAD) > 25


def test_formulas_take_lists_and_whole_numbers():
    assert float(vae.gaussian_kl([3, 0], [0, 0])) == pytest.approx(4.5)
    np.testing.assert_allclose(vae.sample_latent([1], [0], [2]), [3])
    assert vae.dense_encoder(np.int64(2), np.int32(4)).output_shape == [(None, 2)] * 2


def test_log_importance_weights_ask_for_a_likelihood_and_its_images():
    x = (GREY > 0.5).astype(np.float32)
    with pytest.raises(ValueError, match="squared_error, which is not marked as -log p"):
        vae.log_importance_weights(small_vae(), x, 3)
    model = small_vae(reconstruction_loss=vae.bernoulli_loss)
    with pytest.raises(ValueError, match=r"grey levels.*binarise"):
        vae.log_importance_weights(model, GREY, 3)
    with pytest.raises(ValueError, match="n_draws = 0"):
        vae.log_importance_weights(model, x, 0)
    with pytest.raises(TypeError, match=r"x is a tf.data.Dataset"):
        vae.log_importance_weights(model, tf.data.Dataset.from_tensor_slices(x).batch(2), 3)
    assert vae.log_importance_weights(model, x.astype(bool), 3).shape == (6, 3)


def test_a_pair_that_an_encoder_returns_is_not_counted(shared):
    with pytest.raises(ValueError, match=r"encoder\(x\)\[0\]"):
        vae.active_units(shared.encoder(GREY))


# ---------------------------------------------------------------- judging a model


def test_log_importance_weights_are_log_p_of_x_where_q_is_the_posterior():
    model, images, exact, _ = linear_gaussian_vae()
    log_weights = vae.log_importance_weights(model, images, 50)
    assert log_weights.shape == (2, 50)
    np.testing.assert_allclose(log_weights, np.tile(exact[:, None], 50), atol=2e-5)


def test_log_importance_weights_average_to_the_elbo_and_bound_log_p_of_x():
    model, images, exact, variance = linear_gaussian_vae(shift=0.2, log_scale=0.3)
    log_weights = np.asarray(vae.log_importance_weights(model, images, 200_000))
    gap = 0.5 * np.sum(np.exp(0.3) + 0.2**2 / variance - 1 - 0.3)
    error = log_weights.std(axis=1) / 200_000**0.5
    assert (abs(log_weights.mean(axis=1) - (exact - gap)) < 5 * error).all()
    np.testing.assert_allclose(vae.importance_weighted_bound(log_weights), exact, atol=0.02)


def test_log_importance_weights_reach_the_integral_of_a_bernoulli_decoder(images):
    set_seed(0)
    model = vae.VAE(vae.dense_encoder(1, 8), vae.dense_decoder(1, 8), vae.bernoulli_loss, seed=0)
    x = (images[:3] > 0.5).astype(np.float32)
    z = np.linspace(-8, 8, 4001, dtype=np.float32)[:, None]
    x_logits = model.decoder(z)
    repeated = (np.repeat(image[None], len(z), axis=0) for image in x)
    log_joint = np.array([-vae.bernoulli_loss(image, x_logits) for image in repeated], np.float64)
    log_joint += normal_log_density(z[:, 0], 0, 1)
    highest = log_joint.max(axis=1, keepdims=True)
    exact = np.log(np.trapezoid(np.exp(log_joint - highest), z[:, 0], axis=1)) + highest[:, 0]
    bound = vae.importance_weighted_bound(vae.log_importance_weights(model, x, 20_000))
    np.testing.assert_allclose(bound, exact, atol=0.1)


def test_log_importance_weights_draw_afresh_and_keep_images_in_order():
    model, images, exact, _ = linear_gaussian_vae(shift=0.2)
    first, again = (np.asarray(vae.log_importance_weights(model, images, 3)) for _ in range(2))
    assert (first != again).all()
    np.testing.assert_allclose(first.mean(axis=1), exact, atol=3)
    assert abs(exact[0] - exact[1]) > 5


def test_active_units_counts_the_dimensions_whose_mean_code_moves():
    codes = np.zeros((100, 4))
    codes[:, 0] = 5.0  # a constant is not information
    codes[:, 1] = np.resize([-1, 1], 100)
    codes[:, 2] = np.resize([-0.09, 0.09], 100)  # variance 0.0081
    codes[:, 3] = np.resize([-0.11, 0.11], 100)  # variance 0.0121
    assert vae.active_units(codes) == 2
    assert vae.active_units(codes, threshold=0.001) == 3
    assert vae.active_units(tf.constant(codes)) == 2
    assert vae.active_units(codes, threshold=0) == 3, "a constant says nothing at any"


def test_active_units_needs_two_images():
    assert vae.active_units(np.array([[0.0, 3.0], [1.0, 3.0]])) == 1
    with pytest.raises(ValueError, match="z_mean has 1 rows: at least 2"):
        vae.active_units(np.zeros((1, 4)))


def test_only_a_vae_whose_loss_is_a_likelihood_is_measured_in_nats():
    network = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    no_model = type("Loss", (), {"reconstruction_loss": staticmethod(vae.bernoulli_loss)})()
    for other in (network, no_model):
        with pytest.raises(TypeError, match="a VAE is needed"):
            vae.require_likelihood(other)
    with pytest.raises(ValueError, match="squared_error, which is not marked"):
        vae.require_likelihood(vae.VAE(vae.dense_encoder(2), vae.dense_decoder(2)))


def test_means_and_log_variances_of_two_shapes_are_named():
    x = keras.Input((28, 28))
    flat = keras.layers.Flatten()(x)
    encoder = keras.Model(x, [keras.layers.Dense(n)(flat) for n in (3, 2)])
    words = r"z_mean has shape \(3,\) and z_log_var \(2,\)"
    with pytest.raises(ValueError, match=words):
        vae.VAE(encoder, vae.dense_decoder(2))
