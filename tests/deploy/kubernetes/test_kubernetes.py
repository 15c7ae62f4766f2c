"""What deploy/kubernetes says is so: the cluster would take it, and settings, ports, secrets and commands exist."""

import json
import os
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from sqlalchemy.ext.asyncio import create_async_engine

from deploy.docker.edge import write
from deploy.local.children import ROOT, TEMPLATE
from deploy.local.edge import placeholders
from subgraphs.kit import production
from subgraphs.kit.postgres.engine import driver_url
from subgraphs.kit.settings import ServiceSettings
from subgraphs.kit.settings_sources import in_production
from tests.deploy.docker import compose
from tests.deploy.docker.test_compose import DOCUMENTED, SETTINGS
from tests.deploy.kubernetes import manifests, network
from tests.deploy.test_edge import accepted_by_envoy
from tests.router.settings_faults import router_faults

RENDERED = {
    overlay: manifests.render(manifests.FOLDER / "overlays" / overlay) for overlay in manifests.OVERLAYS
}
SERVING = ("users", "products", "orders", "router", "rest", "edge")
HERE = {"ENVIRONMENT", "DB_OPTIONS", "REDIS_PASSWORD_FILE", "REDIS_TLS_CA", "PGSSLROOTCERT"}
"""Names beside those of compose; the last is libpq's own."""
VERSION = "1.34"

overlays = pytest.mark.parametrize("overlay", manifests.OVERLAYS)


def named(overlay: str, kind: str) -> dict[str, Any]:
    return {one["metadata"]["name"]: one for one in RENDERED[overlay] if one["kind"] == kind}


@overlays
@pytest.mark.skipif(shutil.which("kubectl") is None, reason="there is no kubectl on this machine")
def test_kustomize_makes_the_same_of_it(overlay: str):
    command = ["kubectl", "kustomize", manifests.FOLDER / "overlays" / overlay]
    done = subprocess.run(command, capture_output=True, text=True, check=True)

    def by_name(objects: Any) -> dict[tuple[str, str], Any]:
        return {(one["kind"], one["metadata"]["name"]): one for one in objects}

    assert by_name(yaml.safe_load_all(done.stdout)) == by_name(RENDERED[overlay])


@overlays
def test_kubernetes_knows_every_field(overlay: str):
    for one in RENDERED[overlay]:
        kubernetes_validate.validate(one, VERSION, strict=True)  # raises


