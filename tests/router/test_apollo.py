"""Apollo Router's real binary with our configuration: before three subgraphs, and behind the edge beside Hive Gateway."""

import os
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from deploy.local import apollo
from deploy.local.children import ROOT
from deploy.local.ports import Ports
from tests.router.processes import MAX_BODY, Execute, Process, Processes, Starter, WaitUntil
from tests.router.recording_subgraphs import SEEN, token
from tests.router.servers import Subgraph
from tests.router.test_router import ACROSS
from tests.router.test_subscriptions import BOTH, client, event_stream, watch


@pytest.fixture(scope="session")
def binary() -> Path:
    found = apollo.find(os.environ, ROOT / ".supergraph")
    if found is None:
        pytest.skip(f"Apollo Router's binary is not here: {apollo.INSTALL}, or set APOLLO_ROUTER_BIN")
    return found


@pytest.fixture(scope="session")
def apollo_router(
    binary: Path, processes: Processes, ports: Ports, composed: Path, subgraphs: dict[str, Subgraph]
) -> Process:
    port = ports.free()
    env = {f"ROUTER_{name.upper()}_URL": f"{subgraph.url}/graphql" for name, subgraph in subgraphs.items()}
    env |= {
        "ROUTER_ADDRESS": f"127.0.0.1:{port}",
        "ROUTER_TIMEOUT": "1s",
        "ROUTER_MAX_BODY_BYTES": str(MAX_BODY),
        "ROUTER_RHAI": str(apollo.FOLDER / "rhai"),
        "APOLLO_TELEMETRY_DISABLED": "true",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1",  # it would not start with this
    }
    return processes.start(
        "apollo",
        list(apollo.command(binary, composed / "supergraph.graphql", "info")),
        url=f"http://127.0.0.1:{port}",
        ready="/health?ready",
        env=env,
    )


@pytest.fixture(scope="session")
def both(apollo_router: Process, start_edge: Starter) -> Iterator[Process]:
    """An edge that sends queries to Apollo Router, and the rest to Hive Gateway."""
    return start_edge(ROUTER_PORT=apollo_router.url.rpartition(":")[2])


