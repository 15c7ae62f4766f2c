"""Giving an account another e-mail address, and what must not lead there."""

import asyncio

import pytest

from subgraphs.users.credentials.one_time_tokens import OneTimeToken
from subgraphs.users.settings import RateLimitSettings
from tests.subgraphs.users.graphql_client import (
    CHANGE_PASSWORD,
    CONFIRM_EMAIL,
    ME,
    PASSWORD,
    REQUEST_RESET,
    RESET,
    SET_ACTIVE,
    UPDATE_PROFILE,
    client_of,
    execute,
)
from tests.subgraphs.users.sent_emails import email_to, emails_to, token_in, until_settled

NEW_PASSWORD = "a much better one"


async def update(client, auth, **fields):
    return (await client.run(UPDATE_PROFILE, auth["accessToken"], input=fields))["updateProfile"]


async def ask(client, auth, email, password=PASSWORD):
    return await update(client, auth, email=email, currentPassword=password)


async def confirm(client, token):
    return (await client.run(CONFIRM_EMAIL, emailToken=token))["confirmEmail"]


async def address_of(client, auth):
    return (await client.run(ME, auth["accessToken"]))["me"]["email"]


@pytest.fixture
def wanted(new_name):
    """An address that nobody has."""
    return f"{new_name()}@Other.example"


@pytest.fixture
async def token(client, ann, settings, wanted):
    """From the e-mail to the address that ann asked for."""
    assert (await ask(client, ann, wanted))["__typename"] == "UpdateProfileSuccess"
    return token_in(await email_to(settings.mail.folder, wanted))


@pytest.fixture
async def reset_token(client, ann, settings):
    """From an e-mail to the address that ann has."""
    await client.run(REQUEST_RESET, email=ann["user"]["email"])
    return token_in(await email_to(settings.mail.folder, ann["user"]["email"]))


async def test_address_holds_when_it_is_confirmed_and_not_before(client, ann, settings, wanted):
    old, name = ann["user"]["email"], ann["user"]["username"]
    result = await update(client, ann, email=wanted, currentPassword=PASSWORD, firstName="Ann")
    assert (result["user"]["email"], result["user"]["firstName"]) == (old, "Ann")
    assert (await client.login(email=wanted))["__typename"] == "AuthenticationError"
    assert (await client.login(email=old))["__typename"] == "LoginSuccess"

    asked = await email_to(settings.mail.folder, wanted)
    assert asked["Subject"] == "Confirm your e-mail address"
    assert f"the account {name} asked" in asked.get_content()
    assert "within 60 minutes" in asked.get_content()
    notice = await email_to(settings.mail.folder, old)
    assert notice["Subject"] == "Your e-mail address is about to change"
    assert "token" not in notice.get_content()

    assert await confirm(client, token_in(asked)) == {
        "__typename": "ConfirmEmailSuccess",
        "user": {"id": ann["user"]["id"], "email": None},
    }
    assert await address_of(client, ann) == wanted
    assert (await client.login(email=wanted.lower()))["__typename"] == "LoginSuccess"
    assert (await client.login(email=old))["__typename"] == "AuthenticationError"
    told = await email_to(settings.mail.folder, old, number=2)
    assert told["Subject"] == "Your e-mail address was changed"
    assert (await client.kinds(ann))[:5] == [
        "LOGGED_IN",
        "PROFILE_CHANGED",
        "LOGGED_IN",
        "PROFILE_CHANGED",
        "EMAIL_CHANGE_REQUESTED",
    ]


async def test_stolen_access_token_does_not_change_the_address(client, ann, settings, wanted):
    for password, typename, field in (
        ({}, "ValidationError", "currentPassword"),
        ({"currentPassword": None}, "ValidationError", "currentPassword"),
        ({"currentPassword": ""}, "AuthenticationError", None),
        ({"currentPassword": "guess"}, "AuthenticationError", None),
    ):
        result = await update(client, ann, email=wanted, firstName="Eve", **password)
        assert (result["__typename"], result.get("field")) == (typename, field)
    user = (await update(client, ann))["user"]
    assert (user["email"], user["firstName"]) == (ann["user"]["email"], None)
    assert (await client.kinds(ann))[:2] == ["EMAIL_CHANGE_FAILED"] * 2
    # Nothing of it was queued: what comes first to that address is what is asked for now.
    await ask(client, ann, wanted)
    await email_to(settings.mail.folder, wanted)
    assert len(emails_to(settings.mail.folder, wanted)) == 1


