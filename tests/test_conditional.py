"""Models that are told a label: formulas against lists of all states, doors that refuse."""

import numpy as np
import pytest
from bad_arguments import faults

from helpers import conditional as C
from helpers import evaluation, trained
from helpers.gan import generator_loss, use_averaged_weights
from helpers.rbm import binary_states, energy
from helpers.runtime import keras, set_seed

N_PIXELS, N_CLASSES, N_HIDDEN = 4, 3, 3


def tiny(seed=0, dtype=np.float64):
    machine = C.LabelledRBM(
        N_PIXELS, N_CLASSES, N_HIDDEN, np.random.default_rng(seed), weight_std=1.0
    )
    rng = np.random.default_rng(seed + 1)
    machine.visible_bias = rng.normal(0, 0.5, N_PIXELS + N_CLASSES).astype(dtype)
    machine.hidden_bias = rng.normal(0, 0.5, N_HIDDEN).astype(dtype)
    machine.W = machine.W.astype(dtype)
    return machine


def all_rows():
    pictures = np.repeat(binary_states(N_PIXELS), N_CLASSES, axis=0)
    return C.join(pictures, np.tile(np.arange(N_CLASSES), 2**N_PIXELS), N_CLASSES)


def listed(machine):
    """The sum of exp(-E) over h for each row of `all_rows`, one state after the other."""
    rows = all_rows().astype(np.float64)
    states = [rows, binary_states(N_HIDDEN)]
    energies = [energy(rows, np.tile(h, (len(rows), 1)), *machine.parameters) for h in states[1]]
    return np.exp(-np.array(energies)).sum(axis=0)


# ---------------------------------------------------------------- the RBM against a list


def test_free_energies_and_reading_are_those_of_the_list():
    machine = tiny()
    weights = listed(machine).reshape(-1, N_CLASSES)
    v = binary_states(N_PIXELS)
    found = C.label_free_energies(v, *machine.parameters)
    np.testing.assert_allclose(found, -np.log(weights), rtol=1e-10)
    expected = weights / weights.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(machine.label_probability(v), expected, rtol=1e-6)
    assert np.array_equal(machine.classify(v), expected.argmax(axis=1))


def log_reading(rows, W, visible_bias, hidden_bias):
    free = C.label_free_energies(rows[:, :N_PIXELS], W, visible_bias, hidden_bias)
    own = (free * rows[:, N_PIXELS:]).sum(axis=1)
    return np.mean(-own - np.logaddexp.reduce(-free, axis=1))


def test_the_gradient_of_reading_is_the_measured_slope():
    machine, rows = tiny(), all_rows()[5:30].astype(np.float64)
    parameters = machine.parameters
    found = C.label_gradient(rows, *parameters, N_CLASSES)
    for which, parameter in enumerate(parameters):
        assert found[which].shape == parameter.shape
        for place in np.ndindex(parameter.shape):
            values = []
            for step in (1e-5, -1e-5):
                moved = [part.copy() for part in parameters]
                moved[which][place] += step
                values.append(log_reading(rows, *moved))
            slope = (values[0] - values[1]) / 2e-5
            assert found[which][place] == pytest.approx(slope, abs=1e-8)


def test_softmax_does_not_overflow():
    found = C.softmax(np.array([[2000.0, 2000, -3000], [-5000, -5001, -5000]]))
    np.testing.assert_allclose(found.sum(axis=1), 1)
    np.testing.assert_allclose(found[0], [0.5, 0.5, 0])


def test_one_label_is_drawn_with_its_probability():
    rng = np.random.default_rng(0)
    probability = np.tile([0.5, 0.0, 0.3, 0.2], (40_000, 1))
    drawn = C.sample_one_hot(probability, rng)
    assert set(np.unique(drawn)) == {0, 1}
    assert (drawn.sum(axis=1) == 1).all()
    np.testing.assert_allclose(drawn.mean(axis=0), probability[0], atol=0.01)
    assert drawn[:, 1].sum() == 0
    short = np.full((100, 3), 0.333, np.float32)  # rounding may leave the sum below 1
    assert (C.sample_one_hot(short, rng).sum(axis=1) == 1).all()


@pytest.mark.parametrize("held", ["nothing", "label", "pixels"])
def test_settled_chains_dream_what_the_list_says(held):
    machine, rows, weights = tiny(), all_rows(), listed(tiny())
    units = np.arange(N_PIXELS + N_CLASSES)
    mask = {"nothing": units < 0, "label": units >= N_PIXELS, "pixels": units < 2}[held]
    start = np.tile(rows[4], (20_000, 1))
    found = machine.settle(start, mask, 60, np.random.default_rng(2))
    among = (rows[:, mask] == rows[4][mask]).all(axis=1)
    expected = weights[among] @ rows[among] / weights[among].sum()
    np.testing.assert_allclose(found.mean(axis=0), expected, atol=0.015)
    assert (found[:, mask] == rows[4][mask]).all()
    np.testing.assert_allclose(found[:, N_PIXELS:].sum(axis=1), 1, rtol=1e-5)


def test_a_louder_label_is_an_rbm_with_that_unit_at_that_value():
    machine, g = tiny(), 2.5
    y = np.full(20_000, 1)
    found = machine.draw(y, 60, np.random.default_rng(3), loudness=g).mean(axis=0)
    v, (W, b, c) = binary_states(N_PIXELS), machine.parameters
    field = v @ W[:N_PIXELS] + c + g * W[N_PIXELS + 1]
    weights = np.exp(v @ b[:N_PIXELS]) * (1 + np.exp(field)).prod(axis=1)
    np.testing.assert_allclose(found, weights @ v / weights.sum(), atol=0.015)


