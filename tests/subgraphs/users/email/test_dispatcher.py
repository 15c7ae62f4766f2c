"""E-mails leave by SMTP, sooner or later, whatever happens to the server or to us."""

import asyncio
import time
from datetime import timedelta

import pytest

from subgraphs.kit.postgres.engine import Postgres
from subgraphs.users.credentials.keys import KeyRing
from subgraphs.users.email import dispatcher
from subgraphs.users.email.composer import Composer
from subgraphs.users.email.dispatcher import EmailDispatcher
from subgraphs.users.email.senders import SmtpSender, create_sender
from subgraphs.users.jobs.measurement import Measurement
from subgraphs.users.migrations import migrate
from subgraphs.users.settings import EmailSettings
from tests.harness.samples import sample
from tests.subgraphs.users.graphql_client import (
    CONFIRM_EMAIL,
    PASSWORD,
    REQUEST_RESET,
    RESET,
    UPDATE_PROFILE,
    client_of,
    execute,
)
from tests.subgraphs.users.sent_emails import token_in
from tests.subgraphs.users.smtp_server import smtp_server

LIFE = timedelta(minutes=30)


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(dispatcher, "_FIRST_PAUSE", 0.05)
    monkeypatch.setattr(dispatcher, "_POLL", 0.05)


@pytest.fixture
async def quiet(make_settings):
    """Settings of a migrated database of its own, so that no other dispatcher takes its e-mails."""
    settings = make_settings()
    await migrate(settings)
    return settings


def mailing(settings, port, **fields):
    return settings.model_copy(
        update={"mail": EmailSettings(host="127.0.0.1", port=port, timeout=2, **fields)}
    )


@pytest.fixture
def email(new_name):
    return f"{new_name()}@example.com"


async def ask(client, email):
    """An e-mail for a new account."""
    await client.register(username=email.partition("@")[0], email=email)
    result = (await client.run(REQUEST_RESET, email=email))["requestPasswordReset"]
    assert result["__typename"] == "RequestPasswordResetSuccess"


async def wait_until(done, seconds=10):
    async with asyncio.timeout(seconds):
        while not done():  # noqa: ASYNC110 - a server tells nobody what it got
            await asyncio.sleep(0.02)


async def test_email_goes_by_smtp_and_its_link_works(quiet, email):
    async with (
        smtp_server() as smtp,
        client_of(mailing(quiet, smtp.port, sender="Shop <shop@example.org>")) as client,
    ):
        await ask(client, email)
        await wait_until(lambda: smtp.emails)
        [message] = smtp.emails
        assert (message["From"], message["To"]) == ("Shop <shop@example.org>", email)
        assert message["Message-ID"].endswith("@example.org>")
        assert message["Auto-Submitted"] == "auto-generated"
        result = await client.run(RESET, resetToken=token_in(message), new="a much better one")
        assert result["resetPassword"]["__typename"] == "ResetPasswordSuccess"


async def test_request_does_not_wait_for_a_server_that_is_away_and_the_email_leaves_when_it_is_back(
    quiet, email
):
    async with smtp_server() as smtp:
        port = smtp.port
    async with client_of(mailing(quiet, port)) as client:
        await ask(client, email)
        await asyncio.sleep(0.3)
        async with smtp_server(port) as smtp:
            await wait_until(lambda: smtp.emails)
            result = await client.run(RESET, resetToken=token_in(smtp.emails[0]), new="a much better one")
    assert result["resetPassword"]["__typename"] == "ResetPasswordSuccess"


async def test_email_of_a_process_that_died_is_sent_by_another(quiet, email, monkeypatch):
    async def dies(*_):
        await asyncio.Event().wait()

    async with smtp_server() as smtp:
        settings = mailing(quiet, smtp.port)
        monkeypatch.setattr(dispatcher, "_LEASE", timedelta(seconds=0.3))
        with monkeypatch.context() as crash:
            crash.setattr(SmtpSender, "send", dies)
            async with client_of(settings) as client:
                await ask(client, email)
                await asyncio.sleep(0.2)
        assert not smtp.emails
        async with client_of(settings) as client:
            await wait_until(lambda: smtp.emails)


@pytest.mark.parametrize("command", ["RCPT", "DATA", "MAIL"])
async def test_server_that_is_busy_is_asked_again(quiet, email, command):
    async with smtp_server() as smtp, client_of(mailing(quiet, smtp.port)) as client:
        smtp.answers[command] = "451 come back later"
        await ask(client, email)
        await wait_until(lambda: sum(c.upper().startswith(command) for c in smtp.commands) >= 2)
        assert not smtp.emails
        smtp.answers.clear()
        await wait_until(lambda: smtp.emails)


async def test_email_that_is_refused_for_good_is_given_up(quiet, email):
    async with smtp_server() as smtp, client_of(mailing(quiet, smtp.port)) as client:
        smtp.answers["RCPT"] = "550 no such box"
        await ask(client, email)
        await wait_until(lambda: any(c.startswith("rcpt") for c in smtp.commands))
        await asyncio.sleep(0.3)
        assert sum(c.startswith("rcpt") for c in smtp.commands) == 1
        metrics = (await client.http.get("/metrics")).text
    assert 'emails_total{kind="PASSWORD_RESET",outcome="GIVEN_UP"}' in metrics


