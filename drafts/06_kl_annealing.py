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
# # 06 · Anneal the KL and see whether it helped
#
# Some VAEs learn to ignore their own code. Why does that happen, how do you notice, and does it help to let the price of the code rise slowly instead of charging it in full from the first step?
#
# **You will** watch a latent space collapse, on paper and in a network; put four schedules and one other remedy to the test over several seeds; and rebuild a published two-stage training from end to end.
#
# **You will learn**
# - why the two terms of the loss pull against each other, and where the tipping point lies;
# - four measures of a collapsed latent space, and what each one misses;
# - when annealing is worth trying, and how to see that it worked.
#
# **You need** notebooks [04](04_dense_vae.ipynb) and [05](05_conv_vae.ipynb), and about a minute and a half on two processor cores.
#
# ## Setup

# %%
from helpers.runtime import EpochProgress, set_seed  # first: starts TensorFlow quietly

import math
import time
from functools import partial
from pathlib import Path

import keras
import numpy as np
from keras import layers, ops
from matplotlib import pyplot as plt

from helpers import plotting
from helpers.annealing import sigmoid
from helpers.checks import check, check_exercise, use_edition
from helpers.data import load_digits
from helpers.vae import VAE, active_units, bernoulli_loss, gaussian_kl, sample_latent

# %% [markdown]
# ## Parameters
#
# The sample edition's values: few digits and few epochs, since what matters here is the *difference* between trainings. The full edition uses 20,000 digits.

# %% tags=["parameters"]
edition = "sample"  # whose expected values the checks compare with: "sample" or "full"
dataset = "sample"  # "sample": 5,000 bundled digits; "mnist": all 70,000
train_images = 4000  # how many training digits to use: the first ones
test_images = 1000  # how many test digits to use: the first ones
n_latent = 32  # numbers in a latent code
depth = 2  # hidden layers on each side, in the setting where collapse happens
hidden_units = 256  # in each hidden layer of the dense networks
epochs = 15  # passes through the training digits, for each dense network
batch_size = 64  # digits for one step
learning_rate = 0.003  # of Adam
seeds = [0, 1, 2]  # each decides the weights, the shuffling and the noise of one training
remedy_seeds = 1  # how many of the seeds for each of the other remedies
kl_weights = [0.25, 4.0]  # constant weights to try beside 1
published_images = 4000  # how many of them for the published two-stage training
stage_one_epochs = 2  # of the plain autoencoder
stage_two_epochs = 3  # of the heads and the decoder, with the encoder frozen

# %% tags=["nbval-check-output"]
use_edition(edition)
digits = load_digits(dataset)
x_train, x_test = digits.x_train[:train_images], digits.x_test[:test_images]
if len(set(seeds)) < 2:
    raise ValueError(f"a spread over seeds needs at least two of them, got {seeds}")
print("training", x_train.shape, "testing", x_test.shape)

# %% [markdown]
# ## The idea: two terms that pull against each other
#
# The loss is $\text{reconstruction} + \beta \cdot \text{KL}$, with $\beta = 1$ so far. The reconstruction wants each image to have a code of its own, far from the others and sharp. The KL wants every code to be the same broad cloud. Each can be satisfied perfectly if the other is given up. Who wins?
#
# Take the smallest VAE there is: one pixel $x$ with mean 0 and variance $\lambda$, one latent, a decoder $\hat x = w z$ and the squared error of notebook 04, which is a Gaussian likelihood of variance $s^2 = \tfrac12$. The best encoder for a given $w$ is a normal distribution that can be worked out by hand. Put it in, and the loss depends on $w$ alone:
#
# $$L(w) = \frac{\beta}{2} \left[ \frac{\lambda}{s^2 (\beta + u)} + \log \frac{\beta + u}{\beta} \right], \qquad u = \frac{w^2}{s^2} .$$
#
# Its derivative vanishes at $w = 0$, always, and at $w^2 = \lambda - \beta s^2$, if that is positive.

# %% tags=["local"]
def profile_loss(w, beta, variance=2.0, noise=0.5):
    u = w**2 / noise
    return 0.5 * beta * (variance / (noise * (beta + u)) + np.log((beta + u) / beta))


# %%
w = np.linspace(-2, 2, 4001)
fig, ax = plt.subplots(figsize=(6, 3.2))
for beta, style in ((0.25, ":"), (1.0, "-"), (4.0, "--"), (6.0, "-.")):
    ax.plot(w, profile_loss(w, beta), style, label=f"β = {beta:g}")
ax.set(xlabel="weight w of the decoder", ylabel="loss, nats", title="One pixel, one latent")
ax.legend(loc="lower right")
plotting.show(
    fig,
    "Loss against the decoder's weight for four values of beta. For small beta there are two valleys "
    "with a hump at zero between them; from beta four on there is one valley, at zero.",
)

# %% [markdown]
# For a small $\beta$ the loss has two valleys with a hump between them, at $w = 0$. As $\beta$ grows the valleys move together, and at $\beta = \lambda / s^2$ they meet: from there on the best decoder ignores the code, $w = 0$, and the best encoder says nothing. That is **posterior collapse**, and here it is not an accident but the right answer to the wrong price. We check the formula against brute force: minimise the loss, encoder and all, on a fine grid.

# %% tags=["local"]
def loss_by_grid(w, beta, variance=2.0, noise=0.5):
    slope, spread = np.meshgrid(np.linspace(0, 2, 801), np.linspace(0.002, 1.2, 600))
    error = (1 - w * slope) ** 2 * variance + w**2 * spread
    kl = 0.5 * (spread + slope**2 * variance - 1 - np.log(spread))
    return np.min(error / (2 * noise) + beta * kl)


