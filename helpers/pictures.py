"""A learner's own pictures, made into digits as those of MNIST are.

NIST's digits were cropped, scaled into 20 × 20 pixels with their proportions kept, which made grey
levels out of black and white, and placed in 28 × 28 so that their centre of mass is in the middle.
A model that learned from such digits reads others only if they were treated alike: shifted,
inverted or squeezed ones are strangers to it.

References:
    LeCun, Bottou, Bengio & Haffner 1998, section III.A: https://doi.org/10.1109/5.726791
    MNIST's own page: http://yann.lecun.com/exdb/mnist/
"""

from typing import NamedTuple

import numpy as np
import PIL.Image
import PIL.ImageFilter
import PIL.ImageOps

from helpers.inputs import images, numbers_of, path_of, whole_number

SUFFIXES = (".png", ".jpg", ".jpeg")
SIDE = 28
DIGIT_SIDE = 20  # of the box that a digit is scaled into
MASS_CENTRE = 14  # row and column, counted from 0, of the centre of mass of MNIST's digits
THIN = 0.07  # strokes thinner than this part of the digit's longer side are thickened
THICK = 0.095  # to this part, the median of MNIST's own strokes
WORKING_SIDE = 400  # pixels of the longer side, to which larger pictures are reduced first
LEAST_CONTRAST = 0.12  # between ink and paper, where black and white are 1 apart
DUST = 0.03  # of all the ink: a smaller mark is dropped
FAR = 0.2  # of the digit's longer side: marks farther apart than this are not one digit
MAY_TOUCH = 32  # pixels a side of pictures that were made small, such as MNIST's own: no cut stroke
ONE_DIGIT = "one digit a picture, with a margin of plain paper all around"


class Prepared(NamedTuple):
    """A digit as MNIST's are, and what it was made from."""

    image: np.ndarray  # float32, shape (28, 28), 1 is ink
    dark_ink: bool  # on lighter paper
    thickened: bool


class Found(NamedTuple):
    """The pictures in a folder."""

    x: dict  # by part, "train" and perhaps "test": float32, shape (n, 28, 28), 1 is ink
    y: dict  # by part: int64 labels of shape (n,), -1 where there are none
    done: str  # what was done to how many pictures, as a sentence


# ---------------------------------------------------------------- one picture


def read_picture(path):
    """Read a PNG or JPEG file as grey levels.

    Args:
        path: the file. Colours are averaged by their lightness, what is transparent is taken as
            white, and a photograph is turned as its camera says.

    Returns:
        float32, shape (height, width), from 0, black, to 1, white; at most 400 pixels a side.

    Raises:
        ValueError: it is no such picture.
    """
    path = path_of(path)
    try:
        with PIL.Image.open(path, formats=("PNG", "JPEG")) as file:
            picture = PIL.ImageOps.exif_transpose(file)
            picture.load()
    except Exception as error:  # damaged pictures raise almost anything
        raise ValueError(
            f"{path} cannot be read as a PNG or JPEG picture ({error}): save it anew as PNG."
        ) from None
    if picture.mode.startswith("I"):  # 16 bits
        picture = PIL.Image.fromarray(np.asarray(picture, np.float32) / 65535 * 255)
    else:
        picture = picture.convert("RGBA")
        white = PIL.Image.new("RGBA", picture.size, "white")
        picture = PIL.Image.alpha_composite(white, picture).convert("L").convert("F")
    shrink = max(picture.size) / WORKING_SIDE
    if shrink > 1:
        size = [max(1, round(side / shrink)) for side in picture.size]
        picture = picture.resize(size, PIL.Image.Resampling.BOX)
    return np.asarray(picture, np.float32) / 255


def prepare(grey):
    """Make one picture of a handwritten digit as MNIST's digits are.

    Its paper is found from its border, where the light may fall unevenly; what differs from it is
    ink, be it darker or lighter. Dust is dropped, thin lines are thickened to the width that
    MNIST's have, the digit is cropped, scaled into 20 × 20 with its proportions kept, and placed in
    28 × 28 by its centre of mass.

    Args:
        grey: shape (height, width), values in [0, 1].

    Returns:
        `Prepared`.

    Raises:
        ValueError: it is blank; or ink and paper, or which marks belong to one digit, cannot be
            told.
    """
    grey = _one_picture(grey)
    ink, dark_ink = _ink(grey)
    ink = ink * _one_digit(ink > 0.5)
    ink, thickened = _thickened(_cropped(np.clip((ink - 0.2) / 0.6, 0, 1)))
    return Prepared(_centred(_scaled(ink)), dark_ink, thickened)


