"""The site is built from the committed outputs, and needs nothing that is not in its folder."""

import base64
import hashlib
import re
import runpy
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from notebook_files import PATHS, ROOT, code_cells
from site_build import Page, build

for name in ("furo", "myst_nb", "sphinx"):
    pytest.importorskip(name, reason=f"{name} is not installed: pip install -e '.[site]'")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return build(tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="module")
def pages(folder):
    return {path: Page(path) for path in folder.rglob("*.html") if "_static" not in path.parts}


def test_there_is_a_page_for_everything(folder, pages):
    wanted = ["index", "notation", "glossary", "playground", "results/README", "search"]
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
            assert not link.endswith(".ipynb") or "_sources/" in link or "mybinder" in link, (
                path.name,
                link,
            )


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

    def answers(said):
        def run(command, **_):
            Path(command[-1]).mkdir()
            Path(command[-1], "output.txt").write_text(said)
            return subprocess.CompletedProcess(command, 0)

        monkeypatch.setattr(subprocess, "run", run)
        return builder["check_links"]()

    broken = "index.md:3: [broken] https://nowhere.example: no such host"
    assert answers(f"index.md:1: [redirected] https://a.example\n{broken}\n") == 1
    assert capsys.readouterr().out == f"{broken}\n"
    assert answers("") == 0
    assert capsys.readouterr().out == "Every address answers.\n"


def test_a_folder_that_holds_something_else_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    for arguments, words in (([tmp_path], "holds something else"), ([], "usage:")):
        command = [sys.executable, ROOT / "site" / "build.py", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert words in done.stderr
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_a_widget_becomes_a_sentence():
    import importlib.util
    import json

    spec = importlib.util.spec_from_file_location("site_conf", ROOT / "site" / "conf.py")
    conf = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(conf)
    widget = {"output_type": "display_data", "metadata": {}}
    widget["data"] = {conf.WIDGET: {"model_id": "1"}, "text/plain": "interactive(children=...)"}
    stays = {"output_type": "stream", "text": "stays"}
    cells = [{"outputs": [widget, stays]}, {"cell_type": "markdown"}]
    source = [json.dumps({"cells": cells, "metadata": {"widgets": {}, "kernelspec": {}}})]
    conf.replace_widgets(None, "notebooks/04_dense_vae", source)
    read_back = json.loads(source[0])
    assert read_back["metadata"] == {"kernelspec": {}}
    outputs = read_back["cells"][0]["outputs"]
    assert outputs[0]["data"] == {"text/markdown": conf.IN_THE_NOTEBOOK}
    assert outputs[1] == stays
