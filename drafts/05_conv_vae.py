# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#       jupytext_version: 1.19.6
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 05 · Train a convolutional VAE and walk through its latent space
#
# A dense network does not know which pixels are neighbours. What does a VAE gain from knowing it? And what do its eight or sixteen numbers mean, one by one?
#
# **You will** rebuild three published convolutional VAEs, see the best known of them fail on few images, mend it, and then explore what it has learned.
#
# **You will learn**
# - what strides, pooling, transposed convolutions and resizing do to a picture, and where checkerboards come from;
# - how to tell *why* a VAE does not train, layer by layer;
# - how to look into a latent space that is too large for a plane.
#
# **You need** [notebook 04](04_dense_vae.ipynb), and about a minute and a half on two processor cores.
#
# ## Setup

# %%
from helpers.runtime import EpochProgress, set_seed  # first: starts TensorFlow quietly

import time

import keras
import numpy as np
from keras import layers, ops
from matplotlib import pyplot as plt

from helpers import plotting
from helpers.checks import check, check_exercise, use_edition
from helpers.data import load_digits
from helpers.vae import VAE, active_units, dense_decoder, dense_encoder, gaussian_kl, squared_error

# %% [markdown]
# ## Parameters
#
# The sample edition's values. A convolutional network is slow on a processor without a graphics card, so this edition trains for a few epochs only: its losses are far from final, and are used only to compare networks with each other. The full edition, `make full`, trains on 10,000 images for 30 epochs, as the published network was.

# %% tags=["parameters"]
edition = "sample"  # whose expected values the checks compare with: "sample" or "full"
dataset = "sample"  # "sample": 5,000 bundled digits; "mnist": all 70,000
train_images = 4000  # how many training digits to use: the first ones
test_images = 1000  # how many test digits to use: the first ones
latent_sizes = [2, 8, 16]  # numbers in a latent code; the pictures need 2 and at least one more
filters = [16, 32]  # stencils of the two convolutions, in the improved network
bottleneck = 128  # units between the convolutions and the code, in the improved network
published_epochs = 4  # for the published network, at its own settings
hurried_epochs = 3  # for the published network in a hurry, and for its cure
epochs = 6  # for the improved network, for each latent size
batch_size = 32  # digits for one step, in the improved network and the variants
learning_rate = 0.003  # of Adam at the start, in the improved network; it falls to 0
dense_epochs = 30  # for the dense networks of equal latent size
variant_epochs = 2  # for each variant of the architecture
manifold_steps = 20  # pictures along each side of the latent plane; the published one has 30
image_counts = [1000]  # further training set sizes to try, with an equal number of steps
seed = 0  # of the initial weights, the shuffling and the noise

# %% tags=["nbval-check-output"]
use_edition(edition)
set_seed(seed)
digits = load_digits(dataset)
x_train, x_test = digits.x_train[:train_images], digits.x_test[:test_images]
y_test = digits.y_test[:test_images]
if 2 not in latent_sizes or max(latent_sizes) < 8:
    raise ValueError(f"latent_sizes must hold 2, and one of 8 or more, got {latent_sizes}")
print("training", x_train.shape, "testing", x_test.shape)

# %% [markdown]
# ## The idea: one small stencil for the whole picture
#
# A stroke looks the same wherever it stands. A **convolution** uses this: one small stencil of weights, 3 by 3 pixels, slides over the picture and answers at each place how well it fits. With *stride* 2 it looks at every second place only, and the picture halves its side: 28 → 14 → 7. *Pooling* reaches the same size in another way: look everywhere, then keep the largest of each 2 by 2 answers.
#
# A decoder has to go up again. A **transposed convolution** with stride 2 stamps its stencil onto every second pixel of a picture of twice the side, and where stamps overlap they add up. The alternative is to **resize** the picture first, each pixel becoming a block of four, and then to convolve as usual. The difference can be computed without any training: give every stencil the weight 1, the input the value 1, and look how much paint each pixel gets.

# %%
page = np.ones((1, 14, 14, 1), np.float32)
paint = {}
for size in (3, 4):
    stamp = layers.Conv2DTranspose(1, size, strides=2, padding="same", kernel_initializer="ones")
    paint[f"transposed, {size} by {size}"] = np.asarray(stamp(page))[0, 8:20, 8:20, 0]
stencil = layers.Conv2D(1, 3, padding="same", kernel_initializer="ones")
resized = layers.UpSampling2D(2)(page)
paint["resized, 3 by 3"] = np.asarray(stencil(resized))[0, 8:20, 8:20, 0]

# %%
fig, axes = plt.subplots(1, 3, figsize=(8, 2.7))
for ax, (name, amount) in zip(axes, paint.items(), strict=True):
    ax.imshow(amount / amount.max(), vmin=0, vmax=1.5)
    ax.set(title=name, xticks=[], yticks=[])
    ax.set_xlabel(f"paint from {amount.min():g} to {amount.max():g}")
plotting.show(
    fig,
    "The middle of three pictures that should be even. The transposed convolution with a 3 by 3 "
    "stencil makes a checkerboard of light, middle and dark pixels; the one with a 4 by 4 stencil "
    "and the resized picture are even.",
)

# %% [markdown]
# A 3 by 3 stencil in steps of 2 overlaps itself unevenly: some pixels are painted once, some twice, some four times. A stencil whose side is a multiple of the stride paints evenly, and so does resizing. A network can learn weights that undo the pattern. Whether it does is a question for a measurement, so we need a number.
#
# The pattern changes sign from pixel to pixel: it lives at the highest frequency that a picture can hold, half a cycle a pixel. Take the picture's Fourier transform, and ask which share of its power, the mean grey left out, lies at that frequency, up and down or across:

# %% tags=["local"]
def checkerboard_share(images):
    images = images - np.mean(images, axis=(1, 2), keepdims=True)
    power = np.mean(np.abs(np.fft.fft2(images)) ** 2, axis=0)
    half = power.shape[0] // 2
    return (power[half].sum() + power[:, half].sum() - power[half, half]) / power.sum()


