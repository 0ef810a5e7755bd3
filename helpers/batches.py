"""Batches of images: shuffled ones for `fit` in a quicker way than arrays, and what fit is given.

Keras casts and broadcasts what it is given until something fits. So our models look at it first,
once in a call of `fit`, `evaluate` or `predict`, and at nothing while they train.
"""

import inspect

import numpy as np

from helpers import inputs
from helpers.networks import is_symbolic
from helpers.runtime import keras, tf


def shuffled_batches(images, batch_size, seed, binarise=False, first_epoch=0):
    """Batches of equal size in a new random order each time they are gone through, for `fit`.

    The order depends on nothing but the seed and the number of the epoch, so that a training can
    be resumed. Only the indices are shuffled, and a batch is gathered from them while the one
    before it trains: with `fit(batches, shuffle=False)` and `compile(...,
    steps_per_execution=len(batches))` an epoch of a small network takes less than half the time
    that an array takes.

    Args:
        images: shape (n, ...), in [0, 1], or in [-1, 1] for a GAN. Whole numbers and booleans are
            taken if they are all 0 or 1.
        batch_size: images in a batch, or all of them if they are fewer; each time, the few that
            fill no batch are left out.
        seed: of the order and the binarisation.
        binarise: whether to set each pixel to 1 with probability equal to its grey level, anew at
            each draw, as `helpers.data.binarise_by_sampling` does.
        first_epoch: epochs that are done already. With `fit(..., initial_epoch=first_epoch)` a
            resumed training sees the batches that the unbroken one would have seen.

    Returns:
        A `tf.data.Dataset` of float32 batches of shape (batch_size, ...), at least one.

    Raises:
        TypeError: the images are no numbers, or another argument is no whole number.
        ValueError: the images are NaN or out of range, such as bytes, or there are none,
            `batch_size` is below 1, or `first_epoch` is negative.
    """
    if not isinstance(binarise, bool | np.bool_):
        raise TypeError(f"binarise = {binarise!r}: choose True or False.")
    images = inputs.numbers_of(images, "images")
    if images.ndim < 2:
        raise ValueError(f"images has shape {images.shape}, expected (n, ...), one image a row.")
    images = inputs.in_range(images, "images", 0 if binarise else -1, 1)
    batch_size = min(inputs.whole_number(batch_size, "batch_size", least=1), len(images))
    seed = inputs.whole_number(seed, "seed", least=-(2**63), most=2**63 - 1)
    first_epoch = inputs.whole_number(first_epoch, "first_epoch", least=0)
    value_range = (0.0, 1.0) if binarise else (float(images.min()), float(images.max()))
    images, n_batches = tf.constant(images), len(images) // batch_size
    epochs_done = tf.Variable(first_epoch, dtype=tf.int64, trainable=False)

    def one_epoch(_):
        epoch_seed = tf.stack([tf.cast(seed, tf.int64), epochs_done.assign_add(1)])
        order = tf.random.experimental.stateless_shuffle(tf.range(len(images)), epoch_seed)
        indices = tf.reshape(order[: n_batches * batch_size], (n_batches, batch_size))
        numbered = tf.data.Dataset.from_tensor_slices(indices).enumerate()
        return numbered.map(lambda number, rows: gather(rows, number, epoch_seed))

    def gather(rows, number, epoch_seed):
        batch = tf.gather(images, rows)
        if binarise:
            noise_seed = tf.random.experimental.stateless_fold_in(epoch_seed, number)
            uniform = tf.random.stateless_uniform(tf.shape(batch), noise_seed)
            batch = tf.cast(uniform < batch, tf.float32)
        return batch

    # begun anew when its first batch is asked for, and not before: Keras starts more than it uses
    batches = tf.data.Dataset.range(1).flat_map(one_epoch)
    batches = batches.apply(tf.data.experimental.assert_cardinality(n_batches)).prefetch(2)
    batches.value_range = value_range  # for `pictures`, which must not go through them
    return batches


# ---------------------------------------------------------------- what fit is given


