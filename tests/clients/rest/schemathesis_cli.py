"""schemathesis as a process: against what is served at an address, by the document that is served there."""

import asyncio
import os
import sys
from pathlib import Path

from tests.harness.launcher import ROOT

SEED = 20_260_105


async def run_schemathesis(address: str, *options: str, token: str, examples: int, folder: Path) -> str:
    """Its report. Fails on the first finding, with the report as the message; `folder` is where it writes."""
    process = await asyncio.create_subprocess_exec(
        Path(sys.executable).with_name("schemathesis"), "run", f"{address}/openapi.json", *options,
        "--header", f"Authorization: Bearer {token}", "--checks", "all", "--max-examples", str(examples),
        "--seed", str(SEED), "--no-shrink", "--request-timeout", "30", "--suppress-health-check", "all", "--no-color",
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "SCHEMATHESIS_HOOKS": "tests.clients.rest.schemathesis_hooks"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await process.communicate()
    report = output.decode()
    assert process.returncode == 0, report
    return report
