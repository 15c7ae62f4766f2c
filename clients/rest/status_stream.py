"""An order's statuses as server-sent events, out of a GraphQL subscription."""

from collections.abc import AsyncIterator
from typing import Annotated, Any

import orjson
from fastapi import Depends, Request, Response
from prometheus_client import Gauge
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from clients.rest import error_handlers, sse
from clients.rest.errors import ApiError
from clients.rest.models.orders import StatusEvent
from clients.rest.responses import encode, no_content
from clients.rest.settings import StreamSettings
from clients.rest.subscription import Subscription

_OPEN = Gauge("rest_status_streams_open", "Streams of an order's statuses that this process serves.")

_EXAMPLE = (
    'id: 2\nevent: order_status\ndata: {"order_id":"0199f6c2-7d1e-7a40-9c55-2f1f0b8a4c10","seq":2,'
    '"status":"awaiting_payment","at":"2026-01-05T10:00:00.125Z"}\n\n'
)
# Of each event: before OpenAPI 3.2, that is what the schema of a stream describes.
_EVENT = {
    "type": "object",
    "properties": {
        "event": {"enum": ["order_status", "error"]},
        "id": {"type": "string", "pattern": "^[0-9]+$"},
        "data": {
            "type": "string",
            "contentMediaType": "application/json",
            "contentSchema": {
                "anyOf": [
                    {"$ref": "#/components/schemas/StatusEvent"},
                    {"$ref": "#/components/schemas/ErrorAnswer"},
                ]
            },
        },
    },
    "required": ["event", "data"],
}
EVENT_STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Events named `order_status`, each with its `seq` as `id`; a comment now and then keeps the "
        "connection. An event named `error` carries the documented error and ends the stream.",
        "content": {sse.MEDIA_TYPE: {"schema": _EVENT, "example": _EXAMPLE}},
    },
    204: {"description": "There is nothing left to follow."},
}


class StatusStream(StreamingResponse):
    """Streams one subscription and closes it however the response ends, the client's leaving included."""

    media_type = sse.MEDIA_TYPE

    def __init__(self, subscription: Subscription, *, order_id: str, heartbeat: float) -> None:
        # Not to be stored, and not to be held back by a proxy that buffers.
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        super().__init__(_events(subscription, order_id=order_id, heartbeat=heartbeat), headers=headers)
        self._subscription = subscription

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            with _OPEN.track_inprogress():
                await super().__call__(scope, receive, send)
        finally:
            await self._subscription.aclose()


class StatusStreams:
    """Turns open subscriptions into answers."""

    def __init__(self, settings: StreamSettings) -> None:
        self._heartbeat = settings.heartbeat.total_seconds()
        self._opening = settings.opening.total_seconds()

    async def answer(self, subscription: Subscription, *, order_id: str) -> Response:
        """The stream; 204 where it ends without an event. Raises ApiError where it begins with an error.

        The first event is awaited for a moment, so that a refusal that comes as an event is a status too.
        """
        try:
            if await subscription.wait(self._opening) and not await subscription.peek():
                await subscription.aclose()
                return no_content()
        except BaseException:
            await subscription.aclose()
            raise
        return StatusStream(subscription, order_id=order_id, heartbeat=self._heartbeat)


def _streams(request: Request) -> StatusStreams:
    streams: StatusStreams = request.app.state.streams
    return streams


Streams = Annotated[StatusStreams, Depends(_streams)]


async def _events(subscription: Subscription, *, order_id: str, heartbeat: float) -> AsyncIterator[bytes]:
    try:
        while True:
            if not await subscription.wait(heartbeat):
                yield sse.HEARTBEAT
                continue
            data = await subscription.next()
            if data is None:
                return
            event = StatusEvent.model_validate({**data["orderStatus"], "orderId": order_id})
            yield sse.encode(sse.Event(encode(event).decode(), "order_status", str(event.seq)))
    except ApiError as error:
        # The status line is gone; the client comes back with Last-Event-ID and loses nothing.
        yield sse.encode(sse.Event(orjson.dumps(error_handlers.body(error)).decode(), "error"))
