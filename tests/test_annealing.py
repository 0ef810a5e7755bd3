import numpy as np
import pytest

from helpers import annealing, vae
from helpers.data import load_digits
from helpers.runtime import keras, set_seed, tf

RNG = np.random.default_rng(0)
STEPS = np.linspace(0, 40, 4001)


def test_linear_at_its_ends_and_between():
    weights = [annealing.linear(step, 8) for step in (0, 2, 4, 8, 9, 1000)]
    assert weights == [0, 0.25, 0.5, 1, 1, 1]


def test_sigmoid_at_its_midpoint_and_far_away():
    half, low, high = annealing.sigmoid(np.array([12, -1e6, 1e6]), 12, 3, 0.001)
    assert (half, low, high) == (0.0005, 0, 0.001)
    assert annealing.sigmoid(15, 12, 3) == pytest.approx(1 / (1 + np.exp(-1)))


def test_sigmoid_of_source_a():
    t = np.arange(500)
    expected = 0.001 / (1 + np.exp(4 - t / 3))
    np.testing.assert_allclose(annealing.sigmoid(t, 12, 3, 0.001), expected, rtol=1e-12)


def test_cyclical_climbs_and_stays_in_each_period():
    weights = [annealing.cyclical(step, 10, 0.4) for step in (0, 1, 2, 4, 9, 9.999, 10, 12, 14)]
    assert weights == [0, 0.25, 0.5, 1, 1, 1, 0, 0.5, 1]


def test_cyclical_is_periodic_and_no_shorter():
    weights = annealing.cyclical(np.arange(400), 100)
    np.testing.assert_allclose(weights[:300], weights[100:])
    assert np.abs(weights[:350] - weights[50:]).max() > 0.9


def test_cyclical_that_rises_all_the_time_in_one_period_is_linear():
    inside = STEPS[STEPS < 40]
    np.testing.assert_allclose(annealing.cyclical(inside, 40, 1), annealing.linear(inside, 40))


def test_constant_is_constant():
    assert annealing.constant(7) == 1
    np.testing.assert_array_equal(annealing.constant(np.arange(3), 0.25), [0.25] * 3)


@pytest.mark.parametrize(
    "weights",
    [annealing.linear(STEPS, 13), annealing.sigmoid(STEPS, 12, 3), annealing.constant(STEPS, 2)],
)
def test_schedules_never_fall(weights):
    assert weights.shape == STEPS.shape
    assert (np.diff(weights) >= 0).all()


@pytest.mark.parametrize(
    ("schedule", "arguments", "name"),
    [
        (annealing.constant, (-0.1,), "weight"),
        (annealing.constant, (float("nan"),), "weight"),
        (annealing.linear, (0,), "length"),
        (annealing.linear, (-3,), "length"),
        (annealing.sigmoid, (12, 0), "width"),
        (annealing.sigmoid, (12, 3, -1), "highest"),
        (annealing.cyclical, (0,), "period"),
        (annealing.cyclical, (10, 0), "rise"),
        (annealing.cyclical, (10, 1.5), "rise"),
    ],
)
def test_bad_argument_is_named(schedule, arguments, name):
    with pytest.raises(ValueError, match=f"{name} must"):
        schedule(1, *arguments)


@pytest.fixture(scope="module")
def images():
    return load_digits().x_train[:64]


def small_vae(kind=vae.VAE, **kwargs):
    set_seed(0)
    model = kind(vae.dense_encoder(3, 8), vae.dense_decoder(3, 8), seed=0, **kwargs)
    model.compile(keras.optimizers.Adam(0.01))
    return model


class Record(keras.callbacks.Callback):
    """Note the weight that is in force while each batch is trained."""

    def on_train_begin(self, logs=None):
        self.weights = []

    def on_train_batch_end(self, batch, logs=None):
        self.weights.append(float(self.model.kl_weight))


def fit_with(schedule, images, every="batch", **kwargs):
    model, record = small_vae(), Record()
    callbacks = [annealing.KLAnnealing(schedule, every), record]
    history = model.fit(images, batch_size=16, callbacks=callbacks, verbose=0, **kwargs).history
    return record.weights, history, model


