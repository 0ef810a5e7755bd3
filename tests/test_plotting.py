import base64
import io

import numpy as np
import PIL.Image
import pytest
from bad_arguments import faults
from matplotlib import pyplot as plt
from matplotlib.colors import same_color
from matplotlib.patches import FancyBboxPatch, Rectangle

from helpers import inputs, plotting


def titles(axes):
    return [ax.get_title(loc="left") for ax in axes]


def extents(ax):
    """Of a diagram's boxes and pictures: left, right, bottom, top."""
    found = [tuple(picture.get_extent()) for picture in ax.images]
    for patch in ax.patches:
        if isinstance(patch, FancyBboxPatch):
            x, y, width, height = (
                getattr(patch, f"get_{a}")() for a in ("x", "y", "width", "height")
            )
            found.append((x, x + width, y, y + height))
    return found


def boxes(ax):
    """The middles of a diagram's boxes and pictures, all of which lie apart and in the axes."""
    found = []
    for left, right, bottom, top in extents(ax):
        assert ax.get_xlim()[0] <= left < right <= ax.get_xlim()[1]
        assert ax.get_ylim()[0] <= bottom < top <= ax.get_ylim()[1]
        for x, y in found:
            assert not (left <= x <= right and bottom <= y <= top)
        found.append(((left + right) / 2, (bottom + top) / 2))
    return sorted((round(x, 1) + 0.0, round(y, 1) + 0.0) for x, y in found)


def arrows(ax):
    """From the middle of which box to that of which other a diagram's arrows lead."""
    found = []
    for text in ax.texts:
        if getattr(text, "arrow_patch", None) is not None:
            (x, y), (to_x, to_y) = text.xyann, text.xy
            starts = [e for e in extents(ax) if abs(e[1] - x) < 0.05 and e[2] < y < e[3]]
            ends = [e for e in extents(ax) if abs(e[0] - to_x) < 0.05 and e[2] < to_y < e[3]]
            assert len(starts) == len(ends) == 1, "from a right edge to a left one"
            pair = [((e[0] + e[1]) / 2, (e[2] + e[3]) / 2) for e in (*starts, *ends)]
            found.append(tuple((round(x, 1) + 0.0, round(y, 1) + 0.0) for x, y in pair))
    return sorted(found)


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
    fig = plotting.manifold(images, limit=2, title="nine")
    assert titles(fig.axes) == ["nine"]
    picture = fig.axes[0].images[0].get_array()
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


def test_a_diagram_has_each_part_and_an_arrow_between():
    rows = [[PICTURES[0], ("dense", "8"), ("draw z", "2")], [PICTURES[1], ("sum", "1")]]
    fig = plotting.diagram(rows, "a")
    (ax,) = fig.axes
    names = [text.get_text() for text in ax.texts if text.get_text()]
    assert names == ["dense\n8", "draw z\n2", "sum\n1"]
    assert len(ax.images) == 2
    assert fig.get_figwidth() <= 8
    assert arrows(ax) == [((0, -1), (1, -1)), ((0, 0), (1, 0)), ((1, 0), (2, 0))]
    assert boxes(ax) == [(0, -1), (0, 0), (1, -1), (1, 0), (2, 0)]
    assert ax.get_title(loc="left") == "a"


