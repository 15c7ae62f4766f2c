"""One request is found by its id and its trace's in the log of every process that it passes."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from tests.supergraph.conftest import Account

ACROSS = """
  query Across { me { username orders(first: 1) { nodes { items { product { name } } } } } }
"""


def ids() -> tuple[str, str, dict[str, str]]:
    """A new request id, a new trace id, and the headers that carry them."""
    trace = uuid4().hex
    request_id = f"followed-{trace}"
    return request_id, trace, {"x-request-id": request_id, "traceparent": f"00-{trace}-{trace[:16]}-01"}


async def logged(
    supergraph: dict[str, Any], processes: list[str], request_id: str, trace: str
) -> dict[str, bool]:
    """By process, whether a line of its log has both; lines cross processes, so they are waited for."""
    files = {name: Path(supergraph["children"][name]["log"]) for name in processes}

    def found() -> dict[str, bool]:
        return {
            name: any(request_id in line and trace in line for line in file.read_text().splitlines())
            for name, file in files.items()
        }

    for _ in range(100):
        if all(found().values()):
            break
        await asyncio.sleep(0.1)
    return found()


async def test_a_query_through_the_edge_keeps_its_ids_in_every_process(
    supergraph: dict[str, Any],
    http: httpx.AsyncClient,
    customer: Account,
    new_product: Callable[..., Awaitable[dict[str, Any]]],
) -> None:
    items = [{"product_id": (await new_product())["id"], "quantity": 1}]
    placed = await http.post("/api/v1/orders", json={"items": items}, headers=customer.headers)
    assert placed.status_code in {201, 202}
    request_id, trace, headers = ids()
    answer = await http.post("/graphql", json={"query": ACROSS}, headers={**customer.headers, **headers})
    assert "errors" not in answer.json()
    assert answer.headers["x-request-id"] == request_id
    passed = ["edge", "router", "users", "orders", "products"]
    assert await logged(supergraph, passed, request_id, trace) == dict.fromkeys(passed, True)


async def test_so_does_a_request_of_rest(
    supergraph: dict[str, Any], http: httpx.AsyncClient, customer: Account
) -> None:
    request_id, trace, headers = ids()
    answer = await http.get("/api/v1/users/profile", headers={**customer.headers, **headers})
    assert answer.headers["x-request-id"] == request_id
    passed = ["edge", "rest", "router", "users"]
    assert await logged(supergraph, passed, request_id, trace) == dict.fromkeys(passed, True)