# %% tags=["nbval-check-output"]
rows, columns = np.indices((28, 28))
check("share for a checkerboard", checkerboard_share((rows + columns)[None] % 2), equals=1.0)
slow_wave = np.cos(2 * np.pi * columns / 28)[None]
check("share for one slow wave", checkerboard_share(slow_wave), below=1e-12)
check("share for 3 by 3 stamps", checkerboard_share(paint["transposed, 3 by 3"][None]), above=0.99)
digit_share = checkerboard_share(x_test)
check("share for real digits, per cent", 100 * digit_share, sample=(0.28, 0.05), full=(0.28, 0.05))

# %% [markdown]
# Real digits hardly use that frequency, so whatever a decoder adds there will show.
#
# ## The model
#
# ### The published network
#
# Two convolutions go down, with 32 and 64 stencils; a layer of 16 units sums up what they saw; mean and log-variance follow. The decoder mirrors it with transposed convolutions. We write both with the sizes that we shall want to change as arguments.

# %% tags=["local"]
def conv_encoder(n_latent, bottleneck=16, filters=(32, 64), activation="relu"):
    x = keras.Input((28, 28))
    hidden = layers.Reshape((28, 28, 1))(x)
    for n in filters:
        hidden = layers.Conv2D(n, 3, strides=2, padding="same", activation=activation)(hidden)
    hidden = layers.Flatten()(hidden)
    hidden = layers.Dense(bottleneck, activation=activation, name="bottleneck")(hidden)
    z_mean = layers.Dense(n_latent, name="z_mean")(hidden)
    z_log_var = layers.Dense(n_latent, name="z_log_var")(hidden)
    return keras.Model(x, [z_mean, z_log_var], name="encoder")


# %% tags=["local"]
def conv_decoder(n_latent, before=(), filters=(64, 32), activation="relu"):
    z = hidden = keras.Input((n_latent,))
    for units in (*before, 7 * 7 * filters[0]):
        hidden = layers.Dense(units, activation=activation)(hidden)
    hidden = layers.Reshape((7, 7, filters[0]))(hidden)
    for n in filters:
        convolution = layers.Conv2DTranspose(n, 3, 2, padding="same", activation=activation)
        hidden = convolution(hidden)
    x_logits = layers.Conv2DTranspose(1, 3, padding="same")(hidden)
    return keras.Model(z, layers.Reshape((28, 28))(x_logits), name="decoder")


# %% [markdown]
# The loss, the draw and the training step are those of notebook 04: `VAE` does not care what its two networks are made of. Is this the published network? Its authors' printout gives the number of parameters.

# %% tags=["nbval-check-output"]
encoder, decoder = conv_encoder(2), conv_decoder(2)
check("parameters of the encoder", encoder.count_params(), equals=69_076)
check("parameters of the decoder", decoder.count_params(), equals=65_089)
check("together", encoder.count_params() + decoder.count_params(), equals=134_165)
between = encoder.get_layer("bottleneck").count_params()
check("of them between the convolutions and the 16 units", between, equals=50_192)

# %% [markdown]
# A third of the dense network's number. The convolutions are thrifty; the largest single layer is the dense one that reads $7 \cdot 7 \cdot 64$ numbers into 16.
#
# One function trains any pair of networks, and keeps the history and the seconds. Two more encode and decode many images in parts of a hundred, which saves memory: a convolution's answers are many times larger than the pictures.

# %% tags=["local"]
def train(label, networks, optimizer, epochs, images, batch_size, watch=True, **kwargs):
    vae = VAE(*networks, seed=seed, **kwargs)
    vae.compile(optimizer)
    start = time.monotonic()
    history = vae.fit(
        images,
        validation_data=(x_test,) if watch else None,
        epochs=epochs,
        batch_size=batch_size,
        callbacks=[EpochProgress(f"training {label}, epoch")],
        verbose=0,
    ).history
    return vae, history | {"seconds": time.monotonic() - start}


# %% tags=["local"]
def encode(vae, x):
    parts = [vae.encoder(x[i : i + 100]) for i in range(0, len(x), 100)]
    return [np.concatenate(outputs) for outputs in zip(*parts, strict=True)]


def decode(vae, z):
    return np.concatenate([ops.sigmoid(vae.decoder(z[i : i + 100])) for i in range(0, len(z), 100)])


# %% [markdown]
# ## Train
#
# ### The trap on the way
#
# First the published recipe: the optimiser RMSprop at its default settings, 32 images a step. Expect a loss that falls as in notebook 04.

# %%
set_seed(seed)
published, published_history = train(
    "the published network",
    (conv_encoder(2), conv_decoder(2)),
    keras.optimizers.RMSprop(),
    published_epochs,
    x_train,
    batch_size=32,
)

# %% [markdown]
# It works, as the reconstructions below will show. Now suppose that you are in a hurry, take Adam at a learning rate of 0.003 and steps of 64 images, and have no more than 4,000 digits. Beside it runs the same network with 128 units in place of the 16.

# %%
hurried, hurried_histories = {}, {}
for units in (16, bottleneck):
    set_seed(seed)
    hurried[units], hurried_histories[units] = train(
        f"{units} units in a hurry",
        (conv_encoder(2, units), conv_decoder(2)),
        keras.optimizers.Adam(0.003),
        hurried_epochs,
        x_train[:4000],
        batch_size=64,
    )

# %% [markdown]
# What is the least that a decoder can do without any code? Always answer with the average digit. Its squared error is the sum of the pixels' variances, which we can compute.

