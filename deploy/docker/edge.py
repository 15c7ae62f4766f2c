"""Write the edge's configuration for containers: `python -m deploy.docker.edge FILE`.

Each placeholder of router/envoy/envoy.yaml is `EDGE_` and its name in the environment (`EDGE_ROUTER_HOST`), or has a
default here. One without either stops with its name, and so do origins that are open to all where ENVIRONMENT is production.
"""

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path

from deploy.local.edge import TemplateError, placeholders, render, token_keys
from deploy.local.edge_tracing import PLACEHOLDERS, tracing_values

_TEMPLATE = Path(__file__).resolve().parents[2] / "router" / "envoy" / "envoy.yaml"
_DEFAULTS = {
    "EDGE_HOST": "0.0.0.0",  # noqa: S104 - a container's own network
    "EDGE_PORT": "8080",
    "ADMIN_PORT": "9901",
    "SANDBOX_PAGE": "/etc/supergraph/edge/sandbox.html",
    "TRUSTED_HOPS": "0",
    "RATE_LIMIT_PER_MINUTE": "100",
    "RATE_LIMIT_BURST": "100",
    "ACCOUNT_RATE_LIMIT_PER_MINUTE": "300",
    "MAX_BODY_BYTES": "1048576",
    "MAX_UPLOAD_BYTES": "8519680",
    "MAX_WEBHOOK_BYTES": "262144",
    "CORS_ORIGIN_REGEX": "none",
}
_KEPT_NAMES = ("EDGE_HOST", "EDGE_PORT")
"""Placeholders that begin with `EDGE_` already."""

_STRANGERS = ("https://a.invalid", "http://b.invalid", "https://c.invalid:8443", "null")
"""Origins that are nobody's; `null` is a sandboxed frame's or a file's."""


def write(target: Path, environ: Mapping[str, str]) -> None:
    """The configuration at `target`, and the page of the explorer beside it. Raises TemplateError."""
    if environ.get("ENVIRONMENT") == "production":
        _refuse_open_origins(environ.get("EDGE_CORS_ORIGIN_REGEX") or "none")
    target.parent.mkdir(parents=True, exist_ok=True)
    keys = token_keys(environ, jwks=target.parent / "jwks.json")
    values = {**_DEFAULTS, "TOKEN_KEYS": keys, **tracing_values(environ)}
    for name in placeholders(_TEMPLATE) - PLACEHOLDERS - {"TOKEN_KEYS"}:
        if given := environ.get(name if name in _KEPT_NAMES else f"EDGE_{name}"):
            values[name] = given
    render(_TEMPLATE, target, **values)
    page = _TEMPLATE.with_name("sandbox.html").read_bytes()
    (target.parent / "sandbox.html").write_bytes(page)


def _refuse_open_origins(pattern: str) -> None:
    """Raises TemplateError where an origin that nobody named is let in."""
    try:
        is_open = any(re.fullmatch(pattern, origin) for origin in _STRANGERS)
    except re.error as error:
        raise TemplateError(
            f"EDGE_CORS_ORIGIN_REGEX: {pattern!r} is no regular expression: {error}"
        ) from error
    if is_open:
        raise TemplateError(
            f"EDGE_CORS_ORIGIN_REGEX: {pattern!r} lets browsers in from any origin; name those of yours, or `none`"
        )


if __name__ == "__main__":
    if len(sys.argv) != 2:  # noqa: PLR2004 - the command and its one argument
        sys.exit("usage: python -m deploy.docker.edge FILE")
    try:
        write(Path(sys.argv[1]), os.environ)
    except TemplateError as error:
        sys.exit(str(error))
