"""Every exercise: its stub, its solution, plausible slips, every kind of answer, and its hints."""

import ast
import contextlib
import re
from collections import Counter
from decimal import Decimal
from fractions import Fraction
from functools import cache

import numpy as np
import pytest
from notebook_files import PATHS, code_cells
from notebook_files import exercises as exercises_of

from helpers import exercises
from helpers.exercises import EXERCISES, judge, same
from helpers.runtime import keras, tf

# number -> notebook, name of the answer, stub cell, solution
FOUND = {n: (path, *parts) for path in PATHS for n, parts in exercises_of(path).items()}
NUMBERS = [n for n in EXERCISES if EXERCISES[n].asks == "number"]
FUNCTIONS = [n for n in EXERCISES if EXERCISES[n].asks == "function"]
RIGHT = "right"

# For each exercise: code that defines an answer, plausible slips and near misses, and words of the
# feedback that it gets, or RIGHT.
SLIPS = {
    "00.1": [
        ("white_share = 0.5", "how much is paper"),
        ("white_share = 0.868", "how much is paper"),  # what a threshold of ½ leaves white
        ("white_share = 0", "how much is paper"),
        ("white_share = 1", "how much is paper"),
        ("white_share = 1.24", "between 0 and 1"),
        ("white_share = 0.855", RIGHT),
        ("white_share = 0.86", "how much is paper"),
    ],
    "00.2": [
        ("growth = 0.75", "the other way round"),
        ("growth = 2.5", "the share at threshold 0.2"),
        ("growth = 1", "the share at threshold 0.2"),
        ("growth = 1.24", RIGHT),
        ("growth = 1.25", "the share at threshold 0.2"),
        ("growth = 1.255", "the share at threshold 0.2"),
    ],
    "00.3": [
        ("def average_digit(images, labels, digit): return images.mean(axis=0)", "use the labels"),
        (
            "def average_digit(images, labels, digit): return images[labels == digit].mean()",
            "yours has shape ()",
        ),
        ("def average_digit(images, labels, digit): return images[digit]", "which images count"),
    ],
    "00.4": [
        (
            "def images_of(rows): return rows[:, :784].reshape(-1, 28, 28) / 255",
            "your first pixel is still the label",
        ),
        ("def images_of(rows): return rows[:, 1:].reshape(-1, 28, 28)", "check the range"),
        ("def images_of(rows): return rows[:, 1:] / 255", "yours gave (3, 784)"),
    ],
    "01.1": [
        ("steps_without_weights = 0", "for sure"),
        ("steps_without_weights = 2", "depend on"),
    ],
    "01.2": [
        ("steps_weaker = 26", "the RBM of the page"),
        ("steps_weaker = mixing_steps(*toy_rbm(weight_std=1.5, seed=2)) - 1", "seed=2"),
        ("steps_weaker = mixing_steps(*toy_rbm(weight_std=1.5, seed=1))", "seed=2"),
    ],
    "01.3": [
        (
            "def pixel_probability(v, pixel, W, b, c):\n"
            "    return visible_probability(hidden_probability(v, W, c), W, b)[:, pixel]",
            "must not depend",
        ),
        (
            "def pixel_probability(v, pixel, W, b, c):\n"
            "    blank, inked = v.copy(), v.copy()\n"
            "    blank[:, pixel], inked[:, pixel] = 0, 1\n"
            "    return sigmoid(free_energy(inked, W, b, c) - free_energy(blank, W, b, c))",
            "the pixel is blank",
        ),
        (
            "def pixel_probability(v, pixel, W, b, c): return sigmoid(-free_energy(v, W, b, c))",
            "must not depend",
        ),
        (
            "def pixel_probability(v, pixel, W, b, c):\n"
            "    blank = v.copy()\n"
            "    blank[:, pixel] = 0\n"
            "    return visible_probability(hidden_probability(blank, W, c), W, b)[:, pixel]",
            "compare two pictures",
        ),
    ],
    "01.4": [
        ("first_infinite = 88", "still finite"),
        ("first_infinite = 710", "one less is infinite too"),
        ("first_infinite = 90", "one less is infinite too"),
        ("first_infinite = 88.7", "a whole number"),
    ],
    "02.1": [
        ("log_z_of_zeros = 804", "base 2"),
        ("log_z_of_zeros = 784 * np.log(2)", "the hidden units"),
        ("log_z_of_zeros = 0.0", "how many pairs"),
    ],
    "02.2": [
        ("step_size_with_momentum = 0.1", "too fast"),
        ("step_size_with_momentum = 0.02", "too fast"),
        ("step_size_with_momentum = 0.009", "too slow"),
    ],
    "02.3": [
        (
            "def estimate_log_z(log_weights, log_z_base): return log_z_base + np.mean(log_weights)",
            "mean of the logarithms",
        ),
        (
            "def estimate_log_z(log_weights, log_z_base):\n"
            "    return log_z_base + np.logaddexp.reduce(log_weights)",
            "weights 1 and 3",
        ),
        (
            "def estimate_log_z(log_weights, log_z_base):\n"
            "    with np.errstate(over='ignore'):\n"
            "        return log_z_base + np.log(np.mean(np.exp(log_weights)))",
            "exp(1000) overflows",
        ),
    ],
    "02.4": [
        ("reported = np.log(1 - 1 / 4002)", "one pixel"),
        ("reported = 0.1959", "is not positive"),
        ("reported = -211.1", "how probable"),
        ("reported = 783 * np.log(1 - 1 / 4002)", "how probable"),
        ("reported = 0.0", "how probable"),
        ("reported = -0.1961", RIGHT),
        ("reported = -0.1963", "how probable"),
    ],
    "03.1": [
        ("value = 2.2655", "a negative logarithm"),
        ("value = 2.3", "depend on z"),
        ("value = -2.9189", "depend on z"),
        ("value = -18.27", "depend on z"),
        ("value = -2.275", RIGHT),
        ("value = -2.282", "depend on z"),
    ],
    "03.2": [
        (
            "def score_gradients(log_ratio, score): return log_ratio[:, None] * score",
            "change nothing",
        ),
        (
            "def score_gradients(log_ratio, score): return (log_ratio - 100)[:, None] * score",
            "change nothing",
        ),
        (
            "def score_gradients(log_ratio, score):\n"
            "    return ((log_ratio - log_ratio.mean())[:, None] * score).mean(axis=0)",
            "yours has (2,)",
        ),
        (
            "def score_gradients(log_ratio, score):\n"
            "    return ((log_ratio - log_ratio.mean()) / log_ratio.std() / 2)[:, None] * score",
            "not change the mean",
        ),
    ],
    "03.3": [
        (
            "def effective_sample_size(log_weights):\n"
            "    weights = np.exp(log_weights)\n"
            "    return weights.sum(axis=-1) ** 2 / (weights**2).sum(axis=-1)",
            "-2000 give zero weights",
        ),
        (
            "def effective_sample_size(log_weights):\n"
            "    weights = np.exp(log_weights - log_weights.max())\n"
            "    return weights.sum() ** 2 / (weights**2).sum()",
            "three numbers",
        ),
        (
            "def effective_sample_size(log_weights):\n"
            "    weights = np.exp(log_weights - log_weights.max(axis=-1, keepdims=True))\n"
            "    return (weights**2).sum(axis=-1) / weights.sum(axis=-1) ** 2",
            "count as 5",
        ),
        (
            "def effective_sample_size(log_weights):\n"
            "    weights = np.exp(log_weights - log_weights.max(axis=-1, keepdims=True))\n"
            "    return weights.sum(axis=-1) / weights.max(axis=-1)",
            "count as 5",
        ),
    ],
    "03.4": [
        ("excess = 0.0", "exact at the posterior"),
        ("excess = -0.5966", "which divergence"),
        ("excess = 0.25", "which divergence"),
        ("excess = 1.1931", "which divergence"),
        ("excess = 0.599", RIGHT),
        ("excess = 0.601", "which divergence"),
    ],
    "04.1": [
        ("nats = 25.0", "half of that"),
        ("nats = 5.0", "which terms"),
    ],
    "04.2": [
        (
            "def gaussian_loss(x, x_logits, variance):\n"
            "    return squared_error(x, x_logits) / variance",
            "with variance 1/2",
        ),
        (
            "def gaussian_loss(x, x_logits, variance):\n"
            "    return squared_error(x, x_logits) / (4 * variance**2)",
            "the variance or the deviation",
        ),
        (
            "def gaussian_loss(x, x_logits, variance): return ops.mean(squared_error(x, x_logits))",
            "two numbers",
        ),
    ],
    "04.3": [
        (
            "def tour(codes, steps):\n"
            "    pairs = zip(codes, codes[1:], strict=False)\n"
            "    return np.concatenate([np.linspace(a, b, steps) for a, b in pairs])",
            "a stop only once",
        ),
        (
            "def tour(codes, steps): return np.linspace(codes[0], codes[-1], 2 * steps - 1)",
            "each of the codes",
        ),
        (
            "def tour(codes, steps): return np.linspace(codes[0], codes[-1], steps)",
            "yours has (5, 2)",
        ),
        (
            "def tour(codes, steps):\n"
            "    t = np.linspace(0, 1, steps)[1:, None] ** 2\n"
            "    legs = [a + t * (b - a) for a, b in zip(codes, codes[1:], strict=False)]\n"
            "    return np.concatenate([codes[:1], *legs])",
            "are the steps equal",
        ),
    ],
    "04.4": [
        ("charged = 0.0", "the right formula charges"),
        ("charged = 1.0", "eight dimensions"),
    ],
    "05.1": [
        ("variance = 9.0", "the variance that was meant"),
        ("variance = 1.73", "that is the deviation"),
        ("variance = 81.0", "first s"),
    ],
    "05.2": [
        (
            "def doubled(hidden, filters):\n"
            "    return layers.Conv2DTranspose(filters, 3, strides=2, padding='same')(hidden)",
            "does a stencil overlap",
        ),
        (
            "def doubled(hidden, filters): return layers.UpSampling2D(2)(hidden)",
            "yours gave (2, 24, 24, 3)",
        ),
        (
            "def doubled(hidden, filters):\n"
            "    return layers.Conv2D(filters, 3)(layers.UpSampling2D(2)(hidden))",
            "yours gave (2, 22, 22, 5)",
        ),
    ],
    "05.3": [
        (
            "def nearest_positions(images, known):\n"
            "    flat, others = np.reshape(images, (-1, 784)), np.reshape(known, (-1, 784))\n"
            "    return np.argmax(flat @ others.T, axis=1)",
            "squared error",
        ),
        (
            "def nearest_positions(images, known):\n"
            "    return np.array([np.square(known - i).sum(axis=(1, 2)).min() for i in images])",
            "squared error",
        ),
        (
            "def nearest_positions(images, known):\n"
            "    flat, others = np.reshape(images, (-1, 784)), np.reshape(known, (-1, 784))\n"
            "    return np.argmin((others**2).sum(axis=1) - 2 * flat @ others.T)",
            "yours gave shape ()",
        ),
    ],
    "05.4": [
        ("factor = 1", "without an axis"),
        ("factor = 8", "what is the sum added to"),
        ("factor = 4096", "what is the sum added to"),
        ("factor = 1 / 64", "what is the sum added to"),
    ],
    "06.1": [
        ("weight = 0.0005", "a far lower price"),
        ("weight = 0.392", "how many pixels"),
        ("weight = 0.0005 / 4096", "sum over mean"),
        ("weight = 0.032", "sum over mean"),
    ],
    "06.2": [
        ("def delayed(step, wait, length): return linear(step, wait + length)", "climbs from"),
        ("def delayed(step, wait, length): return (step - wait) / length", "a negative weight"),
        (
            "def delayed(step, wait, length): return np.maximum(0, (step - wait) / length)",
            "end at 1",
        ),
        (
            "def delayed(step, wait, length): return np.minimum(1, (step - wait) / length)",
            "a negative weight",
        ),
        (
            "def delayed(step, wait, length): return np.clip((step - wait) / length, 0, 1.5)",
            "end at 1",
        ),
        (
            "def delayed(step, wait, length):\n"
            "    return np.clip((step - wait) / (length - wait), 0, 1)",
            "climbs from",
        ),
    ],
    "06.3": [
        (
            "def capacity_loss(reconstruction, kl, capacity, gamma):\n"
            "    return reconstruction + gamma * ops.abs(kl - capacity)",
            "yours gave shape (2,)",
        ),
        (
            "def capacity_loss(reconstruction, kl, capacity, gamma):\n"
            "    return ops.mean(reconstruction + gamma * ops.abs(kl - capacity))",
            "the average should be",
        ),
        (
            "def capacity_loss(reconstruction, kl, capacity, gamma):\n"
            "    return ops.mean(reconstruction) + gamma * (ops.mean(kl) - capacity)",
            "below the capacity",
        ),
        (
            "def capacity_loss(reconstruction, kl, capacity, gamma):\n"
            "    return ops.mean(reconstruction) + ops.abs(ops.mean(kl) - capacity)",
            "1 nat above",
        ),
    ],
    "06.4": [
        ("price = 8.0", "the dear one"),
        ("price = 0.8", "the free encoder"),
        ("price = 0.82", "smallest variance"),
        ("price = 0.0", "smallest variance"),
        ("price = 4.03", RIGHT),
        ("price = 4.06", "smallest variance"),
    ],
    "07.1": [
        ("best_probability = 0.9", "half of them are fakes"),
        ("best_probability = 0.5", "without smoothing"),
        ("best_probability = 0.55", "derivative"),
    ],
    "07.2": [
        (
            "def least_squares_loss(real_scores, fake_scores):\n"
            "    return ops.mean((real_scores - 1) ** 2) + ops.mean((fake_scores - 1) ** 2)",
            "1 on the fakes",
        ),
        (
            "def least_squares_loss(real_scores, fake_scores):\n"
            "    return ops.mean(real_scores**2) + ops.mean((fake_scores - 1) ** 2)",
            "scores of fakes 0",
        ),
        (
            "def least_squares_loss(real_scores, fake_scores):\n"
            "    return ops.sum((real_scores - 1) ** 2) + ops.sum(fake_scores**2)",
            "average over each batch",
        ),
        (
            "def least_squares_loss(real_scores, fake_scores): return (real_scores - 1) ** 2",
            "shape (2, 1)",
        ),
    ],
    "07.3": [
        (
            "def share_nearer(samples, training, held_out):\n"
            "    to_training = evaluation.nearest_images(samples, training)[1]\n"
            "    return np.mean(to_training > evaluation.nearest_images(samples, held_out)[1])",
            "nearer to the held-out ones",
        ),
        (
            "def share_nearer(samples, training, held_out):\n"
            "    return np.mean(evaluation.nearest_images(samples, training)[1])",
            "for each sample",
        ),
        (
            "def share_nearer(samples, training, held_out): return 0.75",
            "copies of held-out pictures",
        ),
    ],
    "07.4": [
        ("ratio_of_slopes = 1 / 49", "the other way round"),
        ("ratio_of_slopes = 0.02044", "both slopes"),
        ("ratio_of_slopes = 1.0", "both slopes"),
        ("ratio_of_slopes = 49.03", RIGHT),
        ("ratio_of_slopes = 49.07", "both slopes"),
    ],
    "08.1": [
        ("recall_of_half = 1.0", "its precision"),
        ("recall_of_half = 0.0", "which share of the real digits"),
    ],
    "08.2": [
        ("def bits_per_pixel(nats): return nats / (784 * np.log(2))", "a code length is positive"),
        ("def bits_per_pixel(nats): return -nats / np.log(2)", "bits per digit"),
        ("def bits_per_pixel(nats): return -nats / 784", "one half costs one bit"),
    ],
    "08.3": [
        ("def at_infinity(sizes, distances): return distances[-1]", "at the largest number"),
        (
            "def at_infinity(sizes, distances): return np.polyfit(sizes, distances, 1)[1]",
            "a straight line",
        ),
        ("def at_infinity(sizes, distances): return 3.0", "any numbers of samples"),
    ],
    "08.4": [
        ("missing = -784 / 2 * np.log(np.pi)", "larger or smaller"),
        ("missing = 0.5724", "one pixel"),
        ("missing = 0.5733", "a density"),
        ("missing = -449.4", "a density"),
        ("missing = 0.572 * 784", RIGHT),
        ("missing = 0.573 * 784", "a density"),
    ],
    "09.1": [
        ("deaf_obedience = 0.09", "now and then"),
        ("deaf_obedience = 0.9", "how well the judge reads"),
        ("deaf_obedience = 0.5", "does not depend on them"),
    ],
    "09.2": [
        ("def with_other_shares(p, old, new): return p * new / old", "must sum to 1"),
        (
            "def with_other_shares(p, old, new):\n"
            "    return p * new / (p * new).sum(axis=1, keepdims=True)",
            "the old shares are still in it",
        ),
        (
            "def with_other_shares(p, old, new):\n"
            "    return p * old / (p * old).sum(axis=1, keepdims=True)",
            "which factor",
        ),
        ("def with_other_shares(p, old, new): return new", "seven rows of ten"),
    ],
    "09.3": [
        (
            "def free_energy_of_picture(F): return -np.log(np.exp(-F).sum(axis=1))",
            "around -2,000 it overflows",
        ),
        ("def free_energy_of_picture(F): return F.sum(axis=1)", "which numbers add up"),
        ("def free_energy_of_picture(F): return -np.log(np.exp(-F).mean(axis=1))", "a mean"),
        ("def free_energy_of_picture(F): return np.log(np.exp(-F).sum(axis=1))", "mind the sign"),
        ("def free_energy_of_picture(F): return F", "six free energies"),
    ],
    "09.4": [
        ("share_of_valid_labels = 0.5**10", "any of the ten"),
        ("share_of_valid_labels = 0.1", "under a softmax"),
        ("share_of_valid_labels = 1 - 10 * 0.5**10", "another number of labels"),
        ("share_of_valid_labels = 0.5", "ten independent coins"),
        ("share_of_valid_labels = 0.00977", RIGHT),
    ],
    "10.1": [
        ("noise_guess = 1.2", "the guess for the data"),
        ("noise_guess = 2.0", "part of it is data"),
        ("noise_guess = 2.5", "part of it is data"),
        ("noise_guess = 0.8", "which share"),
        ("noise_guess = 1.602", RIGHT),
        ("noise_guess = 1.61", "which share"),
    ],
    "10.2": [
        (
            "def noise_from_clean(z_t, clean, signal, noise): return z_t - signal * clean",
            "still multiplied",
        ),
        (
            "def noise_from_clean(z_t, clean, signal, noise): return (z_t - clean) / noise",
            "signal times it",
        ),
        ("def noise_from_clean(z_t, clean, signal, noise): return z_t / noise", "come out again"),
        ("def noise_from_clean(z_t, clean, signal, noise): return z_t[0]", "has (3,)"),
    ],
    "10.3": [
        (
            "def noisy_step(z_t, clean, now, then, epsilon):\n"
            "    return then[0] * clean + then[1] * epsilon",
            "forgets z_t",
        ),
        (
            "def noisy_step(z_t, clean, now, then, epsilon):\n"
            "    return then[0] * clean + then[1] * (z_t - now[0] * clean) / now[1]",
            "all of the old noise",
        ),
        (
            "def noisy_step(z_t, clean, now, then, epsilon):\n"
            "    kept = now[0] / then[0]\n"
            "    fresh = now[1] ** 2 - kept**2 * then[1] ** 2\n"
            "    mean = kept * then[1] ** 2 * z_t + then[0] * fresh * clean\n"
            "    return mean / now[1] ** 2 + fresh * then[1] ** 2 / now[1] ** 2 * epsilon",
            "a deviation, not",
        ),
        (
            "def noisy_step(z_t, clean, now, then, epsilon):\n"
            "    kept = now[0] / then[0]\n"
            "    fresh = now[1] ** 2 - kept**2 * then[1] ** 2\n"
            "    mean = kept * then[1] ** 2 * z_t + then[0] * fresh * clean\n"
            "    return mean / now[1] ** 2 + np.sqrt(fresh) * epsilon",
            "the mean is right",
        ),
        ("def noisy_step(z_t, clean, now, then, epsilon): return z_t", "must be the mean"),
        ("def noisy_step(z_t, clean, now, then, epsilon): return clean[0]", "has (3,)"),
    ],
    "10.4": [
        (
            "def draw_from_component(mean, log_var, epsilon):\n"
            "    return mean + np.exp(log_var) * epsilon",
            "deviation 0.04",
        ),
        (
            "def draw_from_component(mean, log_var, epsilon): return mean + log_var / 2 * epsilon",
            "to be undone",
        ),
        ("def draw_from_component(mean, log_var, epsilon): return mean", "around the mean"),
        ("def draw_from_component(mean, log_var, epsilon): return mean[0]", "has (2,)"),
    ],
    "d1.1": [
        ("flattered = -np.log(2)", "higher or lower"),
        ("flattered = 1.0", "in bits"),
        ("flattered = 0.5", "the share that is missed"),
        ("flattered = 2.0", "half of Z"),
        ("flattered = 0.69", RIGHT),
        ("flattered = 0.68", "half of Z"),
    ],
    "d1.2": [
        ("lost = -4.5", "a positive number"),
        ("lost = 3.0", "the deviation or the variance"),
        ("lost = 9", "the deviation or the variance"),
        ("lost = 0.0", "which exponential"),
        ("lost = 1.5", "which exponential"),
        ("lost = 4.503", RIGHT),
        ("lost = 4.51", "which exponential"),
    ],
    "d2.1": [
        ("variance_of_entropy_form = 9", "the full form's"),
        ("variance_of_entropy_form = 1.0", "which of the two is quieter"),
        ("variance_of_entropy_form = 8", "which of the two is quieter"),
        ("variance_of_entropy_form = 25", "half the number"),
        ("variance_of_entropy_form = 16", "the difference"),
        ("variance_of_entropy_form = 16.9", "the difference"),
    ],
    "d2.2": [
        (
            "def leave_one_out(log_ratio, score):\n"
            "    return (log_ratio - log_ratio.mean())[:, None] * score",
            "still contains the draw",
        ),
        (
            "def leave_one_out(log_ratio, score):\n"
            "    others = (log_ratio.sum() - log_ratio) / len(log_ratio)\n"
            "    return (log_ratio - others)[:, None] * score",
            "of two draws",
        ),
        (
            "def leave_one_out(log_ratio, score):\n"
            "    others = (log_ratio.sum() - log_ratio) / (len(log_ratio) - 1)\n"
            "    return (others - log_ratio)[:, None] * score",
            "not the other way round",
        ),
        (
            "def leave_one_out(log_ratio, score):\n"
            "    others = (log_ratio.sum() - log_ratio) / (len(log_ratio) - 1)\n"
            "    return ((log_ratio - others)[:, None] * score).mean(axis=0)",
            "yours has (3,)",
        ),
    ],
    "d3.1": [
        ("kl_weight = 78.4", "50 latents in it"),
        ("kl_weight = 9.8", "does it stay"),
        ("kl_weight = 0.1", "both are sums"),
        ("kl_weight = 50 / 78.4", "upside down"),
        ("kl_weight = 1.57", RIGHT),
        ("kl_weight = 1.0", "multiply the loss"),
    ],
    "d3.2": [
        (
            "def shares_of(log_weights):\n"
            "    return np.exp(log_weights) / np.exp(log_weights).sum(axis=-1, keepdims=True)",
            "largest taken out",
        ),
        (
            "def shares_of(log_weights):\n"
            "    weights = np.exp(log_weights - log_weights.max())\n"
            "    return weights / weights.sum()",
            "each digit's own",
        ),
        (
            "def shares_of(log_weights):\n"
            "    return np.exp(log_weights - log_weights.max(axis=-1, keepdims=True))",
            "add up to 1",
        ),
        (
            "def shares_of(log_weights):\n"
            "    return log_weights / log_weights.sum(axis=-1, keepdims=True)",
            "1/8, 3/8",
        ),
        *(
            (
                "def shares_of(log_weights):\n"
                f"    top = np.{half}(log_weights.max(axis=-1, keepdims=True), 0)\n"
                "    weights = np.exp(log_weights - top)\n"
                "    return weights / weights.sum(axis=-1, keepdims=True)",
                "taken out first",
            )
            for half in ("maximum", "minimum")
        ),
        ("def shares_of(log_weights): return np.exp(log_weights).sum(axis=-1)", "shape (2, 3)"),
    ],
    "d3.3": [
        (
            "def draw(z_mean, z_log_var, rng):\n"
            "    return z_mean + np.exp(z_log_var / 2) * rng.standard_normal((800, 8))",
            "it stops for 3 digits",
        ),
        (
            "def draw(z_mean, z_log_var, rng):\n"
            "    return z_mean + np.exp(z_log_var / 2) * rng.standard_normal((1, 8))",
            "share their noise",
        ),
        (
            "def draw(z_mean, z_log_var, rng):\n"
            "    return z_mean + np.exp(z_log_var / 2) * rng.standard_normal((len(z_mean), 1))",
            "all latents of a digit",
        ),
        (
            "def draw(z_mean, z_log_var, rng):\n"
            "    return z_mean + np.exp(z_log_var) * rng.standard_normal(z_mean.shape)",
            "a deviation of 3",
        ),
        (
            "def draw(z_mean, z_log_var, rng):\n"
            "    return rng.normal(z_mean, np.exp(z_log_var / 2))",
            RIGHT,
        ),
    ],
    "d4.1": [
        ("most_over_least = 1.5", "along a line"),
        ("most_over_least = 4", "3 by 3"),
        ("most_over_least = 4 / 9", "the other way round"),
        ("most_over_least = 3", "count along a line"),
    ],
    "d4.2": [
        ("def straightened(f, n):\n    return f(np.eye(n))", "still hold the constant"),
        (
            "def straightened(f, n):\n    return (f(np.eye(n)) - f(np.zeros((1, n)))).T",
            "a row for each pixel",
        ),
        (
            "def straightened(f, n):\n    return f(np.ones((1, n))) - f(np.zeros((1, n)))",
            "(7, 3) is needed",
        ),
        (
            "def straightened(f, n):\n    return f(2 * np.eye(n)) - f(np.zeros((1, n)))",
            "what f does",
        ),
    ],
    "d5.1": [
        ("mean_way = 0", "not equal laws"),
        ("mean_way = 2.0", "the longest way"),
        ("mean_way = 1.111", "a plan at random"),
        ("mean_way = 2 / 3", "the share of fakes"),
        ("mean_way = 1.5", "smallest to the smallest"),
        ("mean_way = 1.001", RIGHT),
    ],
    "d5.2": [
        ("def stretch(matrix, vector, rounds): return np.linalg.norm(matrix)", "all squares"),
        (
            "def stretch(matrix, vector, rounds):\n"
            "    for _ in range(rounds):\n"
            "        vector = matrix @ (vector @ matrix)\n"
            "        length = np.linalg.norm(vector)\n"
            "        vector = vector / length\n"
            "    return length",
            "its square",
        ),
        (
            "def stretch(matrix, vector, rounds):\n"
            "    for _ in range(rounds):\n"
            "        vector = matrix @ (vector @ matrix)\n"
            "        vector = vector / np.linalg.norm(vector)\n"
            "    return np.linalg.norm(vector)",
            "do not scale the last one",
        ),
        (
            "def stretch(matrix, vector, rounds):\n"
            "    for _ in range(rounds):\n"
            "        vector = matrix @ (vector @ matrix)\n"
            "    with np.errstate(all='ignore'):\n"
            "        return np.linalg.norm(vector @ matrix) / np.linalg.norm(vector)",
            "it overflows",
        ),
        (
            "def stretch(matrix, vector, rounds): return np.linalg.norm(matrix, 2)",
            "an estimate from below",
        ),
        (
            "def stretch(matrix, vector, rounds): return np.abs(matrix).max()",
            "compare with np.linalg.svd",
        ),
        ("def stretch(matrix, vector, rounds): return vector @ matrix", "shape (4,)"),
    ],
    "d5.3": [
        ("share_outside = 0.3413", "between them"),
        ("share_outside = 0.317", "beyond the real picture"),
        ("share_outside = 0.5", "those above 1"),
        ("share_outside = 0.16", "below 0 or above 1"),
        ("share_outside = 0.66", RIGHT),
    ],
}


