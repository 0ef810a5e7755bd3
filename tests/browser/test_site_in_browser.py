"""The site, opened from the disk with no network, at the widths of a desk and of a telephone."""

import pytest
from notebook_files import PATHS
from site_build import build

NAMES = ["index", "playground", "notation", "glossary", "results/README", "search", "genindex"]
NAMES += [f"notebooks/{path.stem}" for path in PATHS]


@pytest.fixture(scope="module")
def folder(tmp_path_factory, chromium):
    return build(tmp_path_factory.mktemp("site"))


@pytest.fixture
def visit(folder, watched):
    def go(name, width, query=""):
        page = watched(width, offline=True)
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


def test_a_folded_solution_opens(visit, look):
    page = visit("notebooks/00_start_here", 1280)
    solution = page.locator("details").first
    code = solution.locator("pre").first
    assert not code.is_visible()
    solution.locator("summary").click()
    assert code.is_visible()
    solution.scroll_into_view_if_needed()
    look(page, "site-solution-1280")
