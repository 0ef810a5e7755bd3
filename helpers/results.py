"""What the full edition measured: kept as values, as figures, and as a page beside published ones.

The folder results/ holds `full.json`, written after a complete run of the full edition;
`published.toml`, written by hand; figures; and `README.md`, which `page` makes of the first two.
"""

import base64
import json
import re
import tomllib
from pathlib import Path

import nbformat

VALUES, PUBLISHED = "full.json", "published.toml"
FIGURE_TAG = "results:"
NOTABLE = 0.25  # of a value's band: a smaller move is not worth a line
VERDICTS = (
    "*Reproduced* means that the two figures differ by no more than our check leaves room for, or "
    "by no more than a width that is set for this figure. Where they differ more, ours is *better* "
    "or has *not reached* the published one. Where the data or the settings are others, no "
    "direction is better and the width may be zero: then they are *not comparable*, however close."
)


def read(folder):
    """The kept values and the published figures of a folder.

    Args:
        folder: with published.toml in it.

    Returns:
        A pair: what full.json holds, or `None` without that file, and the list of published
        figures.
    """
    values = Path(folder) / VALUES
    full = json.loads(values.read_text(encoding="utf-8")) if values.is_file() else None
    text = (Path(folder) / PUBLISHED).read_text(encoding="utf-8")
    return full, tomllib.loads(text)["figure"]


def summary(record, figures):
    """Shorten the record of a complete run to what is kept of it.

    Args:
        record: what `helpers.course.run` writes as run.json.
        figures: as from `save_figures`.

    Returns:
        A dictionary without the names of places or hosts: when, on what and with which versions
        it was measured, and for each notebook its seconds, its peak memory in MB, a mark of its
        code, and its values.
    """
    notebooks = {
        name: {
            "seconds": entry["seconds"],
            "peak_memory": entry["peak_memory"],
            "code": entry["fingerprint"],
            "checks": measured(entry["checks"]),
        }
        for name, entry in sorted(record["notebooks"].items())
    }
    return {
        "edition": record["edition"],
        "date": max(entry["date"] for entry in record["notebooks"].values()),
        "processor": record["processor"],
        "machine": record["machine"],
        "python": record["python"],
        "versions": record["versions"],
        "figures": figures,
        "notebooks": notebooks,
    }


def measured(checks):
    """What is kept of the records of checks.

    Args:
        checks: as from `helpers.course.checks_of`.

    Returns:
        One dictionary a check: its claim, edition and n, the value, and what was expected; where
        that is a band, its middle as a number and half its width as `uncertainty`.
    """
    found = []
    for check in checks:
        entry = {key: check[key] for key in ("claim", "edition", "n", "value", "expected")}
        band = re.fullmatch(r"(\S+) ± (\S+)", check["expected"] or "")
        if band:
            entry |= {"expected": float(band[1]), "uncertainty": float(band[2])}
        found.append(entry)
    return found


def moved(before, now):
    """Compare two sets of values.

    Args:
        before, now: dictionaries from a notebook's name to its `measured` checks. Checks that
            share a claim are paired in their order.

    Returns:
        A pair: lines to print, one for each value that left its band, moved by more than a
        quarter of the band's half-width, came or went; and whether all stayed in their bands.
        Facts have no band: the run itself says whether they hold.
    """
    lines, inside, same = [], True, 0
    for name in sorted({*before, *now}):
        old, new = _by_claim(before.get(name, [])), _by_claim(now.get(name, []))
        for key, entry in old.items():
            if key not in new:
                lines.append(f"· {name}, {key[0]}: not measured any more")
                continue
            move = _move(entry, new[key]["value"])
            values = f"{written(entry['value'])} → {written(new[key]['value'])}"
            if move is None or move <= NOTABLE:
                same += 1
            elif not abs(float(new[key]["value"]) - entry["expected"]) <= entry["uncertainty"]:
                inside = False
                band = f"{written(entry['expected'])} ± {written(entry['uncertainty'])}"
                lines.append(f"✗ {name}, {key[0]}: {values}, outside {band}")
            else:
                lines.append(f"· {name}, {key[0]}: {values}, {move:.0%} of its uncertainty")
        lines += [f"· {name}, {key[0]}: new" for key in new if key not in old]
    return [*lines, f"Values that have not moved: {same}"], inside


def _by_claim(checks):
    found = {}
    for check in checks:
        count = sum(key[0] == check["claim"] for key in found)
        found[check["claim"], count] = check
    return found


def _move(entry, value):
    """The distance from a kept value in units of its uncertainty; None if it has none."""
    if "uncertainty" not in entry:
        return None
    return abs(float(value) - float(entry["value"])) / entry["uncertainty"]  # may be "nan"