async def test_guesses_of_the_password_are_limited_together_with_those_of_a_password_change(
    client, ann, wanted
):
    for _ in range(3):
        assert (await ask(client, ann, wanted, "guess"))["__typename"] == "AuthenticationError"
    for _ in range(2):
        await client.run(CHANGE_PASSWORD, ann["accessToken"], current="guess", new=NEW_PASSWORD)
    result = await ask(client, ann, wanted)
    assert (result["__typename"], result["retryAfter"]) == ("RateLimitedError", 1)


async def test_confirmations_cannot_be_sent_to_many_strangers(client, ann, new_name):
    outcomes = [(await ask(client, ann, f"{new_name()}@example.org"))["__typename"] for _ in range(4)]
    assert outcomes == ["UpdateProfileSuccess"] * 3 + ["RateLimitedError"]


async def test_mailbox_is_not_filled_by_many_accounts(client, settings, postgres, new_name, wanted):
    for _ in range(7):
        name = new_name()
        auth = (await client.register(username=name, email=f"{name}@example.com"))["auth"]
        await ask(client, auth, wanted)
    await until_settled(postgres, wanted)
    assert len(emails_to(settings.mail.folder, wanted)) == 5


async def test_unconfirmed_address_resets_no_password(client, token, settings, postgres, wanted):
    """Neither by asking for a reset there, nor with the token of the confirmation."""
    await client.run(REQUEST_RESET, email=wanted)
    result = (await client.run(RESET, resetToken=token, new=NEW_PASSWORD))["resetPassword"]
    assert (result["__typename"], result["field"]) == ("ValidationError", "token")
    await until_settled(postgres, wanted)
    settled = "SELECT outcome FROM letters WHERE recipient = :to AND kind = 'PASSWORD_RESET'"
    assert [tuple(row) for row in await execute(postgres, settled, to=wanted)] == [("NOT_NEEDED",)]
    assert len(emails_to(settings.mail.folder, wanted)) == 1


async def test_token_of_a_reset_confirms_no_address(client, ann, reset_token, token, wanted):
    assert (await confirm(client, reset_token))["field"] == "token"
    assert await address_of(client, ann) == ann["user"]["email"]
    assert (await confirm(client, token))["__typename"] == "ConfirmEmailSuccess"
    assert await address_of(client, ann) == wanted


async def test_resets_that_the_old_address_got_are_void_once_the_new_one_holds(client, reset_token, token):
    await confirm(client, token)
    result = (await client.run(RESET, resetToken=reset_token, new=NEW_PASSWORD))["resetPassword"]
    assert (result["__typename"], result["field"]) == ("ValidationError", "token")


async def test_confirmation_ends_all_sessions_but_the_one_that_asked(client, ann, token):
    other = (await client.login(username=ann["user"]["username"]))["auth"]
    await confirm(client, token)
    assert (await client.post(ME, other["accessToken"])).status_code == 401
    assert (await client.refresh(other["refreshToken"]))["__typename"] == "AuthenticationError"
    assert (await client.refresh(ann["refreshToken"]))["__typename"] == "RefreshSuccess"


async def test_token_works_once_under_twenty_concurrent_uses(client, ann, token, wanted):
    results = await asyncio.gather(*(confirm(client, token) for _ in range(20)))
    assert sorted(r["__typename"] for r in results) == ["ConfirmEmailSuccess"] + ["ValidationError"] * 19
    assert {r["field"] for r in results if "code" in r} == {"token"}
    assert await address_of(client, ann) == wanted


async def test_last_request_is_the_one_that_counts(client, ann, token, settings, new_name):
    later = f"{new_name()}@example.org"
    await ask(client, ann, later)
    second = token_in(await email_to(settings.mail.folder, later))
    assert (await confirm(client, token))["field"] == "token"
    assert (await confirm(client, second))["__typename"] == "ConfirmEmailSuccess"
    assert await address_of(client, ann) == later


async def test_new_password_takes_the_request_back(client, ann, token):
    await client.run(CHANGE_PASSWORD, ann["accessToken"], current=PASSWORD, new=NEW_PASSWORD)
    assert (await confirm(client, token))["field"] == "token"
    assert await address_of(client, ann) == ann["user"]["email"]


