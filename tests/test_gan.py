import numpy as np
import pytest
from resuming import assert_resumed_ends_as_unbroken, assert_same_state, optimisers

from helpers import gan as g
from helpers.runtime import keras, set_seed, tf

pytestmark = pytest.mark.filterwarnings("error::UserWarning")
RNG = np.random.default_rng(0)


def column(*logits):
    return np.array(logits, dtype=np.float64)[:, None]


def sigmoid(logits):
    return 1 / (1 + np.exp(-logits))


# ---------------------------------------------------------------- losses


def test_losses_where_the_discriminator_cannot_tell():
    zeros = column(0, 0, 0)
    assert float(g.discriminator_loss(zeros, zeros)) == pytest.approx(2 * np.log(2))
    assert float(g.discriminator_loss(zeros, zeros, 0.9)) == pytest.approx(2 * np.log(2))
    assert float(g.generator_loss(zeros)) == pytest.approx(np.log(2))
    assert float(g.saturating_loss(zeros)) == pytest.approx(-np.log(2))


def test_losses_at_their_limits_neither_overflow_nor_vanish():
    sure, fooled = column(1000.0), column(-1000.0)
    assert float(g.discriminator_loss(sure, fooled)) == 0
    assert float(g.discriminator_loss(fooled, sure)) == pytest.approx(2000)
    assert float(g.discriminator_loss(sure, fooled, 0.9)) == pytest.approx(100)
    assert float(g.generator_loss(sure)) == 0
    assert float(g.generator_loss(fooled)) == pytest.approx(1000)
    assert float(g.saturating_loss(fooled)) == 0
    assert float(g.saturating_loss(sure)) == pytest.approx(-1000)


def test_losses_are_the_cross_entropies_of_their_definition():
    real, fake = RNG.normal(size=(2, 7, 1))
    p_real, p_fake = sigmoid(real), sigmoid(fake)
    for s in (1.0, 0.9, 0.5):
        expected = -s * np.log(p_real) - (1 - s) * np.log(1 - p_real) - np.log(1 - p_fake)
        assert float(g.discriminator_loss(real, fake, s)) == pytest.approx(expected.mean())
    assert float(g.generator_loss(fake)) == pytest.approx(-np.log(p_fake).mean())
    assert float(g.saturating_loss(fake)) == pytest.approx(np.log(1 - p_fake).mean())


def slope(function, at):
    logits = tf.Variable(column(at))
    with tf.GradientTape() as tape:
        loss = function(logits)
    return float(tape.gradient(loss, logits)[0, 0])


def test_only_the_saturating_loss_goes_flat_where_fakes_are_recognised():
    for logit in (-20.0, -4.0, 0.0, 3.0):
        d = sigmoid(logit)
        assert slope(g.generator_loss, logit) == pytest.approx(d - 1)
        assert slope(g.saturating_loss, logit) == pytest.approx(-d)


def test_smoothing_moves_the_best_answer_to_real_pictures_only():
    def real_part(logits):
        return g.discriminator_loss(logits, column(0.0), 0.9)

    def fake_part(logits):
        return g.discriminator_loss(column(0.0), logits, 0.9)

    assert slope(real_part, np.log(9)) == pytest.approx(0, abs=1e-12)
    assert slope(real_part, 0.0) < 0
    assert slope(fake_part, -30.0) == pytest.approx(0, abs=1e-12)
    assert slope(fake_part, -np.log(9)) == pytest.approx(0.1)


def test_best_discriminator_of_two_known_distributions():
    # three pictures, with these probabilities under data and model
    p, q = np.array([0.5, 0.3, 0.2]), np.array([0.1, 0.3, 0.6])
    logits = np.log(p / q)
    copies = 10
    real = np.repeat(logits, (p * copies).round().astype(int))[:, None]
    fake = np.repeat(logits, (q * copies).round().astype(int))[:, None]
    middle = (p + q) / 2
    jsd = (p * np.log(p / middle) + q * np.log(q / middle)).sum() / 2
    assert float(g.discriminator_loss(real, fake)) == pytest.approx(2 * np.log(2) - 2 * jsd)


