"""How good can helpers.rbm get on all of MNIST? Likelihoods of the test digits, in nats.

    MNIST_NPZ=mnist.npz python benchmarks/rbm_likelihood.py [--epochs 300]

Trains 20 hidden units on threshold-binarised digits, where log Z is exact and judges AIS, and 500
hidden units on digits whose pixels are drawn anew from their grey levels at each presentation,
measured on one such draw of the test digits by AIS and reverse AIS with 10,000 temperatures and 100
chains. Both by centred PCD, 100 chains, batches of 100, a step size falling from 0.05 to 0. About
fifteen minutes on two quiet cores.
"""

import argparse
import itertools
import time

import numpy as np

from helpers.ais import annealed_importance_sampling, reverse_ais
from helpers.data import binarise_by_sampling, binarise_by_threshold, load_digits
from helpers.rbm import RBM, base_rate_bias, train


def generator(seed):
    return np.random.Generator(np.random.SFC64(seed))


def fit(v, n_hidden, epochs, resample):
    """Train an RBM; returns it, the state of its chains and the seconds."""
    start, rng = time.perf_counter(), generator(0)
    rbm = RBM(784, n_hidden, rng, visible_bias=base_rate_bias(v))
    settings = {"batch_size": 100, "persistent_chains": 100, "centred": True}
    steps = train(
        rbm,
        v,
        rng,
        epochs=epochs,
        step_size=0.05,
        final_step_size=0.0,
        resample=resample,
        **settings,
    )
    *_, last = steps
    return rbm, last.v_model, time.perf_counter() - start


def report(name, rbm, v_test, log_z, error):
    likelihood = rbm.log_likelihood(v_test, log_z)
    print(
        f"  {name}: {likelihood.mean():.2f} nats "
        f"(± {likelihood.std() / len(v_test) ** 0.5:.2f} over images, ± {error:.2f} of log Z)"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=300, help="of the 500 hidden units")
    epochs = parser.parse_args().epochs
    digits = load_digits("mnist")
    grey, grey_test = digits.x_train.reshape(-1, 784), digits.x_test.reshape(-1, 784)

    v_train, v_test = binarise_by_threshold(grey), binarise_by_threshold(grey_test)
    rbm, _, seconds = fit(v_train, 20, 60, resample=False)
    print(f"20 hidden units, threshold binarisation, 60 epochs, {seconds:.0f} s")
    log_z = rbm.log_partition()
    report("exact", rbm, v_test, log_z, 0)
    for seed in range(5):
        ais = annealed_importance_sampling(rbm, base_rate_bias(v_train), generator(seed), 30_000)
        inside = "inside" if ais.lower <= log_z <= ais.upper else "outside"
        print(f"  AIS minus exact log Z: {ais.log_z - log_z:+.2f}, the truth {inside} its range")

    v_test = binarise_by_sampling(grey_test, np.random.default_rng(12345))
    rbm, chains, seconds = fit(grey, 500, epochs, resample=True)
    print(f"500 hidden units, Bernoulli binarisation, {epochs} epochs, {seconds:.0f} s")
    ais = annealed_importance_sampling(rbm, base_rate_bias(grey), generator(2))
    report("AIS", rbm, v_test, ais.log_z, ais.standard_error)
    rng = generator(3)
    settled = next(itertools.islice(rbm.gibbs(chains, rng), 999, None)).v
    ais = reverse_ais(rbm, base_rate_bias(grey), settled, rng)
    report("reverse AIS", rbm, v_test, ais.log_z, ais.standard_error)


if __name__ == "__main__":
    main()