async def test_server_logs_in_with_the_account_of_the_settings(quiet, email):
    async with (
        smtp_server() as smtp,
        client_of(mailing(quiet, smtp.port, user="shop", password="x")) as client,
    ):
        await ask(client, email)
        await wait_until(lambda: smtp.emails)
        assert any(c.startswith("AUTH PLAIN") for c in smtp.commands)


async def test_server_that_cannot_encrypt_gets_nothing_where_encryption_is_asked_for(quiet, email):
    async with smtp_server() as smtp, client_of(mailing(quiet, smtp.port, security="starttls")) as client:
        await ask(client, email)
        await wait_until(lambda: len(smtp.commands) >= 2)
        await asyncio.sleep(0.1)
        assert not smtp.emails
        assert not any(c.lower().startswith(("mail", "rcpt", "auth")) for c in smtp.commands)


async def test_email_that_is_too_late_is_given_up(settings, postgres, ann):
    [(email_id,)] = await execute(
        postgres,
        "INSERT INTO letters (id, kind, recipient, user_agent, address, created_at)"
        " VALUES (gen_random_uuid(), 'PASSWORD_RESET', :to, '', '', now() - interval '31 min') RETURNING id",
        to=ann["user"]["email"],
    )
    composer = Composer(postgres=postgres, settings=settings.mail, reset_life=LIFE)
    one = EmailDispatcher(postgres=postgres, composer=composer, sender=create_sender(settings.mail))
    async with asyncio.timeout(10):
        while True:
            await one.send_batch()
            [(outcome,)] = await execute(postgres, "SELECT outcome FROM letters WHERE id = :id", id=email_id)
            if outcome:
                break
    assert outcome == "GIVEN_UP"


async def test_confirmation_that_could_not_be_sent_is_sent_with_another_token(quiet, email):
    wanted = f"new-{email}"
    change = {"email": wanted, "currentPassword": PASSWORD}
    async with smtp_server() as smtp, client_of(mailing(quiet, smtp.port)) as client:
        smtp.answers["DATA"] = "451 come back later"
        auth = (await client.register(username=email.partition("@")[0], email=email))["auth"]
        await client.run(UPDATE_PROFILE, auth["accessToken"], input=change)
        await wait_until(lambda: sum(c.startswith("rcpt") and wanted in c for c in smtp.commands) >= 2)
        smtp.answers.clear()
        await wait_until(lambda: any(m["To"] == wanted for m in smtp.emails))
        [message] = [m for m in smtp.emails if m["To"] == wanted]
        result = await client.run(CONFIRM_EMAIL, emailToken=token_in(message))
    assert result["confirmEmail"]["__typename"] == "ConfirmEmailSuccess"


async def test_reset_that_is_composed_beside_a_change_of_the_address_is_not_sent(quiet, email):
    """Else the old address would get a token after those that it had were voided."""
    pool = Postgres(quiet.database, application="tests")
    await execute(
        pool,
        "INSERT INTO users (id, username, username_key, email, email_key, password_hash, role)"
        " VALUES (gen_random_uuid(), 'ann', 'ann', :email, :email, '', 'USER')",
        email=email,
    )
    await execute(
        pool,
        "INSERT INTO letters (id, kind, recipient, user_agent, address)"
        " VALUES (gen_random_uuid(), 'PASSWORD_RESET', :to, '', '')",
        to=email,
    )
    composer = Composer(postgres=pool, settings=quiet.mail, reset_life=LIFE)
    one = EmailDispatcher(postgres=pool, composer=composer, sender=create_sender(quiet.mail))
    waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    async with pool.unit_of_work() as connection:
        await connection.exec_driver_sql("UPDATE users SET email = 'new@b.co', email_key = 'new@b.co'")
        sending = asyncio.create_task(one.send_batch())
        async with asyncio.timeout(10):
            while not (await execute(pool, waits))[0][0]:  # noqa: ASYNC110 - PostgreSQL tells nobody
                await asyncio.sleep(0.02)
    await sending
    outcomes = await execute(pool, "SELECT outcome, (SELECT count(*) FROM password_resets) FROM letters")
    assert [tuple(row) for row in outcomes] == [("NOT_NEEDED", 0)]
    await pool.close()


async def test_what_waits_is_measured_and_since_when_the_key_signs(quiet, email, tmp_path):
    ring = KeyRing(tmp_path / "keys")
    postgres = Postgres(quiet.database, application="tests")
    measurement = Measurement(postgres=postgres, ring=ring)
    async with smtp_server() as smtp, client_of(mailing(quiet, smtp.port)) as client:
        smtp.answers["RCPT"] = "450 later"
        await ask(client, email)
        await wait_until(lambda: any(c.startswith("rcpt") for c in smtp.commands))
        await measurement.run_once()
        assert sample("email_queue_waiting") == 1
        assert 0 < sample("email_queue_oldest_seconds") < 30
        smtp.answers.clear()
        async with asyncio.timeout(10):
            while sample("email_queue_waiting"):
                await measurement.run_once()
    assert len(smtp.emails) == 1
    await postgres.close()
    assert (sample("email_queue_waiting"), sample("email_queue_oldest_seconds")) == (0, 0)
    assert sample("signing_key_active_timestamp_seconds") == ring.signing_key().active_from.timestamp()
    assert time.time() - sample("signing_key_active_timestamp_seconds") < 60
