"""What docker-compose.yml says is so: settings are known, and ports, files, commands and neighbours exist."""

import json
import os
import re
import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml

from clients.rest.settings import Settings as RestSettings
from deploy.docker.apollo import write as write_apollo
from deploy.docker.edge import write
from deploy.local import node
from deploy.local.children import ROOT, TEMPLATE
from deploy.local.edge import placeholders
from subgraphs.kit import production
from subgraphs.kit.auth.router_secret import RouterSecret
from subgraphs.kit.grpc.credentials import channel_credentials, server_credentials
from subgraphs.kit.settings import ServiceSettings
from subgraphs.kit.settings_sources import in_production
from subgraphs.orders.settings import OrdersSettings
from subgraphs.products.settings import ProductsSettings
from subgraphs.users.settings import UsersSettings
from tests.deploy.docker import compose

SETTINGS: dict[str, type[ServiceSettings]] = {
    "users": UsersSettings,
    "users-migrate": UsersSettings,
    "products": ProductsSettings,
    "products-migrate": ProductsSettings,
    "orders": OrdersSettings,
    "orders-migrate": OrdersSettings,
    "rest": RestSettings,
}
DOCUMENTED = {
    *(
        "DB_HOST",
        "DB_PORT",
        "DB_USER",
        "DB_PASSWORD_FILE",
        "DB_NAME",
        "REDIS_HOST",
        "REDIS_PORT",
        "JAEGER_URL",
        "TRACING_SAMPLE_RATIO",
        "ROUTER_SECRET_FILE",
        "EVENTS_URL",
        "ENVIRONMENT",
    ),
    *("USER_SERVICE_URL", "PRODUCT_SERVICE_URL", "ORDER_SERVICE_URL"),
}
FILE = compose.load()["services"]
OURS = [name for name, service in FILE.items() if "build" in service]


@pytest.fixture(scope="session")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compose.make_secrets(tmp_path_factory.mktemp("secrets"))


def loaded(name: str, monkeypatch: pytest.MonkeyPatch, secrets: Path) -> ServiceSettings:
    """The settings of a service with the environment of the file and nothing else."""
    for key in list(os.environ):
        monkeypatch.delenv(key)
    for key, value in FILE[name]["environment"].items():
        monkeypatch.setenv(key, value.replace("/run/secrets", str(secrets)))
    return SETTINGS[name].load()