# %% tags=["nbval-check-output"]
tried = [(w_, beta) for w_ in (0.0, 0.5, 1.3) for beta in (0.25, 1.0, 4.0)]
off = [abs(loss_by_grid(*pair) - profile_loss(*pair)) for pair in tried]
check("loss by formula and by grid, largest difference, nats", max(off), below=1e-3)
for beta, best in ((0.25, 1.875), (1.0, 1.5), (4.0, 0.0), (6.0, 0.0)):
    found = w[np.argmin(profile_loss(w, beta))] ** 2
    check(f"best w², β = {beta:g}: off by", abs(found - best), below=2e-3)

# %% [markdown]
# Three lessons for real networks:
#
# - **A direction in which images vary by less than $\beta s^2$ is not worth a latent.** Some latents of notebook 04 stayed unused for just this reason. That is no illness.
# - **Averaging the error over the 784 pixels is the same as multiplying $\beta$ by 784.** Beside a KL that is summed, every direction falls below the tipping point.
# - **$w = 0$ is always a place without gradient.** A decoder that does not listen and an encoder that does not speak give each other no reason to begin. A network can get stuck near there although a valley is close by. *That* is the illness, and annealing is meant to cure it: begin with $\beta$ near 0, let the code become useful, then raise the price.
#
# ## The model
#
# ### Schedules
#
# A schedule is a function of the steps done so far; we count in epochs, and fractions of epochs. The **linear** one climbs to 1 and stays. The **cyclical** one starts again several times. The **sigmoid** is a smooth switch,
#
# $$\beta(t) = \beta_{\max} \cdot \mathrm{sigmoid}\!\left(\frac{t - \text{midpoint}}{\text{width}}\right),$$
#
# and comes from `helpers`, as notebook 01 has shown how to compute a sigmoid without overflow. The validated arguments are there because a schedule that is silently wrong is hard to notice.

# %%
def linear(step, length):
    if not length > 0:
        raise ValueError(f"length must be above 0, got {length}")
    return np.clip(np.divide(step, length), 0, 1)


# %%
def cyclical(step, period, rise=0.5):
    if not period > 0:
        raise ValueError(f"period must be above 0, got {period}")
    if not 0 < rise <= 1:
        raise ValueError(f"rise must be above 0 and at most 1, got {rise}")
    return np.minimum(1, np.mod(step, period) / (rise * period))


def constant(step, weight=1.0):
    if not weight >= 0:
        raise ValueError(f"weight must not be negative, got {weight}")
    return np.full_like(step, weight, dtype=float)[()]


# %% [markdown]
# A published convolutional VAE uses the weight $0.001 \cdot \mathrm{sigmoid}(t/3 - 4)$ in epoch $t$: half of its limit at $t = 12$, with a width of 3 epochs. A limit of 0.001 looks like next to nothing. But its squared error is a *mean* over pixels, beside a KL that is *summed* over latents. Multiply the whole loss by 784, which changes no gradient's direction, and the error becomes our sum, and the weight $784 \cdot 0.001 = 0.784$. The factor 784 was hidden in the 0.001.

# %% tags=["local"]
schedules = {
    "none": None,
    "linear": lambda t: linear(t, 0.4 * epochs),
    "sigmoid": lambda t: sigmoid(t, 0.3 * epochs, 0.075 * epochs),
    "cyclical": lambda t: cyclical(t, epochs / 2),
}

# %%
t = np.linspace(0, epochs, 1000)
fig, (left, right) = plt.subplots(1, 2, figsize=(8, 2.9), width_ratios=[1.5, 1])
for (name, schedule), style in zip(schedules.items(), plotting.LINE_STYLES, strict=True):
    left.plot(t, schedule(t) if schedule else constant(t), style, label=name)
left.set(xlabel="epochs done", ylabel="KL weight", title="The schedules of this page")
left.legend(loc="lower right")
t = np.arange(41)
right.plot(t, 784 * sigmoid(t, 12, 3, 0.001), ".-")
right.set(xlabel="epochs done", title="The published one, times 784", ylim=(-0.05, 1.05))
plotting.show(
    fig,
    "Left: KL weights against epochs. None is one throughout, linear climbs to one in the first two "
    "fifths, sigmoid is an S-shaped switch, cyclical climbs twice. Right: the published sigmoid times "
    "784, which passes 0.39 at epoch 12 and levels off below 0.8.",
)

# %% tags=["nbval-check-output"]
x, x_hat = x_test[:50], np.random.default_rng(0).random((50, 28, 28))
by_mean = np.mean((x - x_hat) ** 2, axis=(1, 2)) + sigmoid(12, 12, 3, 0.001) * 20
by_sum = np.sum((x - x_hat) ** 2, axis=(1, 2)) + 784 * 0.0005 * 20
check("784 times the published loss against ours", np.abs(784 * by_mean - by_sum).max(), below=1e-9)
check("its weight in our units, at epoch 0", 784 * sigmoid(0, 12, 3, 0.001), below=0.015)
check("its weight in our units, at epoch 12", 784 * sigmoid(12, 12, 3, 0.001), equals=0.392)

# %% [markdown]
# ### The callback
#
# Keras calls it before each batch; it works out how many epochs are done, asks the schedule, and moves the model's `kl_weight`. Mind one thing when reading curves: the reported `loss` contains the weight of the moment, so it may rise while everything gets better. To compare, always add up reconstruction and KL at full price.

# %%
class KLAnnealing(keras.callbacks.Callback):
    def __init__(self, schedule, every="batch"):
        super().__init__()
        if every not in ("batch", "epoch"):
            raise ValueError(f'every must be "batch" or "epoch", got {every!r}')
        self.schedule = schedule
        self.every = every

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch
        self.set_weight(epoch)

    def on_train_batch_begin(self, batch, logs=None):
        if self.every == "batch":
            batches = self.params["steps"]
            if not batches:
                raise ValueError('fit does not know its batches: give steps_per_epoch, or "epoch"')
            self.set_weight(self.epoch + batch / batches)

    def on_epoch_end(self, epoch, logs=None):
        if logs is not None:
            logs["kl_weight"] = float(self.model.kl_weight)

    def set_weight(self, epochs_done):
        weight = float(self.schedule(epochs_done))
        if not 0 <= weight < np.inf:
            raise ValueError(f"the schedule gave {weight} after {epochs_done:g} epochs")
        self.model.kl_weight.assign(weight)


