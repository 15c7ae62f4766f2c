"""Which of two forms of an answer a client would rather have (RFC 9110, 12.5.1)."""

import re

CSV = "text/csv"
JSON = "application/json"

_WEIGHT = re.compile(r"q=([01](?:\.\d{0,3})?)")


def prefers_csv(accept: str) -> bool:
    """Whether `accept` gives CSV a greater weight than JSON. What gives neither any gets JSON."""
    weights: dict[str, float] = {}
    for item in accept.lower().split(","):
        media, *parameters = (part.strip() for part in item.split(";"))
        found = [match for match in map(_WEIGHT.fullmatch, parameters) if match]
        weights[media] = float(found[0][1]) if found else 1.0
    return _weight(CSV, weights) > _weight(JSON, weights)


def _weight(media: str, weights: dict[str, float]) -> float:
    ranges = (media, f"{media.partition('/')[0]}/*", "*/*")
    return next((weights[r] for r in ranges if r in weights), 0.0)
