"""The playground, from the disk with no network: its arithmetic is Python's, and it can be used."""

import re

import numpy as np
import pytest
from playground_models import NAMES, in_8_bits, inputs, kept, outputs
from site_build import build

from helpers import trained

IN_JAVASCRIPT = {
    "rbm_500": """(model, v) => {
      const h = rbm.hiddenProbability(model, v);
      return [...h, ...rbm.visibleProbability(model, h)];
    }""",
    "dense_vae_2": "networks.denseDecoder",
    "conv_generator": "networks.convGenerator",
}
needs_models = pytest.mark.skipif(
    not set(NAMES) <= set(trained.names()), reason="not all models are kept here: make full"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, chromium):
    return build(tmp_path_factory.mktemp("site"))


@pytest.fixture
def visit(folder, watched):
    def go(width=1280, script=None, **options):
        page = watched(width, offline=True, **options)
        if script is not None:
            answer = {"body": script, "content_type": "text/javascript"}
            page.route("**/weights.js*", lambda route: route.fulfill(**answer))
        page.goto((folder / "playground.html").as_uri())
        if script is None:
            page.wait_for_function("performance.getEntriesByName('panel ganCodes').length")
        return page

    return go


def picture(page, part):
    """The alpha of each pixel of a canvas."""
    return page.evaluate(
        """(part) => {
          const canvas = document.querySelector(`[data-part="${part}"]`);
          const image = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
          return [...image.data].filter((_, i) => i % 4 === 3);
        }""",
        part,
    )


def panel(page, name):
    return page.locator(f'[data-panel="{name}"]')


def status(page, name):
    return panel(page, name).get_by_role("status").inner_text()


def press(page, name, button):
    panel(page, name).get_by_role("button", name=button, exact=True).click()


def frames(page, n=3):
    page.evaluate(
        "async n => { for (let i = 0; i < n; i++) await new Promise(requestAnimationFrame); }", n
    )


def drag(page, canvas, *points):
    """Draw with the mouse through points given as parts of the canvas's box, from 0 to 1."""
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    for i, (y, x) in enumerate(points):
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=5)
        if i == 0:
            page.mouse.down()
    page.mouse.up()
    frames(page)


# ---------------------------------------------------------------- arithmetic


@needs_models
@pytest.mark.parametrize("name", NAMES)
def test_javascript_computes_what_python_does(visit, folder, name):
    content = kept(folder / "_static" / "weights.js")
    given = inputs(name, content)
    there = outputs(name, in_8_bits(name, content["models"][name]), given)
    here = visit().evaluate(
        f"""(given) => {{
          const model = networks.unpack(KEPT.models.{name});
          const compute = {IN_JAVASCRIPT[name]};
          return given.map((input) => [...compute(model, Float32Array.from(input))]);
        }}""",
        given.tolist(),
    )
    difference = np.abs(np.array(here) - there).max()
    print(f"{name}: largest difference {255 * difference:.5f} of 255")
    assert difference < 1 / 255


@needs_models
def test_a_drawing_is_prepared_as_mnist_is(visit):
    drawn = np.zeros((28, 28))
    drawn[2:12, 1:4] = drawn[9:12, 1:8] = 1
    prepared = visit().evaluate(
        "levels => [...drawing.prepare(Float32Array.from(levels))]", drawn.ravel().tolist()
    )
    prepared = np.reshape(prepared, (28, 28))
    for axis in (0, 1):
        along = prepared.sum(axis=axis)
        assert (along * np.arange(28)).sum() / along.sum() == pytest.approx(13.5, abs=0.1)
    assert np.ptp(np.flatnonzero((prepared > 0.5).any(axis=1))) + 1 == pytest.approx(20, abs=1)


# ---------------------------------------------------------------- panels