@cache
def answer_of(number, code):
    """Run the notebook's imports and definitions, then the code, and pick out the answer."""
    path, name, _, _ = FOUND[number]
    kinds = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef)
    cells = [cell.source for cell in code_cells(path) if "check_exercise(" not in cell.source]
    nodes = [node for source in cells for node in ast.parse(source).body if isinstance(node, kinds)]
    namespace = {}
    for node in nodes:
        with contextlib.suppress(NameError):  # a default that is the page's data: no answer's part
            exec(compile(ast.Module([node], []), path.name, "exec"), namespace)
    exec(code, namespace)
    return namespace[name]


def solution_of(number):
    return answer_of(number, FOUND[number][3])


def test_every_judge_belongs_to_an_exercise_and_has_slips():
    assert sorted(EXERCISES) == sorted(FOUND) == sorted(SLIPS)


@pytest.mark.parametrize("number", FOUND)
def test_a_judge_has_the_name_of_the_answer_and_is_the_only_one_of_that_name(number):
    name = FOUND[number][1]
    assert EXERCISES[number].judge.__name__ == name
    assert getattr(exercises, name) is EXERCISES[number].judge


@pytest.mark.parametrize("number", FOUND)
def test_untouched_stub_is_not_attempted(number):
    stub = FOUND[number][2].split("check_exercise(")[0]
    assert judge(number, answer_of(number, stub)) is None
    assert judge(number, None) is None