@pytest.mark.parametrize("axis", ["x", "y"])
def test_small_pictures_stand_where_the_axis_had_its_numbers(axis):
    fig, ax = plt.subplots()
    ax.set(xlim=(-1, 3), ylim=(-1, 3))
    images = np.arange(12).reshape(3, 2, 2) / 12
    assert plotting.picture_ticks(ax, images, axis, size=0.25) is fig
    assert not len(ax.xaxis.get_ticklocs() if axis == "x" else ax.yaxis.get_ticklocs())
    fig.canvas.draw()
    assert len(ax.artists) == 3
    for place, (artist, image) in enumerate(zip(ax.artists, images, strict=True)):
        np.testing.assert_allclose(artist.offsetbox.get_data(), image, rtol=1e-6)
        norm = artist.offsetbox.image.norm
        assert (norm.vmin, norm.vmax) == (0, 1)
        box = artist.offsetbox.get_window_extent()
        assert box.height == pytest.approx(0.25 * fig.dpi, rel=0.02)
        middle = ax.transData.inverted().transform([(box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2])
        assert middle["xy".index(axis)] == pytest.approx(place, abs=0.02)
        inside = ax.get_window_extent()
        assert box.y1 < inside.y0 if axis == "x" else box.x1 < inside.x0


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
    assert len(shown) == 1
    plotting.show(plotting.curves({"a": [1, 2]}, "x", "y"), "a rising line", "It rises.")
    assert shown[2].data == "*It rises.*"


def test_in_jupyterlab_the_alternative_is_that_of_the_html_element(monkeypatch):
    shown = []
    monkeypatch.setattr(plotting, "display", shown.append)
    monkeypatch.setenv(plotting.IN_JUPYTER, "/notebooks/00.ipynb")
    plotting.show(plotting.curves({"a": [1, 2]}, "x", "y"), 'a line that "rises" > 1', "Look.")
    picture, caption = shown
    assert picture.data.startswith('<img src="data:image/png;base64,iVBOR')
    assert picture.data.endswith('alt="a line that &quot;rises&quot; &gt; 1">')
    assert caption.data == "*Look.*"


def test_table_is_markdown(monkeypatch):
    shown = []
    monkeypatch.setattr(plotting, "display", shown.append)
    plotting.table(["z", "loss"], [(2, "38.3")])
    assert shown[0].data == "| z | loss |\n| --- | --- |\n| 2 | 38.3 |"
    plotting.table(["|z|"], [("p(x|z)",)])
    assert shown[1].data == r"| \|z\| |" + "\n| --- |\n" + r"| p(x\|z) |"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: plotting.mosaic(np.ones((1, 2, 2)), 0), "columns = 0: it must be at least 1"),
        (lambda: plotting.image_rows({"a": np.ones((1, 784)), "b": np.ones((2, 784))}), "one len"),
        (lambda: plotting.manifold(np.ones((1, 784)), 2), "at least 2 by 2: got 1"),
        (lambda: plotting.manifold(np.ones((5, 784)), 2), "at least 2 by 2: got 5"),
        (
            lambda: plotting.latent_scatter(np.ones((2, 3)), np.ones(2)),
            r"z has shape \(2, 3\).*\(n, 2\)",
        ),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_pictures_of_any_size_are_drawn_in_rows_and_stand_beside_their_labels():
    fig = plotting.image_rows({"a": np.ones((3, 16, 16)), "b": np.zeros((3, 256))})
    (ax,) = fig.axes
    step = 16 + plotting.GAP
    np.testing.assert_allclose(ax.get_yticks(), plotting.GAP + 8 + step * np.arange(2))
    assert ax.images[0].get_array().shape == (2 * step + plotting.GAP, 3 * step + plotting.GAP)
    assert plotting.manifold(np.ones((4, 16, 16)), 2).axes[0].images[0].get_array().shape == (
        32,
        32,
    )
    wide = plotting.image_rows({"a": np.ones((2, 4, 10))})
    assert wide.axes[0].get_yticks() == [plotting.GAP + 2]


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64, np.float64])
def test_black_and_white_pictures_of_any_type_are_drawn_alike(dtype):
    ink = np.random.default_rng(0).random((4, 28, 28)) < 0.3
    picture = plotting.image_grid(ink.astype(dtype), 2).axes[0].images[0].get_array()
    expected = plotting.image_grid(ink.astype(np.float32), 2).axes[0].images[0].get_array()
    np.testing.assert_array_equal(picture, expected)


def test_weights_are_laid_out_as_they_are_but_not_drawn_as_grey_levels():
    weights = np.random.default_rng(0).normal(0, 3, (4, 28, 28)).astype(np.float32)
    picture = plotting.mosaic(weights, 2, gap=0)
    np.testing.assert_array_equal(picture[28:, :28], weights[2])
    for draw in (
        lambda x: plotting.image_grid(x, 2),
        lambda x: plotting.image_rows({"a": x}),
        lambda x: plotting.manifold(x, 2),
    ):
        with pytest.raises(ValueError, match=r"ranges from -.*sigmoid of logits"):
            draw(weights)
        with pytest.raises(ValueError, match=r"from 0 to 255.*divide 8-bit"):
            draw(np.float32([0, 255]).repeat(1568).reshape(4, 28, 28))
        draw(np.full((4, 28, 28), 1 + 1e-6))


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        ([0, 11, 11, 12], ["0", "11", "12"]),
        ([0.0, 1.0, 1.0, 9.0], ["0", "1", "9"]),
        ([-1, 3, 3, -1], ["3"]),
        (["bag", "shoe", "bag", "shirt"], ["bag", "shirt", "shoe"]),
        ([True, False, True, True], ["0", "1"]),
    ],
)
def test_a_scatter_draws_every_point_whatever_its_label(labels, names):
    z = np.arange(8.0).reshape(4, 2)
    fig = plotting.latent_scatter(z, labels)
    assert sum(len(group.get_offsets()) for group in fig.axes[0].collections) == 4
    assert [text.get_text() for text in fig.axes[0].texts] == names


def test_a_digit_has_the_same_colour_whichever_others_there_are():
    z = np.arange(4.0).reshape(2, 2)
    few, many = (
        plotting.latent_scatter(np.resize(z, (len(labels), 2)), labels).axes[0].collections
        for labels in ([3, 7], range(10))
    )
    np.testing.assert_array_equal(few[1].get_facecolor(), many[7].get_facecolor())
    partly = plotting.latent_scatter(np.ones((11, 2)), range(-1, 10)).axes[0].collections
    np.testing.assert_array_equal(partly[8].get_facecolor(), many[7].get_facecolor())


@pytest.mark.parametrize("n", [10, 11, 12, 20, 21, 40])
def test_no_two_classes_have_one_colour(n):
    drawn = plotting.latent_scatter(np.ones((n, 2)), np.arange(n)).axes[0].collections
    assert len({tuple(dots.get_facecolor()[0]) for dots in drawn}) == n


