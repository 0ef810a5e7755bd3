"""How does the cost of a training grow? Seconds of an epoch, one setting changed at a time.

    python benchmarks/growth.py [--mnist mnist.npz] [--repeats 5]

An RBM of 200 hidden units, k = 1, and the dense VAE of notebook 04 with 8 latents see 4,000 digits.
Then the number of digits, of hidden units, of Gibbs steps k, and of latents is halved and doubled.
The candidates take turns; the plot, `growth.png` beside this file, shows medians and ranges, and a
dashed line where cost is in proportion.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from timing import in_turns, load_images, options

from helpers.batches import shuffled_batches
from helpers.rbm import RBM, train
from helpers.runtime import keras, tf
from helpers.vae import VAE, dense_decoder, dense_encoder, squared_error

BASE = {"digits": 4000, "hidden": 200, "k": 1, "latents": 8}
GROWTH = {
    ("RBM", "digits"): [1000, 2000, 4000, 8000, 16000],
    ("RBM", "hidden"): [50, 100, 200, 400, 800],
    ("RBM", "k"): [1, 2, 4, 8, 16],
    ("VAE", "digits"): [1000, 2000, 4000, 8000, 16000],
    ("VAE", "latents"): [2, 4, 8, 16, 32, 64],
}
LABELS = {"digits": "digits", "hidden": "hidden units", "k": "Gibbs steps k", "latents": "latents"}


def rbm_epoch(images, digits, hidden, k, **_):
    """An epoch of CD-k."""
    v, rng = images[:digits].reshape(-1, 784), np.random.default_rng(0)
    machine = RBM(784, hidden, rng)
    return lambda: list(train(machine, v, rng, epochs=1, gibbs_steps=k, step_size=0.1))


def vae_epoch(images, digits, latents, **_):
    """An epoch of the dense VAE, after one that traces it."""
    vae = VAE(dense_encoder(latents), dense_decoder(latents), squared_error, seed=0)
    batches = shuffled_batches(images[:digits], 128, seed=0)
    vae.compile(keras.optimizers.Adam(), steps_per_execution=len(batches))
    vae.fit(batches, shuffle=False, verbose=0)
    return lambda: vae.fit(batches, shuffle=False, verbose=0)


def measured(images, repeats):
    """Seconds of every setting, taken in turns: a dictionary from (model, setting, value)."""
    makers = {"RBM": rbm_epoch, "VAE": vae_epoch}
    candidates = {}
    for (model, setting), values in GROWTH.items():
        for value in values:
            given = BASE | {setting: value}
            # made once: what a VAE's first epoch traces is not to be traced anew in each turn
            epoch = makers[model]((images > 0.5).astype(np.float32), **given)
            candidates[model, setting, value] = lambda epoch=epoch: epoch
    return in_turns(candidates, repeats)


def plot(times, file):
    """One panel for each setting, on logarithmic axes."""
    fig, axes = plt.subplots(1, 4, figsize=(12, 3.2), layout="constrained", sharey=True)
    for ax, setting in zip(axes, LABELS, strict=True):
        for model, mark in (("RBM", "C0o-"), ("VAE", "C1s-")):
            values = GROWTH.get((model, setting))
            if values is None:
                continue
            found = np.array([times[model, setting, value] for value in values])
            middle = np.median(found, axis=1)
            spans = [middle - found.min(axis=1), found.max(axis=1) - middle]
            ax.errorbar(values, middle, spans, fmt=mark, capsize=3, label=model)
            slope = middle[-1] / values[-1] * np.array(values)
            ax.plot(values, slope, mark[:2] + "--", linewidth=0.8)
        ax.set(xscale="log", yscale="log", xlabel=LABELS[setting])
        ax.set_xticks(values := GROWTH.get(("RBM", setting), GROWTH.get(("VAE", setting))), values)
        ax.minorticks_off()
        ax.grid(alpha=0.25)
        ax.legend()
    axes[0].set_ylabel("seconds for an epoch")
    fig.savefig(file, dpi=110)


def main():
    """Time everything, print a table of medians, write the plot."""
    given = options(__doc__)
    tf.get_logger().setLevel("ERROR")  # each network is traced anew, which it would remark upon
    times = measured(load_images(given.mnist, 16_000), given.repeats)
    print(
        "| model | setting | value | seconds, median | from … to |\n| --- | --- | --- | --- | --- |"
    )
    for (model, setting, value), found in times.items():
        span = f"{found.min():.3f} … {found.max():.3f}"
        print(f"| {model} | {LABELS[setting]} | {value:,} | {np.median(found):.3f} | {span} |")
    plot(times, Path(__file__).with_suffix(".png"))


if __name__ == "__main__":
    main()
