"""Right or refused: what comes in at the doors of the library is checked there, once.

Each function returns its value in the one form that the code behind it expects, or raises an error
that names the argument, what it holds, and the remedy. Nothing is guessed: bytes are not divided by
255, and a shape that does not fit is not broadcast.
"""

import functools
import inspect
import math
import numbers
import os
from pathlib import Path

import numpy as np

BYTES = "divide 8-bit grey levels by 255"
ROUNDING = 1e-3  # by so much a grey level that is drawn may leave [0, 1]


# ---------------------------------------------------------------- numbers


def whole_number(value, name, least=None, most=None):
    """A whole number as a Python `int`.

    Args:
        value: an `int`, a NumPy integer, or an array or tensor of one.
        name: of the argument, for the error.
        least, most: the smallest and the largest that is allowed.

    Returns:
        The number.

    Raises:
        TypeError: it is no whole number; a `bool` and 2.0 are none.
        ValueError: it lies outside its range.
    """
    value = _one(value)
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        needed = f"a whole number is needed{_range(least, most, comma=True)}"
        raise TypeError(f"{name} = {_shown(value)}: {needed}.")
    return _inside(int(value), name, least, most)


def real_number(value, name, least=None, most=None, above=None, below=None):
    """A finite number as a Python `float`.

    Args:
        value: a number, or an array or tensor of one.
        name: of the argument, for the error.
        least, most: bounds that are allowed themselves.
        above, below: bounds that are not.

    Returns:
        The number.

    Raises:
        TypeError: it is no number.
        ValueError: it is NaN or infinite, or lies outside its range.
    """
    value = _one(value)
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        needed = f"a number is needed{_range(least, most, above, below, comma=True)}"
        raise TypeError(f"{name} = {_shown(value)}: {needed}.")
    return _inside(float(value), name, least, most, above, below)


def random_generator(rng, name="rng"):
    """A NumPy generator, as it is.

    Raises:
        TypeError: it is something else, such as a seed.
    """
    if not isinstance(rng, np.random.Generator):
        raise TypeError(
            f"{name} = {_shown(rng)}: a NumPy generator is needed, such as "
            "np.random.default_rng(0), and not a seed."
        )
    return rng


def one_of(value, name, choices):
    """One of a few words, as it is.

    Raises:
        ValueError: it is another one.
    """
    if not (isinstance(value, str) and value in choices):
        words = " or ".join(repr(choice) for choice in choices)
        raise ValueError(f"{name} = {_shown(value)}: choose {words}.")
    return value


def path_of(path, name="path"):
    """A path as `pathlib.Path`, with `~` as the home.

    Args:
        path: text, or a `pathlib.Path`.
        name: of the argument, for the error.

    Returns:
        The path; whether anything is there is not looked at.

    Raises:
        TypeError: it is neither text nor a path.
        ValueError: it is empty.
    """
    if not isinstance(path, str | Path):
        raise TypeError(f"{name} = {_shown(path)}: a path is needed, as text.")
    if not str(path).strip():
        raise ValueError(f"{name} = {path!r}: a path is needed.")
    return Path(os.path.expanduser(path))  # an unknown user's home stays as it is


# ---------------------------------------------------------------- arrays


def images(x, name="images", lowest=0.0, highest=1.0, size=None, least=1):
    """Pictures as float32 of shape (n, height, width).

    Args:
        x: shape (n, height, width), or flat rows of square pictures, (n, height * width). Whole
            numbers and booleans are taken if they are all 0 or 1.
        name: of the argument, for the error.
        lowest, highest: the range of its values.
        size: the (height, width) that is expected, if one is.
        least: the smallest n that is allowed.

    Returns:
        The pictures; an array that is float32 and of that shape is not copied.

    Raises:
        TypeError: these are no numbers.
        ValueError: another shape, too few pictures, NaN, or values outside their range.
    """
    x = numbers_of(x, name)
    shape = f"(n, {size[0]}, {size[1]})" if size else "(n, height, width)"
    if x.ndim == 2 and _are_flat(x, size):
        x = x.reshape(len(x), *(size or 2 * [math.isqrt(x.shape[1])]))
    if x.ndim != 3 or 0 in x.shape[1:] or (size is not None and x.shape[1:] != tuple(size)):
        raise ValueError(f"{name} has shape {x.shape}, expected {shape}{_shape_remedy(x, size)}.")
    if len(x) < least:
        raise ValueError(f"{name} holds {len(x)} pictures: at least {least} are needed.")
    return in_range(x, name, lowest, highest)