def test_callback_gives_each_batch_the_weight_of_its_moment(images):
    weights, _, model = fit_with(lambda t: t / 8, images, epochs=3)
    np.testing.assert_allclose(weights, np.arange(12) / 4 / 8)
    assert float(model.kl_weight) == pytest.approx(11 / 32)


def test_callback_is_as_coarse_as_the_executions_that_keras_shows_it(images):
    model, asked = small_vae(), []
    model.compile(keras.optimizers.Adam(0.01), steps_per_execution=2)
    callback = annealing.KLAnnealing(lambda t: asked.append(t) or 1.0)
    model.fit(images, batch_size=16, epochs=1, callbacks=[callback], verbose=0)
    assert asked == [0, 0, 0.5]


def test_callback_by_epoch_begins_at_epoch_0(images):
    weights, history, _ = fit_with(lambda t: 0.5 + t, images, "epoch", epochs=3)
    assert weights == 4 * [0.5] + 4 * [1.5] + 4 * [2.5]
    assert history["kl_weight"] == [0.5, 1.5, 2.5]


def test_callback_goes_on_where_a_resumed_training_stands(images):
    weights, _, _ = fit_with(lambda t: t / 8, images, epochs=4, initial_epoch=2)
    np.testing.assert_allclose(weights, np.arange(8, 16) / 4 / 8)


def test_loss_of_each_epoch_has_that_epochs_weight_on_its_kl(images):
    schedule = [0.0, 0.5, 2.0]
    _, history, _ = fit_with(
        lambda t: schedule[t], images, "epoch", epochs=3, validation_data=(images,)
    )
    for prefix in ("", "val_"):
        loss, reconstruction, kl = (
            np.array(history[prefix + name]) for name in ("loss", "reconstruction_loss", "kl_loss")
        )
        np.testing.assert_allclose(loss, reconstruction + schedule * kl, rtol=1e-5)


@pytest.mark.parametrize(
    ("schedule", "arguments", "weights"),
    [
        (annealing.constant, (0,), [0, 0]),
        (annealing.linear, (0.5,), [0.5, 1]),
        (annealing.sigmoid, (0.25, 0.5), [0.5, 1 / (1 + np.exp(-1.5))]),
        (annealing.sigmoid, (0.25, 0.5, 0), [0, 0]),
        (annealing.cyclical, (0.75, 1), [1 / 3, 1 / 3]),
    ],
)
def test_smallest_arguments_are_allowed(schedule, arguments, weights):
    """An epoch is a step here, and schedules within an epoch are wanted too."""
    np.testing.assert_allclose(schedule(np.array([0.25, 1.0]), *arguments), weights)


def test_callback_names_a_bad_schedule(images):
    for weight in (-0.5, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="after 1 epochs"):
            fit_with(lambda t, bad=weight: bad if t == 1 else 1.0, images, "epoch", epochs=2)
    with pytest.raises(ValueError, match="every must be"):
        annealing.KLAnnealing(annealing.constant, "step")


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


def test_free_bits_kl_charges_the_floor_or_the_batch_mean():
    z_mean, z_log_var = RNG.normal(size=(50, 4)) * [0, 0.1, 1, 3], np.zeros((50, 4))
    means = np.mean(z_mean**2 / 2, axis=0)
    charged = annealing.free_bits_kl(z_mean, z_log_var, 0.25)
    assert float(charged) == pytest.approx(0.25 + 0.25 + means[2] + means[3], rel=1e-6)
    assert (means[:2] < 0.25).all()
    assert (means[2:] > 0.25).all()


def test_free_bits_kl_without_a_floor_is_the_kl():
    z_mean, z_log_var = RNG.normal(size=(2, 50, 4))
    expected = np.mean(vae.gaussian_kl(z_mean, z_log_var))
    assert float(annealing.free_bits_kl(z_mean, z_log_var, 0.0)) == pytest.approx(expected)