def test_a_diagram_leads_from_each_box_to_each_of_the_next_column_but_to_the_loose():
    picture = np.ones((28, 28))
    columns = [[picture], ["mean", "spread", "noise"], ["code"], [picture]]
    fig = plotting.model_diagram(columns, {"encoder": (1, 1)}, loose=["noise"], title="a")
    (ax,) = fig.axes
    heights = [y for x, y in boxes(ax) if x == 1]
    assert len(heights) == 3
    assert heights == sorted(-y for y in heights), "a column stands in the middle"
    mean, spread = (1, heights[2]), (1, heights[1])
    into_code = [(part, (2, 0)) for part in ((1, heights[0]), spread, mean)]
    assert arrows(ax) == sorted([((0, 0), mean), ((0, 0), spread), *into_code, ((2, 0), (3, 0))]), (
        "nothing leads to the noise"
    )
    assert len(ax.images) == 2
    for picture in ax.images:
        left, right, bottom, top = picture.get_extent()
        assert right - left == pytest.approx(top - bottom)
    (behind,) = [p for p in ax.patches if type(p) is Rectangle and p.get_zorder() < 0]
    inside = [(x, y) for x, y in boxes(ax) if behind.contains_point(ax.transData.transform((x, y)))]
    assert inside == [(1, y) for y in heights[1:]], "the grey field lies behind what is no noise"
    name = next(text for text in ax.texts if text.get_text() == "encoder")
    assert name.get_position()[0] == 1
    assert max(heights) + 0.4 < name.get_position()[1] < ax.get_ylim()[1]
    assert ax.get_title(loc="left") == "a"
    names = [text.get_text() for text in ax.texts if text.get_text()]
    assert sorted(names) == ["code", "encoder", "mean", "noise", "spread"]
    assert fig.get_size_inches()[0] <= 8


@pytest.mark.parametrize(
    ("columns", "options", "message"),
    [
        ([["a"]], {}, "columns"),
        ([["a"], []], {}, "columns"),
        (["a", ["b"]], {}, "columns"),
        ([["a"], [np.full((28, 28), 9.0)]], {}, "columns"),
        ([["a"], ["b"]], {"groups": ["a"]}, "groups"),
        ([["a"], ["b"]], {"groups": {"a": (0, 2)}}, "there are 2 columns"),
        ([["a"], ["b"]], {"loose": "b"}, "loose"),
        ([["a"], ["b"]], {"loose": ["c"]}, "loose holds 'c': no box"),
        ([["a"], ["b"]], {"loose": ["b"], "groups": {"e": (1, 1)}}, r"all that groups\['e'\] has"),
    ],
)
def test_a_diagram_of_what_is_no_model_is_refused(columns, options, message):
    with pytest.raises((TypeError, ValueError), match=message):
        plotting.model_diagram(columns, **options)


def test_balls_reach_to_the_nearest_of_their_own_cloud():
    clouds = {"real": [[0, 0], [3, 4], [3, 3]], "samples": [[1, 1], [1, 3], [9, 9]]}
    fig = plotting.balls_around(clouds)
    radii = [[patch.radius for patch in ax.patches[::2]] for ax in fig.axes]
    np.testing.assert_allclose(radii[0], [18**0.5, 1, 1])
    np.testing.assert_allclose(radii[1], [2, 2, 10])
    assert titles(fig.axes) == ["balls around real", "balls around samples"]
    assert len(fig.axes[0].lines) == 2
    for ax in fig.axes:
        assert [patch.get_fill() for patch in ax.patches] == [True, False] * 3
        assert {patch.get_alpha() for patch in ax.patches[::2]} < {
            value / 100 for value in range(50)
        }
        assert tuple(ax.patches[0].center) == tuple(ax.patches[1].center)
        drawn = [line.get_xydata().tolist() for line in ax.lines]
        assert drawn == list(clouds.values()), "both clouds on both sides"
    assert fig.axes[0].get_xlim() == fig.axes[1].get_xlim()
    assert fig.axes[0].get_ylim() == fig.axes[1].get_ylim()
    names = [text.get_text() for text in fig.axes[0].get_legend().get_texts()]
    assert names == ["real", "samples"]
    wider = plotting.balls_around(clouds, k=2).axes[0].patches[::2]
    np.testing.assert_allclose([patch.radius for patch in wider], [5, 5, 18**0.5])
    with pytest.raises(ValueError, match="k = 0"):
        plotting.balls_around(clouds, k=0)


@pytest.mark.parametrize(
    ("clouds", "message"),
    [
        ([[0, 1]], "a dictionary is needed"),
        ({"real": [[0, 1], [1, 1]]}, "two are needed"),
        ({"real": [[0, 1, 2], [1, 1, 1]], "fake": [[0, 1, 2], [1, 1, 1]]}, r"shape \(n, 2\)"),
    ],
)
def test_balls_around_other_things_are_refused(clouds, message):
    with pytest.raises((TypeError, ValueError), match=message):
        plotting.balls_around(clouds)


