"""Checkers of the exercises 05.1 to 08.4, to be appended to helpers/exercises.py."""


@exercise("05.1")
def _(variance):
    log_deviation = 0.5 * np.log(9)
    draws = np.exp(0.5 * log_deviation) * np.array([-1.0, 1.0])  # noise of variance 1
    if same(variance, np.exp(log_deviation) ** 2):
        return "that is the variance that was meant; follow the second one-half"
    if same(variance, np.sqrt(3)):
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
    right = same(at_infinity(sizes[:2], np.array([7.0, 5.0])), 3.0, 1e-4)
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
