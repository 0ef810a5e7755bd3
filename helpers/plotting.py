"""Figures that more than one notebook draws, or that would crowd a page: arrays in, figures out.

Images are shown with ink dark on white and a fixed range of 0 to 1, never rescaled by their own
range, which would hide mistakes. `show` puts a figure on the page with a text alternative.
"""

import base64
import html
import io
import numbers
import os
import textwrap

import numpy as np
import PIL.Image
from IPython.display import HTML, Image, Markdown, display
from matplotlib import pyplot as plt
from matplotlib.offsetbox import AnnotationBbox, OffsetImage
from matplotlib.patches import FancyBboxPatch
from matplotlib.ticker import LogLocator

from helpers import inputs

IN_JUPYTER = "JPY_SESSION_NAME"  # what Jupyter's server gives the kernels that it starts
DOTS_PER_INCH = 150  # drawn finer than shown, for sharp screens
SHOWN_PER_INCH = 100
PALETTE = 256  # colours; keeps a notebook full of pictures small
LINE_STYLES = ("-", "--", ":", "-.")
GAP = 2
MOST_CLASSES = 40  # that a scatter tells apart
HALF_A_BOX = 0.36  # of a diagram, whose boxes stand 1 apart

plt.rcParams.update(
    {
        "figure.dpi": SHOWN_PER_INCH,
        "figure.constrained_layout.use": True,
        "font.size": 10,
        "axes.titlesize": 11,
        "axes.titlelocation": "left",
        "axes.spines.top": False,
        "axes.spines.right": False,
        "legend.frameon": False,
        "lines.linewidth": 1.8,
        "image.cmap": "gray_r",
    }
)


def show(fig, alt, caption=None):
    """Display a figure with a text alternative and a caption under it, and close it.

    In JupyterLab the picture is an HTML element, since the alternative of a bare picture is lost
    there. Elsewhere, as in the committed outputs, it is a bare PNG with the alternative beside it,
    which GitHub shows.

    Args:
        fig: a matplotlib figure.
        alt: a sentence or two for a reader who does not see it: what is drawn, and what it shows.
        caption: what to notice, in a sentence, for all readers.

    Raises:
        TypeError: `fig` is no figure, such as axes, or `alt` or `caption` is no text.
    """
    if not hasattr(fig, "savefig"):
        raise TypeError(f"fig is a {type(fig).__name__}: give a figure, such as ax.figure.")
    _text(alt, "alt")
    if caption is not None:
        _text(caption, "caption")
    drawn, small = io.BytesIO(), io.BytesIO()
    fig.savefig(drawn, format="png", bbox_inches="tight", dpi=DOTS_PER_INCH)
    plt.close(fig)
    picture = PIL.Image.open(drawn).convert("RGB").quantize(PALETTE, dither=PIL.Image.Dither.NONE)
    picture.save(small, format="png", optimize=True)
    width = round(picture.width * SHOWN_PER_INCH / DOTS_PER_INCH)
    if IN_JUPYTER in os.environ:  # it drops the text alternative of a bare picture
        code = base64.b64encode(small.getvalue()).decode()
        tag = '<img src="data:image/png;base64,{}" width="{}" alt="{}">'
        display(HTML(tag.format(code, width, html.escape(alt))))
    else:
        display(Image(small.getvalue(), width=width, alt=alt))
    if caption:
        display(Markdown(f"*{caption}*"))


def table(header, rows):
    """Display a table.

    Args:
        header: the columns' names, with units.
        rows: one tuple for each row; numbers are written as they are, so round them first.

    Raises:
        TypeError: the header holds no text, or the rows are no rows.
        ValueError: a row has more or fewer entries than the header, or an array in one.
    """
    header = _list(header, "header")
    for name in header:
        if not isinstance(name, str | numbers.Number):
            raise TypeError(f"header holds a {type(name).__name__}: text is needed.")
    rows = [_list(row, f"rows: {row!r}") for row in _list(rows, "rows")]
    for row in rows:
        if len(row) != len(header):
            raise ValueError(f"rows: {row} has {len(row)} entries, the header has {len(header)}.")
        if any(np.ndim(cell) for cell in row if isinstance(cell, np.ndarray)):
            raise ValueError("rows: a cell holds an array, and one number or text is needed.")
    lines = [header, ["---"] * len(header), *rows]
    lines = [[str(cell).replace("|", r"\|") for cell in line] for line in lines]
    display(Markdown("\n".join("| " + " | ".join(line) + " |" for line in lines)))


