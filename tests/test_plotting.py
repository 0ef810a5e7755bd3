import base64
import io

import numpy as np
import PIL.Image
import pytest
from matplotlib import pyplot as plt

from helpers import plotting


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.mark.parametrize("gap", [0, 2])
@pytest.mark.parametrize(("columns", "rows"), [(1, 5), (2, 3), (7, 1)])
def test_a_mosaic_has_each_image_in_its_place_and_else_gaps_and_white(columns, rows, gap):
    images = np.random.default_rng(0).random((5, 4, 3), dtype=np.float32)
    expected = np.full((rows * (4 + gap) + gap, columns * (3 + gap) + gap), 0.3, np.float32)
    for place in range(rows * columns):
        top, left = gap + place // columns * (4 + gap), gap + place % columns * (3 + gap)
        expected[top : top + 4, left : left + 3] = images[place] if place < 5 else 0
    picture = plotting.mosaic(images, columns, gap, gap_level=0.3)
    np.testing.assert_array_equal(picture, expected)
    assert picture.dtype == np.float32


def test_a_mosaic_of_flat_digits_is_the_one_of_square_ones():
    images = np.random.default_rng(0).random((3, 28, 28))
    for gap in (0, 2):
        flat = plotting.mosaic(images.reshape(3, 784), 2, gap)
        np.testing.assert_array_equal(flat, plotting.mosaic(images, 2, gap))


@pytest.mark.parametrize(("columns", "width"), [(2, 3), (10, 4), (30, 8)])
def test_a_grid_takes_its_images_breadth_and_room_for_a_title(columns, width):
    images = np.ones((columns, 28, 28))
    height = width * (28 + 2 * plotting.GAP) / (columns * (28 + plotting.GAP) + plotting.GAP)
    assert plotting.image_grid(images, columns).get_size_inches() == pytest.approx([width, height])
    titled = plotting.image_grid(images, columns, "title")
    assert titled.get_size_inches() == pytest.approx([width, height + 0.3])
    assert plotting.image_grid(images, columns, width=5).get_size_inches()[0] == 5


def test_the_label_of_a_row_stands_at_its_middle():
    fig = plotting.image_rows({label: np.ones((4, 784)) for label in "abc"})
    (ax,) = fig.axes
    step = 28 + plotting.GAP
    np.testing.assert_allclose(ax.get_yticks(), plotting.GAP + 14 + step * np.arange(3))
    assert [text.get_text() for text in ax.get_yticklabels()] == ["a", "b", "c"]
    assert ax.yaxis.get_major_ticks()[0].tick1line.get_markersize() == 0
    assert not any(spine.get_visible() for spine in ax.spines.values())
    height = 2.6 * (3 * step + plotting.GAP) / (4 * step + plotting.GAP)
    assert fig.get_size_inches() == pytest.approx([2.6, height])
    wide = plotting.image_rows({"a": np.ones((20, 784))})
    assert wide.get_size_inches()[0] == 7


def test_figures_have_one_style():
    fig = plotting.curves({"a": [3, 2]}, "epoch", "nats")
    (ax,) = fig.axes
    assert [name for name, spine in ax.spines.items() if spine.get_visible()] == ["left", "bottom"]
    assert not ax.get_legend().get_frame_on()
    assert fig.get_layout_engine() is not None


def test_images_are_never_rescaled_by_their_own_range():
    for fig in (
        plotting.image_grid(np.full((4, 28, 28), 0.3), 2),
        plotting.image_rows({"a": np.full((4, 28, 28), 0.3)}),
        plotting.manifold(np.full((4, 28, 28), 0.3), limit=3),
    ):
        assert fig.axes[0].images[0].get_clim() == (0, 1)


def test_manifold_codes_and_pictures_agree_on_the_directions():
    codes = plotting.manifold_codes(steps=3, limit=2)
    assert codes.tolist()[:4] == [[-2, 2], [0, 2], [2, 2], [-2, 0]]
    images = np.zeros((9, 28, 28))
    images[codes[:, 1] == 2] = 1
    fig = plotting.manifold(images, limit=2)
    picture = fig.axes[0].images[0]
    assert picture.get_array()[:28].min() == 1, "the codes with the largest z₂ stand at the top"
    assert picture.get_extent() == [-3, 3, -3, 3], "a code stands at the middle of its picture"


def test_manifold_keeps_each_picture_whole():
    images = np.random.default_rng(0).random((9, 28, 28), dtype=np.float32)
    picture = plotting.manifold(images, limit=2).axes[0].images[0].get_array()
    np.testing.assert_array_equal(picture[28:56, 56:], images[5])


def test_figures_fit_on_the_page():
    for fig in (
        plotting.curves({"a": [3, 2]}, "epoch", "nats"),
        plotting.latent_scatter(np.ones((2, 2)), np.ones(2)),
        plotting.manifold(np.ones((4, 28, 28)), limit=2),
    ):
        width, height = fig.get_size_inches()
        assert height <= width <= 8


def test_curves_tell_lines_apart_without_colour():
    fig = plotting.curves({"a": [3, 2], "b": [2, 1]}, "epoch", "nats")
    first, second = fig.axes[0].lines
    assert first.get_linestyle() != second.get_linestyle()
    assert first.get_xdata().tolist() == [1, 2]
    assert [text.get_text() for text in fig.axes[0].get_legend().get_texts()] == ["a", "b"]


def test_scatter_names_every_digit_where_it_lies():
    z = np.repeat(np.arange(10.0)[:, None], 2, axis=1)
    fig = plotting.latent_scatter(z, np.arange(10))
    assert {t.get_text(): t.get_position() for t in fig.axes[0].texts}["7"] == (7, 7)
    colours = [tuple(group.get_facecolor()[0]) for group in fig.axes[0].collections]
    assert len(colours) == len(set(colours)) == 10


def test_show_displays_one_png_with_its_alternative(monkeypatch):
    shown = []
    monkeypatch.setattr(plotting, "display", shown.append)
    fig = plotting.curves({"a": [1, 2]}, "x", "y")
    plotting.show(fig, "a rising line")
    data, metadata = shown[0]._repr_mimebundle_()
    picture = PIL.Image.open(io.BytesIO(base64.b64decode(data["image/png"])))
    assert picture.format == "PNG"
    picture.save(again := io.BytesIO(), format="png", optimize=True)
    assert len(base64.b64decode(data["image/png"])) <= len(again.getvalue()), "as small as can be"
    assert metadata["image/png"]["width"] == round(picture.width / 1.5), "finer than it is shown"
    assert metadata["image/png"]["alt"] == "a rising line"
    assert not plt.fignum_exists(fig.number)


def test_table_is_markdown(monkeypatch):
    shown = []
    monkeypatch.setattr(plotting, "display", shown.append)
    plotting.table(["z", "loss"], [(2, "38.3")])
    assert shown[0].data == "| z | loss |\n| --- | --- |\n| 2 | 38.3 |"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: plotting.mosaic(np.ones((1, 2, 2)), 0), "columns.*got 0"),
        (lambda: plotting.image_rows({"a": np.ones((1, 784)), "b": np.ones((2, 784))}), "one len"),
        (lambda: plotting.manifold(np.ones((1, 784)), 2), "at least 2 by 2: got 1"),
        (lambda: plotting.manifold(np.ones((5, 784)), 2), "at least 2 by 2: got 5"),
        (lambda: plotting.latent_scatter(np.ones((2, 3)), np.ones(2)), r"\(n, 2\), got \(2, 3\)"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