def test_critic_loss_is_the_difference_of_mean_scores():
    assert float(g.critic_loss(column(3, 5), column(1, 2))) == pytest.approx(1.5 - 4)


@pytest.mark.parametrize(("length", "expected"), [(1.0, 0.0), (3.0, 4.0), (0.0, 1.0)])
def test_gradient_penalty_of_a_linear_critic_is_known(length, expected):
    direction = RNG.normal(size=(2, 3))
    direction *= length / np.linalg.norm(direction)
    direction = direction.astype(np.float32)
    real, fake = (tf.constant(x) for x in RNG.normal(size=(2, 5, 2, 3)).astype(np.float32))
    penalty = g.gradient_penalty(
        lambda x: tf.reduce_sum(x * direction, axis=(1, 2))[:, None], real, fake, seed=0
    )
    assert float(penalty) == pytest.approx(expected, abs=1e-5)


def test_gradient_penalty_looks_everywhere_between_real_and_fake_and_nowhere_else():
    seen = []

    def critic(x):
        seen.append(x)
        return x**2

    n = 4000
    penalty = g.gradient_penalty(critic, tf.ones((n, 1)), -tf.ones((n, 1)), seed=0)
    between = np.asarray(seen[0])
    assert between.min() >= -1
    assert between.max() <= 1
    assert between.mean() == pytest.approx(0, abs=0.04)
    assert between.var() == pytest.approx(1 / 3, abs=0.02)
    assert float(penalty) == pytest.approx(1 / 3, abs=0.02)  # mean of (2 |x| - 1)^2


def test_gradient_penalty_looks_on_the_line_from_each_fake_to_its_real_picture():
    seen = []

    def critic(x):
        seen.append(np.asarray(x))
        return tf.reduce_sum(x, axis=(1, 2))[:, None]

    pair = np.random.default_rng(6).normal(3, 1, (2, 50, 2, 3)).astype(np.float32)
    g.gradient_penalty(critic, *(tf.constant(x) for x in pair), seed=0)
    real, fake = pair
    way, whole = seen[0] - fake, real - fake
    share = np.sum(way * whole, axis=(1, 2)) / np.sum(whole**2, axis=(1, 2))
    np.testing.assert_allclose(way, share[:, None, None] * whole, atol=1e-5)
    assert share.min() >= 0
    assert share.max() <= 1
    assert len(np.unique(share)) == 50, "each picture at a place of its own"


# ---------------------------------------------------------------- the model


@pytest.fixture
def images():
    return RNG.uniform(-1, 1, (24, 28, 28)).astype(np.float32)


def small_gan(seed=0, **settings):
    set_seed(seed)
    generator = keras.Sequential(
        [
            keras.Input((3,)),
            keras.layers.Dense(8),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(784, activation="tanh"),
            keras.layers.Reshape((28, 28)),
        ]
    )
    discriminator = keras.Sequential(
        [
            keras.Input((28, 28)),
            keras.layers.Flatten(),
            keras.layers.Dense(8, activation="relu"),
            keras.layers.Dropout(0.2),
            keras.layers.Dense(1),
        ]
    )
    model = g.GAN(generator, discriminator, seed=seed, **settings)
    model.compile(
        keras.optimizers.Adam(0.01, use_ema=True, ema_momentum=0.9), keras.optimizers.Adam(0.02)
    )
    return model


def copies(network):
    return [variable.numpy() for variable in network.trainable_variables]


def moved(network, before):
    after = copies(network)
    return [bool((a != b).any()) for a, b in zip(after, before, strict=True)]


@pytest.mark.parametrize("settings", [{}, {"critic": True, "penalty_weight": 10.0}])
def test_a_step_of_one_network_leaves_the_other_untouched(images, settings):
    model = small_gan(**settings)
    g_before, d_before = copies(model.generator), copies(model.discriminator)
    model.generator_step(16)
    assert all(moved(model.generator, g_before)[-2:])
    assert not any(moved(model.discriminator, d_before))
    g_before = copies(model.generator)
    model.discriminator_step(images)
    assert not any(moved(model.generator, g_before))
    assert all(moved(model.discriminator, d_before)[:-1])