def mosaic(images, columns, gap=GAP, gap_level=0.12):
    """Lay images out row by row as one picture, with narrow light-grey gaps or without.

    Args:
        images: shape (n, height, width), or flat rows of square images, (n, height * width): grey
            levels in [0, 1], or other finite numbers such as weights, which stay as they are.
        columns: how many stand in a row; the last row is filled up with white.
        gap: width of the gaps and of the margin, in pixels.
        gap_level: grey level of the gaps.

    Returns:
        float32, shape (rows * (height + gap) + gap, columns * (width + gap) + gap).

    Raises:
        TypeError: an argument is no number, or no whole one where it must be.
        ValueError: `columns` is not positive or `gap` negative; the images have another shape, are
            none, are bytes, or hold NaN or infinite values.
    """
    columns, gap = inputs.whole_number(columns, "columns", 1), inputs.whole_number(gap, "gap", 0)
    gap_level = inputs.real_number(gap_level, "gap_level")
    largest = np.finfo(np.float32).max
    images = inputs.images(images, "images", lowest=-largest, highest=largest)
    height, width = images.shape[1:3]
    rows = -(-len(images) // columns)
    cells = np.zeros((rows * columns, height + gap, width + gap), np.float32)
    cells[: len(images), gap:, gap:] = images
    cells[:, :gap], cells[:, :, :gap] = gap_level, gap_level
    cells = cells.reshape(rows, columns, height + gap, width + gap)
    picture = cells.swapaxes(1, 2).reshape(rows * (height + gap), columns * (width + gap))
    return np.pad(picture, ((0, gap), (0, gap)), constant_values=gap_level)


def image_grid(images, columns, title=None, ax=None, width=None):
    """Draw images as a grid.

    Args:
        images: shape (n, height, width), or flat rows of square images; values in [0, 1].
        columns: how many stand in a row.
        title: says what it is.
        ax: the axes to draw on; a new figure without it.
        width: of a new figure, in inches; by default 0.4 inches an image, 8 at the most.

    Returns:
        The figure.

    Raises:
        TypeError, ValueError: as for `mosaic`; a value outside [0, 1]; a width that is not
            positive.
    """
    picture = mosaic(inputs.drawable(images, "images"), columns)
    if width is not None:
        width = inputs.real_number(width, "width", above=0)
    _require_title_and_axes(title, ax)
    if ax is None:
        width = width or min(8, max(3, 0.4 * columns))
        size = (width, width * picture.shape[0] / picture.shape[1] + (0.3 if title else 0))
        ax = plt.subplots(figsize=size)[1]
    ax.imshow(picture, vmin=0, vmax=1, interpolation="nearest")
    ax.set_axis_off()
    if title:
        ax.set_title(title)
    return ax.figure


def image_rows(rows, title=None):
    """Draw one labelled row of images for each entry: the same images, treated differently.

    Args:
        rows: a dictionary from the row's label to images, values in [0, 1], all rows of one length
            and all images of one size, in the order to draw them from the top.
        title: says what it is.

    Returns:
        The figure.

    Raises:
        TypeError: `rows` is no dictionary, or an entry holds no numbers.
        ValueError: there are no rows; they are not of one length, or their images of one size; a
            value lies outside [0, 1].
    """
    _require_title_and_axes(title)
    picture, columns, middles = _in_rows(rows, "rows")
    width = min(7, 0.65 * columns)
    fig, ax = plt.subplots(figsize=(width, width * picture.shape[0] / picture.shape[1]))
    _draw_rows(ax, picture, middles)
    if title:
        ax.set_title(title)
    return fig


def _in_rows(rows, name):
    """Rows of images as one picture; how many stand in one; the middle of each row, by label."""
    if not hasattr(rows, "items"):
        raise TypeError(
            f"{name} is a {type(rows).__name__}: give a dictionary from label to images."
        )
    if not rows:
        raise ValueError(f"{name} is empty: give at least one row of images.")
    pictures = {
        label: inputs.drawable(images, f"{name}[{label!r}]") for label, images in rows.items()
    }
    lengths = {label: len(images) for label, images in pictures.items()}
    if len(set(lengths.values())) != 1:
        raise ValueError(f"{name} must be of one length, got {lengths}")
    sizes = {label: images.shape[1:] for label, images in pictures.items()}
    if len(set(sizes.values())) != 1:
        raise ValueError(f"{name} must hold images of one size, got {sizes}")
    columns, height = next(iter(lengths.values())), next(iter(sizes.values()))[0]
    middles = GAP + (height + GAP) * np.arange(len(rows)) + height / 2
    picture = mosaic(np.concatenate(list(pictures.values())), columns)
    return picture, columns, dict(zip(rows, middles, strict=True))


def _draw_rows(ax, picture, middles):
    ax.imshow(picture, vmin=0, vmax=1, interpolation="nearest")
    ax.set(xticks=[], yticks=list(middles.values()), yticklabels=list(middles))
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)


def before_and_after(came, now, title=None):
    """Draw pictures as they came, of any size, and below each what was made of it.

    Args:
        came: a list of n arrays of shape (height, width), from 0, black, to 1, white.
        now: shape (n, height, width), values in [0, 1], 1 is ink.
        title: says what it is.

    Returns:
        The figure.

    Raises:
        TypeError: these are no numbers.
        ValueError: there are none, or not as many of the one as of the other, or a value lies
            outside [0, 1].
    """
    _require_title_and_axes(title)
    came, now = _list(came, "came"), inputs.drawable(now, "now")
    if len(came) != len(now):
        raise ValueError(f"came holds {len(came)} pictures and now {len(now)}: give as many.")
    names = [f"came[{index}]" for index in range(len(came))]
    came = [inputs.numbers_of(x, name) for x, name in zip(came, names, strict=True)]
    came = [inputs.drawable(x[None], name)[0] for x, name in zip(came, names, strict=True)]
    size = (min(8, max(2, 0.8 * len(now))), 2.2)
    fig, axes = plt.subplots(2, len(now), figsize=size, squeeze=False)
    for column, (before, after) in enumerate(zip(came, now, strict=True)):
        axes[0, column].imshow(before, cmap="gray", vmin=0, vmax=1)
        axes[1, column].imshow(after, vmin=0, vmax=1, interpolation="nearest")
    for ax in axes.flat:
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set_visible(False)
    axes[0, 0].set_ylabel("as it came")
    axes[1, 0].set_ylabel("now")
    if title:
        fig.suptitle(title, x=0.01, ha="left", size=plt.rcParams["axes.titlesize"])
    return fig


