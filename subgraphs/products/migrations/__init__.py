"""Versions of the products database; one that is released is never edited."""

from subgraphs.kit.mongo import migrations
from subgraphs.kit.mongo.client import Database, Mongo
from subgraphs.kit.mongo.migrations import Migration
from subgraphs.products.migrations import (
    v0001_catalogue_and_stock,
    v0002_identities_of_holds,
    v0003_search,
    v0004_images,
    v0005_movements,
    v0006_category_marks,
    v0007_lists,
    v0008_marks_by_id,
)

MIGRATIONS = (
    Migration(1, "catalogue and stock", v0001_catalogue_and_stock.apply),
    Migration(2, "identities of holds", v0002_identities_of_holds.apply),
    Migration(3, "search", v0003_search.apply),
    Migration(4, "images", v0004_images.apply),
    Migration(5, "movements", v0005_movements.apply),
    Migration(6, "category marks", v0006_category_marks.apply),
    Migration(7, "keys of lists", v0007_lists.apply),
    Migration(8, "marks by id", v0008_marks_by_id.apply),
)


async def migrate(mongo: Mongo) -> None:
    """Bring the products database up to date. Raises MigrationError."""
    await migrations.migrate(mongo, owner="products", migrations=MIGRATIONS)


async def migrate_database(database: Database) -> None:
    """As `migrate`, over a server that is known to answer."""
    await migrations.apply(database, owner="products", migrations=MIGRATIONS)
