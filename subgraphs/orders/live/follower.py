"""Following a Redis stream from its present end, and noticing what was lost before it could be read."""

import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from subgraphs.kit.logs import get_logger
from subgraphs.orders.metrics import LIVE_GAPS

log = get_logger(__name__)

_READ = 500

Fields = dict[str, str]


class _Position(NamedTuple):
    """The id of the last entry, and how many entries the stream ever had up to there."""

    last: str
    added: int


_BEGIN = _Position("0-0", 0)


class StreamFollower:
    """Tells of each new entry of one stream, and of each gap.

    Redis counts the entries that a stream ever had. As long as as many were read, none was trimmed unread, and the
    stream was not lost: a restart or a flush begins to count anew. `block` is for how long one read waits, in
    milliseconds: less than the client's time-out, or an idle stream would look like a dead server.
    """

    def __init__(
        self,
        redis: Redis,
        stream: str,
        *,
        block: int,
        on_entry: Callable[[Fields], None],
        on_gap: Callable[[], None],
    ) -> None:
        self._redis = redis
        self._stream = stream
        self._block = block
        self._on_entry = on_entry
        self._on_gap = on_gap
        self._position = _BEGIN
        self.following = False
        """Whether what happens is told: every entry, or a gap within twice the time of a read."""

    async def run(self) -> None:
        """Follow until cancelled. Ends by the exception of an outage; the next run begins with a gap."""
        try:
            self._position = _position(await self._describe())
            self._on_gap()
            self.following = True
            checked = time.monotonic()
            while True:
                read = await self._redis.xread(
                    {self._stream: self._position.last}, count=_READ, block=self._block
                )
                self._tell(read)
                if not read or time.monotonic() - checked >= self._block / 1000:
                    await self._look_for_gap()
                    checked = time.monotonic()
        finally:
            self.following = False

    async def _describe(self) -> object:
        try:
            return await self._redis.xinfo_stream(self._stream)
        except ResponseError as error:
            return error

    def _tell(self, read: Any) -> int:
        """Tell of the entries in an answer to XREAD. Returns how many there are."""
        entries: Sequence[tuple[str, Fields]] = read[0][1] if read else ()
        for entry_id, fields in entries:
            self._position = _Position(entry_id, self._position.added + 1)
            self._on_entry(fields)
        return len(entries)

    async def _look_for_gap(self) -> None:
        # As one transaction: between two commands, an entry may come that is not lost but only unread.
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.xread({self._stream: self._position.last}, count=_READ)
            pipe.xinfo_stream(self._stream)
            read, described = await pipe.execute(raise_on_error=False)
        if isinstance(read, Exception):
            raise read
        if self._tell(read) == _READ:
            return  # there is more to read first
        position = _position(described)
        if position != self._position:
            LIVE_GAPS.inc()
            log.warning("stream_gap", stream=self._stream, read=self._position, present=position)
            self._position = position
            self._on_gap()


def _position(described: Any) -> _Position:
    """The end of a stream by the answer to XINFO STREAM. Raises the error that the answer may be."""
    if isinstance(described, Exception):
        if str(described).startswith("no such key"):
            return _BEGIN
        raise described
    return _Position(described["last-generated-id"], described["entries-added"])
