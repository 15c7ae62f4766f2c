"""The migrations, and the runner that all PostgreSQL slices share."""

import asyncio
import shutil
import time

import pytest
from sqlalchemy import text

from subgraphs.kit.postgres import migrations as runner
from subgraphs.kit.postgres.engine import Postgres
from subgraphs.kit.postgres.migrations import MigrationError, differences
from subgraphs.kit.settings import DatabaseSettings
from subgraphs.users.domain.permissions import Permission, Role
from subgraphs.users.migrations import SCRIPTS, migrate
from subgraphs.users.store import metadata
from tests.harness.tcp_proxy import TcpProxy
from tests.subgraphs.users.graphql_client import client_of, execute
from tests.subgraphs.users.sent_emails import email_to


async def test_migrations_make_the_tables_of_the_store(settings):
    assert await differences(settings.database, metadata) == []


async def test_roles_and_permissions_are_those_of_the_domain(postgres):
    rows = await execute(
        postgres,
        "SELECT name, array(SELECT permission FROM role_permissions WHERE role = name ORDER BY 1) FROM roles",
    )
    assert {Role(role): list(map(Permission, permissions)) for role, permissions in rows} == {
        Role.USER: [],
        Role.STAFF: [Permission.MANAGE_ORDERS, Permission.MANAGE_PRODUCTS, Permission.VIEW_REPORTS],
        Role.ADMIN: sorted(Permission),
    }


async def test_sessions_of_the_first_release_keep_their_access_tokens(make_settings):
    settings = make_settings()
    await runner.migrate(settings.database, scripts=SCRIPTS, owner="users", revision="0001")
    pool = Postgres(settings.database, application="tests")
    await execute(
        pool,
        "WITH u AS (INSERT INTO users (id, username, username_key, email, email_key, password_hash, role)"
        " VALUES (gen_random_uuid(), 'ann', 'ann', 'a@b.co', 'a@b.co', '', 'USER') RETURNING id)"
        " INSERT INTO sessions (id, user_id, family_hash, token_hash, user_agent, address, expires_at)"
        " SELECT gen_random_uuid(), id, '', '', '', '', now() + interval '1 d' FROM u",
    )
    await migrate(settings)
    rows = await execute(pool, "SELECT id = access_id, network FROM sessions")
    assert [tuple(row) for row in rows] == [(True, None)]
    await pool.close()


async def test_email_that_was_queued_before_the_migration_is_sent_after_it(make_settings):
    settings = make_settings()
    await runner.migrate(settings.database, owner="users", scripts=SCRIPTS, revision="0002")
    pool = Postgres(settings.database, application="tests")
    await execute(
        pool,
        "INSERT INTO letters (id, kind, recipient, user_agent, address)"
        " VALUES (gen_random_uuid(), 'EMAIL_CHANGED', 'ann@example.com', '', '')",
    )
    await migrate(settings)
    async with client_of(settings):
        message = await email_to(settings.mail.folder, "ann@example.com")
    assert message["Subject"] == "Your e-mail address was changed"
    indexes = "SELECT indexdef FROM pg_indexes WHERE indexname = 'outbox_published'"
    [(definition,)] = await execute(pool, indexes)
    assert definition.endswith("(published_at) WHERE (published_at IS NOT NULL)")
    await pool.close()


async def test_second_run_finds_nothing_to_do(settings, postgres, ann):
    await migrate(settings)
    rows = await execute(postgres, "SELECT username FROM users WHERE id = :id", id=ann["user"]["id"])
    assert [tuple(row) for row in rows] == [(ann["user"]["username"],)]


async def test_migration_waits_for_the_one_that_runs(make_settings, monkeypatch):
    settings = make_settings()
    pool = Postgres(settings.database, application="tests")
    waits = asyncio.Event()
    monkeypatch.setattr(runner.log, "info", lambda *_, **__: waits.set())
    async with pool.read() as connection:
        await connection.execute(text("SELECT pg_advisory_lock(hashtext('migrations'))"))
        task = asyncio.create_task(migrate(settings))
        await waits.wait()
        assert not task.done()
        assert (await connection.execute(text("SELECT to_regclass('users')"))).scalar_one() is None
        await connection.execute(text("SELECT pg_advisory_unlock_all()"))
    await task
    async with pool.read() as connection:
        assert (await connection.execute(text("SELECT to_regclass('users')"))).scalar_one() == "users"
    await pool.close()


async def test_migration_waits_for_a_server_that_is_starting(make_settings, monkeypatch):
    settings = make_settings()
    proxy = TcpProxy(settings.database.url)
    await proxy.start()
    await proxy.stop()
    waits = asyncio.Event()
    monkeypatch.setattr(runner.log, "info", lambda *_, **__: waits.set())
    task = asyncio.create_task(
        runner.migrate(DatabaseSettings(url=proxy.url), scripts=SCRIPTS, owner="users")
    )
    await waits.wait()
    await proxy.start()
    await task
    await proxy.stop()
    assert await differences(settings.database, metadata) == []


async def test_server_that_stays_away_is_named_without_its_password():
    proxy = TcpProxy("postgresql://127.0.0.1:1/users")
    await proxy.start()
    await proxy.stop()
    url = proxy.url.replace("//", "//app:secret@")
    started = time.monotonic()
    with pytest.raises(MigrationError) as caught:
        await runner.migrate(DatabaseSettings(url=url), scripts=SCRIPTS, owner="users", patience=0.3)
    assert time.monotonic() - started < 5
    assert "did not answer within 0.3 s" in str(caught.value)
    assert "_DATABASE_URL" in str(caught.value)
    assert "secret" not in str(caught.value)


async def test_database_that_does_not_exist_is_said_at_once(settings):
    url = settings.database.url + "-missing"
    with pytest.raises(MigrationError, match="does not exist"):
        await runner.migrate(DatabaseSettings(url=url), scripts=SCRIPTS, owner="users")


async def test_folder_with_a_percent_sign_in_its_name_is_fine(make_settings, tmp_path):
    scripts = shutil.copytree(SCRIPTS, tmp_path / "100% sure")
    settings = make_settings()
    await runner.migrate(settings.database, scripts=scripts, owner="users")
    assert await differences(settings.database, metadata) == []
