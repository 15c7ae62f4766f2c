"""Whether the committed files are what the sources generate."""

import difflib
import tempfile
from pathlib import Path

from deploy.tools.schema.generate import ELSEWHERE, SCHEMAS, generate

_MOST_LINES = 60


def drift(committed: Path = SCHEMAS) -> list[str]:
    """A diff for each generated file that is missing or differs; empty when all are up to date."""
    with tempfile.TemporaryDirectory() as scratch:
        return [
            text
            for made in generate(Path(scratch))
            if (text := _difference(ELSEWHERE.get(made.name, committed) / made.name, made))
        ]


def _difference(committed: Path, made: Path) -> str:
    name = f"{committed.parent.name}/{made.name}"
    if not committed.exists():
        return f"{name} is missing"
    lines = list(
        difflib.unified_diff(
            committed.read_text().splitlines(),
            made.read_text().splitlines(),
            fromfile=f"{name} (committed)",
            tofile=f"{name} (generated)",
            lineterm="",
        )
    )
    left_out = len(lines) - _MOST_LINES
    if left_out > 0:
        lines[_MOST_LINES:] = [f"… and {left_out} more lines"]
    return "\n".join(lines)
