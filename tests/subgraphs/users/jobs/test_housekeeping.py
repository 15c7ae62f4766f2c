"""Deleting what was kept for long enough."""

import asyncio
from datetime import timedelta

from subgraphs.kit.background import running
from subgraphs.users.jobs import housekeeping as module
from subgraphs.users.jobs.housekeeping import Housekeeping
from subgraphs.users.settings import RetentionSettings
from subgraphs.users.store import SessionStore
from tests.subgraphs.users.graphql_client import execute


async def test_purge_takes_what_is_older_than_the_retention_and_nothing_else(client, postgres, ann):
    for days in (29, 31, 400):
        await execute(
            postgres,
            "INSERT INTO activity (id, user_id, kind, user_agent, address, at)"
            " VALUES (gen_random_uuid(), :id, 'LOGGED_IN', '', '', now() - CAST(:age AS interval))",
            id=ann["user"]["id"],
            age=timedelta(days=days),
        )
    housekeeping = Housekeeping(postgres=postgres, settings=RetentionSettings(activity="30d"))
    assert (await housekeeping.sweep())["activity"] >= 2
    assert sorted(await client.kinds(ann)) == ["LOGGED_IN", "REGISTERED"]


async def test_purge_takes_sessions_tokens_and_emails_that_are_long_over(client, postgres, ann):
    user_id = ann["user"]["id"]
    ended, expired = [(await client.login(username=ann["user"]["username"]))["auth"] for _ in range(2)]
    del ended, expired
    await execute(
        postgres,
        "WITH s AS (SELECT id, row_number() OVER (ORDER BY id) n FROM sessions WHERE user_id = :id)"
        " UPDATE sessions SET ended_at = CASE n WHEN 2 THEN now() - interval '31 d' END,"
        " expires_at = CASE n WHEN 3 THEN now() - interval '31 d' ELSE expires_at END"
        " FROM s WHERE s.id = sessions.id",
        id=user_id,
    )
    await execute(
        postgres,
        "INSERT INTO password_resets (token_hash, user_id, expires_at)"
        " VALUES ('old', :id, now() - interval '2 d'), ('new', :id, now())",
        id=user_id,
    )
    await execute(
        postgres,
        "INSERT INTO email_changes (id, user_id, email, email_key, expires_at)"
        " VALUES (gen_random_uuid(), :id, '', '', now() - interval '2 d'), (gen_random_uuid(), :id, '', '', now())",
        id=user_id,
    )
    await execute(
        postgres,
        "INSERT INTO letters (id, kind, recipient, user_agent, address, done_at)"
        " VALUES (gen_random_uuid(), 'EMAIL_CHANGED', :to, '', '', now() - interval '8 d'),"
        " (gen_random_uuid(), 'EMAIL_CHANGED', :to, '', '', now())",
        to=f"{user_id}@example.com",
    )
    await execute(
        postgres,
        "INSERT INTO inbox (consumer, message_id, at) VALUES (:id, 'old', now() - interval '31 d'), (:id, 'new', now())",
        id=user_id,
    )
    gone = await Housekeeping(postgres=postgres, settings=RetentionSettings()).sweep()
    assert (gone["sessions"], gone["password_resets"], gone["email_changes"], gone["emails"]) == (2, 1, 1, 1)
    assert gone["inbox"] == 1
    [left] = await execute(
        postgres,
        "SELECT (SELECT count(*) FROM sessions WHERE user_id = :id),"
        " (SELECT count(*) FROM password_resets WHERE user_id = :id),"
        " (SELECT count(*) FROM email_changes WHERE user_id = :id),"
        " (SELECT count(*) FROM letters WHERE recipient = :to)",
        id=user_id,
        to=f"{user_id}@example.com",
    )
    assert tuple(left) == (1, 1, 1, 1)


async def make_old_sessions(client, postgres, ann):
    """Five sessions of ann that ended long ago, and the one that she has."""
    for _ in range(5):
        await client.login(username=ann["user"]["username"])
    await execute(
        postgres,
        "UPDATE sessions SET ended_at = now() - interval '31 d' WHERE user_id = :id AND id <> "
        "(SELECT min(id::text)::uuid FROM sessions WHERE user_id = :id)",
        id=ann["user"]["id"],
    )


async def sessions_of(postgres, ann):
    query = "SELECT count(*) FROM sessions WHERE user_id = :id"
    return (await execute(postgres, query, id=ann["user"]["id"]))[0][0]


async def test_more_than_a_batch_is_purged_in_one_round(client, postgres, ann, monkeypatch):
    await make_old_sessions(client, postgres, ann)
    monkeypatch.setattr(module, "_BATCH", 2)
    gone = await Housekeeping(postgres=postgres, settings=RetentionSettings()).sweep()
    assert gone["sessions"] >= 5
    assert await sessions_of(postgres, ann) == 1


async def test_row_that_another_transaction_holds_is_passed_over_and_taken_the_next_time(
    client, postgres, ann
):
    await make_old_sessions(client, postgres, ann)
    housekeeping = Housekeeping(postgres=postgres, settings=RetentionSettings())
    async with asyncio.timeout(10), postgres.unit_of_work() as connection:
        held = "SELECT id FROM sessions WHERE ended_at < now() - interval '30 d' AND user_id = $1 LIMIT 1 FOR UPDATE"
        await connection.exec_driver_sql(held.replace("$1", f"'{ann['user']['id']}'"))
        await housekeeping.sweep()
        assert await sessions_of(postgres, ann) == 2
    await housekeeping.sweep()
    assert await sessions_of(postgres, ann) == 1


async def test_exception_does_not_end_housekeeping(client, postgres, ann, monkeypatch):
    await make_old_sessions(client, postgres, ann)
    purge, failures = SessionStore.purge, []

    async def deadlocks_twice(self, **limits):
        if len(failures) < 2:
            failures.append(1)
            raise RuntimeError("deadlock detected")
        return await purge(self, **limits)

    monkeypatch.setattr(SessionStore, "purge", deadlocks_twice)
    housekeeping = Housekeeping(postgres=postgres, settings=RetentionSettings())
    async with running(housekeeping.job), asyncio.timeout(10):
        # A poll, since PostgreSQL tells nobody of a change.
        while await sessions_of(postgres, ann) != 1:  # noqa: ASYNC110 - see above
            await asyncio.sleep(0.02)
    assert len(failures) == 2
