"""The probe passes on the server of the tests, leaves nothing, and tells what is wrong with another."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from subgraphs.kit.errors import StartError
from subgraphs.kit.mongo.atomicity import COLLECTION, check_conditional_updates
from subgraphs.kit.mongo.client import Database, Mongo, utc_now
from subgraphs.kit.settings import DatabaseSettings


@pytest.fixture
async def database(engines: Any) -> AsyncIterator[Database]:
    mongo = Mongo(DatabaseSettings(url=engines.mongo_url("atomicity")), application="tests")
    yield mongo.database
    await mongo.database.client.drop_database(mongo.database.name)
    mongo.close()


async def test_server_with_atomic_updates_passes_and_nothing_is_left(database: Database) -> None:
    await database[COLLECTION].insert_many(
        [{"_id": "abandoned", "at": utc_now() - timedelta(hours=2)}, {"_id": "another's", "at": utc_now()}]
    )
    await check_conditional_updates(database)
    assert [probe["_id"] async for probe in database[COLLECTION].find({})] == ["another's"]


class _Without:
    """A collection whose server does not heed one part of a condition."""

    def __init__(self, collection: Any, ignored: str) -> None:
        self._collection, self._ignored = collection, ignored

    def __getattr__(self, name: str) -> Any:
        return getattr(self._collection, name)

    async def update_one(self, condition: dict[str, Any], change: dict[str, Any]) -> Any:
        heeded = {name: value for name, value in condition.items() if name != self._ignored}
        return await self._collection.update_one(heeded, change)


async def test_server_that_gives_the_last_unit_to_all_is_refused(database: Database) -> None:
    class Careless:
        name = database.name

        def __getitem__(self, name: str) -> _Without:
            return _Without(database[name], "available")

    with pytest.raises(StartError, match="12 of 12 claims at once got the one unit"):
        await check_conditional_updates(Careless())  # type: ignore[arg-type] # looks like one