def _one_picture(grey):
    grey = images(numbers_of(grey, "grey")[None], "grey")[0]
    if min(grey.shape) < 8:
        raise ValueError(f"grey has shape {grey.shape}: at least 8 pixels a side are needed.")
    return grey


def _ink(grey):
    """Ink in [0, 1], and whether it is darker than the paper."""
    height, width = grey.shape
    breadth = max(1, round(0.05 * min(height, width)))
    edge = np.ones(grey.shape, bool)
    edge[breadth:-breadth, breadth:-breadth] = False
    paper, is_paper = _paper(grey, edge)
    if is_paper[edge].mean() < 0.75:
        raise ValueError(f"its paper cannot be told from its border: take {ONE_DIGIT}.")
    noise = 1.48 * np.median(np.abs(grey - paper)[is_paper])
    lighter = _smoothed(grey - paper) if min(height, width) >= 60 else grey - paper
    few = max(4, round(0.002 * grey.size))
    lightest = np.partition(lighter, -few, axis=None)[-few:].mean()
    darkest = -np.partition(lighter, few, axis=None)[:few].mean()
    contrast, other = max(lightest, darkest), min(lightest, darkest)
    if contrast < max(LEAST_CONTRAST, 4 * noise):
        raise ValueError(
            f"nothing stands out from its paper (contrast {contrast:.2f}, at least "
            f"{LEAST_CONTRAST} is needed): it is blank or too faint; write with a darker pen."
        )
    if other > 0.5 * contrast:
        raise ValueError(
            "it has marks darker and marks lighter than its border, and which are ink cannot be "
            f"told: take {ONE_DIGIT}."
        )
    ink = np.clip((lighter if lightest > darkest else -lighter) / contrast, 0, 1)
    if (ink > 0.5).mean() > 0.6:
        raise ValueError(f"most of it differs from its border: take {ONE_DIGIT}.")
    return ink, bool(darkest > lightest)


def _paper(grey, edge):
    """The paper's level, a smooth surface through the border, and where the border shows it."""
    height, width = grey.shape
    row, column = np.meshgrid(np.linspace(-1, 1, height), np.linspace(-1, 1, width), indexing="ij")
    terms = np.stack([np.ones_like(row), row, column, row * column, row**2, column**2], axis=-1)
    there, levels = terms[edge], grey[edge]
    paper = np.median(levels)
    for _ in range(5):  # strokes at the border are left out more and more surely
        miss = np.abs(levels - paper)
        kept = miss <= max(0.05, 4.5 * np.median(miss))
        surface = np.linalg.lstsq(there[kept], levels[kept], rcond=None)[0]
        paper = there @ surface
    miss = np.abs(levels - paper)
    is_paper = np.zeros(grey.shape, bool)
    is_paper[edge] = miss <= max(0.1, 4.5 * np.median(miss))
    return terms @ surface, is_paper


def _smoothed(x):
    padded = np.pad(x, 1, mode="edge")
    height, width = x.shape
    return sum(padded[i : i + height, j : j + width] for i in range(3) for j in range(3)) / 9


def _one_digit(mask):
    """Where the strokes of one digit are, with a rim; an error if there are more or other marks."""
    labels, blocks = _marks(mask)
    sizes = np.bincount(labels[mask], minlength=labels.max() + 1)
    large = [mark for mark in range(1, len(sizes)) if sizes[mark] >= DUST * sizes.sum()]
    if sizes[large].sum() < 0.8 * sizes.sum():
        raise ValueError(f"it is full of specks: take {ONE_DIGIT}.")
    boxes = {mark: _box(mask & (labels == mark)) for mark in large}
    group = [max(large, key=lambda mark: sizes[mark])]
    reach = FAR * max(_extent(boxes[group[0]]))
    while near := [
        mark
        for mark in large
        if mark not in group and min(_gap(boxes[mark], boxes[other]) for other in group) <= reach
    ]:
        group += near
    if len(group) < len(large):
        raise ValueError(
            f"it holds {len(large)} marks, and some are far apart: take {ONE_DIGIT}, or erase what "
            "does not belong to it."
        )
    _require_one(mask, {mark: boxes[mark] for mark in group})
    rim = np.pad(np.isin(labels, group), blocks)
    height, width = mask.shape
    shifts = (0, blocks, 2 * blocks)
    return np.any([rim[i : i + height, j : j + width] for i in shifts for j in shifts], axis=0)


