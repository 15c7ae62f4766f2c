"""Sums over sales, refunds and orders, each in one statement over the index of its time."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, bindparam, func, select, true
from sqlalchemy.dialects.postgresql import ARRAY, TIMESTAMP, aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncConnection

from subgraphs.kit.money import Amount, MinorUnits
from subgraphs.orders.domain.ids import ProductId
from subgraphs.orders.domain.reports import CurrencyTotals, ProductSales, ReportRange, StatusCount, Totals
from subgraphs.orders.domain.transitions import OrderStatus
from subgraphs.orders.store.tables import is_sale, order_items, orders, payments, refunds


class ReportStore:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def series(self, over: ReportRange) -> list[Totals]:
        """The sums of each bucket of `over`, by currency."""
        found: list[dict[str, CurrencyTotals]] = [{} for _ in over.buckets]
        starts = {"starts": [bucket.start for bucket in over.buckets]}
        for row in await self._connection.execute(sales_query(over), starts):
            sums = CurrencyTotals(
                currency=row.currency, orders=row.orders, units=int(row.units), sales_minor=int(row.minor)
            )
            found[row.bucket - 1][row.currency] = sums
        for row in await self._connection.execute(refunds_query(over), starts):
            bucket = found[row.bucket - 1]
            refunded = CurrencyTotals(
                currency=row.currency, refunds=row.refunds, refunded_minor=int(row.minor)
            )
            bucket[row.currency] = bucket.get(row.currency, CurrencyTotals(currency=row.currency)) + refunded
        return [dict(sorted(bucket.items())) for bucket in found]

    async def top_products(self, over: ReportRange, *, first: int) -> list[ProductSales]:
        """The `first` products of which most units were sold, those first; ties by id."""
        products: dict[str, list[Row[Any]]] = {}
        for row in await self._connection.execute(top_products_query(over, first=first)):
            products.setdefault(row.product_id, []).append(row)
        return [_product_sales(rows) for rows in products.values()]

    async def by_status(self, over: ReportRange) -> list[StatusCount]:
        """Orders that were placed in the range, in the order of the states."""
        rows = (await self._connection.execute(by_status_query(over))).all()
        counts = []
        for status in OrderStatus:
            of_status = [row for row in rows if row.status == status.value]
            if of_status:
                totals = tuple(_amount(row) for row in of_status)
                counted = sum(row.orders for row in of_status)
                counts.append(StatusCount(status=status, orders=counted, totals=totals))
        return counts


def sales_query(over: ReportRange) -> Select[Any]:
    units = (
        select(func.coalesce(func.sum(order_items.c.quantity), 0).label("units"))
        .where(order_items.c.order_id == payments.c.order_id)
        .lateral("items")
    )
    bucket = _bucket_of(payments.c.paid_at)
    return (
        select(
            bucket,
            payments.c.currency,
            func.count().label("orders"),
            func.sum(units.c.units).label("units"),
            func.sum(payments.c.amount_minor).label("minor"),
        )
        .select_from(payments.join(units, true()))
        .where(is_sale, *_within(payments.c.paid_at, over))
        .group_by(bucket, payments.c.currency)
    )


def refunds_query(over: ReportRange) -> Select[Any]:
    bucket = _bucket_of(refunds.c.done_at)
    return (
        select(
            bucket,
            refunds.c.currency,
            func.count().label("refunds"),
            func.sum(refunds.c.amount_minor).label("minor"),
        )
        # Money that came when its order was given up, and went back, was no sale.
        .join(payments, payments.c.attempt_id == refunds.c.attempt_id)
        .where(is_sale, *_within(refunds.c.done_at, over))
        .group_by(bucket, refunds.c.currency)
    )


def top_products_query(over: ReportRange, *, first: int) -> Select[Any]:
    latest = payments.c.paid_at.desc(), order_items.c.id
    sums = (
        select(
            order_items.c.product_id,
            order_items.c.currency,
            # A product has one line in an order.
            func.count().label("orders"),
            func.sum(order_items.c.quantity).label("units"),
            func.sum(order_items.c.quantity * order_items.c.price_minor).label("minor"),
            func.max(payments.c.paid_at).label("last_sale"),
            func.array_agg(aggregate_order_by(order_items.c.name, *latest)).label("names"),
            func.array_agg(aggregate_order_by(order_items.c.sku, *latest)).label("skus"),
        )
        .join(payments, payments.c.order_id == order_items.c.order_id)
        .where(is_sale, *_within(payments.c.paid_at, over))
        .group_by(order_items.c.product_id, order_items.c.currency)
        .subquery("sums")
    )
    of_product = select(
        sums, func.sum(sums.c.units).over(partition_by=sums.c.product_id).label("all_units")
    ).subquery("of_product")
    place = func.dense_rank().over(order_by=(of_product.c.all_units.desc(), of_product.c.product_id))
    placed = select(of_product, place.label("place")).subquery("placed")
    return (
        select(
            placed.c.product_id,
            placed.c.currency,
            placed.c.orders,
            placed.c.units,
            placed.c.minor,
            placed.c.last_sale,
            placed.c.names[1].label("name"),
            placed.c.skus[1].label("sku"),
        )
        .where(placed.c.place <= first)
        .order_by(placed.c.place, placed.c.currency)
    )


def by_status_query(over: ReportRange) -> Select[Any]:
    return (
        select(
            orders.c.status,
            orders.c.currency,
            func.count().label("orders"),
            func.sum(orders.c.total_minor).label("minor"),
        )
        .where(*_within(orders.c.created_at, over))
        .group_by(orders.c.status, orders.c.currency)
        .order_by(orders.c.currency)
    )


def _bucket_of(time: ColumnElement[datetime | None]) -> ColumnElement[int]:
    """Which of the `starts` is the last before `time`, counted from 1."""
    starts = bindparam("starts", type_=ARRAY(TIMESTAMP(timezone=True)))
    return func.width_bucket(time, starts).label("bucket")


def _within(time: ColumnElement[Any], over: ReportRange) -> tuple[ColumnElement[bool], ...]:
    return time >= over.start, time < over.end


def _product_sales(rows: Sequence[Row[Any]]) -> ProductSales:
    last = max(rows, key=lambda row: row.last_sale)
    return ProductSales(
        product_id=ProductId(last.product_id),
        name=last.name,
        sku=last.sku,
        orders=sum(row.orders for row in rows),
        units=sum(int(row.units) for row in rows),
        sales=tuple(_amount(row) for row in rows),
    )


def _amount(row: Row[Any]) -> Amount:
    return Amount(MinorUnits(int(row.minor)), row.currency)
