"""The playground, from the disk with no network: its arithmetic is Python's, and it can be used."""

import io
import itertools
import json
import re

import numpy as np
import PIL.Image
import pytest
from playground_models import NAMES, in_8_bits, inputs, kept, outputs, write_all
from site_build import build

from helpers import trained

IN_JAVASCRIPT = {
    "labelled_rbm": """(model, given) => {
      const h = rbm.hiddenProbability(model, given.slice(0, 784), given.slice(784));
      return [...h, ...rbm.visibleProbability(model, h), ...rbm.labelProbability(model, h)];
    }""",
    "dense_vae_2": "networks.denseDecoder",
    "conv_generator": "networks.convGenerator",
    "conditional_vae": """(model, given) =>
      networks.conditionalDecoder(model, given.slice(0, 8), given.slice(8).indexOf(1))""",
}
needs_models = pytest.mark.skipif(
    not set(NAMES) <= set(trained.names()), reason="not all models are kept here: make full"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, chromium):
    pages = build(tmp_path_factory.mktemp("site"))
    if not set(NAMES) <= set(trained.names()):
        write_all(pages / "_static")
    return pages


@pytest.fixture
def visit(folder, watched):
    def go(width=1280, script=None, **options):
        page = watched(width, offline=True, **options)
        if script is not None:
            answer = {"body": script, "content_type": "text/javascript"}
            page.route("**/weights.js*", lambda route: route.fulfill(**answer))
        page.goto((folder / "playground.html").as_uri())
        if script is None:
            page.wait_for_function("performance.getEntriesByName('panel tenDigits').length")
        return page

    return go


def picture(page, part):
    """The alpha of each pixel of a canvas."""
    return [alpha for *_, alpha in colours(page, part)]


def colours(page, part):
    """Red, green, blue and alpha of each pixel of a canvas."""
    data = page.evaluate(
        """(part) => {
          const canvas = document.querySelector(`[data-part="${part}"]`);
          return [...canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data];
        }""",
        part,
    )
    return np.reshape(data, (-1, 4)).tolist()


def ten(page, name="ganCodes"):
    """The alpha of each pixel of the ten pictures of a panel."""
    return page.evaluate(
        """(name) => [...document.querySelectorAll(`[data-panel="${name}"] .play-thumb`)]
             .map((canvas) => [...canvas.getContext("2d").getImageData(0, 0, 28, 28).data]
               .filter((_, k) => k % 4 === 3))""",
        name,
    )


def ends(page):
    """Which of the ten are marked as start and as end, from 0."""
    labels = [
        b.get_attribute("aria-label")
        for b in panel(page, "ganCodes").locator(".play-codes button").all()
    ]
    return [
        [i for i, label in enumerate(labels) if label.endswith(role)] for role in ("start", "end")
    ]


def panel(page, name):
    return page.locator(f'[data-panel="{name}"]')


def status(page, name):
    return panel(page, name).get_by_role("status").inner_text()


def press(page, name, button):
    panel(page, name).get_by_role("button", name=button, exact=True).click()


def disabled(page, name, *buttons):
    found = (panel(page, name).get_by_role("button", name=one, exact=True) for one in buttons)
    return [one.is_disabled() for one in found]


def pressed(page, name):
    """Which of a panel's buttons that can stay pressed are, by the digit on them."""
    found = panel(page, name).locator('button[aria-pressed="true"]')
    return [int(one.inner_text()) for one in found.all()]


def wait_for_step(page, text):
    page.wait_for_function(
        """(text) => document.querySelector('[data-panel="repair"] [role="status"]')
             .textContent.startsWith(text)""",
        arg=text,
    )


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
    for name in ("repair", "latentPlane", "ganCodes", "tenDigits"):
        panel(page, name).scroll_into_view_if_needed()
        look(page, f"playground-{name}-{width}-{mode}")


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
    wait_for_step(page, "Repairing, step 20 of 200")
    press(page, "repair", "Pause")
    assert re.fullmatch(r"Paused at step \d+ of 200", status(page, "repair"))
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


def test_ink_is_removed_and_the_rest_is_kept(visit):
    page = visit()
    press(page, "repair", "Give me a digit")
    whole = np.array(picture(page, "pad"))
    press(page, "repair", "Remove half of the ink")
    left = np.array(picture(page, "pad"))
    assert (left > 0).sum() == pytest.approx((whole > 0).sum() / 2, abs=1)
    assert np.array_equal(left[left > 0], whole[left > 0])
    press(page, "repair", "One step")
    assert status(page, "repair") == "Step 1 of 200"
    assert (np.array(picture(page, "answer"))[left > 128] == 255).all()