def test_verdicts_stand_hollow_for_trainings_and_filled_for_a_kept_model():
    verdict = {"precision": 0.7, "coverage": 0.4}
    models = {"a": ([verdict, verdict], [verdict]), "b": ([verdict], [])}
    fig = plotting.precision_and_coverage(models, {"fog": {"precision": 1, "coverage": 0}})
    (ax,) = fig.axes
    assert [line.get_fillstyle() for line in ax.lines][:2] == ["none", "full"]
    assert ax.lines[0].get_xdata().tolist() == [0.4, 0.4]
    assert ax.lines[0].get_ydata().tolist() == [0.7, 0.7]
    assert [ax.get_xlabel(), ax.get_ylabel()] == ["coverage", "precision"]
    assert ax.get_xlim() == ax.get_ylim() == (-0.03, 1.03), "shares, and room for a mark at an end"
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["a", "b", "fog"]
    with pytest.raises(ValueError, match="models is empty"):
        plotting.precision_and_coverage({}, {})
    with pytest.raises(TypeError, match="models is a list"):
        plotting.precision_and_coverage([], {})
    with pytest.raises(ValueError, match="marks holds 4 verdicts"):
        plotting.precision_and_coverage(models, dict.fromkeys("abcd", verdict))


def test_panels_stand_side_by_side_and_begin_at_zero():
    fig = plotting.panels([1, 2, 4], {"a": [0, 1, 2], "b": [0, 0, 0]}, "passes")
    assert titles(fig.axes) == ["a", "b"]
    assert fig.axes[0].lines[0].get_xydata().tolist() == [[1, 0], [2, 1], [4, 2]]
    assert {ax.get_xlabel() for ax in fig.axes} == {"passes"}
    assert [ax.get_xticks().tolist() for ax in fig.axes] == [[1, 2, 4]] * 2
    bottom, top = fig.axes[0].get_ylim()
    assert bottom == 0
    assert 2 < top < 2.5, "the highest point lies below the upper edge"
    assert len(plotting.panels([1], {"a": [3]}, "x").axes) == 1
    with pytest.raises(TypeError, match="series is a list"):
        plotting.panels([1, 2], [[0, 1]], "x")
    with pytest.raises(ValueError, match="series is empty"):
        plotting.panels([1, 2], {}, "x")
    with pytest.raises(ValueError, match=r"x has shape \(1, 2\), expected \(n,\)"):
        plotting.panels([[1, 2]], {"a": [[0, 1]]}, "x")
    with pytest.raises(ValueError, match=r"series\['a'\] has 1 values and x has 2"):
        plotting.panels([1, 2], {"a": [0]}, "x")
    with pytest.raises(ValueError, match="holds values below 0"):
        plotting.panels([1, 2], {"a": [0, -1]}, "x")
    with pytest.raises(ValueError, match=r"series\['a'\] contains nan"):
        plotting.panels([1, 2], {"a": [0, np.nan]}, "x")


def test_points_are_the_number_they_were_asked_for_and_move_apart_within_their_spot():
    spots = np.array([[1.0, 0.0], [-1.0, 0.0]])
    inside = spots[[0, 0, 1]] + [[0.01, 0.02], [0.03, 0], [0, 0.02]]
    points = np.concatenate([inside, [[0.0, 0.9]], np.tile(spots[1], (20, 1))])
    wanted = [0, 1, 1, 0] + [1] * 20
    fig = plotting.asked_points({"left": points, "right": points}, wanted, spots, 0.2)
    assert titles(fig.axes) == ["left", "right"]
    ax = fig.axes[0]
    assert [tuple(patch.center) for patch in ax.patches] == [(1, 0), (-1, 0)]
    names = [text for text in ax.texts if text.get_size() > 10]
    assert [(text.get_text(), text.get_position()) for text in names] == [
        ("0", (1.5, 0)),
        ("1", (-1.5, 0)),
    ]
    drawn = [text for text in ax.texts if text.get_size() < 10]
    kinds = [int(text.get_text()) for text in drawn]
    assert kinds == [0, 0] + [1] * 8, "the first eight of each"
    assert [text.get_color() for text in drawn] == [f"C{kind}" for kind in kinds]
    places = np.array([text.get_position() for text in drawn])
    np.testing.assert_allclose(places[1], [0, 0.9])  # in no spot: it stays where it is
    nearest = np.linalg.norm(places[:, None] - spots, axis=2).argmin(axis=1)
    assert nearest[[0, 2]].tolist() == [0, 0], "a 1 that lies in the spot of the 0s stays there"
    assert set(nearest[3:]) == {1}
    moved = np.delete(places, 1, axis=0)
    circle = ax.patches[0].radius
    assert (np.linalg.norm(moved[:, None] - spots, axis=2).min(axis=1) < circle).all()
    apart = np.linalg.norm(moved[:, None] - moved, axis=2) + np.eye(len(moved))
    assert apart.min() > 0.05, "no two lie on top of each other"
    with pytest.raises(ValueError, match=r"films\['a'\] has 24 points, wanted 2 labels"):
        plotting.asked_points({"a": points}, [0, 1], spots, 0.2)
    with pytest.raises(ValueError, match="wanted contains 2"):
        plotting.asked_points({"a": points}, [2, *wanted[1:]], spots, 0.2)
    with pytest.raises(ValueError, match=r"films\['a'\] has shape \(24, 1\), expected \(n, 2\)"):
        plotting.asked_points({"a": points[:, :1]}, wanted, spots, 0.2)
    with pytest.raises(TypeError, match="films is a list"):
        plotting.asked_points([], [0], spots, 0.2)
    with pytest.raises(ValueError, match="films is empty"):
        plotting.asked_points({}, [0], spots, 0.2)


