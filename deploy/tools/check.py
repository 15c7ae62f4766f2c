"""`python -m deploy.tools.check`: everything that must hold before a change is handed in.

Each step is a command that a person may run alone; all of them run, so that one look shows every fault.
"""

import argparse
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from deploy.local import node

ROOT = Path(__file__).resolve().parents[2]
_BIN = Path(sys.executable).parent
_LAST_LINES = 200


@dataclass(frozen=True, slots=True)
class Step:
    name: str
    command: Sequence[str | Path]
    repair: str
    folder: Path = ROOT


def steps(base: str) -> list[Step]:
    python = sys.executable
    return [
        Step("format", [_BIN / "ruff", "format", "--check"], "make format"),
        Step("lint", [_BIN / "ruff", "check"], "make format, then by hand"),
        Step("types", [_BIN / "mypy"], "by hand"),
        Step("layers", [_BIN / "lint-imports", "--no-logo"], "by hand; the rules are in pyproject.toml"),
        Step(
            "bounds of the API",
            [_BIN / "pytest", "-q", "tests/architecture/test_bounds.py"],
            "max_length or max_items where the argument or field is defined (subgraphs/kit/graphql/bounds.py)",
        ),
        Step("generated code", [python, "-m", "deploy.tools.proto", "check"], "make proto"),
        Step("schemas", [python, "-m", "deploy.tools.schema", "check", "--base", base], "make schema"),
        Step("uv.lock", [_uv(), "lock", "--check"], f"{_BIN / 'uv'} lock"),
        Step(
            "package-lock.json",
            [*node.npm(), "ci", "--dry-run", "--ignore-scripts", "--no-audit", "--no-fund"],
            "npm install in router/hive",
            node.ROUTER,
        ),
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m deploy.tools.check", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="STEP", help="only these steps (default: all)")
    parser.add_argument(
        "--base",
        default="HEAD",
        metavar="REV",
        help="revision whose API clients rely on (default: %(default)s)",
    )
    options = parser.parse_args(arguments)
    chosen = [s for s in steps(options.base) if not options.names or s.name in options.names]
    if not chosen:
        parser.error(f"no such step; there are: {', '.join(s.name for s in steps(options.base))}")
    console = Console(highlight=False)
    failed = [step for step in chosen if not _run(step, console)]
    for step in failed:
        console.print(f"[red]{step.name} failed[/]; mend it with: {step.repair}")
    return 1 if failed else 0


def _run(step: Step, console: Console) -> bool:
    started = time.perf_counter()
    done = subprocess.run(  # noqa: S603 - our own commands
        [*step.command],
        cwd=step.folder,
        env=node.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    passed = done.returncode == 0
    mark = "[green]passed[/]" if passed else "[red]failed[/]"
    console.print(f"{mark}  {step.name:<18} {time.perf_counter() - started:5.1f} s")
    if not passed:
        lines = done.stdout.strip().splitlines()
        console.print("\n".join(lines[-_LAST_LINES:]), markup=False)
    return passed


def _uv() -> str | Path:
    own = _BIN / "uv"
    return own if own.exists() else shutil.which("uv") or own


if __name__ == "__main__":
    sys.exit(main())
