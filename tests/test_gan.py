import numpy as np
import pytest
from bad_arguments import BAD, faults
from resuming import assert_resumed_ends_as_unbroken, assert_same_state, optimisers

from helpers import gan as g
from helpers.batches import shuffled_batches
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
    assert model.draw_fakes(1).shape[0] == 1


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


def test_both_steps_draw_their_fakes_in_training_mode():
    """Without dropout in the discriminator only the generator's can tell two steps apart."""
    generator = keras.Sequential(
        [keras.Input((2,)), keras.layers.Dense(2), keras.layers.Dropout(0.5)]
    )
    model = g.GAN(generator, plain_gan().discriminator, seed=5)
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
        assert losses[0] != losses[1], "the same codes and weights: only dropout can differ"


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


def normalised_gan(**adam):
    """A generator whose batch normalisation stands in a network inside it, in a frozen one too."""
    set_seed(0)
    inner = keras.Sequential(
        [keras.Input((3,)), keras.layers.Dense(8), keras.layers.BatchNormalization(name="norm")]
    )
    z = keras.Input((3,))
    picture = keras.layers.Dense(784, activation="tanh")(inner(z))
    generator = keras.Model(z, keras.layers.Reshape((28, 28))(picture))
    discriminator = keras.Sequential(
        [keras.Input((28, 28)), keras.layers.Flatten(), keras.layers.Dense(1)]
    )
    model = g.GAN(generator, discriminator, seed=0)
    model.compile(keras.optimizers.Adam(0.01, **adam), keras.optimizers.Adam(0.01))
    return model, inner


def test_averaged_weights_come_with_statistics_inside_networks_too(images):
    model, inner = normalised_gan(use_ema=True, ema_momentum=0.9)
    model.fit(images, epochs=5, batch_size=8, verbose=0)
    g.use_averaged_weights(model, n_codes=5000)
    z = RNG.uniform(-1, 1, (20_000, 3)).astype(np.float32)
    inside, norm = np.asarray(inner.layers[0](z)), inner.get_layer("norm")
    np.testing.assert_allclose(norm.moving_mean, inside.mean(axis=0), atol=0.05)
    np.testing.assert_allclose(norm.moving_variance, inside.var(axis=0), rtol=0.1)
    assert norm.momentum == 0.99


def test_a_loaded_gan_has_its_averages(images, tmp_path):
    model, _ = normalised_gan(use_ema=True, ema_momentum=0.9)
    model.fit(images, epochs=2, batch_size=8, verbose=0)
    model.save(tmp_path / "gan.keras")
    loaded = keras.saving.load_model(tmp_path / "gan.keras")
    for each in (model, loaded):
        g.use_averaged_weights(each)
    for one, other in zip(model.generator.weights, loaded.generator.weights, strict=True):
        np.testing.assert_array_equal(one, other)


def test_averages_that_are_not_there_are_refused_and_nothing_changes(images):
    without, untrained = normalised_gan()[0], normalised_gan(use_ema=True)[0]
    without.fit(images, verbose=0)
    uncompiled = g.GAN(plain_gan().generator, plain_gan().discriminator)
    for model, words in (
        (without, "keeps no averages"),
        (uncompiled, "keeps no averages"),
        (untrained, "not been trained yet"),
    ):
        before = copies(model.generator)
        with pytest.raises(ValueError, match=words):
            g.use_averaged_weights(model)
        assert not any(moved(model.generator, before))
    with pytest.raises(TypeError, match="gan = None"):
        g.use_averaged_weights(None)
    for n_codes in (0, 1, 2.5):
        with pytest.raises((TypeError, ValueError), match="n_codes = "):
            g.use_averaged_weights(untrained, n_codes)


# ---------------------------------------------------------------- right or refused

PICTURES = np.random.default_rng(3).uniform(-1, 1, (6, 28, 28)).astype(np.float32)


@pytest.fixture(scope="module")
def shared():
    """For what is refused, or leaves nothing behind."""
    return small_gan()


