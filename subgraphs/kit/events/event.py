"""The envelope of every event: `{id, type, source, data, timestamp, traceparent}`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Self

import orjson

from subgraphs.kit.ids import new_id
from subgraphs.kit.tracing import trace_headers


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A fact about one aggregate, named by `key`; facts of one key are delivered in their order.

    The wire form has no key, so that of an event read from it is empty: its data name the aggregate.
    """

    type: str
    source: str
    key: str
    data: Mapping[str, Any]
    id: str = field(default_factory=new_id)
    timestamp: datetime = field(default_factory=lambda: datetime.now(UTC))
    traceparent: str = field(default_factory=lambda: trace_headers().get("traceparent", ""))

    def to_json(self) -> str:
        """The wire form, as `schema/events/*.json` describe it."""
        return orjson.dumps(
            {
                "id": self.id,
                "type": self.type,
                "source": self.source,
                "data": dict(self.data),
                "timestamp": self.timestamp,
                "traceparent": self.traceparent,
            },
            option=orjson.OPT_UTC_Z,
        ).decode()

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """The event whose wire form is `text`. Raises MalformedEventError for anything that is none."""
        try:
            fields = orjson.loads(text)
            data = fields["data"]
            timestamp = datetime.fromisoformat(fields["timestamp"])
            names = [fields[name] for name in ("id", "type", "source")]
            traceparent = fields.get("traceparent", "")
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise MalformedEventError(f"not an event: {error!r}") from error
        if not isinstance(data, dict) or not all(isinstance(name, str) for name in (*names, traceparent)):
            raise MalformedEventError("not an event: a field has the wrong type")
        id_, type_, source = names
        return cls(
            type=type_,
            source=source,
            key="",
            data=data,
            id=id_,
            timestamp=timestamp,
            traceparent=traceparent,
        )


class MalformedEventError(Exception):
    """Text in a stream that is not the wire form of an event."""