# %% [markdown]
# ### Free bits
#
# Another remedy leaves the weight at 1 and gives each latent a small allowance: the first $\lambda$ nats, averaged over the batch, cost the same whether they are used or not,
#
# $$\sum_j \max\big(\lambda,\; \mathbb E_{x}\, \mathrm{KL}_j\big) .$$
#
# Below the allowance the price has no gradient, so nothing pushes the latent into silence.

# %%
def free_bits_kl(z_mean, z_log_var, floor):
    kl = ops.mean(gaussian_kl(z_mean[..., None], z_log_var[..., None]), axis=0)
    return ops.sum(ops.maximum(kl, floor))


class FreeBitsVAE(VAE):
    def __init__(self, *args, floor, **kwargs):
        super().__init__(*args, **kwargs)
        if not floor >= 0:
            raise ValueError(f"floor must not be negative, got {floor}")
        self.floor = floor

    def losses_per_image(self, x, training=False):
        z_mean, z_log_var = self.encoder(x, training=training)
        epsilon = keras.random.normal(ops.shape(z_mean), seed=self.noise)
        z = sample_latent(z_mean, z_log_var, epsilon)
        reconstruction = self.reconstruction_loss(x, self.decoder(z, training=training))
        kl, charged = gaussian_kl(z_mean, z_log_var), free_bits_kl(z_mean, z_log_var, self.floor)
        return reconstruction + self.kl_weight * charged, reconstruction, kl

    def get_config(self):
        return super().get_config() | {"floor": self.floor}


# %% tags=["nbval-check-output"]
z_mean = np.array([[0.0, 1.0], [0.0, 3.0]])
charged = free_bits_kl(z_mean, np.zeros((2, 2)), 0.5)
check("a silent latent at 0.5 free nats, and one of 2.5 nats", charged, equals=3.0)

# %% [markdown]
# ### Four measures of a collapse
#
# 1. **The KL of each latent**, averaged over images. Zero means silence.
# 2. **Active units**: latents whose mean code varies over images by more than 0.01. A latent may cost nats and still say nothing, if its cloud is the same odd one for every image; this measure sees it.
# 3. **What the decoder draws**: if every code gives the average digit, nobody listens.
# 4. **Mutual information** between image and code, $I(x; z)$, the nats that really arrive. The KL splits into two parts,
#
# $$\mathbb E_x\,\mathrm{KL}\big(q(z \mid x) \,\|\, p(z)\big) = I(x; z) + \mathrm{KL}\big(q(z) \,\|\, p(z)\big),$$
#
# where $q(z)$ is the average of the clouds of all images. The second part is pure loss: it measures how far the clouds *together* are from the prior.
#
# To estimate $I$ we draw a code from each image's cloud and compare its density there with the average density of the clouds of all $n$ test images. The average contains the image's own cloud, at $1/n$, so the estimate can never exceed $\log n$: 6.9 nats for a thousand images. For a whole code of many nats that ceiling makes it useless. For one latent at a time it is sound, and there we use it.

# %% tags=["local"]
def information_per_latent(z_mean, z_log_var, seed=0):
    z_mean, z_log_var = np.asarray(z_mean, float), np.asarray(z_log_var, float)
    noise = np.random.default_rng(seed).standard_normal(z_mean.shape)
    information = []
    for mean, log_var, epsilon in zip(z_mean.T, z_log_var.T, noise.T, strict=True):
        z = mean + np.exp(0.5 * log_var) * epsilon
        log_q = -0.5 * ((z[:, None] - mean) ** 2 / np.exp(log_var) + log_var)
        average = np.logaddexp.reduce(log_q, axis=1) - np.log(len(mean))
        information.append(np.mean(np.diag(log_q) - average))
    return np.array(information)


# %% [markdown]
# Four latents whose answer is known: one equal to the prior; one with the same odd cloud for all images; one whose means are normal with variance 0.9 and whose clouds have the variance 0.1, so that $I = \tfrac12 \log (1 / 0.1) = 1.151$; and one with a cloud of its own for each image, far from the others, which should hit the ceiling.

# %% tags=["nbval-check-output"]
rng = np.random.default_rng(0)
n = 1000
z_mean = np.stack([0 * np.ones(n), 3 * np.ones(n), 0.9**0.5 * rng.standard_normal(n), 99 * np.arange(n)], 1)
z_log_var = np.log(np.tile([1, 0.5, 0.1, 1], (n, 1)))
kl = np.mean(gaussian_kl(z_mean[..., None], z_log_var[..., None]), axis=0)
known = information_per_latent(z_mean, z_log_var)
check("information of the prior itself, nats", abs(known[0]), below=1e-9)
check("of the odd cloud, which costs more than 4 nats", abs(known[1]), below=1e-9)
check("its KL, nats", kl[1], above=4)
check("of the normal one, nats", known[2], sample=(1.151, 0.06), full=(1.151, 0.06))
check("of the separate clouds: log n minus it", np.log(n) - known[3], below=1e-6)
check("active units among the four", active_units(z_mean), equals=2)

# %% [markdown]
# ## Train
#
# ### A setting where collapse really happens
#
# Two hidden layers of 256 on each side, 32 latents, a large learning rate. The pixels' price is the cross-entropy, $-\log p(x \mid z)$ for pixels that are black with the predicted probability. (Our pixels are grey, so strictly this is not a likelihood; it is the usual choice all the same, and the same for every training here. We call the sum of both terms, at weight 1, the *full loss*.)

