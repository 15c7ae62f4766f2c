"""The edge's configuration from its template."""

import json
import os
import re
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from pathlib import Path

from deploy.local.errors import LaunchError

_PLACEHOLDER = re.compile(r"\$\{([A-Z][A-Z0-9_]*)\}")
_COMMENT = re.compile(r"^\s*#")
_JWKS_CACHE = "30s"
"""How soon a new signing key is known at the edge; one already known outlives an outage of users."""
_REMOTE_KEYS = (
    "remote_jwks: {{http_uri: {{uri: http://users/.well-known/jwks.json, cluster: users, timeout: 2s}}, "
    "cache_duration: {cached}, async_fetch: {{fast_listener: true, failed_refetch_duration: 1s}}}}"
)


class TemplateError(LaunchError):
    """The template and the values given do not match."""


def render(template_path: Path, out_path: Path, **values: object) -> Path:
    """Write the template with each `${NAME}` replaced; returns `out_path`.

    Strict both ways: a placeholder without a value and a value without a placeholder raise TemplateError, as
    either is a misspelt name. Comment lines are copied as they are, so the template may list its placeholders.
    """
    lines = template_path.read_text().splitlines(keepends=True)
    used = {name for line in lines if not _COMMENT.match(line) for name in _PLACEHOLDER.findall(line)}
    if missing := used - values.keys():
        raise TemplateError(f"{template_path}: no value for {_listed(missing)}")
    if unknown := values.keys() - used:
        raise TemplateError(f"{template_path} has no placeholder {_listed(unknown)}; it has {_listed(used)}")
    rendered = (
        line if _COMMENT.match(line) else _PLACEHOLDER.sub(lambda found: str(values[found[1]]), line)
        for line in lines
    )
    out_path.parent.mkdir(parents=True, exist_ok=True)
    out_path.write_text("".join(rendered))
    return out_path


def placeholders(template_path: Path) -> set[str]:
    """The names that `render` needs values for."""
    lines = template_path.read_text().splitlines()
    return {name for line in lines if not _COMMENT.match(line) for name in _PLACEHOLDER.findall(line)}


def _listed(names: set[str]) -> str:
    return ", ".join(sorted(names))


def token_keys(environ: Mapping[str, str], *, jwks: Path) -> str:
    """Where the edge finds the keys that check tokens, as a line of its configuration.

    The keys that the users service publishes; or the secret JWT_SECRET, written to the file `jwks`, which only
    we can read: Envoy's own pages show its configuration, but not what is in a file that it names.
    """
    secret = environ.get("JWT_SECRET")
    if not secret:
        jwks.unlink(missing_ok=True)
        cached = environ.get("EDGE_JWKS_CACHE") or _JWKS_CACHE
        return _REMOTE_KEYS.format(cached=cached)
    key = {
        "kty": "oct",
        "alg": "HS256",
        "use": "sig",
        "k": urlsafe_b64encode(secret.encode()).decode().rstrip("="),
    }
    unfinished = jwks.with_name(f".{jwks.name}.part")
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump({"keys": [key]}, file)
    unfinished.replace(jwks)
    return f"local_jwks: {{filename: {json.dumps(str(jwks))}}}"