def signal_and_noise(image, signal, noise, rng):
    """Draw how an image sinks into noise: a row of signal, one of noise, and one of their sums.

    The image is brought to mean 0 and variance 1, so that noise of variance 1 is as strong.

    Args:
        image: shape (height, width), values in [0, 1], not all the same.
        signal: how much is left of the image at each stop, one number or more.
        noise: how much is added of one picture of standard normal noise, as many numbers.
        rng: a NumPy generator.

    Returns:
        The figure, with arrows for the way there and the way back.

    Raises:
        TypeError: these are no numbers, or rng is no generator.
        ValueError: an image that is blank, or of another shape or range; as many numbers of noise
            as of signal are needed, at least one.
    """
    image = inputs.drawable(inputs.numbers_of(image, "image")[None], "image")[0]
    if image.std() == 0:
        raise ValueError("image is blank: give one with some ink, and some paper.")
    signal, noise = inputs.numbers_of(signal, "signal"), inputs.numbers_of(noise, "noise")
    if signal.ndim != 1 or signal.shape != noise.shape or signal.size == 0:
        raise ValueError(
            f"signal has shape {signal.shape}, noise {noise.shape}: give two lists of one length."
        )
    epsilon = inputs.random_generator(rng).standard_normal(image.shape)
    rows = {"signal left": np.multiply.outer(signal, (image - image.mean()) / image.std())}
    rows["noise added"] = np.multiply.outer(noise, epsilon)
    rows["the sum"] = rows["signal left"] + rows["noise added"]
    fig = image_rows({name: np.clip(0.5 + row / 6, 0, 1) for name, row in rows.items()})
    fig.set_size_inches(7.5, 0.8 + 16.8 / (len(signal) + 0.01))
    ax, (height, width) = fig.axes[0], image.shape
    shares = zip(signal, noise, strict=True)
    names = [f"signal {left:.2f}\nnoise {added:.2f}" for left, added in shares]
    ax.set_xticks(GAP + (width + GAP) * np.arange(len(signal)) + width / 2, names, fontsize=8)
    ax.xaxis.tick_top()
    right, bottom = ax.get_xlim()[1], ax.get_ylim()[0]
    for start, end, part, text in ((0, right, 0.1, "encoder, fixed"), (right, 0, 0.24, "way back")):
        y = bottom + part * 3 * height
        arrow = {"arrowstyle": "->", "color": "C0", "lw": 2}
        ax.annotate("", (end, y), (start, y), arrowprops=arrow, annotation_clip=False)
        ax.text(right / 2, y, text, ha="center", va="center", backgroundcolor="w", fontsize=9)
    return fig


def curves(series, xlabel, ylabel, title=None, ax=None, start=1):
    """Draw one line for each entry, told apart by colour, line style and a legend.

    Args:
        series: a dictionary from the line's label to its values, numbers; NaN leaves a gap.
        xlabel, ylabel: with units.
        title: says what it is.
        ax: the axes to draw on; a new figure without it.
        start: x of the first value; epochs count from 1.

    Returns:
        The figure.

    Raises:
        TypeError: `series` is no dictionary, or an entry holds no numbers.
        ValueError: there is no line, or one is no list of values or has none that is finite.
    """
    if not hasattr(series, "items"):
        kind = type(series).__name__
        raise TypeError(f"series is a {kind}: give a dictionary from label to values.")
    if not series:
        raise ValueError("series is empty: give at least one line.")
    start = inputs.real_number(start, "start")
    lines = {label: inputs.numbers_of(line, f"series[{label!r}]") for label, line in series.items()}
    for label, line in lines.items():
        if line.ndim != 1:
            raise ValueError(f"series[{label!r}] has shape {line.shape}, expected (n,).")
        if not np.isfinite(line).any():
            raise ValueError(f"series[{label!r}] has no finite value among its {len(line)}.")
    _text(xlabel, "xlabel"), _text(ylabel, "ylabel")
    _require_title_and_axes(title, ax)
    ax = plt.subplots(figsize=(6.5, 3.6))[1] if ax is None else ax
    for index, (label, values) in enumerate(lines.items()):
        style = LINE_STYLES[index % len(LINE_STYLES)]
        ax.plot(start + np.arange(len(values)), values, style, label=label)
    ax.set(xlabel=xlabel, ylabel=ylabel)
    ax.grid(alpha=0.25)
    ax.legend()
    if title:
        ax.set_title(title)
    return ax.figure


def panels(x, series, xlabel):
    """Draw one panel for each entry, side by side, over one axis.

    Args:
        x: numbers, shape (n,).
        series: a dictionary from a panel's title to its n values; each axis begins at 0.
        xlabel: with units.

    Returns:
        The figure.

    Raises:
        TypeError: `series` is no dictionary, or an entry holds no numbers.
        ValueError: there is no panel, or an entry has another length than x, or values that are
            negative or not finite.
    """
    x = _line(x, "x")
    if not hasattr(series, "items"):
        raise TypeError(f"series is a {type(series).__name__}: a dictionary is needed.")
    if not series:
        raise ValueError("series is empty: give at least one panel.")
    fig, axes = plt.subplots(1, len(series), figsize=(8, 2.5), squeeze=False)
    for ax, (title, values) in zip(axes[0], series.items(), strict=True):
        values = _line(values, f"series[{title!r}]", x)
        if not (values >= 0).all():
            raise ValueError(f"series[{title!r}] holds values below 0: panels start at 0.")
        ax.plot(x, values, "o-")
        top = 1.08 * max(values.max(), 1e-9)
        ax.set(title=title, xlabel=_text(xlabel, "xlabel"), ylim=(0, top), xticks=x)
        ax.grid(alpha=0.25)
    return fig


