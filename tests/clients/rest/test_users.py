"""Accounts over REST."""

from typing import Any

import httpx
import pytest

from tests.clients.rest import sample_objects
from tests.clients.rest.stub_router import StubRouter, problem

USER = {
    "id": "u1", "username": "ada", "email": "ada@example.com", "first_name": "Ada", "last_name": None, "phone": None,
    "address": None, "role": "admin", "active": True, "created_at": "2026-01-05T10:00:00Z",
    "updated_at": "2026-01-05T10:00:00.250000Z",
}  # fmt: skip
TOKENS = {"token": "a.b.c", "refresh_token": "r1", "expires_at": "2026-01-05T10:15:00Z", "user": USER}


@pytest.mark.parametrize("path", ["/api/v1/users/register", "/api/v1/users"])
async def test_registration_answers_201_with_user_and_tokens(
    anonymous: httpx.AsyncClient, router: StubRouter, path: str
) -> None:
    router.roots["register"] = {"__typename": "RegisterSuccess", "auth": sample_objects.auth()}
    body = {"username": "ada", "email": "ada@example.com", "password": "password123", "first_name": "Ada"}
    response = await anonymous.post(path, json=body)
    assert response.status_code == 201
    assert response.json() == TOKENS
    assert response.headers["location"] == "/api/v1/users/u1"
    assert response.headers["cache-control"] == "no-store"
    sent = {"username": "ada", "email": "ada@example.com", "password": "password123", "firstName": "Ada"}
    assert router.sent[0].variables == {"input": sent}


@pytest.mark.parametrize("name", [{"email": "ada@example.com"}, {"username": "ada"}])
async def test_login_takes_either_name(
    anonymous: httpx.AsyncClient, router: StubRouter, name: dict[str, str]
) -> None:
    router.roots["login"] = {"__typename": "LoginSuccess", "auth": sample_objects.auth()}
    response = await anonymous.post("/api/v1/users/login", json={**name, "password": "password123"})
    assert (response.status_code, response.json()) == (200, TOKENS)
    assert response.headers["cache-control"] == "no-store"
    assert router.sent[0].variables == {"input": {**name, "password": "password123"}}


async def test_refresh_answers_new_tokens(anonymous: httpx.AsyncClient, router: StubRouter) -> None:
    router.roots["refreshToken"] = {"__typename": "RefreshSuccess", "auth": sample_objects.auth()}
    response = await anonymous.post("/api/v1/users/refresh", json={"refresh_token": "r0"})
    assert (response.status_code, response.json()) == (200, TOKENS)
    assert router.sent[0].variables == {"refreshToken": "r0"}


@pytest.mark.parametrize("method", ["DELETE", "POST"])
async def test_logout_answers_204_without_a_body(
    client: httpx.AsyncClient, router: StubRouter, method: str
) -> None:
    router.roots["logout"] = {"__typename": "LogoutSuccess"}
    response = await client.request(method, "/api/v1/users/logout")
    assert (response.status_code, response.content) == (204, b"")
    assert [s.operation for s in router.sent] == ["Logout"]


async def test_profile_is_ones_own_account(client: httpx.AsyncClient, router: StubRouter) -> None:
    router.roots["me"] = sample_objects.user()
    response = await client.get("/api/v1/users/profile")
    assert (response.status_code, response.json()) == (200, USER)


async def test_profile_of_a_token_that_nobody_accepts_is_401(
    client: httpx.AsyncClient, router: StubRouter
) -> None:
    router.roots["me"] = None
    response = await client.get("/api/v1/users/profile")
    assert response.status_code == 401
    assert response.json()["error"]["code"] == "UNAUTHENTICATED"
    assert response.headers["www-authenticate"].startswith("Bearer")


async def test_a_profile_change_sends_only_what_changes(
    client: httpx.AsyncClient, router: StubRouter
) -> None:
    router.roots["updateProfile"] = {
        "__typename": "UpdateProfileSuccess",
        "user": sample_objects.user(phone="+49 30 1234567"),
    }
    response = await client.put("/api/v1/users/profile", json={"phone": "+49 30 1234567", "address": None})
    assert (response.status_code, response.json()) == (200, {**USER, "phone": "+49 30 1234567"})
    assert router.sent[0].variables == {"input": {"phone": "+49 30 1234567", "address": None}}


async def test_another_email_address_is_sent_with_the_password(
    client: httpx.AsyncClient, router: StubRouter
) -> None:
    router.roots["updateProfile"] = {"__typename": "UpdateProfileSuccess", "user": sample_objects.user()}
    change = {"email": "lovelace@example.com", "current_password": "password123"}
    response = await client.put("/api/v1/users/profile", json=change)
    assert (response.status_code, response.json()) == (200, USER)
    sent = {"email": "lovelace@example.com", "currentPassword": "password123"}
    assert router.sent[0].variables == {"input": sent}


async def test_another_email_address_without_the_password_is_422(
    client: httpx.AsyncClient, router: StubRouter
) -> None:
    router.roots["updateProfile"] = problem(
        "ValidationError", "VALIDATION_FAILED", field="input.currentPassword"
    )
    response = await client.put("/api/v1/users/profile", json={"email": "lovelace@example.com"})
    assert (response.status_code, response.json()["error"]["field"]) == (422, "current_password")


async def test_an_email_address_is_confirmed_without_a_login(
    anonymous: httpx.AsyncClient, router: StubRouter
) -> None:
    router.roots["confirmEmail"] = {
        "__typename": "ConfirmEmailSuccess",
        "user": sample_objects.user(email=None),
    }
    response = await anonymous.post("/api/v1/users/confirm-email", json={"token": "t1"})
    assert (response.status_code, response.json()) == (200, {**USER, "email": None})
    assert router.sent[0].variables == {"token": "t1"}


@pytest.mark.parametrize(
    ("typename", "code", "status"),
    [("ValidationError", "VALIDATION_FAILED", 422), ("ConflictError", "CONFLICT", 409)],
)
async def test_an_address_that_cannot_be_confirmed_is_refused(
    anonymous: httpx.AsyncClient, router: StubRouter, typename: str, code: str, status: int
) -> None:
    router.roots["confirmEmail"] = problem(typename, code, **({"field": "token"} if status == 422 else {}))
    response = await anonymous.post("/api/v1/users/confirm-email", json={"token": "t1"})
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)
    assert response.json()["error"].get("field") == ("token" if status == 422 else None)


async def test_a_user_is_read_by_id_also_without_a_token(
    anonymous: httpx.AsyncClient, router: StubRouter
) -> None:
    def user(id: str) -> dict[str, Any]:  # noqa: A002 - GraphQL's name
        return sample_objects.user(id=id, email=None)

    router.roots["user"] = user
    response = await anonymous.get("/api/v1/users/u2")
    assert (response.status_code, response.json()) == (200, {**USER, "id": "u2", "email": None})


async def test_an_unknown_user_is_404(client: httpx.AsyncClient, router: StubRouter) -> None:
    router.roots["user"] = None
    response = await client.get("/api/v1/users/nobody")
    assert response.status_code == 404
    assert response.json()["error"] == {"code": "NOT_FOUND", "message": "There is no such user."}
