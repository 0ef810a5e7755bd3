"""The Wasserstein distance: exact on a line, and learned by the critic of a GAN.

The distance of two sets of equally many numbers is the least mean way by which one set must be
moved to become the other. On a line the cheapest plan keeps the order. For pictures a critic reads
it off: the largest difference of mean scores that a function nowhere steeper than 1 can give.

References:
    Arjovsky, Chintala and Bottou (2017), Wasserstein GAN: the distance and the critic.
    Gulrajani et al. (2017), Improved training of Wasserstein GANs: algorithm 1, the penalty and the
    settings; proposition 1, why the best critic's slope is 1.
    Villani (2009), Optimal transport: chapter 5, the duality.
"""

import numpy as np

from helpers import inputs
from helpers.gan import GAN, no_losses_of_parts
from helpers.networks import checked_by, sizes
from helpers.runtime import keras, tf

ops = keras.ops


# ---------------------------------------------------------------- around the taught code


def _equally_many(given):
    """What `wasserstein_distance` is given: two rows of equally many finite numbers."""
    for name, values in given.items():
        values = inputs.finite(inputs.numbers_of(values, name), name)
        if values.ndim != 1 or not len(values):
            raise ValueError(f"{name} has shape {values.shape}: a row of numbers is needed.")
        given[name] = values.astype(np.float64)
    if len(given["x"]) != len(given["y"]):
        raise ValueError(
            f"x holds {len(given['x'])} numbers and y holds {len(given['y'])}: equally many "
            "are needed, so draw as many of each."
        )


# ---------------------------------------------------------------- the distance


@checked_by(_equally_many)
def wasserstein_distance(x, y):
    """The Wasserstein distance of two sets of equally many numbers, exactly.

    The cheapest plan on a line moves the smallest number to the smallest, the next to the next,
    and so on: crossing ways are never shorter.

    Args:
        x, y: shape (n,) each.

    Returns:
        The mean way, in the unit of the numbers. Caveat: that of two samples of one law is not 0;
        it falls like 1 / sqrt(n).

    Raises:
        TypeError: these are no numbers.
        ValueError: they are not finite, not in rows, or not equally many.
    """
    return np.mean(np.abs(np.sort(x) - np.sort(y)))


# ---------------------------------------------------------------- the model


@keras.saving.register_keras_serializable("helpers")  # the rest of it, GAN brings
class WassersteinGAN(GAN):
    """A `GAN` whose discriminator is a critic: it gives scores, and its slope is held near 1.

    Each batch of `fit` moves the critic once, and every `critic_steps`-th the generator too. A
    critic keeps no batch normalisation, which would let one picture's score depend on the others.

    Args:
        generator: a Keras model from codes, shape (n, n_latent), to pictures.
        discriminator: a Keras model from pictures to one score each, shape (n, 1).
        critic_steps: of the critic for one of the generator.
        penalty_weight: of `gradient_penalty` in the critic's loss; 0 leaves it out.
        seed: of the codes and the mixing that `fit` draws.

    As published it is compiled with Adam at 1e-4, beta_1 0 and beta_2 0.9, for both networks.
    What `fit` reports as `discriminator_loss` contains the penalty; `generator_loss` is the mean
    over the batches in which the generator moved, 0 if there was none. In other respects it is a
    `GAN`, and is saved and loaded as one. It trains on one device.

    Raises:
        TypeError, ValueError: as `GAN`, or `critic_steps` is no whole number from 1 on.
    """

    @sizes("critic_steps")
    def __init__(self, generator, discriminator, critic_steps=5, penalty_weight=10.0, seed=None):
        """Assemble the parts; see the class."""
        settings = {"critic": True, "penalty_weight": penalty_weight, "seed": seed}
        super().__init__(generator, discriminator, **settings)
        self.critic_steps = critic_steps

    @no_losses_of_parts
    def train_step(self, data):
        """One step of the critic, and in every `critic_steps`-th batch one of the generator."""
        x, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        of_critic, of_generator = self.averages
        of_critic.update_state(self.discriminator_step(x))

        def move_generator():
            of_generator.update_state(self.generator_step(ops.shape(x)[0]))

        turn = self.optimizer.iterations % self.critic_steps == 0
        tf.cond(turn, move_generator, lambda: None)
        return {average.name: average.result() for average in self.averages}

    def get_config(self):
        """What `from_config` needs to make such a model anew; Keras adds the weights."""
        names = ("generator", "discriminator", "penalty_weight", "seed")
        config = super().get_config()
        return {name: config[name] for name in names} | {"critic_steps": self.critic_steps}