def asked_points(films, wanted, spots, radius):
    """Draw points as the number of the spot that was asked for, and the spots as grey circles.

    The points in a spot would lie on top of each other. So its circle is drawn larger, and they are
    moved apart in it; a point that lies in no spot stays in its place.

    Args:
        films: a dictionary from a panel's title to points, shape (n, 2).
        wanted: which spot each point was asked for, shape (n,); the first 8 of each are drawn.
        spots: shape (n_spots, 2), around the origin.
        radius: of the circles.

    Returns:
        The figure.

    Raises:
        TypeError: `films` is no dictionary, or something holds no numbers.
        ValueError: shapes that do not fit, or no panel; a radius that is not positive.
    """
    if not hasattr(films, "items"):
        raise TypeError(f"films is a {type(films).__name__}: a dictionary is needed.")
    if not films:
        raise ValueError("films is empty: give at least one panel.")
    spots = inputs.rows(spots, "spots", columns=2)
    wanted = inputs.labels(wanted, "wanted", classes=len(spots))
    radius = inputs.real_number(radius, "radius", above=0)
    fig, axes = plt.subplots(1, len(films), figsize=(4 * len(films), 4.2), squeeze=False)
    for ax, (title, points) in zip(axes[0], films.items(), strict=True):
        points = inputs.rows(points, f"films[{title!r}]", columns=2)
        if len(points) != len(wanted):
            raise ValueError(
                f"films[{title!r}] has {len(points)} points, wanted {len(wanted)} labels: one each."
            )
        middle = {"ha": "center", "va": "center"}
        for kind, spot in enumerate(spots):
            ax.add_patch(plt.Circle(spot, 1.6 * radius, color="0.93"))
            ax.text(*1.5 * spot, kind, size=14, color="0.5", **middle)
        drawn = np.concatenate([np.flatnonzero(wanted == kind)[:8] for kind in range(len(spots))])
        apart = np.linalg.norm(points[drawn, None] - spots, axis=2)
        inside = np.where(apart.min(axis=1) < radius, apart.argmin(axis=1), -1)
        places = points[drawn].astype(float)
        for kind, spot in enumerate(spots):
            turn = np.arange(np.sum(inside == kind))  # as the seeds of a sunflower lie
            away = 1.4 * radius * np.sqrt((turn + 0.5) / max(1, len(turn)))
            seeds = np.stack([np.cos(2.4 * turn), np.sin(2.4 * turn)], axis=1)
            places[inside == kind] = spot + away[:, None] * seeds
        for place, kind in zip(places, wanted[drawn], strict=True):
            ax.text(*place, kind, size=9, color=f"C{kind}", clip_on=True, **middle)
        ax.set(title=title, xlim=(-1.7, 1.7), ylim=(-1.7, 1.7), aspect="equal")
        ax.set_axis_off()
    return fig


def diagram(rows, title=None):
    """Draw a network as boxes from left to right with arrows between, pictures at its ends.

    Args:
        rows: a list of rows from the top, each a list of parts from left to right: a picture of
            shape (height, width) with values in [0, 1]; or a pair of texts, what a layer does and
            the shape of its answer.
        title: says what it is.

    Returns:
        The figure.

    Raises:
        TypeError: a row is no list, or a part neither a picture nor a pair of texts.
        ValueError: there are no rows or no parts; a value of a picture lies outside [0, 1].
    """
    _require_title_and_axes(title)
    rows = [_list(row, "rows: a row") for row in _list(rows, "rows")]
    if not rows or not all(rows):
        raise ValueError("rows is empty, or one of them: give each row one part or more.")
    longest = max(map(len, rows))
    width = min(8, 1.15 * longest)
    fig, ax = plt.subplots(figsize=(width, width / longest * len(rows) + 0.3 * bool(title)))
    for y, row in enumerate(rows):
        for x, part in enumerate(row):
            if isinstance(part, tuple | list) and len(part) == 2 and isinstance(part[0], str):
                words = textwrap.fill(part[0], 13, break_on_hyphens=False)
                part = f"{words}\n{_text(part[1], 'rows: a shape')}"
            _draw_entry(ax, x, -y, part, "rows: a picture")
            if x:
                _draw_arrow(ax, (x - 1, -y), (x, -y))
    ax.set(xlim=(-0.5, longest - 0.5), ylim=(0.5 - len(rows), 0.5), aspect="equal")
    ax.set_axis_off()
    if title:
        ax.set_title(title)
    return fig


def game_on_a_line(x, real, moments):
    """Draw moments of a GAN's game with numbers: both densities, and D beside p / (p + q).

    Args:
        x: shape (n,), where the densities are known.
        real: shape (n,), the density p of the real numbers there.
        moments: a dictionary from the number of rounds to a pair of shape (n,) each: the density
            q of the fakes, and the probability of real that D answers.

    Returns:
        The figure.

    Raises:
        TypeError: `moments` is no dictionary, or an argument holds no numbers.
        ValueError: there are no moments, or the arguments are not of one length; a density below
            0, or a value that is not finite.
    """
    x = _line(x, "x")
    p = _line(real, "real", x)
    if (p < 0).any():
        raise ValueError(f"real holds {p.min():g}: no density lies below 0.")
    if not hasattr(moments, "items"):
        raise TypeError(f"moments is a {type(moments).__name__}: a dictionary is needed.")
    if not moments:
        raise ValueError("moments is empty: give at least one.")
    pairs = {}
    for label, pair in moments.items():
        name = f"moments[{label!r}]"
        if len(pair := _list(pair, name)) != 2:
            raise ValueError(f"{name} holds {len(pair)}: a pair is needed, (q, answers of D).")
        pairs[label] = [_line(values, name, x) for values in pair]
    size = {"figsize": (8, 3.6), "sharex": True, "sharey": "row", "squeeze": False}
    fig, axes = plt.subplots(2, len(pairs), **size)
    for (upper, lower), (label, (q, answers)) in zip(axes.T, pairs.items(), strict=True):
        upper.fill_between(x, p, color="0.8", label="real, p")
        upper.plot(x, q, "C0", label="fake, q")
        upper.set(title=f"round {label}", xlim=(-3.5, 3.5), ylim=(0, 1.2), xticks=(-2, 0, 2))
        some = p + q > 0.02  # elsewhere next to nothing is found
        best = np.divide(p, p + q, out=np.full(x.shape, np.nan), where=some)
        lower.plot(x, answers, "C3", label="D")
        lower.plot(x, best, "k--", linewidth=1.2, label="the best: p / (p + q)")
        lower.set(xlabel="x", ylim=(0, 1), yticks=(0, 0.5, 1))
    for row, name in zip(axes, ("density", "probability of real"), strict=True):
        row[0].set_ylabel(name)
    handles = [handle for row in axes for handle in row[0].get_legend_handles_labels()[0]]
    fig.legend(handles=handles, loc="outside lower center", ncols=4, fontsize=9)
    return fig


