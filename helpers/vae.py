"""The variational autoencoder: its two loss terms, and one Keras model that assembles them.

x is an image in [0, 1], z its latent code, q(z|x) = N(z_mean, exp(z_log_var)) the encoder's
distribution, p(z) = N(0, I) the prior. Terms are summed over pixels or over latent dimensions, one
number per image, in nats.

References:
    Kingma and Welling (2014), Auto-encoding variational Bayes: eq. 7 and appendix B.
    Rezende, Mohamed and Wierstra (2014), Stochastic backpropagation.
    Burda, Grosse and Salakhutdinov (2016), Importance weighted autoencoders: section 3.
"""

import functools
import math

import numpy as np

from helpers import inputs
from helpers.batches import as_tensor, by_name, fit_arguments, pictures, refuse_weights
from helpers.networks import (
    checked_by,
    compiled_with,
    follow_frozen_parts,
    is_symbolic,
    last_activation,
    require_models,
    seed_or_none,
    shape_of,
    sizes,
    tensors,
)
from helpers.runtime import keras, resumable, tf

layers, ops = keras.layers, keras.ops


# ---------------------------------------------------------------- around the taught code


def _grey_levels(given):
    """What a reconstruction loss is given: x in [0, 1]. In a graph `fit` has looked at it."""
    x = given["x"]
    if is_symbolic(x):
        return
    values = inputs.numbers_of(x, "x")
    if values.ndim == 0:
        raise ValueError("x has shape (), expected (n, ...), one image a row.")
    inputs.in_range(values, "x", 0, 1)
    given["x"] = x if tf.is_tensor(x) else values


def _cast_to_logits(given):
    """What a reconstruction loss is given at last: x becomes a tensor of the logits' type."""
    given["x"] = ops.cast(given["x"], given["x_logits"].dtype)


def _fitting_parts(given):
    """What `VAE.__init__` is given: encoder, decoder and loss that fit together."""
    require_models(given, "encoder", "decoder")
    encoder, decoder, loss = given["encoder"], given["decoder"], given["reconstruction_loss"]
    if not callable(loss):
        raise TypeError(
            f"reconstruction_loss = {loss!r}: a function of (x, x_logits) is needed, such as "
            "bernoulli_loss."
        )
    given["seed"] = seed_or_none(given["seed"])
    x, codes = shape_of(encoder, "input"), shape_of(encoder, "output")
    z, x_logits = shape_of(decoder, "input"), shape_of(decoder, "output")
    if codes is not None and not (isinstance(codes, list) and len(codes) == 2):
        raise ValueError(
            f"encoder has outputs of shape {codes}: a pair is needed, (z_mean, z_log_var)."
        )
    if codes is not None and codes[0] != codes[1]:
        raise ValueError(f"encoder's z_mean has shape {codes[0]} and z_log_var {codes[1]}.")
    if None not in (codes, z) and codes[0] != z:
        raise ValueError(
            f"decoder takes codes of shape {z}, the encoder's have {codes[0]}: make both with "
            "one n_latent."
        )
    if None not in (x, x_logits) and x != x_logits:
        raise ValueError(
            f"decoder draws pictures of shape {x_logits}, the encoder takes {x}: end it with "
            f"keras.layers.Reshape({x})."
        )
    if loss in LOSSES_OF_LOGITS and last_activation(decoder) in ("sigmoid", "softmax"):
        raise ValueError(
            f"decoder ends in a {last_activation(decoder)}, and {loss.__name__} takes logits: "
            "leave the activation of its last layer out."
        )


def _one_loss_an_image(given):
    """What `VAE.compile` is given: a VAE whose reconstruction loss is one number for each image."""
    vae = given["self"]
    shape = shape_of(vae.encoder, "input")
    if shape is not None and None not in shape:
        two = ops.zeros((2, *shape))
        found = tuple(vae.reconstruction_loss(two, two).shape)
        if found != (2,):
            raise ValueError(
                f"reconstruction_loss gave shape {found} for 2 images, expected (2,): sum over all "
                "axes but the first."
            )


