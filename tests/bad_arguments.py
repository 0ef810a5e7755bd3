"""A sweep over a public function: each argument in turn is replaced by what cannot be right."""

import re

import numpy as np

BAD = {
    "None": None,
    "text": "three",
    "number as text": "3",
    "bytes": b"3",
    "NaN": float("nan"),
    "infinite": float("inf"),
    "minus one": -1,
    "zero": 0,
    "two and a half": 2.5,
    "True": True,
    "complex": 1 + 2j,
    "dict": {},
    "object": object(),
    "function": len,
    "empty list": [],
    "empty table": np.zeros((0, 3)),
    "no columns": np.zeros((3, 0)),
    "text list": ["a", "b"],
    "ragged list": [[1.0], [1.0, 0.0]],
    "one row": np.zeros(3),
    "three axes": np.zeros((2, 3, 5)),
    "four axes": np.zeros((2, 28, 28, 1)),
    "another width": np.zeros((2, 7)),
    "NaN table": np.full((2, 3), np.nan),
    "infinite table": np.full((2, 3), np.inf),
    "grey levels in bytes": np.full((2, 3), 200, np.uint8),
    "below zero": np.full((2, 3), -0.5),
    "NaN pictures": np.full((2, 28, 28), np.nan, np.float32),
    "pictures in bytes": np.full((2, 28, 28), 200, np.uint8),
    "pictures below zero": np.full((2, 28, 28), -0.5),
}


def faults(call, good, harmless=()):
    """What a sweep finds.

    Args:
        call: a function of keyword arguments.
        good: good values of all arguments that are to be replaced, one at a time.
        harmless: pairs (argument, key of BAD) that give a right answer.

    Returns:
        A list of (argument, key, what happened): a value returned that is not listed as harmless,
        an error of another type, an error that does not name the argument, or a refusal of what
        is listed as harmless.
    """
    found = []
    for name in good:
        for key, bad in BAD.items():
            try:
                call(**(good | {name: bad}))
            except (TypeError, ValueError) as error:
                if not re.search(rf"\b{name}\b", str(error)):
                    found.append((name, key, f"not named: {error}"))
                elif (name, key) in harmless:
                    found.append((name, key, f"refused: {error}"))
            except Exception as error:
                found.append((name, key, repr(error)))
            else:
                if (name, key) not in harmless:
                    found.append((name, key, "returned"))
    return found