def test_below_the_floor_there_is_no_gradient_and_above_it_the_usual_one():
    z_mean = tf.Variable(RNG.normal(size=(50, 2)) * [0.1, 3])
    with tf.GradientTape() as tape:
        charged = annealing.free_bits_kl(z_mean, tf.zeros((50, 2), "float64"), 0.25)
    gradient = tape.gradient(charged, z_mean).numpy()
    assert np.abs(gradient[:, 0]).max() == 0
    np.testing.assert_allclose(gradient[:, 1], z_mean[:, 1] / 50)


def test_free_bits_vae_trains_on_the_floor_and_reports_the_true_kl(images):
    model = small_vae(annealing.FreeBitsVAE, floor=5.0)
    report = model.evaluate(images, verbose=0, return_dict=True)
    exact = np.mean(vae.gaussian_kl(*model.encoder(images)))
    assert exact < 5
    assert report["kl_loss"] == pytest.approx(exact, rel=1e-5)
    assert report["loss"] == pytest.approx(report["reconstruction_loss"] + 3 * 5.0, rel=1e-5)


def test_free_bits_vae_with_floor_0_is_a_vae(images):
    reports = []
    for model in (small_vae(), small_vae(annealing.FreeBitsVAE, floor=0.0)):
        model.kl_weight.assign(0.3)
        reports.append(model.fit(images, epochs=2, verbose=0).history)
    for name, values in reports[0].items():
        assert reports[1][name] == pytest.approx(values, rel=1e-4)


def test_free_bits_vae_keeps_its_floor_when_saved(tmp_path):
    small_vae(annealing.FreeBitsVAE, floor=0.125).save(tmp_path / "model.keras")
    assert keras.saving.load_model(tmp_path / "model.keras").floor == 0.125
    with pytest.raises(ValueError, match="floor must"):
        small_vae(annealing.FreeBitsVAE, floor=-1.0)


def test_active_units_of_a_code_with_a_known_number():
    codes = RNG.normal(size=(1000, 6)) * np.array([2, 0.2, 0.09, 0.01, 0, 0]) + 5
    assert vae.active_units(codes) == 2
    assert vae.active_units(codes, threshold=0.005) == 3
    assert vae.active_units(np.ones((10, 6))) == 0


def two_stage_vae(frozen, kind=vae.VAE, **kwargs):
    """An encoder whose convolutions stand in a part of their own, with batch norm, and heads."""
    set_seed(0)
    layers = keras.layers
    stack = keras.Sequential(
        [
            keras.Input((28, 28)),
            layers.Reshape((28, 28, 1)),
            layers.Conv2D(4, 3, strides=4, name="convolution"),
            layers.BatchNormalization(name="norm"),
            layers.Flatten(),
        ]
    )
    for layer in stack.layers:
        layer.trainable = layer.name not in frozen
    x = keras.Input((28, 28))
    encoder = keras.Model(x, [layers.Dense(2)(stack(x)), layers.Dense(2)(stack(x))])
    model = kind(encoder, vae.dense_decoder(2, 8), seed=0, **kwargs)
    model.compile(keras.optimizers.Adam(0.01))
    return model, stack


def largest_move(model, part, images):
    before = [weight.numpy() for weight in part.weights]
    model.fit(images, epochs=2, verbose=0)
    after = [weight.numpy() for weight in part.weights]
    return [np.abs(new - old).max() for new, old in zip(after, before, strict=True)]


def test_frozen_stack_does_not_move_and_the_rest_does(images):
    model, stack = two_stage_vae(["convolution", "norm"])
    assert len(stack.weights) == 2 + 4
    assert max(largest_move(model, stack, images)) == 0
    heads = [layer for layer in model.encoder.layers if isinstance(layer, keras.layers.Dense)]
    assert len(heads) == 2
    for part in (*heads, model.decoder):
        assert min(largest_move(model, part, images)) > 0


def test_batch_norm_left_unfrozen_moves_its_statistics(images):
    model, stack = two_stage_vae(["convolution"])
    assert max(largest_move(model, stack.get_layer("norm"), images)) > 1e-3


def test_evaluation_leaves_the_statistics_of_batch_norm_alone(images):
    model, stack = two_stage_vae([], annealing.FreeBitsVAE, floor=0.1)
    model.evaluate(images, verbose=0)
    assert np.max(np.abs(stack.get_layer("norm").moving_mean)) == 0