def points_and_spots(films, spots, radius):
    """Draw points in the plane that a network makes, at several moments, over the spots of data.

    Args:
        films: a dictionary from a row's label to a dictionary from a panel's title to points,
            shape (n, 2); 500 of them are drawn, and a few far ones may lie outside.
        spots: shape (n_spots, 2), their centres.
        radius: of a spot.

    Returns:
        The figure.

    Raises:
        TypeError: `films` is no dictionary of dictionaries, or an argument holds no numbers.
        ValueError: there are no rows, or they are not of one length; points or spots that are not
            in the plane; a radius that is not positive.
    """
    spots = inputs.rows(spots, "spots", columns=2)
    radius = inputs.real_number(radius, "radius", above=0)
    if not hasattr(films, "items") or not all(hasattr(row, "items") for row in films.values()):
        raise TypeError("films: a dictionary of dictionaries is needed, from titles to points.")
    lengths = {len(row) for row in films.values()}
    if len(lengths) != 1 or lengths == {0}:
        raise ValueError(f"films: rows of one length are needed, got {sorted(lengths)}.")
    films = {
        name: {
            title: inputs.rows(points, f"films[{name!r}][{title!r}]", columns=2)
            for title, points in film.items()
        }
        for name, film in films.items()
    }
    reached = [
        np.quantile(abs(points), 0.97) for film in films.values() for points in film.values()
    ]
    end = 1.1 * min(max(*reached, 1.2 * abs(spots).max()), 2.4 * abs(spots).max())
    size = {"figsize": (8, 1.85 * len(films)), "sharex": True, "sharey": True, "squeeze": False}
    fig, axes = plt.subplots(len(films), *lengths, **size)
    for row, (name, film) in zip(axes, films.items(), strict=True):
        row[0].set_ylabel(name)
        for ax, (title, points) in zip(row, film.items(), strict=True):
            for spot in spots:
                ax.add_patch(plt.Circle(spot, radius, fill=False, color="0.6"))
            ax.scatter(*points[:500].T, s=2, alpha=0.5)
            ax.set(xlim=(-end, end), ylim=(-end, end), xticks=[], yticks=[], aspect="equal")
            ax.set_title(title, fontsize=9)
    return fig


def learning_of_a_gan(losses, distances, floor, frames, even=None):
    """Draw what a GAN's losses say, what a judge says, and pictures of the same codes.

    Args:
        losses: what `fit` of a GAN returns as its history: a dictionary with the two losses,
            `discriminator_loss` and `generator_loss`, after each epoch, in nats.
        distances: a dictionary from an epoch to the Fréchet distance of samples after it; drawn
            on a logarithmic axis.
        floor: the Fréchet distance of real digits.
        frames: a dictionary from a row's label to pictures of the same codes, in [0, 1].
        even: two numbers, what both losses are where D cannot tell; dotted lines in their colours.

    Returns:
        The figure.

    Raises:
        TypeError, ValueError: as for `curves` and `image_rows`; `losses` or `distances` is no
            dictionary or holds nothing, or what is no number; `even` holds something else than two.
    """
    if not hasattr(losses, "items") or not losses:
        raise TypeError("losses: what fit returns as its history is needed, a dictionary.")
    lines = {key.removesuffix("_loss"): values for key, values in losses.items()}
    for key, values in losses.items():
        values = inputs.numbers_of(values, f"losses[{key!r}]")
        if values.ndim != 1 or not np.isfinite(values).any():
            raise ValueError(f"losses[{key!r}] is no list of numbers with one finite at least.")
    if not hasattr(distances, "items") or not distances:
        raise TypeError("distances: a dictionary with one entry at least is needed.")
    epochs = _line(list(distances), "distances")
    found = _line(list(distances.values()), "distances")
    floor = inputs.real_number(floor, "floor", least=0)
    even = [] if even is None else _line(even, "even")
    if len(even) not in (0, 2):
        raise ValueError(f"even holds {len(even)} numbers: two are needed, one for each loss.")
    picture, _, middles = _in_rows(frames, "frames")
    low = 6.9 * picture.shape[0] / picture.shape[1] + 0.1
    fig = plt.figure(figsize=(8, 2.7 + low))
    top, bottom = fig.subfigures(2, 1, height_ratios=(2.7, low))
    left, right = top.subplots(1, 2)
    curves(lines, "epoch", "loss, nats", "What the losses say", ax=left)
    right.plot(epochs, found, "C2.-", label="samples")
    right.axhline(floor, color="k", linestyle="--", label="real digits")
    right.set(xlabel="epoch", ylabel="Fréchet distance", title="What the judge says")
    right.grid(alpha=0.25)
    for level, color, label in zip(even, ("C0", "C1"), ("if D cannot tell", None), strict=False):
        left.axhline(level, color=color, linestyle=":", label=label)
    left.set_ylim(0)
    right.set_yscale("log")
    right.yaxis.set_major_locator(LogLocator(subs=(1, 3)))
    right.yaxis.set_major_formatter("{x:g}")
    right.minorticks_off()
    for ax in (left, right):
        ax.legend(fontsize=8)
        ax.xaxis.get_major_locator().set_params(integer=True)
    _draw_rows(bottom.subplots(), picture, middles)
    return fig