def test_training_raises_the_exact_likelihood_and_the_reading():
    rng = np.random.default_rng(0)
    labels = rng.integers(N_CLASSES, size=300)
    v = (rng.random((300, N_PIXELS)) < np.array([[0.9, 0.1, 0.5, 0.2]] * 300)).astype(float)
    v[np.arange(300), labels] = 1
    v[np.arange(300), (labels + 1) % N_CLASSES] = 0
    rows = C.join(v, labels, N_CLASSES)

    def likelihood(machine):
        weights = listed(machine)
        index = (v @ 2 ** np.arange(N_PIXELS)).astype(int) * N_CLASSES + labels
        return np.log(weights[index] / weights.sum()).mean()

    results = {}
    for weight in (0.0, 2.0):
        machine = C.labelled_rbm(rows, N_HIDDEN, np.random.default_rng(1), N_CLASSES)
        before = likelihood(machine)
        options = {"epochs": 40, "batch_size": 20, "chains": 50, "label_weight": weight}
        steps = C.train_labelled(machine, rows, np.random.default_rng(2), **options)
        assert list(steps) == list(range(1, 41))
        results[weight] = np.mean(machine.classify(v) == labels)
        assert likelihood(machine) > before + 0.03
    assert min(results.values()) > 0.5
    assert results[2.0] > results[0.0]


@pytest.mark.parametrize("label_weight", [0.0, 2.0])
def test_an_update_is_the_centred_gradient_of_persistent_chains(label_weight):
    """Against the formulas of `train_labelled`, written out: two epochs of batches of 3 and 1."""
    rows = all_rows()[[3, 10, 25, 40]]
    machine = tiny(dtype=np.float32)
    W, b, c = (part.astype(np.float64) for part in machine.parameters)
    options = {"epochs": 2, "batch_size": 3, "chains": 5, "step_size": 0.4}
    options["label_weight"] = label_weight
    list(C.train_labelled(machine, rows, np.random.default_rng(7), **options))

    def hidden(v):
        return 1 / (1 + np.exp(-(v @ W + c)))

    rng = np.random.default_rng(7)
    chains = np.full((5, N_HIDDEN), 0.5)
    v_offset = rows.mean(axis=0)
    h_offset = hidden(v_offset)
    for update in range(4):
        if update % 2 == 0:
            order = rng.permutation(4)
        data = rows[order[:3] if update % 2 == 0 else order[3:]]
        states = C.sample_bernoulli(chains.astype(np.float32), rng)
        dreamt = C.sample_joint(C.joint_probability(states, W, b, N_CLASSES), N_CLASSES, rng)
        of_data, chains = hidden(data), hidden(dreamt)
        v_offset = 0.99 * v_offset + 0.01 * data.mean(axis=0)
        h_offset = 0.99 * h_offset + 0.01 * of_data.mean(axis=0)
        dW = (data - v_offset).T @ (of_data - h_offset) / len(data)
        dW -= (dreamt - v_offset).T @ (chains - h_offset) / 5
        db = data.mean(axis=0) - dreamt.mean(axis=0) - dW @ h_offset
        dc = of_data.mean(axis=0) - chains.mean(axis=0) - v_offset @ dW
        reading = C.label_gradient(data, W, b, c, N_CLASSES)
        step = 0.4 * (1 - update / 4)
        for part, joint, label in zip((W, b, c), (dW, db, dc), reading, strict=True):
            part += step * (joint + label_weight * label)
    for found, expected in zip(machine.parameters, (W, b, c), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_machine_begins_with_small_weights_and_with_the_biases_of_its_rows():
    machine = C.LabelledRBM(4, 3, 2, np.random.default_rng(0), weight_std=0.5)
    drawn = np.random.default_rng(0).standard_normal((7, 2), dtype=np.float32)
    np.testing.assert_array_equal(machine.W, np.float32(0.5) * drawn)
    assert {part.dtype for part in machine.parameters} == {np.dtype(np.float32)}
    assert not machine.hidden_bias.any()
    assert not machine.visible_bias.any()
    rows = all_rows()[:20]
    machine = C.labelled_rbm(rows, 1, np.random.default_rng(0), N_CLASSES)
    np.testing.assert_allclose(machine.visible_bias, C.base_rate_bias(rows))


def test_a_digit_is_drawn_from_noise_with_its_label_held(monkeypatch):
    machine = C.LabelledRBM(400, 3, 2, np.random.default_rng(0), weight_std=0.1)
    machine.W[400] = 1
    drawn = [
        machine.draw([0] * 50, 3, np.random.default_rng(1), *loudness)
        for loudness in ((), (1.0,), (2.0,))
    ]
    np.testing.assert_array_equal(drawn[0], drawn[1])
    assert np.abs(drawn[0] - drawn[2]).max() > 0.01
    given = {}

    def settle(rows, held, *rest):
        given.update(rows=rows, held=held)
        return rows

    monkeypatch.setattr(machine, "settle", settle)
    machine.draw([0, 2], 3, np.random.default_rng(1))
    assert given["held"].tolist() == [False] * 400 + [True] * 3
    assert given["rows"][:, 400:].tolist() == [[1, 0, 0], [0, 0, 1]]
    assert given["rows"][:, :400].mean() == pytest.approx(0.5, abs=0.06)


def test_training_is_repeatable_and_stops_where_it_diverges():
    rows = all_rows()
    machines = [C.labelled_rbm(rows, 2, np.random.default_rng(0), N_CLASSES) for _ in range(2)]
    for machine in machines:
        list(C.train_labelled(machine, rows, np.random.default_rng(1), epochs=2, label_weight=1))
    assert np.array_equal(machines[0].W, machines[1].W)
    with pytest.raises(FloatingPointError, match=r"in epoch 1: .*a step_size below 1e\+06"):
        list(C.train_labelled(machines[0], rows, np.random.default_rng(1), epochs=3, step_size=1e6))


# ---------------------------------------------------------------- doors of the RBM


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: C.one_hot([0, 10]), "labels contains 10: whole numbers from 0 below 10"),
        (lambda: C.one_hot([0, -1]), "labels contains -1"),
        (lambda: C.one_hot([0.5]), "labels contains 0.5"),
        (lambda: C.one_hot([]), "labels is empty"),
        (lambda: C.one_hot([[1], [2]]), r"labels has shape \(2, 1\)"),
        (lambda: C.join(np.zeros((2, 4)), [1]), "labels has 1 entries and v has 2 rows"),
        (lambda: C.join(np.full((1, 4), 0.5), [1]), "v contains 0.5"),
        (lambda: C.join(np.full((1, 4), np.nan), [1]), "v contains NaN"),
        (lambda: tiny().classify(np.zeros((1, 7))), r"v has shape \(1, 7\), expected \(n, 4\)"),
        (lambda: tiny().draw([3], 5, np.random.default_rng(0)), "labels contains 3"),
        (lambda: tiny().draw([0], 0, np.random.default_rng(0)), "steps = 0"),
        (lambda: tiny().draw([0], 5, np.random.default_rng(0), -1), "loudness = -1"),
        (lambda: tiny().settle(np.zeros((1, 7)), np.zeros(7, bool), 1, None), "0 label units on"),
        (
            lambda: tiny().settle([[0] * 4 + [1, 0, 0], [0] * 4 + [1, 1, 0]], [False] * 7, 1, None),
            "2 label units on",
        ),
        (lambda: C.one_hot([0], 0), "n_classes = 0"),
        (lambda: C.projection_discriminator(dropout=1.5), "dropout = 1.5"),
        (lambda: tiny().settle(all_rows(), [True], 1, None), r"held has shape \(1,\)"),
        (lambda: tiny().settle(all_rows(), np.zeros(7), 1, None), "expected 7 booleans"),
        (lambda: C.LabelledRBM(0, 3, 2, np.random.default_rng(0)), "n_pixels = 0"),
        (lambda: C.LabelledRBM(4, 3, 2, np.random.default_rng(0), 0.1, [0]), "visible_bias"),
    ],
)
def test_what_does_not_fit_the_machine_is_refused(call, text):
    with pytest.raises(ValueError, match=text):
        call()