def plain_gan(**settings):
    """No dropout, no normalisation: what a step should report can be computed."""
    set_seed(1)
    generator = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
    discriminator = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model = g.GAN(generator, discriminator, seed=5, **settings)
    model.compile(keras.optimizers.SGD(0.0), keras.optimizers.SGD(0.0))
    return model


@pytest.mark.parametrize(("settings", "s"), [({"smoothing": 0.8}, 0.8), ({}, 1.0)])
def test_discriminator_step_wants_real_high_and_fakes_low_and_smooths_real_labels_only(settings, s):
    model = plain_gan(**settings)
    real_images = RNG.normal(3, 1, (500, 2)).astype(np.float32)
    twin = plain_gan()
    fake_images = twin.draw_fakes(500)
    p_real, p_fake = (
        sigmoid(np.asarray(model.discriminator(x), np.float64)) for x in (real_images, fake_images)
    )
    expected = -s * np.log(p_real) - (1 - s) * np.log(1 - p_real) - np.log(1 - p_fake)
    assert float(model.discriminator_step(real_images)) == pytest.approx(expected.mean(), rel=1e-4)


def test_discriminator_learns_to_say_yes_to_real_pictures():
    model = plain_gan()
    model.compile(keras.optimizers.SGD(0.0), keras.optimizers.Adam(0.05))
    real_images = RNG.normal(4, 1, (400, 2)).astype(np.float32)
    model.fit(real_images, epochs=20, verbose=0)
    assert np.mean(model.discriminator(real_images)) > 1
    assert np.mean(model.discriminator(model.draw_fakes(400))) < -1


def test_generator_step_reports_the_non_saturating_loss_and_climbs_the_logits():
    model, twin = plain_gan(), plain_gan()
    logits = np.asarray(model.discriminator(twin.draw_fakes(300)), np.float64)
    assert float(model.generator_step(300)) == pytest.approx(np.log1p(np.exp(-logits)).mean(), 1e-4)
    model.compile(keras.optimizers.Adam(0.05), keras.optimizers.SGD(0.0))
    for _ in range(30):
        model.generator_step(300)
    assert np.mean(model.discriminator(model.draw_fakes(300))) > logits.mean() + 0.5


def test_critic_step_reports_critic_loss_and_penalty():
    model, twin = (plain_gan(critic=True, penalty_weight=10.0) for _ in range(2))
    real_images = RNG.normal(3, 1, (50, 2)).astype(np.float32)
    scores = [model.discriminator(x) for x in (real_images, twin.draw_fakes(50))]
    length = np.linalg.norm(model.discriminator.weights[0])
    expected = float(g.critic_loss(*scores)) + 10 * (length - 1) ** 2
    assert float(model.discriminator_step(real_images)) == pytest.approx(expected, rel=1e-4)
    model, twin = (plain_gan(critic=True) for _ in range(2))
    scores = model.discriminator(twin.draw_fakes(50))
    assert float(model.generator_step(50)) == pytest.approx(-np.mean(scores), rel=1e-4)


def test_the_discriminator_judges_with_its_dropout_in_both_steps():
    forgetful = keras.Sequential(
        [keras.Input((2,)), keras.layers.Dropout(0.5), keras.layers.Dense(1)]
    )
    model = g.GAN(plain_gan().generator, forgetful, seed=5)
    model.compile(keras.optimizers.SGD(0.0), keras.optimizers.SGD(0.0))
    codes = model.noise.state.numpy()
    for step in (
        lambda: model.discriminator_step(tf.ones((50, 2))),
        lambda: model.generator_step(50),
    ):
        losses = []
        for _ in range(2):
            model.noise.state.assign(codes)
            losses.append(float(step()))
        assert losses[0] != losses[1], "the same pictures and weights: only dropout can differ"


def test_codes_fill_the_cube():
    set_seed(0)
    identity = keras.Sequential([keras.Input((3,)), keras.layers.Identity()])
    model = g.GAN(identity, identity, seed=0)
    z = np.asarray(model.draw_fakes(20_000))
    assert z.min() >= -1
    assert z.max() <= 1
    np.testing.assert_allclose(z.mean(axis=0), 0, atol=0.02)
    np.testing.assert_allclose(z.var(axis=0), 1 / 3, atol=0.01)
    assert (np.asarray(model.draw_fakes(10)) != z[:10]).any()


