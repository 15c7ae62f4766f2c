"""Accounts in the database."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Select,
    Text,
    Uuid,
    any_,
    bindparam,
    exists,
    func,
    insert,
    literal_column,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from subgraphs.kit.ids import is_id, new_id
from subgraphs.users.domain import NewUser, ProfileChange, Role, RoleVersion, User, UserId, unique_key
from subgraphs.users.errors import Taken
from subgraphs.users.store.tables import roles, sessions, users

_ROLE_VERSION = (
    select(roles.c.version)
    # As text: SQLAlchemy does not correlate in the RETURNING of an INSERT, and would add `FROM users`.
    .where(roles.c.name == literal_column("users.role", Text))
    .scalar_subquery()
    .label("role_version")
)

_COLUMNS = (
    users.c.id,
    users.c.username,
    users.c.email,
    users.c.first_name,
    users.c.last_name,
    users.c.phone,
    users.c.address,
    users.c.role,
    _ROLE_VERSION,
    users.c.active,
    users.c.created_at,
    users.c.updated_at,
)

_BY_IDS = select(*_COLUMNS).where(
    users.c.id == any_(bindparam("ids", type_=ARRAY(Uuid(as_uuid=False))))  # one plan for any number
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """An account with what proves a password to be its own.

    `known_network`: someone with its password was there before.
    """

    user: User
    password_hash: str
    known_network: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class UserFilter:
    search: str | None = None
    role: Role | None = None
    active: bool | None = None


class UserStore:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def get_many(self, ids: Sequence[str]) -> list[User | None]:
        wanted = [i for i in ids if is_id(i)]
        if not wanted:
            return [None] * len(ids)
        rows = (await self._connection.execute(_BY_IDS, {"ids": wanted})).all()
        found = {row.id: _user(row) for row in rows}
        return [found.get(i) for i in ids]

    async def get(self, user_id: str) -> User | None:
        return (await self.get_many([user_id]))[0]

    async def credentials(
        self, *, username: str | None = None, email: str | None = None, network: str = ""
    ) -> Credentials | None:
        """The account of that name, in any case."""
        column, name = (
            (users.c.username_key, username) if username is not None else (users.c.email_key, email or "")
        )
        if not (name.isprintable() and network.isprintable()):
            return None  # no account has such a name, and PostgreSQL refuses a NUL
        return await self._credentials(column == unique_key(name), network)

    async def credentials_of(self, user_id: str) -> Credentials | None:
        return await self._credentials(users.c.id == user_id, "") if is_id(user_id) else None

    async def still(self, credentials: Credentials) -> User | None:
        """The account as it is now, if the password is still the one that was checked.

        It then cannot change before the caller's transaction ends: who changes the role, the password or
        whether the account is active waits, and finds the session that the caller opens meanwhile.
        """
        query = (
            select(*_COLUMNS)
            .where(
                users.c.id == credentials.user.id,
                users.c.password_hash == credentials.password_hash,
            )
            .with_for_update(read=True, of=users)
        )
        row = (await self._connection.execute(query)).one_or_none()
        return _user(row) if row else None

    async def claim_first(self) -> bool:
        """Whether the caller's transaction may add the very first account.

        Of several that ask at once one hears True; the others wait until it has committed.
        """
        none_yet = select(~exists(select(users.c.id)))
        if not (await self._connection.execute(none_yet)).scalar_one():
            return False
        await self._connection.execute(select(func.pg_advisory_xact_lock(func.hashtext("first_account"))))
        return bool((await self._connection.execute(none_yet)).scalar_one())

    async def add(self, user: NewUser, *, role: Role, password_hash: str) -> User:
        """Raises Taken when the username or the e-mail address belongs to another account."""
        statement = (
            insert(users)
            .values(
                id=new_id(),
                username=user.username,
                username_key=unique_key(user.username),
                email=user.email,
                email_key=unique_key(user.email),
                password_hash=password_hash,
                first_name=user.first_name,
                last_name=user.last_name,
                phone=user.phone,
                address=user.address,
                role=role,
            )
            .returning(*_COLUMNS)
        )
        return _user((await self._write(statement)).one())

    async def change(self, user_id: str, change: ProfileChange) -> User | None:
        """The account after the change; None when it does not exist or is disabled.

        Raises Taken when the e-mail address belongs to another account.
        """
        if not is_id(user_id):
            return None
        values: dict[str, Any] = {**change, "updated_at": func.now()}
        if email := change.get("email"):
            values["email_key"] = unique_key(email)
        statement = (
            update(users).where(users.c.id == user_id, users.c.active).values(values).returning(*_COLUMNS)
        )
        row = (await self._write(statement)).one_or_none()
        return _user(row) if row else None

    async def set_password(self, user_id: UserId, *, new: str, old: str | None = None) -> User | None:
        """The account with another hash; None when it is gone or disabled, or its hash is not `old`."""
        condition = (users.c.id == user_id) & users.c.active
        if old is not None:
            condition &= users.c.password_hash == old
        statement = (
            update(users)
            .where(condition)
            .values(password_hash=new, updated_at=func.now())
            .returning(*_COLUMNS)
        )
        row = (await self._connection.execute(statement)).one_or_none()
        return _user(row) if row else None

    async def rehash(self, user_id: UserId, *, old: str, new: str) -> None:
        """Replace the hash of a password, unless the password was changed since `old` was read."""
        await self._connection.execute(
            update(users).where(users.c.id == user_id, users.c.password_hash == old).values(password_hash=new)
        )

    async def lock_administration(self) -> None:
        """Let the caller's transaction be the only one that changes who may do what, until it ends."""
        await self._connection.execute(select(func.pg_advisory_xact_lock(func.hashtext("administration"))))

    async def another_administrator(self, user_id: UserId) -> bool:
        """Whether an active administrator would be left without `user_id`."""
        query = select(exists().where(users.c.role == Role.ADMIN, users.c.active, users.c.id != user_id))
        return bool((await self._connection.execute(query)).scalar_one())

    async def set_role(self, user_id: UserId, role: Role) -> User:
        return await self._set(user_id, role=role)

    async def set_active(self, user_id: UserId, *, active: bool) -> User:
        return await self._set(user_id, active=active)

    async def _set(self, user_id: UserId, **values: Any) -> User:
        statement = (
            update(users)
            .where(users.c.id == user_id)
            .values(**values, updated_at=func.now())
            .returning(*_COLUMNS)
        )
        return _user((await self._connection.execute(statement)).one())

    async def list(self, filter_: UserFilter, *, limit: int, before: str | None) -> list[User]:
        """Newest first, those older than the account with the id `before`."""
        query = select(*_COLUMNS).where(_matches(filter_)).order_by(users.c.id.desc()).limit(limit)
        if before is not None:
            query = query.where(users.c.id < before)
        return [_user(row) for row in await self._connection.execute(query)]

    async def count(self, filter_: UserFilter) -> int:
        query: Select[int] = select(func.count()).select_from(users).where(_matches(filter_))
        return (await self._connection.execute(query)).scalar_one()

    async def _credentials(self, condition: ColumnElement[bool], network: str) -> Credentials | None:
        known = exists().where(sessions.c.user_id == users.c.id, sessions.c.network == network)
        query = select(*_COLUMNS, users.c.password_hash, known.label("known")).where(condition)
        row = (await self._connection.execute(query)).one_or_none()
        if row is None:
            return None
        return Credentials(user=_user(row), password_hash=row.password_hash, known_network=row.known)

    async def _write(self, statement: Any) -> Any:
        try:
            return await self._connection.execute(statement)
        except IntegrityError as error:
            constraint = getattr(getattr(error.orig, "__cause__", None), "constraint_name", None)
            field = {"users_username_key_key": "username", "users_email_key_key": "email"}.get(
                constraint or ""
            )
            if field is None:
                raise
            raise Taken(field) from error


def _matches(filter_: UserFilter) -> ColumnElement[bool]:
    condition: ColumnElement[bool] = true()
    if filter_.search:
        columns = (users.c.username, users.c.email, users.c.first_name, users.c.last_name)
        condition &= or_(*(c.icontains(filter_.search, autoescape=True) for c in columns))
    if filter_.role is not None:
        condition &= users.c.role == filter_.role
    if filter_.active is not None:
        condition &= users.c.active == filter_.active
    return condition


def _user(row: Any) -> User:
    return User(
        id=UserId(row.id),
        username=row.username,
        email=row.email,
        first_name=row.first_name,
        last_name=row.last_name,
        phone=row.phone,
        address=row.address,
        role=Role(row.role),
        role_version=RoleVersion(str(row.role_version)),
        active=row.active,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
