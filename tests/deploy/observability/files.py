"""The files of Prometheus and Grafana as data."""

import json
from collections.abc import Iterator
from typing import Any

import yaml

from deploy.local.children import ROOT

FOLDER = ROOT / "deploy/observability"
PROMETHEUS = FOLDER / "prometheus"
DASHBOARDS = sorted((FOLDER / "grafana/dashboards").glob("*.json"))
JOBS = {
    job["job_name"] for job in yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())["scrape_configs"]
}


def rules(file: str) -> list[dict[str, Any]]:
    groups = yaml.safe_load((PROMETHEUS / "rules" / file).read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def dashboards() -> list[dict[str, Any]]:
    return [json.loads(path.read_text()) for path in DASHBOARDS]


def panels(dashboard: dict[str, Any]) -> list[dict[str, Any]]:
    """Those that ask for something; rows are headings."""
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def queries() -> Iterator[tuple[str, str]]:
    """Every query of the dashboards, with the name of where it stands; as Prometheus gets it."""
    for dashboard in dashboards():
        for panel in panels(dashboard):
            for target in panel["targets"]:
                query = target["expr"].replace("$__rate_interval", "5m").replace("$__range", "1h")
                yield f"{dashboard['title']}: {panel['title']}", query


def expressions() -> Iterator[tuple[str, str]]:
    """Every expression of rules and dashboards, with the name of where it stands."""
    for file in ("recording.yml", "alerts.yml"):
        for rule in rules(file):
            yield str(rule.get("record") or rule["alert"]), rule["expr"]
    yield from queries()
