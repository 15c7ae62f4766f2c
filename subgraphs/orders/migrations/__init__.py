"""Alembic migrations of the orders database; one that is released is never edited."""

from pathlib import Path

from subgraphs.kit.postgres import migrations
from subgraphs.orders.settings import OrdersSettings

SCRIPTS = Path(__file__).parent


async def migrate(settings: OrdersSettings) -> None:
    """Bring the orders database up to date. Raises MigrationError."""
    await migrations.migrate(settings.database, scripts=SCRIPTS, owner="orders")