def save_figures(paths, folder):
    """Take the figures whose cell is tagged `results:name` out of executed notebooks.

    Args:
        paths: of the executed notebooks.
        folder: where each figure goes, as name.png.

    Returns:
        A dictionary from a figure's name to its notebook and its text alternative.

    Raises:
        ValueError: a tagged cell has not exactly one figure, or a name occurs twice.
    """
    found = {}
    for path in paths:
        for cell in nbformat.read(path, as_version=4).cells:
            for tag in cell.metadata.get("tags", []):
                if not tag.startswith(FIGURE_TAG):
                    continue
                name = tag.removeprefix(FIGURE_TAG)
                outputs = [o for o in cell.get("outputs", []) if "image/png" in o.get("data", {})]
                if len(outputs) != 1 or name in found:
                    raise ValueError(
                        f"{path.stem}: tag {tag!r} needs one cell with one figure, "
                        f"this one has {len(outputs)}"
                    )
                picture = base64.b64decode(outputs[0].data["image/png"])
                (Path(folder) / f"{name}.png").write_bytes(picture)
                alt = outputs[0].metadata["image/png"]["alt"]
                found[name] = {"notebook": path.stem, "alt": alt}
    return found


def page(full, published):
    """The page of results, as Markdown.

    Args:
        full: as from `read`; `None` if there is no complete run yet.
        published: the list of published figures; each has a `model`, a `value`, a `source`, and
            the `notebook` and `claim` that measure the same here, if any do. `better` says which
            direction is ("higher" or "lower"), and is left out where neither is, as for figures
            of other data. `within` says how close counts as reproduced, by default the check's
            own uncertainty. `note` says what differs, or why it is not reached.

    Returns:
        The page's text.
    """
    parts = ["# Results", "<!-- Made by `python -m helpers.course results`: do not edit. -->"]
    if full is None:
        parts.append("No complete run of the full edition is kept here yet: `make full` makes one.")
    else:
        parts += _circumstances(full)
    parts += ["## Beside published figures", _beside(full, published)]
    if full is not None:
        for name, figure in full["figures"].items():
            source = f"*From {_link(figure['notebook'])}, full edition.*"
            parts.append(f"![{figure['alt']}]({name}.png)\n\n{source}")
        parts.append("## Every measured value")
        for name, entry in full["notebooks"].items():
            parts += [f"### {name}", _values(name, entry)]
    return "\n\n".join(parts) + "\n"


def _circumstances(full):
    seconds = sum(entry["seconds"] for entry in full["notebooks"].values())
    versions = ", ".join(f"{name} {number}" for name, number in full["versions"].items())
    return [
        f"One complete run of the {full['edition']} edition, finished on {full['date']}: "
        f"{len(full['notebooks'])} notebooks, no check failed. Their times add up to "
        f"{seconds / 60:.0f} minutes; `make full` runs two at once.",
        f"Processor: {full['processor']} ({full['machine']}). Python {full['python']}, {versions}.",
        "`python -m helpers.course compare` measures everything again and says what moved. "
        "`make doctor` says whether these values were measured with the code that lies here.",
    ]


def _beside(full, published):
    rows, sources = [("model", "published", "here", "verdict")], []
    for figure in published:
        check = find(full, figure)
        here = written(check and check["value"])
        rows.append((figure["model"], written(figure["value"]), here, verdict(figure, check)))
        note = f" {figure['note']}" if "note" in figure else ""
        sources.append(f"- *{figure['model']}*: {figure['source']}.{note}")
    return "\n\n".join(
        [VERDICTS, _table(rows), "Where they come from, and what differs:", "\n".join(sources)]
    )


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
    if abs(difference) <= figure.get("within", check.get("uncertainty", 0)):
        return "reproduced"
    if "better" not in figure:
        return "not comparable"
    return "better" if (difference > 0) == (figure["better"] == "higher") else "not reached"


def find(full, figure):
    """The check of the full edition that measures the same as a published figure, or `None`."""
    if full is None or "claim" not in figure:
        return None
    for name, entry in full["notebooks"].items():
        if name.startswith(figure["notebook"]):
            for check in entry["checks"]:
                if check["claim"] == figure["claim"]:
                    return check
    return None


def _values(name, entry):
    memory = f", up to {entry['peak_memory']:,} MB of memory" if entry["peak_memory"] else ""
    rows = [("value", "measured", "expected", "n")]
    for check in entry["checks"]:
        expected = written(check["expected"])
        if "uncertainty" in check:
            expected += f" ± {written(check['uncertainty'])}"
        rows.append((check["claim"], written(check["value"]), expected, written(check["n"])))
    return f"{_link(name)}: {entry['seconds']:.0f} seconds{memory}.\n\n{_table(rows)}"


def _link(name):
    return f"[notebook {name[:2]}](../notebooks/{name}.ipynb)"


def _table(rows):
    header, *rest = [[str(cell).replace("|", "\\|") for cell in row] for row in rows]
    lines = [header, ["---"] * len(header), *rest]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def written(value):
    """A value as text: numbers with five digits at most, a true minus sign, a dash for `None`."""
    if value is None:
        return "–"
    if isinstance(value, bool) or not isinstance(value, int | float):
        text = str(value)
    else:
        text = f"{value:,}" if isinstance(value, int) else f"{value:.5g}"
    return re.sub(r"-(?=\d|inf)", "−", text)
