"""The checkers behind the exercises, one small function for each.

A checker gets the learner's answer, a value or a function, and returns "" if it is right, else a
hint that points to the idea without giving the answer. It compares with a truth that it computes
in another way than the solution does.
"""

import numpy as np

EXERCISES = {}


def exercise(number):
    """Register the checker of the exercise of this number."""

    def register(checker):
        EXERCISES[number] = checker
        return checker

    return register


def same(answer, truth, tolerance=1e-5):
    """Whether the answer has the truth's shape and, up to rounding, its values."""
    answer, truth = np.asarray(answer, dtype=float), np.asarray(truth, dtype=float)
    return answer.shape == truth.shape and np.allclose(answer, truth, rtol=tolerance, atol=1e-6)


@exercise("00.1")
def _(white_share):
    from helpers.data import load_digits

    truth = np.mean(load_digits("sample").x_train == 0)
    if not 0 <= white_share <= 1:
        return "a share lies between 0 and 1"
    return "" if abs(white_share - truth) < 0.05 else "look at the digits: how much is paper?"


@exercise("00.2")
def _(growth):
    from helpers.data import load_digits

    images = load_digits("sample").x_train
    truth = np.mean(images > 0.2) / np.mean(images > 0.5)
    if growth < 1:
        return "a lower threshold makes more ink: divide the other way round"
    return "" if abs(growth - truth) < 0.02 else "the share at threshold 0.2, over the share at 0.5"


@exercise("00.3")
def _(average_digit):
    images = np.arange(5 * 28 * 28, dtype=float).reshape(5, 28, 28)
    labels = np.array([3, 1, 3, 3, 1])
    average = np.asarray(average_digit(images, labels, 3))
    if average.shape != (28, 28):
        return f"the average of images is an image, but yours has shape {average.shape}"
    if same(average, images.mean(axis=0)):
        return "that is the average of all images: use the labels to choose"
    return "" if same(average, (images[0] + images[2] + images[3]) / 3) else "which images count?"


@exercise("00.4")
def _(images_of):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (3, 28, 28))
    rows = np.column_stack([[7, 2, 9], images.reshape(3, 784)])
    answer = np.asarray(images_of(rows))
    if answer.shape != (3, 28, 28):
        return f"three rows should give shape (3, 28, 28), yours gave {answer.shape}"
    if same(answer, rows[:, :784].reshape(3, 28, 28) / 255):
        return "your first pixel is still the label, and the last pixel is missing"
    return "" if same(answer, images / 255) else "check the range: from 0 to 1"


@exercise("01.1")
def _(steps_without_weights):
    if same(steps_without_weights, 0):
        return "at the start it is at the white picture for sure, which the model is not"
    return "" if same(steps_without_weights, 1) else "what does the next picture depend on?"


@exercise("01.2")
def _(steps_weaker):
    rng = np.random.default_rng(2)
    W = rng.normal(0, 1.5, (4, 3))
    b = -W.sum(axis=1) / 2 + rng.normal(0, 0.5, 4)
    c = -W.sum(axis=0) / 2 + rng.normal(0, 0.5, 3)
    joint = _joint_probability(W, b, c)
    step = (joint / joint.sum(axis=1, keepdims=True)) @ (joint / joint.sum(axis=0)).T
    powers = [np.linalg.matrix_power(step, k)[0] for k in range(50)]
    distances = np.array([abs(power - joint.sum(axis=1)).sum() / 2 for power in powers])
    if same(steps_weaker, 26):
        return "that is the RBM of the page: draw one with weaker weights"
    right = same(steps_weaker, np.argmax(distances < 0.01))
    return "" if right else "a distance below 0.01, with weight_std=1.5 and seed=2"