def with_losses_of_parts(method):
    """A decorator around `losses_per_image`: the parts' own losses are part of the loss.

    These are Keras's regularisers, and what a layer gives to `add_loss`.

    Args:
        method: `losses_per_image`.

    Returns:
        The method; where no part has a loss of its own it does what it did.
    """

    @functools.wraps(method)
    def added(self, x, training=False):
        loss, reconstruction, kl = method(self, x, training)
        return loss + sum(self.losses) if self.losses else loss, reconstruction, kl

    return added


# ---------------------------------------------------------------- the terms of the loss


@tensors("z_mean", "z_log_var", axes=1)
@inputs.same_shape("z_mean", "z_log_var")
def gaussian_kl(z_mean, z_log_var):
    """KL divergence of N(z_mean, exp(z_log_var)) from the standard normal, in nats per image.

    KL = 1/2 sum_j (exp(z_log_var_j) + z_mean_j^2 - 1 - z_log_var_j)

    Args:
        z_mean: shape (n, n_latent).
        z_log_var: the logarithm of the variance, same shape.

    Returns:
        shape (n,); zero exactly where the mean is 0 and the variance 1, else positive.
    """
    return 0.5 * ops.sum(ops.exp(z_log_var) + ops.square(z_mean) - 1 - z_log_var, axis=-1)


@tensors("z_mean", "z_log_var", "epsilon")
@inputs.same_shape("z_mean", "z_log_var", "epsilon")
def sample_latent(z_mean, z_log_var, epsilon):
    """Turn standard normal noise into a draw from q(z|x): z = mean + standard deviation * epsilon.

    The draw is a smooth function of the mean and the variance, so gradients pass through it.

    Args:
        z_mean, z_log_var: shape (n, n_latent).
        epsilon: standard normal draws, same shape.

    Returns:
        z, same shape.
    """
    return z_mean + ops.exp(0.5 * z_log_var) * epsilon


@tensors("log_weights", axes=1)
def importance_weighted_bound(log_weights):
    """A lower bound on log p(x) from k draws of the latent code, in nats per image.

    L_k = log(1/k sum_i w_i),  log w_i = log p(x, z_i) - log q(z_i|x),  z_i ~ q(z|x)

    Its expectation is the ELBO at k = 1, never falls as k grows, and tends to log p(x) if q has
    mass wherever the posterior does. It is taken from the logarithms, without under- or overflow.

    Args:
        log_weights: shape (..., k), k draws for each image.

    Returns:
        shape (...); average it over images.

    It is a bound in expectation only: a single value may lie above log p(x). A part of the
    posterior that no draw reaches is missing from it, however small its spread.
    """
    return ops.logsumexp(log_weights, axis=-1) - math.log(log_weights.shape[-1])


@keras.saving.register_keras_serializable("helpers")
@checked_by(_grey_levels)
@inputs.same_shape("x", "x_logits")
@tensors("x_logits")
@checked_by(_cast_to_logits)
def squared_error(x, x_logits):
    """Sum over pixels of (x - sigmoid(x_logits))^2, one number per image.

    It is -log p(x|z) of a Gaussian with variance 1/2 in every pixel, up to the constant
    n_pixels / 2 * log(pi), and 784 times the mean squared error of a 28 x 28 image.

    Args:
        x: images in [0, 1], shape (n, ...).
        x_logits: the decoder's output before the sigmoid, same shape.

    Returns:
        shape (n,).
    """
    return ops.sum(ops.square(x - ops.sigmoid(x_logits)), axis=tuple(range(1, len(x.shape))))


@keras.saving.register_keras_serializable("helpers")
@checked_by(_grey_levels)
@inputs.same_shape("x", "x_logits")
@tensors("x_logits")
@checked_by(_cast_to_logits)
def bernoulli_loss(x, x_logits):
    """-log p(x|z) of independent binary pixels, one number per image, in nats.

    sum_i log(1 + exp(x_logits_i)) - x_i x_logits_i, with p(x_i = 1|z) = sigmoid(x_logits_i)

    Taken from the logits it neither overflows nor needs clipped probabilities.

    Args:
        x: binary images, shape (n, ...). Caveat: for grey levels it is a usual loss, but it is
            not the likelihood of anything, and no bound in nats follows from it.
        x_logits: the decoder's output before the sigmoid, same shape.

    Returns:
        shape (n,).
    """
    cross_entropy = ops.softplus(x_logits) - x * x_logits
    return ops.sum(cross_entropy, axis=tuple(range(1, len(x.shape))))


