import numpy as np
import pytest
from bad_arguments import faults
from resuming import assert_resumed_ends_as_unbroken
from small_vaes import forgetful_vae, small_vae, two_stage_vae

from helpers import annealing, vae
from helpers.data import load_digits
from helpers.runtime import keras, tf

pytestmark = pytest.mark.filterwarnings("error::UserWarning")
RNG = np.random.default_rng(0)
STEPS = np.linspace(0, 40, 4001)


def test_linear_at_its_ends_and_between():
    weights = [annealing.linear(step, 8) for step in (0, 2, 4, 8, 9, 1000)]
    assert weights == [0, 0.25, 0.5, 1, 1, 1]


def test_logistic_at_its_midpoint_and_far_away():
    half, low, high = annealing.logistic(np.array([12, -1e6, 1e6]), 12, 3, 0.001)
    assert (half, low, high) == (0.0005, 0, 0.001)
    assert annealing.logistic(15, 12, 3) == pytest.approx(1 / (1 + np.exp(-1)))


def test_logistic_of_source_a():
    t = np.arange(500)
    expected = 0.001 / (1 + np.exp(4 - t / 3))
    np.testing.assert_allclose(annealing.logistic(t, 12, 3, 0.001), expected, rtol=1e-12)


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


def test_schedules_but_the_cyclical_never_fall():
    for schedule, *arguments in (
        (annealing.linear, 13),
        (annealing.logistic, 12, 3),
        (annealing.constant, 2),
    ):
        weights = schedule(STEPS, *arguments)
        assert weights.shape == STEPS.shape
        assert (np.diff(weights) >= 0).all()


@pytest.mark.parametrize(
    ("schedule", "arguments", "name"),
    [
        (annealing.constant, (-0.1,), "weight"),
        (annealing.constant, (float("nan"),), "weight"),
        (annealing.linear, (0,), "length"),
        (annealing.linear, (-3,), "length"),
        (annealing.logistic, (12, 0), "width"),
        (annealing.logistic, (12, 3, -1), "highest"),
        (annealing.cyclical, (0,), "period"),
        (annealing.cyclical, (10, 0), "rise"),
        (annealing.cyclical, (10, 1.5), "rise"),
    ],
)
def test_bad_argument_is_named(schedule, arguments, name):
    with pytest.raises(ValueError, match=rf"{name}\b.* must"):
        schedule(1, *arguments)


@pytest.mark.parametrize(
    ("function", "arguments", "words"),
    [
        (annealing.linear, ("a", 3), "step holds"),
        (annealing.linear, (None, 3), "step holds"),
        (annealing.linear, (np.array([1, np.nan]), 3), "step contains nan"),
        (annealing.linear, (1, "a"), "length = 'a'"),
        (annealing.constant, (1, np.inf), "weight = inf"),
        (annealing.constant, (1, None), "weight = None"),
        (annealing.logistic, (1, np.nan, 3), "midpoint = nan"),
        (annealing.logistic, (1, [1, 2], 3), "midpoint = "),
        (annealing.cyclical, (1, 10, True), "rise = True"),
        (annealing.KLAnnealing, (0.5,), "schedule = 0.5"),
        (annealing.free_bits_kl, (np.zeros((3, 2)), np.zeros((3, 1)), 0.1), "must be the same"),
        (annealing.free_bits_kl, (np.zeros((3, 2)), np.zeros((3, 2)), None), "floor = None"),
        (annealing.free_bits_kl, (np.zeros((3, 2)), np.zeros((3, 2)), -1), "floor = -1"),
        (annealing.free_bits_kl, (None, np.zeros((3, 2)), 0.1), "z_mean holds"),
    ],
)
def test_what_is_no_number_is_named(function, arguments, words):
    with pytest.raises((TypeError, ValueError), match=words):
        function(*arguments)


ANY_NUMBERS = ["minus one", "zero", "two and a half", "True", "empty list", "empty table"]
ANY_NUMBERS += ["no columns", "one row", "three axes", "four axes", "another width", "below zero"]
ANY_NUMBERS += ["grey levels in bytes", "pictures in bytes", "pictures below zero"]


