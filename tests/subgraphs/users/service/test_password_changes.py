"""Changing a password, and resetting one that is forgotten."""

import asyncio

import pytest

from subgraphs.users.credentials.one_time_tokens import OneTimeToken
from subgraphs.users.email.dispatcher import EmailDispatcher
from tests.harness.statements import statements
from tests.subgraphs.users.graphql_client import (
    CHANGE_PASSWORD,
    ME,
    PASSWORD,
    REQUEST_RESET,
    RESET,
    execute,
)
from tests.subgraphs.users.sent_emails import email_to, emails_to, token_in, until_settled

NEW = "a much better one"


async def change(client, auth, current, new):
    token = auth["accessToken"] if auth else None
    return (await client.run(CHANGE_PASSWORD, token, current=current, new=new))["changePassword"]


async def request(client, email):
    return (await client.run(REQUEST_RESET, email=email))["requestPasswordReset"]


async def reset(client, token, new=NEW):
    return (await client.run(RESET, resetToken=token, new=new))["resetPassword"]


@pytest.fixture
async def token(client, ann, settings):
    """From an e-mail to ann."""
    await request(client, ann["user"]["email"])
    return token_in(await email_to(settings.mail.folder, ann["user"]["email"]))


async def test_change_ends_all_other_sessions_and_keeps_this_one(client, ann, settings):
    other = (await client.login(username=ann["user"]["username"]))["auth"]
    result = await change(client, ann, PASSWORD, NEW)
    assert result == {"__typename": "ChangePasswordSuccess", "user": {"id": ann["user"]["id"]}}
    assert (await client.post(ME, other["accessToken"])).status_code == 401
    assert (await client.refresh(other["refreshToken"]))["__typename"] == "AuthenticationError"
    assert (await client.run(ME, ann["accessToken"]))["me"]
    assert (await client.refresh(ann["refreshToken"]))["__typename"] == "RefreshSuccess"
    assert (await client.login(username=ann["user"]["username"]))["__typename"] == "AuthenticationError"
    login = await client.login(username=ann["user"]["username"], password=NEW)
    assert login["__typename"] == "LoginSuccess"
    message = await email_to(settings.mail.folder, ann["user"]["email"])
    assert message["Subject"] == "Your password was changed"


async def test_change_needs_the_present_password(client, ann):
    other = (await client.login(username=ann["user"]["username"]))["auth"]
    result = await change(client, ann, "wrong", NEW)
    assert (result["__typename"], result["message"]) == (
        "AuthenticationError",
        "The current password is wrong.",
    )
    assert (await client.login(username=ann["user"]["username"]))["__typename"] == "LoginSuccess"
    assert (await client.run(ME, other["accessToken"]))["me"]


async def test_nobody_changes_nothing(client):
    assert (await change(client, None, PASSWORD, NEW))["code"] == "UNAUTHENTICATED"


@pytest.mark.parametrize("bad", ["short", "x" * 129])
async def test_new_password_that_does_not_fit_is_named_and_changes_nothing(client, ann, token, bad):
    changed = await change(client, ann, PASSWORD, bad)
    assert (changed["__typename"], changed["field"]) == ("ValidationError", "newPassword")
    done = await reset(client, token, bad)
    assert (done["__typename"], done["field"]) == ("ValidationError", "newPassword")
    assert (await client.login(username=ann["user"]["username"]))["__typename"] == "LoginSuccess"
    # The token stays good for a better password.
    assert (await reset(client, token))["__typename"] == "ResetPasswordSuccess"


async def test_guesses_of_the_present_password_are_slowed_down(client, ann):
    for _ in range(5):
        assert (await change(client, ann, "wrong", NEW))["__typename"] == "AuthenticationError"
    result = await change(client, ann, PASSWORD, NEW)
    assert (result["__typename"], result["retryAfter"]) == ("RateLimitedError", 1)
    # A login of the same account has nothing to do with it.
    assert (await client.login(username=ann["user"]["username"]))["__typename"] == "LoginSuccess"


