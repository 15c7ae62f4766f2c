"""The tables. `migrations/` make them; a test keeps both alike."""

from sqlalchemy import (
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Index,
    LargeBinary,
    MetaData,
    Table,
    Text,
    Uuid,
    func,
    true,
)

from subgraphs.kit.outbox import outbox_table

metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "uq": "%(table_name)s_%(column_0_name)s_key",
        "fk": "%(table_name)s_%(column_0_name)s_fkey",
        "ix": "%(table_name)s_%(column_0_name)s_idx",
    }
)

roles = Table("roles", metadata, Column("name", Text, primary_key=True))

role_permissions = Table(
    "role_permissions",
    metadata,
    Column("role", Text, ForeignKey(roles.c.name), primary_key=True),
    Column("permission", Text, primary_key=True),
)

users = Table(
    "users",
    metadata,
    Column("id", Uuid(as_uuid=False), primary_key=True),
    Column("username", Text, nullable=False),
    # Folded by us and not by lower(), whose result hangs on the database's locale.
    Column("username_key", Text, nullable=False, unique=True),
    Column("email", Text, nullable=False),
    Column("email_key", Text, nullable=False, unique=True),
    Column("password_hash", Text, nullable=False),
    Column("first_name", Text),
    Column("last_name", Text),
    Column("phone", Text),
    Column("address", Text),
    Column("role", Text, ForeignKey(roles.c.name), nullable=False),
    Column("active", Boolean, nullable=False, server_default=true()),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("updated_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)

# One row is one family of refresh tokens: the current one and the one before it, as hashes.
sessions = Table(
    "sessions",
    metadata,
    Column("id", Uuid(as_uuid=False), primary_key=True),
    Column("user_id", Uuid(as_uuid=False), ForeignKey(users.c.id, ondelete="CASCADE"), nullable=False),
    Column("family_hash", LargeBinary, nullable=False, unique=True),
    Column("token_hash", LargeBinary, nullable=False),
    Column("previous_hash", LargeBinary),
    # The current token, readable only with the one before it; see `refresh_tokens`.
    Column("sealed_token", LargeBinary),
    Column("rotated_at", DateTime(timezone=True)),
    Column("user_agent", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("last_used_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("ended_at", DateTime(timezone=True)),
)
Index("sessions_live_idx", sessions.c.user_id, postgresql_where=sessions.c.ended_at.is_(None))

outbox = outbox_table(metadata)
