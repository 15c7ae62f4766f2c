"""Counting the statements that a test sends to PostgreSQL."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import event
from sqlalchemy.engine import Engine


@contextmanager
def statements(*, of: str = "FROM users") -> Iterator[list[str]]:
    """The statements with `of` that this process sends meanwhile."""
    seen: list[str] = []

    def note(*args: object) -> None:
        if of in str(args[2]):
            seen.append(str(args[2]))

    event.listen(Engine, "before_cursor_execute", note)
    yield seen
    event.remove(Engine, "before_cursor_execute", note)
