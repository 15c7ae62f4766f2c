"""A client of the users subgraph alone, and the documents that the tests send."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from sqlalchemy import text

from subgraphs.kit.postgres.engine import Postgres
from subgraphs.users.app import open_app
from subgraphs.users.settings import UsersSettings

PASSWORD = "password123"
REGISTER = """
mutation Register($input: RegisterInput!) {
  register(input: $input) {
    __typename
    ... on RegisterSuccess { auth { accessToken refreshToken expiresAt user { ...Fields } } }
    ... on Error { code message }
    ... on ValidationError { field }
    ... on RateLimitedError { retryAfter }
  }
}
fragment Fields on User { id username email firstName lastName phone address role permissions active createdAt updatedAt }
"""
LOGIN = """
mutation Login($input: LoginInput!) {
  login(input: $input) {
    __typename
    ... on LoginSuccess { auth { accessToken refreshToken expiresAt user { id username email } } }
    ... on Error { code message }
    ... on ValidationError { field }
    ... on RateLimitedError { retryAfter }
  }
}
"""
REFRESH = """
mutation Refresh($refreshToken: String!) {
  refreshToken(refreshToken: $refreshToken) {
    __typename
    ... on RefreshSuccess { auth { accessToken refreshToken expiresAt user { id email } } }
    ... on Error { code message }
  }
}
"""
CHANGE_PASSWORD = """
mutation Change($current: String!, $new: String!) {
  changePassword(currentPassword: $current, newPassword: $new) {
    __typename
    ... on ChangePasswordSuccess { user { id } }
    ... on Error { code message }
    ... on ValidationError { field }
    ... on RateLimitedError { retryAfter }
  }
}
"""
REQUEST_RESET = """
mutation Request($email: String!) {
  requestPasswordReset(email: $email) {
    __typename
    ... on RequestPasswordResetSuccess { email }
    ... on Error { code message }
    ... on ValidationError { field }
    ... on RateLimitedError { retryAfter }
  }
}
"""
RESET = """
mutation Reset($resetToken: String!, $new: String!) {
  resetPassword(token: $resetToken, newPassword: $new) {
    __typename
    ... on ResetPasswordSuccess { user { id email } }
    ... on Error { code message }
    ... on ValidationError { field }
    ... on RateLimitedError { retryAfter }
  }
}
"""
UPDATE_PROFILE = """
mutation Update($input: UpdateProfileInput!) {
  updateProfile(input: $input) {
    __typename
    ... on UpdateProfileSuccess { user { email firstName lastName phone address createdAt updatedAt } }
    ... on Error { code message }
    ... on ValidationError { field }
    ... on RateLimitedError { retryAfter }
  }
}
"""
CONFIRM_EMAIL = """
mutation Confirm($emailToken: String!) {
  confirmEmail(token: $emailToken) {
    __typename
    ... on ConfirmEmailSuccess { user { id email } }
    ... on Error { code message }
    ... on ValidationError { field }
    ... on RateLimitedError { retryAfter }
  }
}
"""
SET_ROLE = """
mutation SetRole($id: ID!, $role: Role!) {
  setUserRole(userId: $id, role: $role) {
    __typename
    ... on SetUserRoleSuccess { user { id role permissions } }
    ... on Error { code message }
  }
}
"""
SET_ACTIVE = """
mutation SetActive($id: ID!, $active: Boolean!) {
  setUserActive(userId: $id, active: $active) {
    __typename
    ... on SetUserActiveSuccess { user { id active } }
    ... on Error { code message }
  }
}
"""
SESSIONS = "{ me { sessions { id device userAgent ip createdAt lastUsedAt expiresAt current } } }"
ACTIVITY = """
query Activity($id: ID!, $first: Int, $after: String) {
  user(id: $id) {
    activity(first: $first, after: $after) {
      nodes { id kind at device ip detail actor { id } }
      pageInfo { hasNextPage endCursor }
      totalCount
    }
  }
}
"""
ME = "{ me { id username email role permissions } }"


class Client:
    """Speaks GraphQL to one application."""

    def __init__(self, http: httpx.AsyncClient, headers: dict[str, str] | None = None) -> None:
        self.http = http
        self.headers = headers or {}

    def at(self, address: str, *, user_agent: str = "test") -> "Client":
        """The same application, as a client of another address sees it through the edge."""
        headers = {"x-client-address": address, "user-agent": user_agent}
        return Client(self.http, headers)

    async def post(self, query: str, token: str | None = None, **variables: Any) -> httpx.Response:
        headers = {**self.headers, **({"authorization": f"Bearer {token}"} if token else {})}
        return await self.http.post(
            "/graphql", json={"query": query, "variables": variables}, headers=headers
        )

    async def run(self, query: str, token: str | None = None, **variables: Any) -> dict[str, Any]:
        """The data of an answer without errors."""
        body = (await self.post(query, token, **variables)).json()
        assert "errors" not in body, body
        return body["data"]

    async def error(self, query: str, token: str | None = None, **variables: Any) -> dict[str, Any]:
        """The only error of an answer."""
        [error] = (await self.post(query, token, **variables)).json()["errors"]
        return error

    async def register(self, **fields: Any) -> dict[str, Any]:
        return (await self.run(REGISTER, input={"password": PASSWORD, **fields}))["register"]

    async def login(self, **fields: Any) -> dict[str, Any]:
        return (await self.run(LOGIN, input={"password": PASSWORD, **fields}))["login"]

    async def refresh(self, token: str) -> dict[str, Any]:
        return (await self.run(REFRESH, refreshToken=token))["refreshToken"]

    async def sessions(self, token: str) -> list[dict[str, Any]]:
        return (await self.run(SESSIONS, token))["me"]["sessions"]

    async def kinds(self, auth: dict[str, Any]) -> list[str]:
        """What the account's log says, newest first."""
        data = await self.run(ACTIVITY, auth["accessToken"], id=auth["user"]["id"], first=100)
        return [node["kind"] for node in data["user"]["activity"]["nodes"]]


@asynccontextmanager
async def client_of(settings: UsersSettings) -> AsyncIterator[Client]:
    async with open_app(settings) as app:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://users") as http:
            yield Client(http)


async def execute(postgres: Postgres, statement: str, **parameters: Any) -> Any:
    """Rows of a statement that a test makes outside of the subgraph's code; committed."""
    async with postgres.unit_of_work() as connection:
        result = await connection.execute(text(statement), parameters)
        return result.all() if result.returns_rows else result.rowcount