@exercise("01.3")
def _(pixel_probability):
    rng = np.random.default_rng(0)
    W, b, c = rng.normal(size=(3, 2)), rng.normal(size=3), rng.normal(size=2)
    v = np.array([[0.0, 0, 1], [1, 0, 1], [0, 1, 1], [1, 1, 0]])
    p = _joint_probability(W, b, c).sum(axis=1)  # pixel i of picture n is bit i of n
    truth = [p[6] / (p[4] + p[6]), p[7] / (p[5] + p[7])] * 2
    truth[2:] = truth[0], p[3] / (p[1] + p[3])
    answer = np.asarray(pixel_probability(v.copy(), 1, W, b, c))
    if answer.shape != (4,):
        return f"four pictures should give shape (4,), yours gave {answer.shape}"
    if not same(answer[0], answer[2]):
        return "the answer must not depend on the pixel in question, which is unknown"
    if same(answer, 1 - np.array(truth)):
        return "that is the probability that the pixel is blank"
    return "" if same(answer, truth) else "compare two pictures that differ in this pixel only"


@exercise("01.4")
def _(first_infinite):
    if first_infinite != int(first_infinite):
        return "a whole number, please"
    with np.errstate(over="ignore"):
        infinite = np.isinf(np.log(1 + np.exp(np.float32([first_infinite - 1, first_infinite]))))
    if infinite.tolist() == [False, True]:
        return ""
    return "one less is infinite too" if infinite[0] else "there it is still finite, in float32"


def _joint_probability(W, b, c):
    """All p(v, h) of a small RBM; rows are v, columns h, unit i of state n is bit i of n."""
    v, h = ((np.arange(2**n)[:, None] >> np.arange(n)) & 1 for n in W.shape)
    weights = np.exp((v @ b)[:, None] + h @ c + v @ W @ h.T)
    return weights / weights.sum()


@exercise("02.1")
def _(log_z):
    if same(log_z, 804):
        return "that is the logarithm to base 2"
    if same(log_z, 784 * np.log(2)):
        return "the hidden units have states too"
    return (
        "" if same(log_z, 804 * np.log(2)) else "how many pairs are there, and what does each add?"
    )


@exercise("02.2")
def _(step_size):
    velocity = 0.0
    for _ in range(1000):
        velocity = 0.9 * velocity + step_size
    if velocity > 0.11:
        return "too fast: each step goes on moving the weights in the later ones"
    return "" if same(velocity, 0.1) else "too slow: what does the velocity settle at?"


@exercise("02.3")
def _(estimate_log_z):
    truth = 5 + np.log(2.0)
    answer = estimate_log_z(np.log([1.0, 3.0]), 5.0)
    if same(answer, 5 + np.log(3) / 2):
        return "that is the mean of the logarithms, not the logarithm of the mean"
    if not same(answer, truth):
        return "weights 1 and 3 have the mean 2: what do they estimate?"
    right = same(estimate_log_z(np.array([1000.0, 1000.0]), 5.0), 1005.0)
    return "" if right else "exp(1000) overflows: which factor can be taken out of all weights?"


@exercise("02.4")
def _(reported):
    if same(reported, np.log1p(-1 / 4002)):
        return "that is one pixel: the code multiplies by their number"
    if reported > 0:
        return "the logarithm of a probability is not positive"
    truth = 784 * np.log1p(-1 / 4002)
    if same(reported, truth, 1e-3):
        return ""
    return "tf.function runs the Python lines once: how probable is a white corner, all else given?"


@exercise("03.1")
def _(value):
    z = 1.0  # any code will do
    log_joint = -0.5 * z**2 - 0.5 * (2 - z) ** 2 - np.log(2 * np.pi)
    truth = log_joint + 0.5 * np.log(2 * np.pi * 0.5)
    if same(value, -truth, 0.01):
        return "a density below 1 has a negative logarithm"
    return "" if same(value, truth, 0.005) else "does it depend on z at all, if q is the posterior?"


