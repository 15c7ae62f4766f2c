"""Reports against a second computation, row by row, over the same ledger."""

from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Select, insert, text

from subgraphs.kit.ids import new_id
from subgraphs.kit.postgres.engine import Postgres
from subgraphs.orders.domain.reports import Bucket, ReportInterval, ReportRange
from subgraphs.orders.domain.transitions import OrderStatus
from subgraphs.orders.store.reports import (
    ReportStore,
    by_status_query,
    refunds_query,
    sales_query,
    top_products_query,
)
from subgraphs.orders.store.tables import order_items, orders, payments, refunds
from tests.subgraphs.orders.conftest import empty

PRODUCTS = [new_id() for _ in range(4)]
ZONES = ["Europe/Zurich", "America/New_York", "Australia/Lord_Howe", "America/Havana", "UTC"]
# The two changes of clocks in Zurich and New York lie in it.
INSTANTS = st.integers(0, 364 * 86_400_000).map(
    lambda ms: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)
)
MINOR = st.integers(1, 10**13)
SALE = {"CAPTURED", "PARTIALLY_REFUNDED", "REFUNDED"}

Rows = dict[str, list[dict[str, Any]]]


@st.composite
def ledgers(draw: st.DrawFn) -> Rows:
    """Orders with what was paid for them and given back, among them attempts that failed and refunds under way."""
    found: Rows = {"orders": [], "order_items": [], "payments": [], "refunds": []}
    for number in range(draw(st.integers(0, 12))):
        order_id, currency = new_id(), draw(st.sampled_from(["USD", "EUR", "JPY", "KWD"]))
        created = draw(INSTANTS)
        found["orders"].append(
            {
                "id": order_id,
                "number": f"ORD-{number}",
                "user_id": new_id(),
                "status": draw(st.sampled_from(OrderStatus)).value,
                "currency": currency,
                "subtotal_minor": 0,
                "total_minor": draw(MINOR),
                "version": 1,
                "last_seq": 1,
                "expires_at": created,
                "created_at": created,
                "updated_at": created,
            }
        )
        for product in draw(st.lists(st.sampled_from(PRODUCTS), max_size=3, unique=True)):
            found["order_items"].append(
                {
                    "id": new_id(),
                    "order_id": order_id,
                    "product_id": product,
                    "quantity": draw(st.integers(1, 1000)),
                    "name": f"name of {number}",
                    "sku": f"sku of {number}",
                    "price_minor": draw(MINOR),
                    "currency": currency,
                }
            )
        _pay(draw, found, order_id, currency)
    return found


def _pay(draw: st.DrawFn, found: Rows, order_id: str, currency: str) -> None:
    failed = draw(st.lists(st.sampled_from(["DECLINED", "UNKNOWN", "PENDING"]), max_size=1))
    captured = draw(st.lists(st.sampled_from(sorted(SALE)), max_size=1))
    for seq, status in enumerate(failed + captured):
        attempt = new_id()
        found["payments"].append(
            {
                "attempt_id": attempt,
                "order_id": order_id,
                "seq": seq,
                "method": "card",
                "token": "t",
                "provider": "sandbox",
                "amount_minor": draw(MINOR),
                "currency": currency,
                "status": status,
                "paid_at": draw(INSTANTS) if status in SALE else None,
            }
        )
        for _ in range(draw(st.integers(0, 2))):
            done = draw(st.booleans())
            found["refunds"].append(
                {
                    "key": new_id(),
                    "order_id": order_id,
                    "attempt_id": attempt,
                    "amount_minor": draw(MINOR),
                    "currency": currency,
                    "status": "DONE" if done else "PENDING",
                    "created_at": draw(INSTANTS),
                    "done_at": draw(INSTANTS) if done else None,
                }
            )


@st.composite
def ranges(draw: st.DrawFn) -> ReportRange:
    start, end = sorted([draw(INSTANTS), draw(INSTANTS)])
    return ReportRange.of(
        start,
        max(end, start + timedelta(microseconds=1)),
        interval=draw(st.sampled_from(ReportInterval)),
        timezone=draw(st.sampled_from(ZONES)),
    )


def _key(at: datetime, over: ReportRange) -> tuple[int, ...]:
    """The day, week or month of `at` in the zone's calendar."""
    day = at.astimezone(ZoneInfo(over.timezone)).date()
    match over.interval:
        case ReportInterval.DAY:
            return (day.toordinal(),)
        case ReportInterval.WEEK:
            return tuple(day.isocalendar())[:2]
        case ReportInterval.MONTH:
            return (day.year, day.month)


def _recomputed(ledger: Rows, over: ReportRange) -> dict[tuple[Any, ...], Counter[str]]:
    """The sums by local day, week or month and currency."""
    sums: defaultdict[tuple[Any, ...], Counter[str]] = defaultdict(Counter)
    units = Counter[str]()
    for item in ledger["order_items"]:
        units[item["order_id"]] += item["quantity"]
    sales = {row["attempt_id"]: row for row in ledger["payments"] if row["status"] in SALE}
    for sale in sales.values():
        if over.start <= sale["paid_at"] < over.end:
            sums[_key(sale["paid_at"], over), sale["currency"]].update(
                orders=1, units=units[sale["order_id"]], sales_minor=sale["amount_minor"]
            )
    for refund in ledger["refunds"]:
        if refund["attempt_id"] in sales and refund["done_at"] and over.start <= refund["done_at"] < over.end:
            sums[_key(refund["done_at"], over), refund["currency"]].update(
                refunds=1, refunded_minor=refund["amount_minor"]
            )
    return {key: +found for key, found in sums.items()}


