"""The envelope of every event: `{id, type, source, data, timestamp, traceparent}`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson

from subgraphs.kit.ids import new_id
from subgraphs.kit.tracing import trace_headers


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A fact about one aggregate, named by `key`; facts of one key are delivered in their order."""

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