@exercise("03.2")
def _(score_gradients):
    rng = np.random.default_rng(0)
    values, score = rng.normal(size=2000) - 5, rng.normal(size=(2000, 2))
    score -= score.mean(axis=0)
    gradients = np.asarray(score_gradients(values, score))
    if gradients.shape != (2000, 2):
        return f"2,000 draws of 2 latents have shape (2000, 2), yours has {gradients.shape}"
    if not same(gradients.mean(axis=0), (values @ score) / 2000, 0.01):
        return "a baseline must not change the mean of the gradient"
    moved = np.asarray(score_gradients(values + 1000, score))
    right = same(moved, gradients) and gradients.var() < 0.5 * (values[:, None] * score).var()
    return "" if right else "adding 1,000 to all values should change nothing: is it subtracted?"


@exercise("03.3")
def _(effective_sample_size):
    weights = np.array([[1, 1, 1, 1, 1], [1, 0, 0, 0, 0], [3, 1, 0, 0, 0]])
    with np.errstate(all="ignore"):
        size = np.asarray(effective_sample_size(np.log(weights + 1e-30)))
        shifted = np.asarray(effective_sample_size(np.log(weights + 1e-30) - 2000))
    if size.shape != (3,):
        return f"three rows should give three numbers, yours have shape {size.shape}"
    if not same(size, [5, 1, 1.6]):
        return "five equal weights count as 5; weights 3 and 1 as (3 + 1)² / (9 + 1)"
    right = same(shifted, [5, 1, 1.6])
    return "" if right else "log-weights of -2000 give zero weights: what can be cancelled first?"


@exercise("03.4")
def _(excess):
    z = np.linspace(-8, 10, 20_001)
    log_q, log_prior = -((z - 1) ** 2) - 0.5 * np.log(np.pi), -(z**2) / 2 - 0.5 * np.log(2 * np.pi)
    truth = np.trapezoid(np.exp(log_q) * (log_q - log_prior), z)
    if same(excess, 0, 0.01):
        return "the right form would be exact at the posterior; what does this one leave out?"
    return "" if same(excess, truth, 0.005) else "which divergence belongs there?"


@exercise("04.1")
def _(nats):
    if same(nats, 25.0):
        return "half of that: there is a factor in front of the sum"
    return "" if same(nats, 12.5) else "which terms of the formula vanish when the variance is 1?"


@exercise("04.2")
def _(gaussian_loss):
    x, x_logits = np.zeros((2, 28, 28)), np.zeros((2, 28, 28))
    if np.shape(gaussian_loss(x, x_logits, 0.5)) != (2,):
        return "two images should give two numbers: sum over pixels only"
    if not same(gaussian_loss(x, x_logits, 0.5), [196.0, 196.0]):
        return "with variance 1/2 it should be the squared error itself"
    right = same(gaussian_loss(x, x_logits, 0.1), [980.0, 980.0])
    return "" if right else "is it the variance or the deviation that stands in the exponent?"


@exercise("04.3")
def _(tour):
    codes = np.array([[0.0, 2.0], [4.0, 0.0], [4.0, 8.0]])
    path = np.asarray(tour(codes, 5))
    if path.shape == (10, 2):
        return "the end of one leg is the beginning of the next: it is a stop only once"
    if path.shape != (9, 2):
        return f"two legs of 5 stops share one, which makes shape (9, 2), yours has {path.shape}"
    if not all(same(path[4 * leg], code) for leg, code in enumerate(codes)):
        return "each of the codes should be a stop, in their order"
    stops = np.arange(9) / 4
    truth = np.stack([np.interp(stops, [0, 1, 2], coordinate) for coordinate in codes.T], axis=1)
    return "" if same(path, truth) else "are the steps equal?"


@exercise("04.4")
def _(charged):
    if same(charged, 0):
        return "that is what the right formula charges; put the prior into the one shown"
    return "" if same(charged, 8.0) else "mean 0, log-variance 0, eight dimensions"


@exercise("05.1")
def _(variance):
    log_deviation = 0.5 * np.log(9)
    draws = np.exp(0.5 * log_deviation) * np.array([-1.0, 1.0])  # noise of variance 1
    if same(variance, np.exp(log_deviation) ** 2):
        return "that is the variance that was meant; follow the second one-half"
    if same(variance, np.sqrt(3), 0.01):
        return "that is the deviation"
    return "" if same(variance, draws.var()) else "first s, then the deviation, then its square"


