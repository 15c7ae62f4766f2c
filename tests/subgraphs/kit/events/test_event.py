from datetime import UTC, datetime

import pytest

from subgraphs.kit.events.event import Event, MalformedEventError

EVENT = Event(
    type="Counted",
    source="counter",
    key="c1",
    data={"n": 1},
    id="e1",
    timestamp=datetime(2026, 1, 31, 12, 0, 0, 5, tzinfo=UTC),
    traceparent="00-a-b-01",
)


def test_an_event_reads_back_from_its_wire_form() -> None:
    read = Event.from_json(EVENT.to_json())
    assert (read.id, read.type, read.source, read.data) == ("e1", "Counted", "counter", {"n": 1})
    assert (read.timestamp, read.traceparent) == (EVENT.timestamp, "00-a-b-01")
    assert read.to_json() == EVENT.to_json()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "null",
        "3",
        '{"id": "e1"}',
        '{"id":1,"type":"T","source":"s","data":{},"timestamp":"2026-01-31T12:00:00Z"}',
        '{"id":"e1","type":"T","source":"s","data":[],"timestamp":"2026-01-31T12:00:00Z"}',
        '{"id":"e1","type":"T","source":"s","data":{},"timestamp":"yesterday"}',
        '{"id":"e1","type":"T","source":"s","data":{},"timestamp":5}',
    ],
)
def test_anything_else_is_refused_by_one_error(text: str) -> None:
    with pytest.raises(MalformedEventError):
        Event.from_json(text)
