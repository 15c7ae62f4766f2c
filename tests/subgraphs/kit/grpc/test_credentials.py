"""TLS between services by files of the settings, and plain text only where it stays on one machine."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any, ClassVar

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from pydantic import ValidationError

from deploy.local.ports import Ports
from subgraphs.kit.errors import StartError
from subgraphs.kit.grpc.client import open_channel
from subgraphs.kit.grpc.credentials import channel_credentials, expiry_job, server_credentials
from subgraphs.kit.grpc.server import serving
from subgraphs.kit.settings import ServerSettings, ServiceSettings, ServicesSettings
from tests.harness.samples import sample

TOKEN = "pk3nTqVJd0uY7rXsGm2bLzC9hWfE5aQo"


class Authority:
    """Signs certificates of 127.0.0.1 into a folder."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.file = folder / f"{name}.pem"
        self.file.write_bytes(self._sign(self._name, self._key, ca=True).public_bytes(Encoding.PEM))

    def issue(self, name: str) -> tuple[Path, Path]:
        """The files of a certificate and of its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        cert_file, key_file = self._folder / f"{name}.crt", self._folder / f"{name}.key"
        cert_file.write_bytes(self._sign(subject, key, ca=False).public_bytes(Encoding.PEM))
        key_file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return cert_file, key_file

    def _sign(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, *, ca: bool) -> x509.Certificate:
        now = datetime.now(UTC)
        names = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(minutes=1))
            .not_valid_after(now + timedelta(hours=1))
            .add_extension(names, critical=False)
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .sign(self._key, hashes.SHA256())
        )


class SampleSettings(ServiceSettings):
    prefix: ClassVar[str] = "SAMPLE"


@asynccontextmanager
async def server(*, reflection: bool = False, **services: Any) -> AsyncIterator[str]:
    port = Ports().free()
    settings = SampleSettings(
        server=ServerSettings(grpc_port=port, grpc_reflection=reflection),
        services=ServicesSettings(token=TOKEN, **services),
    )
    async with serving(settings, services=["sample.Sample"], register=lambda _: None):
        yield f"127.0.0.1:{port}"


async def check(target: str, *, timeout: float = 5, **services: Any) -> int:  # noqa: ASYNC109 - gRPC's own
    async with open_channel(target, ServicesSettings(token=TOKEN, **services)) as channel:
        answer = await health_pb2_grpc.HealthStub(channel).Check(
            health_pb2.HealthCheckRequest(), timeout=timeout
        )
        return int(answer.status)


SERVING = health_pb2.HealthCheckResponse.SERVING


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "ours")


async def test_on_one_machine_calls_are_plain_text_by_default() -> None:
    async with server() as target:
        assert await check(target) == SERVING


async def test_both_sides_show_certificates_of_one_authority(authority: Authority, tmp_path: Path) -> None:
    (cert, key), (client_cert, client_key) = authority.issue("server"), authority.issue("client")
    ca = authority.file
    async with server(tls_ca=ca, tls_cert=cert, tls_key=key) as target:
        assert await check(target, tls_ca=ca, tls_cert=client_cert, tls_key=client_key) == SERVING
        other = Authority(tmp_path, "theirs")
        foreign_cert, foreign_key = other.issue("foreign")
        for credentials in (
            {},
            {"tls_ca": ca},
            {"tls_ca": ca, "tls_cert": foreign_cert, "tls_key": foreign_key},
            {"tls_ca": other.file, "tls_cert": client_cert, "tls_key": client_key},
        ):
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await check(target, timeout=1, **credentials)
            assert refused.value.code() in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED}


async def test_a_server_without_an_authority_asks_callers_for_no_certificate(authority: Authority) -> None:
    cert, key = authority.issue("server")
    async with server(tls_cert=cert, tls_key=key) as target:
        assert await check(target, tls_ca=authority.file) == SERVING


@pytest.mark.parametrize("host", ["0.0.0.0", "10.0.0.7", "products", "[2001:db8::1]"])
def test_plain_text_to_other_machines_is_refused_unless_it_is_asked_for(host: str) -> None:
    settings, allowed = ServicesSettings(), ServicesSettings(plaintext=True)
    with pytest.raises(StartError, match=r"SERVICES_TLS_CERT.*SERVICES_PLAINTEXT"):
        server_credentials(settings, host)
    with pytest.raises(StartError, match=r"SERVICES_TLS_CA.*SERVICES_PLAINTEXT"):
        channel_credentials(settings, f"{host}:5001")
    assert server_credentials(allowed, host) is None
    assert channel_credentials(allowed, f"{host}:5001") is None


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "127.9.9.9"])
def test_plain_text_on_this_machine_is_fine(host: str) -> None:
    assert server_credentials(ServicesSettings(), host) is None
    assert channel_credentials(ServicesSettings(), f"{host}:5001") is None


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    settings = ServicesSettings(tls_ca=tmp_path / "missing.pem")
    with pytest.raises(StartError, match=r"missing\.pem"):
        channel_credentials(settings, "products:5002")


def test_half_of_a_certificate_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="tls_cert and tls_key belong together"):
        ServicesSettings(tls_cert=tmp_path / "a.crt")


@pytest.mark.parametrize("token", ["secret", "x" * 64, "between services and nobody else at all"])
def test_a_token_that_can_be_guessed_is_refused(token: str) -> None:
    with pytest.raises(ValidationError, match="who guesses it may call every service"):
        ServicesSettings(token=token)  # type: ignore[arg-type] # parsed


async def _list_services(target: str) -> list[str]:
    async with open_channel(target, ServicesSettings(token=TOKEN)) as channel:
        question = reflection_pb2.ServerReflectionRequest(list_services="")
        call = reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo(iter([question]))
        return [service.name async for answer in call for service in answer.list_services_response.service]


async def test_a_server_names_its_methods_only_when_it_is_told_to() -> None:
    async with server() as target:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await _list_services(target)
        assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED
    async with server(reflection=True) as target:
        assert "sample.Sample" in await _list_services(target)


async def test_the_end_of_certificates_is_in_the_metrics_also_after_their_files_change(
    tmp_path: Path,
) -> None:
    authority = Authority(tmp_path, "ca")
    cert, key = authority.issue("users")
    settings = ServicesSettings(tls_cert=cert, tls_key=key, tls_ca=authority.file)
    before = time.time()
    await expiry_job(settings).run_once()
    for file in ("tls_cert", "tls_ca"):
        assert sample("tls_certificate_expiry_timestamp_seconds", file=file) == pytest.approx(
            before + 3600, abs=30
        )
    sooner = x509.load_pem_x509_certificate(cert.read_bytes())
    authority.file.write_bytes(b"nothing of the kind")
    await expiry_job(settings).run_once()  # which says so in the log, and leaves what it knows
    cert_end = sample("tls_certificate_expiry_timestamp_seconds", file="tls_cert")
    assert cert_end == sooner.not_valid_after_utc.timestamp()
