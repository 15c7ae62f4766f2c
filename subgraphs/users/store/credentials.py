"""Accounts with what proves a password to be theirs."""

from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, exists, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from subgraphs.kit.ids import is_id
from subgraphs.users.domain.user import User, UserId, unique_key
from subgraphs.users.store.tables import sessions, users
from subgraphs.users.store.users import USER_COLUMNS, user_from


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """An account with the hash of its password.

    `known_network`: someone with its password was there before.
    """

    user: User
    password_hash: str = field(repr=False)
    known_network: bool


class CredentialStore:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def find(
        self, *, username: str | None = None, email: str | None = None, network: str = ""
    ) -> Credentials | None:
        """The account of that name, in any case."""
        column, name = (
            (users.c.username_key, username) if username is not None else (users.c.email_key, email or "")
        )
        if not (name.isprintable() and network.isprintable()):
            return None  # no account has such a name, and PostgreSQL refuses a NUL
        return await self._find(column == unique_key(name), network)

    async def get(self, user_id: str) -> Credentials | None:
        return await self._find(users.c.id == user_id, "") if is_id(user_id) else None

    async def lock_unchanged(self, credentials: Credentials) -> User | None:
        """The account as it is now, if the password is still the one that was checked.

        It then cannot change before the caller's transaction ends: who changes the role, the password or
        whether the account is active waits, and finds the session that the caller opens meanwhile.
        """
        query = (
            select(*USER_COLUMNS)
            .where(
                users.c.id == credentials.user.id,
                users.c.password_hash == credentials.password_hash,
            )
            .with_for_update(read=True, of=users)
        )
        row = (await self._connection.execute(query)).one_or_none()
        return user_from(row) if row else None

    async def set_password(self, user_id: UserId, *, new: str, old: str | None = None) -> User | None:
        """The account with another hash; None when it is gone or disabled, or its hash is not `old`."""
        condition = (users.c.id == user_id) & users.c.active
        if old is not None:
            condition &= users.c.password_hash == old
        statement = (
            update(users)
            .where(condition)
            .values(password_hash=new, updated_at=func.now())
            .returning(*USER_COLUMNS)
        )
        row = (await self._connection.execute(statement)).one_or_none()
        return user_from(row) if row else None

    async def rehash(self, user_id: UserId, *, old: str, new: str) -> None:
        """Replace the hash of a password, unless the password was changed since `old` was read."""
        await self._connection.execute(
            update(users).where(users.c.id == user_id, users.c.password_hash == old).values(password_hash=new)
        )

    async def _find(self, condition: ColumnElement[bool], network: str) -> Credentials | None:
        known = exists().where(sessions.c.user_id == users.c.id, sessions.c.network == network)
        query = select(*USER_COLUMNS, users.c.password_hash, known.label("known")).where(condition)
        row = (await self._connection.execute(query)).one_or_none()
        if row is None:
            return None
        return Credentials(user=user_from(row), password_hash=row.password_hash, known_network=row.known)