@pytest.mark.parametrize("number", FUNCTIONS)
def test_function_without_a_result_is_not_attempted(number):
    assert judge(number, lambda *_: None) is None


@pytest.mark.parametrize("number", FOUND)
def test_solution_is_right(number):
    assert judge(number, solution_of(number)) == ""


@pytest.mark.parametrize(
    ("number", "code", "words"), [(n, *slip) for n, slips in SLIPS.items() for slip in slips]
)
def test_each_slip_gets_its_own_feedback_and_a_rounded_answer_is_right(number, code, words):
    feedback = judge(number, answer_of(number, code))
    if words == RIGHT:
        assert feedback == ""
    else:
        assert words in feedback


# ---------------------------------------------------------------- kinds of answers

FORMS = {
    "float": float,
    "float of NumPy": np.float64,
    "single precision": np.float32,
    "array without axes": np.array,
    "array of one": lambda number: np.array([number]),
    "matrix of one": lambda number: np.array([[number]]),
    "list of one": lambda number: [number],
    "tuple of one": lambda number: (number,),
    "list of an array": lambda number: [np.array([number])],
    "fraction": Fraction,
    "decimal": Decimal,
    "Keras tensor": keras.ops.convert_to_tensor,
    "Keras variable": keras.Variable,
    "TensorFlow tensor of one": lambda number: tf.constant([number]),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_right_number_counts_in_every_form(form):
    answers = {n: FORMS[form](float(solution_of(n))) for n in NUMBERS}
    assert {n: judge(n, answer) for n, answer in answers.items()} == dict.fromkeys(NUMBERS, "")


@pytest.mark.parametrize("eight", [8, np.int64(8), np.uint8(8), [8], tf.constant(8)])
def test_a_right_whole_number_counts_in_every_form(eight):
    assert judge("04.4", eight) == ""


def test_the_judge_of_a_number_gets_a_plain_float(toys):
    exercises.judge("99.2", np.float32(12.5))
    exercises.judge("99.2", [25])
    assert toys == [12.5, 25.0]
    assert [type(number) for number in toys] == [float, float]


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        ([0.5, 1.0], "holds 2 numbers"),
        (np.ones((3, 4)), "holds 12 numbers"),
        ([], "holds 0 numbers"),
        ("1", "is text: leave out the quotation marks"),
        (["1"], "is text: leave out the quotation marks"),
        (b"1", "is text: leave out the quotation marks"),
        (float("nan"), "is NaN: look for 0 / 0 or the logarithm of a negative number"),
        (np.array([np.nan]), "is NaN: look for 0 / 0 or the logarithm of a negative number"),
        (np.inf, "is infinite: look for a division by 0 or the log of 0"),
        (-np.inf, "is infinite: look for a division by 0 or the log of 0"),
        (True, "is True or False"),
        (np.bool_(True), "is True or False"),
        ([True], "is True or False"),
        (lambda: 1, "is a function: call it"),
        ({"answer": 1}, "has the type dict"),
        ([1, [1]], "has the type list"),
        (1j, "has the type complex"),
        (2**2000, "has the type int"),
        ([None], "has the type list"),
        (np.array(["1"], dtype=object), "has the type ndarray"),
        (np.array([True], dtype=object), "has the type ndarray"),
        (keras.Input((1,)), "has the type KerasTensor"),
    ],
)
def test_what_is_not_one_number_gets_a_sentence(answer, fault):
    sentence = f"this exercise asks for one number; your answer {fault}"
    assert {judge(number, answer) for number in NUMBERS} == {sentence}


