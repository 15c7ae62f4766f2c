"""Access ids of sessions, versions of roles, resets of passwords, letters, and the activity log."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    _version_roles()
    _extend_sessions()
    _create_resets_and_letters()
    _create_activity()


def _version_roles() -> None:
    op.add_column(
        "roles",
        sa.Column("version", sa.Uuid(), nullable=False, server_default=sa.text("gen_random_uuid()")),
    )
    # Random rather than counted, so that a database that was restored or replaced never names with a
    # version of its own what another has cached under it.
    op.execute("""
        CREATE FUNCTION renew_role_version() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'TRUNCATE' THEN
                UPDATE roles SET version = gen_random_uuid();
            ELSE
                UPDATE roles SET version = gen_random_uuid()
                WHERE name IN (COALESCE(NEW.role, OLD.role), COALESCE(OLD.role, NEW.role));
            END IF;
            RETURN NULL;
        END $$
    """)
    op.execute("""
        CREATE TRIGGER role_permissions_changed AFTER INSERT OR UPDATE OR DELETE ON role_permissions
        FOR EACH ROW EXECUTE FUNCTION renew_role_version()
    """)
    op.execute("""
        CREATE TRIGGER role_permissions_truncated AFTER TRUNCATE ON role_permissions
        FOR EACH STATEMENT EXECUTE FUNCTION renew_role_version()
    """)


def _extend_sessions() -> None:
    op.add_column("sessions", sa.Column("access_id", sa.Uuid()))
    # Until now the session's own id was the `sid` of its tokens.
    op.execute("UPDATE sessions SET access_id = id")
    op.alter_column("sessions", "access_id", nullable=False)
    op.create_unique_constraint("sessions_access_id_key", "sessions", ["access_id"])
    op.add_column("sessions", sa.Column("network", sa.Text()))
    op.create_index("sessions_network_idx", "sessions", ["user_id", "network"])
    op.create_table(
        "unpublished_revocations",
        sa.Column("access_id", sa.Uuid(), primary_key=True),
        _instant("created_at", now=True),
    )


def _create_resets_and_letters() -> None:
    op.create_table(
        "password_resets",
        sa.Column("token_hash", sa.LargeBinary(), primary_key=True),
        sa.Column(
            "user_id",
            sa.Uuid(),
            sa.ForeignKey("users.id", name="password_resets_user_id_fkey", ondelete="CASCADE"),
            nullable=False,
        ),
        _instant("created_at", now=True),
        _instant("expires_at"),
        _instant("ended_at", nullable=True),
    )
    op.create_index("password_resets_user_idx", "password_resets", ["user_id"])
    op.create_table(
        "letters",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("user_agent", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        _instant("created_at", now=True),
        sa.Column("attempts", sa.Integer(), nullable=False, server_default=sa.text("0")),
        _instant("next_attempt_at", now=True),
        _instant("done_at", nullable=True),
        sa.Column("outcome", sa.Text()),
    )
    op.create_index(
        "letters_owed_idx", "letters", ["next_attempt_at"], postgresql_where=sa.text("done_at IS NULL")
    )


def _create_activity() -> None:
    op.create_table(
        "activity",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("user_id", sa.Uuid()),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.Uuid()),
        sa.Column("user_agent", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text()),
        _instant("at", now=True),
    )
    op.create_index("activity_user_idx", "activity", ["user_id", "id"])
    op.create_index("activity_at_idx", "activity", ["at"])
    # What a trigger forbids, an owner of the table can allow again, but neither by mistake nor unseen.
    op.execute("""
        CREATE FUNCTION keep_activity() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'DELETE' AND current_setting('activity.purging', true) = 'on'
               AND OLD.at < now() - interval '1 day' THEN
                RETURN OLD;
            END IF;
            RAISE EXCEPTION 'activity is append-only: % is refused', TG_OP
                USING ERRCODE = 'insufficient_privilege',
                      HINT = 'Only the purge takes rows out, by age; see USERS_RETENTION_ACTIVITY.';
        END $$
    """)
    op.execute("""
        CREATE TRIGGER activity_append_only BEFORE UPDATE OR DELETE ON activity
        FOR EACH ROW EXECUTE FUNCTION keep_activity()
    """)
    op.execute("""
        CREATE TRIGGER activity_not_truncated BEFORE TRUNCATE ON activity
        FOR EACH STATEMENT EXECUTE FUNCTION keep_activity()
    """)


def _instant(name: str, *, now: bool = False, nullable: bool = False) -> sa.Column[object]:
    default = sa.func.now() if now else None
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable, server_default=default)
