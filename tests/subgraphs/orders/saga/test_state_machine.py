"""Customers, time, outages and crashes in any order Hypothesis thinks of, with a clock that it moves."""

import asyncio
from contextlib import suppress
from datetime import timedelta
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from subgraphs.kit.errors import DomainError
from subgraphs.kit.postgres.engine import Postgres
from subgraphs.kit.settings import DatabaseSettings
from subgraphs.orders.domain.payments import PaymentStatus
from subgraphs.orders.domain.transitions import OrderStatus
from tests.subgraphs.orders import invariants
from tests.subgraphs.orders.conftest import empty, quick
from tests.subgraphs.orders.fault_injection import Crash, FaultyPostgres
from tests.subgraphs.orders.orders_harness import OrdersHarness
from tests.subgraphs.orders.stock_service import Product

# What a client sees of each order that is settled (`OrderState`): itself, its items and its last payment.
_SHOWN = """
SELECT o.id, o.version, concat_ws(' ', o.status, o.subtotal_minor, o.total_minor, o.shipping, o.tracking_number,
  o.updated_at, i.shown, p.method, p.amount_minor, p.refunded_minor, p.status, p.transaction_id, p.paid_at)
FROM orders o
LEFT JOIN LATERAL (SELECT string_agg(concat_ws(' ', name, sku, quantity, price_minor), ',' ORDER BY id) AS shown
                   FROM order_items WHERE order_id = o.id) i ON true
LEFT JOIN LATERAL (SELECT * FROM payments WHERE order_id = o.id ORDER BY seq DESC LIMIT 1) p ON true
WHERE o.status NOT IN ('PAYING', 'CANCELLING')
  AND NOT (o.status IN ('PAID', 'PROCESSING', 'SHIPPED', 'DELIVERED') AND o.resume_at IS NOT NULL)
"""
_TOKENS = ["tok_ok", "tok_declined", "tok_timeout_then_captured", "tok_error_once"]