def test_a_game_on_a_line_shows_both_densities_and_the_best_answer():
    x = np.array([-3.0, 0.0, 1.0])
    real, fake, answers = np.array([0, 0.4, 0.3]), np.array([0.01, 0.4, 0.1]), [0.2, 0.5, 0.9]
    fig = plotting.game_on_a_line(x, real, {0: (fake, answers), 8: (fake, answers)})
    upper, other, lower, _ = fig.axes
    assert titles([upper, other]) == ["round 0", "round 8"]
    edge = upper.collections[0].get_paths()[0].vertices
    assert {tuple(point) for point in edge} >= set(zip(x, real, strict=True)), "p is the grey hill"
    assert upper.lines[0].get_xydata().tolist() == np.stack([x, fake], axis=1).tolist()
    said, best = lower.lines
    assert said.get_ydata().tolist() == answers
    np.testing.assert_allclose(best.get_ydata(), [np.nan, 0.5, 0.75])  # nothing lies at -3
    assert [text.get_text() for text in fig.legends[0].get_texts()] == [
        "real, p",
        "fake, q",
        "D",
        "the best: p / (p + q)",
    ]
    assert [upper.get_ylabel(), lower.get_ylabel()] == ["density", "probability of real"]
    assert upper.get_ylim()[0] == 0
    assert lower.get_ylim() == (0, 1)
    assert lower.get_ylim() == fig.axes[3].get_ylim()


@pytest.mark.parametrize(
    ("x", "real", "moments", "words"),
    [
        ([0, 1], [1, 1], {}, "moments is empty"),
        ([0, 1], [1, 1], {0: ([1, 1, 1], [1, 1, 1])}, r"moments\[0\] has 3 values and x"),
        ([0, 1], [1, 1], {0: [[1, 1]]}, r"moments\[0\] holds 1: a pair"),
        ([0, 1], [1, 1, 1], {0: ([1, 1], [1, 1])}, "real has 3 values and x has 2"),
        ([0, 1], [1, -1], {0: ([1, 1], [1, 1])}, "real holds -1"),
        ([[0, 1]], [[1, 1]], {0: ([[1, 1]], [[1, 1]])}, r"x has shape \(1, 2\)"),
    ],
)
def test_a_game_that_does_not_fit_its_line_is_refused(x, real, moments, words):
    with pytest.raises(ValueError, match=words):
        plotting.game_on_a_line(x, real, moments)


def test_a_game_without_moments_is_refused():
    with pytest.raises(TypeError, match="moments is a list"):
        plotting.game_on_a_line([0, 1], [1, 1], [])


def test_points_lie_over_the_spots_of_the_data_with_one_scale_for_all():
    spots = np.array([[1.0, 0.0], [0.0, 1.0]])
    points = np.random.default_rng(0).normal(0, 0.3, (600, 2))
    far = points.copy()
    far[:10] = 50  # a sixtieth of them
    fig = plotting.points_and_spots(
        {"a": {"1": points, "2": far}, "b": {"1": far, "2": far}}, spots, 0.1
    )
    assert titles(fig.axes) == ["1", "2", "1", "2"]
    assert [ax.get_ylabel() for ax in fig.axes] == ["a", "", "b", ""]
    (limits,) = {ax.get_xlim() + ax.get_ylim() for ax in fig.axes}
    assert limits[0] == -limits[1] == limits[2] == -limits[3]
    assert 1.1 < limits[1] < 2, "all spots are seen, and a few far points may lie outside"
    for ax in fig.axes:
        assert [(*patch.center, patch.radius) for patch in ax.patches] == [
            (1, 0, 0.1),
            (0, 1, 0.1),
        ]
        assert len(ax.collections[0].get_offsets()) == 500
    wide = plotting.points_and_spots({"a": {"1": 50 * points}}, spots, 0.1)
    assert wide.axes[0].get_xlim()[1] == pytest.approx(2.64), "spots stay large enough to be seen"


@pytest.mark.parametrize(
    ("films", "message"),
    [
        ([[0, 1]], "a dictionary of dictionaries"),
        ({"a": [[0, 1]]}, "a dictionary of dictionaries"),
        ({}, r"rows of one length are needed, got \[\]"),
        ({"a": {}}, r"rows of one length are needed, got \[0\]"),
        ({"a": {"1": [[0, 1]]}, "b": {}}, r"rows of one length are needed, got \[0, 1\]"),
    ],
)
def test_points_without_rows_of_one_length_are_refused(films, message):
    with pytest.raises((TypeError, ValueError), match=message):
        plotting.points_and_spots(films, [[0, 1]], 0.1)


