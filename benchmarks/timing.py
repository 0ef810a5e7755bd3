"""What the benchmarks share: timing candidates in turns, printing medians and ratios, digits.

The candidates take turns in one process, so that a busy machine slows all of them alike: the
ratios mean more than the seconds. Run a benchmark on a quiet machine all the same: a second process
on the cores spoils a multithreaded matrix product.
"""

import argparse
import time

import numpy as np

EPOCH = 60_000  # digits: the seconds of a part are scaled to these


def options(description, **more):
    """The command line of a benchmark: --mnist, --repeats, and more options with their defaults."""
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("--mnist", help="an .npz file with x_train (else random pixels)")
    parser.add_argument("--repeats", type=int, default=5)
    for name, default in more.items():
        kind = {"action": "store_true"} if default is False else {"type": int, "default": default}
        parser.add_argument(f"--{name}", **kind)
    return parser.parse_args()


def load_images(path, n):
    """Grey levels in [0, 1], shape (n, 28, 28): the first n of MNIST, or random pixels."""
    if path is None:
        return np.random.default_rng(0).random((n, 28, 28), dtype=np.float32)
    with np.load(path) as file:
        return file["x_train"][:n].astype(np.float32) / 255


def seconds(function):
    """Wall-clock seconds of a call."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def in_turns(candidates, repeats, warm_up=1):
    """Seconds of each candidate's calls, taken in turns.

    Args:
        candidates: a dictionary from a name to a function that makes what is timed: a function
            without arguments. It is made anew for each turn, outside the clock.
        repeats: turns that count.
        warm_up: turns before them that do not.

    Returns:
        A dictionary from the name to an array of `repeats` seconds.
    """
    times = {name: [] for name in candidates}
    for _ in range(warm_up + repeats):
        for name, make in candidates.items():
            times[name].append(seconds(make()))
    return {name: np.array(values[warm_up:]) for name, values in times.items()}


def report(title, times, ours, note=None):
    """Print medians with their ranges, then the ratio of ours to each of the others.

    Args:
        title: says what was timed, with its unit.
        times: as from `in_turns`, in the unit of the title.
        ours: the name of our own candidate.
        note: a function of a median that returns words to print behind it.
    """
    print(f"\n{title}:")
    for name, values in times.items():
        median = np.median(values)
        more = f", {note(median)}" if note else ""
        print(f"  {name:26s}{median:7.2f}  ({_span(values)}){more}")
    for name, values in times.items():
        if name != ours:
            ratios = times[ours] / values
            print(f"  {ours} / {name}: {np.median(ratios):.2f}  ({_span(ratios)})")


def _span(values):
    return f"from {values.min():.2f} to {values.max():.2f}"
