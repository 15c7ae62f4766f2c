"""Refunds as records of their own, beginning with those of cancelled orders; the tracking number of an order."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("orders", sa.Column("tracking_number", sa.Text(), nullable=True))
    op.create_table(
        "refunds",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("attempt_id", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"]),
        sa.ForeignKeyConstraint(["attempt_id"], ["payments.attempt_id"]),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index("refunds_by_order", "refunds", ["order_id"])
    op.execute(
        "INSERT INTO refunds (key, order_id, attempt_id, amount_minor, currency, status, created_at) "
        "SELECT 'refund:' || p.order_id, p.order_id, p.attempt_id, p.refunded_minor, p.currency, 'DONE', o.updated_at "
        "FROM payments p JOIN orders o ON o.id = p.order_id WHERE p.status = 'REFUNDED'"
    )
