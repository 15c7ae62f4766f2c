"""Accounts, roles with their permissions, sessions, and the outbox."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_PERMISSIONS = {
    "USER": [],
    "STAFF": ["MANAGE_PRODUCTS", "MANAGE_ORDERS", "VIEW_REPORTS"],
    "ADMIN": ["MANAGE_USERS", "MANAGE_PRODUCTS", "MANAGE_ORDERS", "VIEW_REPORTS"],
}


def upgrade() -> None:
    _create_roles()
    _create_users()
    _create_sessions()
    _create_outbox()


def _create_roles() -> None:
    roles = op.create_table("roles", sa.Column("name", sa.Text(), primary_key=True))
    role_permissions = op.create_table(
        "role_permissions",
        sa.Column(
            "role",
            sa.Text(),
            sa.ForeignKey("roles.name", name="role_permissions_role_fkey"),
            primary_key=True,
        ),
        sa.Column("permission", sa.Text(), primary_key=True),
    )
    op.bulk_insert(roles, [{"name": role} for role in _PERMISSIONS])
    op.bulk_insert(
        role_permissions,
        [
            {"role": role, "permission": permission}
            for role, permissions in _PERMISSIONS.items()
            for permission in permissions
        ],
    )


def _create_users() -> None:
    op.create_table(
        "users",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("username", sa.Text(), nullable=False),
        sa.Column("username_key", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("email_key", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("first_name", sa.Text()),
        sa.Column("last_name", sa.Text()),
        sa.Column("phone", sa.Text()),
        sa.Column("address", sa.Text()),
        sa.Column("role", sa.Text(), sa.ForeignKey("roles.name", name="users_role_fkey"), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False, server_default=sa.true()),
        _instant("created_at", now=True),
        _instant("updated_at", now=True),
        sa.UniqueConstraint("username_key", name="users_username_key_key"),
        sa.UniqueConstraint("email_key", name="users_email_key_key"),
    )


def _create_sessions() -> None:
    op.create_table(
        "sessions",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column(
            "user_id",
            sa.Uuid(),
            sa.ForeignKey("users.id", name="sessions_user_id_fkey", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("family_hash", sa.LargeBinary(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("previous_hash", sa.LargeBinary()),
        sa.Column("sealed_token", sa.LargeBinary()),
        _instant("rotated_at", nullable=True),
        sa.Column("user_agent", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        _instant("created_at", now=True),
        _instant("last_used_at", now=True),
        _instant("expires_at"),
        _instant("ended_at", nullable=True),
        sa.UniqueConstraint("family_hash", name="sessions_family_hash_key"),
    )
    op.create_index(
        "sessions_live_idx", "sessions", ["user_id"], postgresql_where=sa.text("ended_at IS NULL")
    )


def _create_outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("position", sa.BigInteger(), sa.Identity(), primary_key=True),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("envelope", sa.Text(), nullable=False),
        _instant("created_at", now=True),
        _instant("published_at", nullable=True),
        sa.UniqueConstraint("id", name="outbox_id_key"),
    )
    op.create_index(
        "outbox_unpublished", "outbox", ["position"], postgresql_where=sa.text("published_at IS NULL")
    )


def _instant(name: str, *, now: bool = False, nullable: bool = False) -> sa.Column[object]:
    default = sa.func.now() if now else None
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable, server_default=default)
