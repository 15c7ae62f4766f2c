"""Alembic migrations of the users database; one that is released is never edited."""

from pathlib import Path

from subgraphs.kit.postgres import migrations
from subgraphs.users.settings import UsersSettings

SCRIPTS = Path(__file__).parent


async def migrate(settings: UsersSettings) -> None:
    """Bring the users database up to date. Raises MigrationError."""
    await migrations.migrate(settings.database, scripts=SCRIPTS, owner="users")