LOSSES_OF_LOGITS = (squared_error, bernoulli_loss)
bernoulli_loss.is_likelihood = True  # minus the logarithm of one, in nats, with its constants


def require_likelihood(vae):
    """Raise an error unless a VAE's reconstruction loss is marked as -log p(x|z) in nats.

    Args:
        vae: a `VAE`.

    Raises:
        TypeError: it is none.
        ValueError: its loss is not marked.
    """
    if not isinstance(vae, keras.Model) or not hasattr(vae, "reconstruction_loss"):
        raise TypeError(f"vae = {vae!r}: a VAE is needed.")
    loss = vae.reconstruction_loss
    if not getattr(loss, "is_likelihood", False):
        name = getattr(loss, "__name__", loss)
        raise ValueError(
            f"vae was made with {name}, which is not marked as -log p(x|z) in nats: use "
            "bernoulli_loss, or mark a loss of your own that is one, loss.is_likelihood = True."
        )


def images_of_likelihood(vae, data, name):
    """Images, or batches of them, as a VAE takes them: binary ones for `bernoulli_loss`.

    Args:
        vae: a `VAE`.
        data: images, or a `tf.data.Dataset` of batches, whose values are not looked at.
        name: of the argument, for the error.

    Returns:
        The images as float32, or the dataset as it is.

    Raises:
        TypeError, ValueError: as for the VAE's own `fit`; grey levels for `bernoulli_loss`.
    """
    x = vae.checked_images(data, name)
    binary = vae.reconstruction_loss is bernoulli_loss and not isinstance(x, tf.data.Dataset)
    if binary and not np.isin(x, (0, 1)).all():
        raise ValueError(
            f"{name} holds grey levels, and bernoulli_loss is the likelihood of binary pixels "
            "only: binarise it first, such as by binarise_by_sampling."
        )
    return x


def of_a_likelihood(given):
    """What a function of (vae, x, n_draws) is given: a likelihood, and images that fit it.

    Args:
        given: the arguments by name.

    Raises:
        TypeError, ValueError: an argument does not fit.
    """
    require_likelihood(given["vae"])
    given["x"] = images_of_likelihood(given["vae"], given["x"], "x")
    if isinstance(given["x"], tf.data.Dataset):
        raise TypeError("x is a tf.data.Dataset: an array of images is needed here.")
    given["n_draws"] = inputs.whole_number(given["n_draws"], "n_draws", least=1)


@checked_by(of_a_likelihood)
def log_importance_weights(vae, x, n_draws):
    """log p(x, z) - log q(z|x) for several draws of each image's code, in nats.

    With z = z_mean + exp(z_log_var / 2) epsilon the constants of the two normal densities cancel:
    log p(z) - log q(z|x) = 1/2 sum_j (epsilon_j^2 - z_j^2 + z_log_var_j).

    Args:
        vae: a `VAE` whose reconstruction loss is -log p(x|z): `bernoulli_loss`, or one of your
            own that you marked by `loss.is_likelihood = True`.
        x: images, shape (n, ...), binary for `bernoulli_loss`; 100 images and 500
            draws take about 0.5 GB.
        n_draws: draws for each image.

    Returns:
        shape (n, n_draws); `importance_weighted_bound` makes a bound on log p(x) of them, and
        their mean over the draws estimates the ELBO.

    Raises:
        TypeError: `vae` is no VAE, or an argument holds no numbers.
        ValueError: the loss is not marked as a likelihood, or the images do not fit it.
    """
    z_mean, z_log_var = (ops.repeat(part, n_draws, axis=0) for part in vae.encoder(x))
    epsilon = keras.random.normal(ops.shape(z_mean), seed=vae.noise)
    z = sample_latent(z_mean, z_log_var, epsilon)
    prior_over_q = 0.5 * ops.sum(ops.square(epsilon) - ops.square(z) + z_log_var, axis=-1)
    log_likelihood = -vae.reconstruction_loss(ops.repeat(x, n_draws, axis=0), vae.decoder(z))
    return ops.reshape(log_likelihood + prior_over_q, (-1, n_draws))