def drawable(x, name):
    """Check images that are to be drawn.

    Args:
        x: shape (n, height, width), or flat rows of square images, values in [0, 1].
        name: of the argument, for the error.

    Returns:
        float32, shape (n, height, width); rounding errors of up to 0.001 outside [0, 1] are left.

    Raises:
        TypeError: these are no numbers.
        ValueError: another shape, no images, NaN, or values outside [0, 1], such as logits.
    """
    largest = np.finfo(np.float32).max
    x = images(x, name, lowest=-largest, highest=largest)
    smallest, largest = x.min(), x.max()
    if smallest < -ROUNDING or largest > 1 + ROUNDING:
        bytes_or_not = smallest >= 0 and largest > 2
        remedy = BYTES if bytes_or_not else "ops.sigmoid of logits, or np.clip(x, 0, 1)"
        raise ValueError(
            f"{name} ranges from {smallest:g} to {largest:g}, expected [0, 1]: {remedy}."
        )
    return x


def labels(y, name="labels", n=None, classes=None):
    """Labels as int64 of shape (n,).

    Args:
        y: whole numbers, shape (n,).
        name: of the argument, for the error.
        n: how many there must be, if that is known.
        classes: labels must be below it, if it is given.

    Returns:
        The labels.

    Raises:
        TypeError: these are no numbers.
        ValueError: another shape, or another number of labels, or no whole numbers from 0 on.
    """
    y = numbers_of(y, name)
    if y.ndim != 1 or (n is not None and len(y) != n):
        expected = "(n,)" if n is None else f"({n},)"
        remedy = f": {name}[:, 0] or {name}.argmax(axis=1)" if y.ndim == 2 else ""
        raise ValueError(f"{name} has shape {y.shape}, expected {expected}{remedy}.")
    wrong = y[~(np.isfinite(y) & (y == np.floor(y)) & (y >= 0))]
    if classes is not None and not len(wrong):
        wrong = y[y >= classes]
    if len(wrong):
        below = "" if classes is None else f" below {classes}"
        raise ValueError(f"{name} contains {wrong[0]:g}: whole numbers from 0{below} are needed.")
    return y.astype(np.int64)


def rows(x, name, least=1, columns=None):
    """Rows of features or codes as float64 of shape (n, columns), all finite.

    Args:
        x: shape (n, columns).
        name: of the argument, for the error.
        least: the smallest n that is allowed.
        columns: how many there must be, if that is known.

    Returns:
        The rows.

    Raises:
        TypeError: these are no numbers.
        ValueError: another shape, too few rows, NaN or infinite values.
    """
    x = numbers_of(x, name)
    if x.ndim != 2 or x.shape[1] == 0 or (columns is not None and x.shape[1] != columns):
        raise ValueError(f"{name} has shape {x.shape}, expected (n, {columns or 'columns'}).")
    if len(x) < least:
        raise ValueError(f"{name} has {len(x)} rows: at least {least} are needed.")
    return finite(x.astype(np.float64), name)


def in_range(x, name, lowest, highest):
    """An array as float32, with all values in a range; whole numbers only if none is above 1.

    Raises:
        ValueError: NaN, or values outside, or whole numbers that look like bytes.
    """
    if x.size == 0:
        raise ValueError(f"{name} is empty: shape {x.shape}.")
    smallest, largest = x.min(), x.max()
    if np.isnan(smallest) or np.isnan(largest):
        raise ValueError(f"{name} contains NaN: repair or drop those pictures.")
    whole = np.issubdtype(x.dtype, np.integer)
    if smallest < lowest or largest > highest or (whole and largest > 1):
        remedy = (
            BYTES if largest > 1 and smallest >= 0 else f"scale them to [{lowest:g}, {highest:g}]"
        )
        raise ValueError(
            f"{name} ranges from {smallest:g} to {largest:g}, expected [{lowest:g}, {highest:g}]: "
            f"{remedy}."
        )
    return x.astype(np.float32, copy=False)


def finite(x, name):
    """An array as it is.

    Raises:
        ValueError: it holds NaN or infinite values.
    """
    if not np.isfinite(x).all():
        raise ValueError(f"{name} contains {x[~np.isfinite(x)][0]:g}: finite numbers are needed.")
    return x