def test_samples_are_drawn_without_dropout_and_change_nothing(images):
    model = small_gan()
    model.fit(images, batch_size=8, verbose=0)
    z = RNG.uniform(-1, 1, (6, 3)).astype(np.float32)
    before = [variable.numpy() for variable in model.generator.variables]
    first, second = np.asarray(model(z)), np.asarray(model(z))
    np.testing.assert_array_equal(first, second)
    np.testing.assert_allclose(first[2:4], model(z[2:4]), atol=1e-6)  # no neighbour matters
    for variable, old in zip(model.generator.variables, before, strict=True):
        np.testing.assert_array_equal(variable, old)
    assert (np.asarray(model(z, training=True)) != first).any()


def test_training_draws_fakes_with_dropout():
    model = small_gan()
    z_seed = model.noise.state.numpy()
    first = np.asarray(model.draw_fakes(6))
    model.noise.state.assign(z_seed)
    assert (np.asarray(model.draw_fakes(6)) != first).any()


def test_fit_reports_the_means_over_an_epoch(images):
    model = plain_gan()
    flat = images[:, 0, :2]
    losses = []
    for batch in np.split(flat, 3):
        losses.append([float(model.discriminator_step(batch)), float(model.generator_step(8))])
    twin = plain_gan()
    history = twin.fit(flat, batch_size=8, shuffle=False, verbose=0).history
    assert list(history) == ["discriminator_loss", "generator_loss"]
    reported = [history[name][0] for name in history]
    np.testing.assert_allclose(reported, np.mean(losses, axis=0), rtol=1e-5)


def test_two_trainings_with_one_seed_are_identical(images):
    histories = [
        small_gan(seed=3).fit(images, epochs=2, batch_size=8, verbose=0).history for _ in range(2)
    ]
    assert histories[0] == histories[1]


def test_several_steps_in_one_call_are_the_same_training(images):
    results = []
    for steps in (1, 3):
        model = small_gan()
        model.compile(
            keras.optimizers.Adam(0.01), keras.optimizers.Adam(0.02), steps_per_execution=steps
        )
        model.fit(images, epochs=2, batch_size=8, verbose=0)
        results.append(copies(model.generator))
    for one, three in zip(*results, strict=True):
        np.testing.assert_allclose(one, three, atol=1e-6)


def test_a_gan_saved_before_its_training_loads_whole(tmp_path):
    settings = {"smoothing": 0.9, "critic": True, "penalty_weight": 2.0}
    model = small_gan(**settings)
    model.save(tmp_path / "gan.keras")
    loaded = keras.saving.load_model(tmp_path / "gan.keras")
    assert {name: getattr(loaded, name) for name in settings} == settings
    assert_same_state(loaded, model)
    for ours, theirs in zip(optimisers(model), optimisers(loaded), strict=True):
        assert ours.get_config() == theirs.get_config()


def test_what_compile_was_given_is_in_the_file_and_a_gan_without_it_loads_too(tmp_path):
    model = g.GAN(plain_gan().generator, plain_gan().discriminator)
    for compiled in (False, True):
        if compiled:
            sgd = keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.2)
            model.compile(*sgd, steps_per_execution=7, jit_compile=False)
        model.save(tmp_path / "gan.keras")
        loaded = keras.saving.load_model(tmp_path / "gan.keras")
        assert loaded.compiled is compiled
    assert (loaded.steps_per_execution, loaded.jit_compile) == (7, False)
    assert [float(o.learning_rate) for o in optimisers(loaded)] == pytest.approx([0.2, 0.1])


@pytest.mark.parametrize("settings", [{"smoothing": 0.9}, {"critic": True, "penalty_weight": 2.0}])
def test_a_resumed_training_ends_where_the_unbroken_one_ends(images, tmp_path, settings):
    """Random are the codes, the mixing of the penalty, and dropout in both networks."""

    def make():
        return small_gan(**settings)

    assert_resumed_ends_as_unbroken(make, images, tmp_path / "gan.keras")


