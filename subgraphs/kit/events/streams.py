"""The Redis streams that carry events."""


def stream_of(source: str) -> str:
    """The Redis stream that carries the events of one source."""
    return f"events:{source}"
