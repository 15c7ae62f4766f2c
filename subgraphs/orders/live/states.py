"""The present state of orders in Redis, for clients that ask again and again whether it has changed.

It is written right after each commit that changes an order, and by who reads one that is not there. A later version is
never replaced by an earlier one. What is written nobody waits for long: while Redis is away this process keeps its own
changes and writes them when it is back, and everybody reads the database.
"""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from redis.asyncio import Redis
from redis.exceptions import RedisError

from subgraphs.kit.background import Job
from subgraphs.kit.logs import get_logger
from subgraphs.orders.domain.ids import OrderId, UserId
from subgraphs.orders.domain.orders import Order, OrderState
from subgraphs.orders.domain.transitions import OrderStatus
from subgraphs.orders.metrics import STATE_READS

log = get_logger(__name__)

# Seconds that a request waits for Redis, which answers in less than a thousandth of that.
_PATIENCE = 0.25
_MOST_UNWRITTEN = 10_000
_FLUSH_EVERY = 0.5

# KEYS[1]; ARGV: version, entry, milliseconds to keep it for.
_PUT = """
local known = redis.call('GET', KEYS[1])
if known and tonumber(string.match(known, '^%d+')) > tonumber(ARGV[1]) then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
"""


class OrderStates:
    """`lifetime` is how long an entry is kept, and so the longest that one can be out of date.

    A process that is lost between a commit and what follows it leaves the entry of the version before.
    """

    def __init__(self, redis: Redis, *, lifetime: timedelta) -> None:
        self._redis = redis
        self._put = redis.register_script(_PUT)
        self._lifetime = lifetime
        self._unwritten: dict[OrderId, OrderState] = {}
        self._away = False

    @property
    def job(self) -> Job:
        return Job(name="order_states", run_once=self.flush, every=_FLUSH_EVERY)

    async def observe(self, changes: Sequence[object]) -> None:
        """Write the orders among `changes`, which are committed, each in its last version."""
        last = {change.id: change for change in changes if isinstance(change, Order)}
        for order in last.values():
            await self.put(OrderState.of(order))

    async def put(self, state: OrderState) -> None:
        """Write `state` where no later one is known. Never fails, and takes no longer than a moment."""
        known = self._unwritten.get(state.id)
        if known is None or known.version < state.version:
            self._unwritten[state.id] = state
        if self._away:
            self._bound()
            return
        try:
            await self._write(state)
        except (RedisError, OSError) as error:  # TimeoutError is an OSError
            self._lose(error)

    async def get(self, order_id: OrderId) -> OrderState | None:
        """The state of an order as far as it is known here; None where the database must be asked."""
        if not self._away:
            try:
                async with asyncio.timeout(_PATIENCE):
                    entry = await self._redis.get(_key(order_id))
            except (RedisError, OSError) as error:
                self._lose(error)
            else:
                STATE_READS.labels("miss" if entry is None else "hit").inc()
                written = None if entry is None else _decoded(order_id, str(entry))
                own = self._unwritten.get(order_id)
                return own if written is None or (own and own.version > written.version) else written
        STATE_READS.labels("away").inc()
        # Another process may have changed the order since, and nobody can say so.
        return None

    async def flush(self) -> None:
        """Write what could not be written when it changed. Raises RedisError and OSError while Redis is away."""
        if self._away:
            async with asyncio.timeout(_PATIENCE):
                await self._redis.ping()
        for state in list(self._unwritten.values()):
            await self._write(state)
        self._away = False

    async def _write(self, state: OrderState) -> None:
        kept = int(self._lifetime.total_seconds() * 1000)
        async with asyncio.timeout(_PATIENCE):
            await self._put(keys=[_key(state.id)], args=[state.version, _encoded(state), kept])
        if self._unwritten.get(state.id) == state:
            del self._unwritten[state.id]

    def _lose(self, error: Exception) -> None:
        self._away = True
        log.warning("order_states_away", error=repr(error))

    def _bound(self) -> None:
        # The oldest is out of date elsewhere by now as well: its entry has expired or soon will.
        if len(self._unwritten) > _MOST_UNWRITTEN:
            del self._unwritten[next(iter(self._unwritten))]


def _key(order_id: OrderId) -> str:
    return f"orders:state:v1:{order_id}"


def _encoded(state: OrderState) -> str:
    return f"{state.version} {state.status} {state.user_id} {int(state.settled)}"


def _decoded(order_id: OrderId, entry: str) -> OrderState:
    version, status, user_id, settled = entry.split(" ")
    return OrderState(
        id=order_id,
        user_id=UserId(user_id),
        status=OrderStatus(status),
        version=int(version),
        settled=settled == "1",
    )