def picture_ticks(ax, images, axis="x", size=0.2):
    """Put small pictures in place of an axis's numbers: picture n, counted from 0, stands at n.

    Args:
        ax: the axes.
        images: shape (n, height, width), or flat rows of square images; values in [0, 1].
        axis: "x" or "y".
        size: height of a picture in inches.

    Returns:
        The figure.

    Raises:
        TypeError: `ax` is no axes; the images or the size are no numbers.
        ValueError: a value lies outside [0, 1]; the axis has another name; the size is not
            positive.
    """
    if not hasattr(ax, "imshow"):
        raise TypeError(f"ax is a {type(ax).__name__}: axes of matplotlib are needed.")
    if not isinstance(axis, str) or axis not in ("x", "y"):
        raise ValueError(f'axis = {axis!r}: choose "x" or "y".')
    images, size = inputs.drawable(images, "images"), inputs.real_number(size, "size", above=0)
    along_x = axis == "x"
    where = {
        "xycoords": ax.get_xaxis_transform() if along_x else ax.get_yaxis_transform(),
        "xybox": (0, -3) if along_x else (-3, 0),
        "boxcoords": "offset points",
        "box_alignment": (0.5, 1) if along_x else (1, 0.5),
        "pad": 0.1,
        "bboxprops": {"linewidth": 0.5, "edgecolor": "0.5"},
    }
    style = {"zoom": size * 72 / images.shape[1], "norm": plt.Normalize(0, 1)}
    ax.set(**{f"{axis}ticks": []})
    for place, image in enumerate(images):
        small = OffsetImage(image, cmap="gray_r", interpolation="nearest", **style)
        ax.add_artist(AnnotationBbox(small, (place, 0) if along_x else (0, place), **where))
    return ax.figure


def latent_scatter(z, labels, title=None, ax=None):
    """Draw two-dimensional codes coloured by class, with each class's name at its median code.

    Args:
        z: shape (n, 2).
        labels: shape (n,): digits or other whole numbers, or names as text, 40 classes at most;
            -1 is a code without a label, drawn in grey.
        title: says what it is.
        ax: the axes to draw on; a new figure without it.

    Returns:
        The figure.

    Raises:
        TypeError: the codes are no numbers.
        ValueError: the codes are not two-dimensional or not finite, or there are none; there are
            not as many labels, or some are neither whole numbers nor text, or too many classes.
    """
    z = inputs.numbers_of(z, "z")
    if z.ndim != 2 or z.shape[1] != 2:
        raise ValueError(f"z has shape {z.shape}: a scatter needs codes of shape (n, 2).")
    z = inputs.rows(z, "z")
    labels, classes = _classes(labels, len(z))
    _require_title_and_axes(title, ax)
    ax = plt.subplots(figsize=(6, 5.4))[1] if ax is None else ax
    colours = _colours(len(classes) - (-1 in classes))
    for index, name in enumerate(classes, start=-(-1 in classes)):
        group = z[labels == name]
        known = isinstance(name, str) or name >= 0
        # a digit has its own colour, whichever others there are
        place = name if not isinstance(name, str) and max(classes) <= 9 else index
        colour = colours[place] if known else "0.7"
        ax.scatter(*group.T, s=7, alpha=0.6, color=colour, linewidths=0)
        if known:
            style = "circle" if len(str(name)) == 1 else "round"
            box = {"boxstyle": f"{style},pad=0.2", "facecolor": "white", "edgecolor": colour}
            ax.text(*np.median(group, axis=0), name, ha="center", va="center", bbox=box)
    ax.set(xlabel="z₁", ylabel="z₂", aspect="equal")
    if title:
        ax.set_title(title)
    return ax.figure


def _colours(n):
    """Colours for n classes: ten strong ones, or in pairs of a strong and a pale one up to 40."""
    if n <= 10:
        return plt.get_cmap("tab10").colors
    return (*plt.get_cmap("tab20").colors, *plt.get_cmap("tab20b").colors)


def manifold_codes(steps, limit):
    """A square grid of two-dimensional codes, in the order in which `mosaic` draws them.

    Args:
        steps: codes along each side, at least 2.
        limit: the grid spans [-limit, limit] in both directions.

    Returns:
        float32, shape (steps * steps, 2): z₁ grows to the right, z₂ upwards.

    Raises:
        TypeError: these are no numbers, or `steps` is no whole one.
        ValueError: `steps` is below 2, or `limit` not positive.
    """
    steps = inputs.whole_number(steps, "steps", least=2)
    limit = inputs.real_number(limit, "limit", above=0)
    axis = np.linspace(-limit, limit, steps, dtype=np.float32)
    across, up = np.meshgrid(axis, axis[::-1])
    return np.stack([across.ravel(), up.ravel()], axis=1)


def manifold(images, limit, title=None, ax=None):
    """Draw the images decoded from `manifold_codes(steps, limit)` over their latent coordinates.

    Args:
        images: shape (steps * steps, height, width), values in [0, 1].
        limit: as given to `manifold_codes`.
        title: says what it is.
        ax: the axes to draw on; a new figure without it.

    Returns:
        The figure.

    Raises:
        TypeError: these are no numbers, or no axes.
        ValueError: the images are no square of at least 2 by 2, or a value lies outside [0, 1];
            `limit` is not positive.
    """
    _require_title_and_axes(title, ax)
    images, limit = inputs.drawable(images, "images"), inputs.real_number(limit, "limit", above=0)
    steps = round(len(images) ** 0.5)
    if steps < 2 or steps**2 != len(images):
        raise ValueError(
            f"images: a manifold is a square of images, at least 2 by 2: got {len(images)}"
        )
    ax = plt.subplots(figsize=(5.6, 5.6))[1] if ax is None else ax
    half_step = limit / (steps - 1)
    extent = 2 * [-limit - half_step, limit + half_step]
    picture = mosaic(images, steps, gap=0)
    ax.imshow(picture, vmin=0, vmax=1, extent=extent, interpolation="antialiased")
    ax.set(xlabel="z₁", ylabel="z₂")
    if title:
        ax.set_title(title)
    return ax.figure