@pytest.mark.parametrize(
    ("function", "good", "right"),
    [
        (annealing.constant, {"step": 1, "weight": 1}, {"weight": ["zero"]}),
        (annealing.linear, {"step": 1, "length": 3}, {}),
        (
            annealing.logistic,
            {"step": 1, "midpoint": 3, "width": 2, "highest": 1},
            {"midpoint": ["minus one", "zero"], "highest": ["zero"]},
        ),
        (annealing.cyclical, {"step": 1, "period": 3, "rise": 0.5}, {}),
        (annealing.KLAnnealing, {"schedule": abs, "every": "batch"}, {"schedule": ["function"]}),
        (
            lambda floor: small_vae(annealing.FreeBitsVAE, floor=floor),
            {"floor": 0.1},
            {"floor": ["zero"]},
        ),
    ],
)
def test_whatever_comes_is_handled_right_or_refused(function, good, right):
    """A schedule takes any finite steps; 2.5 is a weight, a length and a floor."""
    harmless = [(name, key) for name, keys in right.items() for key in keys]
    harmless += [("step", key) for key in ANY_NUMBERS]
    numbers = set(good) - {"step", "rise", "schedule", "every"}
    harmless += [(name, "two and a half") for name in numbers]
    assert faults(function, good, harmless) == []


def test_a_step_may_be_a_small_whole_number_type():
    steps = np.array([0, 250], np.uint8)
    np.testing.assert_allclose(annealing.cyclical(steps, 300), [0, 1])
    np.testing.assert_allclose(annealing.linear(list(steps), 500), [0, 0.5])


def test_the_callback_wants_a_vae_and_a_schedule_of_numbers(images):
    other = keras.Sequential([keras.Input((28, 28)), keras.layers.Flatten(), keras.layers.Dense(1)])
    other.compile("sgd", "mse")
    callback = annealing.KLAnnealing(annealing.constant)
    with pytest.raises(TypeError, match="moves the kl_weight of a VAE"):
        other.fit(images, np.zeros(64), callbacks=[callback], verbose=0)
    with pytest.raises(TypeError, match="the schedule gave after 0 epochs = None"):
        fit_with(lambda t: None, images)


@pytest.fixture(scope="module")
def images():
    return load_digits().x_train[:64]


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
        (annealing.logistic, (0.25, 0.5), [0.5, 1 / (1 + np.exp(-1.5))]),
        (annealing.logistic, (0.25, 0.5, 0), [0, 0]),
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
    with pytest.raises(ValueError, match="every = 'step': choose"):
        annealing.KLAnnealing(annealing.constant, "step")


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


def test_a_free_bits_vae_saved_before_its_training_keeps_its_floor(tmp_path):
    small_vae(annealing.FreeBitsVAE, floor=0.125).save(tmp_path / "model.keras")
    assert keras.saving.load_model(tmp_path / "model.keras").floor == 0.125


def test_a_negative_floor_is_refused():
    with pytest.raises(ValueError, match="floor = -1: it must be at least 0"):
        small_vae(annealing.FreeBitsVAE, floor=-1.0)
    with pytest.raises(TypeError, match="floor = None"):
        small_vae(annealing.FreeBitsVAE, floor=None)


@pytest.mark.parametrize("binarise", [False, True])
def test_a_resumed_free_bits_training_ends_where_the_unbroken_one_ends(images, tmp_path, binarise):
    def make():
        return forgetful_vae(annealing.FreeBitsVAE, floor=0.1)

    callback = annealing.KLAnnealing(lambda epochs: annealing.linear(epochs, 5))
    path = tmp_path / "model.keras"
    assert_resumed_ends_as_unbroken(make, images, path, callback, binarise=binarise)


def test_only_training_gathers_the_statistics_of_its_batches(images):
    model, stack = two_stage_vae(kind=annealing.FreeBitsVAE, floor=0.1)
    norm = stack.get_layer("norm")
    model.evaluate(images, verbose=0)
    assert np.max(np.abs(norm.moving_mean)) == 0
    model.fit(images, verbose=0)
    assert np.max(np.abs(norm.moving_mean)) > 1e-3