@pytest.mark.parametrize(
    ("answer", "name"), [(0.75, "float"), ([1, 2], "list"), (np.ones(4), "ndarray"), ("f", "str")]
)
def test_what_is_not_a_function_gets_a_sentence(answer, name):
    sentence = (
        f"this exercise asks for a function; your answer has the type {name}: "
        "give the function itself, and do not call it"
    )
    assert {judge(number, answer) for number in FUNCTIONS} == {sentence}


@pytest.mark.parametrize("number", FUNCTIONS)
@pytest.mark.parametrize(
    "form", [lambda x: np.asarray(x).tolist(), lambda x: keras.ops.convert_to_tensor(x)]
)
def test_a_function_may_return_lists_and_tensors(number, form):
    solution = solution_of(number)
    assert judge(number, lambda *args: form(solution(*args))) == ""


@pytest.mark.parametrize("number", FUNCTIONS)
def test_a_function_that_returns_nan_is_wrong_and_gets_feedback(number):
    solution = solution_of(number)
    feedback = judge(number, lambda *args: np.nan * np.asarray(solution(*args)))
    assert feedback
    assert "stopped" not in feedback


@pytest.mark.parametrize(
    ("returned", "fault"),
    [
        ("1", "is text: leave out the quotation marks"),
        (np.array([True, False]), "is True or False"),
        (np.mean, "is a function: call it"),
        ({"answer": 1}, "has the type dict"),
        ([], "holds none: its shape is (0,)"),
    ],
)
def test_a_function_that_returns_no_numbers_gets_a_sentence(returned, fault):
    sentence = f"your function should return numbers; what it returned {fault}"
    assert {judge(number, lambda *_: returned) for number in FUNCTIONS} == {sentence}


