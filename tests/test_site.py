"""The site is built from the committed outputs, and needs nothing that is not in its folder."""

import base64
import hashlib
import html
import importlib
import itertools
import json
import re
import runpy
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

import numpy as np
import PIL.Image
import pytest
from notebook_files import PATHS, ROOT, code_cells
from site_build import Page, build

from course import address, results
from course import page as results_page

for name in ("furo", "myst_nb", "sphinx"):
    pytest.importorskip(name, reason=f"{name} is not installed: pip install -e '.[site]'")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return build(tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="module")
def pages(folder):
    return {path: Page(path) for path in folder.rglob("*.html") if "_static" not in path.parts}


def test_there_is_a_page_for_everything(folder, pages):
    wanted = [path.stem for path in (ROOT / "site").glob("*.md")]
    wanted += ["results/README", "data/README", "search"]
    wanted += [f"notebooks/{path.stem}" for path in PATHS]
    assert {folder / f"{name}.html" for name in wanted} <= set(pages)


def test_every_page_has_a_title(pages):
    for path, page in pages.items():
        assert len(page.title) > 5, path.name


def test_nothing_is_loaded_from_elsewhere(folder, pages):
    for path, page in pages.items():
        for source in page.loaded:
            assert not urlsplit(source).scheme or source.startswith("data:"), (path.name, source)
    for style in folder.rglob("*.css"):
        assert not re.search(r"(url\(|@import)\s*['\"]?(https?:)?//", style.read_text()), style.name


def test_every_link_leads_somewhere(pages):
    for path, page in pages.items():
        for link in [*page.links, *page.loaded]:
            parts = urlsplit(link)
            if parts.scheme:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            assert target.is_file(), (path.name, link)
            if parts.fragment and target in pages:
                assert unquote(parts.fragment) in pages[target].ids, (path.name, link)


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_each_table_of_a_notebook_is_a_table_of_its_page(path, folder, pages):
    shown = "text/markdown"
    outputs = [output for cell in code_cells(path) for output in cell.outputs]
    tables = [o.data[shown] for o in outputs if o.get("data", {}).get(shown, "").startswith("|")]
    assert pages[folder / "notebooks" / f"{path.stem}.html"].tables >= len(tables)


def test_no_page_shows_a_table_as_text(pages):
    for path, page in pages.items():
        assert not [line for line in page.paragraphs if line.lstrip().startswith("|")], path.name


def test_notebooks_link_to_pages_and_not_to_files(pages):
    for path, page in pages.items():
        for link in page.links:
            if link.endswith(".ipynb"):
                assert urlsplit(link).scheme or "_sources/" in link, (path.name, link)


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_each_figure_is_there_with_its_text_alternative_and_width(path, folder, pages):
    shown = {
        image["src"].rpartition("/")[2]: image
        for image in pages[folder / "notebooks" / f"{path.stem}.html"].images
    }
    for cell in code_cells(path):
        for output in cell.outputs:
            if "image/png" in output.get("data", {}):
                picture = base64.b64decode(output.data["image/png"])
                image = shown[f"{hashlib.sha256(picture).hexdigest()}.png"]
                assert image["alt"] == output.metadata["image/png"]["alt"]
                assert str(output.metadata["image/png"]["width"]) in str(image)


def test_pages_with_formulas_load_the_file_that_draws_them(folder, pages):
    assert (folder / "_static" / "tex-svg-full.js").stat().st_size > 1_000_000
    assert pages[folder / "notation.html"].formulas > 20
    for path, page in pages.items():
        if page.formulas:
            assert any("tex-svg-full.js" in source for source in page.loaded), path.name


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_each_notebook_opens_on_binder_and_downloads(path, folder, pages):
    links = pages[folder / "notebooks" / f"{path.stem}.html"].links
    assert any(link.startswith("https://mybinder.org/") and path.name in link for link in links)
    assert f"../_sources/notebooks/{path.name}" in links
    assert (folder / "_sources" / "notebooks" / path.name).is_file()


def test_the_pages_read_in_order(pages, folder):
    text = (folder / "index.html").read_text(encoding="utf-8")
    positions = [text.find(f'href="notebooks/{path.stem}.html"') for path in PATHS]
    assert -1 not in positions
    assert positions == sorted(positions)