def _require_one(mask, boxes):
    top, bottom, left, right = (
        pick(side)
        for pick, side in zip((min, max, min, max), zip(*boxes.values(), strict=True), strict=True)
    )
    height, width = bottom - top, right - left
    at_edge = top == 0 or left == 0 or bottom == mask.shape[0] or right == mask.shape[1]
    if at_edge and max(mask.shape) > MAY_TOUCH:
        raise ValueError(f"a stroke runs over its edge: take {ONE_DIGIT}.")
    filled = mask[top:bottom, left:right].mean()
    if filled > 0.75 and min(height, width) > 0.5 * max(height, width):
        raise ValueError(
            "it shows a filled block and no strokes: if the digit is inside of it, crop the "
            "picture to the block."
        )
    tall = [box for box in boxes.values() if box[1] - box[0] > 0.6 * height]
    if any(a[3] <= b[2] or b[3] <= a[2] for a in tall for b in tall):
        raise ValueError(f"it holds two digits side by side: take {ONE_DIGIT}.")
    if width > 2.5 * height:
        raise ValueError(
            f"its ink is {width / height:.1f} times as wide as it is high, as no digit is: turn "
            f"the picture, or take {ONE_DIGIT}."
        )


def _marks(mask):
    """Number what hangs together, in blocks of some pixels a side, so that narrow gaps are bridged.

    Returns the numbers, from 1 on, for each pixel, and the side of a block.
    """
    block = -(-max(mask.shape) // 100)
    height, width = (-(-side // block) for side in mask.shape)
    padded = np.zeros((height * block, width * block), bool)
    padded[: mask.shape[0], : mask.shape[1]] = mask
    coarse = padded.reshape(height, block, width, block).any(axis=(1, 3))
    numbers, before = np.where(coarse, np.arange(1, coarse.size + 1).reshape(coarse.shape), 0), None
    while before is None or (numbers != before).any():
        before, around = numbers, np.pad(numbers, 1)
        views = [around[i : i + height, j : j + width] for i in range(3) for j in range(3)]
        numbers = np.where(coarse, np.max(views, axis=0), 0)
    numbers = np.unique(numbers, return_inverse=True)[1].reshape(coarse.shape)
    if coarse.all():
        numbers += 1
    large = numbers.repeat(block, axis=0).repeat(block, axis=1)
    return large[: mask.shape[0], : mask.shape[1]], block


def _box(mask):
    """The first and the one past the last row, and the same of the columns."""
    rows, columns = np.nonzero(mask.any(axis=1))[0], np.nonzero(mask.any(axis=0))[0]
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1


def _extent(box):
    return box[1] - box[0], box[3] - box[2]


def _gap(a, b):
    """The distance of two boxes."""
    down = max(a[0] - b[1], b[0] - a[1], 0)
    across = max(a[2] - b[3], b[2] - a[3], 0)
    return (down**2 + across**2) ** 0.5


def _cropped(ink):
    top, bottom, left, right = _box(ink > 0)
    return ink[top:bottom, left:right]


def _thickened(ink):
    """Ink whose strokes are not so thin that they vanish in 20 × 20, and whether it was changed."""
    longer = max(ink.shape)
    mask = np.pad(ink > 0.5, 1)
    turns = (mask[1:] != mask[:-1]).sum() + (mask[:, 1:] != mask[:, :-1]).sum()
    breadth = 2 * mask.sum() / turns
    if breadth >= THIN * longer:
        return ink, False
    grow = round((THICK * longer - breadth) / 2)
    if grow < 1:
        return ink, False
    wide = PIL.Image.fromarray(np.uint8(np.rint(255 * np.pad(ink, grow))))
    wide = wide.filter(PIL.ImageFilter.MaxFilter(2 * grow + 1))
    return _cropped(np.asarray(wide, np.float32) / 255), True


def _scaled(ink):
    factor = DIGIT_SIDE / max(ink.shape)
    height, width = (max(1, round(factor * side)) for side in ink.shape)
    how = PIL.Image.Resampling.BOX if factor <= 1 else PIL.Image.Resampling.BILINEAR
    scaled = PIL.Image.fromarray(np.float32(ink)).resize((width, height), how)
    scaled = np.clip(np.asarray(scaled), 0, 1)
    return np.rint(255 * scaled / scaled.max()).astype(np.float32) / 255  # 256 levels, as MNIST


def _centred(digit):
    height, width = digit.shape
    mass = digit.sum()
    row = (digit.sum(axis=1) @ np.arange(height)) / mass
    column = (digit.sum(axis=0) @ np.arange(width)) / mass
    top = int(np.clip(round(MASS_CENTRE - row), 0, SIDE - height))
    left = int(np.clip(round(MASS_CENTRE - column), 0, SIDE - width))
    image = np.zeros((SIDE, SIDE), np.float32)
    image[top : top + height, left : left + width] = digit
    return image


# ---------------------------------------------------------------- a folder of them


def read_folder(folder):
    """Read and prepare all pictures in a folder.

    Args:
        folder: PNG and JPEG files; or one folder of them for each class, named by a digit or by a
            word; or folders `train` and `test` that hold either.

    Returns:
        `Found`. Labels are the numbers that name the folders; words are numbered in their order.

    Raises:
        ValueError: there are no pictures; or some are no pictures or cannot be prepared: the error
            names them and says why.
    """
    files = _files(path_of(folder, "folder"))
    numbers, named = _numbers({name for _, name, _ in files})
    made, wrong = [], []
    for _, _, file in files:
        try:
            made.append(_prepared_file(file))
        except ValueError as error:
            wrong.append(str(error))
    if wrong:
        more = f" {len(wrong) - 3} more of {len(files)} are wrong." if len(wrong) > 3 else ""
        raise ValueError(" ".join(wrong[:3]) + more)
    x, y = {}, {}
    for part in ("train", "test"):
        chosen = [index for index, (its, _, _) in enumerate(files) if its == part]
        if chosen:
            x[part] = np.stack([made[index].image for index in chosen])
            y[part] = np.array([numbers[files[index][1]] for index in chosen], np.int64)
    return Found(x, y, _done(made, named))


def first_ones(folder, n=10):
    """The first pictures of a folder, as they came and as they are prepared, for a figure.

    Args:
        folder: as for `read_folder`.
        n: how many, at least 1; fewer if there are no more.

    Returns:
        A list of float32 arrays of shape (height, width), and a float32 array of shape (n, 28, 28).

    Raises:
        ValueError: as for `read_folder`.
    """
    files = [file for _, _, file in _files(path_of(folder, "folder"))][
        : whole_number(n, "n", least=1)
    ]
    came = [read_picture(file) for file in files]
    return came, np.stack([_prepared_file(file).image for file in files])


def _prepared_file(file):
    grey = read_picture(file)
    try:
        return prepare(grey)
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from None


def _files(folder):
    """A (part, class or None, file) for each picture."""
    if not folder.is_dir():
        raise ValueError(
            f"folder = {str(folder)!r} is none: give one that holds PNG or JPEG pictures."
        )
    inside = _visible(folder)
    parts = {"train": folder}
    if inside and {entry.name for entry in inside} <= {"train", "test"}:
        parts = {entry.name: entry for entry in inside}
        if "train" not in parts:
            raise ValueError(f"{folder} has a folder test and none named train.")
    files = []
    for part, where in sorted(parts.items(), reverse=True):
        entries = _visible(where)
        classes = [entry for entry in entries if entry.is_dir()]
        if classes and len(classes) < len(entries):
            raise ValueError(
                f"{where} holds folders and files, such as {classes[0].name} and "
                f"{next(e.name for e in entries if not e.is_dir())}: put each picture into the "
                "folder of its class, or all into one folder."
            )
        found = [(part, entry.name, file) for entry in classes for file in _visible(entry)]
        files += found or [(part, None, file) for file in entries]
    if not files:
        raise ValueError(f"{folder} holds no pictures: put PNG or JPEG files there.")
    for _, _, file in files:
        if file.suffix.lower() not in SUFFIXES or file.is_dir():
            raise ValueError(
                f"{file} is no PNG or JPEG file: save it as PNG, or move it somewhere else."
            )
    if len({name is None for _, name, _ in files}) > 1:
        raise ValueError(f"{folder}: train and test must both have a folder for each class.")
    return files


def _visible(folder):
    """What is in a folder, sorted, without the files that systems leave there."""
    hidden = ("__macosx", "thumbs.db", "desktop.ini")
    return sorted(e for e in folder.iterdir() if e.name[0] != "." and e.name.lower() not in hidden)


def _numbers(names):
    """The label of each class, and a clause that says which is which, if they are words."""
    if names == {None}:
        return {None: -1}, ""
    if all(name.isdecimal() for name in names):
        numbers = {name: int(name) for name in names}
        if len(set(numbers.values())) < len(numbers):
            raise ValueError(f"two folders mean the same digit: {', '.join(sorted(names))}.")
        return numbers, ""
    numbers = {name: number for number, name in enumerate(sorted(names))}
    return numbers, "; labels: " + ", ".join(
        f"{number} is {name}" for name, number in numbers.items()
    )


def _done(made, named):
    dark, thin = sum(digit.dark_ink for digit in made), sum(digit.thickened for digit in made)
    return (
        f"{len(made)} pictures, {dark} with dark ink on light paper and {len(made) - dark} with "
        "light on dark: each cropped, scaled into 20 × 20, and centred by its mass in 28 × 28, ink "
        f"1, as MNIST's digits were; the lines of {thin} were thin and are thickened{named}"
    )