# %%
average_digit = x_train[:4000].mean(axis=0)
without_code = np.square(x_test - average_digit).sum(axis=(1, 2)).mean()
largest = {}
for units, vae in hurried.items():
    inside = keras.Model(vae.encoder.input, vae.encoder.get_layer("bottleneck").output)
    answers = [np.max(inside(part), axis=0) for part in np.array_split(x_test, 10)]
    largest[units] = np.max(answers, axis=0)

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(8, 3.1))
series = {f"{units} units": history["val_loss"] for units, history in hurried_histories.items()}
plotting.curves(series, "epoch", "test loss, nats per image", "In a hurry, z = 2", ax=left)
left.axhline(without_code, color="k", linewidth=0.8)
left.text(1, without_code - 0.4, "the average digit", va="top", fontsize=8)
left.xaxis.get_major_locator().set_params(integer=True)
for (units, answers), marker in zip(largest.items(), ("o", "."), strict=True):
    share = np.linspace(0, 100, units)
    right.plot(share, np.sort(answers)[::-1], marker, label=f"{units} units")
right.set(xlabel="unit, sorted, per cent", ylabel="largest answer to any test digit")
right.set_title("Who still answers")
right.legend()
plotting.show(
    fig,
    "Left: the loss with 16 units stays on the line of the average digit, with 128 units it falls "
    "below. Right: of the 16 units all but one or two answer zero to every digit; of the 128 about "
    "one in seven still answers.",
)

# %% [markdown]
# With 16 units the loss sits on the line of the average digit. The curve alone does not say why, so we ask the layers one by one. The latent code: how many of its numbers vary from image to image at all (a variance of the mean code above 0.01; these are the *active units*)? And the layer before it: how many units still answer to any digit? A ReLU unit whose input has become negative for every image gives 0 to all, has no gradient and hardly ever comes back: it is *dead*.

# %% tags=["nbval-check-output"]
check("loss of the average digit, nats", without_code, sample=(54.2, 0.2), full=(53, 1.5))
active, alive, excess = {}, {}, {}
for units, vae in hurried.items():
    active[units] = active_units(encode(vae, x_test)[0])
    alive[units] = int((largest[units] > 0).sum())
    excess[units] = hurried_histories[units]["val_loss"][-1] - without_code
check("16 units: loss above the average digit's, nats", excess[16], above=-0.7)
check("16 units: active latents of 2", active[16], below=2)
check("16 units: units that answer", alive[16], below=5)
check("wide bottleneck: loss above the average digit's, nats", excess[bottleneck], below=-1)
check("wide bottleneck: active latents of 2", active[bottleneck], equals=2)
check("wide bottleneck: units that answer", alive[bottleneck], above=7)

# %% [markdown]
# So it is not the KL's doing, and a gentler KL would not help: the first large steps kill nearly all units of the bottleneck, and what is left cannot carry a picture. The wide layer loses most of its units too, but it has enough to spare. A smaller step helps too (the published recipe survived), and so does an activation that has a gradient everywhere.
#
# ### The improved network at three sizes
#
# From here on the bottleneck is wide and stands on both sides, the activation is SiLU, a smooth relative of the ReLU that cannot die, and Adam's step falls to zero along a cosine. Beside each size runs the dense network of notebook 04 on the same digits, trained as it was there.

# %% tags=["local"]
def improved_networks(n_latent):
    encoder = conv_encoder(n_latent, bottleneck, tuple(filters), "silu")
    return encoder, conv_decoder(n_latent, 2 * (bottleneck,), tuple(filters[::-1]), "silu")


def falling_adam(epochs, n_images):
    steps = epochs * -(-n_images // batch_size)
    return keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(learning_rate, steps))


# %%
models, histories, dense_models, dense_histories = {}, {}, {}, {}
for n in latent_sizes:
    set_seed(seed)
    networks, optimizer = improved_networks(n), falling_adam(epochs, len(x_train))
    run = train(f"convolutional, z = {n}", networks, optimizer, epochs, x_train, batch_size)
    models[n], histories[n] = run
    set_seed(seed)
    networks, optimizer = (dense_encoder(n), dense_decoder(n)), keras.optimizers.Adam(0.001)
    run = train(f"dense, z = {n}", networks, optimizer, dense_epochs, x_train, 128)
    dense_models[n], dense_histories[n] = run

# %% [markdown]
# What to expect: with two latents the code is the limit, whatever the networks; with 8 and 16 the decoder's skill should show.

# %%
fig, axes = plt.subplots(1, len(latent_sizes), figsize=(8, 2.9), sharey=True)
for ax, n_latent in zip(axes, latent_sizes, strict=True):
    for name, runs, style in (("convolutional", histories, "-"), ("dense", dense_histories, "--")):
        losses = runs[n_latent]["val_loss"]
        share = np.linspace(0, 100, len(losses) + 1)[1:]
        ax.plot(share, losses, style, label=f"{name}: {losses[-1]:.1f}")
    ax.set(xlabel="training done, per cent", title=f"z = {n_latent}", ylim=(25, 60))
    ax.grid(alpha=0.25)
    ax.legend()
axes[0].set_ylabel("test loss, nats per image")
plotting.show(
    fig,
    "Three panels with the test loss of the convolutional and of the dense network against the "
    "share of training done, for each latent size. Each time the convolutional one ends lower; with "
    "two latents both stay far above the other sizes.",
)

# %% tags=["nbval-check-output"]
expected = {
    2: {"sample": (43.1, 1.2), "full": (36.0, 0.5)},
    8: {"sample": (33.9, 1.2), "full": (28.5, 1.0)},
    16: {"sample": (34.5, 1.2), "full": (28.5, 1.0)},
}
for n_latent in latent_sizes:
    loss = histories[n_latent]["val_loss"][-1]
    claim = f"convolutional, test loss, z = {n_latent}, nats"
    check(claim, loss, **expected.get(n_latent, {}), n=len(x_test))
    gain = dense_histories[n_latent]["val_loss"][-1] - loss
    check(f"dense minus convolutional, z = {n_latent}, nats", gain, above=0)

# %% [markdown]
# Here are both kinds beside each other, with what they cost. The seconds are this computer's.

# %%
published_row = ("published, 16 units", 2, "134,165", published_history)
rows = [published_row]
for n_latent in latent_sizes:
    encoder, decoder = models[n_latent].encoder, models[n_latent].decoder
    size = f"{encoder.count_params() + decoder.count_params():,}"
    rows.append(("improved", n_latent, size, histories[n_latent]))
    size = f"{404_244 + 770 * (n_latent - 2):,}"
    rows.append(("dense", n_latent, size, dense_histories[n_latent]))
