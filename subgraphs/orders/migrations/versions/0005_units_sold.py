"""The units sold of each product as a number, beginning with what the orders there are come to."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "units_sold",
        sa.Column("product_id", sa.Text(), nullable=False),
        sa.Column("units", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("product_id"),
    )
    op.execute(
        "INSERT INTO units_sold (product_id, units) SELECT i.product_id, sum(i.quantity) "
        "FROM order_items i JOIN orders o ON o.id = i.order_id "
        "WHERE o.status IN ('PAID', 'PROCESSING', 'SHIPPED', 'DELIVERED') GROUP BY i.product_id"
    )
