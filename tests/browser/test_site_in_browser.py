"""The site, opened from the disk with no network, at the widths of a desk and of a telephone."""

import io

import numpy as np
import PIL.Image
import pytest
from notebook_files import PATHS, ROOT, code_cells
from site_build import build

NAMES = [path.stem for path in sorted((ROOT / "site").glob("*.md"))]
NAMES += ["results/README", "data/README", "search", "genindex"]
NAMES += [f"notebooks/{path.stem}" for path in PATHS]


@pytest.fixture(scope="module")
def folder(tmp_path_factory, chromium):
    return build(tmp_path_factory.mktemp("site"))


@pytest.fixture
def visit(folder, watched):
    def go(name, width, query="", **options):
        page = watched(width, offline=True, **options)
        page.goto(f"{(folder / name).as_uri()}.html{query}", wait_until="load")
        if page.locator("mjx-container, .math").count():
            page.wait_for_function("window.MathJax?.startup?.promise !== undefined")
            page.evaluate("MathJax.startup.promise.then(() => null)")
        return page

    return go


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("name", NAMES)
def test_a_page_loads_whole_and_fits(visit, look, name, width):
    page = visit(name, width)
    assert page.wrongs == []
    over = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert over <= 0, f"{over} pixels wider than the screen"
    broken = "[...document.images].filter(i => !i.complete || !i.naturalWidth).map(i => i.src)"
    assert page.evaluate(broken) == []
    assert page.locator(".math").count() == page.locator(".math > mjx-container").count()
    assert page.locator("[data-mml-node='merror']").count() == 0
    look(page, f"site-{name.replace('/', '-')}-{width}")


def test_search_finds_a_word(visit, look):
    page = visit("search", 1280, "?q=softplus")
    page.locator("ul.search li a").first.wait_for()
    assert "notebooks/" in page.locator("ul.search li a").first.get_attribute("href")
    assert page.wrongs == []
    look(page, "site-search-results-1280")


def test_the_search_page_asks_for_a_word(visit):
    page = visit("search", 390)
    page.locator("article input").fill("softplus")
    page.locator("article input").press("Enter")
    page.locator("ul.search li a").first.wait_for()
    assert page.wrongs == []


def test_a_reader_can_go_from_page_to_page(visit):
    page = visit("index", 390)
    page.locator(".nav-overlay-icon").click()
    page.locator(".sidebar-tree a", has_text="Glossary").click()
    page.wait_for_url("**/glossary.html")
    assert page.wrongs == []
    page = visit("index", 390)
    page.locator("article a", has_text="Start here").first.click()
    page.wait_for_url("**/notebooks/00_start_here.html")
    page.locator("a.next-page").click()
    page.wait_for_url("**/notebooks/01_*.html")
    assert page.wrongs == []


@pytest.mark.parametrize("name", ["notebooks/03_the_elbo", "notebooks/06_kl_annealing"])
def test_a_mark_stays_with_the_formula_before_it(visit, name):
    marks = visit(name, 390).evaluate(
        """() => [...document.querySelectorAll("article span.math")].map((formula) => {
            const rest = formula.nextSibling;
            if (rest?.nodeType !== Node.TEXT_NODE || !/^[.,;:!?)’”]/.test(rest.data)) return null;
            const mark = document.createRange();
            mark.setStart(rest, 0);
            mark.setEnd(rest, 1);
            const { left } = mark.getBoundingClientRect(); // 0 where it is folded away
            return left && left - formula.getBoundingClientRect().right;
        }).filter((gap) => gap !== null)"""
    )
    assert len(marks) > 10
    assert all(abs(gap) < 3 for gap in marks), marks


def test_what_scrolls_shows_it(visit):
    shadows = visit("notebooks/02_train_an_rbm", 390).evaluate(
        """() => [...document.querySelectorAll("article pre, article div.math, .table-wrapper")]
            .filter((box) => box.scrollWidth > box.clientWidth)
            .map((box) => getComputedStyle(box).backgroundImage.split("-gradient").length - 1)"""
    )
    assert len(shadows) > 10
    assert set(shadows) == {4}, "two shadows, each with its cover"


@pytest.mark.parametrize("name", ["teach", "notebooks/00_start_here"])
def test_the_list_of_pages_shows_where_one_is(visit, name):
    page = visit(name, 1280)
    box, here = (page.locator(part).bounding_box() for part in (".sidebar-scroll", ".current-page"))
    assert box["y"] <= here["y"]
    assert here["y"] + here["height"] <= box["y"] + box["height"]


@pytest.mark.parametrize(
    ("width", "label", "drawer"),
    [
        (390, ".nav-overlay-icon", ".sidebar-drawer"),
        (1280, ".toc-content-icon", ".toc-drawer"),
    ],
)
def test_menus_open_and_close_by_key_and_are_no_stops_while_shut(visit, width, label, drawer):
    page = visit("notebooks/01_derive_the_rbm", width)
    button, link = page.locator(label), page.locator(f"{drawer} a").nth(1)
    assert not link.is_visible()
    button.focus()
    assert button.get_attribute("aria-expanded") == "false"
    page.keyboard.press("Enter")
    assert button.get_attribute("aria-expanded") == "true"
    assert link.is_visible()
    page.keyboard.press("Escape")
    assert button.get_attribute("aria-expanded") == "false"
    assert not link.is_visible()


