import io
import re

import numpy as np
import PIL.Image
import pytest
from bad_arguments import faults

from helpers import plotting
from helpers.explorer import explore, film, png_of_digit


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
    assert read(png_of_digit(image, 1)).shape == (1, 1)


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


def test_a_label_has_a_slider_of_its_own_before_the_latents():
    asked = []

    def decode(z, label):
        asked.append((z.shape, label))
        return np.full((1, 28, 28), label / 10)

    sliders = explore(decode, n_latent=2, n_labels=10).children[0].children
    assert [slider.description for slider in sliders] == ["label", "z1", "z2"]
    assert (sliders[0].min, sliders[0].max) == (0, 9)
    sliders[0].value = 7
    assert asked == [((1, 2), 0), ((1, 2), 7)]


def shown_error(box):
    """The error that stands in the picture's place, or None if the picture is seen."""
    picture, line = box.children[1:]
    seen = line.layout.display != "none"
    assert seen == (picture.layout.display == "none"), "either the picture or the error"
    return line.value if seen else None


def test_an_error_of_the_decoder_stands_in_the_place_of_the_old_picture():
    def decode(z):
        if z[0, 0] > 1:
            raise RuntimeError("no code <above> 1")
        return np.full((1, 28, 28), 0.5)

    box = explore(decode)
    slider = box.children[0].children[0]
    assert shown_error(box) is None
    slider.value = 2.0
    assert shown_error(box) == "RuntimeError: no code &lt;above&gt; 1"
    slider.value = 0.5
    assert shown_error(box) is None


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.full((1, 28, 28), -3.0), "ranges from -3 to -3.*sigmoid of logits"),
        (np.full((1, 28, 28), 200), "from 200 to 200.*divide 8-bit"),
        (np.full((1, 28, 28), np.nan), "contains NaN"),
        (np.zeros((28, 28)), r"decode\(z\) has shape \(28, 28\), expected \(1, height, width\)"),
        (np.zeros((1, 28, 28, 1)), r"decode\(z\) has shape"),
        (np.zeros((2, 28, 28)), r"decode\(z\) has shape"),
        (None, r"decode\(z\) holds NoneType"),
    ],
)
def test_what_is_no_picture_is_said_and_not_drawn(image, message):
    assert re.search(message, shown_error(explore(lambda z: image)))


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64, np.float32])
def test_black_and_white_pictures_of_any_type_are_shown_alike(dtype):
    image = np.eye(28)
    assert png_of_digit(image.astype(dtype)) == png_of_digit(image)


def test_pictures_of_other_sizes_are_shown_whole():
    assert read(png_of_digit(np.eye(16))).shape == (224, 224)
    wide = read(png_of_digit(np.ones((10, 20))))
    assert wide.shape == (112, 224)
    assert not wide.any()


def test_every_argument_is_right_or_refused_by_its_name():
    good = {"image": np.zeros((28, 28)), "side": 224}
    assert faults(png_of_digit, good, {("image", "another width")}) == []

    def decode(z):
        return np.zeros((1, 28, 28))

    good = {"decode": decode, "limit": 3.0, "n_latent": 2, "n_labels": 0}
    right = {("decode", "function"), ("limit", "two and a half"), ("n_labels", "zero")}
    assert faults(explore, good, right) == []


# ---------------------------------------------------------------- a film


def test_a_film_shows_the_frame_that_its_slider_names():
    frames = {1: np.zeros((3, 28, 28)), 20: np.ones((3, 28, 28))}
    slider, picture = film(frames, "epoch").children
    assert slider.description == "epoch"
    assert slider.options == ("1", "20")
    first = picture.value
    assert read(first).shape[1] == int(picture.width) == 3 * 72
    slider.value = "20"
    assert picture.value == png_of_digit(plotting.mosaic(frames[20], 3), side=216) != first


def test_what_is_no_film_is_refused():
    good = np.zeros((2, 28, 28))
    with pytest.raises(ValueError, match="frames is empty"):
        film({})
    with pytest.raises(ValueError, match=r"frames ranges from -3.*sigmoid"):
        film({1: good, 2: good - 3})
    with pytest.raises(TypeError, match="frames is a list"):
        film([good])
    with pytest.raises(TypeError, match="name = 3"):
        film({1: good}, 3)
