"""Events on their way out outdate what the cache has, so that who hears of a change finds it."""

from collections.abc import Sequence

import orjson

from subgraphs.kit.events.transport import OutgoingEvent, Publisher
from subgraphs.products.domain.products import ProductId
from subgraphs.products.store.product_cache import ProductCache


class OutdatingPublisher:
    """Before it publishes: a writer that died after its write has told nobody, and its events still leave."""

    def __init__(self, publisher: Publisher, cache: ProductCache) -> None:
        self._publisher = publisher
        self._cache = cache

    async def publish(self, events: Sequence[OutgoingEvent]) -> list[OutgoingEvent]:
        versions: dict[ProductId, int] = {}
        for event in events:
            if event.type == "ProductUpdated":
                data = orjson.loads(event.envelope)["data"]
                versions[ProductId(data["product_id"])] = data["version"]
        await self._cache.outdate_versions(versions)
        return await self._publisher.publish(events)
