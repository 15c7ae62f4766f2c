"""No argument is unbounded: gross excess is refused before any work, an ordinary mistake by the domain."""

import pytest

from subgraphs.kit.graphql.bounds import undeclared
from subgraphs.users.credentials.passwords import Passwords
from subgraphs.users.graphql.schema import schema
from tests.harness.statements import statements
from tests.subgraphs.users.graphql_client import (
    CHANGE_PASSWORD,
    CONFIRM_EMAIL,
    LOGIN,
    REFRESH,
    REGISTER,
    REQUEST_RESET,
    RESET,
    UPDATE_PROFILE,
)

REGISTRATION = {"username": "ann", "email": "ann@example.com", "password": "password123"}
USERS = "query($after: String, $search: String) { users(after: $after, search: $search) { totalCount } }"

# The operation, its variables, which of them is too long, and what is the most that it may have.
CASES = [
    *(
        (REGISTER, {"input": {**REGISTRATION, field: "x" * (most + 1)}}, f"input.{field}", most)
        for field, most in {
            "username": 64,
            "email": 508,
            "password": 256,
            "firstName": 200,
            "lastName": 200,
            "phone": 100,
            "address": 1000,
        }.items()
    ),
    (LOGIN, {"input": {"email": "x" * 509, "password": "p"}}, "input.email", 508),
    (LOGIN, {"input": {"username": "x" * 65, "password": "p"}}, "input.username", 64),
    (LOGIN, {"input": {"username": "x", "password": "p" * 257}}, "input.password", 256),
    (UPDATE_PROFILE, {"input": {"currentPassword": "x" * 257}}, "input.currentPassword", 256),
    (UPDATE_PROFILE, {"input": {"email": "x" * 509}}, "input.email", 508),
    (REFRESH, {"refreshToken": "x" * 1001}, "refreshToken", 1000),
    (CHANGE_PASSWORD, {"current": "x" * 257, "new": "x"}, "current", 256),
    (CHANGE_PASSWORD, {"current": "x", "new": "x" * 257}, "new", 256),
    (REQUEST_RESET, {"email": "x" * 509}, "email", 508),
    (RESET, {"resetToken": "x" * 1001, "new": "x"}, "resetToken", 1000),
    (CONFIRM_EMAIL, {"emailToken": "x" * 1001}, "emailToken", 1000),
    (USERS, {"after": "x" * 201}, "after", 200),
    (USERS, {"search": "\ufdfa" * 201}, "search", 200),
    ("query($id: ID!) { user(id: $id) { id } }", {"id": "x" * 65}, "id", 64),
]


def test_every_argument_and_input_field_has_a_bound():
    assert undeclared(schema._schema) == []


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0].split('(')[0].strip()}-{case[2]}")
async def test_excess_is_refused_before_any_work(client, admin, monkeypatch, case):
    document, variables, name, most = case

    def works(*_):
        raise AssertionError("a password was hashed or checked")

    monkeypatch.setattr(Passwords, "_run", works)
    with statements(of="FROM users") as sent:
        error = await client.error(document, admin["accessToken"], **variables)
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert error["message"] == f"`{name}` may have at most {most} characters."
    assert sent == []


async def test_ordinary_mistake_is_answered_by_the_domain(client):
    result = await client.register(**{**REGISTRATION, "password": "x" * 129})
    assert (result["__typename"], result["field"]) == ("ValidationError", "password")
