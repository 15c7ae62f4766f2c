"""Apollo Router: where its binary is, how to fetch one, how it is started.

Its licence (Elastic-2.0) lets anybody run it and nobody put it into this checkout, so it is found or fetched.
"""

import hashlib
import io
import os
import platform
import shutil
import tarfile
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from deploy.local.errors import LaunchError

VERSION = "2.17.0"
FOLDER = Path(__file__).resolve().parents[2] / "router" / "apollo"
RELEASES = "https://github.com/apollographql/router/releases/download"
INSTALL = "supergraph router install"

_TARGETS = {
    ("Linux", "x86_64"): "x86_64-unknown-linux-gnu",
    ("Linux", "aarch64"): "aarch64-unknown-linux-gnu",
    ("Darwin", "arm64"): "aarch64-apple-darwin",
}
_MOST_BYTES = 256 * 1024 * 1024
_TIMEOUT = 60.0
# Set for a service of ours, each of these would stop the router or make it fetch what it is not told here.
_LICENCES = ("APOLLO_ROUTER_LICENSE", "APOLLO_ROUTER_LICENSE_PATH")
_NOT_FOR_IT = ("OTEL_EXPORTER_OTLP_ENDPOINT", "RUST_BACKTRACE")


class ApolloError(LaunchError):
    """There is no binary, or it cannot be had; the message says what to do."""


def find(environ: Mapping[str, str], data: Path) -> Path | None:
    """The binary: APOLLO_ROUTER_BIN, `router` on PATH, or what `install` put into the data folder, in this order.

    Raises ApolloError where APOLLO_ROUTER_BIN names no program.
    """
    if named := environ.get("APOLLO_ROUTER_BIN"):
        if not os.access(named, os.X_OK):
            raise ApolloError(f"APOLLO_ROUTER_BIN is {named}, which is no program.")
        return Path(named)
    installed = data / "bin" / "router"
    found = shutil.which("router", path=environ.get("PATH", ""))
    if found:
        return Path(found)
    return installed if os.access(installed, os.X_OK) else None


def configuration(environ: Mapping[str, str], folder: Path) -> Path:
    """router.yaml; where there is a licence, with graphos.yaml laid over it, as a file in `folder`."""
    plain = FOLDER / "router.yaml"
    connected = all(environ.get(name) for name in ("APOLLO_KEY", "APOLLO_GRAPH_REF"))
    if not connected and not any(environ.get(name) for name in _LICENCES):
        return plain
    overlay = FOLDER / "graphos.yaml"
    merged = _laid_over(yaml.safe_load(plain.read_text()), yaml.safe_load(overlay.read_text()))
    file = folder / "apollo.yaml"
    file.write_text(
        f"# router.yaml with graphos.yaml laid over it.\n{yaml.safe_dump(merged, sort_keys=False)}"
    )
    return file


def _laid_over(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Sections are merged, anything else is replaced."""
    merged = dict(below)
    for key, value in above.items():
        both = isinstance(value, dict) and isinstance(below.get(key), dict)
        merged[key] = _laid_over(below[key], value) if both else value
    return merged


def command(
    binary: Path, supergraph: Path, log_level: str, config: Path = FOLDER / "router.yaml"
) -> Sequence[str]:
    """Its command line, without the variables that it would stumble over; it goes on with a supergraph that changes."""
    unset = [part for name in _NOT_FOR_IT for part in ("-u", name)]
    files = ["--config", str(config), "--supergraph", str(supergraph)]
    return [
        "env",
        *unset,
        str(binary),
        *files,
        "--hot-reload",
        "--log",
        {"warning": "warn"}.get(log_level, log_level),
    ]


def install(data: Path, *, releases: str = RELEASES) -> Path:
    """Fetch the pinned release, check it against the release's own checksums, unpack it to `data`/bin.

    Raises ApolloError, and leaves nothing behind, where it cannot be fetched or is not what the checksums say.
    """
    target = _TARGETS.get((platform.system(), platform.machine()))
    if target is None:
        raise ApolloError(f"Apollo has no binary for {platform.system()} on {platform.machine()}.")
    archive = f"router-v{VERSION}-{target}.tar.gz"
    base = f"{releases}/v{VERSION}"
    packed = _fetch(f"{base}/{archive}")
    _check(packed, archive, _fetch(f"{base}/sha256sums.txt").decode(errors="replace"))
    program = _unpack(packed, archive)
    folder = data / "bin"
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = folder / ".router.part"
    try:
        unfinished.write_bytes(program)
        unfinished.chmod(0o755)
        unfinished.replace(folder / "router")
    finally:
        unfinished.unlink(missing_ok=True)
    return folder / "router"


def _fetch(url: str) -> bytes:
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT) as response:  # noqa: S310 - Apollo's, or what a test names
            body: bytes = response.read(_MOST_BYTES)
            return body
    except OSError as error:
        raise ApolloError(
            f"{url} cannot be fetched: {error}. With a copy of the binary from elsewhere, set APOLLO_ROUTER_BIN."
        ) from error


def _check(packed: bytes, archive: str, sums: str) -> None:
    """`sums` has a line `<sha256>  <file>` for each file of the release."""
    lines = [line.split() for line in sums.splitlines()]
    expected = {name.lstrip("*"): digest for digest, name in (line for line in lines if len(line) == 2)}  # noqa: PLR2004
    if archive not in expected:
        raise ApolloError(f"The checksums of the release do not name {archive}; nothing was installed.")
    if hashlib.sha256(packed).hexdigest() != expected[archive].lower():
        raise ApolloError(f"{archive} is not what its checksum says; nothing was installed.")


def _unpack(packed: bytes, archive: str) -> bytes:
    try:
        with tarfile.open(fileobj=io.BytesIO(packed), mode="r:gz") as files:
            member = files.extractfile("dist/router")
            if member is not None:
                return member.read()
    except (tarfile.TarError, KeyError, EOFError, OSError) as error:
        raise ApolloError(f"{archive} cannot be unpacked ({error}); nothing was installed.") from error
    raise ApolloError(f"{archive} holds no program; nothing was installed.")
