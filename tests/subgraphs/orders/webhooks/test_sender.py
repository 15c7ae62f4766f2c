"""Sending to real sockets of this machine: where it goes, what it says, and what it does not do."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from starlette.responses import RedirectResponse, Response, StreamingResponse

from subgraphs.orders.webhooks.sender import WebhookSender
from tests.subgraphs.orders.orders_harness import ANY_URL
from tests.subgraphs.orders.webhook_receiver import Receiver

PUBLIC_ONLY = replace(ANY_URL, allow_private=False)
SECOND = timedelta(seconds=1)


def resolving(*addresses: str) -> Any:
    async def resolve(_: str, __: int) -> list[str]:
        return [*addresses]

    return resolve


async def test_what_is_sent_arrives_and_the_begin_of_the_answer_is_noted(receiver: Receiver):
    receiver.answers = [Response(b"x" * 400 + b"\0" + b"y" * 400, 202)]
    async with WebhookSender(ANY_URL, timeout=10 * SECOND) as sender:
        attempt = await sender.send(receiver.url, headers={"webhook-id": "m1"}, body='{"a": "ü"}')
    [got] = receiver.received
    assert (got.path, got.body, got.id) == ("/hooks", '{"a": "ü"}', "m1")
    assert got.headers["content-type"] == "application/json"
    assert got.headers["host"] == receiver.url.removeprefix("http://").removesuffix("/hooks")
    assert (attempt.status, attempt.error, attempt.succeeded) == (202, None, True)
    assert attempt.response == "x" * 400 + "�" + "y" * 99
    assert timedelta() < attempt.duration < 10 * SECOND


@pytest.mark.parametrize(
    "addresses",
    [("127.0.0.1",), ("::1",), ("::ffff:127.0.0.1",), ("1.1.1.1", "127.0.0.1"), ("169.254.169.254",)],
)
async def test_a_name_that_leads_into_this_network_is_not_called(
    receiver: Receiver, addresses: tuple[str, ...]
):
    url = receiver.url.replace("127.0.0.1", "hooks.example")
    async with WebhookSender(PUBLIC_ONLY, timeout=SECOND, resolve=resolving(*addresses)) as sender:
        attempt = await sender.send(url, headers={}, body="{}")
    assert (attempt.status, attempt.error) == (
        None,
        "The host does not resolve to addresses of the public internet.",
    )
    assert receiver.received == []


@pytest.mark.parametrize("host", ["localhost", "127.1", "0x7f000001", "2130706433", "0"])
async def test_other_spellings_of_this_machine_are_not_called(receiver: Receiver, host: str):
    async with WebhookSender(PUBLIC_ONLY, timeout=5 * SECOND) as sender:
        attempt = await sender.send(receiver.url.replace("127.0.0.1", host), headers={}, body="{}")
    assert attempt.status is None
    assert receiver.received == []


async def test_a_name_is_resolved_once_and_called_under_its_own_name(receiver: Receiver):
    asked: list[str] = []

    async def changing(host: str, port: int) -> list[str]:
        asked.append(f"{host}:{port}")
        return ["127.0.0.1"] if len(asked) == 1 else ["192.0.2.1"]

    url = receiver.url.replace("127.0.0.1", "hooks.example")
    async with WebhookSender(ANY_URL, timeout=5 * SECOND, resolve=changing) as sender:
        attempt = await sender.send(url, headers={}, body="{}")
    authority = url.removeprefix("http://").removesuffix("/hooks")
    assert (attempt.status, asked) == (200, [authority])
    assert receiver.received[0].headers["host"] == authority


async def test_the_next_address_is_tried_where_nobody_listens_at_the_first(receiver: Receiver):
    resolve = resolving("127.0.0.99", "127.0.0.1")
    url = receiver.url.replace("127.0.0.1", "hooks.example")
    async with WebhookSender(ANY_URL, timeout=5 * SECOND, resolve=resolve) as sender:
        assert (await sender.send(url, headers={}, body="{}")).status == 200


async def test_a_redirect_is_an_answer_and_is_not_followed(receiver: Receiver):
    receiver.answers = [RedirectResponse("/other", 307)]
    async with WebhookSender(ANY_URL, timeout=5 * SECOND) as sender:
        attempt = await sender.send(receiver.url, headers={}, body="{}")
    assert (attempt.status, attempt.succeeded) == (307, False)
    assert [got.path for got in receiver.received] == ["/hooks"]


async def test_who_does_not_answer_in_time_has_not_answered(receiver: Receiver):
    receiver.open.clear()
    async with WebhookSender(ANY_URL, timeout=SECOND / 5) as sender:
        attempt = await sender.send(receiver.url, headers={}, body="{}")
    assert (attempt.status, attempt.error) == (None, "no answer within 0.2 s")
    assert attempt.duration >= SECOND / 5


async def test_an_answer_without_end_is_read_no_further_than_noted(receiver: Receiver):
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"z" * 1000
            await asyncio.sleep(0)  # or nobody hears that the reader has gone

    receiver.answers = [StreamingResponse(endless())]
    async with WebhookSender(ANY_URL, timeout=5 * SECOND) as sender:
        attempt = await sender.send(receiver.url, headers={}, body="{}")
    assert (attempt.status, attempt.response) == (200, "z" * 500)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "http://no-such-host.invalid/"])
async def test_who_cannot_be_reached_is_an_attempt_with_its_error(url: str):
    async with WebhookSender(ANY_URL, timeout=5 * SECOND) as sender:
        attempt = await sender.send(url, headers={}, body="{}")
    assert attempt.status is None
    assert attempt.error


@asynccontextmanager
async def _tls_receiver(
    folder: Path, name: str
) -> AsyncIterator[tuple[int, list[str | None], ssl.SSLContext]]:
    """A port that answers 204 with a certificate of `name`, the names that clients asked it for, and who trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = folder / "server.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    pem.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    asked: list[str | None] = []
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(pem)
    serving.sni_callback = lambda _, asked_name, __: asked.append(asked_name)
    trusting = ssl.create_default_context(cafile=str(pem))

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0, ssl=serving) as server:
        yield server.sockets[0].getsockname()[1], asked, trusting


async def test_the_certificate_is_that_of_the_name_and_not_of_the_address(tmp_path: Path):
    async with _tls_receiver(tmp_path, "hooks.example") as (port, asked, trusting):
        resolve = resolving("127.0.0.1")
        async with WebhookSender(ANY_URL, timeout=5 * SECOND, resolve=resolve, tls=trusting) as sender:
            right = await sender.send(f"https://hooks.example:{port}/", headers={}, body="{}")
            wrong = await sender.send(f"https://other.example:{port}/", headers={}, body="{}")
        async with WebhookSender(ANY_URL, timeout=5 * SECOND, resolve=resolve) as sender:
            unknown = await sender.send(f"https://hooks.example:{port}/", headers={}, body="{}")
    assert (right.status, right.error) == (204, None)
    assert asked[0] == "hooks.example"
    for refused in (wrong, unknown):
        assert refused.status is None
        assert "CERTIFICATE_VERIFY_FAILED" in (refused.error or "")
