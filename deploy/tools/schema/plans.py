"""How the router carries out an operation."""

import subprocess
from pathlib import Path

from deploy.local import node
from deploy.local.errors import LaunchError
from deploy.tools.schema.errors import SchemaError
from deploy.tools.schema.generate import SCHEMAS, SUPERGRAPH


def plan(operation: str, name: str | None = None, *, supergraph: Path = SCHEMAS / SUPERGRAPH) -> str:
    """The steps of `operation`, a line each, those within a step further in; `name` chooses among several operations.

    By Hive Gateway's planner; Apollo Router's may take another way to the same answer. Raises SchemaError for an
    operation that is none of this supergraph.
    """
    try:
        node.check_installed()
    except LaunchError as error:
        raise SchemaError(str(error)) from error
    command: list[str | Path] = [node.program(), node.ROUTER / "plan.mjs", "--supergraph", supergraph]
    command += ["--operation", name] if name else []
    done = subprocess.run(command, input=operation, capture_output=True, text=True, check=False)  # noqa: S603 - our own script
    if done.returncode:
        raise SchemaError(f"There is no plan for it: {done.stderr.strip()}")
    return done.stdout.strip()
