"""What a role may do, as the database says, without asking it each time."""

import orjson
from redis.asyncio import Redis
from redis.exceptions import RedisError

from subgraphs.kit.logs import get_logger
from subgraphs.kit.postgres.engine import Postgres
from subgraphs.users.domain.permissions import Permission, Role, RoleVersion
from subgraphs.users.store import RoleStore

log = get_logger(__name__)

_KEPT_FOR = 24 * 60 * 60
_MOST_REMEMBERED = 100


class RolePermissions:
    """The permissions of a role in one of its versions, from this process, from Redis, or from the database.

    What is kept under a version never changes, since a change makes a new version, and each account that is
    read names the version that is in force. So nothing here can be out of date.
    """

    def __init__(self, *, postgres: Postgres, redis: Redis) -> None:
        self._postgres = postgres
        self._redis = redis
        self._remembered: dict[tuple[Role, RoleVersion], tuple[Permission, ...]] = {}

    async def of(self, role: Role, version: RoleVersion) -> tuple[Permission, ...]:
        """In alphabetical order; those in force where that version is no more."""
        known = self._remembered.get((role, version))
        if known is None:
            known = await self._cached(role, version)
            if known is None:
                known = await self._read(role)
            if len(self._remembered) >= _MOST_REMEMBERED:
                self._remembered.clear()
            self._remembered[role, version] = known
        return known

    async def _cached(self, role: Role, version: RoleVersion) -> tuple[Permission, ...] | None:
        try:
            text = await self._redis.get(_key(role, version))
        except (RedisError, OSError) as error:
            log.warning("permissions_not_cached", error=str(error))
            return None
        return tuple(map(Permission, orjson.loads(text))) if text else None

    async def _read(self, role: Role) -> tuple[Permission, ...]:
        async with self._postgres.read() as connection:
            version, permissions = await RoleStore(connection).permissions(role)
        try:
            await self._redis.set(_key(role, version), orjson.dumps(permissions), ex=_KEPT_FOR)
        except (RedisError, OSError) as error:
            log.warning("permissions_not_cached", error=str(error))
        return permissions


def _key(role: Role, version: RoleVersion) -> str:
    return f"users:permissions:{role}:{version}"
