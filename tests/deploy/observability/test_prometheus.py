"""The configuration and the rules of Prometheus, by its own tools and against what they speak of."""

import contextlib
import json
import os
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from deploy.local.children import ROOT
from deploy.local.ports import Ports
from tests.deploy.docker import compose
from tests.deploy.kubernetes import manifests
from tests.deploy.observability import files

needs_prometheus = pytest.mark.skipif(
    not (shutil.which("promtool") and shutil.which("prometheus")),
    reason="prometheus and promtool are not installed (Debian's package `prometheus` has both)",
)
CONFIGURATION = yaml.safe_load((files.PROMETHEUS / "prometheus.yml").read_text())
ALERTS = files.rules("alerts.yml")


def promtool(*arguments: str | Path) -> None:
    done = subprocess.run(
        ["promtool", *arguments], cwd=files.PROMETHEUS, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@needs_prometheus
def test_promtool_takes_the_configuration_and_the_rules() -> None:
    promtool("check", "config", "prometheus.yml")
    promtool("check", "rules", "--lint-fatal", *sorted(files.PROMETHEUS.glob("rules/*.yml")))


@needs_prometheus
def test_each_alert_is_raised_when_it_should_be_and_not_before() -> None:
    promtool("test", "rules", *sorted(files.PROMETHEUS.glob("tests/*.yml")))


def test_each_alert_is_tested_both_ways() -> None:
    raised: Counter[str] = Counter()
    quiet: Counter[str] = Counter()
    for path in files.PROMETHEUS.glob("tests/*.yml"):
        for test in yaml.safe_load(path.read_text())["tests"]:
            for check in test["alert_rule_test"]:
                (raised if check["exp_alerts"] else quiet)[check["alertname"]] += 1
    names = {rule["alert"] for rule in ALERTS}
    assert (set(raised), set(quiet)) == (names, names)


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: str(rule["alert"]))
def test_each_alert_says_what_is_so_and_what_to_do(rule: dict[str, Any]) -> None:
    assert rule["labels"] in ({"severity": "page"}, {"severity": "ticket"})
    assert rule["annotations"].keys() == {"summary", "runbook"}
    path, _, anchor = rule["annotations"]["runbook"].partition("#")
    page = (ROOT / path).read_text()
    assert anchor == rule["alert"].lower()
    assert f"\n### {rule['alert']}\n" in page


def test_no_runbook_is_left_of_an_alert_that_is_gone() -> None:
    page = (files.FOLDER / "README.md").read_text()
    titles = {line.removeprefix("### ") for line in page.splitlines() if line.startswith("### ")}
    assert titles == {rule["alert"] for rule in ALERTS}


def test_each_service_of_the_compose_file_is_read_at_its_port() -> None:
    services = compose.load()["services"]
    targets = {
        job["job_name"]: job["dns_sd_configs"][0]
        for job in CONFIGURATION["scrape_configs"]
        if "dns_sd_configs" in job
    }
    health = {
        name: json.dumps(service.get("healthcheck", {}))
        for name, service in services.items()
        if name in targets
    }
    assert targets.keys() == {"edge", "router", "apollo", "rest", "users", "products", "orders"}
    for name, target in targets.items():
        assert target["names"] == [name]
        assert str(target["port"]) in health[name]
        assert "services" in services[name]["networks"]


def test_each_pod_of_the_cluster_is_read_at_its_port_under_its_name() -> None:
    [job] = yaml.safe_load((files.PROMETHEUS / "kubernetes.yml").read_text())["scrape_configs"]
    rules = [rule | {"source": rule["source_labels"][0]} for rule in job["relabel_configs"]]
    names = {rule["source"]: rule.get("target_label") for rule in rules}
    prefix = "__meta_kubernetes_pod_label_app_kubernetes_io_"
    assert names[f"{prefix}name"] == "job"
    assert names[f"{prefix}part_of"] is None
    read = set()
    for name, pod, labels in manifests.pods(manifests.render(manifests.FOLDER / "overlays/production")):
        ports = [port for container in pod["containers"] for port in container.get("ports", ())]
        if labels.get("app.kubernetes.io/part-of") == "supergraph" and any(
            p["name"] == "http" for p in ports
        ):
            assert labels["app.kubernetes.io/name"] == name
            read.add(name)
    assert read == files.JOBS - {"apollo", "prometheus"}  # in a cluster, Hive Gateway is the router


