from subgraphs.kit.postgres import migrations
from subgraphs.kit.settings import DatabaseSettings
from subgraphs.orders.store.tables import metadata


async def test_migrations_make_what_the_tables_say(database: DatabaseSettings):
    assert await migrations.differences(database, metadata) == []