def test_a_folded_solution_opens(visit, look):
    page = visit("notebooks/00_start_here", 1280)
    solution = page.locator("details").first
    code = solution.locator("pre").first
    assert not code.is_visible()
    solution.locator("summary").click()
    assert code.is_visible()
    solution.scroll_into_view_if_needed()
    look(page, "site-solution-1280")


@pytest.mark.parametrize("way", ["tap", "key"])
@pytest.mark.parametrize("width", [1280, 390])
def test_a_figure_enlarges_and_closes(visit, look, width, way):
    page = visit("notebooks/02_train_an_rbm", width)
    figure = page.locator("a.enlarge").nth(2)
    dialog = page.locator("dialog.enlarged")
    assert not dialog.is_visible()
    if way == "tap":
        figure.click()
    else:
        figure.focus()
        page.keyboard.press("Enter")
    large = dialog.locator("img")
    large.wait_for()
    small = figure.locator("img")
    assert large.get_attribute("alt") == small.get_attribute("alt")
    assert large.bounding_box()["width"] > 1.3 * small.bounding_box()["width"]
    over = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert over <= 0
    look(page, f"site-enlarged-{width}")
    if way == "tap":
        dialog.locator("button").click()
    else:
        page.keyboard.press("Escape")
    dialog.wait_for(state="hidden")
    assert figure.evaluate("link => link === document.activeElement")
    assert page.wrongs == []


def test_every_picture_of_a_notebook_can_be_enlarged(visit):
    page = visit("notebooks/00_start_here", 1280)
    pictures = page.locator("article img").count()
    assert pictures > 5
    assert page.locator("article a.enlarge > img").count() == pictures


def test_cards_lead_to_their_notebooks_instead(visit):
    page = visit("index", 1280)
    assert page.locator(".card .enlarge").count() == 0
    page.locator("a.card").nth(1).click()
    page.wait_for_url("**/notebooks/01_*.html")


@pytest.mark.parametrize(
    ("name", "fold"), [("notebooks/02_train_an_rbm", "details.hide"), ("results/README", "details")]
)
def test_what_is_folded_opens_by_tap_and_by_key(visit, name, fold):
    page = visit(name, 390)
    details = page.locator(f"article {fold}").first
    inside = details.locator("pre, table").first
    assert not inside.is_visible()
    details.locator("summary").click()
    assert inside.is_visible()
    details.locator("summary").press("Enter")
    assert not inside.is_visible()


def test_code_is_copied(visit):
    page = visit("notebooks/00_start_here", 1280)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    cell = page.locator(".cell_input").nth(1)
    cell.hover()
    cell.locator("button.copy").click()
    cell.locator("button.copy", has_text="Copied").wait_for()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.strip() == code_cells(PATHS[0])[1].source.strip()
    assert page.wrongs == []


@pytest.mark.parametrize(("scheme", "low", "high"), [("light", 250, 255), ("dark", 100, 190)])
def test_figures_do_not_glare_at_night(visit, scheme, low, high):
    page = visit("notebooks/02_train_an_rbm", 1280, color_scheme=scheme)
    shot = page.locator("article figure img").first.screenshot()
    grey = np.asarray(PIL.Image.open(io.BytesIO(shot)).convert("L"))
    assert low <= np.median(grey) <= high


CONTRAST = """selector => {
  const numbers = text => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(x => x / 255)
    .map(x => x <= 0.03928 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4)
    .reduce((sum, x, i) => sum + x * [0.2126, 0.7152, 0.0722][i], 0);
  const element = document.querySelector(selector);
  let behind = element, ground = [0, 0, 0, 0];
  while (behind && (ground.length > 3 && ground[3] === 0)) {
    ground = numbers(getComputedStyle(behind).backgroundColor);
    behind = behind.parentElement;
  }
  const both = [light(numbers(getComputedStyle(element).color)), light(ground)];
  return (Math.max(...both) + 0.05) / (Math.min(...both) + 0.05);
}"""
ON_A_NOTEBOOK = [".buttons .first", ".buttons a:not(.first)", "figcaption p", ".passed .mark"]
ON_A_NOTEBOOK += ["ul.checks .expected", "details.hide summary p", "a.term", "button.copy"]
ON_HOME = [".card-title", ".card-title b", ".card-text", ".card-minutes"]
ON_HOME += ["tr:last-child > .passed .mark", "tr:first-child > .missed .mark"]
# whatever the kept results reach, a figure not reached must be readable
MISS_THE_FIRST = "document.querySelector('.figures td:last-child')?.setAttribute('class', 'missed')"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    ("name", "parts"), [("notebooks/02_train_an_rbm", ON_A_NOTEBOOK), ("index", ON_HOME)]
)
def test_text_stands_out_from_its_ground(visit, look, name, parts, scheme):
    page = visit(name, 1280, color_scheme=scheme)
    page.evaluate(MISS_THE_FIRST)
    low = {part: ratio for part in parts if (ratio := page.evaluate(CONTRAST, part)) < 4.5}
    assert low == {}
    look(page, f"site-{name.replace('/', '-')}-{scheme}")
