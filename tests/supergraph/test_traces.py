"""What a collector of traces is sent: one tree for one request, through every process, and nothing about anybody."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from deploy.local import apollo
from tests.harness import launcher
from tests.harness.engines import Engines
from tests.harness.otlp_receiver import OtlpReceiver, ReceivedSpan, receiving
from tests.supergraph.conftest import PASSWORD, Account, sign_up

CREATE_ORDER = """
  mutation Place($input: CreateOrderInput!) {
    createOrder(input: $input) { ... on CreateOrderSuccess { order { id } } ... on Error { code message } }
  }
"""
CLIENT, PRODUCER, CONSUMER = 3, 4, 5
STREET = "Undisclosed Lane 7"


@pytest.fixture(scope="module")
def collector() -> Iterator[OtlpReceiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture(scope="module")
def router() -> str:
    """Apollo Router where its binary is; REST goes through Hive Gateway either way."""
    return "apollo" if apollo.find(os.environ, Path(".supergraph")) else "hive"


@pytest.fixture(scope="module")
async def traced(engines: Engines, collector: OtlpReceiver, router: str) -> AsyncIterator[httpx.AsyncClient]:
    """The edge of a system that traces everything."""
    env = {
        "USERS_DATABASE_URL": engines.postgres_url("users"),
        "ORDERS_DATABASE_URL": engines.postgres_url("orders"),
        "PRODUCTS_DATABASE_URL": engines.mongo_url("products"),
        "REDIS_URL": engines.redis_alone("traces"),
        "USERS_FIRST_ACCOUNT_ADMIN": "true",
        "ORDERS_PAYMENTS_PROVIDER": "sandbox",
        "JAEGER_URL": collector.url,
        "OTEL_BSP_SCHEDULE_DELAY": "200",
    }
    state = launcher.folder() / f"traced-{uuid4().hex}.json"
    arguments = ["--edge-port", "0", "--router-port", "0", "--router", router]
    process = launcher.launch(state.with_suffix(""), state, arguments, env=env)
    try:
        launcher.wait_for(process, state)
        edge = launcher.read(state)["addresses"]["edge"]
        async with httpx.AsyncClient(base_url=edge, timeout=30) as http:
            yield http
    finally:
        launcher.stop(process.pid)


@pytest.fixture(scope="module")
async def customer(traced: httpx.AsyncClient) -> Account:
    return await sign_up(traced, "observed")


@pytest.fixture(scope="module")
async def order(traced: httpx.AsyncClient, customer: Account) -> dict[str, Any]:
    """The variables of an order. The first account may sell, too."""
    body = {"name": "Bell", "price": 5, "stock": 10, "category": "Bells"}
    product = await traced.post("/api/v1/products", json=body, headers=customer.headers)
    shipping = {
        "address": STREET,
        "city": "Springfield",
        "zipCode": "12345",
        "country": "US",
        "method": "standard",
    }
    items = [{"productId": product.json()["id"], "quantity": 1}]
    return {"input": {"items": items, "shipping": shipping}}


async def until_complete(
    collector: OtlpReceiver, trace: str, complete: Callable[[list[ReceivedSpan]], bool]
) -> list[ReceivedSpan]:
    """The trace, once it is `complete` and nobody's parent but the caller's is missing; or what there is after 15 s."""
    for _ in range(150):
        spans = collector.of_trace(trace)
        if complete(spans) and {span.parent for span in orphans(spans)} <= {trace[:16]}:
            return spans
        await asyncio.sleep(0.1)
    return collector.of_trace(trace)


def orphans(spans: list[ReceivedSpan]) -> list[ReceivedSpan]:
    known = {span.id for span in spans}
    return [span for span in spans if span.parent and span.parent not in known]


def services(spans: list[ReceivedSpan], kind: int) -> set[str]:
    return {span.service for span in spans if span.kind == kind}


async def trace_of(collector: OtlpReceiver, answer: httpx.Response) -> str:
    """The id of the trace that the edge has begun for a request."""
    for _ in range(150):
        for span in collector.spans():
            if span.attributes.get("guid:x-request-id") == answer.headers["x-request-id"]:
                return span.trace
        await asyncio.sleep(0.1)
    raise AssertionError("the edge sent no span")


async def test_an_order_is_one_tree_from_the_edge_to_the_consumer_of_its_event(
    traced: httpx.AsyncClient,
    collector: OtlpReceiver,
    customer: Account,
    order: dict[str, Any],
    router: str,
) -> None:
    body = {"query": CREATE_ORDER, "variables": order, "operationName": "Place"}
    answer = await traced.post("/graphql", json=body, headers=customer.headers)
    assert "order" in answer.json()["data"]["createOrder"], answer.text
    trace = await trace_of(collector, answer)
    spans = await until_complete(
        collector, trace, lambda found: {"users", "orders"} <= services(found, CONSUMER)
    )
    assert orphans(spans) == []
    assert [(span.service, span.name) for span in spans if not span.parent] == [("edge", "ingress")]
    passed = {"edge", "users", "products", "orders", *({"apollo"} if router == "apollo" else ())}
    assert {span.service for span in spans} == passed
    names = {(span.service, span.name) for span in spans}
    assert {
        ("orders", "POST /graphql"),
        ("orders", "send OrderCreated"),
        ("orders", "process OrderCreated"),
        ("users", "process OrderCreated"),
    } <= names
    systems = {span.attributes["db.system.name"] for span in spans if "db.system.name" in span.attributes}
    assert systems == {"postgresql", "mongodb", "redis"}
    calls = {s.service: s.attributes["rpc.method"] for s in spans if s.attributes.get("rpc.system") == "grpc"}
    assert calls.keys() >= {"orders", "products"}
    [operation] = {
        s.attributes["graphql.operation.type"]
        for s in spans
        if s.service == "orders" and "graphql.operation.type" in s.attributes
    }
    assert operation == "mutation"


async def test_so_is_one_over_rest(
    traced: httpx.AsyncClient, collector: OtlpReceiver, customer: Account, order: dict[str, Any]
) -> None:
    [item] = order["input"]["items"]
    body = {"items": [{"product_id": item["productId"], "quantity": 1}]}
    answer = await traced.post("/api/v1/orders", json=body, headers=customer.headers)
    assert answer.status_code in {201, 202}, answer.text
    trace = await trace_of(collector, answer)
    spans = await until_complete(
        collector, trace, lambda found: {"users", "orders"} <= services(found, CONSUMER)
    )
    assert orphans(spans) == []
    by_id = {span.id: span for span in spans}
    [rest] = [span for span in spans if span.name == "POST /api/v1/orders"]
    assert by_id[rest.parent].service == "edge"
    assert {span.service for span in spans if span.kind == CLIENT} >= {"rest", "orders"}
    [producer] = [s for s in spans if s.name == "send OrderCreated"]
    assert producer.kind == PRODUCER
    assert producer.attributes["messaging.destination.name"] == "events:orders"


async def test_a_trace_of_the_caller_goes_on(
    traced: httpx.AsyncClient, collector: OtlpReceiver, customer: Account
) -> None:
    trace = uuid4().hex
    headers = {"traceparent": f"00-{trace}-{trace[:16]}-01"}
    answer = await traced.post(
        "/graphql", json={"query": "{ me { id } }"}, headers=customer.headers | headers
    )
    assert answer.json()["data"]["me"]["id"] == customer.id
    spans = await until_complete(collector, trace, lambda found: "users" in {s.service for s in found})
    assert {span.parent for span in orphans(spans)} == {trace[:16]}


async def test_what_the_caller_does_not_record_is_recorded_nowhere_and_keeps_its_id(
    traced: httpx.AsyncClient, collector: OtlpReceiver, customer: Account
) -> None:
    quiet, after = uuid4().hex, uuid4().hex
    for trace, flag in ((quiet, "00"), (after, "01")):
        headers = {**customer.headers, "traceparent": f"00-{trace}-{trace[:16]}-{flag}"}
        assert (await traced.post("/graphql", json={"query": "{ me { id } }"}, headers=headers)).is_success
    await until_complete(collector, after, lambda found: {"users", "edge"} <= {s.service for s in found})
    assert collector.of_trace(quiet) == []


async def test_no_span_tells_anything_of_anybody(
    traced: httpx.AsyncClient, collector: OtlpReceiver, customer: Account, order: dict[str, Any]
) -> None:
    """Of all that was sent so far, registration and its password included, and of a failure with a row in its message."""
    taken = {"username": "second", "email": customer.email, "password": PASSWORD}
    assert (await traced.post("/api/v1/users/register", json=taken)).status_code == 409
    trace = uuid4().hex
    headers = {"traceparent": f"00-{trace}-{trace[:16]}-01", "user-agent": "A/Program-Of-Mine"}
    asked = await traced.get("/api/v1/products/search?q=secret-wish", headers=headers)
    assert asked.is_success
    await until_complete(
        collector, trace, lambda found: {"rest", "edge", "products"} <= {s.service for s in found}
    )
    private = [
        customer.email,
        customer.token,
        customer.refresh_token,
        PASSWORD,
        STREET,
        order["input"]["items"][0]["productId"],
        "secret-wish",
        "Program-Of-Mine",
        launcher.ROUTER_SECRET,
    ]
    spans = collector.spans()
    assert len(spans) > 50
    told = {(s.service, s.name, word, s.text) for s in spans for word in private if word in s.text}
    assert told == set()
    # Addresses of stores and services may be named, addresses of clients not.
    peers = {span.attributes.get("peer.address", "-") for span in spans if span.service == "edge"}
    assert peers == {"-"}
    unwanted = ("client.address", "network.peer.address", "user_agent.original", "url.full", "url.query")
    assert [s for s in spans if s.service != "apollo" and s.attributes.keys() & set(unwanted)] == []


async def test_nothing_is_recorded_of_what_a_process_does_by_itself(collector: OtlpReceiver) -> None:
    """Relays look into their outboxes, and probes knock, all the time."""
    roots = {(span.service, span.name) for span in collector.spans() if not span.parent}
    at_start = {("users", "GET /.well-known/jwks.json"), ("apollo", "starting")}
    assert roots - at_start == {("edge", "ingress")}
