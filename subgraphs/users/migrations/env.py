"""Alembic's entry; `subgraphs.kit.migrations` runs it."""

from subgraphs.kit.migrations import run_environment
from subgraphs.users.store import metadata

run_environment(metadata)
