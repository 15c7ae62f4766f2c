"""A client of the users subgraph alone, and the documents that the tests send."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from sqlalchemy import text

from subgraphs.kit.postgres import Postgres
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
ME = "{ me { id username email role permissions } }"


class Client:
    """Speaks GraphQL to one application."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def post(self, query: str, token: str | None = None, **variables: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer {token}"} if token else {}
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
