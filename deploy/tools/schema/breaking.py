"""Whether clients of an earlier API schema still work with a later one."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from graphql import build_schema
from graphql.utilities import BreakingChange, DangerousChange, find_schema_changes

from deploy.tools.schema.errors import SchemaError
from deploy.tools.schema.generate import API, ROOT, SCHEMAS

ACCEPTED = SCHEMAS / "accepted-breaks.txt"


@dataclass(frozen=True)
class Changes:
    """What changed for clients, one sentence each."""

    breaking: tuple[str, ...]
    """A valid operation of before may fail now."""
    dangerous: tuple[str, ...]
    """Every operation is still valid, but may meet something it did not expect, such as a new enum value."""
    safe: tuple[str, ...] = ()
    """Nobody can tell but who looks for it."""


def compare(before: str, after: str, *, accepted: frozenset[str] = frozenset()) -> Changes:
    """The changes from one SDL to another; breaking ones that are `accepted` count as dangerous."""
    old, new = build_schema(before), build_schema(after)
    breaking: set[str] = set()
    dangerous: set[str] = set()
    safe: set[str] = set()
    for change in find_schema_changes(old, new):
        # That nothing has the type Int any more breaks nobody by itself.
        if isinstance(change, BreakingChange) and not change.description.startswith("Standard scalar "):
            breaking.add(change.description)
        else:
            (dangerous if isinstance(change, DangerousChange) else safe).add(change.description)
    return Changes(
        tuple(sorted(breaking - accepted)),
        tuple(sorted(dangerous | breaking & accepted)),
        tuple(sorted(safe - breaking - dangerous)),
    )


def accepted_breaks(file: Path = ACCEPTED) -> frozenset[str]:
    """The breaking changes that were decided on, one a line as the check words them; `#` begins a comment."""
    if not file.exists():
        return frozenset()
    return frozenset(
        line.strip() for line in file.read_text().splitlines() if line.strip() and line[0] != "#"
    )


def committed_api(revision: str) -> str | None:
    """The API schema of a git revision; None where that has none, or nothing is committed yet.

    Raises SchemaError for a revision that does not exist.
    """
    git = shutil.which("git")
    if git is None:
        raise SchemaError("The breaking-change check needs git to find the committed API schema.")

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([git, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - git, with arguments of ours

    if run("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}").returncode:
        if revision == "HEAD":
            return None
        raise SchemaError(f"There is no git revision {revision!r} to compare the API schema with.")
    shown = run("show", f"{revision}:schema/{API}")
    return None if shown.returncode else shown.stdout
