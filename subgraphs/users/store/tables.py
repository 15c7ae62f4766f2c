"""The tables. `migrations/` make them; a test keeps both alike."""

from sqlalchemy import (
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    Uuid,
    func,
    text,
    true,
)
from sqlalchemy.dialects.postgresql import JSONB

from subgraphs.kit.postgres.inbox import inbox_table
from subgraphs.kit.postgres.outbox import outbox_table

metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "uq": "%(table_name)s_%(column_0_name)s_key",
        "fk": "%(table_name)s_%(column_0_name)s_fkey",
        "ix": "%(table_name)s_%(column_0_name)s_idx",
    }
)

roles = Table(
    "roles",
    metadata,
    Column("name", Text, primary_key=True),
    # Made anew by a trigger when the role's permissions change, so that what is cached under it stays true.
    Column("version", Uuid(as_uuid=False), nullable=False, server_default=text("gen_random_uuid()")),
)

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
    # The `sid` of its access tokens. A new one voids those that are out and leaves the session alive.
    Column("access_id", Uuid(as_uuid=False), nullable=False, unique=True),
    Column("family_hash", LargeBinary, nullable=False, unique=True),
    Column("token_hash", LargeBinary, nullable=False),
    Column("previous_hash", LargeBinary),
    # The current token, readable only with the one before it; see `credentials/refresh_tokens.py`.
    Column("sealed_token", LargeBinary),
    Column("rotated_at", DateTime(timezone=True)),
    Column("user_agent", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("network", Text),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("last_used_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("ended_at", DateTime(timezone=True)),
)
Index("sessions_live_idx", sessions.c.user_id, postgresql_where=sessions.c.ended_at.is_(None))
Index("sessions_network_idx", sessions.c.user_id, sessions.c.network)

# Access ids whose tokens are void in the database and not yet, for all we know, in Redis.
unpublished_revocations = Table(
    "unpublished_revocations",
    metadata,
    Column("access_id", Uuid(as_uuid=False), primary_key=True),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)

password_resets = Table(
    "password_resets",
    metadata,
    Column("token_hash", LargeBinary, primary_key=True),
    Column("user_id", Uuid(as_uuid=False), ForeignKey(users.c.id, ondelete="CASCADE"), nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("ended_at", DateTime(timezone=True)),
)
Index("password_resets_user_idx", password_resets.c.user_id)

# An account's request for another e-mail address. It holds until it is confirmed, replaced or too old.
email_changes = Table(
    "email_changes",
    metadata,
    Column("id", Uuid(as_uuid=False), primary_key=True),
    Column("user_id", Uuid(as_uuid=False), ForeignKey(users.c.id, ondelete="CASCADE"), nullable=False),
    Column("email", Text, nullable=False),
    Column("email_key", Text, nullable=False),
    # The session that asked, which goes on when the change ends all others.
    Column("session_id", Uuid(as_uuid=False)),
    # Null until the e-mail with the token is sent.
    Column("token_hash", LargeBinary, unique=True),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("ended_at", DateTime(timezone=True)),
)
Index("email_changes_user_idx", email_changes.c.user_id)
Index("email_changes_key_idx", email_changes.c.email_key)
Index("email_changes_expiry_idx", email_changes.c.expires_at)

# E-mails to be sent. They are composed when they are sent, so that no token is ever in here.
email_queue = Table(
    "letters",
    metadata,
    Column("id", Uuid(as_uuid=False), primary_key=True),
    Column("kind", Text, nullable=False),
    Column("recipient", Text, nullable=False),
    # Where the request came from that the e-mail tells of.
    Column("user_agent", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("next_attempt_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("done_at", DateTime(timezone=True)),
    Column("outcome", Text),
    # What an EMAIL_CONFIRMATION confirms.
    Column("change_id", Uuid(as_uuid=False)),
    # What an e-mail of a kind ORDER_… tells of.
    Column("order_notice", JSONB(none_as_null=True)),
)
Index("letters_owed_idx", email_queue.c.next_attempt_at, postgresql_where=email_queue.c.done_at.is_(None))

# Append-only, by a trigger. It refers to accounts by id alone: it outlives what it tells of.
activity = Table(
    "activity",
    metadata,
    Column("id", Uuid(as_uuid=False), primary_key=True),
    # Null where someone tried to log in under a name that no account has.
    Column("user_id", Uuid(as_uuid=False)),
    Column("kind", Text, nullable=False),
    # Null where it is not known who did it, or where it was an operator on the command line.
    Column("actor_id", Uuid(as_uuid=False)),
    Column("user_agent", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("detail", Text),
    Column("at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)
Index("activity_user_idx", activity.c.user_id, activity.c.id)
Index("activity_at_idx", activity.c.at)

outbox = outbox_table(metadata)
inbox = inbox_table(metadata)
