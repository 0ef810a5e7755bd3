"""KL-weight schedules, the callback that applies them, and free bits.

A schedule says what the KL costs after `step` steps of training: 1 is its full price, with which
the loss is a negative ELBO, 0 leaves an autoencoder with noise in its code. The unit of a step is
yours, as long as it is that of the other arguments; `KLAnnealing` counts in epochs.

References:
    Bowman et al. (2016), Generating sentences from a continuous space: section 3.1.
    Sønderby et al. (2016), Ladder variational autoencoders: section 2.3, the linear warm-up.
    Kingma et al. (2016), Improving variational inference with inverse autoregressive flow:
        appendix C.8, free bits.
    Fu et al. (2019), Cyclical annealing schedule: section 4.
"""

import numpy as np

from helpers import inputs
from helpers.networks import checked_by, one_number, tensors
from helpers.runtime import keras
from helpers.vae import VAE, gaussian_kl, sample_latent, with_losses_of_parts

ops = keras.ops


# ---------------------------------------------------------------- around the taught code


def _of_numbers(given):
    """What a schedule is given: finite numbers as its step, and one as each of its settings."""
    for name, value in given.items():
        if name == "step":
            step = inputs.finite(inputs.numbers_of(value, name), name)
            given[name] = step.astype(np.float64)
        else:
            given[name] = inputs.real_number(value, name)


def _of_one_weight(given):
    """What `KLAnnealing.__init__` is given: a schedule, whose weights are one finite number."""
    schedule = given["schedule"]
    if not callable(schedule):
        raise TypeError(
            f"schedule = {schedule!r}: a function of the epochs done is needed, such as "
            "lambda t: linear(t, 10)."
        )

    def weight(epochs_done):
        name = f"the weight that the schedule gave after {epochs_done:g} epochs"
        return inputs.real_number(schedule(epochs_done), name)

    given["schedule"] = weight
    inputs.one_of(given["every"], "every", ("batch", "epoch"))


# ---------------------------------------------------------------- schedules


@checked_by(_of_numbers)
def constant(step, weight=1.0):
    """The same weight at every step: 1 is the plain VAE, another value the beta-VAE.

    Args:
        step: steps done so far, a number or an array.
        weight: not negative.

    Returns:
        The weight, of the shape of `step`.

    Raises:
        TypeError: an argument is no number.
        ValueError: one is not finite; the weight is negative.
    """
    if not weight >= 0:
        raise ValueError(f"weight must not be negative, got {weight}")
    return np.full_like(step, weight, dtype=float)[()]


@checked_by(_of_numbers)
def linear(step, length):
    """From 0 in a straight line to 1: weight = step / length, and 1 from `length` on.

    Args:
        step: steps done so far, a number or an array.
        length: steps until the weight is 1.

    Returns:
        The weight, of the shape of `step`.

    Raises:
        TypeError: an argument is no number.
        ValueError: one is not finite; the length is not positive.
    """
    if not length > 0:
        raise ValueError(f"length must be above 0, got {length}")
    return np.clip(np.divide(step, length), 0, 1)


@checked_by(_of_numbers)
def logistic(step, midpoint, width, highest=1.0):
    """A smooth switch: weight = highest * sigmoid((step - midpoint) / width).

    Caveat: at step 0 the weight is not 0, and `highest` is approached but never reached; within
    4 widths of the midpoint it goes from 2 to 98 per cent.

    Args:
        step: steps done so far, a number or an array.
        midpoint: the step at which the weight is highest / 2.
        width: steps in which the exponent moves by 1.
        highest: the limit of the weight.

    Returns:
        The weight, of the shape of `step`.

    Raises:
        TypeError: an argument is no number.
        ValueError: one is not finite; the width is not positive, or `highest` is negative.
    """
    if not width > 0:
        raise ValueError(f"width must be above 0, got {width}")
    if not highest >= 0:
        raise ValueError(f"highest must not be negative, got {highest}")
    return highest * (0.5 + 0.5 * np.tanh(0.5 * (np.asarray(step) - midpoint) / width))


@checked_by(_of_numbers)
def cyclical(step, period, rise=0.5):
    """Linear warm-ups one after the other: in each period 0 to 1, then 1 until the next begins.

    weight = min(1, (step mod period) / (rise * period))

    Args:
        step: steps done so far, a number or an array.
        period: steps from one start to the next. At the end of training let a period end, or the
            last weights were trained at a reduced price.
        rise: the share of a period that the climb takes, above 0 and at most 1.

    Returns:
        The weight, of the shape of `step`.

    Raises:
        TypeError: an argument is no number.
        ValueError: one is not finite; the period is not positive, or `rise` lies outside (0, 1].
    """
    if not period > 0:
        raise ValueError(f"period must be above 0, got {period}")
    if not 0 < rise <= 1:
        raise ValueError(f"rise must be above 0 and at most 1, got {rise}")
    return np.minimum(1, np.mod(step, period) / (rise * period))


