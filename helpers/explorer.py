"""Sliders over a latent space, and the picture that the decoder draws for them."""

import html
import io

import ipywidgets
import numpy as np
import PIL.Image

from helpers import inputs

SIDE = 224  # pixels of the shown picture's longer side
MOST_SLIDERS = 64


def png_of_digit(image):
    """One digit as the bytes of an enlarged PNG file, ink dark on white.

    Args:
        image: shape (height, width), values in [0, 1].

    Returns:
        The file; its longer side has 224 pixels.

    Raises:
        TypeError: it holds no numbers.
        ValueError: it has another shape, or values outside [0, 1], such as logits.
    """
    image = inputs.numbers_of(image, "image")
    if image.ndim != 2:
        raise ValueError(f"image has shape {image.shape}, expected (height, width).")
    image = np.clip(inputs.drawable(image[None], "image")[0], 0, 1)
    file = io.BytesIO()
    picture = PIL.Image.fromarray(np.uint8(np.rint(255 - 255 * image)))
    size = [max(1, round(SIDE * side / max(picture.size))) for side in picture.size]
    picture.resize(size, PIL.Image.Resampling.NEAREST).save(file, format="png")
    return file.getvalue()


def explore(decode, limit=3.0, n_latent=2):
    """A slider for each latent coordinate, and the digit they decode to, redrawn as they move.

    It needs a running kernel: on a static page the picture stands still. Where `decode` fails, or
    returns something else, the error stands in the picture's place until a code works again.

    Args:
        decode: a function from codes of shape (1, n_latent) to images of shape (1, height, width)
            in [0, 1].
        limit: a slider goes from -limit to limit.
        n_latent: how many coordinates there are.

    Returns:
        An ipywidgets box; a notebook shows it if it is the last value of a cell.

    Raises:
        TypeError: `decode` is no function, or a number is none.
        ValueError: `limit` is not positive, or `n_latent` not from 1 to 64.
    """
    if not callable(decode):
        raise TypeError(f"decode is a {type(decode).__name__}: a function of codes is needed.")
    limit = inputs.real_number(limit, "limit", above=0)
    n_latent = inputs.whole_number(n_latent, "n_latent", least=1, most=MOST_SLIDERS)
    sliders = [
        ipywidgets.FloatSlider(0, min=-limit, max=limit, step=0.05, description=f"z{index}")
        for index in range(1, n_latent + 1)
    ]
    picture = ipywidgets.Image(format="png", width=SIDE)
    error_line = ipywidgets.HTML(layout={"display": "none", "width": f"{2 * SIDE}px"})

    def redraw(_):
        code = np.array([[slider.value for slider in sliders]], np.float32)
        try:
            picture.value = png_of_digit(_only_image(decode(code)))
            error = ""
        except Exception as raised:  # an exception in a widget's callback is seen by nobody
            error = f"{type(raised).__name__}: {raised}"
        error_line.value = html.escape(error)
        picture.layout.display = "none" if error else ""
        error_line.layout.display = "" if error else "none"

    for slider in sliders:
        slider.observe(redraw, "value")
    redraw(None)
    return ipywidgets.HBox([ipywidgets.VBox(sliders), picture, error_line])


def _only_image(images):
    """The one image that `decode` returned."""
    images = inputs.numbers_of(images, "decode(z)")
    if images.ndim != 3 or len(images) != 1:
        raise ValueError(f"decode(z) has shape {images.shape}, expected (1, height, width).")
    return images[0]
