"""Versions of the products database; one that is released is never edited."""

from subgraphs.kit.mongo import migrations
from subgraphs.kit.mongo.client import Database
from subgraphs.kit.mongo.migrations import Migration
from subgraphs.kit.settings import ServiceSettings
from subgraphs.products.migrations import v0001_catalogue_and_stock

MIGRATIONS = (Migration(1, "catalogue and stock", v0001_catalogue_and_stock.apply),)


async def migrate(settings: ServiceSettings) -> None:
    """Bring the products database up to date. Raises MigrationError."""
    await migrations.migrate(settings.database, owner="products", migrations=MIGRATIONS)


async def migrate_database(database: Database) -> None:
    """As `migrate`, over a connection that is open."""
    await migrations.apply(database, owner="products", migrations=MIGRATIONS)
