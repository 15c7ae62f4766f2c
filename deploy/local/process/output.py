"""A child's output: cut into lines, kept in a file of bounded size, the last lines at hand.

The file holds what the child wrote; what is shown of it is made harmless to a terminal.
"""

import asyncio
import os
import re
from collections import deque
from collections.abc import Callable
from pathlib import Path

_CHUNK = 65536
_LONGEST_LINE = 65536
_LARGEST_FILE = 16 * 1024 * 1024
_LAST_LINES = 20


# C0 and C1 but for the tab, and what changes the direction of writing: a terminal obeys them, and a line of a log may
# hold what a client sent. (Unicode 16, 23.1 control codes and 23.2 layout controls.)
_OBEYED = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def harmless(line: str) -> str:
    r"""The line as a terminal may show it: what that would obey is written out, as `\x1b` and `\u202e`."""
    return _OBEYED.sub(lambda found: found[0].encode("unicode_escape").decode(), line)


class Output:
    """Everything one child writes, over all its lives."""

    def __init__(self, path: Path, show: Callable[[str], None]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.last: deque[str] = deque(maxlen=_LAST_LINES)
        self._show = show
        self._file = path.open("wb")

    async def pump(self, reader: int) -> None:
        """Read the pipe to its end, then close it."""
        stream = asyncio.StreamReader()
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(stream), os.fdopen(reader, "rb", buffering=0)
        )
        try:
            await self._lines(stream)
        finally:
            transport.close()

    async def _lines(self, stream: asyncio.StreamReader) -> None:
        """Lines may be longer than any limit that a StreamReader has, so they are cut here."""
        rest = b""
        while chunk := await stream.read(_CHUNK):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                self._line(line)
            if len(rest) > _LONGEST_LINE:
                self._line(rest)
                rest = b""
            self._file.flush()
        if rest:
            self._line(rest)
            self._file.flush()

    def close(self) -> None:
        self._file.close()

    def _line(self, raw: bytes) -> None:
        self._file.write(raw + b"\n")
        if self._file.tell() > _LARGEST_FILE:
            self._file.close()
            self.path.replace(self.path.with_suffix(".log.1"))
            self._file = self.path.open("wb")
        line = harmless(raw.decode(errors="replace").rstrip("\r"))
        self.last.append(line)
        self._show(line)
