"""Every endpoint that checks access tokens, and the documented refusal of each."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx


@dataclass(frozen=True)
class Endpoint:
    """A GraphQL endpoint with an operation that any account may run, or a REST resource."""

    name: str
    http: httpx.AsyncClient
    url: str
    query: str | None = None

    async def request(self, token: str | None) -> httpx.Response:
        headers = {"authorization": f"Bearer {token}"} if token is not None else {}
        if self.query is None:
            return await self.http.get(self.url, headers=headers)
        return await self.http.post(self.url, json={"query": self.query}, headers=headers)

    async def accepts(self, token: str) -> bool:
        """Whether the holder of `token` is served; else the refusal must be the documented one."""
        answer = await self.request(token)
        body = answer.json()
        if answer.status_code == 200 and "errors" not in body:
            return True
        if self.query is None:
            assert (answer.status_code, body["error"]["code"]) == (401, "UNAUTHENTICATED"), (self, body)
            assert body["request_id"]
        else:
            assert {e["extensions"]["code"] for e in body["errors"]} == {"UNAUTHENTICATED"}, (self, body)
            assert not any((body.get("data") or {}).values())
        return False

    def __repr__(self) -> str:
        return self.name


# One for each subgraph: behind the router each must check for itself.
QUERIES = {
    "users": "{ me { id } }",
    "products": "{ products(first: 1) { nodes { id } } }",
    "orders": "{ orders(first: 1) { nodes { id } } }",
}


def protected_endpoints(addresses: Mapping[str, Any], http: httpx.AsyncClient) -> list[Endpoint]:
    """All of the system, from the inside out."""
    found = [Endpoint(f"subgraph {n}", http, f"{addresses[n]}/graphql", q) for n, q in QUERIES.items()]
    for process in ("router", "edge"):
        url = f"{addresses[process]}/graphql"
        found += [Endpoint(f"{process} to {n}", http, url, q) for n, q in QUERIES.items()]
    for name, base in (("REST layer", addresses["rest_direct"]), ("REST at the edge", addresses["edge"])):
        found += [
            Endpoint(f"{name}: {path}", http, f"{base}/api/v1{path}")
            for path in ("/users/profile", "/products?limit=1")
        ]
    return found