async def test_reset_takes_the_request_back(client, reset_token, token):
    await client.run(RESET, resetToken=reset_token, new=NEW_PASSWORD)
    assert (await confirm(client, token))["field"] == "token"


async def test_address_that_the_account_has_takes_the_request_back(client, ann, token):
    result = await update(client, ann, email=ann["user"]["email"])
    assert result["__typename"] == "UpdateProfileSuccess"
    assert (await confirm(client, token))["field"] == "token"


async def test_disabled_account_confirms_nothing_even_when_it_is_enabled_again(client, ann, admin, token):
    for active in (False, True):
        await client.run(SET_ACTIVE, admin["accessToken"], id=ann["user"]["id"], active=active)
    assert (await confirm(client, token))["field"] == "token"


async def test_token_that_is_too_old_is_refused(client, ann, token, postgres):
    await execute(
        postgres, "UPDATE email_changes SET expires_at = now() WHERE user_id = :id", id=ann["user"]["id"]
    )
    assert (await confirm(client, token))["field"] == "token"
    assert await address_of(client, ann) == ann["user"]["email"]


@pytest.mark.parametrize("bad", ["", "x", "é" * 43, "A" * 43, "A" * 1000, "a\x00b"])
async def test_text_that_is_no_token_is_refused(client, bad):
    result = await confirm(client, bad)
    assert (result["__typename"], result["field"]) == ("ValidationError", "token")


async def test_guesses_of_a_token_are_limited(settings, new_name):
    by_default = settings.model_copy(update={"throttle": RateLimitSettings()})
    async with client_of(by_default) as client:
        guesser = client.at(f"2001:db8:ffff:{new_name().removeprefix('user-')}::1")
        outcomes = [(await confirm(guesser, "A" * 43))["__typename"] for _ in range(21)]
    assert outcomes == ["ValidationError"] * 20 + ["RateLimitedError"]


async def test_address_of_another_account_is_taken(client, ann, admin):
    result = await ask(client, ann, admin["user"]["email"].upper())
    assert (result["__typename"], result["code"]) == ("ConflictError", "CONFLICT")
    assert await address_of(client, ann) == ann["user"]["email"]


async def test_address_that_was_taken_meanwhile_is_refused_at_the_confirmation(
    client, ann, token, new_name, wanted
):
    await client.register(username=new_name(), email=wanted)
    result = await confirm(client, token)
    assert (result["__typename"], result["code"]) == ("ConflictError", "CONFLICT")
    assert await address_of(client, ann) == ann["user"]["email"]


async def test_concurrent_confirmations_of_one_address_have_one_winner(client, settings, new_name, wanted):
    tokens = []
    for number in range(1, 5):
        name = new_name()
        auth = (await client.register(username=name, email=f"{name}@example.com"))["auth"]
        await ask(client, auth, wanted)
        tokens.append(token_in(await email_to(settings.mail.folder, wanted, number=number)))
    results = await asyncio.gather(*(confirm(client, token) for token in tokens))
    assert sorted(r["__typename"] for r in results) == ["ConfirmEmailSuccess"] + ["ConflictError"] * 3


async def test_confirmation_and_new_password_at_once_leave_one_of_both(client, ann, token, wanted):
    confirmed, changed = await asyncio.gather(
        confirm(client, token),
        client.run(CHANGE_PASSWORD, ann["accessToken"], current=PASSWORD, new=NEW_PASSWORD),
    )
    assert changed["changePassword"]["__typename"] == "ChangePasswordSuccess"
    assert confirmed["__typename"] in {"ConfirmEmailSuccess", "ValidationError"}
    held = confirmed["__typename"] == "ConfirmEmailSuccess"
    assert await address_of(client, ann) == (wanted if held else ann["user"]["email"])


async def test_database_holds_no_token(ann, token, postgres):
    secret = OneTimeToken.parse(token)
    [(stored,)] = await execute(
        postgres, "SELECT token_hash FROM email_changes WHERE user_id = :id", id=ann["user"]["id"]
    )
    assert stored == secret.hash
    for table in ("email_changes", "letters"):
        rows = await execute(postgres, f"SELECT {table}::text FROM {table}")
        assert not any(token in row[0] for row in rows)
