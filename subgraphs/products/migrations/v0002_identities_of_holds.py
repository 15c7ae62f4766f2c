"""Restored holds say that they are restored.

Holds of orders that were being restocked, or had been, were told from others by the state of the reservation alone.
"""

from subgraphs.kit.mongo.client import Database

_RESTOCK = ["RESTOCKING", "RETURNING", "RESTOCKED"]


async def apply(database: Database) -> None:
    products, reservations = database["products"], database["reservations"]
    orders = {
        hold["rid"]
        async for product in products.find({"holds.0": {"$exists": True}}, {"holds": 1})
        for hold in product["holds"]
    }
    restocked = reservations.find({"_id": {"$in": sorted(orders)}, "state": {"$in": _RESTOCK}}, {"_id": 1})
    async for reservation in restocked:
        # A hold with an id was made since, and says so itself.
        await products.update_many(
            {"holds.rid": reservation["_id"]},
            {"$set": {"holds.$[hold].restored": True}},
            array_filters=[{"hold.rid": reservation["_id"], "hold.id": {"$exists": False}}],
        )