def test_a_seed_is_no_generator_and_an_rbm_no_machine_with_labels():
    for call in (
        lambda: C.LabelledRBM(4, 3, 2, 0),
        lambda: tiny().draw([0], 5, 0),
        lambda: next(C.train_labelled(tiny(), all_rows(), 0, epochs=1)),
    ):
        with pytest.raises(TypeError, match="rng"):
            call()
    with pytest.raises(TypeError, match="rbm is a str: a LabelledRBM is needed"):
        next(C.train_labelled("rbm", all_rows(), np.random.default_rng(0), epochs=1))


@pytest.mark.parametrize("name", ["W", "visible_bias", "hidden_bias"])
def test_parameters_that_were_spoilt_are_noticed(name):
    machine = tiny()
    getattr(machine, name)[0] = np.nan
    with pytest.raises(ValueError, match=f"{name} contains nan"):
        machine.classify(np.zeros((1, 4)))
    machine = tiny()
    setattr(machine, name, getattr(machine, name)[1:])
    with pytest.raises(ValueError, match="have shapes"):
        machine.classify(np.zeros((1, 4)))


# ---------------------------------------------------------------- the conditional VAE


def small_vae(seed=0):
    set_seed(seed)
    return C.ConditionalVAE(C.conditional_encoder(2, 10, 8), C.conditional_decoder(2, 10, 8), seed)


X = np.random.default_rng(0).random((20, 28, 28)).astype(np.float32)
LABELS = np.arange(20) % 10


