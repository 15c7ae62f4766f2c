"""Holds: units of a product that are taken for an order. Each call is one conditional update of one product.

All but `put` change nothing when they come a second time. `take` and `put` are kept to one run at a time by
the reservation's lease, since a late one after the hold has ended would start it anew.
"""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime

from subgraphs.kit.mongo.client import Database, Document
from subgraphs.products.domain.catalogue import ProductId
from subgraphs.products.domain.reservation import Item, Line, OrderId, Shortage, Unknown

_TAKE_TRIES = 5


class HoldStore:
    def __init__(self, database: Database) -> None:
        self._products = database["products"]

    async def quote(self, lines: Sequence[Line]) -> tuple[Item, ...] | Unknown:
        """The lines with name, SKU and price, or those products that are not sold. One query."""
        query = {"_id": {"$in": [line.product_id for line in lines]}, "active": True, "deleted": False}
        fields = {"name": 1, "sku": 1, "price_minor": 1, "currency": 1}
        cursor = self._products.find(query, fields, batch_size=len(lines) + 1)
        found = {d["_id"]: d async for d in cursor}
        missing = tuple(line.product_id for line in lines if line.product_id not in found)
        if missing:
            return Unknown(product_ids=missing)
        return tuple(_item(line, found[line.product_id]) for line in lines)

    async def take(self, order_id: OrderId, line: Line, *, at: datetime) -> Shortage | Unknown | None:
        """Move units from available to held, unless the order holds some already; None when it does then."""
        product_id, quantity = line.product_id, line.quantity
        takeable = {
            "_id": product_id,
            "active": True,
            "deleted": False,
            "available": {"$gte": quantity},
            "holds.rid": {"$ne": order_id},
        }
        change = {
            "$inc": {"available": -quantity},
            "$push": {"holds": {"rid": order_id, "q": quantity, "at": at}},
        }
        available = 0
        for _ in range(_TAKE_TRIES):
            if (await self._products.update_one(takeable, change)).modified_count:
                return None
            fields = {"available": 1, "active": 1, "deleted": 1, "holds": {"$elemMatch": {"rid": order_id}}}
            product = await self._products.find_one({"_id": product_id}, fields)
            if product is not None and product.get("holds"):
                return None
            if product is None or product["deleted"] or not product["active"]:
                return Unknown(product_ids=(product_id,))
            available = product["available"]
            if available < quantity:
                break
            # Units came back between the two looks: try again.
        return Shortage(product_id=product_id, requested=quantity, available=min(available, quantity - 1))

    async def give_back(self, order_id: OrderId, line: Line) -> bool:
        """Move the order's units from held to available; False when it holds none."""
        return await self._end(order_id, line, {"$inc": {"available": line.quantity}})

    async def drop(self, order_id: OrderId, line: Line) -> bool:
        """End the order's hold: its units are sold; False when it holds none."""
        return await self._end(order_id, line, {})

    async def put(self, order_id: OrderId, line: Line, *, at: datetime) -> bool:
        """Add a hold without taking from the available units: sold ones come back to stock as held."""
        done = await self._products.update_one(
            {"_id": line.product_id, "holds.rid": {"$ne": order_id}},
            {"$push": {"holds": {"rid": order_id, "q": line.quantity, "at": at}}},
        )
        return bool(done.modified_count)

    async def older_than(self, moment: datetime, *, batch: int) -> AsyncIterator[list[tuple[OrderId, Line]]]:
        """Holds that began before `moment`, in lists of about `batch`."""
        found: list[tuple[OrderId, Line]] = []
        async for product in self._products.find({"holds.at": {"$lt": moment}}, {"holds": 1}):
            found += [
                (OrderId(hold["rid"]), Line(product_id=ProductId(product["_id"]), quantity=hold["q"]))
                for hold in product["holds"]
                if hold["at"] < moment
            ]
            if len(found) >= batch:
                yield found
                found = []
        if found:
            yield found

    async def _end(self, order_id: OrderId, line: Line, also: Document) -> bool:
        done = await self._products.update_one(
            {"_id": line.product_id, "holds": {"$elemMatch": {"rid": order_id, "q": line.quantity}}},
            {"$pull": {"holds": {"rid": order_id}}, **also},
        )
        return bool(done.modified_count)


def _item(line: Line, product: Document) -> Item:
    return Item(
        product_id=line.product_id,
        quantity=line.quantity,
        name=product["name"],
        sku=product["sku"],
        price_minor=product["price_minor"],
        currency=product["currency"],
    )
