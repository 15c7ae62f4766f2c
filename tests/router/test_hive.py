"""What Hive Gateway does that Apollo Router does otherwise; what both do alike is in `test_conformance.py`."""

import json
import os
import subprocess
from typing import Any

import httpx
import pytest
from gql.transport.exceptions import TransportQueryError

from deploy.local import node
from tests.router.processes import Execute, Process, Starter
from tests.router.recording_subgraphs import SEEN
from tests.router.test_conformance import persisted
from tests.router.test_subscriptions import client, watch

PRODUCT = "{ product(id: 1) { id } }"
SUBSCRIPTION = 'subscription Watch { orderStatus(orderId: "short") { seq } }'


def test_without_an_edge_the_client_is_the_peer_of_the_connection(router: Process, execute: Execute) -> None:
    execute(router, "{ product(id: 1) { id } }")
    assert SEEN["products"].requests[-1]["x-client-address"] == "127.0.0.1"


@pytest.mark.parametrize(
    ("operation", "code"),
    [
        ("{ nope }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ me { id ", "GRAPHQL_PARSE_FAILED"),
        ("query ($id: ID!) { product(id: $id) { id } }", "BAD_USER_INPUT"),
    ],
)
def test_a_faulty_operation_is_refused_before_any_subgraph_is_asked(
    router: Process, execute: Execute, operation: str, code: str
) -> None:
    (error,) = execute(router, operation).json()["errors"]
    assert error["extensions"]["code"] == code
    assert not any(seen.requests for seen in SEEN.values())


def test_a_read_that_was_cut_off_is_sent_again(router: Process, execute: Execute) -> None:
    SEEN["products"].drop_next = 1
    assert execute(router, "{ product(id: 1) { id } }").json() == {"data": {"product": {"id": "1"}}}
    assert SEEN["products"].calls == ["dropped", "product 1"]


def test_health_and_readiness_ask_no_subgraph(router: Process) -> None:
    assert httpx.get(f"{router.url}/health").json() == {"status": "ok"}
    assert httpx.get(f"{router.url}/ready").json() == {"status": "ready"}
    assert not any(seen.requests for seen in SEEN.values())


def test_metrics_carry_the_documented_names(router: Process, execute: Execute) -> None:
    execute(router, "{ product(id: 1) { id } }")
    metrics = httpx.get(f"{router.url}/metrics").text
    assert 'http_requests_total{method="POST",endpoint="/graphql",status="200"}' in metrics
    assert 'http_request_duration_seconds_bucket{le="0.1",method="POST",endpoint="/graphql"}' in metrics


def test_the_explorer_needs_no_other_server(router: Process) -> None:
    page = httpx.get(f"{router.url}/graphql", headers={"accept": "text/html"})
    assert page.headers["content-type"].startswith("text/html")
    assert "<title>Supergraph</title>" in page.text
    assert 'src="http' not in page.text
    assert 'href="http' not in page.text.partition("</head>")[0]


def test_settings_that_do_not_fit_stop_the_start_and_are_all_named(router_env: dict[str, str]) -> None:
    wrong = {
        "ROUTER_PORT": "x",
        "ROUTER_TIMEOUT": "soon",
        "ROUTER_DEADLINE": "later",
        "ROUTER_MAX_QUERY_BYTES": "0",
        "ROUTER_MAX_COST": "much",
        "ROUTER_INTROSPECTION": "maybe",
        "ROUTER_BASKETS_URL": "http://b",
        "ROUTER_USERS_URL": "b",
    }
    done = subprocess.run(
        [node.program(), node.ROUTER / "start.mjs"],
        env={**os.environ, **router_env, **wrong},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert {line.partition(":")[0] for line in done.stderr.splitlines()} == wrong.keys()


# ---- operations of the manifest ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trusting(start_router: Starter, tmp_path_factory: pytest.TempPathFactory) -> Process:
    """A router that runs two operations and no other."""
    file = tmp_path_factory.mktemp("manifest") / "operations.json"
    operations = [{"id": digest(text), "body": text} for text in (PRODUCT, SUBSCRIPTION)]
    file.write_text(json.dumps({"operations": operations}))
    return start_router(ROUTER_SAFELIST="true", ROUTER_OPERATIONS=str(file))


def digest(text: str) -> str:
    return str(persisted(text)["extensions"]["persistedQuery"]["sha256Hash"])


@pytest.mark.parametrize(
    "named",
    [persisted(PRODUCT), {"documentId": digest(PRODUCT)}, {"documentId": f"sha256:{digest(PRODUCT)}"}],
    ids=["persistedQuery", "documentId", "documentId with its algorithm"],
)
def test_an_operation_of_the_manifest_is_called_by_its_hash_alone(
    trusting: Process, named: dict[str, Any]
) -> None:
    assert httpx.post(f"{trusting.url}/graphql", json=named).json() == {"data": {"product": {"id": "1"}}}


async def test_subscriptions_are_held_to_the_safelist_too(trusting: Process) -> None:
    url = f"{trusting.url}/graphql"
    headers = {"accept": "text/event-stream", "authorization": "Bearer t"}
    async with httpx.AsyncClient(headers=headers) as http:
        known = await http.post(url, json={"documentId": digest(SUBSCRIPTION)})
        assert known.text.count("event: next") == 2
        other = await http.post(url, json={"query": f"{SUBSCRIPTION} "})
        assert "QUERY_NOT_IN_SAFELIST" in other.text
    async with client(trusting, authorization="Bearer t") as session:
        with pytest.raises(TransportQueryError) as caught:
            await anext(session.subscribe(watch("short")))
    assert caught.value.errors is not None
    assert caught.value.errors[0]["extensions"]["code"] == "QUERY_NOT_IN_SAFELIST"
    assert SEEN["orders"].opened == 1
