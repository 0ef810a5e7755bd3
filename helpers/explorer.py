"""Sliders over a latent space, and the picture that the decoder draws for them."""

import io

import ipywidgets
import numpy as np
import PIL.Image

SIDE = 224  # pixels of the shown picture


def png_of_digit(image):
    """One digit as the bytes of an enlarged PNG file, ink dark on white.

    Args:
        image: shape (28, 28), values in [0, 1].
    """
    file = io.BytesIO()
    picture = PIL.Image.fromarray(np.uint8(np.rint(255 - 255 * np.asarray(image))))
    picture.resize((SIDE, SIDE), PIL.Image.Resampling.NEAREST).save(file, format="png")
    return file.getvalue()


def explore(decode, limit=3.0, n_latent=2):
    """A slider for each latent coordinate, and the digit they decode to, redrawn as they move.

    It needs a running kernel: on a static page the picture stands still.

    Args:
        decode: a function from codes of shape (1, n_latent) to images of shape (1, 28, 28) in
            [0, 1].
        limit: a slider goes from -limit to limit.
        n_latent: how many coordinates there are.

    Returns:
        An ipywidgets box; a notebook shows it if it is the last value of a cell.
    """
    sliders = [
        ipywidgets.FloatSlider(0, min=-limit, max=limit, step=0.05, description=f"z{index}")
        for index in range(1, n_latent + 1)
    ]
    picture = ipywidgets.Image(format="png", width=SIDE, height=SIDE)

    def redraw(_):
        code = np.array([[slider.value for slider in sliders]], np.float32)
        picture.value = png_of_digit(decode(code)[0])

    for slider in sliders:
        slider.observe(redraw, "value")
    redraw(None)
    return ipywidgets.HBox([ipywidgets.VBox(sliders), picture])