# %% tags=["local"]
def dense_networks(depth):
    x, z = keras.Input((28, 28)), keras.Input((n_latent,))
    down, up = layers.Flatten()(x), z
    for _ in range(depth):
        down = layers.Dense(hidden_units, activation="relu")(down)
        up = layers.Dense(hidden_units, activation="relu")(up)
    encoder = keras.Model(x, [layers.Dense(n_latent)(down), layers.Dense(n_latent)(down)])
    return encoder, keras.Model(z, layers.Reshape((28, 28))(layers.Dense(28 * 28)(up)))


# %% tags=["local"]
class Diary(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.done, self.images = 0, {}

    def on_train_batch_end(self, batch, logs=None):
        self.done += 1
        if self.done in diary_batches:
            self.images[self.done] = np.asarray(self.model(x_test[:200]))


# %% [markdown]
# The diary keeps what the network makes of some test digits after a few batches; we shall need it later. `train` puts everything together, and `measured` takes stock at the end, with the full price whatever the schedule was.

# %% tags=["local"]
diary_batches = (5, 20, 40, 80, 160, 320)


def train(label, seed, n_layers=None, schedule=None, kind=VAE, watch=False, **kwargs):
    set_seed(seed)
    vae, diary = kind(*dense_networks(n_layers or depth), bernoulli_loss, seed=seed, **kwargs), Diary()
    vae.compile(keras.optimizers.Adam(learning_rate))
    callbacks = [EpochProgress(f"training {label}, seed {seed}, epoch"), diary]
    callbacks += [KLAnnealing(schedule)] if schedule else []
    options = {"epochs": epochs, "batch_size": batch_size, "callbacks": callbacks, "verbose": 0}
    watched = (x_test,) if watch else None
    history = vae.fit(x_train, validation_data=watched, **options).history
    kept = {"vae": vae, "history": history, "diary": diary.images} if watch else {}
    return measured(vae) | kept


# %% tags=["local"]
def measured(vae):
    z_mean, z_log_var = vae.encoder(x_test)
    z = sample_latent(z_mean, z_log_var, np.random.default_rng(0).normal(size=z_mean.shape))
    kl = np.mean(gaussian_kl(z_mean[..., None], z_log_var[..., None]), axis=0)
    error = np.mean(vae.reconstruction_loss(x_test, vae.decoder(z)))
    return {
        "loss": error + kl.sum(),
        "error": error,
        "kl": kl,
        "active": active_units(z_mean),
        "used": int((kl > 0.1).sum()),
    }


# %% [markdown]
# Without annealing and with the linear schedule, each from several seeds. What to expect, if the toy is any guide: without annealing some latents fall silent early and never come back.

# %%
runs = {}
for name in ("none", "linear"):
    runs[name] = [train(name, s, schedule=schedules[name], watch=True) for s in seeds]

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(8, 3.1), sharex=True)
for name, colour, style in (("none", "C0", "-"), ("linear", "C1", "--")):
    for position, run in enumerate(runs[name]):
        history = run["history"]
        full = np.add(history["val_reconstruction_loss"], history["val_kl_loss"])
        options = {"color": colour, "label": name if position == 0 else None}
        left.plot(np.arange(1, epochs + 1), full, style, **options)
        right.plot(np.arange(1, epochs + 1), history["val_kl_loss"], style, **options)
lowest = min(run["loss"] for run in runs["linear"])
left.set(title="Full loss", xlabel="epoch", ylabel="nats per image", ylim=(lowest - 3, lowest + 60))
right.set(title="Its KL", xlabel="epoch")
left.legend()
plotting.show(
    fig,
    "Test curves of all trainings. Left, full loss: the annealed trainings end below all others. "
    "Right, KL: annealed trainings have a larger KL early on and keep a larger one; the others start "
    "near zero and climb slowly.",
)

# %% [markdown]
# Without annealing the KL starts near zero: the code is silent first, and what the network gains it gains slowly. With annealing the code is rich from the start, and pays for it later. At the end, here is the KL of each latent, sorted, in the first seed of each, and the part of it that is information.

# %%
fig, axes = plt.subplots(1, 2, figsize=(8, 2.8), sharey=True)
for ax, name in zip(axes, runs, strict=True):
    run = runs[name][0]
    order = np.argsort(run["kl"])[::-1]
    information = information_per_latent(*run["vae"].encoder(x_test))
    ax.bar(range(1, n_latent + 1), run["kl"][order], label="KL")
    ax.plot(range(1, n_latent + 1), information[order], "k.", label="mutual information")
    ax.set(xlabel="latent, sorted", title=f"{name}: {run['used']} above 0.1 nats")
axes[0].set_ylabel("nats per image")
axes[0].legend()
plotting.show(
    fig,
    "Bars of the KL of each of the 32 latents with dots for its mutual information, without annealing "
    "and with it. With annealing more bars are tall, the others are practically zero. The dots lie at "
    "the tops of the bars.",
)

# %% tags=["nbval-check-output"]
loss = {name: np.array([run["loss"] for run in runs[name]]) for name in ("none", "linear")}
check("full loss, none, mean", loss["none"].mean(), sample=(130.1, 2), full=(111.2, 1.2))
check("full loss, linear, mean", loss["linear"].mean(), sample=(125.2, 2), full=(108.3, 0.9))
gain = loss["none"].mean() - loss["linear"].mean()
check("annealing's gain, nats", gain, sample=(4.9, 2), full=(2.9, 1.4), n=len(seeds))
check("worst annealed minus best plain", loss["linear"].max() - loss["none"].min(), below=0)
for name, group in loss.items():
    check(f"spread over seeds, {name}, nats", group.std(ddof=1), below=2.5)

# %% [markdown]
# The gain is larger than what seeds do: the *worst* annealed training beats the *best* plain one. Where does it come from? Count the latents that are in use.

