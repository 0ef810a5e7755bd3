"""Wrong answers to them, to be added to SLIPS in tests/test_exercises.py."""
SLIPS = {
    "05.1": ["variance = 9.0", "variance = 1.7321", "variance = 81.0"],
    "05.2": [
        "def doubled(hidden, filters):\n"
        "    return layers.Conv2DTranspose(filters, 3, strides=2, padding='same')(hidden)",
        "def doubled(hidden, filters): return layers.UpSampling2D(2)(hidden)",
        "def doubled(hidden, filters):\n"
        "    return layers.Conv2D(filters, 3)(layers.UpSampling2D(2)(hidden))",
    ],
    "05.3": [
        "def nearest_positions(images, known):\n"
        "    flat, others = np.reshape(images, (-1, 784)), np.reshape(known, (-1, 784))\n"
        "    return np.argmax(flat @ others.T, axis=1)",
        "def nearest_positions(images, known):\n"
        "    return np.array([np.square(known - i).sum(axis=(1, 2)).min() for i in images])",
        "def nearest_positions(images, known):\n"
        "    flat, others = np.reshape(images, (-1, 784)), np.reshape(known, (-1, 784))\n"
        "    return np.argmin((others**2).sum(axis=1) - 2 * flat @ others.T)",
    ],
    "05.4": ["factor = 1", "factor = 8", "factor = 4096", "factor = 1 / 64"],
    "06.1": ["weight = 0.0005", "weight = 0.392", "weight = 0.0005 / 4096", "weight = 0.032"],
    "06.2": [
        "def delayed(step, wait, length): return linear(step, wait + length)",
        "def delayed(step, wait, length): return (step - wait) / length",
        "def delayed(step, wait, length): return np.minimum(1, (step - wait) / length)",
        "def delayed(step, wait, length): return np.clip((step - wait) / (length - wait), 0, 1)",
    ],
    "06.3": [
        "def capacity_loss(reconstruction, kl, capacity, gamma):\n"
        "    return reconstruction + gamma * ops.abs(kl - capacity)",
        "def capacity_loss(reconstruction, kl, capacity, gamma):\n"
        "    return ops.mean(reconstruction + gamma * ops.abs(kl - capacity))",
        "def capacity_loss(reconstruction, kl, capacity, gamma):\n"
        "    return ops.mean(reconstruction) + gamma * (ops.mean(kl) - capacity)",
        "def capacity_loss(reconstruction, kl, capacity, gamma):\n"
        "    return ops.mean(reconstruction) + ops.abs(ops.mean(kl) - capacity)",
    ],
    "06.4": ["price = 8.0", "price = 0.8", "price = 2.0", "price = 0.0"],
    "07.1": ["answer = 0.9", "answer = 0.5", "answer = 0.55"],
    "07.2": [
        "def least_squares_loss(real_scores, fake_scores):\n"
        "    return ops.mean((real_scores - 1) ** 2) + ops.mean((fake_scores - 1) ** 2)",
        "def least_squares_loss(real_scores, fake_scores):\n"
        "    return ops.mean(real_scores**2) + ops.mean((fake_scores - 1) ** 2)",
        "def least_squares_loss(real_scores, fake_scores):\n"
        "    return ops.sum((real_scores - 1) ** 2) + ops.sum(fake_scores**2)",
        "def least_squares_loss(real_scores, fake_scores): return (real_scores - 1) ** 2",
    ],
    "07.3": [
        "def share_nearer(samples, training, held_out):\n"
        "    to_training = evaluation.nearest_images(samples, training)[1]\n"
        "    return np.mean(to_training > evaluation.nearest_images(samples, held_out)[1])",
        "def share_nearer(samples, training, held_out):\n"
        "    return np.mean(evaluation.nearest_images(samples, training)[1])",
        "def share_nearer(samples, training, held_out): return 0.75",
    ],
    "07.4": ["ratio_of_slopes = 1 / 49", "ratio_of_slopes = 0.98", "ratio_of_slopes = 1.0"],
    "08.1": ["recall = 1.0", "recall = 0.0"],
    "08.2": [
        "def bits_per_pixel(nats): return nats / (784 * np.log(2))",
        "def bits_per_pixel(nats): return -nats / np.log(2)",
        "def bits_per_pixel(nats): return -nats / 784",
    ],
    "08.3": [
        "def at_infinity(sizes, distances): return distances[-1]",
        "def at_infinity(sizes, distances): return np.polyfit(sizes, distances, 1)[1]",
        "def at_infinity(sizes, distances): return 3.0",
    ],
    "08.4": ["missing = -784 / 2 * np.log(np.pi)", "missing = 0.5724", "missing = 392.0"],
}