def balls_around(clouds, k=1):
    """Draw two clouds of points in a plane, and balls around the points of each.

    A ball reaches just to its centre's k-th nearest neighbour in its own cloud.

    Args:
        clouds: a dictionary from a name to points, shape (n, 2); of two clouds. The first panel has
            balls around the points of the first, the second around those of the second.
        k: which neighbour, from 1.

    Returns:
        The figure.

    Raises:
        TypeError: `clouds` is no dictionary, its points are no numbers, or k is no whole one.
        ValueError: there are not two clouds; the points are not in a plane, or not more than k.
    """
    k = inputs.whole_number(k, "k", least=1)
    if not hasattr(clouds, "items"):
        raise TypeError(f"clouds is a {type(clouds).__name__}: a dictionary is needed.")
    clouds = {name: inputs.rows(x, f"clouds[{name!r}]", k + 1) for name, x in clouds.items()}
    if len(clouds) != 2 or any(points.shape[1] != 2 for points in clouds.values()):
        raise ValueError("clouds: two are needed, each of shape (n, 2).")
    fig, axes = plt.subplots(1, 2, figsize=(7.5, 4.2), sharex=True, sharey=True)
    for ax, (around, points) in zip(axes, clouds.items(), strict=True):
        apart = np.linalg.norm(points[:, None] - points, axis=-1)
        for centre, radius in zip(points, np.sort(apart, axis=1)[:, k], strict=True):
            ax.add_patch(plt.Circle(centre, radius, alpha=0.12, color="0.3", linewidth=0))
            ax.add_patch(plt.Circle(centre, radius, fill=False, color="0.6", linewidth=0.7))
        for (name, x), style in zip(clouds.items(), ("ko", "C1X"), strict=True):
            ax.plot(*x.T, style, markersize=7, label=name)
        ax.set(title=f"balls around {around}", aspect="equal", xticks=[], yticks=[])
    axes[0].legend(loc="upper center", bbox_to_anchor=(1.02, 0), ncols=2, frameon=False)
    return fig


def precision_and_coverage(models, marks):
    """Draw what a judge says of models, and what it says of pictures known beforehand.

    Args:
        models: a dictionary from a name to a pair: a list of verdicts, drawn hollow, one for each
            training; and a list of verdicts of a kept model, drawn filled, that may be empty. A
            verdict is a dictionary with "precision" and "coverage".
        marks: a dictionary from a name to a verdict, three at most, drawn black.

    Returns:
        The figure.

    Raises:
        TypeError: one of the two is no dictionary.
        ValueError: there is no model, or there are more than three marks.
        KeyError: a verdict lacks one of its numbers.
    """
    for name, given in {"models": models, "marks": marks}.items():
        if not hasattr(given, "items"):
            raise TypeError(f"{name} is a {type(given).__name__}: a dictionary is needed.")
    if not models:
        raise ValueError("models is empty: give at least one.")
    if len(marks) > 3:
        raise ValueError(f"marks holds {len(marks)} verdicts: three at most can be told apart.")
    fig, ax = plt.subplots(figsize=(6, 4))
    keys = "coverage", "precision"
    for index, (name, kinds) in enumerate(models.items()):
        style = {"marker": "os^Dvp"[index % 6], "color": f"C{index}", "linestyle": "none"}
        for verdicts, fill in zip(kinds, ("none", "full"), strict=True):
            points = [[verdict[key] for verdict in verdicts] for key in keys]
            ax.plot(*points, fillstyle=fill, markersize=8, **style)
        ax.plot([], [], label=name, **style)
    for marker, (name, verdict) in zip("*XP", marks.items(), strict=False):
        place = [[verdict[key]] for key in keys]
        ax.plot(*place, marker, color="k", markersize=12, linestyle="none", label=name)
    ax.set(xlabel="coverage", ylabel="precision", xlim=(-0.03, 1.03), ylim=(-0.03, 1.03))
    ax.grid(alpha=0.25)
    ax.legend(fontsize=8)
    return fig


