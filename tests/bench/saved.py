"""A run that is kept in a file, and what a later one is beside it."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from tests.bench.report import Row
from tests.harness.launcher import ROOT


class SavedRunError(Exception):
    """A file that holds no run; the message says what to do."""


def save(rows: Sequence[Row], path: Path) -> None:
    """Rows with a number, by what they measure, with the commit that they are of."""
    run = {
        "commit": commit(),
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "rows": {row.what: {"value": row.value, "unit": row.unit} for row in rows if row.value is not None},
    }
    path.write_text(json.dumps(run, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def load(path: Path) -> Mapping[str, tuple[float, str]]:
    """Value and unit of each row, by what it measures. Raises SavedRunError."""
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))["rows"]
        return {what: (float(row["value"]), str(row["unit"])) for what, row in rows.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SavedRunError(f"{path} holds no saved run ({error!r}); make one with --save {path}.") from error


def compared(row: Row, saved: Mapping[str, tuple[float, str]]) -> str:
    """What the row was in the saved run, and how many times that it is now; empty where it was not measured."""
    before, unit = saved.get(row.what, (0.0, ""))
    if row.value is None or not before or unit != row.unit:
        return ""
    return f"{before:,.3g} {unit} → {row.value / before:.2f} x"


def commit() -> str:
    """What is checked out, with a mark where it was changed."""
    described = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return described.stdout.strip() or "unknown"
