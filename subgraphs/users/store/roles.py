"""Roles and what they may do."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from subgraphs.users.domain.permissions import Permission, Role, RoleVersion
from subgraphs.users.store.tables import role_permissions, roles


class RoleStore:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def permissions(self, role: Role) -> tuple[RoleVersion, tuple[Permission, ...]]:
        """The version of the role that is in force and its permissions, in alphabetical order.

        One statement, so that both are of one moment.
        """
        query = (
            select(roles.c.version, role_permissions.c.permission)
            .join_from(roles, role_permissions, isouter=True)
            .where(roles.c.name == role)
        )
        rows = (await self._connection.execute(query)).all()
        granted = sorted(Permission(row.permission) for row in rows if row.permission is not None)
        return RoleVersion(rows[0].version), tuple(granted)