def batches_of(x):
    return tf.data.Dataset.from_tensor_slices(x).batch(3)


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ((127 * (1 + PICTURES)).astype(np.uint8), "divide 8-bit grey levels by 255"),
        (127 * (1 + PICTURES), "divide 8-bit grey levels by 255"),
        (3 * PICTURES, r"scale them to \[-1, 1\]"),
        ((1 + PICTURES) / 2, r"draws in \[-1, 1\]: give 2 \* x - 1"),
        (PICTURES > 0, r"draws in \[-1, 1\]: give 2 \* x - 1"),
        (np.where(PICTURES > 0.9, np.nan, PICTURES), "contains NaN"),
        (PICTURES[..., None], "drop the last axis"),
        (PICTURES[:, :16], r"\(6, 16, 28\), expected \(n, 28, 28\)"),
        (PICTURES[:0], "is empty"),
        (None, "x = None"),
        ("digits", "x = 'digits'"),
        (batches_of((127 * (1 + PICTURES)).astype(np.uint8)), "batches of uint8"),
        (batches_of(3 * PICTURES), "first batch of x"),
        (batches_of((1 + PICTURES) / 2), r"give 2 \* x - 1"),
        (shuffled_batches((1 + PICTURES) / 2, 3, 0), r"give 2 \* x - 1"),
    ],
)
def test_pictures_that_do_not_fit_are_refused(shared, bad, words):
    before = copies(shared.discriminator)
    with pytest.raises((TypeError, ValueError), match=words):
        shared.fit(bad, verbose=0)
    if not isinstance(bad, tf.data.Dataset):
        with pytest.raises((TypeError, ValueError), match=words):
            shared.train_on_batch(bad)
        if bad is not None:
            with pytest.raises(
                (TypeError, ValueError),
                match=words.replace("2 \\* x", "2 \\* real_images").replace("x =", "real_images ="),
            ):
                shared.discriminator_step(bad)
    assert not any(moved(shared.discriminator, before))


@pytest.mark.parametrize(
    "convert", [lambda x: x.astype(np.float64), tf.constant, lambda x: x.reshape(-1, 784)]
)
def test_pictures_in_another_form_are_taken_as_the_same_pictures(convert):
    reports = [small_gan().fit(x, verbose=0).history for x in (PICTURES, convert(PICTURES))]
    assert reports[0] == reports[1]


def test_a_generator_that_ends_in_a_sigmoid_takes_grey_levels():
    grey, *_ = (1 + PICTURES[None]) / 2
    generator = keras.Sequential([keras.Input((2,)), keras.layers.Dense(784, "sigmoid")])
    generator.add(keras.layers.Reshape((28, 28)))
    model = g.GAN(generator, g.dense_discriminator())
    model.compile("adam", "adam")
    model.fit(grey, verbose=0)
    with pytest.raises(ValueError, match=r"scale them to \[0, 1\]"):
        model.fit(PICTURES, verbose=0)


def test_points_need_only_be_finite():
    model = plain_gan()
    model.fit(np.full((8, 2), 300), verbose=0)
    with pytest.raises(ValueError, match="contains nan"):
        model.fit(np.full((8, 2), np.nan), verbose=0)


@pytest.mark.parametrize(
    ("codes", "words"),
    [
        (PICTURES, r"has shape \(6, 28, 28\), expected \(n, 3\)"),
        (np.zeros((4, 2)), r"expected \(n, 3\)"),
        (np.zeros(3), r"expected \(n, 3\): one picture is"),
        (np.full((4, 3), np.inf), "contains inf"),
        (np.zeros((0, 3)), "is empty"),
        ("codes", "= 'codes'"),
    ],
)
def test_codes_that_do_not_fit_are_refused(shared, codes, words):
    for draw in (shared, shared.predict, shared.predict_on_batch):
        with pytest.raises((TypeError, ValueError), match=words):
            draw(codes)


def test_a_gradient_passes_through_the_codes(shared):
    z = tf.Variable(np.full((2, 3), 0.5, np.float32))
    with tf.GradientTape() as tape:
        pictures = shared(z)
    assert np.abs(tape.gradient(pictures, z)).max() > 0
    np.testing.assert_allclose(shared.predict(z, verbose=0), shared(z), atol=1e-6)


def test_no_fakes_at_all_are_refused_and_spoil_nothing(shared):
    before = copies(shared.generator)
    for n in (0, -1, 2.5, None, "3"):
        for draw in (shared.draw_fakes, shared.generator_step):
            with pytest.raises((TypeError, ValueError), match=f"n = {n!r}"):
                draw(n)
    assert not any(moved(shared.generator, before))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"sample_weight": np.ones(6)}, "sample_weight is not used"),
        ({"class_weight": {0: 2.0}}, "class_weight is not used"),
        ({"validation_data": (PICTURES,)}, "not for a GAN: its losses on other pictures"),
        ({"validation_split": 0.5}, "not for a GAN: its losses on other pictures"),
        ({"epochs": 0}, "epochs = 0"),
    ],
)
def test_options_of_fit_that_would_be_dropped_are_refused(shared, options, words):
    with pytest.raises(ValueError, match=words):
        shared.fit(PICTURES, verbose=0, **options)


def test_a_gan_is_not_evaluated_by_its_losses(shared):
    for method in (shared.evaluate, shared.test_on_batch):
        with pytest.raises(ValueError, match=r"not for a GAN.*frechet_distance"):
            method(PICTURES)
    with pytest.raises(ValueError, match="sample_weight is not used"):
        shared.train_on_batch(PICTURES, sample_weight=np.ones(6))


