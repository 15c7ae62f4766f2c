"""The time-outs of the settings hold for REST."""

import asyncio
from urllib.parse import urlsplit

from clients.rest.app import open_app
from clients.rest.settings import Settings
from tests.clients.rest.conftest import serving


async def test_a_body_that_does_not_arrive_is_408(stub_address: str) -> None:
    settings = Settings.model_validate(
        {"services": {"router": stub_address}, "server": {"read_timeout": "100ms"}}
    )
    async with open_app(settings) as app, serving(app) as address:
        reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(address).port)
        head = "POST /api/v1/users/login HTTP/1.1\r\nHost: rest\r\nContent-Type: application/json\r\n"
        writer.write(f"{head}Content-Length: 100\r\n\r\n{{".encode())
        answer = await asyncio.wait_for(reader.read(), 10)
        writer.close()
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b'"code":"REQUEST_TIMEOUT"' in answer
