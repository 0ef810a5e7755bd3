import numpy as np
import PIL.Image
import PIL.ImageDraw
import pytest
from bad_arguments import faults

from helpers import pictures
from helpers.data import load_digits

BICUBIC = PIL.Image.Resampling.BICUBIC


@pytest.fixture(scope="module")
def digits():
    return load_digits()


def page(digit, side=150, margin=40, paper=0.9, ink=0.15, shade=0.0, noise=0.0, shift=(0, 0)):
    """A digit of MNIST, enlarged, on a page with a margin: a photograph of a kind."""
    big = PIL.Image.fromarray(np.float32(digit)).resize((side, side), BICUBIC)
    height, width = side + 2 * margin, side + 3 * margin
    cover = np.zeros((height, width), np.float32)
    top, left = margin + shift[0], margin + shift[1]
    cover[top : top + side, left : left + side] = np.clip(big, 0, 1)
    down, across = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    light = 1 - shade * (0.6 * down + 0.4 * across)
    grey = (paper + (ink - paper) * cover) * light
    return np.clip(grey + np.random.default_rng(0).normal(0, noise, grey.shape), 0, 1)


def likeness(a, b):
    return np.corrcoef(np.ravel(a), np.ravel(b))[0, 1]


def best_likeness(a, b):
    """The same, if one of them may be moved by a pixel: rounding decides about that."""
    moves = [(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1)]
    return max(likeness(np.roll(a, move, (0, 1)), b) for move in moves)


PAGES = {
    "dark on light": {},
    "light on dark": {"paper": 0.1, "ink": 0.9},
    "in the shade": {"shade": 0.4, "noise": 0.03},
    "light on dark, in the shade": {"paper": 0.15, "ink": 0.9, "shade": 0.4, "noise": 0.02},
    "faint": {"paper": 0.7, "ink": 0.5},
    "faint, in deep shade": {"ink": 0.6, "shade": 0.6},
    "far from the middle": {"margin": 100, "shift": (-80, 90)},
    "large": {"side": 500, "margin": 120},
    "small": {"side": 28, "margin": 3},
}


@pytest.mark.parametrize("kind", PAGES)
def test_a_digit_on_a_page_becomes_the_digit_that_it_was(digits, kind):
    likenesses = []
    for digit in digits.x_test[:20]:
        made = pictures.prepare(page(digit, **PAGES[kind]))
        likenesses.append(best_likeness(made.image, digit))
        assert made.dark_ink == (PAGES[kind].get("ink", 0) < 0.7)
    assert np.median(likenesses) > 0.95
    assert min(likenesses) > 0.8


def test_digits_of_mnist_as_they_are_stay_what_they_are_even_at_the_edge(digits):
    digit = digits.x_test[1]
    digit = np.roll(digit, 27 - np.nonzero(digit.any(axis=1))[0].max(), axis=0)
    assert digit[-1].any()
    for grey in (digit, 1 - digit):
        assert best_likeness(pictures.prepare(grey).image, digits.x_test[1]) > 0.95


def test_a_picture_is_in_the_form_of_mnist(digits):
    for digit in digits.x_test[:10]:
        image = pictures.prepare(page(digit, shade=0.2, noise=0.02)).image
        assert image.shape == (28, 28)
        assert image.dtype == np.float32
        assert (image.min(), image.max()) == (0, 1)
        box = pictures._box(image > 0)
        assert max(box[1] - box[0], box[3] - box[2]) == 20
        for axis in (0, 1):
            centre = image.sum(axis=1 - axis) @ np.arange(28) / image.sum()
            assert centre == pytest.approx(14, abs=0.51)


def test_mnist_itself_is_centred_at_that_pixel(digits):
    centres = [
        np.einsum("nij,i->n", x, np.arange(28)) / x.sum(axis=(1, 2))
        for x in (digits.x_test, digits.x_test.swapaxes(1, 2))
    ]
    np.testing.assert_allclose(np.mean(centres, axis=1), pictures.MASS_CENTRE, atol=0.05)


