"""Every figure that more than one notebook draws: arrays in, figures out, no model known.

Images are shown with ink dark on white and a fixed range of 0 to 1, never rescaled by their own
range, which would hide mistakes. `show` puts a figure on the page with a text alternative.
"""

import io

import numpy as np
import PIL.Image
from IPython.display import Image, Markdown, display
from matplotlib import pyplot as plt

DOTS_PER_INCH = 150  # drawn finer than shown, for sharp screens
SHOWN_PER_INCH = 100
PALETTE = 256  # colours; keeps a notebook full of pictures small
LINE_STYLES = ("-", "--", ":", "-.")
GAP = 2

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


def show(fig, alt):
    """Display a figure with a text alternative, and close it.

    Args:
        fig: a matplotlib figure.
        alt: a sentence or two for a reader who does not see it: what is drawn, and what it shows.
    """
    drawn, small = io.BytesIO(), io.BytesIO()
    fig.savefig(drawn, format="png", bbox_inches="tight", dpi=DOTS_PER_INCH)
    plt.close(fig)
    picture = PIL.Image.open(drawn).convert("RGB").quantize(PALETTE, dither=PIL.Image.Dither.NONE)
    picture.save(small, format="png", optimize=True)
    width = round(picture.width * SHOWN_PER_INCH / DOTS_PER_INCH)
    display(Image(small.getvalue(), width=width, alt=alt))


def table(header, rows):
    """Display a table.

    Args:
        header: the columns' names, with units.
        rows: one tuple for each row; numbers are written as they are, so round them first.
    """
    lines = [header, ["---"] * len(header), *rows]
    display(Markdown("\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)))


def mosaic(images, columns, gap=GAP, gap_level=0.12):
    """Lay images out row by row as one picture, with narrow light-grey gaps or without.

    Args:
        images: shape (n, height, width) or (n, 784), values in [0, 1].
        columns: how many stand in a row; the last row is filled up with white.
        gap: width of the gaps and of the margin, in pixels.
        gap_level: grey level of the gaps.

    Returns:
        float32, shape (rows * (height + gap) + gap, columns * (width + gap) + gap).

    Raises:
        ValueError: `columns` is not positive.
    """
    if columns < 1:
        raise ValueError(f"columns must be at least 1, got {columns}")
    images = np.asarray(images)
    images = images.reshape(len(images), 28, 28) if images.ndim == 2 else images
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
        images, columns: as for `mosaic`.
        title: says what it is.
        ax: the axes to draw on; a new figure without it.
        width: of a new figure, in inches; by default 0.4 inches an image, 8 at the most.

    Returns:
        The figure.
    """
    picture = mosaic(images, columns)
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
        rows: a dictionary from the row's label to images, all rows of one length, in the order to
            draw them from the top.
        title: says what it is.

    Returns:
        The figure.

    Raises:
        ValueError: the rows are not of one length.
    """
    lengths = {label: len(images) for label, images in rows.items()}
    if len(set(lengths.values())) != 1:
        raise ValueError(f"rows must be of one length, got {lengths}")
    columns = next(iter(lengths.values()))
    picture = mosaic(
        np.concatenate([np.reshape(r, (columns, 28, 28)) for r in rows.values()]), columns
    )
    width = min(7, 0.65 * columns)
    fig, ax = plt.subplots(figsize=(width, width * picture.shape[0] / picture.shape[1]))
    ax.imshow(picture, vmin=0, vmax=1, interpolation="nearest")
    centres = GAP + (28 + GAP) * np.arange(len(rows)) + 14
    ax.set(xticks=[], yticks=centres, yticklabels=list(rows))
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    if title:
        ax.set_title(title)
    return fig


def curves(series, xlabel, ylabel, title=None, ax=None, start=1):
    """Draw one line for each entry, told apart by colour, line style and a legend.

    Args:
        series: a dictionary from the line's label to its values.
        xlabel, ylabel: with units.
        title: says what it is.
        ax: the axes to draw on; a new figure without it.
        start: x of the first value; epochs count from 1.

    Returns:
        The figure.
    """
    ax = plt.subplots(figsize=(6.5, 3.6))[1] if ax is None else ax
    for index, (label, values) in enumerate(series.items()):
        style = LINE_STYLES[index % len(LINE_STYLES)]
        ax.plot(np.arange(start, start + len(values)), values, style, label=label)
    ax.set(xlabel=xlabel, ylabel=ylabel)
    ax.grid(alpha=0.25)
    ax.legend()
    if title:
        ax.set_title(title)
    return ax.figure


def latent_scatter(z, labels, title=None, ax=None):
    """Draw two-dimensional codes coloured by digit, with each digit's name at its median code.

    Args:
        z: shape (n, 2).
        labels: digits 0 to 9, shape (n,).
        title: says what it is.
        ax: the axes to draw on; a new figure without it.

    Returns:
        The figure.

    Raises:
        ValueError: the codes are not two-dimensional.
    """
    if np.ndim(z) != 2 or np.shape(z)[1] != 2:
        raise ValueError(f"a scatter needs codes of shape (n, 2), got {np.shape(z)}")
    ax = plt.subplots(figsize=(6, 5.4))[1] if ax is None else ax
    for digit in range(10):
        group = z[labels == digit]
        colour = plt.get_cmap("tab10")(digit)
        ax.scatter(*group.T, s=7, alpha=0.6, color=colour, linewidths=0)
        if len(group):
            box = {"boxstyle": "circle,pad=0.2", "facecolor": "white", "edgecolor": colour}
            ax.text(*np.median(group, axis=0), digit, ha="center", va="center", bbox=box)
    ax.set(xlabel="z₁", ylabel="z₂", aspect="equal")
    if title:
        ax.set_title(title)
    return ax.figure


def manifold_codes(steps, limit):
    """A square grid of two-dimensional codes, in the order in which `mosaic` draws them.

    Args:
        steps: codes along each side.
        limit: the grid spans [-limit, limit] in both directions.

    Returns:
        float32, shape (steps * steps, 2): z₁ grows to the right, z₂ upwards.
    """
    axis = np.linspace(-limit, limit, steps, dtype=np.float32)
    across, up = np.meshgrid(axis, axis[::-1])
    return np.stack([across.ravel(), up.ravel()], axis=1)


def manifold(images, limit, title=None):
    """Draw the images decoded from `manifold_codes(steps, limit)` over their latent coordinates.

    Args:
        images: shape (steps * steps, 28, 28).
        limit: as given to `manifold_codes`.
        title: says what it is.

    Returns:
        The figure.

    Raises:
        ValueError: the images are no square of at least 2 by 2.
    """
    steps = round(len(images) ** 0.5)
    if steps < 2 or steps**2 != len(images):
        raise ValueError(f"a manifold is a square of images, at least 2 by 2: got {len(images)}")
    fig, ax = plt.subplots(figsize=(5.6, 5.6))
    half_step = limit / (steps - 1)
    extent = 2 * [-limit - half_step, limit + half_step]
    picture = mosaic(images, steps, gap=0)
    ax.imshow(picture, vmin=0, vmax=1, extent=extent, interpolation="antialiased")
    ax.set(xlabel="z₁", ylabel="z₂")
    if title:
        ax.set_title(title)
    return fig