@pytest.mark.parametrize("number", FUNCTIONS)
def test_an_answer_may_work_in_place(number):
    right = solution_of(number)

    def in_place(*args):
        found = np.array(right(*args))
        for value in args:
            if isinstance(value, np.ndarray):
                value *= 0
        return found

    assert judge(number, in_place) == ""


def test_an_error_in_a_function_becomes_a_line_that_names_it():
    feedback = judge("00.3", lambda images, labels, digit: images[1000])
    assert feedback.startswith("your answer stopped with IndexError: index 1000 is out of bounds")


def test_same_allows_for_rounding_and_not_for_another_shape():
    assert same(1.000009, 1)
    assert not same(1.000015, 1)
    assert same(0.9e-6, 0)
    assert not same(1.5e-6, 0)
    assert not same([1.0], 1.0)


# ---------------------------------------------------------------- lines and hints


@pytest.fixture
def lines(monkeypatch):
    """The lines that were displayed, with a fresh count of hints."""
    shown = []

    def display(data, raw):
        assert raw
        shown.append(data["text/plain"])

    monkeypatch.setattr(exercises, "display", display)
    monkeypatch.setattr(exercises, "_hints_shown", Counter())
    return shown


@pytest.fixture
def toys(monkeypatch):
    """Two more exercises, a sum of two numbers and the number 12.5; what the second judge got."""
    monkeypatch.setattr(exercises, "EXERCISES", dict(EXERCISES))
    judged = []

    @exercises.exercise("99.1", asks="function", hints=("Two numbers.", "Which sign?"))
    def total(answer):
        return "" if answer(1, 2) == 3 else "add them"

    @exercises.exercise("99.2", asks="number", hints=("Halve it.", "Halve 25."))
    def half(answer):
        judged.append(answer)
        return "" if answer == 12.5 else "half"

    return judged