def drawing(*lines, size=(200, 160), width=8, paper=255, ink=0):
    picture = PIL.Image.new("L", size, paper)
    for line in lines:
        PIL.ImageDraw.Draw(picture).line(line, fill=ink, width=width)
    return np.asarray(picture, np.float32) / 255


FOUR = [(90, 30, 60, 90, 120, 90), (105, 50, 105, 130)]


def test_proportions_are_kept():
    one = pictures.prepare(drawing((80, 30, 80, 130), width=12)).image
    top, bottom, left, right = pictures._box(one > 0)
    assert (bottom - top, right - left) == (20, pytest.approx(20 * 12 / 101, abs=1))


def test_thin_lines_are_thickened_and_thick_ones_stay():
    for width, thickened in ((1, True), (2, True), (3, True), (10, False)):
        made = pictures.prepare(drawing(*FOUR, width=width))
        assert made.thickened == thickened
        assert 1.5 < (made.image.sum() / 45) < 4, "about the ink of a digit of MNIST"


def test_dust_is_dropped_and_a_bar_that_is_near_stays():
    five = [(60, 50, 60, 80, 90, 90, 90, 120, 60, 130)]
    clean = pictures.prepare(drawing(*five)).image
    dusty = pictures.prepare(drawing(*five, (150, 20, 152, 22))).image
    np.testing.assert_array_equal(dusty, clean)
    with_bar = pictures.prepare(drawing(*five, (62, 40, 100, 40))).image
    assert likeness(with_bar, clean) < 0.9


BLOCK = np.ones((100, 100), np.float32)
BLOCK[20:80, 20:80] = 0
REFUSED = {
    "blank": (np.full((50, 50), 0.8), "nothing stands out from its paper .contrast 0.00"),
    "black": (np.zeros((50, 50)), "it is blank or too faint"),
    "noise": (np.random.default_rng(0).random((90, 90)), "blank or too faint|paper cannot be told"),
    "shade only": (page(np.zeros((28, 28)), shade=0.5, noise=0.02), "nothing stands out"),
    "no contrast": (0.5 + 0.05 * drawing(*FOUR), "contrast 0.05, at least 0.12"),
    "two digits": (drawing((50, 40, 50, 120), (80, 40, 80, 120)), "marks|two digits side by side"),
    "two near digits": (drawing((50, 40, 50, 120), (64, 40, 64, 120)), "two digits side by side"),
    "strokes far apart": (
        drawing(*FOUR, (10, 150, 40, 150), size=(200, 300)),
        "some are far apart",
    ),
    "over the edge": (drawing((80, 0, 80, 130)), "runs over its edge"),
    "cut": (drawing(*FOUR)[:, 40:110], "runs over its edge"),
    "ruled": (drawing(*FOUR, (0, 100, 200, 100)), "runs over its edge"),
    "half and half": (
        np.repeat([[0.0, 1.0]], 40, axis=1).repeat(80, axis=0),
        "cannot be told",
    ),
    "dark and light marks": (
        np.where(drawing((140, 20, 140, 120)) < 0.5, 1, 0.5 * drawing(*FOUR)),
        "darker and marks lighter",
    ),
    "inverted in a frame": (BLOCK, "a filled block"),
    "a wide line": (drawing((30, 80, 170, 80)), "times as wide as it is high"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_prepared_is_refused_with_the_remedy(what):
    grey, message = REFUSED[what]
    with pytest.raises(ValueError, match=message):
        pictures.prepare(np.clip(grey, 0, 1))


@pytest.mark.parametrize(
    ("grey", "error", "message"),
    [
        (None, TypeError, "grey holds NoneType"),
        (np.ones((3, 3)), ValueError, "at least 8 pixels"),
        (np.full((28, 28), 255), ValueError, "grey ranges from 255 to 255"),
        (np.full((28, 28), np.nan), ValueError, "grey contains NaN"),
        (np.ones((28, 28, 3)), ValueError, "grey has shape"),
        (np.ones(784), ValueError, "grey has shape|paper"),
    ],
)
def test_what_is_no_picture_is_named(grey, error, message):
    with pytest.raises(error, match=message):
        pictures.prepare(grey)


# ---------------------------------------------------------------- files


def save(grey, path, mode="L"):
    path.parent.mkdir(parents=True, exist_ok=True)
    PIL.Image.fromarray(np.uint8(np.rint(255 * grey))).convert(mode).save(path)


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        ("a.png", "L"), ("a.png", "RGB"), ("a.png", "RGBA"), ("a.png", "P"), ("a.png", "LA"),
        ("a.jpg", "L"), ("a.JPEG", "RGB"), ("a.jpg", "CMYK"),
    ],
)  # fmt: skip
def test_pictures_of_all_kinds_are_read_alike(tmp_path, name, mode):
    grey = drawing(*FOUR)
    save(grey, tmp_path / name, mode)
    read = pictures.read_picture(tmp_path / name)
    np.testing.assert_allclose(read, grey, atol=0.02 if name == "a.png" else 0.2)
    assert likeness(pictures.prepare(read).image, pictures.prepare(grey).image) > 0.99


