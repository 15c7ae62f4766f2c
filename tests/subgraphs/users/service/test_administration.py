"""Changes of roles and of whether an account may be used."""

import asyncio

import jwt
import pytest

from subgraphs.kit.postgres.engine import Postgres
from subgraphs.users.migrations import migrate
from tests.subgraphs.users.graphql_client import ME, SET_ACTIVE, SET_ROLE, client_of, execute

LIST = "{ users(first: 1) { nodes { id } } }"


async def set_role(client, auth, user, role):
    token = auth["accessToken"] if auth else None
    return (await client.run(SET_ROLE, token, id=user["user"]["id"], role=role))["setUserRole"]


async def set_active(client, auth, user, active):
    token = auth["accessToken"] if auth else None
    return (await client.run(SET_ACTIVE, token, id=user["user"]["id"], active=active))["setUserActive"]


@pytest.fixture
async def shop(make_settings):
    """A shop of its own, whose first account is its only administrator."""
    settings = make_settings(first_account_admin=True)
    await migrate(settings)
    async with client_of(settings) as client:
        boss = (await client.register(username="boss", email="boss@example.com"))["auth"]
        yield client, boss, settings


async def test_promotion_holds_from_the_next_refresh_and_the_old_token_at_once_no_more(client, ann, admin):
    result = await set_role(client, admin, ann, "STAFF")
    assert result == {
        "__typename": "SetUserRoleSuccess",
        "user": {
            "id": ann["user"]["id"],
            "role": "STAFF",
            "permissions": ["MANAGE_ORDERS", "MANAGE_PRODUCTS", "VIEW_REPORTS"],
        },
    }
    assert (await client.post(ME, ann["accessToken"])).status_code == 401
    auth = (await client.refresh(ann["refreshToken"]))["auth"]
    assert (await client.run(ME, auth["accessToken"]))["me"]["role"] == "STAFF"
    [session] = await client.sessions(auth["accessToken"])
    assert session["current"]


async def test_demotion_is_in_force_at_once_in_all_processes(client, ann, admin, settings):
    await set_role(client, admin, ann, "ADMIN")
    ann = (await client.refresh(ann["refreshToken"]))["auth"]
    async with client_of(settings) as other:
        assert await other.run(LIST, ann["accessToken"])
        await set_role(client, admin, ann, "USER")
        assert (await client.post(LIST, ann["accessToken"])).status_code == 401
        async with asyncio.timeout(10):
            # A poll, since what is awaited is what another process would answer.
            while (await other.post(LIST, ann["accessToken"])).status_code == 200:  # noqa: ASYNC110 - see above
                await asyncio.sleep(0.05)
        auth = (await other.refresh(ann["refreshToken"]))["auth"]
        assert (await other.error(LIST, auth["accessToken"]))["extensions"]["code"] == "FORBIDDEN"


async def test_disabled_account_loses_its_sessions_and_gets_them_back_by_a_login_only(client, ann, admin):
    result = await set_active(client, admin, ann, active=False)
    assert result["user"] == {"id": ann["user"]["id"], "active": False}
    assert (await client.post(ME, ann["accessToken"])).status_code == 401
    assert (await client.refresh(ann["refreshToken"]))["__typename"] == "AuthenticationError"
    assert (await client.login(username=ann["user"]["username"]))["__typename"] == "PermissionError"
    assert (await set_active(client, admin, ann, active=True))["user"]["active"]
    assert (await client.post(ME, ann["accessToken"])).status_code == 401
    assert (await client.login(username=ann["user"]["username"]))["__typename"] == "LoginSuccess"


async def test_same_again_changes_nothing(client, ann, admin):
    assert (await set_role(client, admin, ann, "USER"))["user"]["role"] == "USER"
    assert (await set_active(client, admin, ann, active=True))["user"]["active"]
    assert (await client.run(ME, ann["accessToken"]))["me"]
    assert await client.kinds(ann) == ["REGISTERED"]


@pytest.mark.parametrize(
    "change", [lambda *a: set_role(*a, "ADMIN"), lambda *a: set_active(*a, active=False)]
)
async def test_changes_need_the_permission(client, ann, admin, new_name, change):
    name = new_name()
    bob = (await client.register(username=name, email=f"{name}@example.com"))["auth"]
    await set_role(client, admin, bob, "STAFF")
    bob = (await client.refresh(bob["refreshToken"]))["auth"]
    assert (await change(client, None, ann))["code"] == "UNAUTHENTICATED"
    assert (await change(client, ann, ann))["code"] == "FORBIDDEN"
    assert (await change(client, bob, ann))["code"] == "FORBIDDEN"
    me = (await client.run("{ me { role active } }", ann["accessToken"]))["me"]
    assert me == {"role": "USER", "active": True}


