"""Accounts in the database."""

from collections.abc import Sequence
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
from subgraphs.kit.postgres.outbox import enqueue
from subgraphs.users.domain.errors import Taken
from subgraphs.users.domain.events import user_registered
from subgraphs.users.domain.permissions import Role, RoleVersion
from subgraphs.users.domain.user import NewUser, ProfileChange, User, UserFilter, UserId, unique_key
from subgraphs.users.store.tables import outbox, roles, users

_ROLE_VERSION = (
    select(roles.c.version)
    # As text: SQLAlchemy does not correlate in the RETURNING of an INSERT, and would add `FROM users`.
    .where(roles.c.name == literal_column("users.role", Text))
    .scalar_subquery()
    .label("role_version")
)

USER_COLUMNS = (
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

_BY_IDS = select(*USER_COLUMNS).where(
    users.c.id == any_(bindparam("ids", type_=ARRAY(Uuid(as_uuid=False))))  # one plan for any number
)


class UserStore:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def get_many(self, ids: Sequence[str]) -> list[User | None]:
        wanted = [i for i in ids if is_id(i)]
        if not wanted:
            return [None] * len(ids)
        rows = (await self._connection.execute(_BY_IDS, {"ids": wanted})).all()
        found = {row[0]: user_from(row) for row in rows}
        return [found.get(i) for i in ids]

    async def get(self, user_id: str) -> User | None:
        return (await self.get_many([user_id]))[0]

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
        """The account, and its UserRegistered.

        Raises Taken when the username or the e-mail address belongs to another account.
        """
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
            .returning(*USER_COLUMNS)
        )
        added = user_from((await self._write(statement)).one())
        await enqueue(self._connection, outbox, user_registered(added))
        return added

    async def lock(self, user_id: str) -> User | None:
        """The account as it is; nobody else changes it before the caller's transaction ends.

        What belongs to an account (sessions, resets, changes of its address) is written after its own row, so
        that no two transactions wait for each other.
        """
        if not is_id(user_id):
            return None
        query = select(*USER_COLUMNS).where(users.c.id == user_id).with_for_update(key_share=True, of=users)
        row = (await self._connection.execute(query)).one_or_none()
        return user_from(row) if row else None

    async def check_email_free(self, email: str, *, user_id: UserId) -> None:
        """Raises Taken when the address belongs to an account other than `user_id`."""
        query = select(exists().where(users.c.email_key == unique_key(email), users.c.id != user_id))
        if (await self._connection.execute(query)).scalar_one():
            raise Taken("email")

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
            update(users).where(users.c.id == user_id, users.c.active).values(values).returning(*USER_COLUMNS)
        )
        row = (await self._write(statement)).one_or_none()
        return user_from(row) if row else None

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
            .returning(*USER_COLUMNS)
        )
        return user_from((await self._connection.execute(statement)).one())

    async def list(self, filter_: UserFilter, *, limit: int, before: str | None) -> list[User]:
        """Newest first, those older than the account with the id `before`."""
        query = select(*USER_COLUMNS).where(_matches(filter_)).order_by(users.c.id.desc()).limit(limit)
        if before is not None:
            query = query.where(users.c.id < before)
        return [user_from(row) for row in await self._connection.execute(query)]

    async def count(self, filter_: UserFilter) -> int:
        query: Select[int] = select(func.count()).select_from(users).where(_matches(filter_))
        return (await self._connection.execute(query)).scalar_one()

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


def user_from(row: Any) -> User:
    """The account of a row that begins with `USER_COLUMNS`."""
    # By position: an attribute of a row is looked up by its name, which for fifty rows is a third of the read.
    id_, username, email, first, last, phone, address, role, version, active, created, updated = row[:12]
    return User(
        id=UserId(id_),
        username=username,
        email=email,
        first_name=first,
        last_name=last,
        phone=phone,
        address=address,
        role=_ROLES[role],
        role_version=RoleVersion(str(version)),
        active=active,
        created_at=created,
        updated_at=updated,
    )


_ROLES = {role.value: role for role in Role}