def test_the_router_accepts_its_configuration(binary: Path) -> None:
    said = subprocess.run(
        [binary, "config", "validate", apollo.FOLDER / "router.yaml"],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert said.returncode == 0, said.stdout + said.stderr


def test_a_query_crosses_all_subgraphs_and_each_is_asked_once_per_step(
    apollo_router: Process, execute: Execute
) -> None:
    products = [{"product": {"name": f"product-p{n}", "stock": 7}} for n in (1, 2)]
    assert execute(apollo_router, ACROSS).json() == {
        "data": {"order": {"id": "1", "user": {"username": "user-1", "orders": [{"items": products}]}}}
    }
    assert [len(SEEN[name].requests) for name in ("users", "products", "orders")] == [1, 1, 1]


def test_the_agreed_headers_reach_each_subgraph_and_no_others(
    apollo_router: Process, execute: Execute
) -> None:
    passed = {
        "authorization": "Bearer t",
        "x-request-id": "r-1",
        "tracestate": "a=b",
        "user-agent": "probe/1",
        "x-client-address": "192.0.2.7",
        "idempotency-key": "k-1",
    }
    trace = "0af7651916cd43dd8448eb211c80319c"
    others = {"cookie": "session=1", "x-internal": "yes", "x-forwarded-for": "192.0.2.9"}
    traceparent = {"traceparent": f"00-{trace}-b7ad6b7169203331-01"}
    execute(apollo_router, ACROSS, headers={**passed, **others, **traceparent})
    for seen in SEEN.values():
        for headers in seen.requests:
            assert {name: headers.get(name) for name in passed} == passed
            assert headers["traceparent"].split("-")[1] == trace
            assert not headers.keys() & others.keys()


@pytest.mark.parametrize("given", [{}, {"x-request-id": "two words"}, {"x-request-id": "x" * 200}])
def test_a_request_id_is_made_where_there_is_none_or_an_unfit_one(
    apollo_router: Process, execute: Execute, given: dict[str, str]
) -> None:
    returned = execute(apollo_router, "{ product(id: 1) { id } }", headers=given).headers["x-request-id"]
    assert uuid.UUID(returned)
    assert SEEN["products"].requests[-1]["x-request-id"] == returned


def test_an_error_with_a_code_passes_with_its_extensions(apollo_router: Process, execute: Execute) -> None:
    response = execute(apollo_router, "{ me { id } product(id: 1) { id } }", headers={"x-request-id": "r-2"})
    extensions = {"code": "UNAUTHENTICATED", "hint": "login", "service": "users", "requestId": "r-2"}
    assert response.json() == {
        "data": {"me": None, "product": {"id": "1"}},
        "errors": [{"message": "Log in first.", "path": ["me"], "extensions": extensions}],
    }


async def test_an_error_without_a_code_is_masked_and_logged(
    apollo_router: Process, execute: Execute, wait_until: WaitUntil
) -> None:
    response = execute(apollo_router, "{ leaky }", headers={"x-request-id": "r-3"})
    assert response.json()["errors"] == [
        {
            "message": "Something went wrong on our side; the request id says which request it was.",
            "path": ["leaky"],
            "extensions": {"code": "INTERNAL", "requestId": "r-3"},
        }
    ]
    await wait_until(lambda: "connect to postgres" in apollo_router.log())


def test_a_slow_subgraph_costs_its_own_fields_only(apollo_router: Process, execute: Execute) -> None:
    response = execute(apollo_router, "{ slow(seconds: 3) product(id: 1) { id } }")
    assert response.json()["data"] == {"slow": None, "product": {"id": "1"}}
    (error,) = response.json()["errors"]
    assert error["message"] == "A service behind this field is not available right now; try again shortly."
    assert error["extensions"]["code"] == "UNAVAILABLE"
    assert "127.0.0.1" not in response.text


def test_a_mutation_that_was_cut_off_is_not_sent_again(apollo_router: Process, execute: Execute) -> None:
    SEEN["users"].drop_next = 1
    answer = execute(apollo_router, 'mutation { rename(username: "x") { id } }').json()
    assert answer["errors"][0]["extensions"]["code"] == "UNAVAILABLE"
    assert SEEN["users"].calls == ["dropped"]


def test_a_body_past_the_limit_a_batch_and_a_forgeable_form_are_refused(apollo_router: Process) -> None:
    url = f"{apollo_router.url}/graphql"
    json = {"content-type": "application/json"}
    assert httpx.post(url, content=b"x" * (MAX_BODY + 1), headers=json).status_code == 413
    assert httpx.post(url, json=[{"query": "{ me { id } }"}] * 2).status_code == 400
    plain = {"content-type": "text/plain"}
    assert httpx.post(url, content=b'{"query": "{ me { id } }"}', headers=plain).status_code == 400
    assert not any(seen.requests for seen in SEEN.values())


# ---- behind the edge -----------------------------------------------------------------------------------------


def test_a_query_through_the_edge_is_apollos(both: Process, execute: Execute) -> None:
    response = execute(both, "{ me { username } }", headers={"authorization": f"Bearer {token()}"})
    assert response.json() == {"data": {"me": {"username": "ada"}}}
    # Hive Gateway's requests to subgraphs carry this header for files; Apollo Router's do not.
    assert "apollo-require-preflight" not in SEEN["users"].requests[-1]


async def test_subscriptions_through_the_same_address_are_hives(both: Process) -> None:
    async with client(both, authorization="Bearer t") as session:
        assert [data async for data in session.subscribe(watch("short"))] == BOTH
    async with event_stream(both, token(), id="short") as lines:
        assert [line async for line in lines].count("event: next") == 2


def test_the_explorer_through_the_same_address_is_hives(both: Process) -> None:
    assert (
        "<title>Supergraph</title>" in httpx.get(f"{both.url}/graphql", headers={"accept": "text/html"}).text
    )