def active_units(z_mean, threshold=0.01):
    """How many latent dimensions say anything: their mean code differs from image to image.

    A dimension is active if the variance of z_mean over the images is above the threshold.

    Args:
        z_mean: the encoder's mean codes of many images, shape (n, n_latent).
        threshold: of the variance; 0.01 is the usual one (Burda et al. 2016, section 5.2).

    Returns:
        A whole number from 0 to n_latent.

    Raises:
        TypeError: the codes or the threshold are no numbers.
        ValueError: there are fewer than two images, or these are no codes, such as the pair
            (z_mean, z_log_var).
    """
    if isinstance(z_mean, list | tuple) and len(z_mean) == 2 and hasattr(z_mean[0], "shape"):
        raise ValueError("z_mean is a pair: give the mean codes only, encoder(x)[0].")
    inputs.rows(z_mean, "z_mean", least=2)
    threshold = inputs.real_number(threshold, "threshold", least=0)
    z_mean = z_mean if tf.is_tensor(z_mean) else _floats(z_mean)
    return int(ops.sum(ops.var(z_mean, axis=0) > threshold))


def _floats(x):
    x = np.asarray(x)
    return x if x.dtype.kind == "f" else x.astype(np.float64)


@resumable
class VAE(keras.Model):
    """An encoder and a decoder trained on reconstruction_loss + kl_weight * kl_loss.

    Calling the model, or `predict`, reconstructs images through the mean code, without noise.

    Args:
        encoder: a Keras model from images to the pair (z_mean, z_log_var).
        decoder: a Keras model from z to x_logits, of the images' shape.
        reconstruction_loss: a function of (x, x_logits) that returns nats per image.
        seed: of the noise that `fit` and `evaluate` draw.

    Attributes:
        kl_weight: a variable, 1 at first; `vae.kl_weight.assign(0.5)` takes effect at the next
            batch. Only with weight 1 is the loss a negative ELBO.

    It is saved and loaded with Keras's own `save` and `load_model`. The KL weight, the optimiser
    and all random states are in the file, so a loaded model trains on as the saved one would have
    (with `shuffled_batches(..., first_epoch=...)` on the same batches too). A reconstruction loss
    of your own must be registered with Keras for that.

    The reported `loss`, `reconstruction_loss` and `kl_loss` are means over all images of an epoch,
    however the batches divide them. Regularisers and `add_loss` of the parts are in `loss`. Labels
    are not used. Images are looked at once in a call: floats in the range of the loss, in the
    encoder's shape, or flat for one of shape (height, width); 0 and 1 may be whole numbers.

    Raises:
        TypeError, ValueError: parts, images or options that do not fit, each in the call that
            takes it, or that the training would leave out: losses and metrics given to `compile`,
            weights of samples or classes, layers that do not compute in float32.
    """

    @checked_by(_fitting_parts)
    def __init__(self, encoder, decoder, reconstruction_loss=squared_error, seed=None, **kwargs):
        """Assemble the parts; see the class."""
        super().__init__(**kwargs)
        self.encoder = encoder
        self.decoder = decoder
        self.reconstruction_loss = reconstruction_loss
        self.kl_weight = keras.Variable(1.0, trainable=False, name="kl_weight")
        self.noise = keras.random.SeedGenerator(seed)
        names = ("loss", "reconstruction_loss", "kl_loss")
        self.averages = [keras.metrics.Mean(name) for name in names]
        self.built = True  # because its parts are

    @compiled_with("optimizer")
    @checked_by(_one_loss_an_image)
    def compile(self, optimizer, **kwargs):
        """Choose the optimiser; its variables are made here, and a step is then traced once."""
        super().compile(optimizer, **kwargs)
        self.optimizer.build(self.trainable_variables)

    def call(self, x, training=False):
        """Reconstruct images through the mean code: grey levels, shape as `x`."""
        z_mean, _ = self.encoder(x, training=training)
        return ops.sigmoid(self.decoder(z_mean, training=training))

    @with_losses_of_parts
    def losses_per_image(self, x, training=False):
        """Loss, reconstruction loss and KL of each image, nats, with one draw of z for each."""
        z_mean, z_log_var = self.encoder(x, training=training)
        epsilon = keras.random.normal(ops.shape(z_mean), seed=self.noise)
        z = sample_latent(z_mean, z_log_var, epsilon)
        reconstruction = self.reconstruction_loss(x, self.decoder(z, training=training))
        kl = gaussian_kl(z_mean, z_log_var)
        return reconstruction + self.kl_weight * kl, reconstruction, kl

    def train_step(self, data):
        """One step of the optimiser on a batch; labels, if there are any, are not used."""
        x, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        with tf.GradientTape() as tape:
            losses = self.losses_per_image(x, training=True)
            loss = ops.mean(losses[0])
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply(gradients, self.trainable_variables)
        return self.report(losses)

    def test_step(self, data):
        """The losses of a batch."""
        x, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        return self.report(self.losses_per_image(x))

    def report(self, losses):
        """Take a batch into the running means over images, and return these."""
        for average, loss in zip(self.averages, losses, strict=True):
            average.update_state(loss)
        return {average.name: average.result() for average in self.averages}

    def fit(self, *args, **kwargs):
        """Keras's `fit`; see the class for what the images must be."""
        given = fit_arguments(args, kwargs, self.checked_images)
        if self.compiled:
            follow_frozen_parts(self, [(self.optimizer, self)])
        return super().fit(**given)

    def __call__(self, x, *args, **kwargs):
        """Keras's call; see the class for what the images must be."""
        return super().__call__(as_tensor(x, "x", self.checked_images), *args, **kwargs)

    def evaluate(self, *args, **kwargs):
        """Keras's `evaluate`; see the class for what the images must be."""
        if kwargs.get("_use_cached_eval_dataset"):  # within `fit`, which has looked at them
            return super().evaluate(*args, **kwargs)
        return super().evaluate(**self.checked_arguments(keras.Model.evaluate, args, kwargs))

    def predict(self, *args, **kwargs):
        """Keras's `predict`; see the class for what the images must be."""
        return super().predict(**self.checked_arguments(keras.Model.predict, args, kwargs))

    def train_on_batch(self, *args, **kwargs):
        """Keras's `train_on_batch`; see the class for what the images must be."""
        given = self.checked_arguments(keras.Model.train_on_batch, args, kwargs, batch=True)
        if self.compiled:
            follow_frozen_parts(self, [(self.optimizer, self)])
        return super().train_on_batch(**given)

    def test_on_batch(self, *args, **kwargs):
        """Keras's `test_on_batch`; see the class for what the images must be."""
        given = self.checked_arguments(keras.Model.test_on_batch, args, kwargs, batch=True)
        return super().test_on_batch(**given)

    def predict_on_batch(self, x):
        """Keras's `predict_on_batch`; see the class for what the images must be."""
        return super().predict_on_batch(as_tensor(x, "x", self.checked_images))

    def checked_arguments(self, method, args, kwargs, batch=False):
        """The arguments of a method of Keras by name, with images as the encoder takes them."""
        given, check = by_name(method, args, kwargs), self.checked_images
        refuse_weights(given)
        x = given.get("x")
        return given | {"x": as_tensor(x, "x", check) if batch else check(x, "x")}

    def checked_images(self, data, name):
        """Images or batches of them as the encoder takes them; see `helpers.batches.pictures`."""
        shape = shape_of(self.encoder, "input")
        drawn = self.reconstruction_loss in LOSSES_OF_LOGITS or shape is None or len(shape) > 1
        return pictures(data, name, shape, *((0, 1) if drawn else (None, None)))

    def get_config(self):
        """What `from_config` needs to make such a model anew; Keras adds the weights."""
        parts = {
            name: getattr(self, name) for name in ("encoder", "decoder", "reconstruction_loss")
        }
        config = {name: keras.saving.serialize_keras_object(part) for name, part in parts.items()}
        return config | {"seed": self.noise.get_config()["seed"], "name": self.name}


