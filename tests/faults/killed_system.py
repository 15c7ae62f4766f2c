"""Orders in several processes and products in one, which a test kills and freezes; and what their stores hold at the end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deploy.local.ports import Ports
from schema.proto import user_pb2_grpc
from subgraphs.kit.grpc.server import start_server
from subgraphs.kit.ids import new_id
from subgraphs.kit.mongo.client import Mongo
from subgraphs.kit.postgres.engine import Postgres
from subgraphs.kit.settings import DatabaseSettings
from subgraphs.orders.domain.permissions import Permission
from subgraphs.orders.ports.inventory import HoldState
from tests.faults.histories import History
from tests.faults.service_processes import ServiceProcess
from tests.harness.engines import Engines
from tests.subgraphs.orders.account_service import InMemoryAccounts, UserServicer
from tests.subgraphs.orders.order_books import OrderBooks
from tests.subgraphs.orders.orders_api import SERVICE_TOKEN, Signer, key_server, listening

ORDERS_PROCESSES = 3
# Short, so that unpaid orders end within the test, and what a killed process left behind is mended in it.
_ORDERS = {
    "PAYMENT_WINDOW": "8s",
    "QUOTA_OPEN_ORDERS": "0",
    "STATE_CACHE": "2s",
    "PAYMENTS_PROVIDER": "sandbox",
}
_PRODUCTS = {"STOCK_SWEEP_EVERY": "500ms", "STOCK_STALE_AFTER": "2s", "STOCK_AUDIT_EVERY": "1s"}


@dataclass
class KilledSystem:
    orders: list[ServiceProcess]
    products: ServiceProcess
    signer: Signer
    books: OrderBooks
    mongo: Mongo
    history: History = field(default_factory=History)

    def __post_init__(self) -> None:
        self.staff = self.signer.token(new_id(), Permission.MANAGE_ORDERS, "MANAGE_PRODUCTS")

    async def freeze(self, process: ServiceProcess, *, seconds: float) -> None:
        self.history.fault(f"froze {process.url}")
        process.stop()
        try:
            await asyncio.sleep(seconds)
        finally:
            process.go_on()

    async def kill(self, *processes: ServiceProcess, away: float) -> None:
        """Kill them at once, and start them again after `away` seconds; all serve again at the end."""
        for process in processes:
            self.history.fault(f"killed {process.url}")
            process.kill()
        await asyncio.sleep(away)
        for process in processes:
            process.start()
        await asyncio.gather(*(process.wait_ready() for process in processes))

    async def holds(self) -> dict[str, HoldState]:
        """What became of the units of each order that has a reservation."""
        found = self.mongo.database["reservations"].find({}, {"state": 1})
        return {document["_id"]: HoldState[document["state"]] async for document in found}

    async def stock(self) -> dict[str, tuple[int, int]]:
        """Of each product the units that are available, and those that are held."""
        found = self.mongo.database["products"].find({}, {"available": 1, "holds": 1})
        return {
            document["_id"]: (document["available"], sum(hold["q"] for hold in document.get("holds", ())))
            async for document in found
        }


@asynccontextmanager
async def open_killed_system(engines: Engines, folder: Path) -> AsyncIterator[KilledSystem]:
    """With databases of its own. The users service is in this process, which nobody kills."""
    ports = Ports()
    keys, users, products, inventory = (ports.free() for _ in range(4))
    orders_url, products_url = engines.postgres_url("kills"), engines.mongo_url("kills")
    services = {
        "SERVICES_USERS": f"http://127.0.0.1:{keys}",
        "SERVICES_TOKEN": SERVICE_TOKEN,
        "REDIS_URL": engines.redis_url,
    }
    stocked = services | _PRODUCTS
    stocked |= {"SERVER_PORT": products, "SERVER_GRPC_PORT": inventory, "DATABASE_URL": products_url}
    ordering = services | _ORDERS | {"DATABASE_URL": orders_url}
    ordering |= {
        "SERVICES_USERS_GRPC": f"127.0.0.1:{users}",
        "SERVICES_PRODUCTS_GRPC": f"127.0.0.1:{inventory}",
    }
    signer = Signer()
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(listening(key_server(signer), keys))
        server = await start_server(
            address=f"127.0.0.1:{users}",
            token=SERVICE_TOKEN,
            services=["user.UserService"],
            register=lambda s: user_pb2_grpc.add_UserServiceServicer_to_server(
                UserServicer(InMemoryAccounts()), s
            ),
        )
        stack.push_async_callback(server.stop, None)
        stock = _process("products", products, stocked, folder)
        orders = []
        for _ in range(ORDERS_PROCESSES):
            port = ports.free()
            orders.append(_process("orders", port, ordering | {"SERVER_PORT": port}, folder))
        for process in (stock, *orders):
            stack.callback(process.kill)
        await asyncio.gather(stock.migrate(), orders[0].migrate())
        for process in (stock, *orders):
            process.start()
        await asyncio.gather(*(process.wait_ready() for process in (stock, *orders)))
        observer = Postgres(DatabaseSettings(url=orders_url, pool_size=4), application="tests")
        stack.push_async_callback(observer.close)
        mongo = Mongo(DatabaseSettings(url=products_url), application="tests")
        stack.callback(mongo.close)
        yield KilledSystem(orders, stock, signer, OrderBooks(observer), mongo)


def _process(service: str, port: int, settings: dict[str, Any], folder: Path) -> ServiceProcess:
    env = {f"{service.upper()}_{name}": str(value) for name, value in settings.items()}
    return ServiceProcess(service, port=port, env=env, log=folder / f"{service}-{port}.log")