def fit_arguments(args, kwargs, check):
    """The arguments of Keras's `fit`, with its data checked.

    Args:
        args, kwargs: what `fit` was given.
        check: a function of (data, name) that returns the data as the model takes it, such as
            `pictures`.

    Returns:
        The arguments by name.

    Raises:
        TypeError: a number is none.
        ValueError: weights of samples or classes, which our models do not use, no epochs, or what
            `check` finds.
    """
    given = by_name(keras.Model.fit, args, kwargs)
    refuse_weights(given)
    least = {"epochs": 1, "batch_size": 1, "initial_epoch": 0, "validation_batch_size": 1}
    for name in least.keys() & given.keys():
        if given[name] is not None:
            given[name] = inputs.whole_number(given[name], name, least=least[name])
    given["x"] = check(given.get("x"), "x")
    held_out = given.get("validation_data")
    if isinstance(held_out, tuple | list):
        refuse_third(held_out, "validation_data")
        given["validation_data"] = (check(held_out[0], "validation_data[0]"), *held_out[1:])
    elif held_out is not None:
        given["validation_data"] = check(held_out, "validation_data")
    return given


def by_name(method, args, kwargs):
    """The arguments of a method of Keras by name.

    Args:
        method: such as `keras.Model.fit`.
        args, kwargs: what it was given, without `self`.

    Returns:
        A dictionary.
    """
    given = inspect.signature(method).bind(None, *args, **kwargs).arguments
    more = given.pop("kwargs", {})
    return {name: value for name, value in given.items() if name != "self"} | more


def refuse_weights(given):
    """Raise a ValueError if weights of samples or classes were given.

    Args:
        given: the arguments of a method of Keras by name.

    Raises:
        ValueError: there are some.
    """
    for name in ("sample_weight", "class_weight"):
        if given.get(name) is not None:
            raise ValueError(
                f"{name} is not used here, every picture counts once: leave it out, or repeat "
                "the pictures that should count more."
            )


def refuse_third(parts, name):
    """Raise a ValueError if data hold weights of samples, or no images.

    Args:
        parts: images, labels and weights, as far as they are there.
        name: of the argument, for the error.

    Raises:
        ValueError: there are three parts, or none.
    """
    if len(parts) not in (1, 2):
        raise ValueError(
            f"{name} has {len(parts)} parts, expected (images,) or (images, labels): weights of "
            "samples are not used here."
        )


def pictures(data, name, shape, lowest, highest):
    """Pictures, or batches of them, as a network takes them.

    Args:
        data: an array or tensor, or a `tf.data.Dataset` of batches, with labels or without. Of
            batches the shape is looked at, and the first one's values if going through them once
            leaves no trace; what `shuffled_batches` made was checked there.
        name: of the argument, for the error.
        shape: of one picture; None if that is not known.
        lowest, highest: the range of its values; None where any finite number is right.

    Returns:
        Arrays as float32 NumPy arrays; a dataset as it is.

    Raises:
        TypeError: it is neither, or it holds no numbers.
        ValueError: another shape, NaN, or values outside their range, such as bytes.
    """
    if isinstance(data, tf.data.Dataset):
        return _batches(data, name, shape, lowest, highest)
    if data is None or isinstance(data, str | bytes | dict) or callable(data):
        raise TypeError(f"{name} = {data!r}: an array or a tf.data.Dataset of batches is needed.")
    if not hasattr(data, "__array__") and not isinstance(data, list | tuple):
        raise TypeError(
            f"{name} is a {type(data).__name__}: an array or a tf.data.Dataset of batches is "
            "needed."
        )
    x = inputs.numbers_of(data, name)
    if shape is not None and len(shape) == 2:
        x = x.reshape(-1, *shape) if _is_flat(x, shape) else x
    _refuse_shape(x.shape, name, shape)
    if x.size == 0:
        raise ValueError(f"{name} is empty: shape {x.shape}.")
    if lowest is None:
        return inputs.finite(x, name).astype(np.float32, copy=False)
    return inputs.in_range(x, name, lowest, highest)


