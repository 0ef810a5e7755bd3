"""The page of results: what the full edition measured, as Markdown, beside published figures."""

import re

from helpers import checks

VERDICTS = (
    "*Reproduced* means that the two figures differ by no more than our check leaves room for, or "
    "by no more than a width that is set for this figure. Where they differ more, ours is *better* "
    "or has *not reached* the published one. Where the data or the settings are others, no "
    "direction is better and the width may be zero: then they are *not comparable*, however close."
)

MODELS = (
    "These runs left their models in `results/models`: weights rounded to 7 significant bits, and "
    "in each file how many training digits it saw. `helpers.trained.load_model(name)` loads one."
)


def page(full, published, absent=()):
    """The page of results, as Markdown.

    Args:
        full: as from `course.results.read`; `None` if nothing is kept yet.
        published: the list of published figures; each has a `model`, a `value`, a `source`, and
            the `notebook` and `claim` that measure the same here, if any do. `better` says which
            direction is ("higher" or "lower"), and is left out where neither is, as for figures
            of other data. `within` says how close counts as reproduced, by default the check's
            own tolerance. `note` says what differs, or why it is not reached. `front` is true for
            the few that the README shows.
        absent: names of the course's notebooks of which nothing is kept.

    Returns:
        The page's text.
    """
    parts = ["# Results", "<!-- Made by `python -m course results`: do not edit. -->"]
    if full is None:
        parts.append("No run of the full edition is kept here yet: `make full` makes one.")
    else:
        parts += _circumstances(full, absent)
    parts += ["## Beside published figures", _beside(full, published)]
    if full is not None:
        for name, entry in full["notebooks"].items():
            for figure, alt in entry["figures"].items():
                seen = alt.split(". ")[0].rstrip(".")  # for the eye, too: what is drawn
                source = f"*{seen}. From {_link(name)}, full edition.*"
                parts.append(f"![{alt}]({figure}.png)\n\n{source}")
        parts += _models(full)
        parts.append("## Every measured value")
        parts.append("What each check of the full edition measured, and what it expected.")
        for name, entry in full["notebooks"].items():
            parts.append(_values(name, entry))
    return "\n\n".join(parts) + "\n"


def front(full, published):
    """The few rows of ours beside published figures that the README shows, as Markdown.

    Args:
        full, published: as for `page`. The figures marked `front = true` are shown, if they are
            measured.
    """
    shown = [figure for figure in published if figure.get("front")]
    return _table(_beside_rows(full, [part for part in shown if matching_check(full, part)]))


def verdict(figure, check):
    """Say how a measured value compares with a published one.

    Args:
        figure: a published figure, as for `page`.
        check: the measured one, or `None`.

    Returns:
        "reproduced", "better", "not reached" or "not measured"; "not comparable" for a figure
        without a better direction that is not reproduced.
    """
    if check is None:
        return "not measured"
    difference = check["value"] - figure["value"]
    if abs(difference) <= figure.get("within", check.get("tolerance", 0)):
        return "reproduced"
    if "better" not in figure:
        return "not comparable"
    return "better" if (difference > 0) == (figure["better"] == "higher") else "not reached"


def matching_check(full, figure):
    """The check of the full edition that measures the same as a published figure, or `None`."""
    if full is None or "claim" not in figure:
        return None
    for name, entry in full["notebooks"].items():
        if name.startswith(figure["notebook"]):
            for check in entry["checks"]:
                if check["claim"] == figure["claim"]:
                    return check
    return None


def expectation(check):
    """What was expected of a kept check, as text: a band, a bound, a value, or a dash."""
    if "tolerance" in check:
        return f"{written(check['expected'])} ± {written(check['tolerance'])}"
    if "bound" in check:
        return f"{check['side']} {written(check['bound'])}"
    return written(check.get("expected"))


def written(value):
    """A value as text: numbers with five digits at most, a true minus sign, a dash for `None`."""
    text = "–" if value is None else checks.written(value, digits=5)
    return re.sub(r"-(?=\d|inf)", "−", text)


def _circumstances(full, absent):
    entries = full["notebooks"].values()
    minutes = sum(entry["seconds"] for entry in entries) / 60
    dates = sorted({entry["date"] for entry in entries})
    when = f"on {dates[0]}" if len(dates) == 1 else f"from {dates[0]} to {dates[-1]}"
    made_on = {}
    for name, entry in full["notebooks"].items():
        made_on.setdefault(_machine(entry), []).append(name[:2])
    lines = list(made_on)
    if len(lines) > 1:
        lines = [f"Notebooks {', '.join(names)}: {line}" for line, names in made_on.items()]
    missing = f" Not run on all of MNIST yet: {', '.join(sorted(absent))}." if absent else ""
    return [
        f"The full edition of {len(full['notebooks'])} notebooks, run {when}; no check failed. "
        f"Their times add up to {minutes:.0f} minutes; `make full` runs two at once.{missing}",
        *lines,
        "`make compare` measures everything again and says what moved. `make doctor` says whether "
        "these values were measured with the code that lies here.",
    ]


def _machine(entry):
    versions = ", ".join(f"{name} {number}" for name, number in entry["versions"].items())
    processor = f"Processor: {entry['processor']} ({entry['machine']})."
    return f"{processor} Python {entry['python']}, {versions}."


def _beside(full, published):
    sources = []
    for figure in published:
        note = f" {figure['note']}" if "note" in figure else ""
        sources.append(f"- *{figure['model']}*: {figure['source']}.{note}")
    table = _table(_beside_rows(full, published))
    heading = "Where they come from, and what differs:"
    return "\n\n".join([VERDICTS, table, heading, "\n".join(sources)])


def _beside_rows(full, published):
    rows = [("model", "published", "here", "verdict")]
    for figure in published:
        check = matching_check(full, figure)
        here = written(check and check["value"])
        rows.append((figure["model"], written(figure["value"]), here, verdict(figure, check)))
    return rows


def _models(full):
    rows = [
        (f"`{model}`", _link(name), entry["date"], digest[:12])
        for name, entry in full["notebooks"].items()
        for model, digest in entry.get("models", {}).items()
    ]
    if not rows:
        return []
    return ["## Trained models", MODELS, _table([("model", "trained in", "on", "SHA-256"), *rows])]


def _values(name, entry):
    memory = f", up to {entry['peak_memory']:,} MB of memory" if entry["peak_memory"] else ""
    rows = [("value", "measured", "expected", "n")]
    for check in entry["checks"]:
        measured = check["claim"], written(check["value"]), expectation(check), written(check["n"])
        rows.append(measured)
    cost = f"{entry['seconds']:,.0f} seconds{memory}"
    summary = f"<summary>{name}: {len(entry['checks'])} values, {cost}</summary>"
    back = f"Measured by {_link(name)}."
    return f"<details>{summary}\n\n{back}\n\n{_table(rows)}\n\n</details>"


def _link(name):
    return f"[notebook {name[:2]}](../notebooks/{name}.ipynb)"


def _table(rows):
    header, *rest = [[str(cell).replace("|", "\\|") for cell in row] for row in rows]
    lines = [header, ["---"] * len(header), *rest]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