# %% tags=["nbval-check-output"]
used = {name: np.array([run["used"] for run in runs[name]]) for name in loss}
active = {name: np.array([run["active"] for run in runs[name]]) for name in loss}
for name, count, unit in (("none", (7.7, 2), (10, 2)), ("linear", (13, 2.5), (19.3, 2.5))):
    check(f"latents above 0.1 nats, {name}, mean", used[name].mean(), sample=count, full=unit)
fewest_more = used["linear"].min() - used["none"].max()
check("fewest with annealing minus most without", fewest_more, above=0)
for name, count, unit in (("none", (27.3, 4), (13, 4)), ("linear", (30.5, 2.5), (20, 3))):
    check(f"active units, {name}, mean", active[name].mean(), sample=count, full=unit)

# %% [markdown]
# More latents are in use in every annealed training than in any plain one. Two counts, because a count depends on its threshold: a variance of 0.01 is worth only 0.005 nats, and after the sample edition's short trainings many latents are on their way to silence but not yet below it. The bar chart above is the safer witness, and the loss the judge.
#
# ### Other schedules, and free bits
#
# The other remedies in the same setting, each from the first seeds.

# %%
few = seeds[:remedy_seeds]
for name in ("sigmoid", "cyclical"):
    runs[name] = [train(name, s, schedule=schedules[name]) for s in few]
runs["free bits"] = [train("free bits", s, kind=FreeBitsVAE, floor=0.25) for s in few]

# %% [markdown]
# ### Where it does not help
#
# The same trainings with *one* hidden layer on each side. Nothing else is changed.

# %%
shallow = {}
for name in ("none", "linear"):
    shallow[name] = [train(f"one layer, {name}", s, 1, schedules[name]) for s in seeds[:2]]

# %% tags=["local"]
def row(title, group):
    losses = [run["loss"] for run in group]
    error, kl = (np.mean([np.sum(run[key]) for run in group]) for key in ("error", "kl"))
    counts = [" ".join(str(run[key]) for run in group) for key in ("active", "used")]
    spread = f"{min(losses):.1f} to {max(losses):.1f}"
    return title, len(group), f"{np.mean(losses):.1f}", spread, f"{error:.1f}", f"{kl:.1f}", *counts


# %%
plotting.table(
    ["training", "seeds", "full loss", "range", "error", "KL", "active", "above 0.1 nats"],
    [row(f"deep, {name}", group) for name, group in runs.items()]
    + [row(f"one layer, {name}", group) for name, group in shallow.items()],
)

# %% [markdown]
# *Active* counts latents whose mean code varies; the last column those that cost more than 0.1 nats; one number for each seed.

# %% tags=["nbval-check-output"]
mean_loss = {name: np.mean([run["loss"] for run in group]) for name, group in runs.items()}
for name, sample, full in (
    ("sigmoid", (5.6, 3), (2.2, 1.5)),
    ("cyclical", (3.7, 3), (2.6, 1.5)),
    ("free bits", (1, 2.5), (0.5, 1)),
):
    check(f"gain of {name}, nats", loss["none"].mean() - mean_loss[name], sample=sample, full=full)
gain = np.mean([run["loss"] for run in shallow["none"]]) - np.mean(
    [run["loss"] for run in shallow["linear"]]
)
check("one hidden layer: annealing's gain, nats", gain, sample=(0, 0.6), full=(-1.3, 0.9))
ahead = mean_loss["linear"] - np.mean([run["loss"] for run in shallow["none"]])
check("deep, annealed, minus one layer, not annealed, nats", ahead, sample=(3.2, 2), full=(-0.5, 1.2))

# %% [markdown]
# All remedies help the deep network; free bits, which keep every latent a little awake (see the last column), help least. With one hidden layer there is *nothing to gain*: most of the latents that can be used are in use without any annealing. With it there are a few more, and the loss is no better; in the full edition it is even worse, perhaps because fewer epochs are left at the full price. Annealing cures an illness. Where there is none, it only changes the way.
#
# Compare also down the table: in the sample edition the plain network with one layer beats every deep one, and on the full edition's digits only annealing brings the deep network level with it. Before you look for the right schedule it is worth asking whether the network has to be that deep.
#
# ### A complete collapse
#
# The toy said that averaging over pixels moves the tipping point by a factor 784. One training with the *mean* cross-entropy beside the summed KL:

# %% tags=["local"]
def mean_cross_entropy(x, x_logits):
    return bernoulli_loss(x, x_logits) / 784


# %%
set_seed(0)
collapsed = VAE(*dense_networks(1), mean_cross_entropy, seed=0)
collapsed.compile(keras.optimizers.Adam(learning_rate))
_ = collapsed.fit(x_train, epochs=3, batch_size=batch_size, verbose=0)
draws = np.random.default_rng(1).standard_normal((1000, n_latent)).astype(np.float32)
drawn = {
    "collapsed": np.asarray(ops.sigmoid(collapsed.decoder(draws))),
    "annealed": np.asarray(ops.sigmoid(runs["linear"][0]["vae"].decoder(draws))),
}
average_digit = x_train.mean(axis=0)

# %% [markdown]
# Its answers to ten test digits, its draws from the prior, and beside them those of an annealed network and the average digit:

# %%
rows = {"original": x_test[:10], "collapsed": np.asarray(collapsed(x_test[:10]))}
rows["annealed"] = np.asarray(runs["linear"][0]["vae"](x_test[:10]))
rows |= {f"{name}, drawn": images[:10] for name, images in drawn.items()}
rows["average digit"] = np.repeat(average_digit[None], 10, axis=0)
plotting.show(
    plotting.image_rows(rows, "Reconstructions and new draws"),
    "Ten test digits; their reconstructions by the collapsed network, ten times the same grey blur, "
    "and by the annealed one; ten draws from the prior for each; and the average digit, which is the "
    "collapsed network's blur.",
)