plotting.table(
    ["network", "latents", "parameters", "epochs", "seconds", "squared error", "KL", "test loss"],
    [
        (
            *(name, n_latent, size, len(run["loss"]), f"{run['seconds']:.0f}"),
            *(f"{run[f'val_{k}'][-1]:.1f}" for k in ("reconstruction_loss", "kl_loss", "loss")),
        )
        for name, n_latent, size, run in rows
    ],
)

# %% [markdown]
# At every size the convolutional network ends with the lower loss, after far fewer epochs. But an epoch costs it more time, and it has not fewer parameters: two wide dense layers around the convolutions hold most of them. And what limits the code limits both: no decoder makes two latents as good as eight.
#
# The full edition trains the published network at its own settings, and checks its losses against the published printout: 38.85 at its best epoch and 40.31 at the last.

# %% tags=["nbval-check-output"]
losses = published_history["val_loss"]
check("published network: best loss, nats", min(losses), sample=(46.4, 2), full=(38.6, 0.5))
check("published network: last loss, nats", losses[-1], sample=(46.4, 2), full=(39.0, 0.6))

# %% [markdown]
# ### How many images does it take?
#
# The same network again, from the same start and with the same number of steps, but from fewer or more digits. Fewer digits are then seen more often.

# %%
size = 8 if 8 in latent_sizes else max(latent_sizes)
by_count = {len(x_train): histories[size]}
for count in image_counts:
    images = digits.x_train[:count]
    count_epochs = round(epochs * len(x_train) / len(images))
    set_seed(seed)
    by_count[len(images)] = train(
        f"{len(images):,} images, z = {size}",
        improved_networks(size),
        falling_adam(count_epochs, len(images)),
        count_epochs,
        images,
        batch_size,
    )[1]

# %%
counts = sorted(by_count)
fig, ax = plt.subplots(figsize=(5.5, 3.2))
for name, label, style in (("loss", "training digits", "o--"), ("val_loss", "test digits", "s-")):
    ax.plot(counts, [by_count[count][name][-1] for count in counts], style, label=label)
ax.set(xscale="log", xlabel="training digits", ylabel="loss, nats per image")
ax.set_xticks(counts, [f"{count:,}" for count in counts], minor=False)
ax.minorticks_off()
ax.set_title(f"Loss after an equal number of steps, z = {size}")
ax.grid(alpha=0.25)
ax.legend()
plotting.show(
    fig,
    "Loss against the number of training digits, on training and on test digits. With few digits "
    "the two are far apart; with more they come together, and the test loss falls.",
)

# %% tags=["nbval-check-output"]
fewest, most = by_count[counts[0]], by_count[counts[-1]]
gaps = [run["val_loss"][-1] - run["loss"][-1] for run in (fewest, most)]
gain = fewest["val_loss"][-1] - most["val_loss"][-1]
check("test minus training loss: fewest digits against most, nats", gaps[0] - gaps[1], above=1)
check("test loss: what the most digits gain over the fewest, nats", gain, above=0.3)

# %% [markdown]
# With few digits the network learns *them*: it does better on its own digits and worse on unseen ones. More digits close the gap from both sides.
#
# ### Other people's architectures
#
# Two more published networks take other ways down and up. The first, whose training [notebook 06](06_kl_annealing.ipynb) rebuilds as a whole, goes down by pooling, with batch normalisation after each convolution; up by resizing, and ends in a leaky ReLU, so that its grey levels have no upper bound. We write it with a switch for each of these choices. (Its mean also passes through a tanh; that is taken up in 06.)

# %% tags=["local"]
def pooling_encoder(n_latent, pool=True, batch_norm=True):
    x = keras.Input((28, 28))
    hidden = layers.Reshape((28, 28, 1))(x)
    for n in (16, 32, 32):
        hidden = layers.Conv2D(n, 3, strides=1 if pool else 2, padding="same")(hidden)
        hidden = layers.LeakyReLU(0.2)(hidden)
        hidden = layers.BatchNormalization(momentum=0.9)(hidden) if batch_norm else hidden
        hidden = layers.MaxPool2D(2, padding="same")(hidden) if pool else hidden
    hidden = layers.Flatten()(hidden)
    return keras.Model(x, [layers.Dense(n_latent)(hidden), layers.Dense(n_latent)(hidden)])


# %% tags=["local"]
def resizing_decoder(n_latent, resize=True, batch_norm=True, bounded=False):
    z = keras.Input((n_latent,))
    hidden = layers.Reshape((4, 4, 32))(layers.Dense(4 * 4 * 32, activation="tanh")(z))
    for side, n in ((7, 32), (14, 16), (28, 1)):
        if resize:
            hidden = layers.Resizing(side, side, interpolation="nearest")(hidden)
        hidden = layers.Conv2DTranspose(n, 3, 1 if resize else 2, padding="same")(hidden)
        if not resize and side == 7:  # two times 4 is one too many
            hidden = layers.Cropping2D(((0, 1), (0, 1)))(hidden)
        if n > 1:
            hidden = layers.LeakyReLU(0.2)(hidden)
            hidden = layers.BatchNormalization(momentum=0.9)(hidden) if batch_norm else hidden
    hidden = hidden if bounded else layers.LeakyReLU(0.2)(hidden)
    return keras.Model(z, layers.Reshape((28, 28))(hidden))


# %% [markdown]
# With unbounded outputs there are no logits: the output *is* the grey level, and the squared error is taken from it directly.

# %% tags=["local"]
def unbounded_error(x, x_hat):
    return ops.sum(ops.square(x - x_hat), axis=(1, 2))


# %% [markdown]
# The second network goes down by strides with 4 by 4 stencils, leaky ReLUs and dropout. Its decoder squeezes everything through a picture of 49 numbers, goes up by transposed convolutions, and ends with a dense layer from 12,544 to 784 numbers, which is nearly the whole network. We take a quarter of its stencils, as ours is a slow computer; its published size is checked below.

