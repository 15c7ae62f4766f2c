"""The stock of a test's products: the use cases over a clock that can be moved, and what is in the store."""

from collections.abc import Callable
from datetime import datetime, timedelta

import orjson

from subgraphs.kit.background import WakeUp
from subgraphs.kit.mongo.client import Database, utc_now
from subgraphs.products.app import Services, build_services
from subgraphs.products.domain.products import Product
from subgraphs.products.domain.reservations import LEASE, Outcome, ReservationLine
from subgraphs.products.service.inventory import InventoryService
from subgraphs.products.settings import ImageSettings, StockSettings

STALE = timedelta(seconds=30)


class MovableClock:
    """Stands ahead of the real time by what a test has let pass."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return utc_now() + self.ahead


class Crash(BaseException):
    """The process dies: nothing below the domain's own errors may catch it."""


class At:
    """Acts when a step of this name is done for the n-th time; dies, where not told otherwise."""

    def __init__(self, step: str, times: int = 1, act: Callable[[], None] | None = None) -> None:
        self.step, self.left, self.act = step, times, act or self._die

    def __call__(self, name: str) -> None:
        if name == self.step:
            self.left -= 1
            if self.left == 0:
                self.act()

    @staticmethod
    def _die() -> None:
        raise Crash


class StockProbe:
    def __init__(self, database: Database) -> None:
        self.database = database
        self.clock = MovableClock()
        services = self.services()
        self.inventory, self.upkeep = services.inventory, services.upkeep

    def services(
        self,
        *,
        database: Database | None = None,
        settings: StockSettings | None = None,
        after_write: Callable[[str], None] = lambda _: None,
    ) -> Services:
        return build_services(
            self.database if database is None else database,
            settings=settings or StockSettings(),
            images=ImageSettings(),
            wake_up=WakeUp(),
            clock=self.clock,
            after_write=after_write,
        )

    def outrun(self, product: Product, *, left: int, dies_at: tuple[str, int] = ("", 0)) -> Services:
        """Services whose first reserve is quoted units of `product` that are gone, but for `left`, when it holds them."""
        # The driver's own collection, since a step cannot wait.
        products = self.database.delegate["products"]
        gone = {"$set": {"available": left}}
        overtake = At("reserve.recorded", act=lambda: products.update_one({"_id": product.id}, gone))
        die = At(*dies_at)

        def after_write(step: str) -> None:
            overtake(step)
            die(step)

        return self.services(after_write=after_write)

    def dying(self, step: str, times: int = 1) -> Services:
        return self.services(after_write=At(step, times))

    async def reserve(
        self,
        order: str,
        *lines: tuple[Product, int],
        inventory: InventoryService | None = None,
        minutes: int = 15,
    ) -> Outcome:
        return await (inventory or self.inventory).reserve(
            order,
            [ReservationLine(product_id=product.id, quantity=quantity) for product, quantity in lines],
            expires_at=self.clock() + timedelta(minutes=minutes),
        )

    async def of(self, product: Product) -> tuple[int, dict[str, int]]:
        """Available units, and those held for each order."""
        document = await self.database["products"].find_one({"_id": product.id})
        assert document is not None
        held = {hold["rid"]: hold["q"] for hold in document["holds"]}
        assert len(held) == len(document["holds"]), "an order holds twice"
        return document["available"], held

    async def state(self, order: str) -> str | None:
        document = await self.database["reservations"].find_one({"_id": order})
        return document["state"] if document else None

    async def events(self, order: str) -> list[tuple[str, str | None]]:
        document = await self.database["reservations"].find_one({"_id": order})
        assert document is not None
        data = [(e["type"], orjson.loads(e["envelope"])["data"]) for e in document["outbox"]]
        return [(kind, body.get("reason")) for kind, body in data]

    async def recover(self) -> None:
        """What another process does once the dead one's lease is over."""
        self.clock.ahead += LEASE + STALE
        await self.upkeep.sweep(stale_after=STALE)
