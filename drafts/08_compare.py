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
# # 08 · Compare the RBM, the VAE and the GAN
#
# Four models of the same digits, each trained its own way. Which is the best? It depends on the question, and this notebook puts several questions to all of them, with the same judge.
#
# **You will** train an RBM, a dense VAE, a convolutional VAE and a GAN on the same digits, a few times each, and measure them side by side.
#
# **You will learn**
# - which models have a likelihood, how its bounds compare, and why a GAN has none;
# - what Fréchet distance, precision, recall, digit counts and nearest neighbours each see, and what they miss;
# - how far a number moves when only the seed changes, or only the number of samples;
# - what each of the three kinds of model is good for.
#
# **You need** [notebook 02](02_train_an_rbm.ipynb), [notebook 04](04_dense_vae.ipynb) and [notebook 07](07_gan.ipynb), and about a minute and a half on two processor cores.

# %% [markdown]
# ## Setup

# %%
from helpers.runtime import EpochProgress, set_seed  # first: starts TensorFlow quietly

import itertools
import time

import keras
import numpy as np
from matplotlib import pyplot as plt

from helpers import evaluation, gan, plotting, rbm, vae
from helpers.checks import check, check_exercise, use_edition
from helpers.data import binarise_by_sampling, binarise_by_threshold, load_digits
from helpers.progress import progress

# %% [markdown]
# ## Parameters
#
# Each model is trained here, briefly, with every seed of the list. The full edition takes all of MNIST and judges 10,000 samples.

# %% tags=["parameters"]
edition = "sample"  # whose expected values the checks compare with: "sample" or "full"
dataset = "sample"  # "sample": 5,000 bundled digits; "mnist": all 70,000
seeds = [0, 1]  # each model is trained once with each
rbm_epochs = 20  # passes through the training digits, RBM
hidden_units = 200  # of the RBM
temperatures = 1000  # of annealed importance sampling
chain_steps = 200  # Gibbs steps from the end of training to a sample of the RBM
vae_epochs = 20  # passes, dense VAE
conv_vae_epochs = 8  # passes, convolutional VAE
n_latent = 16  # numbers in the code of either VAE
n_draws = 50  # codes drawn for each digit, for the bound on its likelihood
n_bounded = 1000  # held-out digits for that bound, a multiple of 20
gan_epochs = 12  # passes, convolutional GAN
dropout = 0.0  # in the discriminator; long training needs some
averaging = 0.995  # share of the old average that the average of its weights keeps at each step
classifier_epochs = 8  # passes, for the classifier that judges
n_judged = 1000  # samples for each judgement; no more than there are test digits

# %% tags=["nbval-check-output"]
use_edition(edition)
digits = load_digits(dataset)
x_train, x_test = (binarise_by_threshold(x) for x in (digits.x_train, digits.x_test))
print("training", x_train.shape, "testing", x_test.shape, "values", np.unique(x_train))

# %% [markdown]
# ## The idea: one dataset, one judge, many questions
#
# An RBM's pixels are on or off, so for once *all* models learn digits in black and white, cut at grey level ½. Then the two kinds of model that have a likelihood speak of the same pictures, and their nats can be compared. And every model's samples are brought to the same form before anybody looks at them: a pixel is black where the model finds ink more probable than not. That is a kindness to the RBM and the VAEs, and we shall measure how great a one.
#
# The judge is a classifier trained on the same black-and-white digits. All its verdicts come with two references: its own accuracy, and what it says of *real* training digits in the place of samples.

# %%
classifier = evaluation.train_classifier(x_train, digits.y_train, classifier_epochs)
own_accuracy = evaluation.accuracy(classifier, x_test, digits.y_test)
test_features = evaluation.features(classifier, x_test[:n_judged])


