"""Roles and what they may do, from the database through Redis."""

import pytest

from subgraphs.kit.auth.viewer import ANONYMOUS, Viewer
from subgraphs.kit.errors import Forbidden, Unauthenticated
from subgraphs.kit.postgres.engine import Postgres
from subgraphs.kit.redis.client import create_redis
from subgraphs.users.domain.permissions import Permission, Role
from subgraphs.users.migrations import migrate
from subgraphs.users.service import RolePermissions
from tests.harness.statements import statements
from tests.harness.tcp_proxy import proxy_to
from tests.subgraphs.users.graphql_client import client_of, execute

ME = "{ me { permissions } }"
STAFF = ["MANAGE_ORDERS", "MANAGE_PRODUCTS", "VIEW_REPORTS"]


@pytest.fixture
async def shop(make_settings):
    """A database of its own, whose table a test may change."""
    settings = make_settings()
    await migrate(settings)
    pool = Postgres(settings.database, application="tests")
    async with client_of(settings) as client:
        staff = (await client.register(username="staff", email="staff@example.com"))["auth"]
        await execute(pool, "UPDATE users SET role = 'STAFF'")
        yield client, staff, pool, settings
    await pool.close()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("DELETE FROM role_permissions WHERE permission = 'VIEW_REPORTS'", STAFF[:2]),
        ("INSERT INTO role_permissions VALUES ('STAFF', 'MANAGE_USERS')", sorted([*STAFF, "MANAGE_USERS"])),
        ("UPDATE role_permissions SET permission = 'MANAGE_USERS' WHERE role = 'STAFF' AND permission = 'VIEW_REPORTS'",
         ["MANAGE_ORDERS", "MANAGE_PRODUCTS", "MANAGE_USERS"]),
        ("UPDATE role_permissions SET role = 'USER' WHERE role = 'STAFF'", []),
        ("TRUNCATE role_permissions", []),
    ],
)  # fmt: skip
async def test_change_of_the_table_shows_at_once_in_all_processes(shop, change, expected):
    client, staff, pool, settings = shop
    async with client_of(settings) as other:
        for process in (client, other):
            assert (await process.run(ME, staff["accessToken"]))["me"]["permissions"] == STAFF
        await execute(pool, change)
        for process in (client, other):
            assert (await process.run(ME, staff["accessToken"]))["me"]["permissions"] == expected
    auth = (await client.refresh(staff["refreshToken"]))["auth"]
    assert (await client.run(ME, auth["accessToken"]))["me"]["permissions"] == expected


async def test_change_of_the_role_shows_at_once(shop):
    client, staff, pool, _ = shop
    assert (await client.run(ME, staff["accessToken"]))["me"]["permissions"] == STAFF
    await execute(pool, "UPDATE users SET role = 'USER'")
    assert (await client.run(ME, staff["accessToken"]))["me"]["permissions"] == []


async def test_process_that_starts_finds_the_permissions_in_redis(shop):
    client, staff, pool, settings = shop
    await client.run(ME, staff["accessToken"])
    [(version,)] = await execute(pool, "SELECT version::text FROM roles WHERE name = 'STAFF'")
    async with create_redis(settings.redis) as redis:
        permissions = RolePermissions(postgres=pool, redis=redis)
        with statements(of="role_permissions") as asked:
            assert [p.value for p in await permissions.of(Role.STAFF, version)] == STAFF
            assert [p.value for p in await permissions.of(Role.STAFF, version)] == STAFF
    assert asked == []


async def test_without_redis_the_database_answers(shop):
    _, _, pool, settings = shop
    [(version,)] = await execute(pool, "SELECT version::text FROM roles WHERE name = 'ADMIN'")
    async with proxy_to(settings.redis.url) as proxy:
        behind = settings.redis.model_copy(update={"url": proxy.url})
        async with create_redis(behind) as redis:
            await proxy.stop()
            assert await RolePermissions(postgres=pool, redis=redis).of(Role.ADMIN, version) == tuple(
                sorted(Permission)
            )
            await proxy.start()


def test_check_denies_whatever_was_not_granted():
    for viewer, error in ((ANONYMOUS, Unauthenticated), (Viewer(user_id="1", role="ADMIN"), Forbidden)):
        for permission in Permission:
            assert not viewer.may(permission)
            with pytest.raises(error):
                viewer.require(permission)
