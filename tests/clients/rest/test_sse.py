"""Server-sent events: written as they are read, however the bytes are cut."""

from collections.abc import AsyncIterator

import pytest

from clients.rest import sse
from clients.rest.sse import Event


async def _pieces(stream: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(stream), size):
        yield stream[start : start + size]


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
async def test_events_survive_any_cutting(size: int) -> None:
    stream = b':\n\nevent: next\ndata: {"a":\ndata: 1}\n\nid: 7\r\ndata:x\r\n\r\nevent: complete\n\n'
    assert [e async for e in sse.decode(_pieces(stream, size))] == [
        Event('{"a":\n1}', "next"),
        Event("x"),
        Event("", "complete"),
    ]


async def test_line_separators_of_unicode_do_not_end_a_line() -> None:
    stream = 'data: "a\u2028b\x85c"\n\n'.encode()
    assert [e async for e in sse.decode(_pieces(stream, 3))] == [Event('"a\u2028b\x85c"')]


async def test_an_unfinished_event_is_dropped() -> None:
    assert [e async for e in sse.decode(_pieces(b"data: 1\n\ndata: 2\n", 100))] == [Event("1")]


def test_a_line_break_in_data_stays_in_data() -> None:
    assert (
        sse.encode(Event("a\nb", "order_status", "3")) == b"id: 3\nevent: order_status\ndata: a\ndata: b\n\n"
    )
