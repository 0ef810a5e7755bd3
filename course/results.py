"""What the full edition measured: kept in results/, and compared with a new measurement.

The folder results/ holds `full.json`, with what each notebook measured; `published.toml`, written
by hand; figures; models; and `README.md`, which `course.page` makes of the first two. A notebook's
values, figures and models are taken over only from a complete run of it with the code and the
parameters of now.
"""

import base64
import json
import re
import tomllib
from pathlib import Path

import nbformat

from course import environment
from course.editions import EDITIONS, NOTEBOOKS, choose, fingerprint, read_edition
from course.environment import ROOT, CourseError, shown
from course.page import front, page, written
from course.run import checks_of, copies, read_record, run, write_json
from helpers.checks import FAILED, NOTED, PASSED
from helpers.trained import SUFFIX, read_model, write_model

RESULTS = ROOT / "results"
VALUES, PUBLISHED = "full.json", "published.toml"
FRONT = r"(?<=<!-- figures -->\n).*?(?=\n<!-- end of figures -->)"  # in the README
FIGURE_TAG, MODEL_TAG = "results:", "results:model:"
NOTABLE = 0.25  # of a value's tolerance: a smaller move is not worth a line
KEPT_OF_A_CHECK = ("claim", "edition", "n", "value", "expected", "tolerance", "bound", "side")


def read(folder=RESULTS):
    """The kept values and the published figures of a folder.

    Args:
        folder: with published.toml in it.

    Returns:
        A pair: what full.json holds, or `None` without that file, and the list of published
        figures.

    Raises:
        CourseError: one of the two files is damaged, or published.toml is missing.
    """
    values = Path(folder) / VALUES
    full = _parsed(values, json.loads) if values.is_file() else None
    return full, _parsed(Path(folder) / PUBLISHED, lambda text: tomllib.loads(text)["figure"])


def _parsed(file, parse):
    try:
        return parse(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, KeyError) as error:
        raise CourseError(
            f"{shown(file)} cannot be read ({error}): git checkout -- {shown(file)}"
        ) from None


# Keeping -----------------------------------------------------------------------------------------


def run_and_keep(edition, only=None, out=None, jobs=None):
    """Run an edition, and keep what the full one measured; arguments and result as for `run`."""
    full = read()[0] if edition == "full" else None
    kept = full["notebooks"] if full else None
    passed = run(edition, only, out, jobs, kept=kept)
    if edition == "full" and out is None:
        keep()
    return passed


def keep(run_folder=None, folder=RESULTS, notebooks=NOTEBOOKS, editions=EDITIONS):
    """Take over what the last run of the full edition measured, and write the page anew.

    Taken over are the values, figures and models of each notebook that passed with the code and the
    parameters of now; of any other notebook those that are kept stay.

    Args:
        run_folder: the folder of the executed copies; by default build/full.
        folder: where full.json, figures, models and README.md go, and where published.toml lies.
        notebooks, editions: as for `run`.

    Returns:
        True.
    """
    run_folder = copies("full", run_folder)
    record = read_record(run_folder) or {"notebooks": {}}
    full, _ = read(folder)
    kept = full["notebooks"] if full else {}
    passed = {name: entry for name, entry in record["notebooks"].items() if entry["passed"]}
    outdated = stale(passed, "fingerprint", notebooks, editions)
    paths = [path for path in choose(folder=notebooks) if path.stem not in outdated]
    executed = [run_folder / path.name for path in paths]
    entries = {path.stem: summary(record, path.stem) for path in paths}
    figures, models = save_figures(executed, folder), save_models(executed, entries, folder)
    for name, entry in entries.items():
        entry |= {"figures": figures[name], "models": models[name]}
        if kept.get(name) != entry:
            print(f"Kept: {name}")
        kept[name] = entry
    names = [path.stem for path in choose(folder=notebooks) if path.stem in kept]
    if names:
        full = {"edition": "full", "notebooks": {name: kept[name] for name in names}}
        write_json(Path(folder) / VALUES, full)
        _remove_models_of_none(full, folder)
    text = page(*read(folder), absent=absent(kept, notebooks))
    (folder / "README.md").write_text(text, encoding="utf-8")
    print(f"Written: {shown(folder / 'README.md')}")
    write_front(folder)
    return True


def absent(kept, notebooks=NOTEBOOKS):
    """The numbers of the notebooks of which nothing is kept, such as "04"."""
    return [path.stem[:2] for path in choose(folder=notebooks) if path.stem not in kept]


def write_front(folder=RESULTS):
    """Write the few rows of ours beside published figures into the README above a folder.

    They stand between two marks there; a README without them, or none, is left alone.

    Args:
        folder: of the results.
    """
    readme = Path(folder).parent / "README.md"
    if readme.is_file():
        text = readme.read_text(encoding="utf-8")
        rows = front(*read(folder))
        readme.write_text(re.sub(FRONT, lambda _: rows, text, flags=re.S), encoding="utf-8")