@pytest.mark.parametrize("bad", ["", "x", "01930000-0000-7000-8000-000000000000"])
async def test_unknown_account_is_not_found(client, admin, bad):
    unknown = {"user": {"id": bad}}
    assert (await set_role(client, admin, unknown, "STAFF"))["code"] == "NOT_FOUND"
    assert (await set_active(client, admin, unknown, active=False))["code"] == "NOT_FOUND"


async def test_last_administrator_stays(shop):
    client, boss, _ = shop
    for result in (
        await set_role(client, boss, boss, "USER"),
        await set_active(client, boss, boss, active=False),
    ):
        assert (result["__typename"], result["code"]) == ("ConflictError", "CONFLICT")
    assert (await client.run(ME, boss["accessToken"]))["me"]["role"] == "ADMIN"


async def test_administrator_who_is_disabled_does_not_count(shop):
    client, boss, _ = shop
    ann = (await client.register(username="ann", email="ann@example.com"))["auth"]
    await set_role(client, boss, ann, "ADMIN")
    await set_active(client, boss, ann, active=False)
    assert (await set_role(client, boss, boss, "USER"))["__typename"] == "ConflictError"
    await set_active(client, boss, ann, active=True)
    assert (await set_role(client, boss, boss, "USER"))["__typename"] == "SetUserRoleSuccess"


@pytest.mark.parametrize("way", ["demote", "disable", "both"])
async def test_administrators_who_remove_each_other_at_once_leave_one(shop, way):
    client, boss, settings = shop
    names = [f"admin-{i}" for i in range(4)]
    admins = [boss]
    for name in names:
        auth = (await client.register(username=name, email=f"{name}@example.com"))["auth"]
        await set_role(client, boss, auth, "ADMIN")
        admins.append((await client.refresh(auth["refreshToken"]))["auth"])

    async def remove(by, target, one, i):
        if way == "demote" or (way == "both" and i % 2):
            return await set_role(one, by, target, "USER")
        return await set_active(one, by, target, active=False)

    async with client_of(settings) as other:
        # Everyone removes everyone, through two processes.
        pairs = [(a, b) for a in admins for b in admins]
        results = await asyncio.gather(
            *(remove(a, b, (client, other)[i % 2], i) for i, (a, b) in enumerate(pairs)),
            return_exceptions=True,
        )
    # A token that is void already is answered 401, which `run` cannot read as data.
    assert all(isinstance(r, dict | AssertionError) for r in results)
    async with client_of(settings) as fresh:
        left = []
        for name in ("boss", *names):
            result = await fresh.login(username=name)
            if result["__typename"] == "LoginSuccess":
                token = result["auth"]["accessToken"]
                left.append((await fresh.run(ME, token))["me"]["role"])
    assert left.count("ADMIN") == 1


async def test_login_while_the_role_changes_never_carries_the_old_permissions(client, ann, admin):
    for _ in range(4):
        await set_role(client, admin, ann, "STAFF")
        results = await asyncio.gather(
            *(client.login(username=ann["user"]["username"]) for _ in range(6)),
            set_role(client, admin, ann, "USER"),
            *(client.login(username=ann["user"]["username"]) for _ in range(6)),
        )
        for auth in [r["auth"] for r in results if "auth" in r]:
            response = await client.post("{ me { permissions } }", auth["accessToken"])
            assert response.status_code == 401 or not _claims(auth)


def _claims(auth):
    """The permissions that the token itself carries."""
    return jwt.decode(auth["accessToken"], options={"verify_signature": False})["perms"]


async def test_nobody_grants_what_they_may_not_do_themselves(shop):
    client, boss, settings = shop
    # A shop that lets its staff manage accounts.
    pool = Postgres(settings.database, application="tests")
    await execute(pool, "INSERT INTO role_permissions VALUES ('STAFF', 'MANAGE_USERS')")
    await execute(pool, "DELETE FROM role_permissions WHERE role = 'STAFF' AND permission = 'VIEW_REPORTS'")
    await pool.close()
    staff = (await client.register(username="staff", email="staff@example.com"))["auth"]
    await set_role(client, boss, staff, "STAFF")
    staff = (await client.refresh(staff["refreshToken"]))["auth"]
    ann = (await client.register(username="ann", email="ann@example.com"))["auth"]
    assert (await set_role(client, staff, ann, "STAFF"))["__typename"] == "SetUserRoleSuccess"
    for result in (
        await set_role(client, staff, staff, "ADMIN"),
        await set_role(client, staff, boss, "USER"),
        await set_active(client, staff, boss, active=False),
    ):
        assert (result["__typename"], result["code"]) == ("PermissionError", "FORBIDDEN")
    assert (await client.run(ME, boss["accessToken"]))["me"]["role"] == "ADMIN"
