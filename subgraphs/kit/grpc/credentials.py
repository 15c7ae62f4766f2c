"""How calls between services are kept from other ears: TLS by files that the settings name.

With `services.tls_cert` and `services.tls_key` a server speaks TLS, and with `services.tls_ca` it asks its callers
for a certificate of that authority. A caller that has `services.tls_ca` speaks TLS to servers with such a
certificate, and shows its own, if it has one. Without these everything is plain text, the token included, which is
for one machine: on any other address it must be asked for by `services.plaintext`.
"""

from pathlib import Path

import grpc
from cryptography.x509 import load_pem_x509_certificates

from subgraphs.kit.background import Job
from subgraphs.kit.errors import StartError
from subgraphs.kit.logs import get_logger
from subgraphs.kit.loopback import is_loopback
from subgraphs.kit.metrics import CERTIFICATE_EXPIRY
from subgraphs.kit.settings import ServicesSettings

log = get_logger(__name__)

_LOOK_EVERY = 300.0


def server_credentials(settings: ServicesSettings, host: str) -> grpc.ServerCredentials | None:
    """What a server on `host` shows; None for plain text. Raises StartError where that is not for it."""
    if settings.tls_cert is None or settings.tls_key is None:
        _only_here(settings, host, "tls_cert")
        return None
    pair = (_read(settings.tls_key), _read(settings.tls_cert))
    if settings.tls_ca is None:
        return grpc.ssl_server_credentials([pair])
    return grpc.ssl_server_credentials([pair], _read(settings.tls_ca), require_client_auth=True)


def channel_credentials(settings: ServicesSettings, target: str) -> grpc.ChannelCredentials | None:
    """What a caller of `target` (host:port) shows; None for plain text. Raises StartError as above."""
    if settings.tls_ca is None:
        _only_here(settings, target.rpartition(":")[0], "tls_ca")
        return None
    key, cert = settings.tls_key, settings.tls_cert
    return grpc.ssl_channel_credentials(
        _read(settings.tls_ca), _read(key) if key else None, _read(cert) if cert else None
    )


def _only_here(settings: ServicesSettings, host: str, missing: str) -> None:
    if not settings.plaintext and not is_loopback(host):
        raise StartError(
            f"gRPC at {host!r} would send the token of the services in plain text; set …_SERVICES_{missing.upper()} "
            "for TLS, or …_SERVICES_PLAINTEXT=true where the network is trusted"
        )


def note_expiry(settings: ServicesSettings) -> None:
    """Say in the metrics when the certificates of the TLS settings end."""
    files = {"tls_cert": settings.tls_cert, "tls_ca": settings.tls_ca}
    for name, path in files.items():
        if path is None:
            continue
        try:
            certificates = load_pem_x509_certificates(path.read_bytes())
        except (OSError, ValueError) as error:
            log.warning("certificate_unreadable", setting=name, error=str(error))
            continue
        ends = min(certificate.not_valid_after_utc for certificate in certificates)
        CERTIFICATE_EXPIRY.labels(name).set(ends.timestamp())


def expiry_job(settings: ServicesSettings) -> Job:
    """Files are replaced while services run, and the metrics tell of those that lie there."""

    async def look() -> None:
        note_expiry(settings)

    return Job(name="certificate_expiry", run_once=look, every=_LOOK_EVERY)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise StartError(f"the TLS file of the services cannot be read: {error}") from error