async def test_concurrent_changes_have_one_winner(client, ann):
    results = await asyncio.gather(*(change(client, ann, PASSWORD, f"{NEW} {i}") for i in range(10)))
    winners = [i for i, r in enumerate(results) if r["__typename"] == "ChangePasswordSuccess"]
    assert len(winners) == 1
    login = await client.login(username=ann["user"]["username"], password=f"{NEW} {winners[0]}")
    assert login["__typename"] == "LoginSuccess"


async def test_login_with_the_old_password_while_it_changes_leaves_no_session(client, ann):
    name = ann["user"]["username"]
    results = await asyncio.gather(
        *(client.login(username=name) for _ in range(6)),
        change(client, ann, PASSWORD, NEW),
        *(client.login(username=name) for _ in range(6)),
    )
    assert [r["__typename"] for r in results if "user" in r] == ["ChangePasswordSuccess"]
    [session] = await client.sessions(ann["accessToken"])
    assert session["current"]


async def test_reset_sets_the_password_and_ends_all_sessions(client, ann, token):
    assert await reset(client, token) == {
        "__typename": "ResetPasswordSuccess",
        "user": {"id": ann["user"]["id"], "email": None},
    }
    assert (await client.post(ME, ann["accessToken"])).status_code == 401
    assert (await client.refresh(ann["refreshToken"]))["__typename"] == "AuthenticationError"
    login = await client.login(username=ann["user"]["username"], password=NEW)
    assert login["__typename"] == "LoginSuccess"
    assert "PASSWORD_RESET" in await client.kinds(login["auth"])


async def test_token_works_once_under_twenty_concurrent_uses(client, ann, token):
    results = await asyncio.gather(*(reset(client, token, f"{NEW} {i}") for i in range(20)))
    winners = [i for i, r in enumerate(results) if r["__typename"] == "ResetPasswordSuccess"]
    assert len(winners) == 1
    assert {(r["code"], r["field"]) for r in results if "code" in r} == {("VALIDATION_FAILED", "token")}
    login = await client.login(username=ann["user"]["username"], password=f"{NEW} {winners[0]}")
    assert login["__typename"] == "LoginSuccess"
    assert (await reset(client, token))["field"] == "token"


async def test_every_new_password_voids_the_tokens_that_are_out(client, ann, token):
    await change(client, ann, PASSWORD, NEW)
    assert (await reset(client, token))["field"] == "token"


async def test_change_and_reset_at_once_do_not_wait_for_each_other(client, ann, token):
    results = await asyncio.gather(
        *(change(client, ann, PASSWORD, f"{NEW} {i}") for i in range(4)),
        *(reset(client, token, f"{NEW} {i}") for i in range(4, 8)),
    )
    done = [
        i
        for i, r in enumerate(results)
        if r["__typename"] in {"ChangePasswordSuccess", "ResetPasswordSuccess"}
    ]
    assert done
    login = await client.login(username=ann["user"]["username"], password=f"{NEW} {done[-1]}")
    assert login["__typename"] == "LoginSuccess"


async def test_token_that_is_too_old_is_refused(client, ann, token, postgres):
    await execute(
        postgres,
        "UPDATE password_resets SET expires_at = now() WHERE user_id = :id",
        id=ann["user"]["id"],
    )
    assert (await reset(client, token))["field"] == "token"


@pytest.mark.parametrize("bad", ["", "x", "é" * 43, "A" * 43, "A" * 1000, "a\x00b"])
async def test_text_that_is_no_token_is_refused(client, bad):
    result = await reset(client, bad)
    assert (result["__typename"], result["field"]) == ("ValidationError", "token")


