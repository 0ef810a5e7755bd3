import io

import numpy as np
import PIL.Image
import pytest

from helpers.explorer import explore, png_of_digit


def read(png):
    return np.asarray(PIL.Image.open(io.BytesIO(png)))


def test_png_shows_ink_dark_and_pixels_as_squares():
    image = np.zeros((28, 28))
    image[2, 5], image[3, 5] = 1, 0.2
    pixels = read(png_of_digit(image))
    assert pixels.shape == (224, 224)
    assert (pixels[16:24, 40:48] == 0).all()
    assert (pixels[24:32, 40:48] == 204).all()
    assert np.count_nonzero(pixels != 255) == 2 * 64


@pytest.fixture
def asked():
    return []


@pytest.fixture
def box(asked):
    def decode(z):
        asked.append(z)
        return np.full((1, 28, 28), 1 / (1 + np.exp(-z[0, 0] - 10 * z[0, 1])))

    return explore(decode, limit=2)


def test_the_picture_follows_each_slider(box, asked):
    sliders, picture = box.children[0].children, box.children[1]
    assert read(picture.value).mean() == 128  # 255 - 127.5
    seen = {picture.value}
    for slider in sliders:
        slider.value = 1.0
        assert picture.value not in seen
        seen.add(picture.value)
    np.testing.assert_array_equal(np.concatenate(asked), [[0, 0], [1, 0], [1, 1]])
    assert all(z.shape == (1, 2) and z.dtype == np.float32 for z in asked)


def test_sliders_span_the_plane_and_are_named(box):
    sliders = box.children[0].children
    assert [(s.min, s.max, s.description) for s in sliders] == [(-2, 2, "z1"), (-2, 2, "z2")]


def test_there_are_as_many_sliders_as_latents_and_they_reach_three_deviations_of_the_prior():
    box = explore(lambda z: np.zeros((1, 28, 28)), n_latent=5)
    assert [(s.min, s.max) for s in box.children[0].children] == [(-3, 3)] * 5