# %% tags=["nbval-check-output"]
state = measured(collapsed)
check("collapsed: KL, nats", state["kl"].sum(), below=0.05)
check("collapsed: active units", state["active"], equals=0)
information = information_per_latent(*collapsed.encoder(x_test)).sum()
check("collapsed: mutual information, all latents, nats", information, below=0.05)
for name, bounds in (("collapsed", {"below": 0.01}), ("annealed", {"above": 0.02})):
    variance = drawn[name].var(axis=0).mean()
    check(f"{name}: variance of drawn pixels", variance, **bounds)

# %% [markdown]
# All four measures agree. The code says nothing, and the decoder has settled on the average digit. No schedule would help: at the end of any schedule the price would be back where it is. Here the price itself is wrong, by the factor 784.
#
# ### What a constant weight buys
#
# A weight that stays at $\\beta$ moves along a curve: how many nats the code may cost (the *rate*) against how wrong the pixels are (the *distortion*).

# %%
curve = {1.0: shallow["none"][0]}
for beta in kl_weights:
    curve[beta] = train(f"weight {beta:g}", seeds[0], 1, partial(constant, weight=beta))

# %%
fig, ax = plt.subplots(figsize=(5.5, 3.5))
points = [(curve[beta]["kl"].sum(), curve[beta]["error"], beta) for beta in sorted(curve)]
ax.plot(*np.transpose(points)[:2], "o-")
for rate, distortion, beta in points:
    ax.annotate(f"β = {beta:g}", (rate, distortion), (6, 6), textcoords="offset points")
ax.set(xlabel="rate: KL, nats per image", ylabel="distortion: cross-entropy, nats")
ax.set_title("Constant weights, one hidden layer")
ax.margins(0.12)
ax.grid(alpha=0.25)
plotting.show(
    fig,
    "Distortion against rate for constant weights. A small weight lies at the lower right, many nats "
    "and small errors; a large one at the upper left. The points form a falling curve.",
)

# %% tags=["nbval-check-output"]
rates, distortions, betas = np.array(points).T
check("the rate falls as the weight grows", bool(np.all(np.diff(rates) < 0)), equals=True)
check("the distortion grows", bool(np.all(np.diff(distortions) > 0)), equals=True)
slopes = -np.diff(distortions) / np.diff(rates)
between = np.all((betas[:-1] < slopes) & (slopes < betas[1:]))
check("each slope lies between the weights at its ends", bool(between), equals=True)
full_losses = rates + distortions
check("weight with the lowest full loss", betas[np.argmin(full_losses)], equals=1.0)

# %% [markdown]
# At its point on the curve a network with the weight $\beta$ would trade one nat of rate for $\beta$ nats of distortion: that is the slope of the curve, and the measured slopes agree. Only with the weight 1 is the sum of both a bound, and there the sum is lowest. A schedule is a walk along this curve from the right to the point 1.
#
# ## Look
#
# ### The first steps: an average digit, and how long it stays
#
# At the start of training the encoder's clouds lie anywhere, and the decoder receives noise. The first thing that it can learn without any help from the code is the average digit. With the KL at full price the encoder is pushed towards silence in just these steps. During the trainings above we kept what the network made of some test digits after a few batches.

# %%
rows = {"original": x_test[:10]}
for name in ("none", "linear"):
    diary = runs[name][0]["diary"]
    rows |= {f"{name}, {b} batches": diary[b][:10] for b in sorted(diary)}
plotting.show(
    plotting.image_rows(rows, "Reconstructions early in training"),
    "Ten test digits and their reconstructions after 5, 20, 40, 80, 160 and 320 batches, without "
    "annealing above and with the linear schedule below. Both pass through a phase of one grey "
    "blur for all digits; the annealed training leaves it earlier.",
)

# %% tags=["nbval-check-output"]
share = {}
for name in ("none", "linear"):
    diaries = [run["diary"] for run in runs[name]]
    variances = [[diary[b].var(axis=0).mean() for b in sorted(diary)] for diary in diaries]
    share[name] = np.mean(variances, axis=0) / x_test[:200].var(axis=0).mean()
check("after 20 batches, none: share of the digits' variance", share["none"][1], below=0.1)
lead = share["linear"][4] - share["none"][4]
check("after 160 batches: linear minus none", lead, sample=(0.12, 0.08), full=(0.1, 0.1))

# %% [markdown]
# After a few batches every digit gets the same picture: what is left of the variance from digit to digit is next to nothing. Here the KL's full price is at its most harmful, as a code that nobody reads yet is pure cost. With a small price the code is already worth reading when the decoder begins to look. The lead is large early on, and it is what the silent latents never make up for.
#
# ## A published training, from end to end
#
# Now the network that the sigmoid schedule comes from. Its recipe has two stages: first a plain autoencoder learns features; then its convolutions are **frozen**, and a VAE learns on top of them, with new heads for mean and deviation, a new decoder, and the sigmoid schedule. Is that faster or better than to train everything at once? At equal compute, we shall see.

# %% tags=["local"]
def feature_stack():
    stack = keras.Sequential([keras.Input((28, 28)), layers.Reshape((28, 28, 1))], name="stack")
    for filters in (16, 32, 32):
        stack.add(layers.Conv2D(filters, 3, padding="same"))
        stack.add(layers.LeakyReLU(0.2))
        stack.add(layers.BatchNormalization(momentum=0.9))
        stack.add(layers.MaxPool2D(2, padding="same"))
    stack.add(layers.Flatten())
    return stack


def resizing_decoder():
    decoder = keras.Sequential([keras.Input((n_latent,)), layers.Dense(512, activation="tanh")])
    decoder.add(layers.Reshape((4, 4, 32)))
    for side, filters in ((7, 32), (14, 16), (28, 1)):
        decoder.add(layers.Resizing(side, side, interpolation="nearest"))
        decoder.add(layers.Conv2DTranspose(filters, 3, padding="same"))
        decoder.add(layers.LeakyReLU(0.2))
        if side < 28:
            decoder.add(layers.BatchNormalization(momentum=0.9))
    decoder.add(layers.Reshape((28, 28)))
    return decoder


