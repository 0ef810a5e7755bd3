"""Code run in a Python of its own."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def run(code):
    """What `code` prints in a fresh interpreter at the repository's root."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def loads_tensorflow(code):
    """Whether `code` makes a fresh interpreter load TensorFlow."""
    return run(f"import sys\n{code}\nprint('tensorflow' in sys.modules)") == "True\n"