@pytest.fixture(scope="module")
def prometheus(
    supergraph: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[httpx.Client]:
    """A real one, with the committed configuration and the addresses of the running system in it."""
    folder = tmp_path_factory.mktemp("prometheus")
    addresses = supergraph["addresses"] | {"rest": supergraph["addresses"]["rest_direct"]}
    ports = Ports()
    port = ports.free()
    ports.release()
    document = yaml.safe_load((files.PROMETHEUS / "prometheus.yml").read_text())
    document["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    document["rule_files"] = [str(files.PROMETHEUS / "rules/*.yml")]
    for job in document["scrape_configs"]:
        address = addresses.get(job["job_name"], f"http://127.0.0.1:{port}")
        job.pop("dns_sd_configs", None)
        job["static_configs"] = [{"targets": [address.partition("//")[2]]}]
    # Not run by the tests' system: Hive Gateway answers for both.
    document["scrape_configs"] = [job for job in document["scrape_configs"] if job["job_name"] != "apollo"]
    (folder / "prometheus.yml").write_text(yaml.safe_dump(document))
    command = ["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
    command += [f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"]
    with (
        subprocess.Popen(command, env={**os.environ, "GOMAXPROCS": "1"}) as process,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10) as client,
    ):
        try:
            _wait_ready(client)
            yield client
        finally:
            process.terminate()


def _wait_ready(client: httpx.Client) -> None:
    """Until it answers queries: while it starts it says in plain text that it does not yet."""
    until = time.monotonic() + 30
    while True:
        with contextlib.suppress(httpx.TransportError):
            if client.get("/-/ready").is_success:
                return
        assert time.monotonic() < until
        time.sleep(0.1)


def eventually(client: httpx.Client, path: str, done: Any) -> Any:
    """The data at `path` once they are as wanted; as they are, where that takes too long."""
    until = time.monotonic() + 30
    data: Any = None
    while time.monotonic() < until:
        data = client.get(path).json()["data"]
        if done(data):
            return data
        time.sleep(0.2)
    return data


@needs_prometheus
@pytest.mark.parametrize(
    ("where", "query"), list(files.queries()), ids=[where for where, _ in files.queries()]
)
def test_prometheus_takes_each_query_of_a_dashboard(prometheus: httpx.Client, where: str, query: str) -> None:
    del where
    answer = prometheus.get("/api/v1/query", params={"query": query}).json()
    assert answer["status"] == "success", answer


@needs_prometheus
def test_a_running_prometheus_reads_every_process_and_evaluates_every_rule(prometheus: httpx.Client) -> None:
    data = eventually(
        prometheus,
        "/api/v1/targets?state=active",
        lambda data: {target["health"] for target in data["activeTargets"]} == {"up"},
    )
    health = {target["labels"]["job"]: target["health"] for target in data["activeTargets"]}
    assert health == dict.fromkeys(files.JOBS - {"apollo"}, "up")

    def rules(data: Any) -> list[dict[str, Any]]:
        return [rule for group in data["groups"] for rule in group["rules"]]

    data = eventually(
        prometheus, "/api/v1/rules", lambda data: {rule["health"] for rule in rules(data)} == {"ok"}
    )
    assert {(rule["name"], rule["health"], rule.get("lastError")) for rule in rules(data)} == {
        (rule.get("record") or rule["alert"], "ok", None)
        for file in ("recording.yml", "alerts.yml")
        for rule in files.rules(file)
    }
    raised = {rule["name"] for rule in rules(data) if rule.get("state") == "firing"}
    assert raised & {"ServiceDown", "ServiceAbsent", "Oversold"} == set()
