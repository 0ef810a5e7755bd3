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

    return explore(decode)


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


def test_each_latent_has_a_slider_with_its_name_that_goes_to_the_limit_on_both_sides():
    sliders = explore(lambda z: np.zeros((1, 28, 28)), limit=2, n_latent=3).children[0].children
    assert [slider.description for slider in sliders] == ["z1", "z2", "z3"]
    assert {(slider.min, slider.max) for slider in sliders} == {(-2, 2)}