# %% tags=["local"]
def judge(pictures):
    """What the classifier and the nearest training digit say of n_judged pictures."""
    found = evaluation.features(classifier, pictures)
    precision, recall = evaluation.precision_and_recall(test_features[: len(found)], found)
    return {
        "Fréchet": evaluation.frechet_distance(found, test_features),
        "precision": precision,
        "recall": recall,
        "rarest digit": evaluation.digit_shares(classifier, pictures).min(),
        "nearest": np.median(evaluation.nearest_images(pictures[:500], x_train)[1]),
    }


# %% [markdown]
# Five numbers for each set of pictures. The **Fréchet distance** compares the spread of features as a whole. **Precision** is the share of samples that lie among the real digits in the space of features, **recall** the share of real digits that lie among the samples; "among" means within reach of the third nearest neighbour. The share of the **rarest digit** betrays collapse. The distance to the **nearest** training digit, in the root of the number of pixels that differ, betrays copying.

# %% tags=["nbval-check-output"]
picked = np.random.default_rng(0).permutation(len(x_train))[:n_judged]
real = judge(x_train[picked])
real["nearest"] = np.median(evaluation.nearest_images(x_test[:500], x_train)[1])
check("digits the judge reads right", own_accuracy, sample=(0.957, 0.015), full=(0.987, 0.005), n=len(x_test))
check("real training digits: Fréchet distance", real["Fréchet"], sample=(5, 2), full=(0.9, 0.4), n=n_judged)
check("real training digits: precision", real["precision"], sample=(0.8, 0.1), full=(0.8, 0.1), n=n_judged)
check("real training digits: recall", real["recall"], sample=(0.8, 0.1), full=(0.8, 0.1), n=n_judged)

# %% [markdown]
# Not even real digits reach 1, and their Fréchet distance is not 0: both depend on the number of pictures. A model is good if it comes near *these* values, not the ideal ones.
#
# ## The models
#
# Each of the following functions trains one model from a seed, and returns how to draw from it, what it says of the held-out digits in nats, and its number of parameters. A clock stands around the training alone.

# %% tags=["local"]
def clocked(steps):
    start = time.perf_counter()
    result = steps()
    return result, time.perf_counter() - start


def record(draw, nats, parameters, seconds):
    return {"draw": draw, "nats": nats, "parameters": parameters, "seconds": seconds}


# %% [markdown]
# **The RBM** learns by persistent, centred contrastive divergence with a falling step size, the best recipe of notebook 02. Annealed importance sampling estimates its $\log Z$, which makes its nats an estimate that tends to flatter. It draws by running on the persistent chains of its training, each several times with other random numbers, long enough to forget where they started.

# %% tags=["local"]
def train_rbm(seed):
    rng = np.random.Generator(np.random.SFC64(seed))
    v, v_test = x_train.reshape(-1, 784), x_test.reshape(-1, 784)
    bias = rbm.base_rate_bias(v)
    machine = rbm.RBM(784, hidden_units, rng, visible_bias=bias)
    recipe = {"persistent_chains": 100, "centred": True, "step_size": 0.1, "final_step_size": 0}
    epochs = rbm.train(machine, v, rng, epochs=rbm_epochs, batch_size=100, **recipe)
    steps = progress(epochs, "RBM, epoch", total=rbm_epochs)
    chains, seconds = clocked(lambda: [epoch.v_model for epoch in steps][-1])
    log_z = rbm.annealed_importance_sampling(machine, bias, rng, temperatures).log_z

    def draw(n):
        chain = machine.gibbs(np.resize(chains, (n, 784)), rng)
        for _ in range(chain_steps):
            state = next(chain)
        return state.visible_probability

    parameters = machine.W.size + sum(machine.W.shape)
    return record(draw, machine.log_likelihood(v_test, log_z).mean(), parameters, seconds)


# %% [markdown]
# **The VAEs** learn by the negative ELBO with a Bernoulli likelihood. Their nats are the importance-weighted bound of notebook 03, a lower bound. One has a hidden layer of 256 on either side, the other convolutions that halve the picture twice and double it twice.