def test_a_digit_without_damage_loses_its_lower_half_before_the_repair(visit):
    page = visit()
    press(page, "repair", "Give me a digit")
    whole = np.array(picture(page, "pad")).reshape(28, 28)
    press(page, "repair", "One step")
    left = np.array(picture(page, "pad")).reshape(28, 28)
    assert np.array_equal(left[:14], whole[:14])
    assert whole[14:].any()
    assert not left[14:].any()


def test_a_stroke_on_a_damaged_digit_does_not_promise_that_more_is_erased(visit):
    page = visit()
    pad = panel(page, "repair").locator('[data-part="pad"]')
    drag(page, pad, (0.2, 0.35), (0.25, 0.4))
    assert status(page, "repair") == "Press Repair."
    press(page, "repair", "Give me a digit")
    drag(page, pad, (0.2, 0.35), (0.25, 0.4))
    assert "first erases its lower half" in status(page, "repair")


def test_an_upper_half_drawn_by_hand_stays_in_its_place_and_is_completed(visit):
    page = visit()
    press(page, "repair", "Clear")
    pad = panel(page, "repair").locator('[data-part="pad"]')
    drag(page, pad, (0.2, 0.35), (0.2, 0.65), (0.45, 0.65))
    drawn = picture(page, "pad")
    press(page, "repair", "Ask for a 7")
    press(page, "repair", "Pause")
    assert status(page, "repair").startswith("Paused")
    assert picture(page, "pad") == drawn
    kept = np.array(drawn) > 128
    assert (np.array(picture(page, "answer"))[kept] == 255).all()


def test_a_dot_is_not_blown_up(visit):
    dot = np.zeros((28, 28))
    dot[4:6, 4:6] = 1
    prepared = visit().evaluate(
        "levels => [...drawing.prepare(Float32Array.from(levels))]", dot.ravel().tolist()
    )
    assert 0 < (np.array(prepared) > 0.5).sum() < 50


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
        wait_for_step(page, "Step 200 of 200.")
        error += np.mean((np.array(picture(page, "answer")) / 255 - whole) ** 2)
    assert error < 0.6 * damage


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


def test_without_motion_a_dream_jumps_to_its_end(visit, look):
    page = visit(reduced_motion="reduce")
    press(page, "repair", "Dream from noise")
    wait_for_step(page, "Step 1000 of 1000.")
    dream = picture(page, "answer")
    frames(page, 10)
    assert picture(page, "answer") == dream
    look(page, "playground-dream-1280")


def test_the_plane_follows_pointer_and_keys(visit):
    page = visit()
    frames(page)
    plane, seen = (
        panel(page, "latentPlane").locator('[data-part="plane"]'),
        [picture(page, "digit")],
    )
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


def test_a_finger_moves_the_point(visit):
    page = visit(390, has_touch=True)
    frames(page)
    plane, before = (
        panel(page, "latentPlane").locator('[data-part="plane"]'),
        picture(page, "digit"),
    )
    plane.tap(position={"x": 30, "y": 30})
    frames(page)
    assert picture(page, "digit") != before


def test_a_walk_leads_from_one_code_to_the_other(visit):
    page = visit()
    thumbs = panel(page, "ganCodes").locator(".play-codes button")
    assert thumbs.count() == 10
    thumbs.nth(3).click()
    frames(page)
    pictures = [ten(page)[i] for i in (3, 7)]
    assert picture(page, "between") == pictures[0]
    thumbs.nth(3).click()  # the start is no end: it waits for another
    assert status(page, "ganCodes").startswith("That is the start already.")
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
    assert page.wrongs == []


@pytest.mark.parametrize("label", [7, 8])
def test_a_damaged_digit_is_completed_as_what_is_asked_for(visit, look, label):
    page = visit()
    press(page, "repair", "Give me a digit")
    press(page, "repair", "Erase lower half")
    left = np.reshape(picture(page, "pad"), (28, 28))[:14] > 127
    name = {7: "a 7", 8: "an 8"}[label]
    press(page, "repair", f"Ask for {name}")
    assert pressed(page, "repair") == [label]
    wait_for_step(page, f"Completing it as {name}, step 20 of 200")
    press(page, "repair", "Pause")
    answer = np.reshape(picture(page, "answer"), (28, 28)) > 127
    assert np.array_equal(answer[:14], left)
    assert answer[14:].any()
    look(page, f"playground-asked-{label}-1280")
    press(page, "repair", "Repair")
    assert pressed(page, "repair") == []
    assert page.wrongs == []


