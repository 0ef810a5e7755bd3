"""How fast is helpers.rbm? Seconds per epoch beside scikit-learn and a plain TensorFlow port.

    python benchmarks/rbm.py [--mnist mnist.npz] [--repeats 5] [--hidden 500]

All on the same float32 images in batches of 64. Only part of an epoch is timed (100 batches for
k = 1, 10 for k = 30) and scaled to 60,000 images. The share of the SGEMM peak counts the 2k + 3
products of an update only. "The products alone" is the floor of this machine: they are done at
their true shapes, with nothing drawn, squashed or learnt between them.
"""

import sys
import warnings

import numpy as np
from timing import EPOCH, in_turns, load_images, options, report, seconds

from helpers.rbm import RBM, train
from helpers.runtime import tf

try:
    from sklearn.neural_network import BernoulliRBM
except ImportError:
    sys.exit("This benchmark compares with scikit-learn, which the course itself does not need: "
             "pip install scikit-learn")  # fmt: skip

N_VISIBLE, BATCH, STEP_SIZE = 784, 64, 0.01
OURS = "helpers.rbm, CD-k"


def ours(v, n_hidden, gibbs_steps, persistent_chains=0):
    """One pass of helpers.rbm."""
    rng = np.random.Generator(np.random.SFC64(0))
    rbm = RBM(N_VISIBLE, n_hidden, rng)
    options = {"epochs": 1, "batch_size": BATCH, "step_size": STEP_SIZE}
    epochs = train(rbm, v, rng, gibbs_steps=gibbs_steps, persistent_chains=persistent_chains,
                   **options)  # fmt: skip
    return lambda: list(epochs)


def scikit_learn(v, n_hidden, _gibbs_steps):
    """One pass of scikit-learn's BernoulliRBM: PCD, always with one Gibbs step."""
    rbm = BernoulliRBM(n_hidden, learning_rate=STEP_SIZE, batch_size=BATCH, n_iter=1,
                       random_state=0)  # fmt: skip
    return lambda: rbm.fit(v)


def tensorflow_port(v, n_hidden, gibbs_steps):
    """One pass of CD-k written the plain way in TensorFlow: one graph for each update."""
    W = tf.Variable(tf.random.normal((N_VISIBLE, n_hidden), stddev=0.01))
    b, c = tf.Variable(tf.zeros(N_VISIBLE)), tf.Variable(tf.zeros(n_hidden))

    def sample(p):
        return tf.cast(tf.random.uniform(tf.shape(p)) < p, tf.float32)

    @tf.function
    def update(v_data):
        h_data = h_model = tf.sigmoid(v_data @ W + c)
        for _ in range(gibbs_steps):
            h = sample(h_model)
            v_model = sample(tf.sigmoid(tf.matmul(h, W, transpose_b=True) + b))
            h_model = tf.sigmoid(v_model @ W + c)
        positive = tf.matmul(v_data, h_data, transpose_a=True)
        negative = tf.matmul(v_model, h_model, transpose_a=True)
        W.assign_add(STEP_SIZE / BATCH * (positive - negative))
        b.assign_add(STEP_SIZE * tf.reduce_mean(v_data - v_model, axis=0))
        c.assign_add(STEP_SIZE * tf.reduce_mean(h_data - h_model, axis=0))

    images = tf.constant(v)

    def one_pass():
        for start in range(0, len(v), BATCH):
            update(images[start : start + BATCH])

    update(images[:BATCH])  # trace outside the clock
    return one_pass


def products_alone(v, n_hidden, gibbs_steps):
    """One pass of nothing but the matrix products of CD-k, into arrays that are there already."""
    W = np.zeros((N_VISIBLE, n_hidden), np.float32)
    h, gradient = np.empty((BATCH, n_hidden), np.float32), np.empty_like(W)
    v_model = np.empty((BATCH, N_VISIBLE), np.float32)

    def one_pass():
        for start in range(0, len(v), BATCH):
            v_data = v[start : start + BATCH]
            np.matmul(v_data, W, out=h)
            for _ in range(gibbs_steps):
                np.matmul(h, W.T, out=v_model)
                np.matmul(v_model, W, out=h)
            np.matmul(v_data.T, h, out=gradient)
            np.matmul(v_model.T, h, out=gradient)

    return one_pass


def sgemm_peak(n=2048):
    """The best float32 rate of a large square matrix product here, in floating-point ops/s."""
    a = np.random.default_rng(0).random((n, n), dtype=np.float32)
    return 2 * n**3 / min(seconds(lambda: a @ a) for _ in range(5))


def compare(candidates, v, n_hidden, gibbs_steps, repeats):
    """Time the candidates in turns; print medians and the ratio of ours to each other."""
    passes = {name: lambda c=c: c(v, n_hidden, gibbs_steps) for name, c in candidates.items()}
    times = in_turns(passes, repeats)
    times = {name: values * EPOCH / len(v) for name, values in times.items()}
    flops, peak = (2 * gibbs_steps + 3) * 2 * EPOCH * N_VISIBLE * n_hidden, sgemm_peak()
    title = f"{n_hidden} hidden units, k = {gibbs_steps}, seconds per epoch of {EPOCH:,}"
    share = f"of the SGEMM peak of {peak / 1e9:.0f} Gflop/s"
    report(title, times, OURS, lambda median: f"{flops / median / peak:.0%} {share}")


def main():
    """Read the options and print both comparisons."""
    given = options(__doc__, hidden=500)
    warnings.simplefilter("ignore")
    images = load_images(given.mnist, 100 * BATCH).reshape(-1, N_VISIBLE)
    threshold = 0.5 if given.mnist else 0.87  # random pixels with as much ink as digits have
    v = (images > threshold).astype(np.float32)
    k1 = {
        OURS: ours,
        "helpers.rbm, PCD": lambda v, n_hidden, k: ours(v, n_hidden, k, persistent_chains=BATCH),
        "scikit-learn, PCD": scikit_learn,
        "TensorFlow port, CD-k": tensorflow_port,
        "the products alone": products_alone,
    }
    k30 = {name: k1[name] for name in (OURS, "TensorFlow port, CD-k", "the products alone")}
    compare(k1, v, given.hidden, 1, given.repeats)
    compare(k30, v[: 10 * BATCH], given.hidden, 30, given.repeats)


if __name__ == "__main__":
    main()
