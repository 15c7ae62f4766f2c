"""Alembic's entry; `subgraphs.kit.postgres.migrations` runs it."""

from subgraphs.kit.postgres.migrations import run_environment
from subgraphs.users.store import metadata

run_environment(metadata)