def test_exercise_lines(lines, toys):
    exercises.check_exercise("99.1", lambda a, b: a + b)
    exercises.check_exercise("99.1", lambda a, b: a * b)
    exercises.check_exercise("99.1", lambda a, b: ...)
    exercises.check_exercise("99.1", None)
    exercises.check_exercise("99.2", 12.5)
    exercises.check_exercise("99.2", "12.5")
    exercises.check_exercise("99.1", lambda a: a)
    assert lines[:6] == [
        "✓ exercise 99.1: right",
        "✗ exercise 99.1: add them",
        "– exercise 99.1: not attempted",
        "– exercise 99.1: not attempted",
        "✓ exercise 99.2: right",
        "✗ exercise 99.2: this exercise asks for one number; your answer is text: leave out the "
        "quotation marks",
    ]
    assert lines[6].startswith("✗ exercise 99.1: your answer stopped with TypeError")


@pytest.mark.parametrize(
    "ask", [exercises.hint, lambda number: exercises.check_exercise(number, None)]
)
def test_an_unknown_number_is_an_error(lines, ask):
    with pytest.raises(ValueError, match=r"no exercise '99.9': there are 00.1, .*, 08.4"):
        ask("99.9")
    for number in (4.2, None, ["04.2"], {}, b"04.2"):
        with pytest.raises(ValueError, match=r"number: no exercise .* in quotation marks"):
            ask(number)
    assert not lines


