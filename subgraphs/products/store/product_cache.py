"""Products in Redis, for a short time: what is asked for most is not read from the database each time.

    products:cached:1:{id}    rank, 30 digits; until when it is fresh, in ms of Unix time, 15 digits; the product as JSON

A product's rank is its version and the time of its last change. Redis takes no entry of a lower rank than the one
it has, and a write leaves its rank without a product. Ranks outlive the products by a minute: a read that began
before a write and is stored after it comes too late to be taken. What a process has seen itself it remembers, so
that an outage of Redis does not take it back to an older version.

Units that orders take or give back change no rank: `stock` is as old as the entry, at the most.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import orjson
from redis.asyncio import Redis
from redis.exceptions import RedisError

from subgraphs.kit.logs import get_logger
from subgraphs.kit.money import Amount, MinorUnits
from subgraphs.products.domain.images import Image
from subgraphs.products.domain.products import Product, ProductId

log = get_logger(__name__)

_KEY = "products:cached:1:"
_RANK, _FRESH = 30, 45
_RANKS_KEPT = timedelta(minutes=1)
_PATIENCE = 0.1  # what Redis is given to answer; the database is there, too
_PAUSE = 5.0  # after it has not
_REMEMBERED = 10_000
_PARSED = 1000  # a few KB each
_NOBODY = "0" * _RANK  # the rank of what is not there

_STORE = """
for place, key in ipairs(KEYS) do
  local rank, entry = ARGV[2 * place], ARGV[2 * place + 1]
  local there = redis.call('GET', key)
  if not there or string.sub(there, 1, #rank) <= rank then
    redis.call('SET', key, rank .. entry, 'PX', ARGV[1])
  end
end
"""

_T = TypeVar("_T")


class ProductCache:
    """`fresh` is how long a product may be shown as it was read; `missing` how long an id that none has is believed."""

    def __init__(
        self,
        redis: Redis,
        *,
        fresh: timedelta,
        missing: timedelta,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._redis = redis
        self._fresh = fresh
        self._missing = missing
        self._clock = clock
        self._store = redis.register_script(_STORE)
        self._seen: dict[ProductId, str] = {}
        self._parsed: dict[ProductId, tuple[str, Product | None]] = {}
        self._paused_until = float("-inf")

    async def read(self, ids: Collection[ProductId]) -> dict[ProductId, Product | None]:
        """The fresh ones among `ids`, None for an id that no product has. One command; nothing where Redis is away."""
        if not ids:
            return {}
        entries = await self._patiently(lambda: self._redis.mget([_KEY + i for i in ids]))
        found: dict[ProductId, Product | None] = {}
        for product_id, entry in zip(ids, entries or (), strict=False):
            if isinstance(entry, str) and self._is_valid(product_id, entry):
                found[product_id] = self._parsed_of(product_id, entry)
                self._remember(product_id, entry[:_RANK])
        return found

    def _parsed_of(self, product_id: ProductId, entry: str) -> Product | None:
        """What `entry` holds; one that is equal to the last of its product is not parsed again."""
        parsed = self._parsed.pop(product_id, None)
        if parsed is None or parsed[0] != entry:
            parsed = (entry, _parse(entry[_FRESH:]))
        self._parsed[product_id] = parsed
        if len(self._parsed) > _PARSED:
            del self._parsed[next(iter(self._parsed))]
        return parsed[1]

    def now(self) -> float:
        return self._clock()

    async def keep(self, found: Mapping[ProductId, Product | None], *, read_at: float) -> None:
        """Store what was read from the database, where nothing newer is there. One command.

        `read_at` is what `now` was when the read began.
        """
        entries = {}
        for product_id, product in found.items():
            kept = self._missing if product is None else self._fresh
            until = round((read_at + kept.total_seconds()) * 1000)
            entries[product_id] = (rank_of(product), f"{until:015}" + orjson.dumps(product).decode())
        await self._put(entries)

    async def outdate(self, product: Product) -> None:
        """`product` was just written: nobody is to be shown what was stored before. Never fails."""
        self.see(product)
        await self._put({product.id: (rank_of(product), "")})

    async def outdate_versions(self, versions: Mapping[ProductId, int]) -> None:
        """These versions were written, by whatever process: nobody is to be shown an earlier one."""
        await self._put({i: (_rank(version, 0), "") for i, version in versions.items()})

    def see(self, product: Product) -> None:
        self._remember(product.id, rank_of(product))

    def is_old(self, product_id: ProductId, product: Product | None) -> bool:
        """Whether this process has seen a newer one."""
        return rank_of(product) < self._seen.get(product_id, _NOBODY)

    def _is_valid(self, product_id: ProductId, entry: str) -> bool:
        """Whether there is more than a rank, which is fresh and no older than what was seen."""
        return (
            len(entry) > _FRESH
            and int(entry[_RANK:_FRESH]) > self._clock() * 1000
            and entry[:_RANK] >= self._seen.get(product_id, _NOBODY)
        )

    def _remember(self, product_id: ProductId, rank: str) -> None:
        self._seen[product_id] = max(rank, self._seen.pop(product_id, _NOBODY))
        if len(self._seen) > _REMEMBERED:
            del self._seen[next(iter(self._seen))]

    async def _put(self, entries: Mapping[ProductId, tuple[str, str]]) -> None:
        if entries:
            arguments = [str(round(_RANKS_KEPT.total_seconds() * 1000))]
            for rank, entry in entries.values():
                arguments += (rank, entry)
            keys = [_KEY + product_id for product_id in entries]
            await self._patiently(lambda: self._store(keys=keys, args=arguments))

    async def _patiently(self, ask: Callable[[], Awaitable[_T]]) -> _T | None:
        """What Redis answers; None where it does not within a tenth of a second, and for 5 s after that."""
        if time.monotonic() < self._paused_until:
            return None
        try:
            async with asyncio.timeout(_PATIENCE):
                return await ask()
        except (RedisError, OSError, TimeoutError) as error:
            self._paused_until = time.monotonic() + _PAUSE
            log.warning("the cache of products is passed over", error=repr(error), seconds=_PAUSE)
            return None


def rank_of(product: Product | None) -> str:
    if product is None:
        return _NOBODY
    return _rank(product.version, round(product.updated_at.timestamp() * 1000))


def _rank(version: int, updated_ms: int) -> str:
    return f"{version:015}{max(0, updated_ms):015}"


def _parse(text: str) -> Product | None:
    fields = orjson.loads(text)
    if fields is None:
        return None
    price = fields["price"]
    return Product(
        **fields
        | {
            "price": Amount(MinorUnits(price["minor"]), price["currency"]),
            "tags": tuple(fields["tags"]),
            "images": tuple(Image(**image) for image in fields["images"]),
            "created_at": datetime.fromisoformat(fields["created_at"]).astimezone(UTC),
            "updated_at": datetime.fromisoformat(fields["updated_at"]).astimezone(UTC),
        }
    )
