"""One process of several that buy the same product: `python -m tests.subgraphs.products.buyers URL PRODUCT FIRST COUNT`.

Reserves one unit for each of the orders `order-FIRST` and so on, 25 at a time, and prints how many came to what.
"""

import asyncio
import sys
from collections import Counter
from datetime import timedelta

import orjson

from subgraphs.kit.background import WakeUp
from subgraphs.kit.mongo.client import Mongo, utc_now
from subgraphs.kit.settings import DatabaseSettings
from subgraphs.products.app import build_services
from subgraphs.products.domain.products import ProductId
from subgraphs.products.domain.reservations import ReservationLine
from subgraphs.products.settings import ImageSettings, StockSettings

AT_ONCE = 25


async def buy(url: str, product: str, first: int, count: int) -> Counter[str]:
    mongo = Mongo(DatabaseSettings(url=url), application="buyers")
    inventory = build_services(
        mongo.database, settings=StockSettings(), images=ImageSettings(), wake_up=WakeUp()
    ).inventory
    turns = asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> str:
        async with turns:
            lines = [ReservationLine(product_id=ProductId(product), quantity=1)]
            expires_at = utc_now() + timedelta(minutes=5)
            outcome = await inventory.reserve(f"order-{number}", lines, expires_at=expires_at)
            return type(outcome).__name__

    outcomes = await asyncio.gather(*(one(number) for number in range(first, first + count)))
    mongo.close()
    return Counter(outcomes)


if __name__ == "__main__":
    _, url, product, first, count = sys.argv
    sys.stdout.buffer.write(orjson.dumps(asyncio.run(buy(url, product, int(first), int(count)))))