def test_the_losses_are_squared_error_and_kl_of_the_clouds_given_the_label():
    vae = small_vae()
    y = C.one_hot(LABELS)
    loss, error, kl = (np.asarray(part) for part in vae.losses_per_image(X, y))
    mean, log_var = (np.asarray(part) for part in vae.encoder([X, y]))
    expected = 0.5 * (np.exp(log_var) + mean**2 - 1 - log_var).sum(axis=1)
    np.testing.assert_allclose(kl, expected, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(loss, error + kl, rtol=1e-6)
    again = small_vae()
    epsilon = keras.random.normal((20, 2), seed=again.noise)
    z = mean + np.exp(0.5 * log_var) * np.asarray(epsilon)
    drawn = np.asarray(again([np.asarray(z), y]))
    np.testing.assert_allclose(error, ((X - drawn) ** 2).sum(axis=(1, 2)), rtol=1e-4)


def test_the_label_enters_both_networks():
    vae, codes = small_vae(), np.zeros((20, 2), np.float32)
    other = C.one_hot((LABELS + 1) % 10)
    ys = C.one_hot(LABELS), other
    for answers in ([vae.encoder([X, y])[0] for y in ys], [vae([codes, y]) for y in ys]):
        one, two = map(np.asarray, answers)
        assert not np.allclose(one, two)


def test_a_vae_learns_and_reports_means_over_pictures():
    vae = small_vae()
    vae.compile(keras.optimizers.Adam(0.01))
    before = vae.evaluate(X, LABELS)
    history = vae.fit(X, LABELS, epochs=20, batch_size=8, verbose=0).history
    after = vae.evaluate(X, LABELS, batch_size=7)
    assert after["loss"] < before["loss"] - 10
    assert set(history) == {"loss", "reconstruction_loss", "kl_loss"}
    assert after["loss"] == pytest.approx(after["reconstruction_loss"] + after["kl_loss"], rel=1e-5)


# ---------------------------------------------------------------- the conditional GAN


def point_gan(hears=1.0):
    """Three labels on a line: label y belongs to the point y."""
    set_seed(0)

    def network(n_in, loud):
        x, y = keras.Input((n_in,)), keras.Input((3,))
        hidden = keras.layers.Concatenate()([x, keras.layers.Rescaling(loud)(y)])
        hidden = keras.layers.Dense(32, "relu")(hidden)
        return keras.Model([x, y], keras.layers.Dense(1)(hidden))

    return C.ConditionalGAN(network(4, 1.0), network(1, hears), seed=0)


def test_a_detective_that_ignores_the_label_does_not_feel_an_exchange():
    z = np.random.default_rng(0).uniform(-1, 1, (30, 4)).astype(np.float32)
    codes, wanted = np.tile(z, (3, 1)), np.repeat(np.arange(3), 30)
    changes = {}
    for hears in (0.0, 1.0):
        gan = point_gan(hears)
        losses = []
        for y in (wanted, (wanted + 1) % 3):
            fakes = np.asarray(gan([codes, C.one_hot(y, 3)]))
            losses.append(float(generator_loss(gan.discriminator([fakes, C.one_hot(wanted, 3)]))))
        changes[hears] = abs(losses[1] - losses[0])
    assert changes[0.0] < 1e-6
    assert changes[1.0] > 1e-5


def test_a_detective_that_hears_the_label_makes_the_forger_obey():
    labels = np.random.default_rng(1).integers(3, size=64 * 300)
    points = 2.0 * labels[:, None] - 2 + np.random.default_rng(2).normal(0, 0.1, (len(labels), 1))
    gan = point_gan()
    gan.compile(*(keras.optimizers.Adam(0.005, 0.5) for _ in range(2)), steps_per_execution=50)
    history = gan.fit(points, labels, batch_size=64, epochs=2, verbose=0).history
    assert set(history) == {"discriminator_loss", "generator_loss"}
    z = np.random.default_rng(3).uniform(-1, 1, (300, 4)).astype(np.float32)
    wanted = np.arange(300) % 3
    drawn = np.asarray(gan([z, C.one_hot(wanted, 3)]))[:, 0]
    assert np.mean(np.clip(np.rint((drawn + 2) / 2), 0, 2) == wanted) > 0.9


def test_networks_for_digits_and_averaged_weights():
    set_seed(0)
    gan = C.ConditionalGAN(C.conditional_generator(3, 10, 2, 8), C.projection_discriminator(10, 2))
    average = {"use_ema": True, "ema_momentum": 0.9}
    gan.compile(keras.optimizers.Adam(0.001, **average), keras.optimizers.Adam(0.001))
    gan.fit(2 * X - 1, LABELS, batch_size=10, epochs=1, verbose=0)
    use_averaged_weights(gan, 20)
    drawn = np.asarray(gan([np.zeros((10, 3), np.float32), C.one_hot(range(10))]))
    assert drawn.shape == (10, 28, 28)
    assert np.abs(drawn).max() <= 1
    assert gan.discriminator([X, C.one_hot(LABELS)]).shape == (20, 1)


def test_the_projection_is_how_real_plus_how_fitting():
    set_seed(0)
    judge = C.projection_discriminator(10, 2)
    silent = np.asarray(judge([X, np.zeros((20, 10), np.float32)]))
    one, two = (np.asarray(judge([X, C.one_hot(np.full(20, y))])) for y in (1, 2))
    both = np.asarray(judge([X, C.one_hot(np.full(20, 1)) + C.one_hot(np.full(20, 2))]))
    np.testing.assert_allclose(both - silent, (one - silent) + (two - silent), atol=1e-5)
    biases = [weight for weight in judge.trainable_variables if weight.shape == (128,)]
    assert len(biases) == 1, "a label's row needs none beside that of the features"


def echoing_gan(seed=0):
    """Its fakes are their own codes, four numbers, three labels behind them; half drop out."""
    z, y = keras.Input((4,)), keras.Input((3,))
    echo = keras.layers.Concatenate()([keras.layers.Dropout(0.5, seed=0)(z), y])
    points, told = keras.Input((7,)), keras.Input((3,))
    logit = keras.layers.Dense(1)(keras.layers.Concatenate()([points, told]))
    return C.ConditionalGAN(
        keras.Model([z, y], echo), keras.Model([points, told], logit), seed=seed
    )


def test_fakes_have_codes_from_minus_one_to_one_and_are_drawn_as_in_training():
    y = C.one_hot(np.arange(500) % 3, 3)
    fakes, again, others = (np.asarray(echoing_gan(seed).fakes_of(y)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(fakes, again)
    assert not np.array_equal(fakes, others)
    np.testing.assert_array_equal(fakes[:, 4:], y)
    codes = fakes[:, :4]
    assert np.mean(codes == 0) == pytest.approx(0.5, abs=0.05), "dropout works"
    codes = codes[codes != 0] / 2  # dropout doubles what it leaves
    assert -1 < codes.min() < -0.97 < 0.97 < codes.max() < 1
    assert codes.mean() == pytest.approx(0, abs=0.06)
    still = np.asarray(echoing_gan()([np.ones((9, 4), np.float32), y[:9]]))
    assert (still[:, :4] == 1).all(), "called, nothing drops out"


def test_fakes_for_averaged_weights_have_all_labels_in_turn(monkeypatch):
    gan = echoing_gan()
    monkeypatch.setattr(gan, "fakes_of", lambda y: y)
    assert np.argmax(gan.draw_fakes(5), axis=1).tolist() == [0, 1, 2, 0, 1]


def test_the_detective_is_trained_as_in_training_in_both_steps():
    gan, modes = echoing_gan(), []
    gan.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1))
    network = gan.discriminator

    class Recorder:
        def __call__(self, pair, training=False):
            modes.append(training)
            return network(pair, training=training)

        def __getattr__(self, name):
            return getattr(network, name)

    gan.discriminator = Recorder()
    y = keras.ops.convert_to_tensor(C.one_hot([0, 1, 2, 0, 1, 2], 3))
    gan.train_step((keras.ops.ones((6, 7)), y))
    assert modes == [True, True, True]


def shapes(network):
    return [tuple(weight.shape) for weight in network.trainable_variables]


def test_the_networks_for_digits_have_the_sizes_that_they_tell():
    generator = C.conditional_generator()
    assert [part.shape for part in generator.inputs] == [(None, 16), (None, 10)]
    maps = [layer.output.shape for layer in generator.layers if "transpose" in layer.name]
    assert maps == [(None, 14, 14, 8), (None, 28, 28, 1)]
    assert shapes(generator)[0] == (26, 64)
    judge = C.projection_discriminator(dropout=0.3)
    assert [part.shape for part in judge.inputs] == [(None, 28, 28), (None, 10)]
    maps = [layer.output.shape for layer in judge.layers if layer.name.startswith("conv")]
    assert maps == [(None, 14, 14, 8), (None, 7, 7, 16)]
    assert sorted(shapes(judge)) == sorted(
        [(4, 4, 1, 8), (8,), (4, 4, 8, 16), (16,), (784, 128), (128,), (10, 128), (128, 1), (1,)]
    )
    settings = [layer.get_config() for layer in judge.layers]
    assert [each["rate"] for each in settings if "rate" in each] == [0.3, 0.3]
    slopes = [each["negative_slope"] for each in settings if "negative_slope" in each]
    assert slopes == pytest.approx([0.2] * 3)
    assert shapes(C.conditional_generator(filters=3, hidden_units=5))[0] == (26, 5)


def test_the_networks_for_points_hear_their_label_as_loudly_as_they_are_told():
    x = np.random.default_rng(0).normal(size=(5, 2)).astype(np.float32)
    y = C.one_hot([0, 1, 2, 0, 1], 3)
    judges = {}
    for hears in (None, 0.0, 1.0, 2.0):
        options = {} if hears is None else {"hears": hears}
        set_seed(0)
        generator, judges[hears] = C.point_networks(3, **options)
    assert shapes(generator) == [(11, 64), (64,), (64, 64), (64,), (64, 2), (2,)]
    assert shapes(judges[1.0]) == [(5, 64), (64,), (64, 64), (64,), (64, 1), (1,)]
    answers = {hears: np.asarray(judge([x, y])) for hears, judge in judges.items()}
    np.testing.assert_array_equal(answers[None], answers[1.0])
    np.testing.assert_allclose(answers[2.0], judges[1.0]([x, 2 * y]), atol=1e-6)
    np.testing.assert_allclose(answers[0.0], judges[1.0]([x, 0 * y]), atol=1e-6)
    bent = judges[1.0]([-x, -y]) + judges[1.0]([x, y])
    assert np.abs(bent).max() > 1e-3, "the layers between are no straight lines"


def test_a_network_told_no_label_is_refused():
    def network(*inputs):
        joined = keras.layers.Flatten()(inputs[0])
        return keras.Model(list(inputs) if len(inputs) > 1 else inputs[0], joined)

    label, judge = keras.Input((3,)), echoing_gan().discriminator
    for given in (
        network(keras.Input((4,))),
        network(keras.Input((4, 4))),
        network(keras.Input((4,)), label, keras.Input((3,))),
        network(keras.Input((4,)), keras.Input((3, 1))),
    ):
        with pytest.raises(ValueError, match="generator takes inputs of shape"):
            C.ConditionalGAN(given, judge)


# ---------------------------------------------------------------- doors of both


@pytest.mark.parametrize(
    ("x", "labels", "text"),
    [
        (X * 255, LABELS, "x ranges from"),
        (X[:, :14], LABELS, r"x has shape \(20, 14, 28\)"),
        (np.full_like(X, np.nan), LABELS, "x contains NaN"),
        (X, LABELS[:5], r"labels has shape \(5,\), expected \(20,\)"),
        (X, LABELS + 1, "labels contains 10"),
        (X, C.one_hot(LABELS), r"labels has shape \(20, 10\)"),
    ],
)
def test_pictures_and_labels_that_do_not_fit_are_refused(x, labels, text):
    gan = C.ConditionalGAN(C.conditional_generator(3, 10, 2, 8), C.projection_discriminator(10, 2))
    gan.compile(keras.optimizers.Adam(), keras.optimizers.Adam())
    vae = small_vae()
    vae.compile(keras.optimizers.Adam())
    for call in (vae.fit, vae.evaluate, gan.fit):
        with pytest.raises(ValueError, match=text):
            call(x, labels)


def test_pictures_beyond_what_a_network_draws_are_refused():
    gan = C.ConditionalGAN(C.conditional_generator(3, 10, 2, 8), C.projection_discriminator(10, 2))
    gan.compile("adam", "adam")
    vae = small_vae()
    vae.compile("adam")
    for model, low, high in ((vae, 0, 1), (gan, -1, 1)):
        for x in (X * (high - low) + low - 0.5, X * (high - low) + low + 0.5):
            with pytest.raises(ValueError, match="x ranges from"):
                model.fit(x, LABELS)
    points = point_gan()
    points.compile("adam", "adam")
    with pytest.raises(ValueError, match=r"x has shape \(4, 3\)"):
        points.fit(np.zeros((4, 3)), [0, 1, 2, 0])


def test_one_row_and_one_chain_are_enough_to_learn():
    rows = C.join(np.eye(4), [0, 1, 2, 0], 3)
    machine = C.labelled_rbm(rows, 2, np.random.default_rng(0), 3)
    options = {"epochs": 1, "batch_size": 1, "chains": 1}
    assert list(C.train_labelled(machine, rows, np.random.default_rng(1), **options)) == [1]


def test_weights_and_losses_that_would_be_left_out_are_refused():
    vae = small_vae()
    with pytest.raises(ValueError, match="loss"):
        vae.compile(keras.optimizers.Adam(), loss="mse")
    vae.compile("adam")
    with pytest.raises(ValueError, match="sample_weight is not used"):
        vae.fit(X, LABELS, sample_weight=np.ones(20))
    with pytest.raises(ValueError, match="validation_data"):
        vae.fit(X, LABELS, validation_data=(X, LABELS))
    gan, mover = point_gan(), keras.optimizers.Adam()
    with pytest.raises(ValueError, match="one object"):
        gan.compile(mover, mover)
    with pytest.raises(ValueError, match="discriminator_optimizer has use_ema=True"):
        gan.compile("adam", keras.optimizers.Adam(use_ema=True))
    with pytest.raises(ValueError, match="loss = 'mse'"):
        gan.compile("adam", "adam", "mse")


def test_networks_that_do_not_fit_are_refused():
    one_input = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)])
    with pytest.raises(TypeError, match="encoder = 'none'"):
        C.ConditionalVAE("none", C.conditional_decoder(2, 10, 8))
    with pytest.raises(ValueError, match=r"decoder takes inputs of shape \(2,\): a pair"):
        C.ConditionalVAE(C.conditional_encoder(2, 10, 8), one_input)
    with pytest.raises(ValueError, match=r"labels of shape \(10,\), decoder of \(3,\)"):
        C.ConditionalVAE(C.conditional_encoder(2, 10, 8), C.conditional_decoder(2, 3, 8))
    with pytest.raises(ValueError, match="hidden_units = 0"):
        C.conditional_decoder(2, 10, 0)
    with pytest.raises(ValueError, match="n_classes = 0"):
        C.point_networks(0)


