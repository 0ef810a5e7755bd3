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
# # 07 · Train a GAN, and judge it by more than its losses
#
# Can a network learn to draw if its only teacher is a second network that tries to catch it? And how do we know that it learns, when both losses stand still?
#
# **You will** play the game between the two on curves with known formulas, on a ring of eight spots, and on digits: with a published dense network, with a small convolutional one, and with a critic in place of the detective.
#
# **You will learn**
# - what the best possible discriminator answers, and which distance between distributions its loss measures;
# - why the generator does not use the loss that the theory gives it;
# - what mode collapse looks like, how to count it, and one cure;
# - four ways to tell whether a GAN works, none of which is its loss.
#
# **You need** [notebook 00](00_start_here.ipynb), some Keras, and about a minute and a half on two processor cores.

# %% [markdown]
# ## Setup

# %%
from helpers.runtime import EpochProgress, set_seed  # first: starts TensorFlow quietly

import keras
import numpy as np
import tensorflow as tf
from keras import ops
from matplotlib import pyplot as plt

from helpers import evaluation, plotting
from helpers.checks import check, check_exercise, use_edition
from helpers.data import load_digits
from helpers.gan import use_averaged_weights

# %% [markdown]
# ## Parameters
#
# The full edition takes all of MNIST, the published 50 epochs, and 10,000 samples for each judgement.

# %% tags=["parameters"]
edition = "sample"  # whose expected values the checks compare with: "sample" or "full"
dataset = "sample"  # "sample": 5,000 bundled digits; "mnist": all 70,000
curve_steps = 2000  # of the discriminator on curves with known formulas
ring_steps = 2000  # of both networks on the ring of eight spots
dense_epochs = 150  # passes through the training digits, dense networks
conv_epochs = 14  # passes, convolutional networks
critic_epochs = 4  # passes, the same networks with a critic
dropout = 0.0  # in the convolutional discriminator; long training needs some
averaging = 0.995  # share of the old average that the average of the weights keeps at each step
classifier_epochs = 8  # passes, for the classifier that judges
n_judged = 1000  # samples for each judgement; no more than there are test digits
seed = 0  # of the initial weights and of all random draws

# %% tags=["nbval-check-output"]
use_edition(edition)
set_seed(seed)
rng = np.random.default_rng(seed)
digits = load_digits(dataset)
print("training", digits.x_train.shape, "testing", digits.x_test.shape)

# %% [markdown]
# ## The idea: a forger and a detective
#
# A **generator** $G$ turns a random code $z$ into a picture $G(z)$. A **discriminator** $D$ looks at a picture, real or generated, and says how probable it is that it is real. The two are trained against each other: $D$ to be right, $G$ to make it wrong. Nobody ever compares a fake with a particular original. Goodfellow and colleagues wrote this as a game,
#
# $$\min_G \max_D \; \mathbb E_{x \sim p}\big[\log D(x)\big] + \mathbb E_{z}\big[\log\big(1 - D(G(z))\big)\big].$$
#
# Take $G$ as given for a moment, and let $q$ be the density of its pictures. At each point $x$ the discriminator then has to maximise $p \log D + q \log(1 - D)$. Set the derivative $p / D - q / (1 - D)$ to zero:
#
# $$D^*(x) = \frac{p(x)}{p(x) + q(x)} .$$
#
# Where only real pictures occur it says 1, where only fakes occur 0, and where both are equally frequent ½. Now put $D^*$ back in. With $m = (p + q) / 2$ we have $D^* = p / 2m$, so the loss that the best discriminator is left with, the *negative* of the game's value, is
#
# $$-\mathbb E_p\Big[\log \frac{p}{2m}\Big] - \mathbb E_q\Big[\log \frac{q}{2m}\Big] = 2 \log 2 - \mathrm{KL}(p \,\|\, m) - \mathrm{KL}(q \,\|\, m) = 2 \log 2 - 2\,\mathrm{JSD}(p, q).$$
#
# JSD is the **Jensen–Shannon divergence**, the average of the two KLs: 0 when the distributions are equal, and $\log 2$ when they never overlap. So a discriminator trained to the end is an instrument that measures a distance, and a generator that raises the loss of the best discriminator brings $q$ nearer to $p$.
#
# ### The loss of the discriminator
#
# $D$ ends in a *logit* $\ell$, any real number, and $D = \mathrm{sigmoid}(\ell)$. Then $-\log D = \mathrm{softplus}(\ell) - \ell$ and $-\log(1 - D) = \mathrm{softplus}(\ell)$, with $\mathrm{softplus}(\ell) = \log(1 + e^{\ell})$: no logarithm of zero can occur. One thing is added for later, a label $s$ for real pictures that may be a little below 1, the *smoothing*: $-s \log D - (1 - s) \log(1 - D)$.

# %%
def discriminator_loss(real_logits, fake_logits, smoothing=1.0):
    real = ops.softplus(real_logits) - smoothing * real_logits
    return ops.mean(real) + ops.mean(ops.softplus(fake_logits))


def descend(tape, loss, network, optimizer):
    variables = network.trainable_variables
    optimizer.apply(tape.gradient(loss, variables), variables)
    return loss


# %% [markdown]
# The second function is one step of an optimiser for *one* network. A GAN needs nothing more to keep its two players apart.
#
# A discriminator that cannot tell says ½, logit 0, everywhere, and its loss is $2 \log 2$. If it is right and sure, it loses nothing.

# %% tags=["nbval-check-output"]
zero, sure = np.zeros((1, 1)), np.full((1, 1), 100.0)
off = abs(float(discriminator_loss(zero, zero)) - 2 * np.log(2))
check("D = ½: loss minus 2 log 2, nats", off, below=1e-6)
check("right and sure: loss, nats", float(discriminator_loss(sure, -sure)), below=1e-6)

