"""What is told of a unit of work once it is committed."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from subgraphs.kit.postgres.engine import Postgres, record_change
from subgraphs.kit.settings import DatabaseSettings


@pytest.fixture
async def postgres(engines: Any) -> AsyncIterator[Postgres]:
    postgres = Postgres(DatabaseSettings(url=engines.postgres_url("commits"), pool_size=2), application="t")
    async with postgres.unit_of_work() as connection:
        await connection.execute(
            text("CREATE TABLE notes (id int PRIMARY KEY DEFERRABLE INITIALLY DEFERRED)")
        )
    yield postgres
    await postgres.close()


async def test_changes_are_told_together_after_the_commit_and_only_once(postgres: Postgres):
    told: list[tuple[list[object], int]] = []

    async def observe(changes: Sequence[object]) -> None:
        async with postgres.read() as connection:
            count = (await connection.execute(text("SELECT count(*) FROM notes"))).scalar_one()
        told.append((list(changes), count))

    postgres.after_commit(observe)
    async with postgres.unit_of_work() as connection:
        await connection.execute(text("INSERT INTO notes VALUES (1)"))
        record_change(connection, "first")
        record_change(connection, "second")
        assert told == []
    async with postgres.unit_of_work() as connection:
        await connection.execute(text("INSERT INTO notes VALUES (2)"))
    assert told == [(["first", "second"], 1)]


@pytest.mark.parametrize("statement", ["SELECT nonsense", "INSERT INTO notes VALUES (7), (7)"])
async def test_nothing_is_told_of_what_was_not_committed(postgres: Postgres, statement: str):
    """Neither where a statement fails, nor where the commit itself is refused."""
    told: list[Sequence[object]] = []

    async def observe(changes: Sequence[object]) -> None:
        told.append(changes)

    postgres.after_commit(observe)

    async def change() -> None:
        async with postgres.unit_of_work() as connection:
            record_change(connection, "lost")
            await connection.execute(text(statement))

    with pytest.raises(DBAPIError):
        await change()
    assert told == []
    async with postgres.unit_of_work() as connection:
        record_change(connection, "kept")
    assert told == [["kept"]]