@pytest.mark.parametrize(
    ("layer", "text"),
    [
        (lambda: keras.layers.Dropout(0.5), "encoder has the layer dropout.*leave it out"),
        (keras.layers.BatchNormalization, "encoder has the layer batch_norm"),
        (lambda: keras.layers.ActivityRegularization(0.1), "encoder has losses of its own"),
    ],
)
def test_a_vae_refuses_what_it_would_leave_out(layer, text):
    x, y = C.conditional_encoder(2, 10, 4).inputs
    hidden = layer()(keras.layers.Flatten()(x))
    heads = [keras.layers.Dense(2)(keras.layers.Concatenate()([hidden, y])) for _ in range(2)]
    with pytest.raises(ValueError, match=text):
        C.ConditionalVAE(keras.Model([x, y], heads), C.conditional_decoder(2, 10, 4))


def test_a_part_that_is_frozen_between_two_fits_stays():
    vae = C.ConditionalVAE(C.conditional_encoder(2, 10, 4), C.conditional_decoder(2, 10, 4), 0)
    gan = C.ConditionalGAN(C.conditional_generator(2, 10, 2, 4), C.projection_discriminator(10, 2))
    vae.compile(keras.optimizers.Adam(0.01))
    gan.compile(keras.optimizers.Adam(0.01), keras.optimizers.Adam(0.01))
    for model, part in ((vae, vae.encoder), (gan, gan.generator)):
        before = [weight.numpy().copy() for weight in part.trainable_variables]
        model.fit(X, LABELS, batch_size=10, verbose=0)
        moved = [weight.numpy().copy() for weight in part.trainable_variables]
        assert not np.array_equal(before[0], moved[0])
        frozen = list(part.trainable_variables)
        part.trainable = False
        model.fit(X, LABELS, batch_size=10, verbose=0)
        for expected, found in zip(moved, frozen, strict=True):
            assert np.array_equal(expected, found)


