"""Build the site: python site/build.py FOLDER. No notebook is run, nothing is fetched.

The pages are written into FOLDER. Any warning is an error, and then FOLDER stays as it was.
`python site/build.py --links` builds nothing, but asks every address on the pages, and names those
that do not answer.
"""

import os
import runpy
import shutil
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
LAID_BESIDE = ("README.md", "notebooks/*.ipynb", "results/*.md", "results/*.png", "data/*.md")


def build(folder):
    """Build the site from the committed files.

    Args:
        folder: for the pages, which take the place of whatever lies there.

    Returns:
        The exit status of Sphinx; only if it is 0 is the folder touched.
    """
    with tempfile.TemporaryDirectory() as laid_out:
        pages, status = _sphinx("html", Path(laid_out))
        if status == 0:
            shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(pages, folder, ignore=shutil.ignore_patterns(".buildinfo*"))
        return status


def check_links():
    """Print each address on the pages that does not answer.

    Returns:
        0 if all answer, else 1.
    """
    with tempfile.TemporaryDirectory() as laid_out:
        found, status = _sphinx("linkcheck", Path(laid_out))
        said = found / "output.txt"
        lines = said.read_text(encoding="utf-8").splitlines() if said.is_file() else []
    broken = [line for line in lines if "[broken]" in line]
    print("\n".join(broken) or ("Every address answers." if status == 0 else "Not all was asked."))
    return 1 if broken or status else 0


def _sphinx(builder, laid_out):
    """Lay the sources together and run a builder of Sphinx: its folder and its exit status."""
    sources, target = laid_out / "sources", laid_out / builder
    mine = shutil.ignore_patterns("__pycache__", "build.py", "playground.py")
    shutil.copytree(HERE, sources, ignore=mine)
    for path in (sources, *sources.rglob("*")):  # they may come from a copy that is read-only
        path.chmod(path.stat().st_mode | stat.S_IWUSR)
    runpy.run_path(str(HERE / "playground.py"))["write"](sources / "playground")
    runpy.run_path(str(HERE / "home.py"))["write"](sources)
    for pattern in LAID_BESIDE:
        for path in ROOT.glob(pattern):
            beside = sources / path.relative_to(ROOT)
            beside.parent.mkdir(exist_ok=True)
            shutil.copyfile(path, beside)
    sphinx = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", builder]
    command = [*sphinx, "-d", laid_out / "doctrees", sources, target]
    # conf.py imports what lies beside it
    found = os.pathsep.join(filter(None, [str(sources), os.environ.get("PYTHONPATH")]))
    done = subprocess.run(command, check=False, env=os.environ | {"PYTHONPATH": found})
    return target, done.returncode


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python site/build.py FOLDER, or --links")
    if sys.argv[1] == "--links":
        sys.exit(check_links())
    target = Path(sys.argv[1])
    if target.is_dir() and any(target.iterdir()) and not (target / "index.html").is_file():
        sys.exit(f"{target} holds something else, which the pages would replace: try build/site")
    try:
        target.mkdir(parents=True, exist_ok=True)
        (target / ".writable").touch()
        (target / ".writable").unlink()
        sys.exit(build(target))
    except OSError as error:
        sys.exit(f"{target} cannot be written ({error.strerror or error}): try another FOLDER")