# %% [markdown]
# The heads are the published ones too: the mean through a tanh, the deviation through a softplus. And the error is the mean over pixels, so the schedule is the published one, with its limit of 0.001. Only its time is stretched or shrunk to the epochs we have.

# %% tags=["local"]
def with_heads(stack):
    x = keras.Input((28, 28))
    features = stack(x)
    z_mean = layers.Dense(n_latent, activation="tanh", name="z_mean")(features)
    deviation = layers.Dense(n_latent, activation="softplus", name="deviation")(features)
    return keras.Model(x, [z_mean, 2 * ops.log(deviation + 1e-6)])


def mean_squared_error(x, x_hat):
    return ops.mean(ops.square(x - x_hat), axis=(1, 2))


def published_schedule(n_epochs):
    return lambda t: sigmoid(t, 0.4 * n_epochs, 0.1 * n_epochs, 0.001)


# %% [markdown]
# Stage one, the plain autoencoder, from image to code to image.

# %%
x_published = x_train[:published_images]
set_seed(seeds[0])
stack = feature_stack()
x = keras.Input((28, 28))
code = layers.Dense(n_latent, activation="tanh")(stack(x))
autoencoder = keras.Model(x, resizing_decoder()(code))
autoencoder.compile(keras.optimizers.Adam(0.001), "mse")
start = time.monotonic()
_ = autoencoder.fit(
    x_published,
    x_published,
    epochs=stage_one_epochs,
    batch_size=batch_size,
    callbacks=[EpochProgress("stage one, epoch")],
    verbose=0,
)
seconds_one = time.monotonic() - start

# %% [markdown]
# Stage two. The callbacks write both terms of the loss for TensorBoard and keep the weights of every second epoch; look at them with `tensorboard --logdir build/06` from the course's folder. Freezing means `trainable = False`: no gradients, and in Keras also no moving of batch normalisation's running means, which are not trained by gradients and easily forgotten.

# %%
folder = Path(plotting.__file__).parents[1] / "build" / "06"