def test_averaged_weights_come_with_statistics_of_their_own(images):
    model = small_gan()
    model.fit(images, epochs=5, batch_size=8, verbose=0)
    averages = [v.numpy() for v in model.generator_optimizer._model_variables_moving_average]
    momentum = model.generator.layers[1].momentum
    g.use_averaged_weights(model, n_codes=5000)
    for variable, average in zip(model.generator.trainable_variables, averages, strict=True):
        np.testing.assert_array_equal(variable, average)
    assert model.generator.layers[1].momentum == momentum
    z = RNG.uniform(-1, 1, (20_000, 3)).astype(np.float32)
    inside = np.asarray(model.generator.layers[0](z))
    normalisation = model.generator.layers[1]
    np.testing.assert_allclose(normalisation.moving_mean, inside.mean(axis=0), atol=0.05)
    np.testing.assert_allclose(normalisation.moving_variance, inside.var(axis=0), rtol=0.1)


# ---------------------------------------------------------------- networks for digits


def test_dense_networks_are_those_of_the_source():
    # 784 and 100 numbers through 32, 64, 128 and back, a bias each
    generator = 101 * 32 + 33 * 64 + 65 * 128 + 129 * 784
    discriminator = 785 * 128 + 129 * 64 + 65 * 32 + 33
    assert g.dense_generator().count_params() == generator
    assert g.dense_discriminator().count_params() == discriminator
    whole = g.GAN(g.dense_generator(), g.dense_discriminator())
    assert whole.count_params() == generator + discriminator, "it is built before its first call"
    for network in (g.dense_generator(), g.dense_discriminator()):
        assert slopes_and_dropouts(network) == ([0.2] * 3, [0.3] * 3)


def slopes_and_dropouts(network):
    kinds = (keras.layers.LeakyReLU, "negative_slope"), (keras.layers.Dropout, "rate")
    return tuple(
        [getattr(layer, name) for layer in network.layers if isinstance(layer, kind)]
        for kind, name in kinds
    )


def test_convolutional_networks_are_those_described():
    # stencils of 4 x 4; where the bias is missing, batch normalisation has 4 numbers a unit
    maps = 7 * 7 * 64
    generator = 16 * 128 + 4 * 128 + 128 * maps + 4 * maps
    generator += 16 * 64 * 32 + 4 * 32 + 16 * 32 * 1 + 1
    discriminator = (16 + 1) * 32 + (16 * 32 + 1) * 64 + (maps + 1) * 128 + 129
    assert g.conv_generator().count_params() == generator
    assert g.conv_discriminator().count_params() == discriminator
    assert slopes_and_dropouts(g.conv_discriminator()) == ([0.2] * 3, [0.0] * 2)
    assert slopes_and_dropouts(g.conv_discriminator(dropout=0.3)) == ([0.2] * 3, [0.3] * 2)


@pytest.mark.parametrize("kind", ["dense", "conv"])
def test_networks_draw_and_judge_pictures_between_minus_one_and_one(kind):
    set_seed(0)
    generator = getattr(g, f"{kind}_generator")()
    z = RNG.uniform(-1, 1, (5, generator.input_shape[-1])).astype(np.float32)
    pictures = np.asarray(generator(30 * z, training=True))
    assert pictures.shape == (5, 28, 28)
    assert np.abs(pictures).max() <= 1
    assert pictures.min() < 0 < pictures.max()
    assert getattr(g, f"{kind}_discriminator")()(pictures).shape == (5, 1)


def test_a_small_gan_learns_a_distribution_with_a_known_mean():
    set_seed(0)
    generator = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    discriminator = keras.Sequential(
        [keras.Input((1,)), keras.layers.Dense(16, "tanh"), keras.layers.Dense(1)]
    )
    model = g.GAN(generator, discriminator, seed=0)
    model.compile(keras.optimizers.Adam(0.01), keras.optimizers.Adam(0.02), steps_per_execution=20)
    x = RNG.normal(3, 0.5, (8192, 1)).astype(np.float32)
    model.fit(x, batch_size=64, epochs=4, verbose=0)
    assert np.mean(model.draw_fakes(2000)) == pytest.approx(3, abs=0.5)
