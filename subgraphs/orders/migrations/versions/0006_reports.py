"""When a refund was made, and what reports look for: sales, refunds and orders by their time."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("refunds", sa.Column("done_at", sa.DateTime(timezone=True), nullable=True))
    # The nearest that is known of those that were made before.
    op.execute("UPDATE refunds SET done_at = created_at WHERE status = 'DONE'")
    op.create_index(
        "refunds_by_time", "refunds", ["done_at"], postgresql_where=sa.text("done_at IS NOT NULL")
    )
    op.create_index(
        "payments_by_sale",
        "payments",
        ["paid_at"],
        postgresql_where=sa.text("status IN ('CAPTURED', 'PARTIALLY_REFUNDED', 'REFUNDED')"),
    )
    op.create_index("orders_by_time", "orders", ["created_at"])
