"""Build the site: python site/build.py FOLDER. No notebook is run, nothing is fetched.

The pages are written into FOLDER. Any warning is an error, and then FOLDER stays as it was.
"""

import runpy
import shutil
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
        sources = Path(laid_out, "sources")
        mine = shutil.ignore_patterns("__pycache__", "build.py", "playground.py")
        shutil.copytree(HERE, sources, ignore=mine)
        runpy.run_path(str(HERE / "playground.py"))["write"](sources / "playground")
        for pattern in LAID_BESIDE:
            for path in ROOT.glob(pattern):
                target = sources / path.relative_to(ROOT)
                target.parent.mkdir(exist_ok=True)
                shutil.copy(path, target)
        sphinx = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html"]
        pages = Path(laid_out, "pages")
        places = ["-d", Path(laid_out, "doctrees"), sources, pages]
        status = subprocess.run([*sphinx, *places], check=False).returncode
        if status == 0:
            shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(pages, folder, ignore=shutil.ignore_patterns(".buildinfo*"))
        return status


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python site/build.py FOLDER")
    target = Path(sys.argv[1])
    if target.is_dir() and any(target.iterdir()) and not (target / "index.html").is_file():
        sys.exit(f"{target} holds something else, which the pages would replace: try build/site")
    sys.exit(build(target))