# %% tags=["local"]
def train_vae(label, encoder, n_epochs):
    vae = VAE(encoder, resizing_decoder(), mean_squared_error, seed=seeds[0])
    vae.compile(keras.optimizers.Adam(0.001))
    batches = -(-len(x_published) // batch_size)
    weights = str(folder / label / "{epoch:03d}.weights.h5")
    callbacks = [
        EpochProgress(f"{label}, epoch"),
        KLAnnealing(published_schedule(n_epochs), every="epoch"),
        keras.callbacks.TensorBoard(folder / label / "scalars", write_graph=False),
        keras.callbacks.ModelCheckpoint(weights, save_weights_only=True, save_freq=2 * batches),
    ]
    options = {"epochs": n_epochs, "batch_size": batch_size, "callbacks": callbacks, "verbose": 0}
    start = time.monotonic()
    history = vae.fit(x_published, validation_data=(x_test,), **options).history
    return vae, history | {"seconds": time.monotonic() - start}


# %% [markdown]
# Freeze, note every weight, train, and look which ones have moved.

# %%
stack.trainable = False
before = [weight.numpy() for weight in stack.weights]
two_stage, two_history = train_vae("two-stage", with_heads(stack), stage_two_epochs)
moved = [np.abs(w.numpy() - old).max() for w, old in zip(stack.weights, before, strict=True)]

# %% tags=["nbval-check-output"]
check("weights in the frozen stack, with running means and variances", len(before), equals=18)
check("the largest move of any of them", max(moved), equals=0.0)
tail = sum(np.prod(w.shape) for w in two_stage.encoder.trainable_variables)
check("weights that the two heads train", int(tail), equals=2 * (512 + 1) * n_latent)
check("files for TensorBoard", len(list((folder / "two-stage").rglob("events*"))), above=1)
check("checkpoints", len(list((folder / "two-stage").glob("*.h5"))), above=0)

# %% [markdown]
# What is equal compute? A training step costs about three times a look forward: one forward, two backward. Encoder and decoder are of about the same size here. With the encoder frozen its two backward parts are saved: a step costs 4 parts of 6. So the rival gets as many epochs as stage one had, plus two thirds of stage two's.

# %%
one_epochs = round(stage_one_epochs + stage_two_epochs * 4 / 6)
set_seed(seeds[0])
one_stage, one_history = train_vae("one-stage", with_heads(feature_stack()), one_epochs)

# %%
stages = {
    "two stages": (two_stage, two_history, seconds_one + two_history["seconds"]),
    "one stage": (one_stage, one_history, one_history["seconds"]),
}
ends = {}
for name, (vae, history, seconds) in stages.items():
    error, kl = 784 * history["val_reconstruction_loss"][-1], history["val_kl_loss"][-1]
    ends[name] = error + 0.784 * kl
    row_ = f"{seconds:.0f}", f"{error:.1f}", f"{kl:.1f}", f"{ends[name]:.1f}"
    stages[name] = (vae, (name, *row_))
plotting.table(
    ["training", "seconds", "squared error, summed", "KL", "error + 0.784 KL"],
    [row_ for _, row_ in stages.values()],
)

# %%
rows = np.arange(25)
fig, axes = plt.subplots(1, 3, figsize=(8, 3))
plotting.image_grid(x_test[rows], 5, "original", ax=axes[0])
for ax, (name, (vae, _)) in zip(axes[1:], stages.items(), strict=True):
    grey = np.asarray(vae.decoder(vae.encoder(x_test[rows])[0]))
    plotting.image_grid(grey, 5, name, ax=ax)
plotting.show(
    fig,
    "Five by five test digits and their reconstructions by the two-stage and the one-stage training, "
    "both coarse and speckled after so few epochs.",
)

# %% [markdown]
# The table speaks for these settings; here is what of it can be checked.

# %% tags=["nbval-check-output"]
gain = ends["one stage"] - ends["two stages"]
check("one stage minus two stages, nats", gain, sample=(-11, 8), full=(-3, 4))
z_mean = np.asarray(one_stage.encoder(x_test[:200])[0])
check("largest mean code", np.abs(z_mean).max(), below=1 + 1e-6)
inside = math.erf(1 / math.sqrt(2))
check("prior draws with a number outside the tanh's reach, share", 1 - inside**n_latent, above=0.99)

# %% [markdown]
# At equal compute one stage did better here. The features that a plain autoencoder learns are not worse, but they are frozen for a code of another kind, and the epochs spent on them are missing later. (The recipe has its place where a trained encoder is at hand and costs nothing.) One training of each kind from one seed, in few epochs: enough to doubt a rule, not to make one.
#
# And a limit that no training removes: a tanh keeps every mean between $-1$ and $1$, while practically every draw from a prior with 32 numbers has at least one outside. The clouds have to be wide to make up for it, so the code can say little.
#
# ## Exercises
#
# ### 06.1 Predict
#
# Someone trains on images of 64 by 64 grey pixels, with the *mean* squared error over pixels and a KL summed over latents, and gives the KL the constant weight 0.0005. Which weight would do the same beside a squared error *summed* over pixels?

# %% tags=["nbval-check-output"]
weight = ...
check_exercise("06.1", weight)

# %% [markdown]
# <details><summary>Solution</summary>
#
# Multiply the whole loss by the number of pixels: $4096 \cdot 0.0005$. More than the full price, although 0.0005 looks harmless; and on images of another size the same 0.0005 would be another weight.
#
# ```python
# weight = 2.048
# ```
# </details>
#
# ### 06.2 Change
#
# Change `linear` so that the price stays at 0 for the first `wait` steps, then climbs in `length` further steps to 1. Train with it: does the waiting add anything?

# %% tags=["nbval-check-output"]
def delayed(step, wait, length):
    return ...


check_exercise("06.2", delayed)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def delayed(step, wait, length):
#     return np.clip((np.asarray(step) - wait) / length, 0, 1)
# ```
# </details>
#
# ### 06.3 Implement
#
# Free bits pay for silence latent by latent. Another remedy steers the *whole* code to a given capacity $C$ of nats: the loss is reconstruction $+\, \gamma \,\lvert \mathrm{KL} - C \rvert$, where KL is the average over the batch. With $C$ raised slowly it is a schedule, too. Write the loss of a batch, one number, from its reconstruction losses and KLs, one each for every image.

# %% tags=["nbval-check-output"]
def capacity_loss(reconstruction, kl, capacity, gamma):
    return ...


check_exercise("06.3", capacity_loss)

# %% [markdown]
# <details><summary>Solution</summary>
#
# The average comes first, then the absolute value: an image may take more than its share if another takes less.
#
# ```python
# def capacity_loss(reconstruction, kl, capacity, gamma):
#     return ops.mean(reconstruction) + gamma * ops.abs(ops.mean(kl) - capacity)
# ```
# </details>
#
# ### 06.4 Find the bug
#
# A published VAE sends both outputs of its encoder through a ReLU:
#
# ```python
# z_mean = layers.Dense(n_latent, activation="relu")(hidden)
# z_log_var = layers.Dense(n_latent, activation="relu")(hidden)
# ```
#
# Suppose that one latent is to tell apart just two kinds of images, equally frequent, by two clouds whose centres lie four standard deviations apart. A free encoder does that for 0.80 nats (means $\pm 0.894$, variance 0.2). What is the smallest average KL, in nats, for which these two outputs can do it?

# %% tags=["nbval-check-output"]
price = ...
check_exercise("06.4", price)

# %% [markdown]
# <details><summary>Solution</summary>
#
# The mean cannot be negative, and the variance $e^{\text{log-var}}$ cannot be below 1. The cheapest pair is the prior itself, for nothing, and a cloud at 4 with variance 1, for $\tfrac12 \cdot 16 = 8$ nats; 4 on average, five times the free price. With codes that dear, collapse comes early, and no schedule cures it.
#
# ```python
# price = 4.0
# ```
# </details>
#
# ## Recap
#
# - **When to try it:** when a network leaves latents silent that a gentler start would use. Two hidden layers did so, from every seed; with one hidden layer there was nothing to gain.
# - **How to see that it worked:** compare the full loss, at weight 1, over several seeds. Here the worst annealed training beat the best plain one, with more latents in use, while the loss that Keras prints on the way cannot be compared at all.
# - **When it cannot help:** when the price itself is wrong. A mean over pixels beside a summed KL collapsed to 0 nats and the average digit, and a latent that varies by less than its price is rightly silent.
#
# ## References
#
# - S. Bowman and others, *Generating Sentences from a Continuous Space*, 2016. Annealing the KL against collapse: section 3.1.
# - C. Sønderby and others, *Ladder Variational Autoencoders*, 2016. Warm-up and the active units of a deep VAE: section 3.
# - H. Fu and others, *Cyclical Annealing Schedule: A Simple Approach to Mitigating KL Vanishing*, 2019.
# - D. P. Kingma and others, *Improved Variational Inference with Inverse Autoregressive Flow*, 2016. Free bits: appendix C.8.
# - M. Hoffman and M. Johnson, *ELBO Surgery*, 2016. The split of the KL into mutual information and the distance of the pooled clouds from the prior.
# - A. Alemi and others, *Fixing a Broken ELBO*, 2018. Rate and distortion.
# - J. Lucas, G. Tucker, R. Grosse and M. Norouzi, *Don't Blame the ELBO! A Linear VAE Perspective on Posterior Collapse*, 2019. The toy of this page in full.
# - C. Burgess and others, *Understanding Disentangling in β-VAE*, 2018. The capacity of exercise 06.3.