def test_options_of_fit_and_evaluate_are_taken_or_named():
    vae = C.ConditionalVAE(C.conditional_encoder(2, 10, 4), C.conditional_decoder(2, 10, 4), 0)
    vae.compile(keras.optimizers.Adam(0.01))
    assert set(vae.evaluate(X, LABELS, verbose=0)) == {"loss", "reconstruction_loss", "kl_loss"}
    for option in ({"validation_data": X}, {"validation_data": (X, LABELS)}):
        with pytest.raises(ValueError, match="validation_data, validation_split are not for"):
            vae.fit(X, LABELS, verbose=0, **option)


# ---------------------------------------------------------------- obedience and variety


class Reader(keras.Model):
    """A mock judge: a picture of constant grey level k / 10 is read as k."""

    def __init__(self):
        super().__init__()
        self.built = True

    @property
    def inputs(self):
        return [keras.KerasTensor((None, 28, 28))]

    def call(self, x):
        level = keras.ops.mean(x, axis=(1, 2))[:, None] * 10
        return -keras.ops.square(level - keras.ops.arange(10, dtype="float32"))


def test_obedience_is_the_share_that_is_read_as_asked():
    images = np.repeat(np.arange(10) / 10, 28 * 28).reshape(10, 28, 28).astype(np.float32)
    asked = np.arange(10)
    assert C.obedience(Reader(), images, asked) == 1
    asked[:3] = [1, 2, 0]
    assert C.obedience(Reader(), images, asked) == pytest.approx(0.7)
    assert C.obedience(Reader(), images, np.full(10, 4)) == pytest.approx(0.1)
    with pytest.raises(ValueError, match="labels contains 10"):
        C.obedience(Reader(), images, np.arange(1, 11))


