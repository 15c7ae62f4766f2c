"""GraphQL against the subgraph's ASGI application, by accounts whose tokens are really signed."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from subgraphs.kit.auth.tokens import TokenVerifier
from subgraphs.kit.graphql.app import create_app
from subgraphs.kit.settings import JwtSettings, ServerSettings
from subgraphs.products.app import Services
from subgraphs.products.domain.permissions import Permission
from subgraphs.products.graphql.schema import schema
from subgraphs.products.http.images import image_routes
from subgraphs.products.settings import ImageSettings


@dataclass
class GraphQLClient:
    http: httpx.AsyncClient
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)

    def token(self, *permissions: str, key: Ed25519PrivateKey | None = None, expires_in: int = 600) -> str:
        now = int(time.time())
        claims = {
            "iss": "supergraph",
            "aud": "supergraph",
            "sub": "u1",
            "role": "USER",
            "jti": "t1",
            "sid": "s1",
        }
        times = {"iat": now - 60, "nbf": now - 60, "exp": now + expires_in}
        headers = {"kid": "k1", "typ": "at+jwt"}
        body = {**claims, **times, "perms": list(permissions)}
        return jwt.encode(body, key or self.key, algorithm="EdDSA", headers=headers)

    async def post(self, query: str, token: str | None = None, **variables: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer {token}"} if token else {}
        body = {"query": query, "variables": variables}
        return await self.http.post("/graphql", json=body, headers=headers)

    async def run(self, query: str, token: str | None = None, **variables: Any) -> Any:
        """The data of an operation that must succeed."""
        answer = (await self.post(query, token, **variables)).json()
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    async def error(self, query: str, token: str | None = None, **variables: Any) -> Any:
        """The one error of an operation that must fail."""
        answer = (await self.post(query, token, **variables)).json()
        assert len(answer.get("errors", ())) == 1, answer
        return answer["errors"][0]

    async def manage(self, query: str, **variables: Any) -> Any:
        """As an account with MANAGE_PRODUCTS."""
        return await self.run(query, self.token(Permission.MANAGE_PRODUCTS), **variables)


@dataclass(frozen=True)
class OneKey:
    """The keys of a users service that has one."""

    public: Ed25519PublicKey

    async def key(self, kid: str) -> Ed25519PublicKey | None:
        return self.public if kid == "k1" else None


@asynccontextmanager
async def client_of(services: Services) -> AsyncIterator[GraphQLClient]:
    """A client of the subgraph over `services`."""
    key = Ed25519PrivateKey.generate()
    app = create_app(
        service="products",
        settings=ServerSettings(),
        schema=schema,
        verifier=TokenVerifier(OneKey(key.public_key()), JwtSettings()),
        make_context=services.make_context,
        add_routes=image_routes(services.images),
        max_file_bytes=ImageSettings().max_bytes,
        checks={},
    )
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://products") as http:
        yield GraphQLClient(http, key)
