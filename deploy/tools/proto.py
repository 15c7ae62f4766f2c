"""`python -m deploy.tools.proto`: the Python of the gRPC contracts in `schema/proto`, generated and checked."""

import argparse
import filecmp
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_FOLDER = Path("schema/proto")


def generate(target: Path) -> list[Path]:
    """Write `schema/proto/*_pb2*` below `target`; the files relative to it. Raises CalledProcessError."""
    sources = sorted((ROOT / _FOLDER).glob("*.proto"))
    outputs = [f"--{kind}_out={target}" for kind in ("python", "grpc_python", "mypy")]
    # protoc looks for mypy's plug-in on PATH.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    subprocess.run(  # noqa: S603 - our own files
        [sys.executable, "-m", "grpc_tools.protoc", "-I", ROOT, *outputs, *sources],
        env={**os.environ, "PATH": path},
        stderr=subprocess.PIPE,
        check=True,
    )
    return sorted(p.relative_to(target) for p in (target / _FOLDER).glob("*_pb2*"))


def drift() -> list[Path]:
    """The generated files that are missing, differ, or stand for a contract that is gone."""
    with tempfile.TemporaryDirectory() as scratch:
        made = generate(Path(scratch))
        stale = [p for p in made if not _same(Path(scratch) / p, ROOT / p)]
        left_over = {p.relative_to(ROOT) for p in (ROOT / _FOLDER).glob("*_pb2*")} - set(made)
        return [*stale, *sorted(left_over)]


def _same(one: Path, other: Path) -> bool:
    return other.exists() and filecmp.cmp(one, other, shallow=False)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m deploy.tools.proto", description=__doc__)
    parser.add_argument(
        "command",
        choices=["generate", "check"],
        help="write the files, or fail where they are not up to date",
    )
    if parser.parse_args(arguments).command == "generate":
        for path in generate(ROOT):
            print(f"wrote {path}")  # noqa: T201 - output of a command
        return 0
    stale = drift()
    for path in stale:
        print(f"not up to date: {path}")  # noqa: T201 - output of a command
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