class Stubborn:
    """What raises wherever it can."""

    def __array__(self, *_, **__):
        raise RuntimeError("no array")

    def __float__(self):
        raise RuntimeError("no number")


@pytest.mark.parametrize("number", EXERCISES)
def test_no_answer_stops_a_judge_and_no_wrong_kind_is_right(number):
    """Whatever an answer or a function returns: feedback, or not attempted, and never an error."""
    strange = [Stubborn(), object(), "text", b"", 1j, {}, set(), range(3), [[1], [1, 2]], [None]]
    strange += [np.datetime64("2020-01-01"), np.void(b"a"), ValueError("x"), np, iter([1]), [...]]
    strange += [np.nan, np.full(3, np.inf), np.zeros((2, 0)), -np.ones((2, 3, 4, 5)), True]
    for answer in strange:
        assert judge(number, answer) not in ("", None), answer
        assert judge(number, lambda *_, answer=answer: answer) not in ("", None), answer


def test_judges_give_pictures_in_the_range_that_the_librarys_functions_take():
    from helpers.evaluation import nearest_images

    assert judge("05.3", lambda images, known: nearest_images(images, known)[0]) == ""


def test_an_exercise_asks_for_a_number_or_a_function(toys):
    with pytest.raises(ValueError, match='must be "number" or "function", got \'text\''):
        exercises.exercise("99.3", asks="text", hints=())