@needs_models
@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_shows_pictures_at_once_and_fits(visit, look, width, mode):
    page = visit(width, color_scheme=mode)
    frames(page)
    first = page.evaluate("performance.getEntriesByName('panel repair')[0].startTime")
    print(f"first picture after {first:.0f} ms")
    assert first < 1000
    for part in ("pad", "answer", "plane", "digit", "between"):
        assert max(picture(page, part)) > 100, part
    assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
    assert page.locator(".play-missing").is_hidden()
    assert page.wrongs == []
    for name in ("repair", "latentPlane", "ganCodes"):
        panel(page, name).scroll_into_view_if_needed()
        look(page, f"playground-{name}-{width}-{mode}")


@needs_models
def test_a_drawn_digit_is_damaged_and_repaired(visit, look):
    page = visit()
    press(page, "repair", "Clear")
    assert max(picture(page, "pad")) == 0
    pad = page.locator('[data-part="pad"]')
    drag(page, pad, (0.25, 0.3), (0.25, 0.65), (0.8, 0.4))
    drawn = np.reshape(picture(page, "pad"), (28, 28))
    assert (drawn > 127).sum() > 30
    press(page, "repair", "Erase lower half")
    left = np.reshape(picture(page, "pad"), (28, 28))
    assert left[14:].max() == 0
    assert left[:14].max() > 127
    press(page, "repair", "Repair")
    page.wait_for_function(
        """document.querySelector('[data-panel="repair"] [role="status"]').textContent
           === "Step 20" """
    )
    press(page, "repair", "Pause")
    assert re.fullmatch(r"Paused at step \d+", status(page, "repair"))
    answer = np.reshape(picture(page, "answer"), (28, 28))
    assert answer[14:].max() > 127
    assert np.array_equal(answer[:14] > 127, left[:14] > 127)
    look(page, "playground-repaired-1280")
    frames(page, 10)
    assert np.array_equal(answer.ravel(), picture(page, "answer"))
    press(page, "repair", "Continue")
    frames(page, 10)
    assert not np.array_equal(answer.ravel(), picture(page, "answer"))
    assert page.wrongs == []


@needs_models
def test_ink_is_removed_and_the_rest_is_kept(visit):
    page = visit()
    press(page, "repair", "Give me a digit")
    whole = np.array(picture(page, "pad"))
    press(page, "repair", "Remove half of the ink")
    left = np.array(picture(page, "pad"))
    assert (left > 0).sum() == pytest.approx((whole > 0).sum() / 2, abs=1)
    assert np.array_equal(left[left > 0], whole[left > 0])
    press(page, "repair", "One step")
    assert status(page, "repair") == "Step 1"
    assert (np.array(picture(page, "answer"))[left > 128] == 255).all()


@needs_models
def test_blanks_are_weighed_so_that_a_repair_does_not_drift(visit):
    page = visit(reduced_motion="reduce")
    damage = error = 0
    for _ in range(4):
        press(page, "repair", "Give me a digit")
        whole = np.array(picture(page, "pad")) / 255
        press(page, "repair", "Remove half of the ink")
        damage += np.mean((np.array(picture(page, "pad")) / 255 - whole) ** 2)
        press(page, "repair", "Repair")
        page.wait_for_function(
            """document.querySelector('[data-panel="repair"] [role="status"]').textContent
               === "Step 200" """
        )
        error += np.mean((np.array(picture(page, "answer")) / 255 - whole) ** 2)
    assert error < 0.6 * damage


@needs_models
def test_the_digit_is_drawn_by_keyboard(visit):
    page = visit()
    press(page, "repair", "Clear")
    page.locator('[data-part="pad"]').focus()
    page.keyboard.press("ArrowDown")
    assert page.locator(".play-cursor").is_visible()
    assert status(page, "repair") == "Row 15, column 14"
    page.keyboard.press("Space")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    inked = np.flatnonzero(np.array(picture(page, "pad")) == 255)
    assert inked.tolist() == [14 * 28 + 13, 14 * 28 + 14]
    for _ in range(2):
        page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Clear"
    assert page.evaluate("scrollY") == 0


