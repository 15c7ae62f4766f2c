"""Finds the unpaid orders of an account by an index."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_index(
        "orders_unpaid",
        "orders",
        ["user_id"],
        postgresql_where=sa.text("status IN ('AWAITING_PAYMENT', 'PAYING', 'PENDING_STOCK')"),
    )