def test_distance_by_kind_is_zero_for_the_same_and_sees_exchanged_kinds():
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 4], 200)
    features = rng.normal(3 * labels[:, None], 1, (400, 3))
    assert C.distance_by_kind(features, labels, features, labels) == pytest.approx([0, 0], abs=1e-6)
    exchanged = C.distance_by_kind(features, labels, features, 4 - labels)
    assert exchanged == pytest.approx([3 * 12**2] * 2, rel=0.1)
    alone = evaluation.frechet_distance(features[:200], features[200:])
    assert exchanged[0] == pytest.approx(alone)
    with pytest.raises(ValueError, match="fake_labels has no 4"):
        C.distance_by_kind(features, labels, features[:200], labels[:200])
    with pytest.raises(ValueError, match="real_labels has one 4 only"):
        C.distance_by_kind(features[:201], labels[:201], features, labels)


def test_variety_is_within_a_kind():
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], 5000)
    features = rng.normal(100 * labels[:, None], 2, (10_000, 3))
    assert C.variety(features, labels) == pytest.approx(12, rel=0.05)
    assert C.variety(np.ones((4, 3)), [0, 0, 1, 1]) == 0
    with pytest.raises(ValueError, match="labels has one 1 only"):
        C.variety(features[:5001], labels[:5001])


@pytest.mark.parametrize("name", ["labelled_rbm", "conditional_vae", "conditional_generator"])
def test_a_kept_model_takes_its_weights_back(name):
    one, other = trained.BUILDERS[name](), trained.BUILDERS[name]()
    weights = [weight + np.float32(0.5) for weight in trained._weights(one)]
    trained._set_weights(other, weights)
    for expected, found in zip(weights, trained._weights(other), strict=True):
        assert np.array_equal(expected, found)
    assert len(weights) == {"labelled_rbm": 3}.get(name, len(weights))