def test_with_no_damage_the_digit_asked_for_is_drawn_from_noise(visit, look):
    page = visit(reduced_motion="reduce")
    for before in ("Clear", "Give me a digit"):
        press(page, "repair", before)
        seen = []
        for _ in range(2):
            page.get_by_role("button", name="Ask for a 7").press("Enter")
            wait_for_step(page, "Step 1000 of 1000. For another, press 7 again.")
            seen.append(picture(page, "answer"))
        assert seen[0] != seen[1]
        assert pressed(page, "repair") == [7]
    look(page, "playground-drawn-7-1280")
    press(page, "repair", "Clear")
    assert pressed(page, "repair") == []
    assert page.wrongs == []


@needs_models
def test_the_machine_draws_what_it_is_asked_for(visit):
    """By its own reading of its own picture: p(h | v) without a label, then p(y | h)."""
    page = visit()
    obeyed = page.evaluate(
        """() => {
          const model = networks.unpack(KEPT.models.labelled_rbm);
          const [random, none] = [seeded(1), new Float32Array(784)];
          let right = 0;
          for (const asked of [0, 2, 3, 4, 5, 6, 7, 9]) {
            const noise = rbm.sample(none.map(() => 0.5), random);
            const choice = { asked, loudness: 3, random };
            const chain = new rbm.Chain(model, noise, none, none, choice);
            for (let i = 0; i < 1000; i++) chain.step();
            const h = rbm.hiddenProbability(model, chain.probability, new Float32Array(10));
            const read = rbm.labelProbability(model, h);
            right += read.indexOf(Math.max(...read)) === asked;
          }
          return right;
        }"""
    )
    assert obeyed >= 6


def test_ten_digits_follow_pointer_and_keys(visit):
    page = visit()
    frames(page)
    seen = [ten(page, "tenDigits")]
    plane = panel(page, "tenDigits").locator("canvas.play-plane")
    drag(page, plane, (0.5, 0.5), (0.3, 0.1))
    seen.append(ten(page, "tenDigits"))
    assert re.fullmatch(r"z[₁-₈] = −2.40, z[₁-₈] = 1.20", status(page, "tenDigits"))
    plane.focus()
    for key in ("ArrowUp", "Shift+ArrowRight"):
        page.keyboard.press(key)
        frames(page)
        seen.append(ten(page, "tenDigits"))
    assert re.fullmatch(r"z[₁-₈] = −1.90, z[₁-₈] = 1.30", status(page, "tenDigits"))
    for before, after in itertools.pairwise(seen):
        assert all(one != other for one, other in zip(before, after, strict=True))
    assert page.wrongs == []


def test_the_ten_are_what_the_decoder_makes_of_one_code(visit, folder):
    page = visit()
    press(page, "tenDigits", "New hand")
    frames(page)
    drawn = np.array(ten(page, "tenDigits")) / 255
    plane = panel(page, "tenDigits").locator("canvas.play-plane")
    plane.focus()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowDown")
    frames(page)
    again = np.array(ten(page, "tenDigits")) / 255
    assert np.abs(again - drawn).max() < 0.05  # the point is where the hand is
    press(page, "tenDigits", "New hand")
    frames(page)
    assert np.abs(np.array(ten(page, "tenDigits")) / 255 - drawn).max() > 0.05


def test_a_finger_changes_the_hand_and_a_digit_is_mapped(visit, look):
    page = visit(390, has_touch=True)
    frames(page)
    hand = panel(page, "tenDigits")
    plane, before = hand.locator("canvas.play-plane"), ten(page, "tenDigits")
    plane.tap(position={"x": 30, "y": 30})
    frames(page)
    assert ten(page, "tenDigits") != before
    assert pressed(page, "tenDigits") == [2]
    maps = [plane.screenshot()]
    hand.get_by_role("button", name="7", exact=True).press("Enter")
    assert pressed(page, "tenDigits") == [7]
    maps.append(plane.screenshot())
    assert maps[0] != maps[1]


# ---------------------------------------------------------------- the first picture


