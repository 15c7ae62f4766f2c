"""`supergraph report` and the report at the edge, on the running system."""

import asyncio
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from tests.supergraph.conftest import Account

COMMAND = [str(Path(sys.executable).with_name("supergraph")), "report"]


async def test_what_was_paid_at_the_edge_is_in_every_form_of_the_report(
    supergraph: dict[str, Any], http: httpx.AsyncClient, admin: Account, customer: Account, tmp_path: Path
) -> None:
    # Of a currency that no other test has.
    product = {"name": "Report Lamp", "price": 20.5, "stock": 5, "category": "Lamps", "currency": "DKK"}
    lamp = (await http.post("/api/v1/products", json=product, headers=admin.headers)).json()
    items = {"items": [{"product_id": lamp["id"], "quantity": 2}]}
    placed = await http.post("/api/v1/orders", json=items, headers=customer.headers)
    order = placed.json()["id"]
    paid = await http.post(f"/api/v1/orders/{order}/pay", headers=customer.headers)
    assert paid.json()["status"] == "paid"

    now = datetime.now(UTC)
    times = {"from": (now - timedelta(days=1)).isoformat(), "to": (now + timedelta(days=1)).isoformat()}
    query = {**times, "interval": "month", "timezone": "America/New_York", "limit": 100}
    url = "/api/v1/reports/orders"
    assert (await http.get(url, params=query, headers=customer.headers)).status_code == 403
    report = (await http.get(url, params=query, headers=admin.headers)).json()
    [totals] = [found for found in report["totals"] if found["currency"] == "DKK"]
    assert totals == {
        "currency": "DKK",
        "orders": 1,
        "units": 2,
        "sales": 41.0,
        "refunds": 0,
        "refunded": 0.0,
        "net": 41.0,
    }
    [top] = [found for found in report["top_products"] if found["product_id"] == lamp["id"]]
    assert (top["product_name"], top["units"]) == ("Report Lamp", 2)
    headers = {**admin.headers, "accept": "text/csv"}
    table = (await http.get(url, params=query, headers=headers)).text
    assert [row.split(",")[3:] for row in table.splitlines() if ",DKK," in row] == [
        ["1", "2", "41.00", "0", "0.00", "41.00"]
    ]

    done = await asyncio.to_thread(
        subprocess.run,
        [*COMMAND, "--interval", "month", "--chart", "orders.svg", "--data", supergraph["data"]],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    # Columns are as wide as what other tests sold.
    assert "DKK 1 2 41.00" in " ".join(done.stdout.split())
    assert "41.00 sold, 0.00 given back" in (tmp_path / "orders.svg").read_text()


def test_help_and_faults_need_no_running_system(tmp_path: Path) -> None:
    shown = subprocess.run([*COMMAND, "--help"], capture_output=True, text=True, check=True).stdout
    assert shown.startswith("usage: supergraph report ")
    assert "--chart FILE" in shown
    missing = subprocess.run([*COMMAND, "--data", str(tmp_path)], capture_output=True, text=True, check=False)
    assert missing.returncode == 1
    assert missing.stderr.startswith(f"supergraph: No supergraph runs on {tmp_path}. Start it")
