"""Training on the importance-weighted bound, and measuring it over the number of draws.

L_k = E[log(1/k sum_i w_i)] with w_i = p(x, z_i) / q(z_i|x) is the ELBO for k = 1 and a higher
bound on log p(x) for more draws. Its gradient is that of sum_i s_i log w_i, where the shares
s_i = w_i / sum_j w_j are held fixed: the draw that fits best teaches most. Everything is in nats
per image, and higher is better; only what an optimiser makes smaller, -L_k, is called a loss.

References:
    Burda, Grosse and Salakhutdinov (2016), Importance weighted autoencoders: section 3, eq. 14.
    Rainforth et al. (2018), Tighter variational bounds are not necessarily better: section 3,
        what more draws do to the encoder's gradient.
"""

import numpy as np

from helpers import inputs
from helpers.batches import fit_arguments
from helpers.networks import checked_by, compiled_with, follow_frozen_parts, layers_of
from helpers.runtime import keras, tf
from helpers.vae import (
    images_of_likelihood,
    importance_weighted_bound,
    of_a_likelihood,
    require_likelihood,
)
from helpers.vae import log_importance_weights as checked_weights

layers, ops = keras.layers, keras.ops
log_importance_weights = checked_weights.__wrapped__  # in a graph; `fit` has looked at the images

OTHERWISE_IN_TRAINING = (
    layers.Dropout,
    layers.AlphaDropout,
    layers.GaussianDropout,
    layers.GaussianNoise,
    layers.BatchNormalization,
)
DRAWS_AT_ONCE = 2500  # codes that are decoded together


# ---------------------------------------------------------------- around the taught code


def _without_surprises(given):
    """What `BoundTrainer.__init__` is given: a VAE that can be trained so, and a number k."""
    vae = given["vae"]
    require_likelihood(vae)
    for layer in layers_of(vae):
        if isinstance(layer, OTHERWISE_IN_TRAINING):
            raise ValueError(
                f"vae has the layer {layer.name}, which acts otherwise in training than in "
                "judging, and the bound knows one way only: leave it out."
            )
    if vae.losses:
        raise ValueError(
            "vae has losses of its own, such as regularisers, which are no part of the bound: "
            "leave them out."
        )
    given["k"] = inputs.whole_number(given["k"], "k", least=1)


# ---------------------------------------------------------------- training on the bound


class BoundTrainer(keras.Model):
    """Trains a VAE on the importance-weighted bound of k draws; with k = 1, on the ELBO.

    `compile` it with an optimiser, `fit` it, and go on with the VAE, whose weights it moves. With
    k = 1 the gradient is that of the VAE's own training on average, with more noise, since the KL
    is estimated from the draw as well. The VAE's KL weight is not used: in the bound it is 1.

    Args:
        vae: a `VAE` whose reconstruction loss is -log p(x|z), such as `bernoulli_loss`; without
            regularisers, dropout and batch normalisation.
        k: draws of the code for each image.

    The reported `loss` is -L_k, a mean over all images of an epoch. Labels are not used. Images
    are as `VAE.fit` takes them, and binary for `bernoulli_loss`; the values in a
    `tf.data.Dataset` are not looked at. A step costs k times that of the VAE, in memory too.

    Raises:
        TypeError, ValueError: a VAE, a number, images or options that do not fit, each in the call
            that takes it; validation data too: judge by `bounds_over_draws`.
    """

    @checked_by(_without_surprises)
    def __init__(self, vae, k):
        """Take the VAE; see the class."""
        super().__init__()
        self.vae, self.k = vae, k
        self.average = keras.metrics.Mean("loss")
        self.built = True  # because the VAE is

    def train_step(self, data):
        """One step of the optimiser on a batch; labels, if there are any, are not used."""
        x, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        with tf.GradientTape() as tape:
            log_weights = log_importance_weights(self.vae, x, self.k)
            losses = -importance_weighted_bound(log_weights)
            loss = ops.mean(losses)
        weights = self.vae.trainable_variables
        self.optimizer.apply(tape.gradient(loss, weights), weights)
        self.average.update_state(losses)
        return {"loss": self.average.result()}

    def fit(self, *args, **kwargs):
        """Keras's `fit`; see the class for what the images must be."""
        given = fit_arguments(args, kwargs, self.checked_images)
        if given.get("validation_data") is not None or given.get("validation_split"):
            raise ValueError(
                "validation_data, validation_split: a BoundTrainer only trains; judge its VAE by "
                "bounds_over_draws."
            )
        if self.compiled:
            follow_frozen_parts(self, [(self.optimizer, self.vae)])
        return super().fit(**given)

    def checked_images(self, data, name):
        """Images or batches of them as the VAE takes them, binary where its loss asks for it."""
        return images_of_likelihood(self.vae, data, name)


@compiled_with("optimizer")
def _compile(self, optimizer, **kwargs):
    """Choose the optimiser; its variables are made here, and a step is then traced once."""
    keras.Model.compile(self, optimizer, **kwargs)
    self.optimizer.build(self.vae.trainable_variables)


BoundTrainer.compile = _compile  # in the taught class it is Keras's own


# ---------------------------------------------------------------- measuring it


@checked_by(of_a_likelihood)
def bounds_over_draws(vae, x, n_draws):
    """The importance-weighted bound, averaged over images, for several numbers of draws.

    Each image's draws are made once. They serve for every k that divides their number: as n_draws
    values with k = 1, as groups of 2, of 5, and so on, and as one group of all.

    Args:
        vae: a `VAE` whose reconstruction loss is -log p(x|z), as in `log_importance_weights`.
        x: images, shape (n, ...), binary for `bernoulli_loss`; they are taken in parts, so that
            their number does not matter for the memory.
        n_draws: draws for each image.

    Returns:
        A dictionary from k, rising, to nats per image: from the ELBO at k = 1 to the bound with
        all draws. The ks are 1, 2, 5, 10, 20, 50, … as far as they divide n_draws, and n_draws.

    Raises:
        TypeError: `vae` is no VAE, or an argument holds no numbers.
        ValueError: the loss is not marked as a likelihood, or the images do not fit it.
    """
    rows = max(1, DRAWS_AT_ONCE // n_draws)
    parts = [x[start : start + rows] for start in range(0, len(x), rows)]
    weights = np.concatenate([checked_weights(vae, part, n_draws) for part in parts])
    round_numbers = {n * 10**power for n in (1, 2, 5) for power in range(len(str(n_draws)))}
    sizes = sorted({k for k in round_numbers if n_draws % k == 0} | {n_draws})
    groups = {k: weights.reshape(len(x), -1, k) for k in sizes}
    return {k: float(np.mean(importance_weighted_bound(group))) for k, group in groups.items()}