def test_a_failed_build_leaves_the_pages_as_they_were(tmp_path, monkeypatch):
    builder = runpy.run_path(ROOT / "site" / "build.py")
    failed = subprocess.CompletedProcess([], 2)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: failed)
    (tmp_path / "index.html").write_text("yesterday's")
    assert builder["build"](tmp_path) == 2
    assert (tmp_path / "index.html").read_text() == "yesterday's"


def test_addresses_that_do_not_answer_are_named(monkeypatch, capsys):
    builder = runpy.run_path(ROOT / "site" / "build.py")

    def answers(said, status=0):
        def run(command, **_):
            Path(command[-1]).mkdir()
            Path(command[-1], "output.txt").write_text(said)
            return subprocess.CompletedProcess(command, status)

        monkeypatch.setattr(subprocess, "run", run)
        return builder["check_links"]()

    broken = "index.md:3: [broken] https://nowhere.example: no such host"
    assert answers(f"index.md:1: [redirected] https://a.example\n{broken}\n") == 1
    assert capsys.readouterr().out == f"{broken}\n"
    assert answers("") == 0
    assert capsys.readouterr().out == "Every address answers.\n"
    assert answers("", status=2) == 1
    assert capsys.readouterr().out == "Not all was asked.\n"
    conf = (ROOT / "site" / "conf.py").read_text(encoding="utf-8")
    assert "\nlinkcheck_report_timeouts_as_broken = True\n" in conf


