"""Small RBMs, and the truth about them: every state listed, in float64."""

import itertools

import numpy as np
from hypothesis import strategies as st

from helpers.rbm import RBM

sizes = st.integers(1, 5)
seeds = st.integers(0, 2**32 - 1)


def generator(seed=0):
    return np.random.Generator(np.random.SFC64(seed))


def random_rbm(n_visible, n_hidden, seed, scale=1.5):
    """A small RBM with float64 parameters, so that identities hold to rounding error."""
    rng = generator(seed)
    rbm = RBM(n_visible, n_hidden, rng)
    rbm.W = scale * rng.standard_normal((n_visible, n_hidden))
    rbm.visible_bias = scale * rng.standard_normal(n_visible)
    rbm.hidden_bias = scale * rng.standard_normal(n_hidden)
    return rbm


def states(n):
    return np.array(list(itertools.product([0.0, 1.0], repeat=n)))


def energy_by_loops(rbm, v, h):
    total = 0.0
    for i, j in itertools.product(range(len(v)), range(len(h))):
        total -= v[i] * rbm.W[i, j] * h[j]
    total -= sum(v[i] * rbm.visible_bias[i] for i in range(len(v)))
    return total - sum(h[j] * rbm.hidden_bias[j] for j in range(len(h)))


class Truth:
    """Everything about a small RBM from the table of its 2**(V + H) energies."""

    def __init__(self, rbm):
        self.v, self.h = states(rbm.W.shape[0]), states(rbm.W.shape[1])
        self.energy = np.array([[energy_by_loops(rbm, v, h) for h in self.h] for v in self.v])
        boltzmann = np.exp(-self.energy)
        self.log_z = np.log(boltzmann.sum())
        self.joint = boltzmann / boltzmann.sum()
        self.p_v, self.p_h = self.joint.sum(axis=1), self.joint.sum(axis=0)
        self.p_h_given_v = self.joint / self.p_v[:, None]
        self.p_v_given_h = self.joint / self.p_h
        self.gibbs = self.p_h_given_v @ self.p_v_given_h.T  # row: from v, column: to v

    def index(self, v):
        return (np.asarray(v) @ 2 ** np.arange(self.v.shape[1])[::-1]).astype(int)

    def frequencies(self, v):
        return np.bincount(self.index(v), minlength=len(self.v)) / len(v)