class KLAnnealing(keras.callbacks.Callback):
    """Move `kl_weight` of a `VAE` along a schedule while `fit` runs.

    Before each batch the weight becomes schedule(t), where t is the epochs done so far: 0 before
    the first batch, 2.25 a quarter through the third epoch. The weight that an epoch ended with
    stands in the history as `kl_weight`, and the model keeps the last one.

    Caveat: `loss` and `val_loss` are then taken at the weight of the moment. To compare runs or
    epochs add up `val_reconstruction_loss` and `val_kl_loss`, which is always the negative ELBO.
    A model compiled with `steps_per_execution=s` shows itself at every s-th batch only, and the
    weight moves as seldom.

    Args:
        schedule: a function of t, such as `lambda t: linear(t, 10)`.
        every: "batch", or "epoch" to move only where an epoch begins, so that t is whole.

    Raises:
        TypeError: the schedule is no function, or what is trained has no `kl_weight`; or, in
            training, the schedule gives no number.
        ValueError: `every` is neither; or, in training, the schedule gives a negative or infinite
            weight or NaN, or `fit` does not know how many batches an epoch has.
    """

    @checked_by(_of_one_weight)
    def __init__(self, schedule, every="batch"):
        """Remember the schedule; `fit` calls the other methods."""
        super().__init__()
        if every not in ("batch", "epoch"):
            raise ValueError(f'every must be "batch" or "epoch", got {every!r}')
        self.schedule = schedule
        self.every = every

    def set_model(self, model):
        """Keras tells whose training it is."""
        if not hasattr(model, "kl_weight"):
            raise TypeError(f"KLAnnealing moves the kl_weight of a VAE, and {model!r} has none.")
        super().set_model(model)

    def on_epoch_begin(self, epoch, logs=None):
        """Set the weight that the epoch starts with."""
        self.epoch = epoch
        self.set_weight(epoch)

    def on_train_batch_begin(self, batch, logs=None):
        """Set the weight of a batch."""
        if self.every == "batch":
            batches = self.params["steps"]
            if not batches:
                raise ValueError('fit does not know its batches: give steps_per_epoch, or "epoch"')
            self.set_weight(self.epoch + batch / batches)

    def on_epoch_end(self, epoch, logs=None):
        """Write the weight into the history."""
        if logs is not None:
            logs["kl_weight"] = float(self.model.kl_weight)

    def set_weight(self, epochs_done):
        """Give the model the schedule's weight."""
        weight = float(self.schedule(epochs_done))
        if not 0 <= weight < np.inf:
            raise ValueError(f"the schedule gave {weight} after {epochs_done:g} epochs")
        self.model.kl_weight.assign(weight)


@one_number("floor", least=0)
@tensors("z_mean", "z_log_var")
@inputs.same_shape("z_mean", "z_log_var")
def free_bits_kl(z_mean, z_log_var, floor):
    """The KL of a batch with a minimum charge for each latent dimension, in nats.

    sum_j max(floor, mean over the batch of KL_j)

    Below the floor a dimension has no gradient: it gains nothing by saying less, so nothing
    pushes it to the prior.

    Args:
        z_mean, z_log_var: shape (n, n_latent).
        floor: nats that each dimension may carry for one price.

    Returns:
        One number for the batch, at least n_latent * floor.
    """
    kl = ops.mean(gaussian_kl(z_mean[..., None], z_log_var[..., None]), axis=0)
    return ops.sum(ops.maximum(kl, floor))


@keras.saving.register_keras_serializable("helpers")
class FreeBitsVAE(VAE):
    """A `VAE` that pays for its code by `free_bits_kl`, in training and in the reported `loss`.

    The reported `kl_loss` is the true KL, so reconstruction_loss + kl_loss is the negative ELBO.
    The floor is one for the whole batch: `loss` depends a little on how batches divide the images.

    Args:
        encoder, decoder, reconstruction_loss, seed: as for `VAE`.
        floor: nats for each latent dimension, not negative; 0 is the plain `VAE`.

    Raises:
        ValueError: the floor is negative.
    """

    @one_number("floor", least=0)
    def __init__(self, *args, floor, **kwargs):
        """Assemble the parts; see the class."""
        super().__init__(*args, **kwargs)
        if not floor >= 0:
            raise ValueError(f"floor must not be negative, got {floor}")
        self.floor = floor

    @with_losses_of_parts
    def losses_per_image(self, x, training=False):
        """Loss, reconstruction loss and KL of each image, nats; the floored KL is in the loss."""
        z_mean, z_log_var = self.encoder(x, training=training)
        epsilon = keras.random.normal(ops.shape(z_mean), seed=self.noise)
        z = sample_latent(z_mean, z_log_var, epsilon)
        reconstruction = self.reconstruction_loss(x, self.decoder(z, training=training))
        kl, charged = gaussian_kl(z_mean, z_log_var), free_bits_kl(z_mean, z_log_var, self.floor)
        return reconstruction + self.kl_weight * charged, reconstruction, kl

    def get_config(self):
        """What `from_config` needs to make such a model anew; Keras adds the weights."""
        return super().get_config() | {"floor": self.floor}