def test_each_visitor_finds_the_same_pictures(visit):
    one, other = visit(), visit()
    frames(one)
    frames(other)
    for part in ("pad", "answer", "between"):
        assert picture(one, part) == picture(other, part), part
    assert ten(one) == ten(other)
    assert status(one, "repair") == (
        "The RBM drew the blue half of this 3. For another answer, press Repair."
    )


def test_the_first_answer_is_the_machines_and_later_ones_are_new(visit):
    page = visit(reduced_motion="reduce")
    first = page.evaluate(
        """() => {
          const model = networks.unpack(KEPT.models.labelled_rbm);
          const grey = networks.bytes(KEPT.digits[3]);
          const half = Float32Array.from(grey, (g, i) => (i < 392 && g > 127 ? 1 : 0));
          const held = Array.from(half, (ink, i) => i < 392);
          const chain = new rbm.Chain(model, half, held, half.map(() => 0), { random: seeded(42) });
          for (let i = 0; i < 50; i++) chain.step();
          return [...chain.probability].map((p) => Math.round(255 * p));
        }"""
    )
    assert picture(page, "answer") == first
    answers = []
    for _ in range(2):
        press(page, "repair", "Repair")
        wait_for_step(page, "Step 200 of 200. For another answer")
        answers.append(picture(page, "answer"))
    press(page, "repair", "Give me a digit")
    assert answers[0] != answers[1]
    one, other = visit(), visit()
    for visitor in (one, other):
        press(visitor, "repair", "One step")
        assert status(visitor, "repair") == "Step 51 of 200"
    assert picture(one, "answer") != picture(other, "answer")