@sizes("n_latent", "hidden_units")
def dense_encoder(n_latent, hidden_units=256):
    """One hidden layer from a 28 x 28 image to the mean and log-variance of q(z|x)."""
    x = keras.Input((28, 28))
    hidden = keras.layers.Flatten()(x)
    hidden = keras.layers.Dense(hidden_units, activation="relu")(hidden)
    z_mean = keras.layers.Dense(n_latent, name="z_mean")(hidden)
    z_log_var = keras.layers.Dense(n_latent, name="z_log_var")(hidden)
    return keras.Model(x, [z_mean, z_log_var], name="encoder")


@sizes("n_latent", "hidden_units")
def dense_decoder(n_latent, hidden_units=256):
    """One hidden layer from a latent code to the logits of a 28 x 28 image."""
    z = keras.Input((n_latent,))
    hidden = keras.layers.Dense(hidden_units, activation="relu")(z)
    x_logits = keras.layers.Dense(28 * 28)(hidden)
    return keras.Model(z, keras.layers.Reshape((28, 28))(x_logits), name="decoder")


@sizes("n_latent", lists=("layers",))
def deep_encoder(n_latent, layers):
    """Several hidden layers, with SiLU, from a 28 x 28 image to mean and log-variance of q(z|x).

    Args:
        n_latent: numbers in a latent code.
        layers: units of each hidden layer, from the image on, such as [200, 200].

    Returns:
        A Keras model: images of shape (n, 28, 28) to two arrays of shape (n, n_latent).
    """
    x = keras.Input((28, 28))
    hidden = keras.layers.Flatten()(x)
    for units in layers:
        hidden = keras.layers.Dense(units, activation="silu")(hidden)
    return keras.Model(x, [keras.layers.Dense(n_latent)(hidden) for _ in range(2)])