def test_pictures_of_a_gan_stand_in_rows_of_one_length():
    losses = {"discriminator_loss": [1.0], "generator_loss": [0.7]}
    frames = {"1": np.zeros((3, 4, 4)), "2": np.ones((2, 4, 4))}
    with pytest.raises(ValueError, match="frames must be of one length"):
        plotting.learning_of_a_gan(losses, {1: 2.0}, 0.5, frames)
    frames["2"] = np.ones((3, 4, 4))
    fig = plotting.learning_of_a_gan(losses, {1: 2.0}, 0.5, frames)
    plt.close(fig)
    labels = [text.get_text() for text in fig.subfigs[1].axes[0].get_yticklabels()]
    assert labels == ["1", "2"]


def test_what_a_gan_learns_is_told_by_its_losses_and_by_a_judge():
    losses = {"discriminator_loss": [1.4, 1.0], "generator_loss": [0.7, 0.9]}
    frames = {"1": np.zeros((3, 4, 4))}
    fig = plotting.learning_of_a_gan(losses, {1: 9.0, 2: 4.0}, 0.5, frames, even=(1.386, 0.693))
    left, right = fig.subfigs[0].axes
    names = [[text.get_text() for text in ax.get_legend().get_texts()] for ax in (left, right)]
    assert names[0] == ["discriminator", "generator", "if D cannot tell"]
    assert names[1] == ["samples", "real digits"]
    assert [line.get_ydata()[0] for line in left.lines] == [1.4, 0.7, 1.386, 0.693]
    for loss, even in zip(left.lines[:2], left.lines[2:], strict=True):
        assert same_color(loss.get_color(), even.get_color())
    assert right.lines[0].get_xydata().tolist() == [[1, 9], [2, 4]]
    assert right.lines[1].get_ydata()[0] == 0.5
    assert left.get_ylim()[0] == 0
    assert right.get_yscale() == "log"
    assert right.get_ylim()[0] < 0.5, "the floor is seen"
    fig.canvas.draw()
    shown = [text.get_text() for text in right.get_yticklabels()]
    assert {"1", "3"} <= set(shown)
    assert not right.get_yticks(minor=True).size
    assert all(tick == int(tick) for ax in (left, right) for tick in ax.get_xticks())
    plain = plotting.learning_of_a_gan(losses, {1: 9.0}, 0.5, frames)
    assert len(plain.subfigs[0].axes[0].lines) == 2
    for distances in ({}, [9.0]):
        with pytest.raises(TypeError, match="distances: a dictionary with one entry"):
            plotting.learning_of_a_gan(losses, distances, 0.5, frames)
    with pytest.raises(ValueError, match="even holds 3 numbers: two"):
        plotting.learning_of_a_gan(losses, {1: 9.0}, 0.5, frames, even=(1, 2, 3))
    for wrong in (None, {"generator_loss": [np.nan]}, {"generator_loss": [[1.0]]}):
        with pytest.raises((TypeError, ValueError), match="losses"):
            plotting.learning_of_a_gan(wrong, {1: 9.0}, 0.5, frames)
    plotting.learning_of_a_gan(losses | {"generator_loss": [0.7, np.nan]}, {1: 9.0}, 0.5, frames)
    with pytest.raises(ValueError, match="floor = -1"):
        plotting.learning_of_a_gan(losses, {1: 9.0}, -1, frames)


def test_an_image_sinks_into_noise():
    image = np.zeros((28, 28))
    image[9:19, 12:16] = 1
    signal, noise = np.array([1.0, 0.6, 0.0]), np.array([0.0, 0.8, 1.0])
    fig = plotting.signal_and_noise(image, signal, noise, np.random.default_rng(0))
    (ax,) = fig.axes
    names = [text.get_text() for text in ax.get_xticklabels()]
    assert names == [
        "signal 1.00\nnoise 0.00",
        "signal 0.60\nnoise 0.80",
        "signal 0.00\nnoise 1.00",
    ]
    assert [text.get_text() for text in ax.get_yticklabels()] == [
        "signal left",
        "noise added",
        "the sum",
    ]
    np.testing.assert_allclose(
        ax.get_xticks(), plotting.GAP + 14 + (28 + plotting.GAP) * np.arange(3)
    )
    there, back = (text for text in ax.texts if not text.get_text())
    right, bottom = ax.get_xlim()[1], ax.get_ylim()[0]
    assert [there.xyann[0], there.xy[0]] == [0, right]
    assert [back.xyann[0], back.xy[0]] == [right, 0]
    assert bottom < there.xy[1] == there.xyann[1] < back.xy[1] == back.xyann[1], (
        "below the pictures"
    )
    written = [(text.get_text(), text.get_position()) for text in ax.texts if text.get_text()]
    middle = right / 2
    assert written == [
        ("encoder, fixed", (middle, there.xy[1])),
        ("way back", (middle, back.xy[1])),
    ]
    shown = np.asarray(ax.images[0].get_array())
    step = 28 + plotting.GAP
    rows = [shown[plotting.GAP + step * row :][:28] for row in range(3)]
    first, last = slice(plotting.GAP, plotting.GAP + 28), slice(-28 - plotting.GAP, -plotting.GAP)
    np.testing.assert_allclose(rows[2][:, first], rows[0][:, first], atol=1e-6)  # all signal
    np.testing.assert_allclose(rows[2][:, last], rows[1][:, last], atol=1e-6)  # all noise
    ink = (image - image.mean()) / image.std()
    np.testing.assert_allclose(rows[0][:, first], np.clip(0.5 + ink / 6, 0, 1), atol=1e-6)
    assert shown[plotting.GAP + step :][:28][:, first] == pytest.approx(0.5), "no noise yet"
    with pytest.raises(ValueError, match="blank"):
        plotting.signal_and_noise(np.zeros((28, 28)), signal, noise, np.random.default_rng(0))
    with pytest.raises(ValueError, match="two lists of one length"):
        plotting.signal_and_noise(image, signal, noise[:2], np.random.default_rng(0))