# %% tags=["local"]
def striding_encoder(n_latent, filters=16):
    x = keras.Input((28, 28))
    hidden = layers.Reshape((28, 28, 1))(x)
    for strides in (2, 2, 1):
        hidden = layers.Conv2D(filters, 4, strides, padding="same")(hidden)
        hidden = layers.Dropout(0.2)(layers.LeakyReLU(0.3)(hidden))
    hidden = layers.Flatten()(hidden)
    z_log_deviation = layers.Rescaling(0.5)(layers.Dense(n_latent)(hidden))
    z_log_var = layers.Rescaling(2.0)(z_log_deviation)
    return keras.Model(x, [layers.Dense(n_latent)(hidden), z_log_var])


# %% tags=["local"]
def striding_decoder(n_latent, filters=16):
    z = hidden = keras.Input((n_latent,))
    for units in (24, 49):
        hidden = layers.LeakyReLU(0.3)(layers.Dense(units)(hidden))
    hidden = layers.Reshape((7, 7, 1))(hidden)
    for strides in (2, 1, 1):
        hidden = layers.Conv2DTranspose(filters, 4, strides, padding="same")(hidden)
        hidden = layers.Dropout(0.2)(layers.LeakyReLU(0.3)(hidden))
    x_logits = layers.Dense(28 * 28)(layers.Flatten()(hidden))
    return keras.Model(z, layers.Reshape((28, 28))(x_logits))


# %% tags=["nbval-check-output"]
big = striding_decoder(8, filters=64)
check("parameters of the second decoder, 64 stencils", big.count_params(), equals=9_969_009)
check("of them in its last layer", big.layers[-2].count_params(), equals=9_835_280)

# %% [markdown]
# We train each for the same small number of epochs, then the first one again with one choice changed at a time. From each we keep the loss, the seconds, and the share of the checkerboard frequency in what its decoder draws: before training from random codes, after training from the codes of the test digits.

# %% tags=["local"]
def try_variant(name, encoder, decoder, unbounded=False):
    z = np.random.default_rng(seed).standard_normal((200, 8), dtype=np.float32)
    before = checkerboard_share(np.asarray(decoder(z)))
    optimizer, loss = keras.optimizers.Adam(0.001), unbounded_error if unbounded else squared_error
    networks = encoder, decoder
    vae, run = train(
        name, networks, optimizer, variant_epochs, x_train, 64, False, reconstruction_loss=loss
    )
    output = vae.decoder(vae.encoder(x_test[:200])[0])
    grey = np.asarray(output if unbounded else ops.sigmoid(output))
    return {
        "parameters": encoder.count_params() + decoder.count_params(),
        "seconds": run["seconds"],
        "loss": np.mean(
            np.concatenate([vae.losses_per_image(part)[0] for part in np.array_split(x_test, 5)])
        ),
        "checkerboard": (before, checkerboard_share(grey)),
        "outside": np.mean((grey < -0.05) | (grey > 1.05)),
        "images": grey[:10],
    }


# %%
changes = {  # name: what differs in the encoder, what differs in the decoder
    "as published": ({}, {}),
    "strides for pooling": ({"pool": False}, {}),
    "no batch norm": ({"batch_norm": False}, {"batch_norm": False}),
    "transposed, not resized": ({}, {"resize": False}),
    "bounded output": ({}, {"bounded": True}),
}
variants = {}
for name, (down, up) in changes.items():
    set_seed(seed)
    networks = pooling_encoder(8, **down), resizing_decoder(8, **up)
    variants[name] = try_variant(name, *networks, unbounded="bounded" not in up)
set_seed(seed)
variants["second network"] = try_variant("second network", striding_encoder(8), striding_decoder(8))

# %%
plotting.table(
    ["network", "parameters", "seconds", "test loss", "checkerboard, %, untrained", "trained",
     "pixels outside [-0.05, 1.05], %"],
    [
        (
            *(name, f"{v['parameters']:,}", f"{v['seconds']:.0f}", f"{v['loss']:.1f}"),
            *(f"{100 * share:.2f}" for share in (*v["checkerboard"], v["outside"])),
        )
        for name, v in variants.items()
    ],
)  # fmt: skip
rows = {"original": x_test[:10]} | {name: v["images"] for name, v in variants.items()}
plotting.show(
    plotting.image_rows(rows, "Test digits after the same few epochs"),
    "Ten test digits and their reconstructions by the six variants. The first four give speckled or "
    "blurred digits, the bounded one smoother ones; the second network gives nearly the same grey "
    "blur for all of them.",
)

# %% [markdown]
# Which of these differences can be relied on? We check the large ones.

# %% tags=["nbval-check-output"]
checkerboard = {name: v["checkerboard"] for name, v in variants.items()}
untrained, trained = checkerboard["transposed, not resized"]
check("untrained: transposed over resized", untrained / checkerboard["as published"][0], above=5)
check("transposed: trained over untrained", trained / untrained, below=0.25)
outside = {name: v["outside"] for name, v in variants.items()}
check("unbounded: pixels outside, share", outside["as published"], above=0.02)
check("bounded: pixels outside, share", outside["bounded output"], equals=0.0)
loss = {name: v["loss"] for name, v in variants.items()}
change = abs(loss["as published"] - loss["strides for pooling"])
check("pooling or strides: difference in loss, nats", change, below=6)
change = loss["as published"] - loss["no batch norm"]
check("what leaving out batch norm gains here, nats", change, sample=(8, 7), full=(0, 4))