def test_sixteen_bits_transparency_colours_turned_and_large_pictures(tmp_path):
    grey = drawing(*FOUR)
    PIL.Image.fromarray(np.uint16(65535 * grey)).save(tmp_path / "16.png")
    np.testing.assert_allclose(pictures.read_picture(tmp_path / "16.png"), grey, atol=1e-4)
    cover = PIL.Image.fromarray(np.uint8(255 - 255 * grey))
    ink = PIL.Image.new("RGBA", cover.size, (0, 0, 0, 0))
    ink.putalpha(cover)
    ink.save(tmp_path / "clear.png")
    np.testing.assert_allclose(pictures.read_picture(tmp_path / "clear.png"), grey, atol=0.01)
    blue = np.stack([grey, grey, np.ones_like(grey)], axis=-1)
    PIL.Image.fromarray(np.uint8(255 * blue)).save(tmp_path / "blue.png")
    made = pictures.prepare(pictures.read_picture(tmp_path / "blue.png"))
    assert made.dark_ink
    assert likeness(made.image, pictures.prepare(grey).image) > 0.99
    exif = PIL.Image.Exif()
    exif[0x0112] = 6  # the camera was turned
    PIL.Image.fromarray(np.uint8(255 * np.rot90(grey))).save(tmp_path / "turned.jpg", exif=exif)
    np.testing.assert_allclose(pictures.read_picture(tmp_path / "turned.jpg"), grey, atol=0.3)
    save(np.kron(grey, np.ones((8, 8))), tmp_path / "large.png")
    assert max(pictures.read_picture(tmp_path / "large.png").shape) == pictures.WORKING_SIDE


@pytest.fixture
def folder(tmp_path, digits):
    """Three pictures of each of two digits, one of them light on dark."""
    for label in (0, 1):
        for number, digit in enumerate(digits.x_test[digits.y_test == label][:3]):
            look = {"paper": 0.1, "ink": 0.9} if number == 2 else {}
            save(page(digit, **look), tmp_path / "own" / str(label) / f"{number}.png")
    (tmp_path / "own" / ".DS_Store").write_text("")
    (tmp_path / "own" / "0" / "Thumbs.db").write_text("")
    return tmp_path / "own"


def test_a_folder_for_each_class(folder, digits):
    found = pictures.read_folder(folder)
    assert found.y["train"].tolist() == [0, 0, 0, 1, 1, 1]
    assert best_likeness(found.x["train"][0], digits.x_test[digits.y_test == 0][0]) > 0.9
    assert found.done.startswith("6 pictures, 4 with dark ink on light paper and 2 with light on")
    assert "scaled into 20 × 20, and centred by its mass in 28 × 28" in found.done
    assert "\n" not in found.done