@exercise("05.2")
def _(doubled):
    page = np.ones((2, 12, 12, 3), np.float32)
    answer = np.asarray(doubled(page, 5))
    if answer.shape != (2, 24, 24, 5):
        return f"sides of 12 and 5 filters should give (2, 24, 24, 5), yours gave {answer.shape}"
    uneven = np.ptp(answer[:, 6:18, 6:18], axis=(1, 2)).max()
    return "" if uneven < 1e-5 else "an even picture comes out uneven: does a stencil overlap?"


@exercise("05.3")
def _(nearest_positions):
    rng = np.random.default_rng(0)
    known = rng.random((30, 28, 28)) * rng.random((30, 1, 1))
    images = known[[4, 17, 29, 4]] + 0.2 * rng.random((4, 28, 28))
    truth = [min(range(30), key=lambda j: np.square(known[j] - i).sum()) for i in images]
    answer = np.asarray(nearest_positions(images, known))
    if answer.shape != (4,):
        return f"four pictures should give four positions, yours gave shape {answer.shape}"
    return "" if same(answer, truth) else "is it the smallest squared error, over all pixels?"


@exercise("05.4")
def _(factor):
    prices = np.linspace(1, 3, 64)
    charged = np.mean(prices.sum() + np.zeros(64))
    if same(factor, 1):
        return "how many numbers does the sum without an axis run over?"
    return (
        "" if same(factor, charged / prices.mean()) else "what is the sum added to, and averaged?"
    )


@exercise("06.1")
def _(weight):
    errors = np.full((64, 64), 0.01)
    if same(weight, 0.0005):
        return "the same weight beside a sum would be a far lower price"
    if same(weight, 0.0005 * 784):
        return "how many pixels has this image?"
    return "" if same(weight, 0.0005 * errors.sum() / errors.mean()) else "sum over mean is what?"


@exercise("06.2")
def _(delayed):
    steps = np.array([0.0, 3, 5, 7, 9, 13, 100])
    answer = np.asarray([delayed(step, 5, 8) for step in steps])
    if answer.min() < 0:
        return "a negative weight would pay the code for being dear"
    if answer.max() > 1:
        return "the climb should end at 1"
    truth = np.interp(steps, [5, 13], [0, 1])
    return "" if same(answer, truth) else "it climbs from `wait` to `wait + length`"


@exercise("06.3")
def _(capacity_loss):
    reconstruction, kl = np.float32([100, 110]), np.float32([2, 6])
    answer = np.asarray(capacity_loss(reconstruction, kl, 3.0, 10.0))
    if answer.shape != ():
        return f"a batch should give one number, yours gave shape {answer.shape}"
    if same(answer, 105 + 10 * 2):
        return "each image is held to the capacity; the average should be"
    low = np.asarray(capacity_loss(reconstruction, kl, 7.0, 10.0))
    if not same(answer, 115):
        return "reconstruction averages 105, and the KL is 1 nat above the capacity"
    return "" if same(low, 135) else "a KL below the capacity should cost as well"


@exercise("06.4")
def _(price):
    near, variance = np.meshgrid(np.linspace(0, 2, 201), np.linspace(1, 3, 201))
    far = near + 4 * np.sqrt(variance)
    kl = [0.5 * (variance + mean**2 - 1 - np.log(variance)) for mean in (near, far)]
    if same(price, 8):
        return "that is the dear one of the two clouds: what does the other pay?"
    if same(price, 0.8, 0.02):
        return "that is the free encoder: which means and variances can a ReLU give?"
    return (
        "" if same(price, np.mean(kl, axis=0).min(), 0.01) else "smallest variance, then the means"
    )


@exercise("07.1")
def _(answer):
    D = np.linspace(0.001, 0.999, 999)
    loss = -0.9 * np.log(D) - 0.1 * np.log(1 - D) - np.log(1 - D)
    if same(answer, 0.9):
        return "that would be right if every picture were real; half of them are fakes"
    if same(answer, 0.5):
        return "that is the answer without smoothing: which label do the real half have now?"
    return "" if same(answer, D[loss.argmin()]) else "set the derivative to zero, with p = q"


