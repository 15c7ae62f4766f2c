"""Sends due deliveries to their webhooks, again until they are taken or given up."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from subgraphs.kit.background import Job, WakeUp
from subgraphs.kit.logs import get_logger
from subgraphs.kit.outages import is_outage
from subgraphs.kit.postgres.engine import Postgres
from subgraphs.orders.domain.webhooks import Attempt, Delivery, DeliveryStatus, Webhook, WebhookId
from subgraphs.orders.metrics import WEBHOOK_ATTEMPTS
from subgraphs.orders.settings import WebhookSettings
from subgraphs.orders.store.webhook_deliveries import WebhookDeliveryStore
from subgraphs.orders.store.webhooks import WebhookStore
from subgraphs.orders.webhooks.sender import WebhookSender
from subgraphs.orders.webhooks.signatures import sign

log = get_logger(__name__)

_AT_ONCE = 40
_AT_ONCE_TO_ONE = 5
"""So that one receiver that takes its time does not keep the others waiting."""
_GROWTH = 4
# The lease outlives the longest attempt by this, so that nobody sends what is being sent.
_MARGIN = timedelta(seconds=20)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverWebhooks:
    """Any number of processes may run this job: deliveries are leased.

    One whose process is lost between sending and recording is sent again, with the same id.
    """

    postgres: Postgres
    sender: WebhookSender
    settings: WebhookSettings
    clock: Callable[[], datetime]
    wake_up: WakeUp = field(default_factory=WakeUp)
    _running: dict[asyncio.Task[None], WebhookId] = field(default_factory=dict)

    @property
    def job(self) -> Job:
        return Job(name="webhooks", run_once=self.run_once, every=1.0, wake=self.wake_up)

    async def run_once(self) -> None:
        """Begin to send what is due, as far as there are places; each that becomes free wakes the job again."""
        free = _AT_ONCE - len(self._running)
        if free <= 0:
            return
        to_each = Counter(self._running.values())
        busy = [webhook for webhook, count in to_each.items() if count >= _AT_ONCE_TO_ONE]
        lease = self.settings.timeout + _MARGIN
        async with self.postgres.unit_of_work() as connection:
            due = await WebhookDeliveryStore(connection).claim(
                now=self.clock(), lease=lease, limit=free, of_one=_AT_ONCE_TO_ONE, busy=busy
            )
        for delivery in due:
            task = asyncio.create_task(self._deliver(delivery))
            self._running[task] = delivery.webhook_id
            task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        del self._running[task]
        self.wake_up()

    async def idle(self) -> None:
        """Until nothing is being sent by this process."""
        while self._running:
            await asyncio.wait([*self._running])

    async def close(self) -> None:
        """Leave what is being sent to whoever finds it when its lease is over."""
        for task in self._running:
            task.cancel()
        await self.idle()

    async def _deliver(self, delivery: Delivery) -> None:
        """One attempt, and its record. Where that fails, the lease brings the delivery back."""
        try:
            async with self.postgres.read() as connection:
                webhook = await WebhookStore(connection).get(delivery.webhook_id)
            if webhook is None:
                return
            attempt = await self.sender.send(
                webhook.url, headers=self._headers(webhook, delivery), body=delivery.body
            )
            await self._record(webhook, delivery, attempt)
        except Exception as error:
            if is_outage(error):
                log.warning("webhook_delivery_interrupted", delivery_id=delivery.id, error=repr(error))
            else:
                log.exception("webhook_delivery_failed", delivery_id=delivery.id)

    def _headers(self, webhook: Webhook, delivery: Delivery) -> dict[str, str]:
        now = self.clock()
        timestamp = int(now.timestamp())
        return {
            "webhook-id": delivery.message_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": sign(
                delivery.message_id, timestamp, delivery.body, secrets=webhook.secrets(now)
            ),
            "webhook-event-type": delivery.event_type,
        }

    async def _record(self, webhook: Webhook, delivery: Delivery, attempt: Attempt) -> None:
        now = self.clock()
        status, again = self._outcome(delivery, attempt, now)
        WEBHOOK_ATTEMPTS.labels("delivered" if attempt.succeeded else "failed").inc()
        async with self.postgres.unit_of_work() as connection:
            recorded = await WebhookDeliveryStore(connection).record(
                delivery, attempt, status=status, next_attempt_at=again
            )
            if not recorded:
                return
            store = WebhookStore(connection)
            if attempt.succeeded:
                await store.succeeded(webhook.id)
                return
            since = await store.failed(webhook.id, now=now)
            reason = self._reason_to_disable(attempt, since, now)
            if reason is not None:
                await store.disable(webhook.id, reason=reason, now=now)
                log.warning("webhook_disabled", webhook_id=webhook.id, reason=reason)

    def _outcome(
        self, delivery: Delivery, attempt: Attempt, now: datetime
    ) -> tuple[DeliveryStatus, datetime | None]:
        if attempt.succeeded:
            return DeliveryStatus.DELIVERED, None
        if delivery.attempts >= self.settings.max_attempts:
            return DeliveryStatus.FAILED, None
        pause = min(
            self.settings.longest_pause,
            self.settings.first_pause * _GROWTH ** min(delivery.attempts - 1, 16),
        )
        return DeliveryStatus.PENDING, now + pause * random.uniform(0.8, 1.2)  # noqa: S311 - only to spread them

    def _reason_to_disable(self, attempt: Attempt, since: datetime | None, now: datetime) -> str | None:
        if since is None:
            return None  # gone, or disabled by somebody else
        if attempt.is_final:
            return "The receiver answered 410 Gone."
        if now - since >= self.settings.disable_after:
            return f"Every attempt since {since:%Y-%m-%d %H:%M} UTC has failed."
        return None
