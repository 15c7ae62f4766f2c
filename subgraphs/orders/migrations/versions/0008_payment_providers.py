"""Payments by provider and reference, refunds of late captures, events that providers send."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    # Until now there was the sandbox alone, whose reference is the attempt's own id.
    op.add_column("payments", sa.Column("provider", sa.Text(), nullable=False, server_default="sandbox"))
    op.alter_column("payments", "provider", server_default=None)
    op.add_column("payments", sa.Column("reference", sa.Text(), nullable=True))
    op.execute(
        "UPDATE payments SET reference = attempt_id WHERE attempt_id IN (SELECT key FROM sandbox_charges)"
    )
    op.create_index(
        "payments_by_reference",
        "payments",
        ["provider", "reference"],
        unique=True,
        postgresql_where=sa.text("reference IS NOT NULL"),
    )
    op.add_column("sandbox_charges", sa.Column("token", sa.Text(), nullable=True))
    op.add_column("refunds", sa.Column("due_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("refunds", sa.Column("attempts", sa.Integer(), nullable=False, server_default=sa.text("0")))
    op.create_index("refunds_due", "refunds", ["due_at"], postgresql_where=sa.text("due_at IS NOT NULL"))
    op.create_table(
        "payment_events",
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False, server_default=sa.text("0")),
        sa.PrimaryKeyConstraint("provider", "event_id"),
    )
    op.create_index(
        "payment_events_due", "payment_events", ["due_at"], postgresql_where=sa.text("due_at IS NOT NULL")
    )
    op.create_index("payment_events_by_age", "payment_events", ["received_at"])