# %% [markdown]
# ### The theory on trial
#
# Let the "pictures" be single numbers. The real ones come from two bumps, the fakes from one wide bump; both densities have formulas. We train a small network to tell them apart, from random draws only, and then compare it with $p / (p + q)$.

# %% tags=["local"]
x_grid = np.linspace(-6, 6, 6001)
grid_step = x_grid[1] - x_grid[0]


def bump(x, mean, deviation):
    return np.exp(-0.5 * ((x - mean) / deviation) ** 2) / (deviation * np.sqrt(2 * np.pi))


def draw_real(*shape):
    left = rng.random(shape) < 0.6
    return np.where(left, rng.normal(-1, 0.5, shape), rng.normal(1.5, 0.4, shape))


p = 0.6 * bump(x_grid, -1, 0.5) + 0.4 * bump(x_grid, 1.5, 0.4)
q = bump(x_grid, 0, 1.2)

# %% tags=["local"]
def small_network(n_in, n_out, units, activation):
    layers = [keras.layers.Dense(units, activation) for _ in range(2)]
    return keras.Sequential([keras.Input((n_in,)), *layers, keras.layers.Dense(n_out)])


detective = small_network(1, 1, units=32, activation="tanh")
falling = keras.optimizers.schedules.CosineDecay(0.01, curve_steps)
optimizer = keras.optimizers.Adam(falling)
optimizer.build(detective.trainable_variables)


@tf.function
def train_detective(real, fake):
    for step in tf.range(len(real)):
        with tf.GradientTape() as tape:
            loss = discriminator_loss(detective(real[step]), detective(fake[step]))
        descend(tape, loss, detective, optimizer)


# %%
for _ in range(curve_steps // 100):
    real, fake = draw_real(100, 500, 1), rng.normal(0, 1.2, (100, 500, 1))
    train_detective(tf.constant(real, tf.float32), tf.constant(fake, tf.float32))
logits = np.asarray(detective(x_grid[:, None]), dtype=float)[:, 0]
D, best = 1 / (1 + np.exp(-logits)), p / (p + q)

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(8, 3))
left.plot(x_grid, p, label="real, p")
left.plot(x_grid, q, "--", label="fake, q")
left.set(xlabel="x", ylabel="density", title="Two known densities", xlim=(-4.5, 4.5))
right.plot(x_grid, best, "k", linewidth=3, alpha=0.3, label="p / (p + q)")
right.plot(x_grid, D, "C3--", label="trained D")
right.set(xlabel="x", ylabel="probability of real", xlim=(-4.5, 4.5), ylim=(0, 1))
right.set_title("What D answers")
for ax in (left, right):
    ax.legend(fontsize=8)
plotting.show(
    fig,
    "Left: the real density with two bumps and the fake density with one wide bump. Right: the "
    "trained discriminator lies on the curve p / (p + q): high over the two bumps, low between and "
    "outside them.",
)

# %% [markdown]
# The red line was learnt from labelled draws, the grey one is the formula. Two numbers say how well they agree: the mean difference, over pictures half of which are fakes; and the loss of the trained network, as an integral over both densities, against $2 \log 2 - 2\,\mathrm{JSD}$, an integral in which no network occurs.

# %% tags=["nbval-check-output"]
m = (p + q) / 2
jsd = np.sum(p * np.log(p / m) + q * np.log(q / m)) * grid_step / 2
trained_loss = np.sum(p * np.logaddexp(0, -logits) + q * np.logaddexp(0, logits)) * grid_step
check("mean difference of D and p / (p + q)", np.sum(abs(D - best) * m) * grid_step, below=0.01)
best_loss = 2 * np.log(2) - 2 * jsd
check("its loss over 2 log 2 - 2 JSD, minus 1", abs(trained_loss / best_loss - 1), below=0.01)
measured_jsd = np.log(2) - trained_loss / 2
check("JSD read off the loss, over the true one, minus 1", abs(measured_jsd / jsd - 1), below=0.01)
check("JSD of the two densities, nats", jsd, sample=(0.1080, 0.0001), full=(0.1080, 0.0001))

# %% [markdown]
# Both identities hold to one per cent. Mind the condition, though: the loss measures a distance if $D$ is the *best* discriminator. During a GAN's training it is not. It chases a generator that moves, and its loss says only how the chase stands.
#
# ## Which loss for the generator?
#
# The game as written gives the generator the loss $\log(1 - D(G(z)))$. Its slope with respect to $D$'s logit is $-D$. At the start of training fakes are easy to recognise, $D$ is nearly 0 there, and so is the slope: the generator gets no help just when it needs it most. This loss **saturates**. The usual way out keeps the goal and changes the loss, to $-\log D(G(z))$, with slope $D - 1$: it is steep where the generator is losing.

# %%
def generator_loss(fake_logits):
    return ops.mean(ops.softplus(-fake_logits))


def saturating_loss(fake_logits):
    return -ops.mean(ops.softplus(fake_logits))