class Customers(RuleBasedStateMachine):
    database: ClassVar[DatabaseSettings]
    orders = Bundle("orders")

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.run = self.runner.run
        self.harness = self.run(self._open())
        self.by_key: dict[str, str] = {}
        self.shown: dict[tuple[str, int], str] = {}
        self.products: list[Product] = [
            self.harness.stock.add(available=4),
            self.harness.stock.add(available=9, minor=5),
            self.harness.stock.add(available=9, currency="EUR"),
        ]

    async def _open(self) -> OrdersHarness:
        observer = quick(Postgres(self.database, application="machine observer"))
        await empty(observer)
        return OrdersHarness(quick(FaultyPostgres(self.database, application="machine")), observer)

    def attempt(self, call: Any) -> Any:
        """What a client gets: an answer, an error, or nothing since the process died."""

        async def run() -> Any:
            with suppress(DomainError, ConnectionError, Crash):
                return await call
            return None

        result = self.run(run())
        self.harness.faults.plan.clear()
        return result

    @rule(
        target=orders,
        which=st.sets(st.integers(0, 2), min_size=1),
        quantity=st.integers(1, 3),
        key=st.one_of(st.none(), st.sampled_from(["k1", "k2"])),
    )
    def place(self, which: set[int], quantity: int, key: str | None) -> str | None:
        lines = [self.products[i] for i in sorted(which)]
        placed = self.attempt(self.harness.place(*lines, quantity=quantity, key=key))
        if placed is not None and key is not None:
            assert self.by_key.setdefault(key, placed.id) == placed.id
        rows = self.run(self.harness.rows("SELECT id FROM orders ORDER BY id DESC LIMIT 1"))
        return rows[0].id if rows else None

    @rule(
        order=orders,
        token=st.sampled_from(_TOKENS),
        key=st.one_of(st.none(), st.sampled_from(["k1", "k2"])),
    )
    def pay(self, order: str | None, token: str, key: str | None) -> None:
        if order:
            self.attempt(self.harness.pay(order, token, key=key))

    @rule(order=orders, token=st.sampled_from(_TOKENS))
    def pay_and_cancel_at_once(self, order: str | None, token: str) -> None:
        async def both(order_id: str) -> None:
            await asyncio.gather(
                self.harness.pay(order_id, token), self.harness.cancel(order_id), return_exceptions=True
            )

        if order:
            self.attempt(both(order))

    @rule(order=orders)
    def cancel(self, order: str | None) -> None:
        if order:
            self.attempt(self.harness.cancel(order))

    @rule(
        order=orders,
        status=st.sampled_from([OrderStatus.PROCESSING, OrderStatus.SHIPPED, OrderStatus.DELIVERED]),
    )
    def move(self, order: str | None, status: OrderStatus) -> None:
        if order:
            self.attempt(self.harness.move(order, status))

    @rule(
        order=orders,
        amount=st.sampled_from([None, "0.05", "9.99"]),
        key=st.one_of(st.none(), st.sampled_from(["k1", "k2"])),
    )
    def refund(self, order: str | None, amount: str | None, key: str | None) -> None:
        if order:
            self.attempt(self.harness.refund(order, amount, key=key))

    @rule(order=orders, method=st.sampled_from([None, "standard", "express"]))
    def ship_to(self, order: str | None, method: str | None) -> None:
        if order:
            self.attempt(self.harness.ship_to(order, country="CH", method=method))

    @rule(order=orders, by_hand=st.booleans())
    def provider_tells(self, order: str | None, *, by_hand: bool) -> None:
        """Of the last attempt, which somebody may have captured there although it was written off."""
        payment = self.run(self.harness.payment(order)) if order else None
        if payment is None or payment.reference is None:
            return
        if by_hand and payment.status is PaymentStatus.DECLINED:
            self.run(self.harness.captured_by_hand(payment.reference))
        self.attempt(self.harness.webhook("payment.captured", payment.reference))

    @rule(seconds=st.sampled_from([1, 11, 90, 900, 1801, 2400]))
    def wait(self, seconds: int) -> None:
        self.harness.clock.forward(timedelta(seconds=seconds))

    @rule()
    def sweep(self) -> None:
        self.harness.stock.sweep()

    @rule()
    def resume(self) -> None:
        for job in (self.harness.payment_events, self.harness.resume, self.harness.late_refunds):
            self.attempt(job.run_once())

    @rule(ahead=st.integers(0, 12))
    def crash_ahead(self, ahead: int) -> None:
        self.harness.faults.crash_at(len(self.harness.faults.passed) + ahead)

    @rule(ahead=st.integers(0, 12))
    def lost_call_ahead(self, ahead: int) -> None:
        self.harness.faults.fail_at(len(self.harness.faults.passed) + ahead)

    @rule()
    def outage_of_stock(self) -> None:
        self.harness.inventory.down = not self.harness.inventory.down

    @invariant()
    def histories_follow_the_table(self) -> None:
        async def check() -> None:
            for [order_id] in await self.harness.rows("SELECT id FROM orders"):
                await invariants.check_history(self.harness, order_id)

        self.run(check())

    @invariant()
    def a_settled_order_shows_the_same_as_long_as_its_version_is(self) -> None:
        for order_id, version, shown in self.run(self.harness.rows(_SHOWN)):
            assert self.shown.setdefault((order_id, version), shown) == shown

    def teardown(self) -> None:
        try:
            self.run(self._settle())
        finally:
            self.run(self._close())
            self.runner.close()

    async def _settle(self) -> None:
        self.harness.faults.reset()
        self.harness.inventory.down = False
        await self.harness.until_quiet(rounds=40)
        await invariants.check(self.harness)

    async def _close(self) -> None:
        await self.harness.postgres.close()
        await self.harness.observer.close()


_ALL = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]


def test_any_sequence_of_requests_faults_and_time_ends_consistent(database: DatabaseSettings):
    profile = settings(
        max_examples=12, stateful_step_count=12, deadline=None, suppress_health_check=_ALL, database=None
    )
    Customers.database = database
    run_state_machine_as_test(Customers, settings=profile)  # type: ignore[no-untyped-call]


@pytest.mark.long
@pytest.mark.timeout(900)
def test_many_long_sequences_end_consistent(database: DatabaseSettings):
    profile = settings(
        max_examples=300, stateful_step_count=40, deadline=None, suppress_health_check=_ALL, database=None
    )
    Customers.database = database
    run_state_machine_as_test(Customers, settings=profile)  # type: ignore[no-untyped-call]
