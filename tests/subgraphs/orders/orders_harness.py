"""The use cases of orders on a real database, with stock, accounts and a clock that a test controls."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from subgraphs.kit.auth.viewer import Viewer
from subgraphs.kit.background import WakeUp
from subgraphs.kit.ids import new_id
from subgraphs.kit.money import Amount, MinorUnits
from subgraphs.kit.postgres.engine import Postgres
from subgraphs.orders.domain.ids import ProductId
from subgraphs.orders.domain.items import OrderLine
from subgraphs.orders.domain.orders import Order
from subgraphs.orders.domain.permissions import Permission
from subgraphs.orders.domain.quotas import Quotas
from subgraphs.orders.domain.shipping import ShippingDetails, ShippingRate, ShippingRates
from subgraphs.orders.domain.transitions import OrderStatus
from subgraphs.orders.domain.webhooks import UrlRules
from subgraphs.orders.jobs.late_refunds import RefundLateCaptures
from subgraphs.orders.jobs.payment_events import WorkOffPaymentEvents
from subgraphs.orders.jobs.resume import ResumeOrders
from subgraphs.orders.payments.sandbox import SandboxProvider
from subgraphs.orders.payments.sandbox_webhooks import SandboxWebhooks
from subgraphs.orders.saga import LEASE, Saga
from subgraphs.orders.service import (
    Amendments,
    Cancellations,
    Fulfilment,
    Orders,
    OrderService,
    Payments,
    PaymentWebhooks,
    Placement,
    Refunds,
    Reports,
    Webhooks,
)
from subgraphs.orders.store.sandbox_charges import SandboxChargeStore
from subgraphs.orders.store.tables import metadata
from tests.subgraphs.orders.account_service import InMemoryAccounts
from tests.subgraphs.orders.fault_injection import Faults, FaultyInventory, FaultyPostgres, FaultyProvider
from tests.subgraphs.orders.order_books import OrderBooks
from tests.subgraphs.orders.stock_service import InMemoryStock, Product

WINDOW = timedelta(minutes=30)
NO_QUOTAS = Quotas()


def _usd(minor: int) -> dict[str, Amount]:
    return {"USD": Amount(MinorUnits(minor), "USD")}


RATES = ShippingRates(
    (
        ShippingRate(method=None, country=None, costs={c: Amount(MinorUnits(0), c) for c in ("USD", "EUR")}),
        ShippingRate(method="standard", country=None, costs=_usd(900)),
        ShippingRate(method="standard", country="CH", costs=_usd(500)),
        ShippingRate(method="express", country="CH", costs=_usd(1500)),
    )
)
ANY_URL = UrlRules(allow_http=True, allow_private=True, ports=frozenset())
START = datetime(2026, 1, 31, 12, tzinfo=UTC)
# Longer than the longest time between two attempts of the resume job.
_A_WHILE = LEASE * 65


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def forward(self, by: timedelta) -> None:
        self.now += by


class OrdersHarness(OrderBooks):
    """`postgres` is the code's own and `observer` that of the tests, which no fault reaches."""

    def __init__(self, postgres: FaultyPostgres, observer: Postgres, *, quotas: Quotas = NO_QUOTAS) -> None:
        super().__init__(observer)
        self.faults = postgres.faults = Faults()
        self.postgres = postgres
        self.clock = Clock()
        self.stock = InMemoryStock(self.clock)
        self.inventory = FaultyInventory(self.stock, self.faults)
        self.accounts = InMemoryAccounts()
        self.provider_webhooks = SandboxWebhooks(secret=new_id(), url="", clock=self.clock)
        self.sandbox = SandboxProvider(postgres=observer, webhooks=self.provider_webhooks)
        self.unanswered: list[bytes] = []
        """Bodies of webhooks that the sandbox sends again."""
        self.provider = FaultyProvider(self.sandbox, self.faults)
        self.saga = Saga(
            postgres=postgres,
            inventory=self.inventory,
            provider=self.provider,
            rates=RATES,
            clock=self.clock,
            wake_up=_nobody_sleeps,
            refund_due=_nobody_sleeps,
        )
        shared = {
            "postgres": postgres,
            "saga": self.saga,
            "clock": self.clock,
            "wake_up": _nobody_sleeps,
        }
        self.service = OrderService(
            orders=Orders(postgres=postgres),
            placement=Placement(
                **shared, accounts=self.accounts, payment_window=WINDOW, rates=RATES, quotas=quotas
            ),
            payments=Payments(**shared, provider=self.provider, accounts=self.accounts),
            amendments=Amendments(postgres=postgres, rates=RATES, clock=self.clock),
            cancellations=Cancellations(**shared),
            fulfilment=Fulfilment(postgres=postgres, clock=self.clock, wake_up=_nobody_sleeps),
            refunds=Refunds(postgres=postgres, saga=self.saga, clock=self.clock),
            reports=Reports(postgres=postgres),
            webhooks=Webhooks(
                postgres=postgres,
                clock=self.clock,
                wake_up=_nobody_sleeps,
                rules=ANY_URL,
                most=20,
                overlap=timedelta(days=1),
            ),
        )
        self.resume = ResumeOrders(postgres=postgres, saga=self.saga, clock=self.clock)
        self.webhooks = PaymentWebhooks(**shared, provider=self.provider)
        jobs = {"postgres": postgres, "clock": self.clock, "wake_up": WakeUp()}
        self.payment_events = WorkOffPaymentEvents(**jobs, webhooks=self.webhooks)
        self.late_refunds = RefundLateCaptures(**jobs, saga=self.saga)
        self.ann = Viewer(user_id=new_id(), role="USER")
        self.bob = Viewer(user_id=new_id(), role="USER")
        self.staff = Viewer(
            user_id=new_id(), role="STAFF", permissions=frozenset({Permission.MANAGE_ORDERS.value})
        )

    # -- what customers do ----------------------------------------------------------------------

    async def place(
        self,
        *products: Product,
        quantity: int = 1,
        key: str | None = None,
        viewer: Viewer | None = None,
        shipping: ShippingDetails | None = None,
    ) -> Order:
        lines = [OrderLine(product.id, quantity) for product in products or (self.stock.add(),)]
        return await self.place_lines(lines, key=key, viewer=viewer, shipping=shipping)

    async def place_lines(
        self,
        lines: Sequence[OrderLine],
        *,
        key: str | None = None,
        viewer: Viewer | None = None,
        shipping: ShippingDetails | None = None,
    ) -> Order:
        return await self.service.placement.place(viewer or self.ann, lines=lines, shipping=shipping, key=key)

    async def pay(self, order_id: str, token: str | None = "tok_ok", *, key: str | None = None) -> Order:
        return await self.service.payments.pay(self.ann, order_id, method="card", token=token, key=key)

    async def cancel(self, order_id: str, reason: str | None = None) -> Order:
        return await self.service.cancellations.cancel(self.ann, order_id, reason=reason)

    async def ship_to(
        self,
        order_id: str,
        *,
        version: int | None = None,
        viewer: Viewer | None = None,
        **details: str | None,
    ) -> Order:
        return await self.service.amendments.ship_to(
            viewer or self.ann, order_id, shipping=ShippingDetails(**details), version=version
        )

    # -- what the provider does ----------------------------------------------------------------------

    async def webhook(self, type_: str, reference: str) -> None:
        """The sandbox tells of a payment, now and until it is answered."""
        self.unanswered.append(self.provider_webhooks.body(type_, reference))
        await self.send_webhooks()

    async def send_webhooks(self) -> None:
        while self.unanswered:
            body = self.unanswered[0]
            await self.webhooks.receive("sandbox", body, self.provider_webhooks.headers(body))
            self.unanswered.remove(body)

    async def captured_by_hand(self, reference: str) -> None:
        """Somebody at the sandbox takes the money of a payment that is none any more."""
        async with self.observer.unit_of_work() as connection:
            await SandboxChargeStore(connection).set(
                reference, status="captured", transaction_id="sbx_ch_hand"
            )

    # -- what staff do ----------------------------------------------------------------------------

    async def move(
        self, order_id: str, status: OrderStatus, *, tracking: str | None = None, note: str | None = None
    ) -> Order:
        return await self.service.fulfilment.move(
            self.staff, order_id, status=status, tracking_number=tracking, note=note
        )

    async def refund(
        self, order_id: str, amount: str | None = None, *, reason: str | None = None, key: str | None = None
    ) -> Order:
        wanted = None if amount is None else Decimal(amount)
        return await self.service.refunds.refund(self.staff, order_id, amount=wanted, reason=reason, key=key)

    # -- time ----------------------------------------------------------------------------------------

    async def until_quiet(self, rounds: int = 12) -> None:
        """Let time pass, short of the payment window, and the jobs run, until nothing is left to do."""
        for _ in range(rounds):
            await self.send_webhooks()
            for job in (self.payment_events, self.resume, self.late_refunds):
                while await job.run_once():
                    pass
            if not await self.unfinished():
                return
            self.clock.forward(_A_WHILE)
        assert await self.unfinished() == []

    # -- what there is -------------------------------------------------------------------------------

    async def everything(self) -> list[tuple[Any, ...]]:
        """All rows of all tables, to show that nothing was written."""
        return [
            (table.name, *row)
            for table in metadata.sorted_tables
            for row in await self.rows(f"SELECT * FROM {table.name} ORDER BY 1, 2")
        ]


def _nobody_sleeps() -> None:
    """There is no relay here that a commit could wake."""


async def eventually(holds: Callable[[], Awaitable[bool]], *, within: float = 30) -> None:
    """Return as soon as `holds`. Raises TimeoutError."""
    async with asyncio.timeout(within):
        while not await holds():  # noqa: ASYNC110 - what is waited for is in a database, not in this process
            await asyncio.sleep(0.01)


def line(product: Product | str, quantity: int = 1) -> OrderLine:
    return OrderLine(ProductId(product) if isinstance(product, str) else product.id, quantity)


def as_staff(viewer: Viewer) -> Viewer:
    return replace(viewer, permissions=frozenset({Permission.MANAGE_ORDERS.value}))