# %% tags=["local"]
def slope(loss_function, logits):
    logits = tf.constant(logits, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        loss = loss_function(logits) * len(logits)  # the slope of each, not of the mean
    return tape.gradient(loss, logits).numpy()


some_logits = np.linspace(-8, 4, 121)
slopes = {
    "saturating": slope(saturating_loss, some_logits),
    "non-saturating": slope(generator_loss, some_logits),
}

# %%
fig, ax = plt.subplots(figsize=(6.5, 3))
for style, (name, values) in zip(("--", "-"), slopes.items(), strict=True):
    ax.plot(some_logits, -values, style, label=name)
ax.set(xlabel="logit of a fake: below 0, D recognises it", ylabel="push upwards")
ax.set_title("How hard each loss pushes the logit of a fake up")
ax.legend()
plotting.show(
    fig,
    "Two curves over the logit of a fake. The saturating one is near 0 for very negative logits and "
    "rises to 1; the non-saturating one is its mirror image, near 1 for negative logits.",
)

# %% [markdown]
# The curves are mirror images. On the left, where $D$ is sure of the fake, only the non-saturating loss pushes. The published GAN that we come to below states a third thing, $\min_G\,[\log D(x) + \log(1 - D(G(z)))]$: its first term does not depend on $G$ at all, and its code minimises the non-saturating loss. Exercise 07.4 asks for the number that tells the two apart.
#
# ## The model
#
# Here are all parts together. `discriminator_step` moves $D$ and nothing else; `generator_step` draws fresh fakes and moves $G$ and nothing else; `fit` does one of each for every batch. The codes are uniform in $[-1, 1]$. Two branches wait for the last section: `critic` and `penalty_weight`.

# %%
class GAN(keras.Model):
    def __init__(
        self, generator, discriminator, smoothing=1.0, critic=False, penalty_weight=0.0, seed=None
    ):
        super().__init__()
        self.generator, self.discriminator = generator, discriminator
        self.smoothing, self.critic, self.penalty_weight = smoothing, critic, penalty_weight
        self.noise = keras.random.SeedGenerator(seed)
        self.averages = [keras.metrics.Mean(n) for n in ("discriminator_loss", "generator_loss")]
        self.built = True  # because its parts are

    def compile(self, generator_optimizer, discriminator_optimizer, **kwargs):
        super().compile(discriminator_optimizer, **kwargs)
        self.generator_optimizer = generator_optimizer

    def call(self, z, training=False):
        return self.generator(z, training=training)

    def draw_fakes(self, n):
        z = keras.random.uniform((n, self.generator.input_shape[-1]), -1, 1, seed=self.noise)
        return self(z, training=True)

    def discriminator_step(self, real_images):
        fake_images = self.draw_fakes(ops.shape(real_images)[0])
        with tf.GradientTape() as tape:
            pair = [self.discriminator(x, training=True) for x in (real_images, fake_images)]
            loss = critic_loss(*pair) if self.critic else discriminator_loss(*pair, self.smoothing)
            if self.penalty_weight:
                penalty = gradient_penalty(self.discriminator, real_images, fake_images, self.noise)
                loss += self.penalty_weight * penalty
        return descend(tape, loss, self.discriminator, self.optimizer)

    def generator_step(self, n):
        with tf.GradientTape() as tape:
            fake_logits = self.discriminator(self.draw_fakes(n), training=True)
            loss = -ops.mean(fake_logits) if self.critic else generator_loss(fake_logits)
        return descend(tape, loss, self.generator, self.generator_optimizer)

    def train_step(self, data):
        real_images, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        n = ops.shape(real_images)[0]
        losses = self.discriminator_step(real_images), self.generator_step(n)
        for average, loss in zip(self.averages, losses, strict=True):
            average.update_state(loss)
        return {average.name: average.result() for average in self.averages}


# %% [markdown]
# Note `training=True` in `draw_fakes` and `training=False` in `call`. Some generators have dropout, which belongs to training. Left on while we draw, it would damage every picture at random.
#
# ## A ring of eight spots
#
# Before digits, a case where we can count. The real data are points in the plane, in eight small spots on a circle. A good generator must find *all* of them. We train the same two networks twice, from the same weights, and change only how the optimisers move them. In the first run Adam has its usual memory for past gradients, $\beta_1 = 0.9$, and the discriminator takes steps half as large as the generator. In the second, both take the same steps, with the shorter memory $\beta_1 = 0.5$.

# %% tags=["local"]
angles = 2 * np.pi * np.arange(8) / 8
spots = np.stack([np.cos(angles), np.sin(angles)], axis=1)


def draw_ring(n):
    return spots[rng.integers(8, size=n)] + rng.normal(0, 0.05, (n, 2))


def ring_gan(discriminator_rate, beta_1):
    set_seed(seed)
    gan = GAN(small_network(8, 2, 64, "relu"), small_network(2, 1, 64, "relu"), seed=seed)
    rates = 0.002, discriminator_rate
    adams = [keras.optimizers.Adam(rate, beta_1=beta_1) for rate in rates]
    gan.compile(*adams, steps_per_execution=50, jit_compile=False)
    return gan


# %% [markdown]
# A spot counts as found if at least 2 % of the samples lie in it, within four standard deviations of its centre; a fair share would be one in eight.

# %% tags=["local"]
def spots_found(points):
    distances = np.linalg.norm(points[:, None] - spots, axis=-1)
    near = distances.argmin(axis=1)[distances.min(axis=1) < 4 * 0.05]
    return int(np.sum(np.bincount(near, minlength=8) / len(points) > 0.02)), len(near) / len(points)


# %%
ring_z = rng.uniform(-1, 1, (2000, 8)).astype(np.float32)
films = {}
for name, settings in {"slow D, β₁ = 0.9": (0.001, 0.9), "equal, β₁ = 0.5": (0.002, 0.5)}.items():
    gan = ring_gan(*settings)
    film = films[name] = []
    for _ in range(5):
        gan.fit(draw_ring(128 * (ring_steps // 5)), batch_size=128, verbose=0)
        film.append(np.asarray(gan(ring_z)))

# %%
fig, axes = plt.subplots(2, 5, figsize=(8, 3.7), sharex=True, sharey=True)
for row, (name, film) in zip(axes, films.items(), strict=True):
    row[0].set_ylabel(name)
    for number, (ax, points) in enumerate(zip(row, film, strict=True), start=1):
        ax.scatter(*spots.T, s=60, facecolors="none", edgecolors="0.6")
        ax.scatter(*points[:500].T, s=2, alpha=0.5)
        ax.set(xlim=(-1.7, 1.7), ylim=(-1.7, 1.7), xticks=[], yticks=[], aspect="equal")
        ax.set_title(f"{number * (ring_steps // 5)}: {spots_found(points)[0]} found", fontsize=9)
fig.suptitle("Samples after so many steps, and the spots found", x=0.01, ha="left", fontsize=11)
plotting.show(
    fig,
    "Two rows of five panels with eight grey circles on a ring and generated points. In the upper "
    "row the points of each panel lie on one short streak, each time elsewhere. In the lower row "
    "they spread, and end up in all eight circles.",
)

# %% [markdown]
# Above is **mode collapse**. The generator puts all its points where $D$ is fooled just then; $D$ learns that place, too late, the generator moves its heap to the next, and round they go. Nothing in a loss tells that most of the world is missing. Below, the discriminator keeps up, and neither player goes on pushing in directions that the other has long answered. The chase settles, and all spots are found.

# %% tags=["nbval-check-output"]
collapsed, cured = films.values()
most = max(spots_found(points)[0] for points in collapsed)
check("slow D, long memory: most spots found at one time", most, below=4)
check("equal steps, short memory: spots found at the end", spots_found(cured[-1])[0], equals=8)
check("equal steps, short memory: share of samples in a spot", spots_found(cured[-1])[1], above=0.6)

# %% [markdown]
# ## A judge for digits
#
# On digits nobody counts spots by hand. So we need a judge from outside the game: a classifier, trained on labelled digits, that has never seen a fake. It tells which digit a picture shows. And the 64 numbers before its last layer, its *features*, describe a picture by what matters for reading. The **Fréchet distance** compares two sets of pictures by the means and covariances of their features, as if these were normal distributions:
#
# $$d^2 = |\mu_1 - \mu_2|^2 + \operatorname{tr}\!\big(C_1 + C_2 - 2\,(C_1^{1/2} C_2\, C_1^{1/2})^{1/2}\big).$$
#
# It notices blur, nonsense and missing digits alike. Its unit is this classifier's own, so what counts is the comparison with the **floor**: real training digits against real test digits. The judge's own skill comes first.

# %%
classifier = evaluation.train_classifier(digits.x_train, digits.y_train, classifier_epochs, seed)
own_accuracy = evaluation.accuracy(classifier, digits.x_test, digits.y_test)
test_features = evaluation.features(classifier, digits.x_test)
some = rng.permutation(len(digits.x_train))[:n_judged]
real_digits = digits.x_train[some]
real_features = evaluation.features(classifier, real_digits)


# %% tags=["local"]
def distance(features, n=n_judged):
    return evaluation.frechet_distance(features[:n], test_features)


sizes = [n for n in (125, 250, 500, 1000, 2000, 5000, 10_000) if n <= n_judged]
floors = [distance(real_features, n) for n in sizes]

# %% tags=["nbval-check-output"]
n_test = len(digits.x_test)
check("digits the judge reads right", own_accuracy, sample=(0.965, 0.012), full=(0.9885, 0.0035), n=n_test)
check("Fréchet distance, real training digits", floors[-1], sample=(5, 1.5), full=(0.85, 0.3), n=n_judged)
check(f"the same with {sizes[0]} digits, over that", floors[0] / floors[-1], above=2)

# %% [markdown]
# The last line is a warning: with fewer pictures, the *same* real digits seem further away. The distance has a bias that shrinks like one over the number of pictures. Never compare two Fréchet distances that were measured on different numbers, nor with different judges.
#
# ## A published GAN, as it was
#
# Now the GAN of a published notebook: codes of 100 numbers, through 32, 64 and 128 units to 784 pixels in $[-1, 1]$; the discriminator mirrors it. Leaky ReLU with slope 0.2, dropout 0.3 after every hidden layer, real labels smoothed to 0.9, Adam with step size 0.002 for each, batches of 64.

# %%
def dense_generator(n_latent=100):
    layers = [keras.Input((n_latent,))]
    for units in (32, 64, 128):
        layers += [keras.layers.Dense(units), keras.layers.LeakyReLU(0.2), keras.layers.Dropout(0.3)]
    layers += [keras.layers.Dense(28 * 28, activation="tanh"), keras.layers.Reshape((28, 28))]
    return keras.Sequential(layers, name="generator")


def dense_discriminator():
    layers = [keras.Input((28, 28)), keras.layers.Flatten()]
    for units in (128, 64, 32):
        layers += [keras.layers.Dense(units), keras.layers.LeakyReLU(0.2), keras.layers.Dropout(0.3)]
    return keras.Sequential([*layers, keras.layers.Dense(1)], name="discriminator")


# %% [markdown]
# Why smooth the labels of the real digits? A discriminator that is asked for 1 drives its logits up without end. Asked for 0.9, it stops at $\log 9$. The label of the fakes stays 0.
#
# While it trains, a small callback keeps a **film strip**: the pictures of the same 16 codes, so that what changes from frame to frame is the generator and not the code. It also measures the Fréchet distance of fresh samples.

# %% tags=["local"]
def grey(pictures):
    return (1 + np.asarray(pictures)) / 2


def draw(gan, n):
    z = rng.uniform(-1, 1, (n, gan.generator.input_shape[-1])).astype(np.float32)
    return np.concatenate([grey(gan(z[start : start + 500])) for start in range(0, n, 500)])


class Film(EpochProgress):
    def __init__(self, label, epochs, n_latent):
        super().__init__(label)
        self.z = np.random.default_rng(seed).uniform(-1, 1, (16, n_latent)).astype(np.float32)
        self.epochs = {1, *np.rint(np.linspace(0, epochs, 10)[1:]).astype(int).tolist()}
        self.frames, self.distances = {}, {}

    def on_epoch_end(self, epoch, logs=None):
        super().on_epoch_end(epoch, logs)
        if epoch + 1 in self.epochs:
            samples = draw(self.model, min(n_judged, 2000))
            self.frames[epoch + 1] = grey(self.model(self.z))
            self.distances[epoch + 1] = distance(evaluation.features(classifier, samples))


# %% tags=["local"]
def train(label, gan, adams, epochs):
    gan.compile(*adams, steps_per_execution=20, jit_compile=False)
    film = Film(f"{label}, epoch", epochs, gan.generator.input_shape[-1])
    images = 2 * digits.x_train - 1
    history = gan.fit(images, batch_size=64, epochs=epochs, callbacks=[film], verbose=0).history
    return history, film


set_seed(seed)
dense_gan = GAN(dense_generator(), dense_discriminator(), smoothing=0.9, seed=seed)
adams = [keras.optimizers.Adam(0.002) for _ in range(2)]
dense_history, dense_film = train("dense GAN", dense_gan, adams, dense_epochs)

# %% tags=["local"]
def settled(history, film):
    """The first frame after which no loss is more than a quarter of a nat from its end."""
    losses = np.array(list(history.values()))
    end = losses[:, -max(1, losses.shape[1] // 10) :].mean(axis=1, keepdims=True)
    off = np.flatnonzero(np.abs(losses - end).max(axis=0) > 0.25)
    last_off = off[-1] + 1 if len(off) else 0
    return min([epoch for epoch in film.distances if epoch > last_off] or film.distances)


def learning_figure(history, film, alt):
    fig, (left, right) = plt.subplots(1, 2, figsize=(8, 3))
    names = {"discriminator": "discriminator_loss", "generator": "generator_loss"}
    series = {name: history[key] for name, key in names.items()}
    plotting.curves(series, "epoch", "loss, nats", "The two losses", ax=left)
    right.plot(film.distances.keys(), film.distances.values(), "C2.-", label="samples")
    right.axhline(floors[-1], color="k", linestyle="--", label="real digits")
    for ax in (left, right):
        ax.axvline(settled(history, film), color="0.5", linestyle=":", label="settled")
        ax.legend()
        ax.xaxis.get_major_locator().set_params(integer=True)
    right.set(xlabel="epoch", ylabel="Fréchet distance", yscale="log")
    right.set_title("Distance of fresh samples")
    plotting.show(fig, alt)


# %%
learning_figure(
    dense_history,
    dense_film,
    "Left: the two losses of the dense GAN, which run almost flat after the dotted line. Right: on a "
    "logarithmic axis, the Fréchet distance of its samples goes on falling after the dotted line, "
    "and ends far above the dashed line of real digits.",
)

# %% [markdown]
# The dotted line marks where the losses have settled: from there on, neither is ever more than a quarter of a nat from where it ends. Judged by its losses, this GAN has stopped learning. Judged by its samples, it has not: their distance from real digits goes on falling.

# %% tags=["nbval-check-output"]
start, end = settled(dense_history, dense_film), max(dense_film.distances)
fall = dense_film.distances[start] / dense_film.distances[end]
last_losses = {name: np.mean(values[-(dense_epochs // 10) :]) for name, values in dense_history.items()}
check("Fréchet distance where the losses settle, over the last", fall, above=1.3)
check("discriminator loss at the end, nats", last_losses["discriminator_loss"], sample=(1.23, 0.1), full=(1.25, 0.1))
check("generator loss at the end, nats", last_losses["generator_loss"], sample=(1.2, 0.25), full=(0.95, 0.15))
check("Fréchet distance at the end", dense_film.distances[end], sample=(180, 60), full=(50, 20))

# %% tags=["local"]
def show_film(film, title, alt):
    rows = {f"epoch {epoch}, {film.distances[epoch]:.0f}": film.frames[epoch] for epoch in film.frames}
    plotting.show(plotting.image_rows(rows, title), alt)


show_film(
    dense_film,
    "Dense GAN: the same 16 codes; epoch, and Fréchet distance",
    "Rows of 16 pictures, from the first epoch to the last: grey clouds turn into ragged, speckled "
    "strokes, of which some can be read as digits.",
)

# %% [markdown]
# The strip shows what the losses hid. Grey clouds become ragged strokes; but the strokes stay speckled, because every pixel is painted by weights of its own, and many codes give nearly the same picture.
#
# ## A convolutional GAN
#
# A pixel's neighbours say most about it, and a stroke looks alike wherever it is. Convolutions know that; dense layers have to learn it pixel by pixel. So in the same minutes a small convolutional pair gets much further. The generator makes maps of $7 \times 7$ and doubles them twice; the discriminator halves the picture twice.

# %%
def conv_generator(n_latent=16, filters=32):
    layers = keras.layers
    z = x = keras.Input((n_latent,))
    for units in (128, 7 * 7 * 2 * filters):
        x = layers.Dense(units, use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.Reshape((7, 7, 2 * filters))(x)
    x = layers.Conv2DTranspose(filters, 4, strides=2, padding="same", use_bias=False)(x)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.Conv2DTranspose(1, 4, strides=2, padding="same", activation="tanh")(x)
    return keras.Model(z, layers.Reshape((28, 28))(x), name="generator")


def conv_discriminator(filters=32, dropout=0.0):
    layers = keras.layers
    x = keras.Input((28, 28))
    y = layers.Reshape((28, 28, 1))(x)
    for n_filters in (filters, 2 * filters):
        y = layers.Conv2D(n_filters, 4, strides=2, padding="same")(y)
        y = layers.Dropout(dropout)(layers.LeakyReLU(0.2)(y))
    y = layers.LeakyReLU(0.2)(layers.Dense(128)(layers.Flatten()(y)))
    return keras.Model(x, layers.Dense(1)(y), name="discriminator")


# %% [markdown]
# Two plain layers matter as much as the convolutions: the one of 128 units between code and maps, and the one before the discriminator's logit. A convolution looks at a patch; these layers look at the whole picture, and see to it that the strokes fit together. (Take them out and train again: the strokes stay clean, and the digits fall to pieces.) Batch normalisation keeps the generator's layers in a healthy range. There is none in the discriminator, so that it judges each picture by itself.

# %% tags=["local"]
def conv_gan(**settings):
    set_seed(seed)
    return GAN(conv_generator(), conv_discriminator(dropout=dropout), seed=seed, **settings)


def two_adams():
    kept = {"use_ema": True, "ema_momentum": averaging}
    return keras.optimizers.Adam(0.001, 0.5, **kept), keras.optimizers.Adam(0.001, 0.5)


# %%
image_gan = conv_gan()
image_history, image_film = train("convolutional GAN", image_gan, two_adams(), conv_epochs)

# %%
learning_figure(
    image_history,
    image_film,
    "Left: the losses of the convolutional GAN. Right: on a logarithmic axis, the Fréchet distance "
    "of its samples falls with the epochs.",
)

# %%
show_film(
    image_film,
    "Convolutional GAN: the same 16 codes; epoch, and Fréchet distance",
    "Rows of 16 pictures, from the first epoch to the last: blots turn into clear digits.",
)

# %% [markdown]
# The losses of this pair settle too, and tell as little. The film strip is another matter: after a few epochs most pictures are made of clean strokes, and the fixed codes have become different digits.
#
# ### The average of many generators
#
# Look at the last frames of the strip: the pictures still change, back and forth, because each player keeps answering the other's last move. An average over the generator's recent *weights* is steadier than any single set of them. Keras's optimisers can keep such a running average, `average = averaging × average + (1 − averaging) × weights`, and we put it in the place of the last weights.
#
# There is a catch. Batch normalisation has gathered the means and variances of its inputs *for the last weights*. They do not fit the average. So `use_averaged_weights` lets the averaged network draw a large batch once, and takes the statistics from there. What happens if one forgets that? We try both.

# %%
normalisations = [part for part in image_gan.generator.layers if "normalization" in part.name]
last_statistics = [part.non_trainable_variables[:2] for part in normalisations]
last_statistics = [[v.numpy() for v in pair] for pair in last_statistics]
with_last = draw(image_gan, n_judged)
use_averaged_weights(image_gan)
with_average = draw(image_gan, n_judged)


# %% tags=["local"]
def swap_statistics(statistics):
    for part, values in zip(normalisations, statistics, strict=True):
        for variable, value in zip(part.non_trainable_variables, values, strict=False):
            variable.assign(value)


fitting = [[v.numpy() for v in part.non_trainable_variables[:2]] for part in normalisations]
swap_statistics(last_statistics)
forgotten = draw(image_gan, n_judged)
swap_statistics(fitting)
variants = {"last weights": with_last, "average": with_average, "average, old statistics": forgotten}
reached = {k: distance(evaluation.features(classifier, v)) for k, v in variants.items()}

# %%
fig, axes = plt.subplots(1, 3, figsize=(8, 3))
for ax, (title, images) in zip(axes, variants.items(), strict=True):
    plotting.image_grid(images[:64], 8, f"{title}: {reached[title]:.0f}", ax=ax)
plotting.show(
    fig,
    "Three grids of 64 samples with their Fréchet distances: with the last weights, with averaged "
    "weights and fitting statistics, and with averaged weights and the old statistics.",
)

# %% [markdown]
# The average is clearly nearer to real digits than the weights it was made of. With the old statistics a good part of the gain is lost; had the weights moved further, all of it would be, and the averaged network can then draw one and the same digit for every code.

# %% tags=["nbval-check-output"]
check("Fréchet distance, last weights over average", reached["last weights"] / reached["average"], above=1.05)
check("Fréchet distance, average", reached["average"], sample=(15, 8), full=(7, 3), n=n_judged)

# %% [markdown]
# ### Side by side with real digits

# %%
fig, axes = plt.subplots(1, 3, figsize=(8, 3))
sampled = {"dense GAN": draw(dense_gan, n_judged), "convolutional GAN": draw(image_gan, n_judged)}
panels = {"real digits": real_digits} | sampled
for ax, (title, images) in zip(axes, panels.items(), strict=True):
    plotting.image_grid(images[:100], 10, title, ax=ax)
plotting.show(
    fig,
    "Three grids of 100 pictures: real digits; ragged and speckled ones of the dense GAN; clean "
    "strokes of the convolutional GAN, most of which can be read.",
)

# %% [markdown]
# ## How to tell whether a GAN works
#
# The losses cannot say it. Four things can, each from outside the game:
#
# - the **film strip** of fixed codes: do pictures get better, and do different codes stay different?
# - the **Fréchet distance**, with the floor beside it;
# - the **digit counts**: does the model draw all ten?
# - the **nearest training digits**: does it draw, or does it copy?
#
# ### Which digits does it draw?

# %%
shares = {name: evaluation.digit_shares(classifier, images) for name, images in panels.items()}
fig, ax = plt.subplots(figsize=(7, 2.8))
for offset, (name, values) in zip((-0.27, 0, 0.27), shares.items(), strict=True):
    ax.bar(np.arange(10) + offset, values, 0.26, label=name)
ax.axhline(0.05, color="k", linewidth=1, linestyle=":")
ax.set(xticks=range(10), xlabel="digit, as the judge reads it", ylabel="share of samples")
ax.set_title("How often each digit is drawn")
ax.legend(fontsize=8, ncols=3)
ax.set_ylim(0, 1.25 * max(values.max() for values in shares.values()))
plotting.show(
    fig,
    "For each digit three bars: its share among real digits, among samples of the dense GAN and of "
    "the convolutional GAN. The bars of real digits are about equal; those of the two models are "
    "uneven. A dotted line marks 5 per cent.",
)

# %% [markdown]
# The judge sorts every picture under some digit, nonsense too, so these bars flatter a bad model. But a digit that is missing would show. The convolutional GAN draws all ten, each in more than one of twenty samples.

# %% tags=["nbval-check-output"]
check("convolutional GAN: share of the rarest digit", shares["convolutional GAN"].min(), above=0.05)

# %% [markdown]
# ### Does it copy?
#
# A generator could fool every judge so far by storing the training digits. So for each sample we look up the nearest training digit, pixel by pixel. What is near? Held-out digits, which nobody can have copied, give the measure.

# %%
image_samples = sampled["convolutional GAN"]
nearest, sample_distance = evaluation.nearest_images(image_samples[:500], digits.x_train)
_, unseen_distance = evaluation.nearest_images(digits.x_test[:500], digits.x_train)
rows = {"sample": image_samples[:14], "nearest real": digits.x_train[nearest[:14]]}
plotting.show(
    plotting.image_rows(rows, "Samples, and the training digit nearest to each"),
    "Two rows of 14 pictures: samples of the convolutional GAN, and below each the nearest training "
    "digit. They mostly show the same digit in a similar slant, but the strokes differ.",
)

# %% tags=["nbval-check-output"]
ratio = np.median(sample_distance) / np.median(unseen_distance)
check("distance to the training digits, samples over unseen digits", ratio, sample=(0.97, 0.12), full=(0.97, 0.12), n=500)
check("smallest distance of a sample to a training digit", sample_distance.min(), above=0.5)

# %% [markdown]
# A sample is about as far from the training digits as a real digit that nobody has seen, and none of them is a copy. (The distance is the root of the sum of squared differences over 784 pixels.)
#
# ## A critic in place of the detective
#
# Where real and fake pictures do not overlap, a perfect discriminator's loss is 0, the Jensen–Shannon divergence is $\log 2$, and neither says *how far* apart they are. The **Wasserstein distance** does: the least average way by which the fakes would have to be moved to become the real pictures. It can be read off a *critic* $f$, which gives scores instead of probabilities and may nowhere be steeper than 1:
#
# $$W(p, q) = \max_{|\nabla f| \le 1} \; \mathbb E_p\big[f(x)\big] - \mathbb E_q\big[f(x)\big].$$
#
# The critic's loss is the negative of that. The condition on its slope is the hard part; here it is asked for by a **gradient penalty**, $(|\nabla f| - 1)^2$ at random places on the lines from real to fake pictures.

# %%
def critic_loss(real_scores, fake_scores):
    return ops.mean(fake_scores) - ops.mean(real_scores)


def gradient_penalty(discriminator, real_images, fake_images, seed):
    shape = (ops.shape(real_images)[0],) + (1,) * (len(real_images.shape) - 1)
    share = keras.random.uniform(shape, seed=seed)
    between = share * real_images + (1 - share) * fake_images
    with tf.GradientTape() as tape:
        tape.watch(between)
        scores = discriminator(between)
    gradient = tape.gradient(scores, between)
    squared_norm = ops.sum(ops.square(gradient), axis=tuple(range(1, len(between.shape))))
    return ops.mean(ops.square(ops.sqrt(squared_norm + 1e-12) - 1))


# %% [markdown]
# Two details that are easily missed: the share is *uniform*, so that places beyond either picture do not count, and the tiny number under the root keeps the slope of the root finite where the gradient is zero. A critic that is linear has the same slope everywhere, so the penalty is known: slope 3 must cost $(3 - 1)^2 = 4$.

# %% tags=["nbval-check-output"]
some_real, some_fake = (tf.constant(rng.normal(size=(50, 9)), tf.float32) for _ in range(2))
for steepness, cost in {1: 0, 3: 4}.items():
    penalty = gradient_penalty(
        lambda x, a=steepness: a * ops.sum(x, axis=1) / 3, some_real, some_fake, seed
    )
    check(f"penalty of slope {steepness}, minus {cost}", abs(float(penalty) - cost), below=1e-4)

# %%
critic_gan = conv_gan(critic=True, penalty_weight=10.0)
critic_history, critic_film = train("Wasserstein GAN", critic_gan, two_adams(), critic_epochs)
use_averaged_weights(critic_gan)

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(8, 3))
plotting.curves(
    {"critic": critic_history["discriminator_loss"]}, "epoch", "loss", "The critic's loss", ax=left
)
left.get_legend().remove()
right.plot(critic_film.distances.keys(), critic_film.distances.values(), "C2.-")
right.axhline(floors[-1], color="k", linestyle="--", label="real digits")
right.set(xlabel="epoch", ylabel="Fréchet distance", yscale="log", title="Distance of fresh samples")
right.legend()
for ax in (left, right):
    ax.xaxis.get_major_locator().set_params(integer=True)
plotting.show(
    fig,
    "Left: the critic's loss is negative and rises towards 0. Right: the Fréchet distance falls over "
    "the same epochs.",
)

# %% [markdown]
# Here the loss does say something: as it rises towards 0, the pictures get better. It is an estimate of how far apart the two distributions still are, while the losses of the other two GANs only told how the chase stood.

# %% tags=["nbval-check-output"]
critic_loss_then = [critic_history["discriminator_loss"][epoch - 1] for epoch in critic_film.distances]
log_distances = np.log(list(critic_film.distances.values()))
together = np.corrcoef(-np.array(critic_loss_then), log_distances)[0, 1]
check("correlation of minus the critic's loss with log Fréchet", together, above=0.8)

# %% [markdown]
# ## All three side by side

# %%
sampled["Wasserstein GAN"] = draw(critic_gan, n_judged)
models = {"dense GAN": dense_gan, "convolutional GAN": image_gan, "Wasserstein GAN": critic_gan}
judged, rows = {}, []
for name, images in ({"real digits": real_digits} | sampled).items():
    found = evaluation.features(classifier, images)
    rarest = evaluation.digit_shares(classifier, images).min()
    judged[name] = distance(found), rarest
    parameters = f"{models[name].generator.count_params():,}" if name in models else ""
    rows.append((name, f"{judged[name][0]:.1f}", f"{rarest:.1%}", parameters))
plotting.table(["", "Fréchet distance", "share of the rarest digit", "generator's parameters"], rows)

# %% [markdown]
# The Wasserstein GAN was trained for fewer passes than the other, and each of its steps costs more, because the penalty needs a gradient of a gradient. So the table does not say that it is the worse idea. It says what each of them reached here.

# %% tags=["nbval-check-output"]
better = judged["dense GAN"][0] / judged["convolutional GAN"][0]
check("Fréchet distance, dense over convolutional GAN", better, above=3)
check("Fréchet distance, Wasserstein GAN", judged["Wasserstein GAN"][0], sample=(110, 50), full=(30, 20), n=n_judged)

# %% [markdown]
# ## Exercises
#
# ### 07.1 Predict
#
# Suppose that the generator is perfect: its pictures are distributed like the real ones. The labels of real pictures are smoothed to 0.9. Which probability does the best discriminator answer, for every picture?

# %% tags=["nbval-check-output"]
answer = ...
check_exercise("07.1", answer)

# %% [markdown]
# <details><summary>Solution</summary>
#
# With $p = q$ it minimises $-0.9 \log D - 0.1 \log(1 - D) - \log(1 - D)$, so $0.9 / D = 1.1 / (1 - D)$. It is the average label, over real and fake.
#
# ```python
# answer = 0.9 / 2
# ```
# </details>

# %% [markdown]
# ### 07.2 Change
#
# Cross-entropy is not the only way to play. Write the discriminator's loss of a *least-squares* GAN: the mean squared difference of real scores from 1, plus that of the fakes' scores from 0. Then put it into a copy of `GAN`, let the generator ask for score 1, and run the ring again.

# %% tags=["nbval-check-output"]
def least_squares_loss(real_scores, fake_scores):
    return ...


check_exercise("07.2", least_squares_loss)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def least_squares_loss(real_scores, fake_scores):
#     return ops.mean(ops.square(real_scores - 1)) + ops.mean(ops.square(fake_scores))
# ```
# </details>

# %% [markdown]
# ### 07.3 Implement
#
# A sharper test for copies: is a sample nearer to the training digits or to equally many held-out ones? A model that does not copy has no preference. Write a function that returns the share of samples whose nearest neighbour among all of them is a training picture. `evaluation.nearest_images` returns positions and distances. Try it on the convolutional GAN, with the first 1,000 training digits against the test digits.

# %% tags=["nbval-check-output"]
def share_nearer(samples, training, held_out):
    return ...


check_exercise("07.3", share_nearer)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def share_nearer(samples, training, held_out):
#     to_training = evaluation.nearest_images(samples, training)[1]
#     to_held_out = evaluation.nearest_images(samples, held_out)[1]
#     return np.mean(to_training < to_held_out)
# ```
# </details>

# %% [markdown]
# ### 07.4 Find the bug
#
# The published GAN states the generator's goal as $\min_G\,[\log D(x) + \log(1 - D(G(z)))]$, but its code minimises $-\log D(G(z))$. Early on, the discriminator gives a fake the probability 0.02. How many times steeper is the loss in the code than the one in the text, as functions of the logit of that fake?

# %% tags=["nbval-check-output"]
ratio_of_slopes = ...
check_exercise("07.4", ratio_of_slopes)

# %% [markdown]
# <details><summary>Solution</summary>
#
# The first term of the text does not depend on $G$. The slope of the second is $-D$, that of the code's loss $D - 1$. Whoever implements the text gets a generator that hardly moves at first.
#
# ```python
# ratio_of_slopes = (1 - 0.02) / 0.02
# ```
# </details>

# %% [markdown]
# ## Recap
#
# - A trained discriminator is $p / (p + q)$, and the loss it is left with is $2 \log 2 - 2\,\mathrm{JSD}$: both to one per cent, on densities with formulas.
# - Where fakes are recognised, the saturating loss gives no slope, the non-saturating one does.
# - On a ring of eight spots a generator whose opponent lagged behind collapsed; with equal steps and a shorter memory it found all eight.
# - The dense GAN's losses stood still while its samples came much nearer to real digits; the convolutional one came much nearer still.
# - Whether a GAN works is seen from outside: film strip, Fréchet distance with its floor, digit counts, nearest training digits.

# %% [markdown]
# ## References
#
# - I. Goodfellow et al., *Generative Adversarial Nets*, 2014. The game; the optimal discriminator is proposition 1, the divergence theorem 1; the non-saturating loss at the end of section 3.
# - T. Salimans et al., *Improved Techniques for Training GANs*, 2016. One-sided label smoothing in section 3.4.
# - A. Radford, L. Metz and S. Chintala, *Unsupervised Representation Learning with Deep Convolutional GANs*, 2016. Section 3 on networks that train, and on β₁ = 0.5.
# - M. Arjovsky, S. Chintala and L. Bottou, *Wasserstein GAN*, 2017, and I. Gulrajani et al., *Improved Training of Wasserstein GANs*, 2017. The distance and the critic; the gradient penalty in section 4 of the second.
# - M. Heusel et al., *GANs Trained by a Two Time-Scale Update Rule*, 2017. The Fréchet distance in section 4.