@overlays
def test_every_pod_is_restricted(overlay: str):
    """Pod Security Standards, "restricted", and no token for the API server."""
    volumes = {"configMap", "emptyDir", "projected", "secret"}
    for name, spec, _ in manifests.pods(RENDERED[overlay]):
        context = spec["securityContext"]
        assert context["runAsNonRoot"] is True, name
        assert context["runAsUser"] > 0
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}
        assert (spec["automountServiceAccountToken"], spec["enableServiceLinks"]) == (False, False)
        assert not {"hostNetwork", "hostPID", "hostIPC"} & spec.keys()
        assert {key for volume in spec["volumes"] for key in volume if key != "name"} <= volumes
        for container in [*spec.get("initContainers", ()), *spec["containers"]]:
            rights = container["securityContext"]
            assert rights == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }, name
            assert not any("hostPort" in port for port in container.get("ports", ()))
            assert container["resources"]["limits"]["memory"]
    labels = named(overlay, "Namespace")["supergraph"]["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


@overlays
def test_what_serves_is_probed_spread_drained_and_scaled(overlay: str):
    deployments = named(overlay, "Deployment")
    assert set(deployments) == set(SERVING)
    least = {"local": 1, "production": 3}[overlay]
    for name, one in deployments.items():
        spec = one["spec"]["template"]["spec"]
        container = spec["containers"][0]
        paths = {
            key: container[f"{key}Probe"]["httpGet"]["path"] for key in ("startup", "readiness", "liveness")
        }
        assert paths == {"startup": "/health", "readiness": "/ready", "liveness": "/health"}
        assert "preStop" in container["lifecycle"]
        assert {one["topologyKey"] for one in spec["topologySpreadConstraints"]} == {
            "kubernetes.io/hostname",
            "topology.kubernetes.io/zone",
        }
        assert "replicas" not in one["spec"]  # the autoscaler's
        budget = named(overlay, "PodDisruptionBudget")[name]["spec"]
        assert budget["maxUnavailable"] == 1
        assert network.selects(budget["selector"], one["spec"]["template"]["metadata"]["labels"])
        scaler = named(overlay, "HorizontalPodAutoscaler")[name]["spec"]
        assert (scaler["scaleTargetRef"]["name"], scaler["minReplicas"]) == (name, least)
        metrics = {
            m["type"]: m.get("resource", m.get("pods", {}).get("metric"))["name"] for m in scaler["metrics"]
        }
        requests = {} if name == "edge" else {"Pods": "http_requests_per_second"}  # Envoy counts otherwise
        assert metrics == {"Resource": "cpu"} | requests


@overlays
def test_services_find_their_pods_on_ports_that_these_have(overlay: str):
    everybody = list(manifests.pods(RENDERED[overlay]))
    for name, service in named(overlay, "Service").items():
        found = [
            spec
            for _, spec, labels in everybody
            if network.selects({"matchLabels": service["spec"]["selector"]}, labels)
        ]
        assert len(found) == 1, name
        ports = {port["name"]: port["containerPort"] for port in found[0]["containers"][0]["ports"]}
        for port in service["spec"]["ports"]:
            assert ports[port["name"]] == port["port"], name
    backend = named(overlay, "Ingress")["edge"]["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]
    assert backend == {"name": "edge", "port": {"name": "http"}}


@overlays
def test_only_the_flows_of_the_picture_are_open(overlay: str):
    services = {
        *((source, "users", 4001) for source in ("edge", "router", "rest", "products", "orders")),
        *((source, "products", 4002) for source in ("edge", "router")),
        *((source, "orders", 4003) for source in ("edge", "router")),
        *((source, "router", 4000) for source in ("edge", "rest")),
        ("edge", "rest", 4010),
        ("orders", "users", 5001),
        ("orders", "products", 5002),
    }
    stores = {
        *((source, "postgres", 5432) for source in ("users", "users-migrate", "orders", "orders-migrate")),
        *((source, "mongo", 27017) for source in ("products", "products-migrate", "mongo")),
        *((source, "redis", 6379) for source in ("users", "products", "orders")),
        ("users", "mail", 1025),
    }
    assert network.allowed(RENDERED[overlay]) == services | (stores if overlay == "local" else set())


def test_a_policy_that_opens_more_is_seen():
    objects = json.loads(json.dumps(RENDERED["local"]))
    (postgres,) = (
        one for one in objects if one["kind"] == "NetworkPolicy" and one["metadata"]["name"] == "postgres"
    )
    postgres["spec"]["ingress"][0]["from"] = [{"podSelector": {}}]
    more = network.allowed(objects) - network.allowed(RENDERED["local"])
    assert more == set()  # the other end is closed still
    (way,) = (
        one for one in objects if one["kind"] == "NetworkPolicy" and one["metadata"]["name"] == "to-postgres"
    )
    way["spec"]["podSelector"] = {"matchLabels": {"app.kubernetes.io/name": "rest"}}
    assert ("rest", "postgres", 5432) in network.allowed(objects)


def _mounted(overlay: str, name: str, folder: Path) -> None:
    """The secrets of a pod as files in `folder`; a value that the script does not make is made up."""
    made = manifests.secrets() | {"payments": {"stripe_key": "sk_live_x", "stripe_webhook_secret": "whsec_x"}}
    spec = next(spec for one, spec, _ in manifests.pods(RENDERED[overlay]) if one == name)
    for volume in spec["volumes"]:
        sources = volume.get("projected", {}).get("sources", [volume] if "secret" in volume else [])
        if volume["name"] != "secrets":
            continue
        for source in sources:
            secret = source["secret"]
            values = made[secret.get("name", secret.get("secretName"))]
            for item in secret.get("items", [{"key": key, "path": key} for key in values]):
                (folder / item["path"]).write_text(values[item["key"]])


def loaded(overlay: str, name: str, monkeypatch: pytest.MonkeyPatch, folder: Path) -> ServiceSettings:
    """The settings of a service with what its pod has and nothing else."""
    _mounted(overlay, name, folder)
    one = next(one for one in RENDERED[overlay] if manifests.pod(one) and one["metadata"]["name"] == name)
    environment = manifests.environment(one["spec"]["template"]["spec"]["containers"][0], RENDERED[overlay])
    prefix = f"{SETTINGS[name].prefix}_"
    assert {key for key in environment if not key.startswith(prefix)} <= DOCUMENTED | HERE
    for key in list(os.environ):
        monkeypatch.delenv(key)
    for key, value in environment.items():
        monkeypatch.setenv(key, value.replace("/run/secrets", str(folder)))
    return SETTINGS[name].load()


@overlays
@pytest.mark.parametrize("name", SETTINGS)
def test_every_variable_is_a_setting_that_the_service_knows(
    overlay: str, name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    settings = loaded(overlay, name, monkeypatch, tmp_path)
    if name in SERVING:
        port = named(overlay, "Deployment")[name]["spec"]["template"]["spec"]["containers"][0]["ports"][0]
        assert (settings.server.port, settings.services.users) == (port["containerPort"], "http://users:4001")


def test_production_reaches_its_stores_by_tls_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    users = loaded("production", "users", monkeypatch, tmp_path)
    password, redis = ((tmp_path / name).read_text() for name in ("db_password", "redis_password"))
    assert (
        users.database.url
        == f"postgresql://users:{password}@postgres.stores.internal:5432/users?ssl=verify-full"
    )
    engine = create_async_engine(driver_url(users.database.url))
    assert (
        engine.dialect.create_connect_args(engine.url)[1]["ssl"] == "verify-full"
    )  # asyncpg has PGSSLROOTCERT besides
    authority = "/etc/supergraph/authorities/redis.pem"
    assert users.redis.url == f"rediss://:{redis}@redis.stores.internal:6379/0?ssl_ca_certs={authority}"
    products = loaded("production", "products", monkeypatch, tmp_path)
    assert products.database.url.endswith(
        "/products?replicaSet=supergraph&authSource=products&tls=true&tlsCAFile=/etc/supergraph/authorities/mongo.pem"
    )


@pytest.mark.parametrize("name", SETTINGS)
def test_nothing_of_the_production_overlay_is_unsafe(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    settings = loaded("production", name, monkeypatch, tmp_path)
    assert in_production()
    check = production.of_the_database if name.endswith("-migrate") else production.findings
    assert check(settings) == []


@overlays
def test_the_secrets_that_are_mounted_are_made(overlay: str):
    made = set(manifests.secrets())
    wanted = {
        source["secret"].get("name", source["secret"].get("secretName"))
        for _, spec, _ in manifests.pods(RENDERED[overlay])
        for volume in spec["volumes"]
        for source in [volume, *volume.get("projected", {}).get("sources", ())]
        if "secret" in source
    }
    assert wanted - made == (
        {"payments"} if overlay == "production" else set()
    )  # Stripe's, which nobody makes up


@overlays
def test_edge_and_router_start_with_their_configuration(overlay: str, tmp_path: Path):
    data = {name: one["data"] for name, one in named(overlay, "ConfigMap").items()}
    assert {key.removeprefix("EDGE_") for key in data["edge"]} <= placeholders(TEMPLATE) | {"ENVIRONMENT"}
    # Envoy itself reads the page where it will be.
    write(
        tmp_path / "envoy.yaml", data["edge"] | {"EDGE_SANDBOX_PAGE": str(TEMPLATE.with_name("sandbox.html"))}
    )
    accepted_by_envoy(tmp_path / "envoy.yaml")
    (tmp_path / "router_secret").write_text("a secret")
    environment = {key: value.replace("/run/secrets", str(tmp_path)) for key, value in data["router"].items()}
    environment["ROUTER_SUPERGRAPH"] = str(ROOT / "schema/supergraph.graphql")
    assert router_faults(environment) == ""


@overlays
def test_commands_and_images_are_those_of_compose(overlay: str):
    file = compose.load()["services"]
    images = {service["image"].partition(":")[0]: service["image"] for service in file.values()}
    for one in RENDERED[overlay]:
        for container in manifests.containers(one):
            name, _, tag = container["image"].rpartition(":")
            ours = name.removeprefix("registry.example.com/")
            assert tag
            assert container["image"] == images[ours] or ours.startswith("supergraph/")
            if ours == "supergraph/service":
                assert find_spec(container["args"][0]) is not None
            if ours == "supergraph/router":
                assert container["command"] == file["router"]["command"]


def test_the_local_server_gets_the_roles_of_compose():
    script = named("local", "ConfigMap")["postgres-roles"]["data"]["10-services.sh"]
    assert script == (ROOT / "deploy/docker/postgres.sh").read_text()