async def _written(postgres: Postgres, ledger: Rows) -> None:
    await empty(postgres)
    async with postgres.unit_of_work() as connection:
        for table in (orders, order_items, payments, refunds):
            if rows := ledger[table.name]:
                await connection.execute(insert(table), rows)


LIMITS = settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])


@LIMITS
@given(ledger=ledgers(), over=ranges())
async def test_series_equals_the_ledger_to_the_minor_unit(
    postgres: Postgres, ledger: Rows, over: ReportRange
) -> None:
    await _written(postgres, ledger)
    async with postgres.read() as connection:
        series = await ReportStore(connection).series(over)
    fields = ("orders", "units", "sales_minor", "refunds", "refunded_minor")
    reported = {
        (_key(bucket.start, over), currency): +Counter({f: getattr(sums, f) for f in fields})
        for bucket, totals in zip(over.buckets, series, strict=True)
        for currency, sums in totals.items()
    }
    assert reported == _recomputed(ledger, over)


@LIMITS
@given(ledger=ledgers(), over=ranges(), first=st.integers(1, 4))
async def test_top_products_and_states_equal_the_ledger(
    postgres: Postgres, ledger: Rows, over: ReportRange, first: int
) -> None:
    await _written(postgres, ledger)
    async with postgres.read() as connection:
        top = await ReportStore(connection).top_products(over, first=first)
        states = await ReportStore(connection).by_status(over)

    paid = {
        row["order_id"]: row["paid_at"]
        for row in ledger["payments"]
        if row["status"] in SALE and over.start <= row["paid_at"] < over.end
    }
    units, sales = Counter[str](), defaultdict(Counter[str])
    lines = [item for item in ledger["order_items"] if item["order_id"] in paid]
    for item in lines:
        units[item["product_id"]] += item["quantity"]
        sales[item["product_id"]][item["currency"]] += item["quantity"] * item["price_minor"]
    order = sorted(units, key=lambda product: (-units[product], product))[:first]
    assert [(p.product_id, p.units) for p in top] == [(product, units[product]) for product in order]
    for product in top:
        assert {a.currency: a.minor for a in product.sales} == dict(sales[product.product_id])
        of_product = [item for item in lines if item["product_id"] == product.product_id]
        assert product.orders == len(of_product)
        last = max(paid[item["order_id"]] for item in of_product)
        latest = {(i["name"], i["sku"]) for i in of_product if paid[i["order_id"]] == last}
        assert (product.name, product.sku) in latest

    placed = [row for row in ledger["orders"] if over.start <= row["created_at"] < over.end]
    assert {s.status.value: s.orders for s in states} == Counter(row["status"] for row in placed)
    for state in states:
        totals = Counter[str]()
        for row in placed:
            if row["status"] == state.status.value:
                totals[row["currency"]] += row["total_minor"]
        assert {a.currency: a.minor for a in state.totals} == dict(totals)


_MANY = """
INSERT INTO orders (id, number, user_id, status, currency, subtotal_minor, total_minor, version, last_seq,
                    expires_at, created_at, updated_at)
SELECT 'o' || n, 'n' || n, 'u', 'PAID', 'USD', 1, 1, 1, 1, at, at, at
FROM (SELECT n, timestamptz '2020-01-01' + n * interval '1 hour' AS at FROM generate_series(1, 8000) n);
INSERT INTO order_items (id, order_id, product_id, quantity, price_minor, currency)
SELECT 'i' || n, 'o' || n, 'p' || n % 50, 1, 1, 'USD' FROM generate_series(1, 8000) n;
INSERT INTO payments (attempt_id, order_id, seq, method, token, provider, amount_minor, currency, status, paid_at)
SELECT 'a' || substr(id, 2), id, 1, 'card', 't', 'sandbox', 1, 'USD', 'CAPTURED', created_at FROM orders;
INSERT INTO refunds (key, order_id, attempt_id, amount_minor, currency, status, created_at, done_at)
SELECT attempt_id, order_id, attempt_id, 1, 'USD', 'DONE', paid_at, paid_at FROM payments;
ANALYZE orders, order_items, payments, refunds
"""
HOURS_OF_MANY = ReportRange(
    interval=ReportInterval.DAY,
    timezone="UTC",
    buckets=(Bucket(datetime(2020, 3, 1, tzinfo=UTC), datetime(2020, 3, 1, 6, tzinfo=UTC)),),
)


@pytest.fixture
async def many(postgres: Postgres) -> Postgres:
    """8,000 orders, one each hour, paid and given back at once."""
    async with postgres.unit_of_work() as connection:
        for statement in _MANY.split(";"):
            await connection.execute(text(statement))
    return postgres


INDEXES: list[tuple[Select[Any], set[str]]] = [
    (sales_query(HOURS_OF_MANY), {"payments_by_sale", "order_items_by_order"}),
    (refunds_query(HOURS_OF_MANY), {"refunds_by_time", "payments_pkey"}),
    (top_products_query(HOURS_OF_MANY, first=10), {"payments_by_sale", "order_items_by_order"}),
    (by_status_query(HOURS_OF_MANY), {"orders_by_time"}),
]


async def test_some_hours_of_a_year_are_read_from_indexes(many: Postgres) -> None:
    async with many.read() as connection:
        driver = (await connection.get_raw_connection()).driver_connection
        for query, indexes in INDEXES:
            compiled = query.compile(dialect=many.engine.dialect)
            sent = compiled.construct_expanded_state({"starts": [HOURS_OF_MANY.start]})
            rows = await driver.fetch(f"EXPLAIN {sent.statement}", *sent.positional_parameters)
            plan = "\n".join(row[0] for row in rows)
            assert "Seq Scan" not in plan
            assert {name for name in indexes if name in plan} == indexes
