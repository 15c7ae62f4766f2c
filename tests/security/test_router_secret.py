"""Subgraphs of the running system answer GraphQL to its router alone."""

from typing import Any

import httpx
import pytest
from gql import Client, gql
from gql.transport.exceptions import TransportConnectionFailed
from gql.transport.websockets import WebsocketsTransport

from tests.harness import launcher
from tests.supergraph.conftest import Account

ENTITIES = "query ($of: [_Any!]!) { _entities(representations: $of) { ... on %s { id } } }"
TYPES = {"users": "User", "products": "Product", "orders": "User"}


@pytest.mark.parametrize("subgraph", TYPES)
@pytest.mark.parametrize("headers", [{}, {"x-router-secret": "guessed"}], ids=["no secret", "a wrong one"])
async def test_entities_are_not_to_be_had_around_the_router(
    supergraph: dict[str, Any], customer: Account, subgraph: str, headers: dict[str, str]
) -> None:
    base = supergraph["addresses"][subgraph]
    of = [{"__typename": TYPES[subgraph], "id": customer.id}]
    body = {"query": ENTITIES % TYPES[subgraph], "variables": {"of": of}}
    async with httpx.AsyncClient(headers=customer.headers) as client:
        refused = await client.post(f"{base}/graphql", json=body, headers=headers)
        assert refused.status_code == 403
        assert [error["extensions"]["code"] for error in refused.json()["errors"]] == ["FORBIDDEN"]
        answered = await client.post(f"{base}/graphql", json=body, headers=launcher.AS_THE_ROUTER)
        assert answered.status_code == 200
        assert "_entities" in answered.json()["data"]
        for path in ("/health", "/ready", "/metrics"):
            assert (await client.get(f"{base}{path}")).status_code == 200


async def test_nor_are_subscriptions(supergraph: dict[str, Any], customer: Account) -> None:
    url = f"{supergraph['addresses']['orders'].replace('http', 'ws', 1)}/graphql"
    transport = WebsocketsTransport(url, init_payload={"authorization": f"Bearer {customer.token}"})
    with pytest.raises(TransportConnectionFailed):
        async with Client(transport=transport) as opened:
            await anext(opened.subscribe(gql('subscription { orderStatus(orderId: "x") { seq } }')))