async def test_disabled_account_gets_no_email_and_its_tokens_do_not_work(
    client, ann, token, settings, postgres
):
    await execute(postgres, "UPDATE users SET active = false WHERE id = :id", id=ann["user"]["id"])
    assert (await reset(client, token))["field"] == "token"
    await request(client, ann["user"]["email"])
    await until_settled(postgres, ann["user"]["email"])
    assert len(emails_to(settings.mail.folder, ann["user"]["email"])) == 1


async def test_database_holds_no_token(ann, token, postgres):
    secret = OneTimeToken.parse(token)
    [(stored,)] = await execute(
        postgres, "SELECT token_hash FROM password_resets WHERE user_id = :id", id=ann["user"]["id"]
    )
    assert stored == secret.hash
    rows = await execute(
        postgres, "SELECT letters::text FROM letters WHERE recipient = :to", to=ann["user"]["email"]
    )
    assert not any(token in row[0] for row in rows)
    assert token not in repr(secret)


async def test_email_goes_to_the_address_as_its_owner_wrote_it(client, ann, settings):
    result = await request(client, f" {ann['user']['email'].upper()} ")
    assert result["email"] == ann["user"]["email"].upper()
    message = await email_to(settings.mail.folder, ann["user"]["email"])
    assert message["Subject"] == "Choose a new password"
    assert "within 30 minutes" in message.get_content()
    assert "at 127.0.0.1" in message.get_content()


async def test_unknown_address_gets_the_same_answer_and_no_email(client, ann, settings, postgres, new_name):
    unknown = f"{new_name()}@example.com"
    answers = [await request(client, ann["user"]["email"]), await request(client, unknown)]
    assert [{**a, "email": "…"} for a in answers] == [
        {"__typename": "RequestPasswordResetSuccess", "email": "…"}
    ] * 2
    await email_to(settings.mail.folder, ann["user"]["email"])
    await until_settled(postgres, unknown)
    assert emails_to(settings.mail.folder, unknown) == []


async def test_request_does_not_look_the_account_up(client, ann, monkeypatch):
    """So its time cannot depend on it: whoever composes the e-mail looks, and nobody waits for that."""
    monkeypatch.setattr(EmailDispatcher, "send_batch", _nothing)
    with statements(of="FROM users") as looked_up, statements(of="INSERT INTO letters") as queued:
        await request(client, ann["user"]["email"])
    assert (len(looked_up), len(queued)) == (0, 1)


async def test_address_that_is_none_is_named(client):
    result = await request(client, "nobody")
    assert (result["__typename"], result["field"]) == ("ValidationError", "email")


async def test_requests_are_limited_alike_for_any_address(client, ann, new_name):
    for email in (ann["user"]["email"], f"{new_name()}@example.com"):
        outcomes = [(await request(client, email))["__typename"] for _ in range(5)]
        assert outcomes == ["RequestPasswordResetSuccess"] * 3 + ["RateLimitedError"] * 2
    # Someone else's requests do not keep the owner from asking.
    result = await request(client.at("203.0.113.9"), ann["user"]["email"])
    assert result["__typename"] == "RequestPasswordResetSuccess"


async def test_mailbox_is_not_filled_from_many_addresses(client, ann, settings, postgres):
    email = ann["user"]["email"]
    await asyncio.gather(*(request(client.at(f"198.51.100.{i}"), email) for i in range(12)))
    await until_settled(postgres, email)
    emails = emails_to(settings.mail.folder, email)
    assert len(emails) == 5
    assert (await reset(client, token_in(emails[0])))["__typename"] == "ResetPasswordSuccess"


async def test_reset_lets_who_failed_to_log_in_try_again(client, ann, token):
    name = ann["user"]["username"]
    for _ in range(6):
        result = await client.login(username=name, password="wrong password")
    assert result["__typename"] == "RateLimitedError"
    await reset(client, token)
    assert (await client.login(username=name, password=NEW))["__typename"] == "LoginSuccess"


async def _nothing(_):
    return False