@needs_models
def test_the_first_answer_is_one_piece(visit):
    """A scrawl or a crumb beside the digit would be more than one."""
    ink = np.pad(np.reshape(picture(visit(), "answer"), (28, 28)) > 127, 1)
    todo = [tuple(np.argwhere(ink)[0])]
    n_ink, n_reached = ink.sum(), 0
    while todo:
        y, x = todo.pop()
        if ink[y, x]:
            ink[y, x] = False
            n_reached += 1
            todo += [(y + dy, x + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
    assert n_reached == n_ink


def test_start_and_end_are_the_two_that_differ_most(visit):
    page = visit()
    assert status(page, "ganCodes") == "Move the slider, or choose another start."
    seen = []
    for _ in range(3):
        pictures = np.array(ten(page)) / 255
        apart = ((pictures[:, None] - pictures) ** 2).sum(axis=2)
        farthest = np.unravel_index(apart.argmax(), apart.shape)
        assert ends(page) == [[farthest[0]], [farthest[1]]]
        seen.append(pictures)
        press(page, "ganCodes", "New noise")
        frames(page)
        assert status(page, "ganCodes") == "Ten new pictures. Move the slider."
    assert not np.array_equal(seen[0], seen[1])
    assert not np.array_equal(seen[1], seen[2])


# ---------------------------------------------------------------- what is said and offered


@pytest.mark.parametrize(
    ("button", "said"),
    [("repair", "Repairing, step 0 of 200"), ("dream", "Dreaming, step 0 of 1000")],
)
def test_the_status_says_at_once_what_begins(visit, button, said):
    page = visit()
    at_once = page.evaluate(
        """(button) => {
          document.querySelector(`[data-does="${button}"]`).click();
          return document.querySelector('[data-panel="repair"] [role="status"]').textContent;
        }""",
        button,
    )
    assert at_once == said


def test_an_empty_page_is_not_repaired(visit):
    page = visit()
    buttons = ("Repair", "One step", "Continue")
    assert disabled(page, "repair", *buttons) == [False, False, False]
    press(page, "repair", "Clear")
    assert disabled(page, "repair", *buttons) == [True, True, True]
    page.locator('[data-part="pad"]').press(" ")
    assert disabled(page, "repair", *buttons) == [False, False, True]
    press(page, "repair", "Clear")
    drag(page, page.locator('[data-part="pad"]'), (0.8, 0.3), (0.8, 0.7))
    assert disabled(page, "repair", *buttons) == [False, False, True]
    press(page, "repair", "One step")
    assert disabled(page, "repair", *buttons) == [False, False, False]
    press(page, "repair", "Clear")
    press(page, "repair", "Dream from noise")
    press(page, "repair", "Pause")
    assert disabled(page, "repair", *buttons) == [True, False, False]
    press(page, "repair", "Clear")
    assert all(disabled(page, "repair", "Erase lower half", "Remove half of the ink"))


# ---------------------------------------------------------------- where things are


@pytest.mark.parametrize(("width", "height"), [(1280, 900), (390, 844), (320, 640)])
def test_both_canvases_and_all_controls_are_seen_together(visit, look, width, height):
    page = visit(width, height=height, has_touch=width < 1000)
    repair = panel(page, "repair")
    repair.evaluate("panel => panel.scrollIntoView({ behavior: 'instant' })")
    pad, answer = (repair.locator(f'[data-part="{p}"]').bounding_box() for p in ("pad", "answer"))
    assert pad["y"] == pytest.approx(answer["y"], abs=1)
    assert pad["width"] == pytest.approx(answer["width"], abs=1)
    assert pad["x"] + pad["width"] < answer["x"]
    assert answer["x"] + answer["width"] <= width
    words = repair.get_by_role("status").bounding_box()
    for one in [words, *(button.bounding_box() for button in repair.locator("button").all())]:
        assert one["y"] >= 0
        assert one["y"] + one["height"] <= height
    assert words["y"] + words["height"] <= pad["y"] + 1
    look(page, f"playground-together-{width}")


@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_moves_while_it_is_used(visit, width):
    page = visit(width)
    places = """() => [...document.querySelectorAll(".play canvas, .play input, .play button")]
      .map((element) => element.getBoundingClientRect())
      .map(({ left, top, width, height }) => [left, top + scrollY, width, height])"""
    before = np.array(page.evaluate(places))

    def moved():
        frames(page)
        return np.abs(page.evaluate(places) - before).max()

    for i in (9, 2, 9):
        panel(page, "ganCodes").locator(".play-codes button").nth(i).click()
        assert moved() < 2, status(page, "ganCodes")  # a pixel of the page's own header may
    for button in ("Erase lower half", "One step", "Repair", "Pause", "Dream from noise", "Clear"):
        press(page, "repair", button)
        assert moved() < 2, button


# ---------------------------------------------------------------- for everybody


@needs_models
@pytest.mark.parametrize(("mode", "low", "high"), [("light", 235, 255), ("dark", 20, 60)])
def test_ink_new_ink_and_marks_stand_out_from_a_quiet_paper(visit, mode, low, high):
    page = visit(color_scheme=mode)
    frames(page)
    shot = page.locator('[data-part="answer"]').screenshot()
    shot = np.asarray(PIL.Image.open(io.BytesIO(shot)).convert("RGB"))
    there = np.reshape(colours(page, "answer"), (28, 28, 4))
    middles = np.int64((np.arange(28) + 0.5) * len(shot) / 28)
    seen = shot[np.ix_(middles, middles)]
    blue = there[..., 2] > there[..., 0] + 100
    paper, ink, fresh = (
        np.median(seen[cells], axis=0)
        for cells in (
            there[..., 3] == 0,
            ~blue & (there[..., 3] == 255),
            blue & (there[..., 3] > 250),
        )
    )
    assert low <= paper.mean() <= high
    assert contrast(ink, paper) >= 7
    assert contrast(fresh, paper) >= 4.5
    assert fresh[2] - fresh[0] > 100
    assert np.ptp(ink) < 20
    for selector, property_, least in (
        (".play-fresh", "color", 4.5),
        (".play-point", "borderTopColor", 3),
    ):
        text = page.locator(selector).first.evaluate(f"e => getComputedStyle(e).{property_}")
        colour = np.array(re.findall(r"\d+", text)[:3], float)
        assert contrast(colour, paper) >= least, selector


def contrast(one, other):
    """The ratio of two colours' luminances, as WCAG has it."""

    def light(colour):
        x = np.asarray(colour) / 255
        linear = np.where(x <= 0.03928, x / 12.92, ((x + 0.055) / 1.055) ** 2.4)
        return linear @ [0.2126, 0.7152, 0.0722] + 0.05

    return max(light(one), light(other)) / min(light(one), light(other))


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


@pytest.mark.parametrize("missing", NAMES)
def test_one_missing_model_leaves_the_other_panels_alone(visit, folder, missing):
    text = (folder / "_static" / "weights.js").read_text(encoding="utf-8")
    content = json.loads(text.removeprefix("const KEPT = ").removesuffix(";\n"))
    del content["models"][missing]
    page = visit(script=f"const KEPT = {json.dumps(content)};")
    page.locator(".play-missing").wait_for()
    page.wait_for_function("document.querySelectorAll('.play:not([hidden])').length === 3")
    frames(page)
    assert page.locator(f'[data-model="{missing}"]').is_hidden()
    assert page.wrongs == []
