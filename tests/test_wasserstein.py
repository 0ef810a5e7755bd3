import itertools

import numpy as np
import pytest
from bad_arguments import faults
from resuming import assert_resumed_ends_as_unbroken

from helpers import gan as g
from helpers import wasserstein as w
from helpers.runtime import keras, set_seed

pytestmark = pytest.mark.filterwarnings("error::UserWarning")
RNG = np.random.default_rng(0)


# ---------------------------------------------------------------- the distance


def test_the_distance_is_the_cheapest_of_all_plans():
    for _ in range(5):
        x, y = RNG.normal(size=(2, 6))
        plans = (np.mean(np.abs(x - y[list(order)])) for order in itertools.permutations(range(6)))
        assert w.wasserstein_distance(x, y) == pytest.approx(min(plans), rel=1e-12)


def test_the_distance_of_a_shift_is_the_shift_and_of_a_set_to_itself_none():
    x = RNG.normal(size=40)
    assert w.wasserstein_distance(x, RNG.permutation(x)) == 0
    assert w.wasserstein_distance(RNG.permutation(x), x - 2.5) == pytest.approx(2.5)
    assert w.wasserstein_distance([1, 2], [4, 3]) == 2


def test_what_is_no_row_of_numbers_is_refused():
    assert faults(w.wasserstein_distance, {"x": np.zeros(2), "y": np.zeros(2)}) == []
    with pytest.raises(ValueError, match="x holds 3 numbers and y holds 2"):
        w.wasserstein_distance(np.zeros(3), np.zeros(2))


# ---------------------------------------------------------------- the model


def networks():
    set_seed(1)
    dense = keras.layers.Dense
    return (
        keras.Sequential([keras.Input((2,)), dense(2)]),
        keras.Sequential([keras.Input((2,)), dense(8, "relu"), dense(1)]),
    )


def small(rate=0.01, **settings):
    model = w.WassersteinGAN(*networks(), seed=5, **settings)
    model.compile(keras.optimizers.Adam(rate, 0, 0.9), keras.optimizers.Adam(rate, 0, 0.9))
    return model


POINTS = RNG.normal(2, 1, (48, 2)).astype(np.float32)


@pytest.mark.parametrize("steps", [1, 3, 5])
def test_the_generator_moves_in_every_so_many_batches(steps):
    model = small(critic_steps=steps)
    model.fit(POINTS, batch_size=4, epochs=2, verbose=0)
    assert int(model.optimizer.iterations) == 24
    assert int(model.generator_optimizer.iterations) == 24 // steps


def test_it_reports_the_means_over_the_batches_in_which_each_moved():
    model, twin = small(0.0, critic_steps=2), small(0.0, critic_steps=2)
    losses = [], []
    for start in range(0, 48, 8):
        losses[0].append(float(twin.discriminator_step(POINTS[start : start + 8])))
        if start % 16:
            losses[1].append(float(twin.generator_step(8)))
    history = model.fit(POINTS, batch_size=8, shuffle=False, verbose=0).history
    assert history["discriminator_loss"] == [pytest.approx(np.mean(losses[0]), rel=1e-4)]
    assert history["generator_loss"] == [pytest.approx(np.mean(losses[1]), rel=1e-4)]


def test_without_a_turn_of_the_generator_its_loss_is_none_and_it_rests():
    model = small()
    before = model.generator.get_weights()
    history = model.fit(POINTS[:12], batch_size=4, verbose=0).history
    assert history["generator_loss"] == [0]
    for new, old in zip(model.generator.get_weights(), before, strict=True):
        np.testing.assert_array_equal(new, old)


def test_its_critic_is_the_one_of_a_gan_with_penalty():
    model = small(0.0, penalty_weight=3.0)
    twin = g.GAN(*networks(), critic=True, penalty_weight=3.0, seed=5)
    twin.compile(keras.optimizers.Adam(0.0), keras.optimizers.Adam(0.0))
    for step in (lambda m: m.discriminator_step(POINTS), lambda m: m.generator_step(8)):
        assert float(step(model)) == float(step(twin))


def test_it_moves_its_points_to_the_data():
    model = small(0.02)
    before = np.mean(model.draw_fakes(500), axis=0)
    model.fit(np.tile(POINTS, (40, 1)), batch_size=32, epochs=10, verbose=0)
    after = np.mean(model.draw_fakes(500), axis=0)
    assert np.linalg.norm(before - POINTS.mean(axis=0)) > 1.5
    assert np.linalg.norm(after - POINTS.mean(axis=0)) < 0.5


def test_a_resumed_training_ends_where_the_unbroken_one_ends(tmp_path):
    def make():
        return small(critic_steps=4, penalty_weight=2.0)

    path = tmp_path / "model.keras"
    assert_resumed_ends_as_unbroken(make, np.tanh(POINTS[:40]), path)
    loaded = keras.saving.load_model(path)
    assert (loaded.critic_steps, loaded.penalty_weight, loaded.critic) == (4, 2.0, True)


@pytest.mark.parametrize("steps", [0, -1, 2.5, "5", None])
def test_a_number_of_steps_that_makes_no_sense_is_named(steps):
    with pytest.raises((TypeError, ValueError), match="critic_steps"):
        w.WassersteinGAN(*networks(), critic_steps=steps)


def test_losses_of_parts_are_refused():
    generator, discriminator = networks()
    discriminator.add(keras.layers.Dense(1, kernel_regularizer="l2"))
    with pytest.raises(ValueError, match="regulariser or an add_loss"):
        w.WassersteinGAN(generator, discriminator).compile("adam", "adam")
