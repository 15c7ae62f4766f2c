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
    """A collection whose server does not heed conditions on `ignored`, in a filter or in a pipeline."""

    def __init__(self, collection: Any, ignored: str, *, in_pipelines: bool) -> None:
        self._collection, self._ignored, self._in_pipelines = collection, ignored, in_pipelines

    def __getattr__(self, name: str) -> Any:
        return getattr(self._collection, name)

    async def update_one(self, condition: dict[str, Any], change: Any) -> Any:
        if isinstance(change, list) is self._in_pipelines:
            condition, change = self._careless(condition), self._careless(change)
        return await self._collection.update_one(condition, change)

    def _careless(self, part: Any) -> Any:
        if isinstance(part, list):
            return [self._careless(each) for each in part]
        if not isinstance(part, dict):
            return part
        if isinstance(part.get("$gte"), list) and part["$gte"][0] == f"${self._ignored}":
            return True
        return {
            name: self._careless(value)
            for name, value in part.items()
            if name != self._ignored or not isinstance(value, dict) or "$gte" not in value
        }


@pytest.mark.parametrize("in_pipelines", [False, True])
async def test_server_that_gives_the_last_unit_to_all_is_refused(
    database: Database, *, in_pipelines: bool
) -> None:
    class Careless:
        name = database.name

        def __getitem__(self, name: str) -> _Without:
            return _Without(database[name], "available", in_pipelines=in_pipelines)

    with pytest.raises(StartError, match="12 of 12 claims at once got the one unit"):
        await check_conditional_updates(Careless())  # type: ignore[arg-type] # looks like one