def test_pictures_as_they_came_stand_above_what_was_made_of_them():
    came = [np.full((40, 30), 0.9), np.zeros((20, 60))]
    now = np.random.default_rng(0).random((2, 28, 28), dtype=np.float32)
    fig = plotting.before_and_after(came, now, "Own digits")
    shown = [ax.images[0] for ax in fig.axes]
    assert [picture.get_array().shape for picture in shown[:2]] == [(40, 30), (20, 60)]
    np.testing.assert_array_equal(shown[3].get_array(), now[1])
    assert {picture.get_clim() for picture in shown} == {(0, 1)}
    assert [picture.get_cmap().name for picture in shown[1:3]] == ["gray", "gray_r"]
    with pytest.raises(ValueError, match="came holds 1 pictures and now 2"):
        plotting.before_and_after(came[:1], now)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: plotting.image_rows({}), ValueError, "rows is empty"),
        (
            lambda: plotting.image_rows({"a": np.ones((2, 4, 4)), "b": np.ones((2, 5, 5))}),
            ValueError,
            "images of one size",
        ),
        (lambda: plotting.mosaic(np.ones((2, 28, 28, 1)), 2), ValueError, "drop the last axis"),
        (lambda: plotting.mosaic(np.ones((2, 28, 28, 3)), 2), ValueError, "average the colours"),
        (lambda: plotting.image_grid(np.ones((28, 28, 3)), 2, ax=3), TypeError, "ax is a int"),
        (lambda: plotting.curves({"a": [np.nan]}, "x", "y"), ValueError, "'a'. has no finite"),
        (lambda: plotting.curves({"a": []}, "x", "y"), ValueError, "'a'. has no finite"),
        (lambda: plotting.curves({"a": 3.0}, "x", "y"), ValueError, r"'a'. has shape \(\)"),
        (lambda: plotting.curves({}, "x", "y"), ValueError, "series is empty"),
        (lambda: plotting.latent_scatter([[0, 1]], [0.5]), ValueError, "labels contains 0.5"),
        (lambda: plotting.latent_scatter([[0, 1]], [-2]), ValueError, "labels contains -2"),
        (
            lambda: plotting.latent_scatter([[0, 1]], [[1]]),
            ValueError,
            r"labels has shape \(1, 1\)",
        ),
        (lambda: plotting.latent_scatter([[0, 1]], [1, 2]), ValueError, r"expected \(1,\)"),
        (
            lambda: plotting.latent_scatter(np.ones((50, 2)), np.arange(50)),
            ValueError,
            "labels has 50 different values",
        ),
        (lambda: plotting.table(["a", "b"], [(1,)]), ValueError, "1 entries, the header has 2"),
        (lambda: plotting.show(3, "alt"), TypeError, "fig is a int"),
    ],
)
def test_what_cannot_be_drawn_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()


GENERATOR = np.random.default_rng(0)
PICTURES = GENERATOR.random((4, 28, 28), dtype=np.float32)
TITLES = {("title", key) for key in ("None", "text", "number as text")}
NO_AXES = {("ax", "None")}
VERDICT = {"precision": 0.7, "coverage": 0.4}
NUMBERS = ("minus one", "zero", "two and a half")
ABOVE = ("two and a half",)


def harmless(**by_argument):
    return {(name, key) for name, keys in by_argument.items() for key in keys}


