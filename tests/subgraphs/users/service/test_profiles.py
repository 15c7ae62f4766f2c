"""Changing one's own account."""

import pytest

from tests.subgraphs.users.graphql_client import UPDATE_PROFILE, execute


async def update(client, auth, **fields):
    return (await client.run(UPDATE_PROFILE, auth["accessToken"], input=fields))["updateProfile"]


async def test_absent_field_stays_and_null_clears(client, ann, name):
    await update(client, ann, firstName="Ann", lastName="Lee", phone="+15550100123", address="1 Main St")
    result = await update(client, ann, firstName="Anna", lastName=None, phone="")
    user = result["user"]
    assert user["updatedAt"] > user["createdAt"]
    assert user == {
        "email": f"{name}@example.com",
        "firstName": "Anna",
        "lastName": None,
        "phone": None,
        "address": "1 Main St",
        "createdAt": user["createdAt"],
        "updatedAt": user["updatedAt"],
    }


async def test_empty_change_changes_nothing(client, ann):
    user = (await update(client, ann))["user"]
    assert user["updatedAt"] == user["createdAt"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("email", None),
        ("email", ""),
        ("email", "nobody"),
        ("firstName", "x" * 101),
        ("lastName", "a\x00b"),
        ("phone", "call me"),
        ("address", "x" * 501),
    ],
)
async def test_field_that_does_not_fit_is_named_and_nothing_changes(client, ann, field, value):
    await update(client, ann, firstName="Ann")
    result = await update(client, ann, **{"firstName": "Bea", field: value})
    assert (result["__typename"], result["field"]) == ("ValidationError", field)
    assert (await update(client, ann))["user"]["firstName"] == "Ann"


async def test_own_address_in_another_case_is_no_conflict(client, ann):
    result = await update(client, ann, email=ann["user"]["email"].upper())
    assert result["user"]["email"] == ann["user"]["email"].upper()


async def test_without_a_token_nothing_changes(client):
    result = (await client.run(UPDATE_PROFILE, input={"firstName": "Bea"}))["updateProfile"]
    assert (result["__typename"], result["code"]) == ("AuthenticationError", "UNAUTHENTICATED")


@pytest.mark.parametrize("change", ["DELETE FROM users", "UPDATE users SET active = false"])
async def test_account_that_is_gone_or_disabled_cannot_change(client, ann, postgres, change):
    await execute(postgres, f"{change} WHERE id = :id", id=ann["user"]["id"])
    result = await update(client, ann, firstName="Bea")
    assert result["__typename"] == "AuthenticationError"


@pytest.mark.parametrize("field", ["username", "role", "active", "password"])
async def test_what_is_no_part_of_a_profile_is_refused(client, ann, field):
    error = await client.error(UPDATE_PROFILE, ann["accessToken"], input={field: "ADMIN"})
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