def test_ink_and_slant_are_those_of_a_leaning_line():
    image = np.zeros((1, 28, 28))
    image[0, np.arange(5, 20), 5 + 2 * (np.arange(5, 20) // 2)] = 1
    ink, slant = C.ink_and_slant(image)
    assert ink == 15
    assert slant == pytest.approx(1, abs=0.05)
    assert C.ink_and_slant(image[:, :, ::-1])[1] == pytest.approx(-slant)
    leaning = np.zeros((2, 12, 20))
    leaning[0, [3, 5], [4, 10]] = 0.25  # two rows, six to the right for two down
    leaning[1, [2, 9], [15, 8]] = 1.0
    np.testing.assert_allclose(C.ink_and_slant(leaning), [[0.5, 2], [3, -1]])
    with pytest.raises(ValueError, match="a blank picture"):
        C.ink_and_slant(np.zeros((1, 28, 28)))
    flat = np.zeros((2, 28, 28))
    flat[:, 5, 3:9] = flat[0, 6, 3] = 1
    with pytest.raises(ValueError, match="ink in one row only"):
        C.ink_and_slant(flat)


def test_a_line_reads_what_a_line_can_read():
    rng = np.random.default_rng(0)
    labels = np.arange(200) % 10
    x = 5 * C.one_hot(labels) + rng.normal(0, 0.1, (200, 10))
    assert C.misread_by_a_line(x, labels, x, labels, 60) < 0.05
    with pytest.raises(ValueError, match="x_test has shape"):
        C.misread_by_a_line(x, labels, x[:, :3], labels, 1)


def test_a_line_is_read_for_fifteen_thousand_rows_and_alike_each_time(monkeypatch):
    rng = np.random.default_rng(0)
    x, labels = rng.normal(size=(60, 4)), np.arange(60) % 10
    found = []
    for seed in (1, 2):
        set_seed(seed)
        found.append(C.misread_by_a_line(x, labels, x, labels, 1))
    assert found[0] == found[1]
    for wrong, name in ((labels[:9], "labels has shape"), (labels + 1, "labels contains 10")):
        with pytest.raises(ValueError, match=name):
            C.misread_by_a_line(x, wrong, x, labels, 1)
        with pytest.raises(ValueError, match=f"test_{name}"):
            C.misread_by_a_line(x, labels, x, wrong, 1)
    given = []
    monkeypatch.setattr(keras.Sequential, "fit", lambda *args, **options: given.append(options))
    for n in (60, 300, 5000):
        x, labels = np.zeros((n, 2)), np.arange(n) % 10
        C.misread_by_a_line(x, labels, x, labels)
    assert [options["epochs"] for options in given] == [100, 50, 5]
    assert {options["batch_size"] for options in given} == {50}
    with pytest.raises(ValueError, match="epochs = 0"):
        C.misread_by_a_line(x, labels, x, labels, 0)


@pytest.mark.parametrize(
    ("train", "size", "batch"),
    [(C.train_vae, {"hidden_units": 8}, 64), (C.train_gan, {"filters": 2}, 32)],
)
def test_the_short_ways_to_train_take_their_seed_their_size_and_their_callbacks(train, size, batch):
    x = np.random.default_rng(0).random((batch + 6, 28, 28)).astype(np.float32)
    labels, models, seen = np.arange(batch + 6) % 10, [], []
    for before, seed in ((1, 0), (2, 0), (2, 1)):
        set_seed(before)
        watch = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(epoch))
        models.append(train(x, labels, 2, seed, callbacks=(watch,), **size))
    assert seen == [0, 1] * 3
    assert int(models[0].optimizer.iterations) == 4, "two batches in each of two epochs"
    first, again, other = (
        np.concatenate([np.ravel(weight) for weight in model.trainable_variables])
        for model in models
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    for name in ("encoder", "decoder") if train is C.train_vae else ("generator", "discriminator"):
        widths = {shape[-1] for shape in shapes(getattr(models[0], name))}
        assert set(size.values()) <= widths
    with pytest.raises(ValueError, match=r"x has shape \(\d+, 20, 28\)"):
        train(x[:, :20], labels, 1, 0, **size)


def test_the_short_way_to_a_gan_ends_with_averaged_weights(monkeypatch):
    averaged = []
    monkeypatch.setattr(C, "use_averaged_weights", averaged.append)
    gan = C.train_gan(X, LABELS, 1, 0, filters=2)
    assert averaged == [gan]


def test_a_verdict_of_the_real_digits_themselves():
    judge = evaluation.train_classifier(np.rint(X), LABELS, 1)
    labels = np.repeat([0, 1], 10)
    real = evaluation.features(judge, np.rint(X))
    found = C.verdict(judge, real, labels, np.rint(X) * np.float32(1 + 1e-6), labels)
    assert set(found) == {"obedience", "distance", "variety"}
    assert found["obedience"] == evaluation.accuracy(judge, np.rint(X), labels)
    assert found["distance"] == pytest.approx(0, abs=1e-3)
    assert found["variety"] == pytest.approx(1)
    assert C.variety(real, labels) != pytest.approx(1, rel=0.1)
    assert C.variety([[0], [2], [5], [5]], [0, 0, 1, 1]) == 1  # variances 2 and 0, over n - 1


SWEEPS = {
    "one_hot": (C.one_hot, {"labels": [0, 1], "n_classes": 3}),
    "LabelledRBM": (
        C.LabelledRBM,
        {
            "n_pixels": 4,
            "n_classes": 3,
            "n_hidden": 2,
            "rng": np.random.default_rng(0),
            "weight_std": 0.1,
            "visible_bias": np.zeros(7),
        },
    ),
    "labelled_rbm": (
        C.labelled_rbm,
        {
            "rows": all_rows(),
            "n_hidden": 2,
            "rng": np.random.default_rng(0),
            "n_classes": 3,
        },
    ),
    "draw": (
        C.LabelledRBM(4, 3, 2, np.random.default_rng(0)).draw,
        {"labels": [0, 1], "steps": 1, "rng": np.random.default_rng(0), "loudness": 1.0},
    ),
    "train_vae": (C.train_vae, {"x": X, "labels": LABELS, "epochs": 1, "seed": 0}),
    "train_gan": (C.train_gan, {"x": X, "labels": LABELS, "epochs": 1, "seed": 0, "filters": 1}),
    "train_labelled": (
        lambda **options: list(
            C.train_labelled(
                C.LabelledRBM(4, 3, 2, np.random.default_rng(0)), all_rows(), **options
            )
        ),
        {
            "rng": np.random.default_rng(0),
            "epochs": 1,
            "batch_size": 20,
            "chains": 5,
            "step_size": 0.1,
            "label_weight": 1.0,
        },
    ),
    "join": (C.join, {"v": np.zeros((2, 4)), "labels": [0, 1]}),
    "variety": (C.variety, {"features": np.eye(4), "labels": [0, 0, 1, 1]}),
}
HARMLESS = {
    "one_hot": [("labels", "one row")],
    "join": [("v", "another width")],
    "LabelledRBM": [
        ("weight_std", "zero"),
        ("weight_std", "two and a half"),
        ("visible_bias", "None"),
    ],
    "draw": [("labels", "one row"), ("loudness", "zero"), ("loudness", "two and a half")],
    "train_vae": [("seed", "zero")],
    "train_gan": [("seed", "zero")],
    "train_labelled": [
        *(
            (name, key)
            for name in ("step_size", "label_weight")
            for key in ("zero", "two and a half")
        ),
    ],
}


@pytest.mark.parametrize("name", SWEEPS)
def test_no_bad_argument_passes_in_silence(name):
    call, good = SWEEPS[name]
    assert faults(call, good, HARMLESS.get(name, ())) == []


def test_ten_labels_in_single_precision_unless_told_otherwise():
    assert C.one_hot([3, 0]).dtype == np.float32
    assert C.one_hot([3, 0]).shape == (2, 10)
    rows = C.join(np.eye(4), [0, 3, 9, 5])
    machine = C.labelled_rbm(rows, 2, np.random.default_rng(0))
    assert machine.n_classes == 10
    assert machine.draw([9], 1, np.random.default_rng(0)).shape == (1, 4)