def summary(record, name):
    """Shorten what a run recorded of a notebook to what is kept of it.

    Args:
        record: what `course.run` writes as run.json.
        name: of the notebook.

    Returns:
        A dictionary without the names of places or hosts: when, on what and with which versions
        it was measured, its seconds, its peak memory in MB, a mark of its code, and its values.
    """
    entry = record["notebooks"][name]
    return {
        "date": entry["date"],
        **{key: record[key] for key in ("processor", "machine", "python", "versions")},
        "seconds": entry["seconds"],
        "peak_memory": entry["peak_memory"],
        "code": entry["fingerprint"],
        "checks": measured(entry["checks"]),
    }


def measured(checks):
    """What is kept of the records of checks: claim, edition, n, value, and what was expected.

    Args:
        checks: as from `course.run.checks_of`.

    Returns:
        One dictionary a check; `expected` and `tolerance` stand for a band, `bound` and `side`
        for a bound, `expected` alone for a value that is known exactly.
    """
    return [{key: check[key] for key in KEPT_OF_A_CHECK if key in check} for check in checks]


def stale(entries, key="code", notebooks=NOTEBOOKS, editions=EDITIONS):
    """Names of the notebooks of the full edition whose entry is missing or of other code.

    Args:
        entries: a dictionary from a notebook's name to what is known of it.
        key: under which an entry has the mark of its code.
        notebooks, editions: as for `run`.
    """
    _, parameters = read_edition("full", editions, notebooks)
    return [
        path.stem
        for path in choose(folder=notebooks)
        if entries.get(path.stem, {}).get(key) != fingerprint(path, parameters.get(path.stem, {}))
    ]


def status():
    """Whose code the kept values are of: a mark and a sentence, for the doctor."""
    full, _ = read()
    if full is None:
        return NOTED, "results/ holds no run of the full edition yet: make full"
    outdated = stale(full["notebooks"])
    if outdated:
        return NOTED, f"results/ has other code, or none, for {', '.join(outdated)}: make full"
    return PASSED, "results/ was measured with this code"


def save_figures(paths, folder):
    """Take the figures whose cell is tagged `results:name` out of executed notebooks.

    Args:
        paths: of the executed notebooks.
        folder: where each figure goes, as name.png.

    Returns:
        For each notebook's name a dictionary from a figure's name to its text alternative.

    Raises:
        CourseError: a tagged cell has not exactly one figure, or a name occurs twice.
    """
    found, names = {}, set()
    for path in paths:
        found[path.stem] = {}
        for tag, cell in _tagged_cells(path):
            if tag.startswith(MODEL_TAG):
                continue
            name = tag.removeprefix(FIGURE_TAG)
            outputs = [o for o in cell.get("outputs", []) if "image/png" in o.get("data", {})]
            if name in names:
                raise CourseError(f"{path.stem}: tag {tag!r} stands at another cell, too")
            if len(outputs) != 1:
                raise CourseError(
                    f"{path.stem}: tag {tag!r} needs a cell with one figure, "
                    f"this one has {len(outputs)}"
                )
            names.add(name)
            picture = base64.b64decode(outputs[0].data["image/png"])
            (Path(folder) / f"{name}.png").write_bytes(picture)
            found[path.stem][name] = outputs[0].metadata["image/png"]["alt"]
    return found


def save_models(paths, entries, folder):
    """Take over the models whose cell is tagged `results:model:name`, with where they came from.

    Args:
        paths: of the executed notebooks; their cells handed the models to `trained.keep_model`.
        entries: the `summary` of each.
        folder: where each model goes, as models/name.npz.

    Returns:
        For each notebook's name a dictionary from a model's name to the digest of its file.

    Raises:
        CourseError: a tagged cell has left no model.
    """
    found, models = {}, Path(folder) / "models"
    for path in paths:
        found[path.stem], entry = {}, entries[path.stem]
        names = [tag.removeprefix(MODEL_TAG) for tag, _ in _tagged_cells(path, MODEL_TAG)]
        for name in names:
            left = path.parent / "models" / f"{name}{SUFFIX}"
            if not left.is_file():
                tag = MODEL_TAG + name
                raise CourseError(f"{path.stem}: tag {tag!r}, but {shown(left)} is missing")
            weights, facts = read_model(left.read_bytes())
            facts |= {key: entry[key] for key in ("date", "seconds", "versions")}
            models.mkdir(exist_ok=True)
            facts["notebook"] = path.stem
            found[path.stem][name] = write_model(models / left.name, weights, facts)
    return found


