"""A backup that is made while orders are placed, restored as another system: everything is there and goes on."""

import asyncio
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from subgraphs.kit.ids import new_id
from tests.harness import launcher
from tests.harness.launcher import AS_THE_ROUTER

pytestmark = pytest.mark.timeout(400)
STOCK = 500
REGISTER = """mutation ($name: String!, $email: String!) {
  register(input: {username: $name, email: $email, password: "password123"}) {
    ... on RegisterSuccess { auth { accessToken } } ... on Error { code message } } }"""
LOGIN = """mutation ($email: String!) { login(input: {email: $email, password: "password123"}) {
  ... on LoginSuccess { auth { accessToken user { username } } } ... on Error { code } } }"""
CREATE_PRODUCT = f"""mutation {{ createProduct(input: {{name: "Kettle", price: "19.99", stock: {STOCK}}}) {{
  ... on CreateProductSuccess {{ product {{ id }} }} ... on Error {{ code message }} }} }}"""
CREATE = """mutation ($product: ID!, $key: String!) {
  createOrder(input: {items: [{productId: $product, quantity: 1}]}, idempotencyKey: $key) {
    ... on CreateOrderSuccess { order { id status } } ... on Error { code message } } }"""
PAY = """mutation ($id: ID!) { payOrder(id: $id, input: {token: "tok_ok"}) {
  ... on PayOrderSuccess { order { status } } ... on Error { code message } } }"""
ORDER = "query ($id: ID!) { order(id: $id) { status } }"
PRODUCT = "query ($id: ID!) { product(id: $id) { name stock } }"


class System:
    """Subgraphs without a router, asked as it asks."""

    def __init__(self, state: dict[str, Any]) -> None:
        self.state = state
        self._http = httpx.AsyncClient(timeout=60, headers=AS_THE_ROUTER)

    async def ask(self, service: str, document: str, *, token: str = "", **variables: Any) -> Any:
        """The one field of the answer."""
        answer = await self._http.post(
            f"{self.state['addresses'][service]}/graphql",
            json={"query": document, "variables": variables},
            headers={"authorization": f"Bearer {token}"} if token else {},
        )
        [found] = answer.json()["data"].values()
        return found


@pytest.fixture
def folder() -> Iterator[Path]:
    """Not below tmp_path, which PostgreSQL's user under root may not enter."""
    with tempfile.TemporaryDirectory(prefix="supergraph-backup-") as made:
        Path(made).chmod(0o755)
        yield Path(made)


def _started(data: Path) -> tuple[System, "subprocess.Popen[bytes]"]:
    state = data.with_suffix(".json")
    env = {"ROUTER_SECRET": launcher.ROUTER_SECRET, "ORDERS_QUOTA_OPEN_ORDERS": "0"}
    process = launcher.launch(data, state, ["--only", "subgraphs", "--no-seed"], env=env)
    launcher.wait_for(process, state)
    return System(launcher.read(state)), process


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "deploy.local.cli", *arguments],
        cwd=launcher.ROOT,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


@pytest.mark.long
async def test_a_backup_made_under_load_is_restored_as_a_whole(folder: Path) -> None:
    backup = folder / "backup.tar.gz"
    system, process = _started(folder / "first")
    try:
        admin = (await system.ask("users", REGISTER, name="first", email="first@example.com"))["auth"][
            "accessToken"
        ]
        product = (await system.ask("products", CREATE_PRODUCT, token=admin))["product"]["id"]
        paid, open_order = [await _order(system, admin, product) for _ in range(2)]
        assert (await system.ask("orders", PAY, token=admin, id=paid))["order"]["status"] == "PAID"
        made = asyncio.create_task(
            asyncio.to_thread(_run, "backup", str(backup), "--data", str(folder / "first"))
        )
        during = [await _order(system, admin, product)]
        while not made.done():
            during.append(await _order(system, admin, product))
        done = await made
        assert done.returncode == 0, done.stderr
        assert done.stdout.count("\n") == 6
    finally:
        await asyncio.to_thread(launcher.stop, process.pid)

    restored = await asyncio.to_thread(_run, "restore", str(backup), "--data", str(folder / "second"))
    assert restored.returncode == 0, restored.stderr
    system, process = _started(folder / "second")
    try:
        login = (await system.ask("users", LOGIN, email="first@example.com"))["auth"]
        assert login["user"] == {"username": "first"}
        assert (await system.ask("orders", ORDER, token=admin, id=paid))["status"] == "PAID"
        ended = await system.ask("orders", PAY, token=login["accessToken"], id=open_order)
        assert ended["order"]["status"] == "PAID"
        kept = [order for order in during if await system.ask("orders", ORDER, token=admin, id=order)]
        assert kept == during[: len(kept)]
        for order in kept:
            answer = await system.ask("orders", PAY, token=admin, id=order)
            assert answer["order"]["status"] == "PAID"
        agreed = await asyncio.to_thread(_run, "stock", "--data", str(folder / "second"), "reconcile")
        assert agreed.stdout == "Stock and reservations agree.\n"
        # Units of orders behind the snapshot are held until their time is over, and never sold twice.
        stock = (await system.ask("products", PRODUCT, id=product))["stock"]
        assert STOCK - 2 - len(during) <= stock <= STOCK - 2 - len(kept)
        new = await _order(system, login["accessToken"], product)
        assert (await system.ask("orders", ORDER, token=admin, id=new))["status"] == "AWAITING_PAYMENT"
    finally:
        await asyncio.to_thread(launcher.stop, process.pid)


async def _order(system: System, token: str, product: str) -> str:
    placed = await system.ask("orders", CREATE, token=token, product=product, key=new_id())
    assert placed["order"]["status"] == "AWAITING_PAYMENT", placed
    return str(placed["order"]["id"])