# %% tags=["local"]
def conv_encoder():
    layers = keras.layers
    x = keras.Input((28, 28))
    hidden = layers.Reshape((28, 28, 1))(x)
    for filters in (16, 32):
        hidden = layers.Conv2D(filters, 3, strides=2, padding="same", activation="relu")(hidden)
    hidden = layers.Dense(128, activation="relu")(layers.Flatten()(hidden))
    return keras.Model(x, [layers.Dense(n_latent)(hidden) for _ in range(2)])


def conv_decoder():
    layers = keras.layers
    z = keras.Input((n_latent,))
    hidden = layers.Dense(128, activation="relu")(z)
    hidden = layers.Dense(7 * 7 * 32, activation="relu")(hidden)
    hidden = layers.Reshape((7, 7, 32))(hidden)
    hidden = layers.Conv2DTranspose(16, 4, strides=2, padding="same", activation="relu")(hidden)
    x_logits = layers.Conv2DTranspose(1, 4, strides=2, padding="same")(hidden)
    return keras.Model(z, layers.Reshape((28, 28))(x_logits))


# %% tags=["local"]
def train_vae(name, encoder, decoder, epochs, seed):
    model = vae.VAE(encoder, decoder, vae.bernoulli_loss, seed=seed)
    model.compile(keras.optimizers.Adam(0.001), jit_compile=False)
    options = {"batch_size": 64, "callbacks": [EpochProgress(f"{name}, epoch")], "verbose": 0}
    _, seconds = clocked(lambda: model.fit(x_train, epochs=epochs, **options))
    parts = (x_test[start : start + 20] for start in range(0, n_bounded, 20))
    weights = (vae.log_importance_weights(model, part, n_draws) for part in parts)
    bounds = [vae.importance_weighted_bound(log_weights) for log_weights in weights]
    rng = np.random.default_rng(seed)

    def draw(n):
        z = rng.standard_normal((n, n_latent), dtype=np.float32)
        logits = [decoder(z[start : start + 500]) for start in range(0, n, 500)]
        return np.asarray(keras.ops.sigmoid(np.concatenate(logits)))

    parameters = encoder.count_params() + decoder.count_params()
    return record(draw, np.mean(bounds), parameters, seconds)


# %% tags=["local"]
def train_dense_vae(seed):
    set_seed(seed)
    parts = vae.dense_encoder(n_latent), vae.dense_decoder(n_latent)
    return train_vae("dense VAE", *parts, vae_epochs, seed)


def train_conv_vae(seed):
    set_seed(seed)
    return train_vae("conv. VAE", conv_encoder(), conv_decoder(), conv_vae_epochs, seed)


# %% [markdown]
# **The GAN** is the convolutional one of notebook 07. It has no density: ask it how probable a digit is, and it has no answer. (Its discriminator has one, but to another question: real or fake?)

# %% tags=["local"]
def train_gan(seed):
    set_seed(seed)
    model = gan.GAN(gan.conv_generator(), gan.conv_discriminator(dropout=dropout), seed=seed)
    kept = {"use_ema": True, "ema_momentum": averaging}
    adams = keras.optimizers.Adam(0.001, 0.5, **kept), keras.optimizers.Adam(0.001, 0.5)
    model.compile(*adams, steps_per_execution=20, jit_compile=False)
    options = {"batch_size": 64, "callbacks": [EpochProgress("GAN, epoch")], "verbose": 0}
    _, seconds = clocked(lambda: model.fit(2 * x_train - 1, epochs=gan_epochs, **options))
    gan.use_averaged_weights(model)
    rng = np.random.default_rng(seed)

    def draw(n):
        z = rng.uniform(-1, 1, (n, model.generator.input_shape[-1])).astype(np.float32)
        pictures = [model(z[start : start + 500]) for start in range(0, n, 500)]
        return (1 + np.concatenate(pictures)) / 2

    return record(draw, None, model.generator.count_params(), seconds)


# %% [markdown]
# ## Train and judge
#
# Every model, every seed. The models draw with their own clock running.