def test_classes_with_names_and_parts(folder):
    (folder / "0").rename(folder / "ring")
    (folder / "1").rename(folder / "bar")
    found = pictures.read_folder(folder)
    assert found.y["train"].tolist() == [0, 0, 0, 1, 1, 1]
    assert found.done.endswith("; labels: 0 is bar, 1 is ring")
    parts = folder.parent / "parts"
    parts.mkdir()
    folder.rename(parts / "train")
    save(drawing((80, 30, 80, 130)), parts / "test" / "bar" / "0.png")
    found = pictures.read_folder(parts)
    assert [len(found.x[part]) for part in ("train", "test")] == [6, 1]
    assert found.y["test"].tolist() == [0]


def test_a_folder_without_classes_has_no_labels(folder):
    found = pictures.read_folder(folder / "1")
    assert found.y["train"].tolist() == [-1, -1, -1]
    assert list(found.x) == ["train"]


def test_the_first_ones_as_they_came_and_as_they_are(folder):
    came, now = pictures.first_ones(folder, 4)
    assert len(came) == 4
    np.testing.assert_array_equal(now, pictures.read_folder(folder).x["train"][:4])
    np.testing.assert_array_equal(came[3], pictures.read_picture(folder / "1" / "0.png"))
    assert len(pictures.first_ones(folder)[0]) == 6
    with pytest.raises(ValueError, match="n = 0"):
        pictures.first_ones(folder, 0)


def test_all_that_is_wrong_in_a_folder_is_named(folder):
    (folder / "1" / "0.png").write_bytes(b"no picture")
    save(np.ones((50, 50)), folder / "0" / "1.png")
    with pytest.raises(ValueError, match=r"0/1.png: nothing stands out.*1/0.png cannot be read"):
        pictures.read_folder(folder)
    for name in "abc":
        save(np.ones((50, 50)), folder / "0" / f"{name}.png")
    with pytest.raises(ValueError, match="2 more of 9 are wrong"):
        pictures.read_folder(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: (f / "0" / "notes.txt").write_text(""), "notes.txt is no PNG or JPEG"),
        (lambda f: (f / "0" / "a.heic").write_text(""), "a.heic is no PNG or JPEG.*save it as PNG"),
        (lambda f: save(np.ones((9, 9)), f / "a.png"), "holds folders and files, such as 0 and a"),
        (lambda f: (f / "0" / "more").mkdir(), "more is no PNG or JPEG file"),
        (
            lambda f: (f / "00").mkdir() or save(np.ones((9, 9)), f / "00" / "a.png"),
            "the same digit",
        ),
    ],
)
def test_a_folder_that_is_not_in_order_is_refused(folder, change, message):
    change(folder)
    with pytest.raises(ValueError, match=message):
        pictures.read_folder(folder)


def test_a_folder_without_pictures_or_no_folder(tmp_path):
    with pytest.raises(ValueError, match="holds no pictures"):
        pictures.read_folder(tmp_path)
    (tmp_path / "test").mkdir()
    with pytest.raises(ValueError, match="a folder test and none named train"):
        pictures.read_folder(tmp_path)
    with pytest.raises(ValueError, match=r"folder = .*none. is none: give one"):
        pictures.read_folder(tmp_path / "none")


def test_every_argument_is_right_or_refused_by_its_name(folder):
    assert named_or_about_the_picture(faults(pictures.prepare, {"grey": drawing(*FOUR)}))
    assert faults(pictures.read_folder, {"folder": folder}) == []
    assert faults(pictures.first_ones, {"folder": folder, "n": 2}) == []
    texts = [key for _, key, _ in faults(pictures.read_picture, {"path": folder / "0" / "0.png"})]
    assert texts == ["text", "number as text"], "named by its path"


def named_or_about_the_picture(found):
    return all("not named: it" in what or "not named: nothing" in what for _, _, what in found)