# %% [markdown]
# What these numbers say, and what not:
#
# - **Checkerboards.** Before training, the transposed convolutions fill their pictures with the pattern, many times more than resizing does. Training removes most of it: the weights learn to undo the overlap. So on digits it is a matter of the first steps. (In GANs, where nothing compares pixel by pixel, it can stay.)
# - **Bounds.** The leaky ReLU leaves the range of grey levels; it has to *learn* where white and black lie. A sigmoid knows, but starts from a grey page and needs steps to leave it.
# - **Batch normalisation** is often said to make training much faster. In so few steps we see no gain from it, and in the sample edition a clear loss. A claim about speed needs a measurement, in the setting where it is made.
# - **Pooling or strides** hardly differ here in what they reach; strides compute less.
# - **The second network** squeezes everything through 49 numbers, and is still near the average digit. Its authors gave it 30,000 steps.
#
# Each of these is one training from one seed, for a few epochs: enough to see large effects, not to rank the small ones.
#
# ## Look
#
# ### Reconstructions
#
# The first ten test digits, through the mean code and back.

# %%
x = x_test[:10]
rows = {"original": x, "published": np.asarray(published(x))}
rows["16 units, in a hurry"] = np.asarray(hurried[16](x))
for n_latent in latent_sizes:
    rows[f"dense, z = {n_latent}"] = np.asarray(dense_models[n_latent](x))
    rows[f"improved, z = {n_latent}"] = np.asarray(models[n_latent](x))
plotting.show(
    plotting.image_rows(rows, "Test digits and their reconstructions"),
    "Ten test digits, and below them the reconstructions by the published network, by the collapsed "
    "one, which gives one grey blur for every digit, and by the dense and the convolutional network "
    "at each latent size. With two latents most digits are blurred, with more they are themselves.",
)

# %% [markdown]
# The collapsed network shows what its loss said: the same blur for every digit, the average. Two latents take a 4 for a 9 with either network. With 8 or 16 the handwriting is kept, and dense and convolutional can hardly be told apart by eye, although their losses differ.
#
# ### The plane, further out
#
# With two latents the whole space is a picture again, this time over $[-4, 4]^2$. The prior hardly ever goes that far: only about one draw in three thousand lies more than 4 away from the centre.

# %%
codes = plotting.manifold_codes(manifold_steps, limit=4)
plane = decode(models[2], codes)
plotting.show(
    plotting.manifold(plane, limit=4, title="What each point of the latent plane decodes to"),
    "A grid of decoded digits over the latent plane from -4 to 4. Regions of one kind of "
    "digit meet near the centre and reach like rays to the border, where neighbours hardly differ.",
)

# %% [markdown]
# Near the centre a small step changes the digit. Further out the regions reach to the border like rays, and little changes along them: hardly any code was ever seen there, and the decoder goes on as it must.

# %% tags=["nbval-check-output"]
side = manifold_steps, manifold_steps
radius = np.linalg.norm(codes, axis=1).reshape(side)[:, 1:]
steps = np.square(np.diff(plane.reshape(*side, 784), axis=1)).sum(axis=-1)
inner, outer = steps[radius < 2].mean(), steps[radius > 4].mean()
check("change from neighbour to neighbour, centre over border", inner / outer, above=1.2)
check("share of prior draws beyond 4", np.exp(-(4**2) / 2), below=1 / 2900)

# %% [markdown]
# ### New digits
#
# Codes drawn from the prior, 40 for each size, none of them chosen.

# %%
rng = np.random.default_rng(seed)
fig, axes = plt.subplots(1, len(models), figsize=(8, 3.9))
for ax, (n_latent, vae) in zip(axes, models.items(), strict=True):
    z = rng.standard_normal((40, n_latent), dtype=np.float32)
    plotting.image_grid(decode(vae, z), 5, f"z = {n_latent}", ax=ax)
plotting.show(
    fig,
    "Three grids of 40 generated digits, for 2, 8 and 16 latents. Most can be read; with 2 some are "
    "blurred, with 8 and 16 the strokes are firmer and some shapes belong to no digit.",
)

# %% [markdown]
# As in notebook 04: blur with two latents, firm strokes and some shapes of no alphabet with more.
#
# ### One code, and all codes
#
# What does such a code look like? Here is one draw from the prior with the digit it becomes. And do the codes of real digits look like draws from the prior, as they should if the decoder is to make digits of them? Each test digit gives a mean code and, around it, a cloud. We pool the codes of all test digits and all latents: the means alone, and one draw from each cloud.

# %%
largest_size = max(latent_sizes)
vae = models[largest_size]
one_code = rng.standard_normal((1, largest_size), dtype=np.float32)
z_mean, z_log_var = encode(vae, x_test)
drawn = z_mean + np.exp(0.5 * z_log_var) * rng.standard_normal(z_mean.shape)
bins = np.linspace(-4, 4, 41)
normal_density = np.exp(-0.5 * bins**2) / np.sqrt(2 * np.pi)

# %%
fig, axes = plt.subplots(1, 4, figsize=(8, 2.5), width_ratios=[1, 1.6, 1.6, 1.6])
axes[0].imshow(decode(vae, one_code)[0], vmin=0, vmax=1)
axes[0].set(title="one digit")
axes[0].set_axis_off()
named = {"its code": one_code[0], "all mean codes": z_mean.ravel(), "all drawn codes": drawn.ravel()}
for ax, (title, values) in zip(axes[1:], named.items(), strict=True):
    ax.hist(values, bins if len(values) > 100 else 9, density=True, color="C0", alpha=0.6)
    ax.plot(bins, normal_density, "k--", linewidth=1)
    ax.set(title=title, xlabel="value", xlim=(-4, 4))
axes[1].set_ylabel("density")
plotting.show(
    fig,
    "A generated digit, the histogram of the sixteen numbers of its code, that of all mean codes of "
    "test digits and that of draws from their clouds, each with the standard normal density dashed. "
    "Sixteen numbers look ragged; the mean codes pile up near zero; the draws follow the curve.",
)

# %% tags=["nbval-check-output"]
between, within = z_mean.var(axis=0).mean(), np.exp(z_log_var).mean()
check("variance of the mean codes", between, sample=(0.5, 0.12), full=(0.65, 0.2))
check("average variance of a cloud", within, sample=(0.53, 0.12), full=(0.35, 0.2))
check("the two together", between + within, sample=(1.02, 0.06), full=(1.0, 0.06))