def test_optimisers_may_be_names_and_must_be_two():
    model = plain_gan()
    model.compile("sgd", "sgd")
    assert model.generator_optimizer is not model.optimizer
    adam = keras.optimizers.Adam()
    with pytest.raises(ValueError, match=r"are one object.*make two"):
        model.compile(adam, adam)
    for pair, name in (((None, adam), "generator"), ((adam, 0.001), "discriminator")):
        with pytest.raises(TypeError, match=f"{name}_optimizer = "):
            model.compile(*pair)
    with pytest.raises(ValueError, match="generator_optimizer = 'foo'"):
        model.compile("foo", adam)
    with pytest.raises(ValueError, match="discriminator_optimizer has use_ema"):
        model.compile(adam, keras.optimizers.Adam(use_ema=True))


@pytest.mark.parametrize("name", ["loss", "metrics", "weighted_metrics", "loss_weights"])
def test_losses_and_metrics_given_to_compile_are_refused(name):
    with pytest.raises(ValueError, match=f"{name} = .*GAN has losses of its own"):
        plain_gan().compile("sgd", "sgd", **{name: ["mae"]})


def test_networks_that_compute_in_another_precision_are_refused():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        discriminator = g.dense_discriminator()
    finally:
        keras.config.set_dtype_policy("float32")
    model = g.GAN(g.dense_generator(2), discriminator)
    with pytest.raises(ValueError, match="computes in float16"):
        model.compile("adam", "adam")


class Charge(keras.layers.Layer):
    def call(self, x):
        self.add_loss(7.0 + 0.0 * keras.ops.sum(x))
        return x


@pytest.mark.parametrize(
    "layer",
    [
        lambda: keras.layers.Dense(2, kernel_regularizer="l2"),
        lambda: keras.layers.Dense(2, activity_regularizer="l2"),
        Charge,
    ],
)
@pytest.mark.parametrize("end", [0, 1])
def test_regularisers_and_added_losses_are_refused(layer, end):
    networks = [plain_gan().generator, plain_gan().discriminator]
    networks[end] = keras.Sequential([keras.Input((2,)), layer(), networks[end]])
    model = g.GAN(*networks)

    def train():
        model.compile("sgd", "sgd")
        model.fit(np.zeros((4, 2)), verbose=0)

    with pytest.raises(ValueError, match=r"regulariser or an add_loss.*weight_decay"):
        train()


def test_a_network_frozen_after_compile_does_not_move(images):
    model = small_gan()
    model.compile(keras.optimizers.Adam(0.01), keras.optimizers.Adam(0.01))
    model.fit(images, verbose=0)
    for frozen, other in (
        (model.generator, model.discriminator),
        (model.discriminator, model.generator),
    ):
        frozen.trainable, other.trainable = False, True
        before, others = frozen.get_weights(), copies(other)
        model.fit(images, verbose=0)
        for new, old in zip(frozen.get_weights(), before, strict=True):
            np.testing.assert_array_equal(new, old)
        assert any(moved(other, others))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"smoothing": 2}, "smoothing = 2"),
        ({"smoothing": 0}, "smoothing = 0"),
        ({"smoothing": None}, "smoothing = None"),
        ({"penalty_weight": -10}, "penalty_weight = -10"),
        ({"penalty_weight": np.nan}, "penalty_weight = nan"),
        ({"critic": "yes"}, "critic = 'yes'"),
        ({"seed": 1.5}, "seed = 1.5"),
    ],
)
def test_settings_out_of_range_are_refused(settings, words):
    with pytest.raises((TypeError, ValueError), match=words):
        g.GAN(plain_gan().generator, plain_gan().discriminator, **settings)


def test_a_seed_of_numpy_is_a_seed():
    model = g.GAN(plain_gan().generator, plain_gan().discriminator, seed=np.int64(3))
    assert model.get_config()["seed"] == 3


def ending_in(*layers):
    return keras.Sequential([keras.Input((2,)), keras.layers.Dense(1), *layers])


@pytest.mark.parametrize(
    ("networks", "words"),
    [
        (lambda: (g.dense_generator(2), plain_gan().discriminator), "they must be the same"),
        (lambda: (g.dense_discriminator(), g.dense_discriminator()), "codes of shape"),
        (lambda: (None, plain_gan().discriminator), "generator = None"),
        (lambda: (plain_gan().generator, "conv"), "discriminator = 'conv'"),
        (
            lambda: (plain_gan().generator, ending_in(keras.layers.Activation("sigmoid"))),
            "ends in a sigmoid",
        ),
        (
            lambda: (plain_gan().generator, ending_in(ending_in_one(), keras.layers.Flatten())),
            "ends in a sigmoid",
        ),
    ],
)
def test_networks_that_do_not_fit_are_refused(networks, words):
    with pytest.raises((TypeError, ValueError), match=words):
        g.GAN(*networks())


