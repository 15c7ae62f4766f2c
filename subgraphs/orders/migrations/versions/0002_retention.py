"""Names the request to cancel by its term; indexes what is deleted by its age."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.alter_column("orders", "cancel_wish", new_column_name="cancellation_request")
    op.create_index("idempotency_keys_by_age", "idempotency_keys", ["created_at"])
    op.create_index("sandbox_charges_by_age", "sandbox_charges", ["created_at"])
    op.create_index(
        "outbox_published", "outbox", ["published_at"], postgresql_where=sa.text("published_at IS NOT NULL")
    )