# %%
makers = {"RBM": train_rbm, "dense VAE": train_dense_vae, "conv. VAE": train_conv_vae, "GAN": train_gan}
results = {name: [] for name in makers}
for name, seed in itertools.product(makers, seeds):
    model = makers[name](seed)
    drawn, seconds = clocked(lambda: model["draw"](n_judged))
    drawn = drawn.reshape(-1, 28, 28)
    model |= {"samples": binarise_by_threshold(drawn), "speed": n_judged / seconds}
    noisy = binarise_by_sampling(drawn, np.random.default_rng(seed))
    noisy_features = evaluation.features(classifier, noisy)
    model["Fréchet, drawn"] = evaluation.frechet_distance(noisy_features, test_features)
    results[name].append(model | judge(model["samples"]))

# %% [markdown]
# First by eye: two rows of each, not chosen.

# %%
rows = {"real digits": x_train[picked[:14]]}
rows |= {name: runs[0]["samples"][:14] for name, runs in results.items()}
plotting.show(
    plotting.image_rows(rows, "Samples of each model, not chosen"),
    "Rows of 14 black-and-white pictures: real digits, and samples of each model.",
)

# %% [markdown]
# TEXT_EYE
#
# Now all numbers. Each is the mean over the seeds, and behind the ± stands half the distance between the largest and the smallest.

# %% tags=["local"]
def spread(name, key, digits_shown=1):
    values = [run[key] for run in results[name]]
    if None in values:
        return "none"
    return f"{np.mean(values):.{digits_shown}f} ± {np.ptp(values) / 2:.{digits_shown}f}"


# %%
header = ["model", "nats per digit", "Fréchet", "with pixels drawn", "precision", "recall"]
header += ["rarest digit", "nearest training digit", "seconds to train", "samples per second", "parameters"]
places = {"nats": 1, "Fréchet": 1, "Fréchet, drawn": 1, "precision": 2, "recall": 2, "rarest digit": 3, "nearest": 1, "seconds": 0, "speed": 0}
rows = [("real digits", "", *(f"{real[key]:.{places[key]}f}" if key in real else "" for key in list(places)[1:]), "")]
for name, runs in results.items():
    values = (spread(name, key, shown) for key, shown in places.items())
    rows.append((name, *values, f"{runs[0]['parameters']:,}"))
plotting.table(header, rows)

# %% [markdown]
# TEXT_TABLE

# %%
fig, ax = plt.subplots(figsize=(6, 3.6))
for marker, (name, runs) in zip("os^D", results.items(), strict=True):
    ax.plot([r["recall"] for r in runs], [r["precision"] for r in runs], marker, label=name)
ax.plot(real["recall"], real["precision"], "k*", markersize=12, label="real digits")
ax.set(xlabel="recall: share of real digits it can draw", ylabel="precision: share that looks real")
ax.set_title("Every model and every seed")
ax.grid(alpha=0.25)
ax.legend(fontsize=8)
plotting.show(
    fig,
    "Recall across and precision upwards, a dot for each model and seed, and a star for real digits. ALT_PR",
)

# %% [markdown]
# TEXT_PR
#
# ### The claims, checked on every seed

# %% tags=["local"]
def worst(name, key):
    return min(run[key] for run in results[name])


def best(name, key):
    return max(run[key] for run in results[name])


# %% [markdown]
# CHECKS_TEXT

# %% [markdown]
# ## What the numbers do not say
#
# - The nats of RBM and VAE are for black-and-white digits, cut at ½. The same models on grey levels, or on pixels drawn at random, would have other nats. The RBM's are an *estimate* that errs upwards if it errs; the VAE's are a lower *bound*.
# - A good likelihood does not imply good samples, nor the reverse: the GAN has no likelihood at all.
# - Fréchet distance, precision and recall live in the features of one small classifier, and move with the number of samples. Another judge gives other numbers, if usually the same order.
# - All models are small and trained for seconds. More training would move every line of the table.
#
# ## What each model is for
#
# | | RBM | VAE | GAN |
# | --- | --- | --- | --- |
# | asks for | a probability that can be compared | a code for every picture, and a bound | nothing but samples |
# | likelihood | up to $\log Z$, which has to be estimated | lower bound | none |
# | drawing | a long chain | one pass | one pass |
# | finding a code for a picture | one pass | one pass | not built in |
# | filling in what is missing | natural: clamp and run the chain | roundabout | roundabout |
# | training | slow chains, few knobs | steady, one loss that means something | a game that can fail; judge from outside |
#
# Take an **RBM** for small binary problems, for repair, and to learn what sampling costs. Take a **VAE** if you want codes, a number to compare, and training that just works. Take a **GAN** if all that counts is how a sample looks.

