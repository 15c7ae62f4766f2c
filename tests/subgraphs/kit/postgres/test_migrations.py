"""A database is one service's; that migrations run is tested with the slices that have some."""

from pathlib import Path
from typing import Any

import pytest

from subgraphs.kit.postgres.migrations import MigrationError, migrate
from subgraphs.kit.settings import DatabaseSettings


@pytest.fixture
def scripts(tmp_path: Path) -> Path:
    """A folder of Alembic without any revision."""
    (tmp_path / "versions").mkdir()
    (tmp_path / "env.py").write_text(
        "from sqlalchemy import MetaData\n"
        "from subgraphs.kit.postgres.migrations import run_environment\n"
        "run_environment(MetaData())\n"
    )
    return tmp_path


async def test_the_database_of_another_service_is_refused(engines: Any, scripts: Path) -> None:
    settings = DatabaseSettings(url=engines.postgres_url("kit_owner"))
    await migrate(settings, owner="users", scripts=scripts)
    await migrate(settings, owner="users", scripts=scripts)
    with pytest.raises(
        MigrationError, match=r"belongs to the service 'users'; set ORDERS_DATABASE_URL.*DB_NAME"
    ):
        await migrate(settings, owner="orders", scripts=scripts)


async def test_a_statement_that_is_refused_is_told_and_no_traceback(engines: Any, scripts: Path) -> None:
    settings = DatabaseSettings(url=engines.postgres_url("kit_refused"))
    (scripts / "versions" / "0001.py").write_text(
        "from alembic import op\nrevision, down_revision = '0001', None\n"
        "def upgrade():\n    op.execute('CREATE TABLE nothing.something ()')\n"
    )
    with pytest.raises(
        MigrationError, match=r'PostgreSQL refuses the migration: .*schema "nothing" does not exist'
    ):
        await migrate(settings, owner="users", scripts=scripts)
