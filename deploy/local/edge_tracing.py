"""The edge's part of a trace, as values of its configuration's template."""

import json
from collections.abc import Mapping
from urllib.parse import urlsplit

from deploy.local.edge import TemplateError

PLACEHOLDERS = frozenset({"TRACER", "TRACING_HOST", "TRACING_PORT"})

_OTLP_PORT = 4318
_PATH = "/v1/traces"
# What Envoy writes by itself and nobody should read: the client, its program, and the URL with its query string.
_EMPTIED = ("peer.address", "user_agent", "downstream_cluster", "http.url")


def tracing_values(environ: Mapping[str, str]) -> dict[str, str]:
    """By placeholder; without JAEGER_URL there is no tracer, and a context that came is passed on as it is.

    Raises TemplateError for an address that the edge cannot send to, and for a share that is none.
    """
    url, ratio = environ.get("JAEGER_URL"), environ.get("TRACING_SAMPLE_RATIO") or "1"
    if not url:
        return {"TRACER": "null", "TRACING_HOST": "127.0.0.1", "TRACING_PORT": str(_OTLP_PORT)}
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname:
        raise TemplateError(
            f"JAEGER_URL is {url}; the edge sends its spans over plain HTTP to a collector near by: http://host:4318"
        )
    collector = {
        "http_uri": {
            "uri": endpoint(url),
            "cluster": "tracing",
            "timeout": "2s",
        }
    }
    tracer = {
        "provider": {
            "name": "envoy.tracers.opentelemetry",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.config.trace.v3.OpenTelemetryConfig",
                "http_service": collector,
                "service_name": "edge",
            },
        },
        "random_sampling": {"value": 100 * _share(ratio)},
        "custom_tags": [
            *({"tag": name, "literal": {"value": "-"}} for name in _EMPTIED),
            {"tag": "http.request.method", "request_header": {"name": ":method"}},
        ],
    }
    return {
        "TRACER": json.dumps(tracer),
        "TRACING_HOST": parts.hostname,
        "TRACING_PORT": str(parts.port or _OTLP_PORT),
    }


def endpoint(url: str) -> str:
    """The collector's address with the path for traces, where it names none; as the services have it."""
    return url if url.endswith(_PATH) else f"{url.rstrip('/')}{_PATH}"


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise TemplateError(f"TRACING_SAMPLE_RATIO is {text}; it is a number from 0 to 1")
    return share
