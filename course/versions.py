"""The exact versions for conda, written from constraints.txt: the one place where they stand."""

import re
import tomllib

from packaging.requirements import Requirement

from course.environment import ROOT, CourseError, pins

FILES = ("environment.yml", "binder/environment.yml")


def write():
    """Write the versions of constraints.txt into both environment files for conda.

    Returns:
        True.

    Raises:
        CourseError: constraints.txt has no version of something that the project asks for.
    """
    text = conda_environment((ROOT / FILES[0]).read_text(encoding="utf-8"))
    for name in FILES:
        (ROOT / name).write_text(text, encoding="utf-8")
    print(f"Written: {', '.join(FILES)}")
    return True


def conda_environment(text):
    """An environment file with the direct dependencies at the versions of constraints.txt.

    Args:
        text: the file as it is; all before its list of pip's packages stays.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = project["dependencies"] + project["optional-dependencies"]["dev"]
    names, pinned = [Requirement(line).name for line in asked], pins()
    missing = [name for name in names if name not in pinned]
    if missing:
        raise CourseError(f"constraints.txt has no version of {', '.join(missing)}")
    head = re.match(r".*?^  - pip:\n", text, re.M | re.S)[0]
    return head + "".join(f"      - {name}=={pinned[name]}\n" for name in names)