@pytest.mark.skipif(
    subprocess.run(["sh", "-c", "docker compose version"], capture_output=True, check=False).returncode != 0,
    reason="the docker client of this machine has no compose",
)
def test_docker_compose_takes_the_file():
    command = ["docker", "compose", "--env-file", ".env.example", "--profile", "*", "config", "--quiet"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", SETTINGS)
def test_every_variable_is_a_setting_that_the_service_knows(
    name: str, monkeypatch: pytest.MonkeyPatch, secrets: Path
):
    prefix = f"{SETTINGS[name].prefix}_"
    strange = {
        key for key in FILE[name]["environment"] if not key.startswith(prefix) and key not in DOCUMENTED
    }
    assert strange == set()
    settings = loaded(name, monkeypatch, secrets)  # refuses a name with the prefix that it does not know
    if name in compose.SERVICES:
        assert settings.services.users == "http://users:4001"
        assert str(settings.server.port) == FILE[name]["healthcheck"]["test"][-1]


def test_each_service_reaches_its_own_database_with_its_own_password(
    monkeypatch: pytest.MonkeyPatch, secrets: Path
):
    for name in ("users", "orders"):
        password = (secrets / f"{name}_db_password").read_text()
        expected = f"postgresql://{name}:{password}@postgres:5432/{name}"
        assert loaded(name, monkeypatch, secrets).database.url == expected
        assert loaded(f"{name}-migrate", monkeypatch, secrets).database.url == expected
    assert loaded("products", monkeypatch, secrets).database.url == "mongodb://mongo:27017/products"
    assert loaded("products", monkeypatch, secrets).redis.url == "redis://redis:6379/0"


def test_the_services_share_a_token_and_may_talk_grpc(monkeypatch: pytest.MonkeyPatch, secrets: Path):
    token = (secrets / "service_token").read_text()
    for name in ("users", "products", "orders"):
        services = loaded(name, monkeypatch, secrets).services
        assert services.token.get_secret_value() == token
        # Raise where plain text is not allowed.
        assert server_credentials(services, "0.0.0.0") is None
        assert channel_credentials(services, services.users_grpc) is None


def test_the_router_shows_the_subgraphs_their_secret(monkeypatch: pytest.MonkeyPatch, secrets: Path):
    for name in ("users", "products", "orders"):
        server = loaded(name, monkeypatch, secrets).server
        assert server.router_secret.get_secret_value() == (secrets / "router_secret").read_text()
        RouterSecret.of(server)  # raises where GraphQL would be open
    assert FILE["router"]["environment"]["ROUTER_SECRET_FILE"] == "/run/secrets/router_secret"


def test_every_variable_of_the_router_is_a_setting_that_it_knows(secrets: Path):
    environment = {k: v for k, v in FILE["router"]["environment"].items() if k.startswith("ROUTER_")}
    environment["ROUTER_SUPERGRAPH"] = str(ROOT / "schema/supergraph.graphql")
    environment["ROUTER_OPERATIONS"] = str(ROOT / "schema/operations.json")
    environment["ROUTER_SECRET_FILE"] = str(secrets / "router_secret")
    script = "import('./settings.mjs').then(m => console.log(JSON.stringify(m.load(JSON.parse(process.argv[1])).urls)))"
    done = subprocess.run(
        [node.program(), "--eval", script, json.dumps(environment)],
        cwd=ROOT / "router/hive",
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout) == {
        "users": "http://users:4001/graphql",
        "products": "http://products:4002/graphql",
        "orders": "http://orders:4003/graphql",
    }


def test_every_variable_of_the_edge_is_a_placeholder_and_none_is_missing(tmp_path: Path):
    environment = FILE["edge-config"]["environment"]
    others = {"ENVIRONMENT", "JAEGER_URL", "TRACING_SAMPLE_RATIO"}
    assert {key.removeprefix("EDGE_") for key in environment} <= placeholders(TEMPLATE) | others
    write(tmp_path / "envoy.yaml", environment)
    rendered = (tmp_path / "envoy.yaml").read_text()
    assert '{address: "apollo", port_value: 4005}' in rendered
    assert '{address: "router", port_value: 4000}' in rendered  # for subscriptions
    for name in ("rest", "users", "products", "orders"):
        assert f'{{address: "{name}", port_value: {environment[f"EDGE_{name.upper()}_PORT"]}}}' in rendered
    assert (tmp_path / "sandbox.html").read_bytes() == (ROOT / "router/envoy/sandbox.html").read_bytes()


def test_apollo_router_shows_the_secret_that_stands_in_its_file(tmp_path: Path):
    write_apollo(tmp_path, secret_file=FILE["apollo-config"]["command"][2])
    made = yaml.safe_load((tmp_path / "router.yaml").read_text())
    plain = yaml.safe_load((ROOT / "router/apollo/router.yaml").read_text())
    inserted = made["headers"]["all"]["request"]["operations"].pop()["insert"]
    assert inserted == {"name": "x-router-secret", "value": "${file./run/secrets/router_secret}"}
    plain["headers"]["all"]["request"]["operations"].pop()
    assert made == plain
    assert (tmp_path / "rhai/main.rhai").is_file()
    known = set(re.findall(r"env\.(\w+)", (ROOT / "router/apollo/router.yaml").read_text()))
    assert set(FILE["apollo"]["environment"]) - {"APOLLO_TELEMETRY_DISABLED"} <= known


@pytest.mark.parametrize("name", ["users", "products", "orders"])
def test_events_go_by_rabbitmq_where_it_is_named(name: str, monkeypatch: pytest.MonkeyPatch, secrets: Path):
    url = "amqp://supergraph:pw@rabbitmq:5672"
    service = compose.load({"EVENTS_URL": url})["services"][name]
    monkeypatch.setitem(FILE, name, service)
    assert loaded(name, monkeypatch, secrets).events.url == url
    assert service["depends_on"]["rabbitmq"] == {"condition": "service_healthy", "required": False}
    assert set(FILE["rabbitmq"]["networks"]) & set(service["networks"])
    assert FILE["rabbitmq"]["profiles"] == ["rabbitmq"]


@pytest.mark.parametrize("name", SETTINGS)
def test_the_file_can_be_made_safe_for_production(name: str, monkeypatch: pytest.MonkeyPatch, secrets: Path):
    values = {"ENVIRONMENT": "production", "INTROSPECTION": "false"}
    monkeypatch.setitem(FILE, name, compose.load(values)["services"][name])
    settings = loaded(name, monkeypatch, secrets)
    assert in_production() or name == "rest"
    check = production.of_the_database if name.endswith("-migrate") else production.findings
    assert check(settings) == []


def _listening(name: str) -> set[str]:
    """The ports of a service of the file."""
    environment = FILE[name].get("environment", {})
    own = {str(v) for k, v in environment.items() if re.fullmatch(r"(.*_SERVER(_GRPC)?|ROUTER)_PORT", k)}
    images = {"postgres": {"5432"}, "mongo": {"27017"}, "redis": {"6379"}, "mailpit": {"1025"}}
    images["apollo"] = {FILE["apollo"]["environment"]["ROUTER_ADDRESS"].partition(":")[2]}
    return images.get(name, own)


def _addresses(environment: dict[str, Any]) -> set[tuple[str, str]]:
    """Host and port of every address in an environment."""
    found = set(
        re.findall(r"(?:^|//)([a-z]+):(\d+)", "\n".join(map(str, environment.values())), re.MULTILINE)
    )
    for key, host in environment.items():
        if key.endswith("_HOST") and host != "0.0.0.0":
            found.add((host, environment[f"{key.removesuffix('_HOST')}_PORT"]))
    return found - {("localhost", "8080")}


@pytest.mark.parametrize("name", OURS)
def test_every_address_is_a_neighbour_that_listens_there(name: str):
    # The edge itself connects where edge-config says.
    networks = set(FILE["edge" if name == "edge-config" else name].get("networks", ()))
    for host, port in _addresses(FILE[name].get("environment", {})):
        assert port in _listening(host), f"{name}: {host}:{port}"
        assert networks & set(FILE[host]["networks"]), f"{name} and {host} share no network"


def test_the_stores_are_reached_from_the_services_alone():
    document = compose.load()
    assert {
        name for name, network in document["networks"].items() if not (network or {}).get("internal")
    } == {"outside"}
    assert {name for name, service in FILE.items() if "ports" in service} == {"edge", "mailpit", "jaeger"}
    assert FILE["edge"]["networks"] == ["services", "outside"]


@pytest.mark.parametrize("name", OURS)
def test_our_containers_have_no_rights_and_limits(name: str):
    service = FILE[name]
    assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert {"cpus", "memory", "pids"} == service["deploy"]["resources"]["limits"].keys()
    assert "\nUSER 10001:10001\n" in compose.dockerfile(name).read_text()


def test_health_checks_are_lists_of_words():
    """A colon in a plain scalar makes it a mapping."""
    for name, service in FILE.items():
        test = service.get("healthcheck", {"test": ["CMD"]})["test"]
        assert test[0] == "CMD", name
        assert {type(word) for word in test} == {str}, name


def test_what_is_waited_for_can_come():
    for name, service in FILE.items():
        for other, wanted in service.get("depends_on", {}).items():
            once = FILE[other].get("restart", "").startswith("on-failure")
            expected = "service_completed_successfully" if once else "service_healthy"
            assert wanted["condition"] == expected, f"{name} -> {other}"
            assert once or "healthcheck" in FILE[other], f"{name} -> {other}"


@pytest.mark.parametrize("name", OURS)
def test_commands_and_copied_files_exist(name: str):
    dockerfile = compose.dockerfile(name)
    for source, _ in compose.copied(dockerfile):
        assert (ROOT / source).exists(), source
    program = FILE[name]["command"][0]
    if program == "node":
        assert (ROOT / FILE[name]["command"][1]).is_file()
    else:
        assert find_spec(program) is not None, program


def test_mounted_files_and_secrets_exist(secrets: Path):
    document = compose.load()
    made = {path.name for path in secrets.iterdir()}
    assert {Path(secret["file"]).name for secret in document["secrets"].values()} == made
    for service in FILE.values():
        assert set(service.get("secrets", ())) <= made
        named = re.findall(r"/run/secrets/(\w+)", json.dumps(service.get("environment", {})))
        assert set(named) <= set(service.get("secrets", ()))
        for volume in service.get("volumes", ()):
            source = volume.partition(":")[0]
            assert (ROOT / source).is_file() if source.startswith("./") else source in document["volumes"]


def test_secrets_are_random_and_kept(tmp_path: Path):
    folder = compose.make_secrets(tmp_path / "secrets")
    before = {path.name: path.read_text() for path in folder.iterdir()}
    assert {len(value) for value in before.values()} == {64}
    assert len(set(before.values())) == 5
    assert folder.stat().st_mode & 0o777 == 0o700
    compose.make_secrets(folder)
    assert {path.name: path.read_text() for path in folder.iterdir()} == before


def test_the_example_names_every_variable_with_its_default():
    example, variables = compose.example(), compose.variables()
    assert example.pop("USERS_FIRST_ACCOUNT_ADMIN") == "true"
    assert variables.pop("USERS_FIRST_ACCOUNT_ADMIN") == {"false"}
    # The walk pays with the sandbox, which nobody has who does not name it.
    assert example.pop("ORDERS_PAYMENTS_PROVIDER") == "sandbox"
    assert variables.pop("ORDERS_PAYMENTS_PROVIDER") == {""}
    assert {name: {value} for name, value in example.items()} == variables


def test_images_are_pinned_and_made_by_the_uv_of_this_project():
    for service in FILE.values():
        assert "build" in service or re.search(r":v?\d+\.\d+(\.\d+)?(-\w+)?$", service["image"])
    bootstrap = (ROOT / "deploy/local/bootstrap.sh").read_text()
    version = re.search(r"UV_VERSION=(\S+)", bootstrap)
    assert version is not None
    assert f"uv:{version[1]} AS uv" in compose.dockerfile("users").read_text()


def test_shell_scripts_parse():
    for script in ("secrets.sh", "postgres.sh"):
        assert subprocess.run(["sh", "-n", ROOT / "deploy/docker" / script], check=False).returncode == 0