def test_hints_come_in_order_and_then_begin_again(lines, toys):
    for number in ("99.1", "99.1", "99.2", "99.1", "99.2", "99.1"):
        exercises.hint(number)
    end = "the notebook of the course has the solution; ask again to see the hints once more"
    assert lines == [
        "hint 1 of 2: Two numbers.",
        "hint 2 of 2: Which sign?",
        "hint 1 of 2: Halve it.",
        f"that was the last of 2 hints: {end}",
        "hint 2 of 2: Halve 25.",
        "hint 1 of 2: Two numbers.",
    ]


@pytest.mark.parametrize("number", EXERCISES)
def test_two_or_three_short_hints_of_whole_sentences(number):
    hints = EXERCISES[number].hints
    assert len(hints) in (2, 3)
    for hint in hints:
        assert len(hint) < 200
        assert hint[-1] in ".?"


def without_spaces(code):
    return re.sub(r"\s", "", code)


def telling_parts(code):
    """The expressions of a solution that say how it is done, not only with which tools."""
    kinds = (ast.BinOp, ast.Call, ast.ListComp, ast.Subscript)
    parts = {ast.unparse(node) for node in ast.walk(ast.parse(code)) if isinstance(node, kinds)}
    return {without_spaces(part) for part in parts if len(part) >= 12}


@pytest.mark.parametrize("number", FOUND)
def test_no_hint_contains_code_of_the_solution(number):
    parts = telling_parts(FOUND[number][3])
    for hint in EXERCISES[number].hints:
        assert not [part for part in parts if part in without_spaces(hint)]


@pytest.mark.parametrize("number", NUMBERS)
def test_no_hint_contains_the_number(number):
    size = abs(solution_of(number))
    for hint in EXERCISES[number].hints:
        assert not [n for n in re.findall(r"\d+(?:\.\d+)?", hint) if same(float(n), size, 1e-3)]
