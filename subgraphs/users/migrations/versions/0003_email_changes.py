"""Changes of e-mail addresses that wait for a confirmation, and an index for the purge of the outbox."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "email_changes",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column(
            "user_id",
            sa.Uuid(),
            sa.ForeignKey("users.id", name="email_changes_user_id_fkey", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("email_key", sa.Text(), nullable=False),
        sa.Column("session_id", sa.Uuid()),
        sa.Column("token_hash", sa.LargeBinary()),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.UniqueConstraint("token_hash", name="email_changes_token_hash_key"),
    )
    op.create_index("email_changes_user_idx", "email_changes", ["user_id"])
    op.create_index("email_changes_key_idx", "email_changes", ["email_key"])
    op.create_index("email_changes_expiry_idx", "email_changes", ["expires_at"])
    op.add_column("letters", sa.Column("change_id", sa.Uuid()))
    op.create_index(
        "outbox_published", "outbox", ["published_at"], postgresql_where=sa.text("published_at IS NOT NULL")
    )
