"""The page of metrics says what there is, and rules and dashboards ask for nothing else."""

import importlib
import re
from typing import Any

import httpx
import pytest
from prometheus_client import REGISTRY

from tests.deploy.observability import files
from tests.deploy.observability.promql import metrics_of, series_in

_PROCESSES = ("subgraphs.users.app", "subgraphs.products.app", "subgraphs.orders.app", "clients.rest.app")
_ROW = re.compile(r"^\| `(\w+)` \| (\w+) \| ([^|]+) \| (sum|max|min) \| (.+) \|$", re.MULTILINE)
_PREFIXES_OF_APOLLO = ("apollo_router_", "http_server_", "http_client_")

Row = tuple[str, str, tuple[str, ...], str]


def documented() -> list[Row]:
    text = (files.FOLDER / "README.md").read_text()
    return [
        (name, kind, tuple(re.findall(r"`(\w+)`", labels)), meaning)
        for name, kind, labels, _, meaning in _ROW.findall(text)
    ]


def registered() -> list[Row]:
    """What the processes register as they start, in the words of the code."""
    for module in _PROCESSES:
        importlib.import_module(module)
    found: list[Row] = []
    collectors: Any = dict.fromkeys(REGISTRY._collector_to_names)
    for collector in collectors:
        if name := getattr(collector, "_name", None):
            full = f"{name}_total" if collector._type == "counter" else name
            found.append((full, collector._type, collector._labelnames, collector._documentation))
    return found


def test_the_page_lists_every_metric_with_its_type_labels_and_meaning() -> None:
    assert len(documented()) > 40
    assert sorted(documented()) == sorted(registered())


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ('sum by (job, le) (rate(a_total{b="c_total"}[5m])) / on (job) d', {"a_total", "d"}),
        ("max(e > 0) or absent(f:g:rate5m) unless vector(0)", {"e", "f:g:rate5m"}),
        ("time() - 14.4 * 1e3 * h offset 5m", {"h"}),
    ],
)
def test_names_are_found_in_expressions(expression: str, expected: set[str]) -> None:
    found = metrics_of(expression)
    assert found - {"m"} == expected  # "5m" outside of brackets leaves its unit


@pytest.fixture
async def series(supergraph: dict[str, Any]) -> dict[str, set[str]]:
    """What each job of Prometheus finds in the running system."""
    addresses = supergraph["addresses"] | {"rest": supergraph["addresses"]["rest_direct"]}
    jobs = ("edge", "router", "rest", "users", "products", "orders")
    async with httpx.AsyncClient() as client:
        return {job: series_in((await client.get(f"{addresses[job]}/metrics")).text) for job in jobs}


async def test_every_metric_of_a_rule_or_dashboard_is_there(series: dict[str, set[str]]) -> None:
    recorded = {rule["record"] for rule in files.rules("recording.yml")}
    known = set.union(*series.values(), recorded, {"up"})
    missing = {
        (where, name)
        for where, expression in files.expressions()
        for name in metrics_of(expression) - known
        if not name.startswith(_PREFIXES_OF_APOLLO)  # which this system does not run
    }
    assert missing == set()


async def test_every_process_tells_of_its_event_loop_and_its_requests(series: dict[str, set[str]]) -> None:
    for job in ("rest", "users", "products", "orders"):
        assert {
            "event_loop_lag_seconds_bucket",
            "http_requests_total",
            "process_cpu_seconds_total",
        } <= series[job]


def test_every_job_and_group_of_an_expression_is_one_that_there_is() -> None:
    for where, expression in files.expressions():
        for match in re.findall(r'job=~?"([^"]+)"', expression):
            assert set(match.split("|")) <= files.JOBS, where
