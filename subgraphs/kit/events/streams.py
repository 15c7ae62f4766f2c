"""The Redis streams that carry events."""


def stream_of(source: str) -> str:
    """The Redis stream that carries the events of one source."""
    return f"events:{source}"


def dead_letters_of(source: str) -> str:
    """The Redis stream of the events of one source that a consumer has given up."""
    return f"{stream_of(source)}:dead"
