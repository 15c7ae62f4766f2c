"""Sessions whose access tokens are void before their time, in Redis, where every service looks.

A service remembers an answer for a second, so a token stops within a second of its session. While Redis
is away nothing can be looked up: tokens then hold until they expire, minutes later, since to refuse
everyone would turn an outage of one part into an outage of all. What was known stays in force.
"""

import time
from collections import OrderedDict
from datetime import timedelta

from redis.asyncio import Redis
from redis.exceptions import RedisError

from subgraphs.kit.logs import get_logger

log = get_logger(__name__)

_MOST_REMEMBERED = 50_000  # of either kind


class RedisRevocations:
    """Revoked sessions by id; a `Revocations` of the token verifier."""

    def __init__(self, redis: Redis, *, fresh_for: float = 1.0) -> None:
        self._redis = redis
        self._fresh_for = fresh_for
        # Apart, and each bounded: answers about any number of live sessions displace no revoked one.
        self._revoked: OrderedDict[str, float] = OrderedDict()
        self._live: OrderedDict[str, float] = OrderedDict()
        self._ask_again_at = float("-inf")

    async def revoke(self, session_id: str, *, lifetime: timedelta) -> bool:
        """Void the session's access tokens, the last of which ends within `lifetime`.

        Returns whether Redis has it; if not, only this process knows, and the others find out by the
        tokens' end.
        """
        self._remember(session_id, revoked=True)
        try:
            await self._redis.set(_key(session_id), "1", ex=lifetime)
        except (RedisError, OSError) as error:
            log.warning("revocation_not_stored", session_id=session_id, error=str(error))
            return False
        return True

    async def revoked(self, session_id: str) -> bool:
        answer = session_id in self._revoked
        asked_at = (self._revoked if answer else self._live).get(session_id, float("-inf"))
        now = time.monotonic()
        if now - asked_at < self._fresh_for or now < self._ask_again_at:
            return answer
        try:
            found = bool(await self._redis.exists(_key(session_id)))
        except (RedisError, OSError) as error:
            # Nobody waits for a dead Redis twice in a second.
            self._ask_again_at = time.monotonic() + self._fresh_for
            log.warning("revocations_unreadable", error=str(error))
            return answer
        self._remember(session_id, revoked=found)
        return found

    async def known_live(self, session_id: str) -> bool:
        """Whether Redis itself says, now, that the session has not ended; False also where it cannot be asked."""
        try:
            ended = bool(await self._redis.exists(_key(session_id)))
        except (RedisError, OSError) as error:
            log.warning("revocations_unreadable", error=str(error))
            return False
        self._remember(session_id, revoked=ended)
        return not ended

    def _remember(self, session_id: str, *, revoked: bool) -> None:
        answers, others = (self._revoked, self._live) if revoked else (self._live, self._revoked)
        others.pop(session_id, None)
        answers[session_id] = time.monotonic()
        answers.move_to_end(session_id)
        if len(answers) > _MOST_REMEMBERED:
            answers.popitem(last=False)


def _key(session_id: str) -> str:
    return f"revoked:session:{session_id}"