# %% [markdown]
# ## Exercises
#
# ### 08.1 Predict
#
# A model draws perfect digits, in all their variety, but only 0 to 4. With very many samples, and ten digits equally frequent in the data, what is its recall?

# %% tags=["nbval-check-output"]
recall_of_half = ...
check_exercise("08.1", recall_of_half)

# %% [markdown]
# <details><summary>Solution</summary>
#
# No real 5 to 9 lies near anything that it draws.
#
# ```python
# recall_of_half = 0.5
# ```
# </details>

# %% [markdown]
# ### 08.2 Change
#
# Many papers give bits per pixel instead of nats per digit. Write the function that turns the log-likelihood of 28 × 28 digits, in nats, into that, and use it on the table.

# %% tags=["nbval-check-output"]
def bits_per_pixel(nats):
    return ...


check_exercise("08.2", bits_per_pixel)

# %% [markdown]
# <details><summary>Solution</summary>
#
# A bit is $\log 2$ nats, and a code length is minus a log-likelihood.
#
# ```python
# def bits_per_pixel(nats):
#     return -nats / (784 * np.log(2))
# ```
# </details>

# %% [markdown]
# ### 08.3 Implement
#
# The Fréchet distance of $n$ samples is too large by about $c / n$. So measure it at several $n$, draw a straight line over $1/n$, and read off where it meets $1/n = 0$. Write that as a function of the numbers of samples and the distances.

# %% tags=["nbval-check-output"]
def at_infinity(sizes, distances):
    return ...


check_exercise("08.3", at_infinity)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def at_infinity(sizes, distances):
#     slope, intercept = np.polyfit(1 / sizes, distances, 1)
#     return intercept
# ```
# </details>

# %% [markdown]
# ### 08.4 Find the bug
#
# A comparison puts the RBM's $-86$ nats beside the published dense VAE's loss of 38.33, summed squared error plus KL, and concludes that the VAE explains digits much better. But $e^{-(x - \hat x)^2}$ is not a density yet. How many nats must be added to the loss, for all 784 pixels together, to make it a bound on minus a log-*density*?

# %% tags=["nbval-check-output"]
missing = ...
check_exercise("08.4", missing)

# %% [markdown]
# <details><summary>Solution</summary>
#
# The area under $e^{-x^2}$ is $\sqrt\pi$, so each pixel lacks $\tfrac12 \log \pi$. And even then one number is a density of grey levels, the other a probability of black-and-white pictures: they cannot be compared at all.
#
# ```python
# missing = 784 / 2 * np.log(np.pi)
# ```
# </details>

# %% [markdown]
# ## Recap
#
# RECAP08

# %% [markdown]
# ## References
#
# - L. Theis, A. van den Oord and M. Bethge, *A Note on the Evaluation of Generative Models*, 2016. Why likelihood and samples can disagree; sections 3.1 to 3.3.
# - T. Kynkäänniemi et al., *Improved Precision and Recall Metric for Assessing Generative Models*, 2019. The balls around nearest neighbours, in section 3.
# - R. Salakhutdinov and I. Murray, *On the Quantitative Analysis of Deep Belief Networks*, 2008. Annealed importance sampling of an RBM; section 3.
# - Y. Burda, R. Grosse and R. Salakhutdinov, *Importance Weighted Autoencoders*, 2016. The bound on the VAE's likelihood; section 3.
# - M. Bińkowski et al., *Demystifying MMD GANs*, 2018. The bias of the Fréchet distance; appendix D.