def _tagged_cells(path, beginning=FIGURE_TAG):
    """Pairs of a tag that begins so and its cell, in an executed notebook."""
    for cell in nbformat.read(path, as_version=4).cells:
        for tag in cell.metadata.get("tags", []):
            if tag.startswith(beginning):
                yield tag, cell


def _remove_models_of_none(full, folder):
    named = {name for entry in full["notebooks"].values() for name in entry.get("models", {})}
    for file in (Path(folder) / "models").glob(f"*{SUFFIX}"):
        if file.stem not in named:
            file.unlink()


# Comparing ---------------------------------------------------------------------------------------


def compare(
    edition="full", only=None, out=None, folder=RESULTS, notebooks=NOTEBOOKS, editions=EDITIONS
):
    """Measure an edition again and print what moved against the values that are kept.

    The full edition is compared with results/full.json, the sample edition with the committed
    outputs of the notebooks. First it says whether the machine or the libraries are others: with
    the versions of constraints.txt, whatever moves is the machine's doing.

    Args:
        edition: "full" or "sample".
        only: the beginning of a notebook's name; all notebooks without it.
        out: the folder for the executed copies; by default build/compare-<edition>.
        folder, notebooks, editions: as for `keep`.

    Returns:
        True if every notebook passed and no value left its band.

    Raises:
        CourseError: there is nothing to compare with.
    """
    names = [path.stem for path in choose(only, notebooks)]
    if edition == "full":
        full, _ = read(folder)
        if full is None:
            raise CourseError("no results/full.json to compare with: make full writes it")
        kept = {name: full["notebooks"][name] for name in names if name in full["notebooks"]}
        before = {name: entry["checks"] for name, entry in kept.items()}
        differences = {line for entry in kept.values() for line in differing(entry)}
    else:
        before = {
            path.stem: measured(checks_of(nbformat.read(path, as_version=4)))
            for path in choose(only, notebooks)
        }
        kept = None
        pinned = environment.pins()
        differences = differing({"versions": {n: pinned[n] for n in environment.LIBRARIES}})
    print("\n".join(sorted(differences) or ["Same libraries: what moves is the machine's doing."]))
    out = copies(f"compare-{edition}", out)
    passed = run(edition, only, out, notebooks=notebooks, editions=editions, kept=kept)
    now = read_record(out)["notebooks"]
    lines, inside = moved(before, {name: measured(now[name]["checks"]) for name in names})
    print("\n".join(lines))
    return passed and inside


def differing(there):
    """Sentences on what differs between the machine of a kept entry and this one.

    Args:
        there: a dictionary with `versions`, and `processor` and `python` if they are known.
    """
    here = environment.machine()
    pairs = [(name, version, here["versions"][name]) for name, version in there["versions"].items()]
    pairs += [(k, there[k], here[k]) for k in ("processor", "python") if k in there]
    return [f"{NOTED} other {k}: {old} there, {new} here" for k, old, new in pairs if old != new]


def moved(before, now):
    """Compare two sets of values.

    Args:
        before, now: dictionaries from a notebook's name to its `measured` checks. Checks that
            share a claim are paired in their order.

    Returns:
        A pair: lines to print, one for each value that left its band, moved by more than a
        quarter of its tolerance, came or went; and whether all stayed in their bands.
        Facts have no tolerance: the run itself says whether they hold.
    """
    lines, inside, same = [], True, 0
    for name in sorted({*before, *now}):
        old, new = _by_claim(before.get(name, [])), _by_claim(now.get(name, []))
        for key, entry in old.items():
            if key not in new:
                lines.append(f"{NOTED} {name}, {key[0]}: not measured any more")
                continue
            value = new[key]["value"]
            move = _move(entry, value)
            values = f"{written(entry['value'])} → {written(value)}"
            if move is None:
                same += 1
            elif not abs(float(value) - entry["expected"]) <= entry["tolerance"]:
                inside = False
                band = f"{written(entry['expected'])} ± {written(entry['tolerance'])}"
                lines.append(f"{FAILED} {name}, {key[0]}: {values}, outside {band}")
            elif move <= NOTABLE:
                same += 1
            else:
                lines.append(f"{NOTED} {name}, {key[0]}: {values}, {move:.0%} of its tolerance")
        lines += [f"{NOTED} {name}, {key[0]}: new" for key in new if key not in old]
    return [*lines, f"Values that have not moved: {same}"], inside


def _by_claim(checks):
    found = {}
    for check in checks:
        count = sum(key[0] == check["claim"] for key in found)
        found[check["claim"], count] = check
    return found


def _move(entry, value):
    """The distance from a kept value in units of its tolerance; None if it has none."""
    if "tolerance" not in entry:
        return None
    return abs(float(value) - float(entry["value"])) / entry["tolerance"]  # may be "nan"