@exercise("07.2")
def _(least_squares_loss):
    real, fake = np.array([[1.5], [0.0]], np.float32), np.array([[0.2], [-0.4], [0.0]], np.float32)
    value = np.asarray(least_squares_loss(real, fake))
    if value.shape != ():
        return f"the loss of a batch is one number, yours has shape {value.shape}"
    if same(value, 0.5 * (0.25 + 1) + (0.64 + 1.96 + 1) / 3):
        return "that asks for score 1 on the fakes as well"
    if same(value, (0.25 + 1) + (0.04 + 0.16)):
        return "an average over each batch, so that its size does not matter"
    return "" if same(value, 0.625 + 0.2 / 3) else "real scores should be 1, scores of fakes 0"


@exercise("07.3")
def _(share_nearer):
    places = np.array([0.0, 1, 2, 3, 4, 5])
    blank = np.zeros((6, 28, 28))
    training, held_out, samples = (blank + x[:, None, None] for x in (places, places + 0.5, places))
    samples = np.concatenate([samples[:3] + 0.1, samples[:1] + 0.4])
    answer = share_nearer(samples, training, held_out)
    if same(answer, 0.25):
        return "that is the share nearer to the held-out ones"
    if not same(answer, 0.75):
        return "for each sample: is the nearest of all training pictures nearer than the others?"
    copied = share_nearer(held_out, training, held_out)
    return "" if same(copied, 0) else "copies of held-out pictures are nearer to those"


@exercise("07.4")
def _(ratio):
    logit, h = np.log(0.02 / 0.98), 1e-4
    stated, used = (
        (loss(logit + h) - loss(logit - h)) / (2 * h)
        for loss in (lambda x: -np.logaddexp(0, x), lambda x: np.logaddexp(0, -x))
    )
    if same(ratio, stated / used, 1e-3):
        return "the other way round: which of the two is steep where the fake is recognised?"
    return "" if same(ratio, used / stated, 1e-3) else "both slopes are given in the text above"


@exercise("08.1")
def _(recall):
    if same(recall, 1.0):
        return "that is its precision: everything it draws is a digit"
    return "" if same(recall, 0.5) else "which share of the real digits lies near something drawn?"


@exercise("08.2")
def _(bits_per_pixel):
    answer = np.asarray(bits_per_pixel(np.array([-784 * np.log(2), -392 * np.log(2)])))
    if answer.shape != (2,):
        return f"two likelihoods should give two numbers, yours gave shape {answer.shape}"
    if same(answer, [-1, -0.5]):
        return "a code length is positive: the better the model, the fewer bits"
    if same(answer, [784, 392]):
        return "that is bits per digit"
    return "" if same(answer, [1, 0.5]) else "a pixel at probability one half costs one bit"


@exercise("08.3")
def _(at_infinity):
    sizes = np.array([100, 200, 400, 1000])
    answer = at_infinity(sizes, 3 + 50 / sizes)
    if same(answer, 3 + 50 / 1000):
        return "that is the value at the largest number; the bias has not gone yet"
    if not same(answer, 3.0, 1e-4):
        return "a straight line over 1/n: where does it meet 1/n = 0?"
    right = same(at_infinity(sizes[:2], np.array([7.0, 4.5])), 2.0, 1e-4)
    return "" if right else "it should work for any numbers of samples"


@exercise("08.4")
def _(missing):
    x = np.linspace(-9, 9, 20_001)
    per_pixel = np.log(np.trapezoid(np.exp(-(x**2)), x))
    if same(missing, -784 * per_pixel, 1e-3):
        return "right size; does it make the loss larger or smaller?"
    if same(missing, per_pixel, 1e-3):
        return "that is one pixel"
    return "" if same(missing, 784 * per_pixel, 1e-3) else "what makes exp(-(x - mean)²) a density?"