# %% [markdown]
# Sixteen numbers make a ragged histogram; that is what sixteen draws look like. The mean codes alone are *not* standard normal: their variance is too small, and the unused latents put a peak at zero. The clouds make up for it. To generate, draw from the prior; a decoder fed with codes shaped like the means would see only the middle of its space.
#
# ### One number at a time
#
# Take the code of a test digit, and move a single one of its numbers from $-2.4$ to $2.5$ in steps of $0.1$: the one that costs most nats, and so says most.

# %%
vae = models[size]
z_mean, z_log_var = encode(vae, x_test)
kl = np.mean(gaussian_kl(z_mean[..., None], z_log_var[..., None]), axis=0)
by_kl = np.argsort(kl)[::-1]
start_code = z_mean[2]


# %% tags=["local"]
def sweep(vae, code, coordinate, values):
    codes = np.repeat(code[None], len(values), axis=0)
    codes[:, coordinate] = values
    return decode(vae, codes)


# %%
steps = np.arange(-24, 26) / 10
plotting.show(
    plotting.image_grid(
        sweep(vae, start_code, by_kl[0], steps), 10, f"z{by_kl[0]} from -2.4 to 2.5, others fixed"
    ),
    "Fifty pictures in five rows: one latent number grows in small steps, and a test digit changes "
    "smoothly, here from one kind of digit to another.",
)

# %% [markdown]
# Fifty steps, no jump. Now all numbers side by side, from the same digit, sorted by their KL: each row moves one of them.

# %%
steps = np.linspace(-2.4, 2.4, 9)
rows = {f"z{j}, {kl[j]:.1f} nats": sweep(vae, start_code, j, steps) for j in by_kl}
plotting.show(
    plotting.image_rows(rows, f"Each number from -2.4 to 2.4, z = {size}"),
    "One row for each latent number, nine pictures each; the number moves from -2.4 to 2.4 while "
    "the others stay. The first rows change the shape strongly, from one digit to another; the last "
    "ones, with few nats, hardly change it.",
)

# %% [markdown]
# No number has a name. One bends the stroke and thickens it at the same time, another turns one digit into a second and then a third: nothing in the loss asks for axes that mean one thing each. But does a number that costs more also change more? We measure it for the largest model: the squared change of the picture over the sweep, averaged over a hundred digits, against the KL.

# %%
vae = models[largest_size]
z_mean, z_log_var = encode(vae, x_test)
kl = np.mean(gaussian_kl(z_mean[..., None], z_log_var[..., None]), axis=0)
change = np.zeros(largest_size)
for j in range(largest_size):
    low, high = z_mean[:100].copy(), z_mean[:100].copy()
    low[:, j], high[:, j] = -2, 2
    change[j] = np.square(decode(vae, high) - decode(vae, low)).sum(axis=(1, 2)).mean()

# %%
fig, ax = plt.subplots(figsize=(5, 3.2))
ax.plot(kl, change, "o")
ax.set(xlabel="KL, nats per image", ylabel="squared change, -2 to 2")
ax.set_title(f"What a number costs and what it does, z = {largest_size}")
ax.grid(alpha=0.25)
plotting.show(
    fig,
    "One dot for each latent number: the squared change of the picture when it goes from -2 to 2, "
    "against its KL. Dear numbers change much; those near zero nats change nothing.",
)

# %% tags=["nbval-check-output"]
ranks = [np.argsort(np.argsort(values)) for values in (kl, change)]
agreement = np.corrcoef(ranks)[0, 1]
check("rank correlation of KL and change", agreement, above=0.8)
check("latents in use (KL above 0.1 nats)", int((kl > 0.1).sum()), sample=(10, 3), full=(13, 3))

# %% [markdown]
# Nearly one to one: the KL of a latent is a good guide to what it does. Numbers that cost nothing do nothing.
#
# ### Between two digits
#
# To turn one digit into another, walk from code to code. A straight line is the obvious way. But draws from a normal distribution in many dimensions nearly all lie at the same distance from the centre, close to $\sqrt{n}$, like dust on a balloon; a straight line cuts through the empty inside. The other way stays on the sphere: turn the direction evenly, and let the length go from the one to the other.

# %% tags=["local"]
def along_line(z_from, z_to, steps):
    share = np.linspace(0, 1, steps)[:, None]
    return (1 - share) * z_from + share * z_to


# %% tags=["local"]
def along_sphere(z_from, z_to, steps):
    share = np.linspace(0, 1, steps)[:, None]
    lengths = np.linalg.norm(z_from), np.linalg.norm(z_to)
    angle = np.arccos(z_from @ z_to / np.prod(lengths))
    turned = np.sin((1 - share) * angle) * z_from / lengths[0]
    turned = (turned + np.sin(share * angle) * z_to / lengths[1]) / np.sin(angle)
    return ((1 - share) * lengths[0] + share * lengths[1]) * turned


# %%
pairs = [(0, 1), (2, 3)]
rows = {}
for first, second in pairs:
    for name, path in (("line", along_line), ("sphere", along_sphere)):
        codes = path(z_mean[first], z_mean[second], 13)
        rows[f"{y_test[first]} to {y_test[second]}, {name}"] = decode(vae, codes)
plotting.show(
    plotting.image_rows(rows, f"Thirteen steps from digit to digit, z = {largest_size}"),
    "Two pairs of test digits, each connected by thirteen decoded codes along a straight line and "
    "along the sphere. Each path changes smoothly, and the two ways look alike.",
)

# %% [markdown]
# Is one way better? A picture half-way should still look like *some* digit. As a measure take the squared error to the nearest of all training digits, averaged over many pairs of different digits.

# %% tags=["local"]
def to_nearest_digit(images):
    flat, known = np.reshape(images, (-1, 784)), np.reshape(x_train, (-1, 784))
    squares = (flat**2).sum(1)[:, None] + (known**2).sum(1) - 2 * flat @ known.T
    return squares.min(axis=1).mean()


