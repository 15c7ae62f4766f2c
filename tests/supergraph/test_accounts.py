"""Accounts through the edge: rate limits, e-mail, and changes of a role."""

from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.subgraphs.users.graphql_client import CONFIRM_EMAIL, REQUEST_RESET, RESET, SET_ROLE, UPDATE_PROFILE
from tests.subgraphs.users.sent_emails import email_to, token_in
from tests.supergraph.conftest import PASSWORD, Account, sign_up

NEW = "a much better one"

# Whoever registers first is the administrator, and must be the one that tests ask for.
pytestmark = pytest.mark.usefixtures("admin")


async def login(http: httpx.AsyncClient, account: Account, password: str) -> httpx.Response:
    return await http.post("/api/v1/users/login", json={"email": account.email, "password": password})


async def run(http: httpx.AsyncClient, query: str, *, by: Account | None = None, **variables: Any) -> Any:
    answer = await http.post(
        "/graphql", json={"query": query, "variables": variables}, headers=by.headers if by else None
    )
    body = answer.json()
    assert "errors" not in body, body
    return body["data"]


async def test_wrong_passwords_are_slowed_down_with_retry_after(http: httpx.AsyncClient) -> None:
    account = await sign_up(http, f"slow-{uuid4().hex[:8]}")
    statuses = [(await login(http, account, "wrong password")).status_code for _ in range(6)]
    assert statuses == [401] * 5 + [429]
    refused = await login(http, account, PASSWORD)
    assert refused.json()["error"]["code"] == "RATE_LIMITED"
    assert 1 <= int(refused.headers["retry-after"]) <= 2
    assert refused.json()["request_id"] == refused.headers["x-request-id"]


async def test_forgotten_password_is_replaced_by_way_of_an_email(
    http: httpx.AsyncClient, supergraph: dict[str, Any], edge: str
) -> None:
    account = await sign_up(http, f"forgetful-{uuid4().hex[:8]}")
    await run(http, REQUEST_RESET, email=account.email)
    folder = Path(supergraph["children"]["users"]["env"]["USERS_MAIL_FOLDER"])
    message = await email_to(folder, account.email)
    assert f"{edge.replace('127.0.0.1', 'localhost')}/reset-password?token=" in message.get_content()
    result = await run(http, RESET, resetToken=token_in(message), new=NEW)
    assert result["resetPassword"]["__typename"] == "ResetPasswordSuccess"
    assert (await login(http, account, PASSWORD)).status_code == 401
    assert (await login(http, account, NEW)).status_code == 200
    profile = await http.get("/api/v1/users/profile", headers=account.headers)
    assert profile.status_code == 401


async def test_another_email_address_needs_the_password_and_a_confirmation(
    http: httpx.AsyncClient, supergraph: dict[str, Any], edge: str
) -> None:
    account = await sign_up(http, f"mover-{uuid4().hex[:8]}")
    change = {"email": f"new-{account.email}"}
    stolen = await run(http, UPDATE_PROFILE, by=account, input=change)
    assert stolen["updateProfile"]["field"] == "currentPassword"
    change["currentPassword"] = PASSWORD
    result = await run(http, UPDATE_PROFILE, by=account, input=change)
    assert result["updateProfile"]["user"]["email"] == account.email
    folder = Path(supergraph["children"]["users"]["env"]["USERS_MAIL_FOLDER"])
    message = await email_to(folder, change["email"])
    assert f"{edge.replace('127.0.0.1', 'localhost')}/confirm-email?token=" in message.get_content()
    result = await run(http, CONFIRM_EMAIL, emailToken=token_in(message))
    assert result["confirmEmail"]["__typename"] == "ConfirmEmailSuccess"
    profile = await http.get("/api/v1/users/profile", headers=account.headers)
    assert profile.json()["email"] == change["email"]


async def test_change_of_role_holds_in_other_subgraphs_from_the_next_refresh(
    http: httpx.AsyncClient, admin: Account
) -> None:
    account = await sign_up(http, f"clerk-{uuid4().hex[:8]}")
    product = {"name": "Cup", "price": 1.5, "stock": 1, "category": "Kitchen"}
    refused = await http.post("/api/v1/products", json=product, headers=account.headers)
    assert refused.status_code == 403
    result = await run(http, SET_ROLE, by=admin, id=account.id, role="STAFF")
    assert result["setUserRole"]["__typename"] == "SetUserRoleSuccess", result
    tokens = await http.post("/api/v1/users/refresh", json={"refresh_token": account.refresh_token})
    staff = {"authorization": f"Bearer {tokens.json()['token']}"}
    made = await http.post("/api/v1/products", json=product, headers=staff)
    assert made.status_code == 201, made.text
