"""The recording subgraphs as servers: each on a free port, in a thread of its own."""

import asyncio
import json
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any

import uvicorn
from strawberry.asgi import GraphQL

from tests.router.recording_subgraphs import SCHEMAS, SEEN, OrdersApp, Recorder, Scope, jwks


def recording(name: str, app: Any) -> Callable[..., Awaitable[None]]:
    """ASGI: write down what arrives, or break the connection off when told to."""
    seen = SEEN[name]

    async def serve(scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
        elif scope["path"].startswith("/api/v1/images/"):
            seen.calls.append(f"{scope['path']}?{scope['query_string'].decode()}")
            headers = [(b"content-type", b"image/webp"), (b"etag", b'"strong"')]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": b"RIFF"})
        elif scope["path"].startswith("/webhooks/"):
            seen.requests.append({k.decode(): v.decode() for k, v in scope["headers"]})
            body = (await receive())["body"]
            seen.calls.append(f"{scope['path']} {body.decode()}")
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"{}"})
        elif scope["path"] == "/.well-known/jwks.json":
            await send(
                {
                    "type": "http.response.start",
                    "status": 200,
                    "headers": [(b"content-type", b"application/json")],
                }
            )
            await send({"type": "http.response.body", "body": jwks()})
        else:
            seen.requests.append({k.decode(): v.decode() for k, v in scope["headers"]})
            if seen.drop_next:
                seen.drop_next -= 1
                seen.calls.append("dropped")
                # ASGI has no word for breaking off; uvicorn's `receive` is a method of what holds the socket.
                receive.__self__.transport.abort()
                return
            await count_abandoned(seen, app, scope, receive, send)

    return serve


async def count_abandoned(seen: Recorder, app: Any, scope: Scope, receive: Any, send: Any) -> None:
    """Serve a request, and write down if its sender goes before it has the answer."""
    received = asyncio.Event()

    async def receive_body() -> Any:
        message = await receive()
        if not message.get("more_body"):
            received.set()
        return message

    async def send_answer(message: Any) -> None:
        if message["type"] == "http.response.body" and not message.get("more_body"):
            watcher.cancel()
        await send(message)

    async def watch() -> None:
        await received.wait()
        if (await receive())["type"] == "http.disconnect":
            seen.abandoned += 1

    watcher = asyncio.create_task(watch())
    try:
        await app(scope, receive_body, send_answer)
    finally:
        watcher.cancel()


class Server:
    """An application, served on a free port by a thread of its own."""

    def __init__(self, app: Any, port: int = 0) -> None:
        self.port = port
        config = uvicorn.Config(
            app,
            port=port,
            interface="asgi3",
            log_level="critical",
            lifespan="off",
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)

    def start(self) -> None:
        self._thread.start()
        while not self._server.started:
            time.sleep(0.005)
        self.port = self._server.servers[0].sockets[0].getsockname()[1]

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


class Subgraph(Server):
    """One of the three; started again on the same port, it is the same subgraph come back."""

    def __init__(self, name: str, port: int = 0) -> None:
        self._name = name
        app = (OrdersApp if name == "orders" else GraphQL)(SCHEMAS[name], multipart_uploads_enabled=True)
        super().__init__(recording(name, app), port)

    def restarted(self) -> "Subgraph":
        self.stop()
        again = Subgraph(self._name, self.port)
        again.start()
        return again


class Rest(Server):
    """Stands behind the edge where the REST layer does; answers with what it was asked."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        super().__init__(self._serve)

    async def _serve(self, scope: Scope, receive: Any, send: Any) -> None:
        headers = {k.decode(): v.decode() for k, v in scope["headers"]}
        self.requests.append((scope["method"], scope["path"], headers))
        status = 503 if scope["path"].startswith("/api/v1/broken") else 200
        if scope["path"].endswith("/events"):
            await send(
                {
                    "type": "http.response.start",
                    "status": 200,
                    "headers": [(b"content-type", b"text/event-stream")],
                }
            )
            await send({"type": "http.response.body", "body": b"data: first\n\n", "more_body": True})
            await receive()
            await receive()  # returns when the client is gone
            return
        await send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": [(b"content-type", b"application/json"), (b"server", b"uvicorn")],
            }
        )
        await send({"type": "http.response.body", "body": json.dumps({"path": scope["path"]}).encode()})
