"""The SQL that a pool sends."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event

from subgraphs.kit.postgres.engine import Postgres


@contextmanager
def statements(postgres: Postgres) -> Iterator[list[str]]:
    """The statements that `postgres` sends while this is entered, in order."""
    engine = postgres.engine.sync_engine
    sent: list[str] = []

    def record(_: Any, __: Any, statement: str, *___: Any) -> None:
        sent.append(statement)

    event.listen(engine, "before_cursor_execute", record)
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", record)