def as_tensor(x, name, check):
    """One batch as a tensor, looked at if its values are known; gradients pass through it.

    Args:
        x: an array or tensor, or a tensor of a graph, which is not looked at.
        name: of the argument, for the error.
        check: a function of (x, name) that returns it as the model takes it.

    Returns:
        A tensor.

    Raises:
        TypeError: it is a dataset, or what `check` raises.
        ValueError: what `check` raises.
    """
    if is_symbolic(x):
        return x
    if isinstance(x, tf.data.Dataset):
        raise TypeError(f"{name} is a tf.data.Dataset: one batch of it is needed here.")
    x = x.value if isinstance(x, keras.Variable) else x
    checked = check(x, name)
    if tf.is_tensor(x):
        return keras.ops.reshape(keras.ops.cast(x, "float32"), checked.shape)
    return keras.ops.convert_to_tensor(checked)


def value_range(data):
    """The smallest and the largest value of checked pictures; None where it is not known.

    Of batches that `shuffled_batches` did not make it is the first one's, as for `pictures`.

    Args:
        data: what `pictures` returned.

    Returns:
        A pair of numbers, or None.
    """
    if isinstance(data, tf.data.Dataset):
        if hasattr(data, "value_range") or not _leaves_no_trace(data):
            return getattr(data, "value_range", None)
        data = next((_images_of(batch).numpy() for batch in data.take(1)), np.zeros(1))
    return float(data.min()), float(data.max())


def _is_flat(x, shape):
    return x.ndim == 2 and x.shape[1] == shape[0] * shape[1]


def _refuse_shape(found, name, shape):
    """Raise a ValueError if batches of this shape are not of pictures of that one."""
    expected = "(n, ...)" if shape is None else f"({', '.join(['n', *map(str, shape)])})"
    known = len(found) > 1 if shape is None else len(found) == len(shape) + 1
    if not known or not all(
        mine is None or its is None or mine == its
        for mine, its in zip(found[1:], shape or found[1:], strict=True)
    ):
        remedy = ""
        if shape is not None and tuple(found) == tuple(shape):
            one = name.removeprefix("a batch of ")
            remedy = f": one picture is {name}[None]" if one == name else f": take {one}.batch(64)"
        elif shape is not None and tuple(found[1:]) == (*shape, 1):
            remedy = f": drop the last axis, {name}[..., 0]"
        elif shape is not None and (*found[1:], 1) == tuple(shape):
            remedy = f": add an axis, {name}[..., None]"
        raise ValueError(f"{name} has shape {tuple(found)}, expected {expected}{remedy}.")


LEAVE_NO_TRACE = {"TensorSlice", "Batch", "ParallelBatch", "Prefetch", "Take", "Skip", "Repeat"}


def _leaves_no_trace(dataset):
    """Whether to go through a dataset changes nothing: it shuffles, counts and computes nothing."""
    kind = type(dataset).__name__.removeprefix("_").removesuffix("Dataset")
    return kind in LEAVE_NO_TRACE and all(map(_leaves_no_trace, dataset._inputs()))


def _batches(data, name, shape, lowest, highest):
    spec = data.element_spec
    if isinstance(spec, tuple):
        refuse_third(spec, f"a batch of {name}")
        spec = spec[0]
    if not isinstance(spec, tf.TensorSpec):
        raise TypeError(f"{name} has batches of {spec}: batches of images are needed.")
    if spec.shape.rank is not None:
        _refuse_shape(tuple(spec.shape), f"a batch of {name}", shape)
    if not spec.dtype.is_floating:
        raise ValueError(
            f"{name} has batches of {spec.dtype.name}: map them to float32 in their range, "
            f"such as {name}.map(lambda x: tf.cast(x, tf.float32) / 255) for bytes."
        )
    if spec.dtype != tf.float32:
        raise ValueError(
            f"{name} has batches of {spec.dtype.name}: map them to float32, "
            f"{name}.map(lambda x: tf.cast(x, tf.float32))."
        )
    values = getattr(data, "value_range", None)
    if values is not None:
        inputs.in_range(np.array(values), name, *_bounds(lowest, highest))
    elif _leaves_no_trace(data):
        for batch in data.take(1):
            pictures(_images_of(batch), f"the first batch of {name}", shape, lowest, highest)
    return data


def _images_of(batch):
    return batch[0] if isinstance(batch, tuple) else batch


def _bounds(lowest, highest):
    return (-np.inf if lowest is None else lowest), (np.inf if highest is None else highest)
