"""Settings whose values stand in files: `NAME_FILE` names the file that holds the value of `NAME`.

So that a secret need not be in an environment, which every child process inherits and `docker inspect` shows.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

SUFFIX = "_FILE"


def values_of_files(names: Iterable[str], environ: Mapping[str, str]) -> dict[str, str]:
    """By name, the content of each file that is named, without the line break at its end. Raises OSError."""
    return {
        name: Path(file).read_text().rstrip("\r\n")
        for name in names
        if (file := environ.get(f"{name}{SUFFIX}"))
    }


def faults_of_files(names: Iterable[str], environ: Mapping[str, str]) -> list[str]:
    """A line for each file that cannot be read, or whose value is set beside it as well."""
    faults = []
    for name in sorted(names):
        key = f"{name}{SUFFIX}"
        if not environ.get(key):
            continue
        if environ.get(name):
            faults.append(f"{key}: {name} is set as well; set one of them")
        try:
            values_of_files([name], environ)
        except (OSError, UnicodeDecodeError) as error:
            faults.append(f"{key}: the file cannot be read: {error}")
    return faults