@sizes("n_latent", lists=("layers",))
def deep_decoder(n_latent, layers):
    """The mirror of `deep_encoder`: the same layers, reversed, from a code to 28 x 28 logits."""
    z = hidden = keras.Input((n_latent,))
    for units in reversed(layers):
        hidden = keras.layers.Dense(units, activation="silu")(hidden)
    x_logits = keras.layers.Dense(28 * 28)(hidden)
    return keras.Model(z, keras.layers.Reshape((28, 28))(x_logits))


@sizes("n_latent", "bottleneck", lists=("filters",), shares=("hidden_share",))
def conv_encoder(n_latent, bottleneck=16, filters=(32, 64), activation="relu", hidden_share=0):
    """Two convolutions with stride 2, and a dense layer, from a 28 x 28 image to q(z|x).

    Args:
        n_latent: numbers in a latent code.
        bottleneck: units of the dense layer before the code.
        filters: of each convolution; the picture halves its side at each.
        activation: of all hidden layers, as Keras names it.
        hidden_share: of the pixels, hidden from it in training, from 0 on, below 1.

    Returns:
        A Keras model: images of shape (n, 28, 28) to two arrays of shape (n, n_latent).
    """
    x = keras.Input((28, 28))
    hidden = layers.Dropout(hidden_share)(layers.Reshape((28, 28, 1))(x))
    for n in filters:
        hidden = layers.Conv2D(n, 3, strides=2, padding="same", activation=activation)(hidden)
    hidden = layers.Flatten()(hidden)
    hidden = layers.Dense(bottleneck, activation=activation, name="bottleneck")(hidden)
    z_mean = layers.Dense(n_latent, name="z_mean")(hidden)
    z_log_var = layers.Dense(n_latent, name="z_log_var")(hidden)
    return keras.Model(x, [z_mean, z_log_var], name="encoder")


@sizes("n_latent", lists=("before", "filters"))
def conv_decoder(n_latent, before=(), filters=(64, 32), activation="relu"):
    """Dense layers and two transposed convolutions, from a code to the logits of an image.

    Args:
        n_latent: numbers in a latent code.
        before: units of dense layers before the first picture of 7 x 7.
        filters: of each transposed convolution; two of them, as 7 is doubled to 28.
        activation: of all hidden layers, as Keras names it.

    Returns:
        A Keras model: codes of shape (n, n_latent) to logits of shape (n, 28, 28).
    """
    z = hidden = keras.Input((n_latent,))
    for units in (*before, 7 * 7 * filters[0]):
        hidden = layers.Dense(units, activation=activation)(hidden)
    hidden = layers.Reshape((7, 7, filters[0]))(hidden)
    for n in filters:
        convolution = layers.Conv2DTranspose(n, 3, 2, padding="same", activation=activation)
        hidden = convolution(hidden)
    x_logits = layers.Conv2DTranspose(1, 3, padding="same")(hidden)
    return keras.Model(z, layers.Reshape((28, 28))(x_logits), name="decoder")