SWEEPS = {
    "mosaic": (
        plotting.mosaic,
        {"images": PICTURES, "columns": 2, "gap": 2, "gap_level": 0.1},
        harmless(images=("three axes", "pictures below zero"), gap=("zero",), gap_level=NUMBERS),
    ),
    "image_grid": (
        plotting.image_grid,
        {"images": PICTURES, "columns": 2, "title": "a", "ax": None, "width": 4},
        TITLES | NO_AXES | harmless(images=("three axes",), width=("None", *ABOVE)),
    ),
    "image_rows": (
        plotting.image_rows,
        {"rows": {"a": PICTURES}, "title": "a"},
        TITLES,
    ),
    "a row": (
        lambda row: plotting.image_rows({"row": row}),
        {"row": PICTURES},
        harmless(row=("three axes",)),
    ),
    "before_and_after": (
        plotting.before_and_after,
        {"came": [np.ones((9, 9))] * 2, "now": PICTURES[:2], "title": "a"},
        TITLES | harmless(came=("three axes",), now=("three axes",)),
    ),
    "signal_and_noise": (
        plotting.signal_and_noise,
        {"image": PICTURES[0], "signal": [1, 0.6, 0], "noise": [0, 0.8, 1], "rng": GENERATOR},
        harmless(signal=("one row",), noise=("one row",)),
    ),
    "curves": (
        plotting.curves,
        {
            "series": {"a": [1, 2]},
            "xlabel": "x",
            "ylabel": "y",
            "title": "a",
            "ax": None,
            "start": 1,
        },
        TITLES
        | NO_AXES
        | harmless(start=NUMBERS)
        | harmless(xlabel=("text", "number as text"), ylabel=("text", "number as text")),
    ),
    "a line": (
        lambda line: plotting.curves({"line": line}, "x", "y"),
        {"line": [1, 2]},
        harmless(line=("one row",)),
    ),
    "diagram": (
        plotting.diagram,
        {"rows": [[PICTURES[0], ("dense", "8")]], "title": "a"},
        TITLES | harmless(rows=("four axes",)),  # pictures one pixel wide
    ),
    "picture_ticks": (
        lambda ax, images, axis, size: plotting.picture_ticks(
            plt.subplots()[1] if isinstance(ax, str) and ax == "new" else ax, images, axis, size
        ),
        {"ax": "new", "images": PICTURES, "axis": "y", "size": 0.2},
        harmless(images=("three axes",), size=ABOVE),
    ),
    "model_diagram": (
        plotting.model_diagram,
        {"columns": [["a"], ["b"]], "groups": {"e": (0, 0)}, "loose": ["b"], "title": "a"},
        TITLES | harmless(groups=("None", "dict"), loose=("empty list", "empty table")),
    ),
    "balls_around": (
        plotting.balls_around,
        {"clouds": {"a": np.eye(2), "b": np.eye(2)}, "k": 1},
        (),
    ),
    "precision_and_coverage": (
        plotting.precision_and_coverage,
        {"models": {"a": ([VERDICT], [])}, "marks": {"b": VERDICT}},
        harmless(marks=("dict",)),
    ),
    "panels": (
        plotting.panels,
        {"x": [1, 2], "series": {"a": [0, 1]}, "xlabel": "x"},
        harmless(xlabel=("text", "number as text")),
    ),
    "asked_points": (
        plotting.asked_points,
        {"films": {"a": np.eye(2)}, "wanted": [0, 1], "spots": np.eye(2), "radius": 0.1},
        harmless(radius=ABOVE),
    ),
    "game_on_a_line": (
        plotting.game_on_a_line,
        {"x": [0, 1], "real": [1, 1], "moments": {0: ([1, 1], [1, 1])}},
        (),
    ),
    "points_and_spots": (
        plotting.points_and_spots,
        {"films": {"a": {"1": np.eye(2)}}, "spots": np.eye(2), "radius": 0.1},
        harmless(radius=ABOVE),
    ),
    "points": (
        lambda films: plotting.points_and_spots({"a": {"1": films}}, np.eye(2), 0.1),
        {"films": np.eye(2)},
        (),
    ),
    "learning_of_a_gan": (
        plotting.learning_of_a_gan,
        {
            "losses": {"discriminator_loss": [1.0], "generator_loss": [0.7]},
            "distances": {1: 2.0},
            "floor": 0.5,
            "frames": {"1": PICTURES},
            "even": (1.4, 0.7),
        },
        harmless(floor=("zero", *ABOVE), even=("None",)),
    ),
    "latent_scatter": (
        plotting.latent_scatter,
        {"z": np.ones((2, 2)), "labels": [0, 1], "title": "a", "ax": None},
        TITLES | NO_AXES | harmless(labels=("text list",)),
    ),
    "manifold_codes": (
        plotting.manifold_codes,
        {"steps": 3, "limit": 2.0},
        harmless(limit=ABOVE),
    ),
    "manifold": (
        plotting.manifold,
        {"images": PICTURES, "limit": 2.0, "title": "a", "ax": None},
        TITLES | NO_AXES | harmless(limit=ABOVE),
    ),
    "drawable": (
        lambda x: inputs.drawable(x, "x"),
        {"x": PICTURES},
        harmless(x=("three axes",)),
    ),
}


@pytest.mark.parametrize("name", SWEEPS)
@pytest.mark.filterwarnings("ignore:More than 20 figures")
def test_every_argument_is_right_or_refused_by_its_name(name):
    call, good, right = SWEEPS[name]
    if isinstance(fig := call(**good), plt.Figure):
        assert max(fig.get_size_inches()) <= 8, "it fits on the page"
    assert faults(call, good, right) == []


def test_every_argument_of_show_and_table_is_right_or_refused(monkeypatch):
    monkeypatch.setattr(plotting, "display", lambda shown: None)
    tables = ("NaN table", "infinite table", "grey levels in bytes", "below zero", "empty table")
    right = harmless(header=("one row",), rows=(*tables, "empty list"))
    good = {"header": ["a", "b", "c"], "rows": [(1, 2, 3)]}
    assert faults(plotting.table, good, right) == []
    fig = plotting.curves({"a": [1, 2]}, "x", "y")
    texts = harmless(alt=("text", "number as text"), caption=("text", "number as text", "None"))
    assert faults(plotting.show, {"fig": fig, "alt": "a", "caption": "b"}, texts) == []