# %%
picks = rng.choice(len(z_mean), (300, 2))
picks = picks[y_test[picks[:, 0]] != y_test[picks[:, 1]]]
middle = {
    name: np.array([path(z_mean[a], z_mean[b], 3)[1] for a, b in picks])
    for name, path in (("line", along_line), ("sphere", along_sphere))
}
middle["ends"] = z_mean[picks[:, 0]]

# %% tags=["nbval-check-output"]
length = {name: np.linalg.norm(codes, axis=1).mean() for name, codes in middle.items()}
nearest = {name: to_nearest_digit(decode(vae, z)) for name, z in middle.items()}
check("length half-way, line over sphere", length["line"] / length["sphere"], below=0.8)
check("length of the ends over √n", length["ends"] / largest_size**0.5, below=0.95)
check("to the nearest digit: line minus ends, nats", nearest["line"] - nearest["ends"], above=1)
gain = nearest["line"] - nearest["sphere"]
check("to the nearest digit: line minus sphere, nats", gain, sample=(0.9, 1), full=(1, 1.2))

# %% [markdown]
# Half-way pictures are further from any real digit than the ends, whichever way they were reached. The sphere is a little better, at most: much less than the argument of the balloon suggests. One reason stands in the check: mean codes do not lie on the balloon in the first place, but inside it.
#
# ## Exercises
#
# ### 05.1 Predict
#
# The second network's encoder does not give a log-variance. It gives $s = \tfrac12 \cdot$ (output of a dense layer), and means the *logarithm of the standard deviation*: $z = \mu + e^{s}\varepsilon$. Suppose that the dense layer's output is $\log 9$. A helpful colleague "corrects" the draw to the form of notebook 04, `z_mean + ops.exp(0.5 * s) * epsilon`, and touches nothing else. Which variance do the draws have now? (The KL still charges for the old one.)

# %% tags=["nbval-check-output"]
variance = ...
check_exercise("05.1", variance)

# %% [markdown]
# <details><summary>Solution</summary>
#
# $s = \tfrac12 \log 9 = \log 3$, so the intended deviation is 3 and the variance 9. With the second ½ the deviation is $\sqrt 3$. Both are legitimate conventions; mixing them is the mistake, and nothing crashes. Hence our names: `z_log_var` says what it is.
#
# ```python
# variance = 3.0
# ```
# </details>
#
# ### 05.2 Change
#
# Replace transposed convolutions by resizing: write a block that doubles the side of a picture of any number of channels and gives `filters` channels, without the possibility of a checkerboard. Then put it into `conv_decoder`.

# %% tags=["nbval-check-output"]
def doubled(hidden, filters):
    return ...


check_exercise("05.2", doubled)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def doubled(hidden, filters):
#     return layers.Conv2D(filters, 3, padding="same")(layers.UpSampling2D(2)(hidden))
# ```
# </details>
#
# ### 05.3 Implement
#
# Did the network invent digits, or does it repeat those it has seen? Write a function that gives, for each picture, the *position* of the training digit nearest to it in squared error. Then put generated digits above their nearest training digits with `plotting.image_rows`.

# %% tags=["nbval-check-output"]
def nearest_positions(images, known):
    return ...


check_exercise("05.3", nearest_positions)

# %% [markdown]
# <details><summary>Solution</summary>
#
# Written out, $\|a - b\|^2 = \|a\|^2 + \|b\|^2 - 2\,a \cdot b$ is one matrix product; the differences of 50 pictures to 60,000 digits would fill nine gigabytes.
#
# ```python
# def nearest_positions(images, known):
#     flat, others = np.reshape(images, (-1, 784)), np.reshape(known, (-1, 784))
#     return np.argmin((others**2).sum(axis=1) - 2 * flat @ others.T, axis=1)
# ```
# </details>
#
# ### 05.4 Find the bug
#
# A published convolutional VAE adds up its loss like this, with `mean`, `log_deviation` of shape (batch, latents) and `squared_errors` of shape (batch,):
#
# ```python
# kl = 0.5 * ops.sum(mean**2 + ops.exp(2 * log_deviation) - 1 - 2 * log_deviation)
# loss = ops.mean(squared_errors + kl)
# ```
#
# It runs and trains. Its batches hold 64 images. Compared with the right loss, by which factor is the KL multiplied?

# %% tags=["nbval-check-output"]
factor = ...
check_exercise("05.4", factor)

# %% [markdown]
# <details><summary>Solution</summary>
#
# The sum lacks its axis: it runs over the latents *and* over the batch, and gives one number, which is then added to every image. Each image pays for the codes of all 64. At such a price a code is hardly worth having, which is how a collapse can look like a weakness of the architecture.
#
# ```python
# factor = 64
# ```
# </details>
#
# ## Recap
#
# - The published convolutional VAE has 134,165 parameters, a third of the dense one's; given its own recipe it trains on few images, too.
# - In a hurry it collapses: the loss stays at the average digit's, because almost no unit of its narrow ReLU layer answers to any image. A wide layer trains under the same conditions.
# - At equal latent size the convolutional network reached a lower loss than the dense one, at 2, 8 and 16 latents, for more time per epoch.
# - Transposed convolutions start with checkerboards, resizing does not; training removed most of the pattern.
# - What a latent costs in nats tells how much of the picture it moves; a line and the sphere between two codes differ little.
#
# ## References
#
# - A. Odena, V. Dumoulin and C. Olah, *Deconvolution and Checkerboard Artifacts*, Distill 2016. Where the pattern comes from, and resizing as a cure.
# - V. Dumoulin and F. Visin, *A Guide to Convolution Arithmetic for Deep Learning*, 2016. Sizes, strides and transposed convolutions in pictures; chapter 4.
# - L. Lu, Y. Shin, Y. Su and G. Karniadakis, *Dying ReLU and Initialization*, 2019. How layers die at birth; here they die in the first steps.
# - T. White, *Sampling Generative Networks*, 2016. Interpolation along the sphere: section 2.1.