def ending_in_one():
    return keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, "sigmoid")])


ONE = column(1.0)


@pytest.mark.parametrize(
    ("function", "arguments", "words"),
    [
        (g.discriminator_loss, (ONE, ONE, 2), "smoothing = 2"),
        (g.discriminator_loss, (ONE, ONE, -0.1), "smoothing = -0.1"),
        (g.discriminator_loss, ("a", ONE), "real_logits holds"),
        (g.discriminator_loss, (ONE, None), "fake_logits holds"),
        (g.generator_loss, (ONE[:0],), "fake_logits is empty"),
        (g.saturating_loss, (None,), "fake_logits holds"),
        (g.critic_loss, (ONE, ONE[:0]), "fake_scores is empty"),
        (g.gradient_penalty, (3, PICTURES, PICTURES, 0), "discriminator = 3: a function"),
        (g.gradient_penalty, (abs, PICTURES, PICTURES[..., None], 0), "must be the same"),
        (g.gradient_penalty, (abs, PICTURES, PICTURES[:1], 0), "must be the same"),
        (g.gradient_penalty, (abs, "a", PICTURES, 0), "real_images holds"),
        (g.dense_generator, (0,), "n_latent = 0"),
        (g.conv_generator, (2.0,), "n_latent = 2.0"),
        (g.conv_generator, (2, 0), "filters = 0"),
        (g.conv_discriminator, ("8",), "filters = '8'"),
        (g.conv_discriminator, (8, 1.0), "dropout = 1"),
    ],
)
def test_bad_arguments_are_named(function, arguments, words):
    with pytest.raises((TypeError, ValueError), match=words):
        function(*arguments)


NO_NUMBERS = ["None", "text", "number as text", "bytes", "complex", "dict", "object", "function"]
NO_NUMBERS += ["empty list", "empty table", "no columns", "text list", "ragged list"]
LOGITS = [key for key in BAD if key not in NO_NUMBERS]


@pytest.mark.parametrize(
    ("function", "good", "right"),
    [
        (
            g.discriminator_loss,
            {"real_logits": ONE, "fake_logits": ONE, "smoothing": 1.0},
            {"real_logits": LOGITS, "fake_logits": LOGITS},
        ),
        (g.generator_loss, {"fake_logits": ONE}, {"fake_logits": LOGITS}),
        (g.saturating_loss, {"fake_logits": ONE}, {"fake_logits": LOGITS}),
        (
            g.critic_loss,
            {"real_scores": ONE, "fake_scores": ONE},
            {"real_scores": LOGITS, "fake_scores": LOGITS},
        ),
        (
            lambda **given: g.gradient_penalty(tf.square, seed=0, **given),
            {"real_images": PICTURES, "fake_images": PICTURES},
            {},
        ),
        (
            lambda **given: g.gradient_penalty(tf.square, PICTURES, PICTURES, **given),
            {"seed": 0},
            {"seed": ["zero"]},
        ),
        (g.dense_generator, {"n_latent": 2}, {}),
        (g.conv_generator, {"n_latent": 2, "filters": 2}, {}),
        (g.conv_discriminator, {"filters": 2, "dropout": 0.1}, {"dropout": ["zero"]}),
        (
            g.GAN,
            {
                "generator": g.dense_generator(2),
                "discriminator": g.dense_discriminator(),
                "smoothing": 1.0,
                "critic": False,
                "penalty_weight": 0.0,
                "seed": 1,
            },
            {
                "critic": ["True"],
                "penalty_weight": ["zero", "two and a half"],
                "seed": ["None", "zero"],
            },
        ),
    ],
)
def test_whatever_comes_is_handled_right_or_refused(function, good, right):
    """A loss is a mean over logits of any shape, and NaN of NaN."""
    assert (
        faults(function, good, [(name, key) for name, keys in right.items() for key in keys]) == []
    )


def test_whatever_comes_to_a_model_is_refused(shared):
    def train(x):
        shared.fit(x, verbose=0)

    assert faults(train, {"x": PICTURES}, [("x", "pictures below zero")]) == []
    assert faults(lambda z: shared(z), {"z": np.zeros((2, 3))}, CODES) == []
    assert faults(lambda n: shared.draw_fakes(n), {"n": 2}) == []


# of this shape a code may be anything finite
CODES = [("z", "grey levels in bytes"), ("z", "below zero")]


def test_losses_take_lists_and_whole_numbers():
    assert float(g.generator_loss(np.ones((2, 1), np.uint8))) == pytest.approx(np.log1p(np.exp(-1)))
    assert float(g.critic_loss([[1]], [[3]])) == 2
    assert g.dense_generator(np.int64(3)).input_shape == (None, 3)


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
