"""What the router does with requests, seen from both of its sides."""

import os
import subprocess
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from deploy.local import node
from tests.router.processes import MAX_BODY, Execute, Process, Starter, WaitUntil
from tests.router.recording_subgraphs import SEEN
from tests.router.servers import Subgraph

JSON = {"content-type": "application/json"}
ACROSS = "{ order(id: 1) { id user { username orders { items { product { name stock } } } } } }"


def test_a_query_crosses_all_subgraphs_and_each_is_asked_once_per_step(
    router: Process, execute: Execute
) -> None:
    products = [{"product": {"name": f"product-p{n}", "stock": 7}} for n in (1, 2)]
    assert execute(router, ACROSS).json() == {
        "data": {"order": {"id": "1", "user": {"username": "user-1", "orders": [{"items": products}]}}}
    }
    assert {name: len(seen.requests) for name, seen in SEEN.items()} == {
        "users": 1,
        "products": 1,
        "orders": 1,
    }


def test_the_agreed_headers_reach_each_subgraph_and_no_others(router: Process, execute: Execute) -> None:
    passed = {
        "authorization": "Bearer t",
        "x-request-id": "r-1",
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "tracestate": "a=b",
        "user-agent": "probe/1",
        "x-client-address": "192.0.2.7",
        "idempotency-key": "k-1",
    }
    execute(
        router,
        ACROSS,
        headers={**passed, "cookie": "session=1", "x-internal": "yes", "x-forwarded-for": "192.0.2.9"},
    )
    for seen in SEEN.values():
        for headers in seen.requests:
            assert {name: headers.get(name) for name in passed} == passed
            assert not headers.keys() & {"cookie", "x-internal", "x-forwarded-for"}


def test_without_an_edge_the_client_is_the_peer_of_the_connection(router: Process, execute: Execute) -> None:
    execute(router, "{ product(id: 1) { id } }")
    assert SEEN["products"].requests[-1]["x-client-address"] == "127.0.0.1"


def test_a_request_id_is_made_where_there_is_none_or_an_unfit_one(router: Process, execute: Execute) -> None:
    for headers in ({}, {"x-request-id": "two words"}, {"x-request-id": "x" * 200}):
        returned = execute(router, "{ product(id: 1) { id } }", headers=headers).headers["x-request-id"]
        assert uuid.UUID(returned)
        assert SEEN["products"].requests[-1]["x-request-id"] == returned


def test_an_error_with_a_code_passes_with_its_extensions(router: Process, execute: Execute) -> None:
    response = execute(router, "{ me { id } product(id: 1) { id } }", headers={"x-request-id": "r-2"})
    assert response.json() == {
        "data": {"me": None, "product": {"id": "1"}},
        "errors": [
            {
                "message": "Log in first.",
                "path": ["me"],
                "extensions": {
                    "code": "UNAUTHENTICATED",
                    "hint": "login",
                    "service": "users",
                    "requestId": "r-2",
                },
            }
        ],
    }


async def test_an_error_without_a_code_is_masked_and_logged(
    router: Process, execute: Execute, wait_until: WaitUntil
) -> None:
    response = execute(router, "{ leaky }", headers={"x-request-id": "r-3"})
    assert response.json()["errors"] == [
        {
            "message": "Something went wrong on our side; the request id says which request it was.",
            "path": ["leaky"],
            "extensions": {"code": "INTERNAL", "requestId": "r-3"},
        }
    ]
    assert "10.0.0.7" not in response.text
    await wait_until(lambda: "connect to postgres" in router.log())


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


def test_batches_are_refused(router: Process) -> None:
    response = httpx.post(f"{router.url}/graphql", json=[{"query": "{ me { id } }"}] * 2)
    assert response.status_code == 400
    assert response.json()["errors"][0]["extensions"]["code"] == "BAD_REQUEST"


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_past_the_limit_is_refused(router: Process, *, chunked: bool) -> None:
    body = b"x" * (MAX_BODY + 1)
    response = httpx.post(f"{router.url}/graphql", content=iter([body]) if chunked else body, headers=JSON)
    assert response.status_code == 413
    assert response.json()["errors"][0]["extensions"]["code"] == "PAYLOAD_TOO_LARGE"


def test_a_slow_subgraph_costs_its_own_fields_only_and_is_asked_once(
    router: Process, execute: Execute
) -> None:
    answer = execute(router, "{ slow(seconds: 3) product(id: 1) { id } }").json()
    assert answer["data"] == {"slow": None, "product": {"id": "1"}}
    assert answer["errors"][0]["extensions"]["code"] == "UNAVAILABLE"
    assert len(SEEN["users"].requests) == 1


def test_a_read_that_was_cut_off_is_sent_again(router: Process, execute: Execute) -> None:
    SEEN["products"].drop_next = 1
    assert execute(router, "{ product(id: 1) { id } }").json() == {"data": {"product": {"id": "1"}}}
    assert SEEN["products"].calls == ["dropped", "product 1"]


def test_a_mutation_that_was_cut_off_is_not_sent_again(router: Process, execute: Execute) -> None:
    SEEN["users"].drop_next = 1
    answer = execute(router, 'mutation { rename(username: "x") { id } }').json()
    assert answer["errors"][0]["extensions"]["code"] == "UNAVAILABLE"
    assert SEEN["users"].calls == ["dropped"]


def test_a_subgraph_that_is_down_gives_partial_data_and_comes_back(
    router: Process, execute: Execute, subgraphs: dict[str, Subgraph]
) -> None:
    query = "{ order(id: 1) { status user { username } items { product { name } } } }"
    whole = execute(router, query).json()
    subgraphs["products"].stop()
    try:
        response = execute(router, query)
        assert response.json()["data"] == {
            "order": {**whole["data"]["order"], "items": [{"product": None}] * 2}
        }
        (error,) = response.json()["errors"]
        assert error["message"] == "The products service is not available right now; try again shortly."
        assert error["extensions"]["code"] == "UNAVAILABLE"
        assert "127.0.0.1" not in response.text
    finally:
        subgraphs["products"] = Subgraph("products", subgraphs["products"].port)
        subgraphs["products"].start()
    assert execute(router, query).json() == whole


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


def test_a_stop_lets_running_operations_finish(start_router: Starter) -> None:
    router = start_router()
    with ThreadPoolExecutor() as pool:
        body = {"query": "{ slow(seconds: 0.5) }"}
        answer = pool.submit(httpx.post, f"{router.url}/graphql", json=body)
        while not SEEN["users"].requests:
            time.sleep(0.01)
        assert router.stop() == 0
        assert answer.result().json() == {"data": {"slow": "done"}}


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