def numbers_of(x, name):
    """Anything that holds real numbers as a NumPy array; booleans as whole numbers.

    Raises:
        TypeError: it holds something else, or is none of: array, tensor, list.
    """
    try:
        array = np.asarray(x)
    except Exception as error:  # symbolic tensors and ragged lists raise what they like
        raise TypeError(f"{name} cannot be read as an array of numbers: {error}") from None
    if array.dtype == bool:
        return array.astype(np.uint8)
    if array.dtype.kind not in "iuf":
        kind = type(x).__name__ if array.dtype == object else array.dtype
        raise TypeError(f"{name} holds {kind}: an array of numbers is needed.")
    return array


def names_or_numbers(x, name):
    """Names as an array of text, or what `numbers_of` makes of anything else.

    Raises:
        TypeError: it holds neither text nor numbers, or is none of: array, tensor, list.
    """
    try:
        array = np.asarray(x)
    except Exception:  # as `numbers_of` will say
        return numbers_of(x, name)
    return array if array.dtype.kind == "U" else numbers_of(x, name)


# ---------------------------------------------------------------- around a formula


def same_shape(*names):
    """A decorator: the arguments of these names must have one shape, and are not broadcast.

    It stands around a formula, in graphs as well, and looks at shapes only.

    Args:
        names: of the arguments.

    Returns:
        A decorator; the decorated function raises a ValueError that names two shapes that differ.
    """

    def around(function):
        signature = inspect.signature(function)

        @functools.wraps(function)
        def checked(*args, **kwargs):
            given = signature.bind(*args, **kwargs).arguments
            shapes = {name: _shape(given[name], name) for name in names}
            first, *others = shapes
            for other in others:
                if not _agree(shapes[first], shapes[other]):
                    raise ValueError(
                        f"{first} has shape {shapes[first]} and {other} has shape {shapes[other]}: "
                        "they must be the same."
                    )
            return function(*args, **kwargs)

        return checked

    return around


def _shape(x, name):
    if hasattr(x, "shape"):
        return tuple(x.shape)
    return numbers_of(x, name).shape


def _agree(first, second):
    """Whether two shapes are the same, as far as a graph knows them; None is unknown."""
    return len(first) == len(second) and all(
        a == b or a is None or b is None for a, b in zip(first, second, strict=True)
    )


# ---------------------------------------------------------------- inside


def _one(value):
    """The one number that an array or tensor holds, else the value as it is."""
    if hasattr(value, "__array__"):
        array = np.asarray(value)
        return array.item() if array.size == 1 else array
    return value


def _inside(value, name, least=None, most=None, above=None, below=None):
    inside = (
        math.isfinite(value)
        and (least is None or value >= least)
        and (most is None or value <= most)
        and (above is None or value > above)
        and (below is None or value < below)
    )
    if not inside:
        needed = _range(least, most, above, below) or " finite"
        shown = value if isinstance(value, int) else f"{value:g}"
        raise ValueError(f"{name} = {shown}: it must be{needed}.")
    return value


def _range(least=None, most=None, above=None, below=None, comma=False):
    bounds = {"at least": least, "above": above, "at most": most, "below": below}
    words = [f"{word} {bound:g}" for word, bound in bounds.items() if bound is not None]
    return f"{',' if comma else ''} {' and '.join(words)}" if words else ""


def _shown(value):
    """A value for an error: short, whatever it is."""
    text = repr(value) if not isinstance(value, np.ndarray) else f"array of shape {value.shape}"
    return text if len(text) <= 60 else f"{text[:57]}..."


def _are_flat(x, size):
    """Whether a table holds one picture a row, and is not itself one picture."""
    columns = x.shape[1]
    if size is not None:
        return columns == size[0] * size[1]
    square = columns >= 64 and math.isqrt(columns) ** 2 == columns
    return square and (len(x) != columns or columns == 28 * 28)


def _shape_remedy(x, size):
    if x.ndim == 2 and (size is None or x.shape == tuple(size)):
        return ": one picture is x[None]"
    if x.ndim == 4 and x.shape[-1] == 1:
        return ": drop the last axis, x[..., 0]"
    if x.ndim == 4:
        return ": average the colours, x.mean(axis=-1)"
    return ""
