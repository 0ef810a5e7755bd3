"""A headless Chromium, and servers that are started for the tests and stopped after them.

Pictures of what was seen are left in build/screenshots, to be looked at.
"""

import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import pytest
from notebook_files import ROOT

SCREENSHOTS = ROOT / "build" / "screenshots"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = [
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--enable-unsafe-swiftshader",  # the projector draws with WebGL, here without a graphics card
]


@pytest.fixture(scope="session")
def chromium():
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="Playwright is not installed: pip install -e '.[browser]'"
    )
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip("there is no Chromium here: apt-get install chromium")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=found, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def look():
    """Leave a picture of a page in build/screenshots."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)

    def take(page, name):
        page.screenshot(path=SCREENSHOTS / f"{name}.png")

    return take


def free_port():
    try:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return probe.getsockname()[1]
    except OSError as error:
        pytest.skip(f"no server can be started here: {error}")


@pytest.fixture(scope="module")
def serve(tmp_path_factory):
    """Start servers; returns a function of a command, with {port}, and of the page to wait for."""
    running = []

    def start(*command, page, env=None, cwd=None):
        port = str(free_port())
        log = tmp_path_factory.mktemp("server") / "log.txt"
        command = [str(part).replace("{port}", port) for part in command]
        with log.open("w") as output:
            server = subprocess.Popen(
                [sys.executable, "-m", *command], stdout=output, stderr=output, env=env, cwd=cwd
            )
        running.append(server)
        address = f"http://127.0.0.1:{port}/{page}"
        for _ in range(120):
            assert server.poll() is None, log.read_text()
            try:
                urllib.request.urlopen(address, timeout=5).close()
                return address
            except OSError:
                time.sleep(0.5)
        raise AssertionError(f"{command[0]} did not answer: {log.read_text()}")

    yield start
    for server in running:
        server.send_signal(signal.SIGTERM)
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()


@pytest.fixture
def watched(chromium):
    """Open a page of a given size; what goes wrong on it is collected in its `wrongs`."""
    contexts = []

    def open_page(width=1280, height=900, **options):
        context = chromium.new_context(viewport={"width": width, "height": height}, **options)
        contexts.append(context)
        page = context.new_page()
        page.wrongs = []
        page.on("pageerror", lambda error: page.wrongs.append(f"error: {error}"))
        page.on("requestfailed", lambda request: page.wrongs.append(f"failed: {request.url}"))
        page.on(
            "console",
            lambda line: line.type == "error" and page.wrongs.append(f"console: {line.text}"),
        )
        return page

    yield open_page
    for context in contexts:
        context.close()
