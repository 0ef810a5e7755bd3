"""Sliders that need a running kernel: over a latent space, and over the frames of a film."""

import html
import io

import ipywidgets
import numpy as np
import PIL.Image

from helpers import inputs, plotting

SIDE = 224  # pixels of the shown picture's longer side
FRAME_SIDE = 72  # of one picture of a film
MOST_SLIDERS = 64


def png_of_digit(image, side=SIDE):
    """One digit as the bytes of an enlarged PNG file, ink dark on white.

    Args:
        image: shape (height, width), values in [0, 1].
        side: pixels of its longer side.

    Returns:
        The file.

    Raises:
        TypeError: it holds no numbers.
        ValueError: it has another shape, or values outside [0, 1], such as logits.
    """
    image, side = inputs.numbers_of(image, "image"), inputs.whole_number(side, "side", least=1)
    if image.ndim != 2:
        raise ValueError(f"image has shape {image.shape}, expected (height, width).")
    image = np.clip(inputs.drawable(image[None], "image")[0], 0, 1)
    file = io.BytesIO()
    picture = PIL.Image.fromarray(np.uint8(np.rint(255 - 255 * image)))
    size = [max(1, round(side * length / max(picture.size))) for length in picture.size]
    picture.resize(size, PIL.Image.Resampling.NEAREST).save(file, format="png")
    return file.getvalue()


def explore(decode, limit=3.0, n_latent=2, n_labels=0):
    """A slider for each latent coordinate, and the digit they decode to, redrawn as they move.

    It needs a running kernel: on a static page the picture stands still. Where `decode` fails, or
    returns something else, the error stands in the picture's place until a code works again.

    Args:
        decode: a function from codes of shape (1, n_latent) to images of shape (1, height, width)
            in [0, 1]; with `n_labels`, a function of the codes and a label.
        limit: a slider goes from -limit to limit.
        n_latent: how many coordinates there are.
        n_labels: a first slider chooses a label below this number; 0 leaves it out.

    Returns:
        An ipywidgets box; a notebook shows it if it is the last value of a cell.

    Raises:
        TypeError: `decode` is no function, or a number is none.
        ValueError: `limit` is not positive, `n_latent` not from 1 to 64, or `n_labels` is
            negative.
    """
    if not callable(decode):
        raise TypeError(f"decode is a {type(decode).__name__}: a function of codes is needed.")
    limit = inputs.real_number(limit, "limit", above=0)
    n_latent = inputs.whole_number(n_latent, "n_latent", least=1, most=MOST_SLIDERS)
    n_labels = inputs.whole_number(n_labels, "n_labels", least=0)
    choosers = []
    if n_labels:
        choosers = [ipywidgets.IntSlider(0, min=0, max=n_labels - 1, description="label")]
    sliders = [
        ipywidgets.FloatSlider(0, min=-limit, max=limit, step=0.05, description=f"z{index}")
        for index in range(1, n_latent + 1)
    ]
    picture = ipywidgets.Image(format="png", width=SIDE)
    error_line = ipywidgets.HTML(layout={"display": "none", "width": f"{2 * SIDE}px"})

    def redraw(_):
        code = np.array([[slider.value for slider in sliders]], np.float32)
        try:
            label = [slider.value for slider in choosers]
            picture.value = png_of_digit(_only_image(decode(code, *label)))
            error = ""
        except Exception as raised:  # an exception in a widget's callback is seen by nobody
            error = f"{type(raised).__name__}: {raised}"
        error_line.value = html.escape(error)
        picture.layout.display = "none" if error else ""
        error_line.layout.display = "" if error else "none"

    for slider in choosers + sliders:
        slider.observe(redraw, "value")
    redraw(None)
    return ipywidgets.HBox([ipywidgets.VBox(choosers + sliders), picture, error_line])


def film(frames, name="step"):
    """A slider over frames, such as the states of a chain or a network's pictures while it learns.

    It needs a running kernel: on a static page the first frame stands still.

    Args:
        frames: a dictionary from a frame's label, text or a number, to pictures of shape
            (n, height, width) in [0, 1], drawn side by side.
        name: what the labels count.

    Returns:
        An ipywidgets box; a notebook shows it if it is the last value of a cell.

    Raises:
        TypeError: `frames` is no dictionary, `name` is no text, or a frame holds no numbers.
        ValueError: there are no frames, or one has another shape or values outside [0, 1].
    """
    if not isinstance(frames, dict):
        raise TypeError(f"frames is a {type(frames).__name__}: a dictionary of pictures is needed.")
    if not frames:
        raise ValueError("frames is empty: give at least one.")
    if not isinstance(name, str):
        raise TypeError(f"name = {name!r}: text is needed.")
    strips = {}
    for label, images in frames.items():
        images = inputs.drawable(images, "frames")
        strips[str(label)] = plotting.mosaic(images, columns=len(images))
    width = FRAME_SIDE * max(map(len, frames.values()))
    slider = ipywidgets.SelectionSlider(options=list(strips), description=name)
    picture = ipywidgets.Image(format="png", width=width)

    def redraw(_):
        picture.value = png_of_digit(strips[slider.value], side=width)

    slider.observe(redraw, "value")
    redraw(None)
    return ipywidgets.VBox([slider, picture])


def _only_image(images):
    """The one image that `decode` returned."""
    images = inputs.numbers_of(images, "decode(z)")
    if images.ndim != 3 or len(images) != 1:
        raise ValueError(f"decode(z) has shape {images.shape}, expected (1, height, width).")
    return images[0]