@needs_models
def test_without_motion_a_dream_jumps_to_its_end(visit, look):
    page = visit(reduced_motion="reduce")
    press(page, "repair", "Dream from noise")
    page.wait_for_function(
        """document.querySelector('[data-panel="repair"] [role="status"]').textContent
           === "Step 1000" """
    )
    dream = picture(page, "answer")
    frames(page, 10)
    assert picture(page, "answer") == dream
    look(page, "playground-dream-1280")


@needs_models
def test_the_plane_follows_pointer_and_keys(visit):
    page = visit()
    frames(page)
    plane, seen = page.locator('[data-part="plane"]'), [picture(page, "digit")]
    drag(page, plane, (0.5, 0.5), (0.9, 0.1))
    seen.append(picture(page, "digit"))
    right, up = map(float, re.findall(r"[-\d.]+\d", status(page, "latentPlane").replace("−", "-")))
    assert (right, up) == (pytest.approx(-2.4, abs=0.05), pytest.approx(-2.4, abs=0.05))
    plane.focus()
    for key in ("ArrowUp", "Shift+ArrowRight"):
        page.keyboard.press(key)
        frames(page)
        seen.append(picture(page, "digit"))
    assert len({tuple(one) for one in seen}) == 4
    for _ in range(60):
        page.keyboard.press("ArrowLeft")
    frames(page)
    assert status(page, "latentPlane").startswith("z = (−3.00")
    assert page.wrongs == []


@needs_models
def test_a_finger_moves_the_point(visit):
    page = visit(390, has_touch=True)
    frames(page)
    plane, before = page.locator('[data-part="plane"]'), picture(page, "digit")
    plane.tap(position={"x": 30, "y": 30})
    frames(page)
    assert picture(page, "digit") != before


@needs_models
def test_a_walk_leads_from_one_code_to_the_other(visit):
    page = visit()
    thumbs = page.locator(".play-codes button")
    assert thumbs.count() == 10
    thumbs.nth(3).click()
    frames(page)
    pictures = [
        page.evaluate(
            """i => [...document.querySelectorAll(".play-thumb")[i].getContext("2d")
                 .getImageData(0, 0, 28, 28).data].filter((_, k) => k % 4 === 3)""",
            i,
        )
        for i in (3, 7)
    ]
    assert picture(page, "between") == pictures[0]
    thumbs.nth(7).click()
    frames(page)
    assert picture(page, "between") == pictures[1]
    labels = [thumbs.nth(i).get_attribute("aria-label") for i in (3, 7)]
    assert labels == ["Picture 4, start", "Picture 8, end"]
    slider = page.get_by_role("slider", name="From start to end")
    slider.focus()
    page.keyboard.press("ArrowLeft")
    frames(page)
    assert slider.get_attribute("aria-valuetext") == "99 % of the way"
    slider.fill("50")
    frames(page)
    assert picture(page, "between") not in pictures
    press(page, "ganCodes", "New noise")
    assert status(page, "ganCodes").startswith("Ten new pictures")
    assert page.wrongs == []


# ---------------------------------------------------------------- for everybody


@needs_models
def test_each_control_has_a_name_and_a_visible_focus(visit):
    page = visit()
    controls = page.locator(".play button, .play input, .play canvas[tabindex]")
    for control in controls.all():
        if control.is_disabled():
            continue
        named = control.get_attribute("aria-label") or control.inner_text()
        assert named.strip()
        control.focus()
        page.keyboard.press("Shift")
        assert control.evaluate("e => getComputedStyle(e).outlineStyle") == "solid", named


def test_without_models_the_page_says_what_makes_them(visit, look):
    page = visit(script='const KEPT = {"models": {}, "digits": []};')
    page.locator(".play-missing").wait_for()
    assert "make full makes them" in page.locator(".play-missing").inner_text()
    assert page.locator(".play:visible").count() == 0
    assert page.wrongs == []
    look(page, "playground-without-models-1280")
