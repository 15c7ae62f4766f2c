"""The dashboards and what provisions them: no Grafana runs here, so what it would stumble over is looked for."""

from collections import Counter
from itertools import combinations
from typing import Any

import pytest
import yaml

from tests.deploy.docker import compose
from tests.deploy.observability import files

GRAFANA = files.FOLDER / "grafana"
SOURCES = yaml.safe_load((GRAFANA / "provisioning/datasources/stores.yml").read_text())["datasources"]
BOARDS = {board["uid"]: board for board in files.dashboards()}
_UNITS = {"reqps", "ops", "s", "ms", "d", "bytes", "percentunit", "none"}

each_board = pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)


def test_the_dashboards_are_those_an_operator_looks_for() -> None:
    assert set(BOARDS) == {"overview", "orders", "stores", "events", "router"}
    assert [path.stem for path in files.DASHBOARDS] == sorted(BOARDS)
    assert len({board["title"] for board in BOARDS.values()}) == len(BOARDS)


@each_board
def test_each_panel_says_what_it_shows_of_which_source_in_which_unit(board: dict[str, Any]) -> None:
    sources = {(source["type"], source["uid"]) for source in SOURCES}
    panels = files.panels(board)
    assert len(panels) >= 8
    for panel in panels:
        assert panel["title"], panel
        assert panel["description"].endswith("."), panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"] in _UNITS, panel["title"]
        assert (panel["datasource"]["type"], panel["datasource"]["uid"]) in sources, panel["title"]
        letters = [target["refId"] for target in panel["targets"]]
        assert len(set(letters)) == len(letters) > 0, panel["title"]
        many = panel["type"] != "stat"
        assert all(bool(target.get("legendFormat")) is many for target in panel["targets"]), panel["title"]


@each_board
def test_ids_are_unique_and_no_panel_covers_another(board: dict[str, Any]) -> None:
    assert max(Counter(panel["id"] for panel in board["panels"]).values()) == 1
    places = [panel["gridPos"] for panel in board["panels"]]
    assert all(place["x"] + place["w"] <= 24 for place in places)
    for one, other in combinations(places, 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        apart = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or apart, (one, other)


def test_every_metric_of_ours_that_the_page_lists_is_on_a_dashboard_or_in_a_rule() -> None:
    """What nobody looks at is not worth counting; but for what a rule's runbook reads by hand."""
    shown = " ".join(expression for _, expression in files.expressions())
    page = (files.FOLDER / "README.md").read_text()
    listed = {
        line.split("`")[1] for line in page.splitlines() if line.startswith("| `") and line.count("|") == 6
    }
    assert len(listed) > 40
    left = {name for name in listed if name not in shown}
    assert left <= {"stock_reservations_swept_total", "stock_stray_holds_total"}


def test_compose_gives_grafana_its_files_and_sources_their_names() -> None:
    services = compose.load()["services"]
    mounted = dict(volume.split(":")[:2] for volume in services["grafana"]["volumes"])
    assert mounted == {
        "./deploy/observability/grafana/provisioning": "/etc/grafana/provisioning",
        "./deploy/observability/grafana/dashboards": "/etc/grafana/dashboards",
    }
    provider = yaml.safe_load((GRAFANA / "provisioning/dashboards/files.yml").read_text())["providers"][0]
    assert provider["options"]["path"] == "/etc/grafana/dashboards"
    home = services["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert home.removeprefix("/etc/grafana/dashboards/") in {path.name for path in files.DASHBOARDS}
    hosts = {source["url"].split("//")[1].split(":")[0] for source in SOURCES}
    assert hosts == {"prometheus", "jaeger"} <= set(services)
    rules = dict(volume.split(":")[:2] for volume in services["prometheus"]["volumes"])
    assert rules["./deploy/observability/prometheus/rules"] == "/etc/prometheus/rules"
