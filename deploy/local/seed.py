"""The demo catalogue, loaded once per data folder by the products service's own command."""

import asyncio
import os
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from rich.markup import escape

from deploy.local.children import ROOT
from deploy.local.process.output import harmless
from deploy.local.process.parent_death import with_parent_death_signal

CATALOGUE = Path(__file__).with_name("catalogue.jsonl")
# What people have changed stays as they left it, and sold stock stays sold.
_ACTION = ("products", "import", "--only-missing")
_LAST_LINES = 10


class Seed:
    """The catalogue of one data folder. A start without it is still a start, so a failure is only told."""

    def __init__(self, *, env: Mapping[str, str], marker: Path, say: Callable[[str], None]) -> None:
        self._env = env
        self._marker = marker
        self._say = say

    @property
    def command(self) -> list[str]:
        return [sys.executable, "-m", "subgraphs.products", *_ACTION, str(CATALOGUE)]

    async def run(self) -> None:
        """Load it unless that was done; the command is idempotent, so an interrupted one is repeated."""
        if self._marker.exists():
            return
        process = await asyncio.create_subprocess_exec(
            *with_parent_death_signal(self.command),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={**os.environ, **self._env},
            cwd=ROOT,
        )
        try:
            output, _ = await process.communicate()
        except asyncio.CancelledError:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            raise
        if process.returncode == 0:
            self._marker.write_text("The demo catalogue is in; delete this file to have it loaded again.\n")
            return
        last = output.decode(errors="replace").splitlines()[-_LAST_LINES:]
        self._say(
            f"[bold red]The demo catalogue could not be loaded[/] (exit code {process.returncode}); it is tried again "
            "at the next start:\n" + "\n".join(f"  {escape(harmless(line))}" for line in last)
        )