def test_a_folder_that_holds_something_else_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    for arguments, words in (([tmp_path], "holds something else"), ([], "usage:")):
        command = [sys.executable, ROOT / "site" / "build.py", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert words in done.stderr
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_a_folder_that_cannot_be_written_is_named_before_the_build(tmp_path):
    (tmp_path / "file").write_text("mine")
    command = [sys.executable, ROOT / "site" / "build.py", tmp_path / "file" / "site"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
    assert done.returncode == 1
    assert re.search(r"file/site cannot be written \(.+\): try another FOLDER\n$", done.stderr)


@pytest.fixture
def site_module(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "site")
    return importlib.import_module


def test_a_widget_becomes_a_sentence(site_module):
    pages = site_module("notebook_pages")
    widget = {"output_type": "display_data", "metadata": {}}
    widget["data"] = {pages.WIDGET: {"model_id": "1"}, "text/plain": "interactive(children=...)"}
    stays = {"output_type": "stream", "text": "stays"}
    cells = [{"outputs": [widget, stays]}, {"cell_type": "markdown"}]
    source = [json.dumps({"cells": cells, "metadata": {"widgets": {}, "kernelspec": {}}})]
    pages.prepare(None, "notebooks/04_dense_vae", source)
    read_back = json.loads(source[0])
    assert read_back["metadata"] == {"kernelspec": {}}
    outputs = read_back["cells"][0]["outputs"]
    assert list(outputs[0]["data"]) == ["text/html"]
    assert address.binder("04_dense_vae.ipynb") in outputs[0]["data"]["text/html"]
    assert outputs[1] == stays


def line(text, claim=None):
    metadata = {} if claim is None else {"check": {"claim": claim}}
    return {"output_type": "display_data", "data": {"text/plain": text}, "metadata": metadata}


def test_check_lines_in_a_row_become_one_list(site_module):
    stream = {"output_type": "stream", "text": "between"}
    outputs = [
        line("✓ a < b, nats: 1.5 (expected 1.4 ± 0.2)", "a < b, nats"),
        line("✗ share: of ink: 3 (expected above 4)", "share: of ink"),
        line("✓ `f(x)`, error: -1e-09 (expected below 1e-08)", "`f(x)`, error"),
        stream,
        line("· third: 7", "third"),
        line("– exercise 07.1: not attempted"),
    ]
    first, kept, second = site_module("notebook_pages").with_lists(outputs)
    assert kept is stream
    first, second = (made["data"]["text/html"] for made in (first, second))
    assert first.count("<ul") == second.count("<ul") == 1
    assert '<li class="passed">' in first
    assert 'aria-label="holds">✓</span>' in first
    assert "a &lt; b, nats: <b>1.5</b>" in first
    assert "(expected 1.4 ± 0.2)</span>" in first
    assert '<li class="failed">' in first
    assert 'aria-label="does not hold">✗</span>' in first
    assert "share: of ink: <b>3</b>" in first
    assert "<code>f(x)</code>, error: <b>−1e−09</b>" in first
    assert "(expected below 1e−08)</span>" in first
    assert second.count('<li class="noted">') == 2
    assert "exercise 07.1: not attempted" in second


@pytest.mark.parametrize("text", ["✓like a mark", "plain", "✓ two\nlines", ""])
def test_other_outputs_are_no_check_lines(site_module, text):
    outputs = [line(text)]
    assert site_module("notebook_pages").with_lists(outputs) == outputs


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_every_check_stands_in_a_list_of_its_page(path, folder):
    text = (folder / "notebooks" / f"{path.stem}.html").read_text(encoding="utf-8")
    outputs = [output for cell in code_cells(path) for output in cell.outputs]
    checks = [output for output in outputs if "check" in output.get("metadata", {})]
    assert text.count('<li class="passed">') == len(checks)
    assert not re.search(r"<pre>(<span></span>)?[✓✗·–] ", text)


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_captions_are_numbered_and_stand_under_their_figures(path, folder):
    text = (folder / "notebooks" / f"{path.stem}.html").read_text(encoding="utf-8")
    captioned = 0
    for cell in code_cells(path):
        for above, below in itertools.pairwise(cell.outputs):
            caption = below.get("data", {}).get("text/markdown", "")
            captioned += "image/png" in above.get("data", {}) and caption.startswith("*")
    found = re.findall(r"<figure .*?</figure>", text, flags=re.S)
    assert len(found) >= captioned
    for number, figure in enumerate(found, start=1):
        assert f'id="figure-{number}"' in figure
        assert figure.index("<img") < figure.index(f">Figure {number}.</span>")
        assert figure.count("<img") == 1


def test_an_address_that_is_not_known_has_no_button(site_module, monkeypatch):
    home = site_module("home")
    known = home.buttons("04_dense_vae.ipynb", "file.ipynb")
    assert f"{address.address()}/blob/HEAD/notebooks/04_dense_vae.ipynb" in known
    assert address.binder("04_dense_vae.ipynb") in known
    assert f"git clone {address.address()}\n" in home.clone()
    monkeypatch.setattr(address, "colab", lambda name: f"https://colab.example/{name}")
    assert 'href="https://colab.example/x.ipynb"' in home.buttons("x.ipynb", "file.ipynb")

    def unknown(*_):
        raise KeyError("Repository")

    for name in ("address", "binder", "colab", "site"):
        monkeypatch.setattr(address, name, unknown)
    assert re.findall('href="(.*?)"', home.buttons("x.ipynb", "file.ipynb")) == ["file.ipynb"]
    assert home.clone() == ""


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_the_home_page_has_a_card_for_each_notebook(path, folder):
    text = (folder / "index.html").read_text(encoding="utf-8")
    card = re.search(rf'<a class="card" href="notebooks/{path.stem}.html">.*?</a>', text, re.S)[0]
    assert f'src="_static/cards/{path.stem}.png"' in card
    assert f"<b>{path.name[:2]}</b>" in card
    assert len(re.search(r'card-text">(.*?)</span>', card, re.S)[1]) > 40


def test_no_two_cards_have_the_same_picture(folder):
    pictures = [path.read_bytes() for path in (folder / "_static" / "cards").iterdir()]
    assert len(pictures) == len(set(pictures)) == len(PATHS)


def test_a_card_says_what_the_notebook_says(site_module):
    first = (
        "# 10 · A title\n\nIs $2^{784}$ a [large](x.md) *number*, < all?\n\n![A](../results/a.png)"
    )
    needs = "**You need** much. 40 minutes to study, half a minute to run."
    cells = [{"cell_type": "markdown", "source": [text]} for text in (first, needs)]
    card = site_module("home").card("10_new", {"cells": cells}, with_picture=False)
    assert 'href="notebooks/10_new.html"' in card
    assert "<b>10</b> A title" in card
    assert "Is 2<sup>784</sup> a large <em>number</em>, &lt; all?" in card
    assert "40 minutes to study, half a minute to run<" in card
    assert "<img" not in card
    assert "to study" not in site_module("home").card("10_new", {"cells": cells[:1]}, True)


def test_the_home_page_shows_ours_beside_published_figures(folder):
    text = (folder / "index.html").read_text(encoding="utf-8")
    full, published = results.read()
    shown = 0
    for figure in published:
        check = results_page.matching_check(full, figure)
        verdict = results_page.verdict(figure, check)
        if figure.get("front") and check:
            shown += 1
            row = [
                figure["model"],
                results_page.written(figure["value"]),
                results_page.written(check["value"]),
            ]
            cells = "".join(f"<td>{html.escape(cell)}</td>" for cell in row)
            assert re.search(rf"{re.escape(cells)}<td class.*> {verdict}</td>", text), figure
    assert shown == text.count('<td class="passed">') + text.count('<td class="missed">')
    assert shown >= 4


def test_the_raw_values_of_the_results_are_folded(folder):
    text = (folder / "results" / "README.html").read_text(encoding="utf-8")
    open_part = re.sub(r"<details>.*?</details>", "", text, flags=re.S)
    full, _ = results.read()
    assert text.count("<summary>") == len(full["notebooks"])
    assert text.count("<tr") > 300
    assert open_part.count("<tr") < 50


def test_every_page_has_a_description_an_icon_and_a_picture_for_others(folder, pages):
    descriptions = {}
    for path in pages:
        text = path.read_text(encoding="utf-8")
        described = re.search(r'<meta name="description" content="(.*?)">', text, flags=re.S)[1]
        descriptions[path.stem] = described
        assert 20 < len(described) < 300, path.name
        assert "favicon.svg" in text
        assert f'<meta property="og:image" content="{address.site()}_static/social.png">' in text
    assert len({descriptions[path.stem] for path in PATHS}) == len(PATHS)
    with PIL.Image.open(folder / "_static" / "social.png") as picture:
        assert picture.size == (1200, 630)


def test_terms_are_linked_once_and_not_in_headings(pages, folder):
    linking = 0
    for path in pages:
        text = path.read_text(encoding="utf-8")
        found = re.findall(r'<a class="[^"]*\bterm\b[^"]*" href="([^"]*)"', text)
        assert len(found) == len(set(found)), path.name
        assert all("glossary.html#term-" in target for target in found)
        assert not re.search(r"<h\d>[^\n]*glossary.html#term-", text), path.name
        linking += len(found) > 5
        if "glossary.html#term-Nat" in "".join(found):
            assert 'title="The unit of surprise and of information with' in text, path.name
        if path.stem in ("index", "glossary"):
            assert not found
    assert linking >= len(PATHS)


@pytest.mark.parametrize(
    ("term", "text", "found"),
    [
        ("Annealed importance sampling (AIS)", "by annealed  importance\nsampling", True),
        ("Annealed importance sampling (AIS)", "AIS says", True),
        ("Annealed importance sampling (AIS)", "a dais, ais", False),
        ("Energy, free energy", "two energies", False),
        ("Energy, free energy", "the free energy", True),
        ("Nat", "three nats", True),
        ("Nat", "a NAT, nature", False),
        ("Logit", "x_logits", False),
        ("RBM (restricted Boltzmann machine)", "Restricted Boltzmann machines", True),
        ("Rate, distortion", "the learning rate", False),
    ],
)
def test_a_term_is_found_by_its_names(site_module, term, text, found):
    terms = site_module("terms")
    assert bool(terms.pattern(terms.names(term)).search(text)) == found


def test_the_strip_is_drawn_by_the_kept_decoder_or_shows_bundled_digits(site_module, monkeypatch):
    home = site_module("home")
    drawn = np.asarray(home.strip(6, 2), dtype=float)
    assert drawn.shape == (128, 384)
    assert drawn.max() == 255
    assert drawn.min() < 60
    cells = drawn.reshape(2, 64, 6, 64).swapaxes(1, 2)
    steps = [abs(cells[0, i] - cells[0, i + 1]).mean() for i in range(5)]
    assert 0 < np.mean(steps) < abs(cells[0, 0] - cells[1, 5]).mean()
    monkeypatch.setattr(home.trained, "names", list)
    bundled = np.asarray(home.strip(6, 2), dtype=float)
    assert bundled.shape == drawn.shape
    assert abs(bundled - drawn).mean() > 1


def test_a_terms_meaning_ends_before_the_first_sentence_with_a_formula(site_module):
    nodes = pytest.importorskip("docutils.nodes")
    glossary = nodes.definition_list()
    for label, words in (("one", "Plain. All of it."), ("two", "Plain. With"), ("three", "With")):
        formula = [] if label == "one" else [nodes.math("", "e < 3"), nodes.Text(" in it. More.")]
        meaning = nodes.definition("", nodes.paragraph("", "", nodes.Text(words + " "), *formula))
        glossary += nodes.definition_list_item("", nodes.term("", label, ids=[label]), meaning)
    meanings = {"one": "Plain. All of it.", "two": "Plain."}
    assert site_module("terms").definitions(glossary) == meanings
