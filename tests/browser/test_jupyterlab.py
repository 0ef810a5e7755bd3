"""JupyterLab in a real browser: each notebook opens, one runs to its end, the explorer moves."""

import json
import os
import re
import secrets
import shutil

import pytest
from notebook_files import PATHS, ROOT, code_cells, read

WIDGET = "application/vnd.jupyter.widget-view+json"
WITH_WIDGETS = [path for path in PATHS if WIDGET in path.read_text(encoding="utf-8")]
TO_RUN = (WITH_WIDGETS or PATHS)[0]
TOKEN = secrets.token_hex(16)  # whoever else is on this machine has no business in the server
SETTINGS = {
    "@jupyterlab/apputils-extension/notification": {
        "fetchNews": "false",
        "checkForUpdates": False,
        "doNotDisturbMode": True,
    }
}


@pytest.fixture(scope="module")
def lab(serve, chromium, tmp_path_factory):
    """JupyterLab on copies of the notebooks, with settings and a home of its own."""
    home = tmp_path_factory.mktemp("lab")
    for name, values in SETTINGS.items():
        file = home / "settings" / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True)
        file.write_text(json.dumps(values))
    for path in PATHS:
        (home / "notebooks").mkdir(exist_ok=True)
        shutil.copy(path, home / "notebooks")
    env = os.environ | {
        "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "PYTHONPATH": str(ROOT),
    }
    options = ["--no-browser", "--ip=127.0.0.1", "--port={port}", "--ServerApp.port_retries=0"]
    options += [f"--IdentityProvider.token={TOKEN}", "--ServerApp.allow_root=True"]
    options += [f"--ServerApp.root_dir={home / 'notebooks'}"]
    return serve("jupyterlab", *options, page=f"lab?token={TOKEN}", env=env, cwd=home)


def open_notebook(lab, page, path):
    page.goto(lab.replace("/lab?", f"/lab/tree/{path.name}?reset&"))
    page.locator(".jp-Notebook").wait_for(timeout=60_000)
    page.locator(".jp-NotebookPanel-toolbar").wait_for(timeout=60_000)
    page.get_by_text(re.compile(r"\| Idle")).first.wait_for(timeout=60_000)


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_a_notebook_opens(lab, watched, look, path):
    page = watched()
    open_notebook(lab, page, path)
    title = read(path).cells[0].source.splitlines()[0].removeprefix("# ")
    page.locator(".jp-Notebook h1", has_text=title).wait_for()
    assert page.locator(".jp-Dialog").count() == 0
    assert [wrong for wrong in page.wrongs if wrong.startswith("error")] == []
    look(page, f"lab-{path.stem}")


def wait_for_quiet(lab, page, seconds=600, quiet=5):
    """Wait until the kernel has had nothing to do for some seconds: it rests between cells too."""
    before, calm = None, 0
    for _ in range(seconds):
        page.wait_for_timeout(1000)
        sessions = page.request.get(lab.replace("/lab?", "/api/sessions?")).json()
        (kernel,) = [s["kernel"] for s in sessions if s["path"] == TO_RUN.name]
        now = kernel["execution_state"], kernel["last_activity"]
        calm = calm + 1 if now == before and now[0] == "idle" else 0
        before = now
        if calm == quiet:
            return
    raise AssertionError(f"{TO_RUN.name} still ran after {seconds} seconds")


@pytest.fixture(scope="module")
def finished(lab, chromium):
    """A page on which one notebook has run to its end, and the state of its cells."""
    context = chromium.new_context(viewport={"width": 1280, "height": 1000})
    page = context.new_page()
    open_notebook(lab, page, TO_RUN)
    page.get_by_role("menuitem", name="Edit", exact=True).click()
    page.get_by_role("menuitem", name="Clear Outputs of All Cells").click()
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    page.get_by_text(re.compile(r"\| Busy")).first.wait_for(timeout=60_000)
    wait_for_quiet(lab, page)
    yield page
    context.close()


def saved(lab, page):
    """The notebook as JupyterLab saves it."""
    page.keyboard.press("Control+s")
    page.wait_for_timeout(2000)
    answer = page.request.get(lab.replace("/lab?", f"/api/contents/{TO_RUN.name}?"))
    return answer.json()["content"]["cells"]


def test_a_notebook_runs_to_its_end(lab, finished, look):
    cells = [cell for cell in saved(lab, finished) if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell["outputs"]]
    assert [output for output in outputs if output["output_type"] == "error"] == []
    text = json.dumps(outputs, ensure_ascii=False)
    assert "✗" not in text
    assert text.count("✓") == json.dumps(
        [cell.outputs for cell in code_cells(TO_RUN)], ensure_ascii=False
    ).count("✓")
    look(finished, "lab-finished")


def test_each_picture_in_jupyterlab_has_its_text_alternative(lab, finished):
    outputs = [o for cell in saved(lab, finished) for o in cell.get("outputs", [])]
    pictures = ["".join(o.get("data", {}).get("text/html", "")) for o in outputs]
    pictures = [picture for picture in pictures if "<img" in picture]
    assert pictures
    assert not any("image/png" in o.get("data", {}) for o in outputs), "their alternative is lost"
    finished.locator(".jp-OutputArea img[alt]").first.wait_for(timeout=30_000)
    shown = finished.locator(".jp-OutputArea img[alt]").evaluate_all("all => all.map(i => i.alt)")
    assert shown
    assert all(len(alternative) > 30 for alternative in shown)


def test_a_slider_moved_by_keyboard_changes_the_picture(finished, look):
    if not WITH_WIDGETS:
        pytest.skip("no notebook shows a widget yet")
    page = finished
    handle = page.locator(".jp-Notebook .noUi-handle").first
    for _ in range(100):  # cells far below the window are not drawn before they come into view
        if handle.count():
            break
        page.locator(".jp-WindowedPanel-outer").first.hover()
        page.mouse.wheel(0, 600)
        page.wait_for_timeout(150)
    handle.scroll_into_view_if_needed()
    area = page.locator(".jp-OutputArea", has=page.locator(".noUi-handle")).first
    area.locator("img").first.wait_for(timeout=30_000)
    handle.focus()
    page.wait_for_timeout(500)
    look(page, "lab-explorer-before")
    before = area.evaluate("area => [...area.querySelectorAll('img')].map(image => image.src)")
    value = handle.get_attribute("aria-valuenow")
    for _ in range(20):
        page.keyboard.press("ArrowRight")
    page.wait_for_function(
        "([area, before]) => { const now = [...area.querySelectorAll('img')].map(i => i.src);"
        " return now.length && now.join() !== before.join(); }",
        arg=[area.element_handle(), before],
        timeout=30_000,
    )
    assert handle.get_attribute("aria-valuenow") != value
    page.wait_for_timeout(500)
    look(page, "lab-explorer-after")
