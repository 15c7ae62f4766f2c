"""Apollo Router's real binary behind the edge beside Hive Gateway; what both do alike is in `test_conformance.py`."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from deploy.local import apollo
from deploy.tools.schema import generate
from tests.router.processes import Execute, Process, Starter, WaitUntil
from tests.router.recording_subgraphs import SEEN, token
from tests.router.test_subscriptions import BOTH, client, event_stream, watch


@pytest.fixture(scope="session")
def apollo_router(start_apollo: Starter) -> Process:
    return start_apollo()


@pytest.fixture(scope="session")
def both(apollo_router: Process, start_edge: Starter) -> Iterator[Process]:
    """An edge that sends queries to Apollo Router, and the rest to Hive Gateway."""
    return start_edge(ROUTER_PORT=apollo_router.url.rpartition(":")[2])


LICENCES: list[dict[str, str]] = [
    {"APOLLO_KEY": "service:shop:key", "APOLLO_GRAPH_REF": "shop@current"},
    {"APOLLO_ROUTER_LICENSE": "token"},
    {"APOLLO_ROUTER_LICENSE_PATH": "/etc/licence"},
]


@pytest.mark.parametrize("environ", [{}, *LICENCES])
def test_the_router_accepts_its_configuration(binary: Path, environ: dict[str, str], tmp_path: Path) -> None:
    said = subprocess.run(
        [binary, "config", "validate", apollo.configuration(environ, tmp_path)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert said.returncode == 0, said.stdout + said.stderr


def test_a_labelled_override_starts_without_a_licence(
    start_apollo: Starter, composed: Path, tmp_path: Path
) -> None:
    shutil.copytree(composed, tmp_path, dirs_exist_ok=True)
    orders = tmp_path / "orders.graphql"
    field = '  username: String! @override(from: "users", label: "percent(10)")\n'
    text = orders.read_text().replace('import: ["@key"', 'import: ["@override", "@key"')
    orders.write_text(text.replace("  orders: [Order!]!", f"{field}  orders: [Order!]!"))
    supergraph, _ = generate.compose(tmp_path, tmp_path / "supergraph.yaml")
    assert 'overrideLabel: "percent(10)"' in supergraph.read_text()
    assert start_apollo(ROUTER_SUPERGRAPH=str(supergraph)).stop() == 0


async def test_each_operation_is_logged_with_the_ids_of_its_request_and_trace(
    apollo_router: Process, execute: Execute, wait_until: WaitUntil
) -> None:
    trace = uuid4().hex
    headers = {"x-request-id": f"r-{trace}", "traceparent": f"00-{trace}-b7ad6b7169203331-01"}
    execute(apollo_router, "query Named { product(id: 1) { id } }", headers=headers)

    def logged() -> bool:
        lines = [line for line in apollo_router.log().splitlines() if f"request_id=r-{trace}" in line]
        return [f'"trace_id":"{trace}"' in line and "operation Named" in line for line in lines] == [True]

    await wait_until(logged)


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
