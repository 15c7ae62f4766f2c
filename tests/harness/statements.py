"""The SQL that a test sends."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine

from subgraphs.kit.postgres.engine import Postgres


@contextmanager
def statements(postgres: Postgres | None = None, *, of: str = "") -> Iterator[list[str]]:
    """The statements with `of` that `postgres`, or any pool of this process, sends while this is entered, in order."""
    target = Engine if postgres is None else postgres.engine.sync_engine
    sent: list[str] = []

    def record(_: Any, __: Any, statement: str, *___: Any) -> None:
        if of in statement:
            sent.append(statement)

    event.listen(target, "before_cursor_execute", record)
    try:
        yield sent
    finally:
        event.remove(target, "before_cursor_execute", record)
