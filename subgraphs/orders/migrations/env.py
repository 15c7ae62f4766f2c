"""Alembic's entry point for the orders database."""

from subgraphs.kit.postgres.migrations import run_environment
from subgraphs.orders.store.tables import metadata

run_environment(metadata)