def model_diagram(columns, groups=None, loose=(), title=None):
    """Draw a model as boxes from left to right, with real pictures where the data stands.

    Args:
        columns: a list of columns from the left, each a list of what stands in it, from the top:
            text, such as a layer with its shape in a second line, or a picture, shape (height,
            width), values in [0, 1]. An arrow leads from each entry to each of the next column.
        groups: a dictionary from a name, such as "encoder", to the first and the last of its
            columns, counted from 0; a tinted field with the name lies under them.
        loose: texts of boxes to which no arrow leads, such as noise.
        title: says what it is.

    Returns:
        The figure.

    Raises:
        TypeError: the columns are no lists, `groups` is no dictionary, or a name is no text.
        ValueError: there are fewer than two columns, or one is empty; a group has no such columns;
            a picture has another shape, or values outside [0, 1]; a loose box is not there, or is
            all that a group holds.
    """
    columns = [_list(column, "columns") for column in _list(columns, "columns")]
    if len(columns) < 2 or not all(columns):
        raise ValueError("columns: two are needed at least, and something in each.")
    groups, loose = {} if groups is None else groups, _list(loose, "loose")
    if not hasattr(groups, "items"):
        kind = type(groups).__name__
        raise TypeError(f"groups is a {kind}: give a dictionary from name to columns.")
    texts = [entry for column in columns for entry in column if isinstance(entry, str)]
    for text in loose:
        if not _is_one_of(text, texts):
            raise ValueError(f"loose holds {text!r}: no box of the columns says so.")
    _require_title_and_axes(title)
    most = max(map(len, columns))
    size = (min(8, 1.15 * len(columns)), 0.75 * most + 0.35 * bool(groups) + 0.3 * bool(title))
    fig, ax = plt.subplots(figsize=size)
    step, places = 0.9, {}
    for place, column in enumerate(columns):
        for row, entry in enumerate(column):
            places[place, row] = place, step * ((len(column) - 1) / 2 - row)
            _draw_entry(ax, *places[place, row], entry, "columns")
    led_to = {place: not _is_one_of(columns[n][row], loose) for (n, row), place in places.items()}
    for x, y in led_to:
        for place in (place for place, led in led_to.items() if led and place[0] == x + 1):
            _draw_arrow(ax, (x, y), place)
    top = step * most / 2
    for name, columns_of_it in groups.items():
        first, last = (inputs.whole_number(n, f"groups[{name!r}]", 0) for n in columns_of_it)
        if not first <= last < len(columns):
            raise ValueError(
                f"groups[{name!r}] = {columns_of_it}: there are {len(columns)} columns."
            )
        heights = [y for (x, y), led in led_to.items() if first <= x <= last and led]
        if not heights:
            raise ValueError(f"loose holds all that groups[{name!r}] has: leave the group out.")
        bottom = min(heights) - 0.45
        corner, size = (first - 0.45, bottom), (last - first + 0.9, top + 0.3 - bottom)
        ax.add_patch(plt.Rectangle(corner, *size, color="0.93", zorder=-1, linewidth=0))
        ax.text((first + last) / 2, top + 0.12, _text(name, "groups"), ha="center", va="center")
    ax.set(xlim=(-0.5, len(columns) - 0.5), ylim=(-top, top + (0.35 if groups else 0)))
    ax.set(aspect="equal")
    ax.set_axis_off()
    if title:
        ax.set_title(title)
    return fig


def _is_one_of(entry, texts):
    return isinstance(entry, str) and entry in texts


def _draw_entry(ax, x, y, entry, name):
    """A box with text, or a picture in a frame, in the middle of a cell of side 1."""
    half = HALF_A_BOX
    if isinstance(entry, str):
        style = {"boxstyle": "round,pad=0.02", "facecolor": "white", "edgecolor": "0.4"}
        corner, across = (x - half + 0.02, y - half + 0.06), 2 * half - 0.04
        ax.add_patch(FancyBboxPatch(corner, across, 2 * half - 0.12, **style))
        ax.text(x, y, entry, ha="center", va="center", size=8)
        return
    (picture,) = inputs.drawable(inputs.numbers_of(entry, name)[None], name)
    extent = (x - half, x + half, y - half, y + half)
    ax.imshow(picture, vmin=0, vmax=1, extent=extent, interpolation="nearest", zorder=2)
    ax.add_patch(plt.Rectangle(extent[::2], 2 * half, 2 * half, fill=False, color="0.6", zorder=3))


def _draw_arrow(ax, start, end):
    """An arrow from the right side of one box to the left side of another."""
    ends = {"xytext": (start[0] + HALF_A_BOX, start[1]), "xy": (end[0] - HALF_A_BOX, end[1])}
    ax.annotate("", **ends, arrowprops={"arrowstyle": "->", "shrinkA": 1, "shrinkB": 1})


# ---------------------------------------------------------------- what comes in


def _classes(labels, n):
    """Labels as an array of shape (n,), and the classes among them, whole numbers or text."""
    values = inputs.names_or_numbers(labels, "labels")
    if values.shape != (n,):
        raise ValueError(f"labels has shape {values.shape}, expected ({n},).")
    if values.dtype.kind == "f":
        wrong = values[~(values == np.floor(values)) | ~np.isfinite(values)]
        if len(wrong):
            raise ValueError(f"labels contains {wrong[0]:g}: whole numbers or names are needed.")
    if values.dtype.kind != "U":
        values = values.astype(np.int64)
        if values.min() < -1:
            raise ValueError(
                f"labels contains {values.min()}: whole numbers from 0, or -1 for none."
            )
    classes = np.unique(values).tolist()
    if len(classes) > MOST_CLASSES:
        raise ValueError(
            f"labels has {len(classes)} different values: at most {MOST_CLASSES} classes can be "
            "told apart."
        )
    return values, classes


def _line(values, name, x=None):
    """A list of numbers, all finite; one for each of x, if it is given."""
    values = inputs.numbers_of(values, name)
    if values.ndim != 1 or not values.size:
        raise ValueError(f"{name} has shape {values.shape}, expected (n,).")
    if x is not None and len(values) != len(x):
        raise ValueError(f"{name} has {len(values)} values and x has {len(x)}: one for each.")
    return inputs.finite(values.astype(np.float64), name)


def _list(values, name):
    if isinstance(values, str | bytes | dict) or not hasattr(values, "__iter__"):
        raise TypeError(f"{name} is a {type(values).__name__}: a list or tuple is needed.")
    return list(values)


def _require_title_and_axes(title, ax=None):
    if title is not None:
        _text(title, "title")
    if ax is not None and not hasattr(ax, "imshow"):
        raise TypeError(f"ax is a {type(ax).__name__}: axes of matplotlib are needed.")


def _text(value, name):
    if not isinstance(value, str):
        raise TypeError(f"{name} is a {type(value).__name__}: text is needed.")
    return value
