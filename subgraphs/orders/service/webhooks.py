"""Webhooks as staff manage them, all with MANAGE_ORDERS."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from subgraphs.kit.auth.viewer import Viewer
from subgraphs.kit.errors import Conflict, NotFound
from subgraphs.kit.events.event import Event
from subgraphs.kit.ids import new_id
from subgraphs.kit.pagination import Page
from subgraphs.kit.postgres.engine import Postgres
from subgraphs.orders.domain.events import SOURCE
from subgraphs.orders.domain.permissions import Permission
from subgraphs.orders.domain.webhooks import (
    TEST_EVENT,
    Attempt,
    Delivery,
    DeliveryId,
    DeliveryPage,
    DeliveryStatus,
    UrlRules,
    Webhook,
    WebhookId,
    check_event_types,
    check_url,
    new_secret,
)
from subgraphs.orders.store.webhook_deliveries import WebhookDeliveryStore
from subgraphs.orders.store.webhooks import WebhookStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhooks:
    """`most` is how many there may be; a replaced secret signs for `overlap` longer. `wake_up` wakes the sending."""

    postgres: Postgres
    clock: Callable[[], datetime]
    wake_up: Callable[[], None]
    rules: UrlRules
    most: int
    overlap: timedelta

    async def all(self, viewer: Viewer) -> list[Webhook]:
        """Raises Unauthenticated, and Forbidden without MANAGE_ORDERS; so does each of these methods."""
        viewer.require(Permission.MANAGE_ORDERS)
        async with self.postgres.read() as connection:
            return await WebhookStore(connection).all()

    async def create(self, viewer: Viewer, *, url: str, event_types: Sequence[str]) -> Webhook:
        """A webhook with a new secret. Raises ValidationFailed, and Conflict where there are too many."""
        viewer.require(Permission.MANAGE_ORDERS)
        check_url(url, self.rules)
        now = self.clock()
        webhook = Webhook(
            id=WebhookId(new_id()),
            url=url,
            event_types=check_event_types(event_types),
            secret=new_secret(),
            previous_secret=None,
            previous_secret_until=None,
            enabled=True,
            disabled_reason=None,
            failing_since=None,
            created_at=now,
            updated_at=now,
        )
        async with self.postgres.unit_of_work() as connection:
            store = WebhookStore(connection)
            if await store.count() >= self.most:
                raise Conflict(f"There are {self.most} webhooks already; delete one first.")
            await store.add(webhook)
        return webhook

    async def update(
        self,
        viewer: Viewer,
        webhook_id: str,
        *,
        url: str | None,
        event_types: Sequence[str] | None,
        enabled: bool | None,
    ) -> Webhook:
        """Change what is not None. Enabled again, what waits is sent. Raises ValidationFailed and NotFound."""
        viewer.require(Permission.MANAGE_ORDERS)
        columns: dict[str, object] = {}
        if url is not None:
            check_url(url, self.rules)
            # What failed was another receiver.
            columns |= {"url": url, "failing_since": None}
        if event_types is not None:
            columns["event_types"] = [*check_event_types(event_types)]
        if enabled is not None:
            reason = None if enabled else "Disabled by staff."
            columns |= {"enabled": enabled, "disabled_reason": reason, "failing_since": None}
        async with self.postgres.unit_of_work() as connection:
            webhook = await WebhookStore(connection).change(webhook_id, now=self.clock(), **columns)
        self.wake_up()
        return _existing(webhook)

    async def delete(self, viewer: Viewer, webhook_id: str) -> None:
        """With its deliveries. Raises NotFound."""
        viewer.require(Permission.MANAGE_ORDERS)
        async with self.postgres.unit_of_work() as connection:
            if not await WebhookStore(connection).remove(webhook_id):
                raise _not_found()

    async def rotate_secret(self, viewer: Viewer, webhook_id: str) -> Webhook:
        """The webhook with a new secret; the present one signs beside it for a while. Raises NotFound."""
        viewer.require(Permission.MANAGE_ORDERS)
        now = self.clock()
        async with self.postgres.unit_of_work() as connection:
            store = WebhookStore(connection)
            before = _existing(await store.get(webhook_id))
            rotated = await store.change(
                before.id,
                now=now,
                secret=new_secret(),
                previous_secret=before.secret,
                previous_secret_until=now + self.overlap,
            )
        return _existing(rotated)

    async def send_test_event(self, viewer: Viewer, webhook_id: str) -> Delivery:
        """A delivery of an event that says nothing. Raises NotFound, and Conflict where the webhook is disabled."""
        viewer.require(Permission.MANAGE_ORDERS)
        event = Event(type=TEST_EVENT, source=SOURCE, key=webhook_id, data={"webhook_id": webhook_id})
        async with self.postgres.unit_of_work() as connection:
            webhook = _enabled(_existing(await WebhookStore(connection).get(webhook_id)))
            [delivery] = await WebhookDeliveryStore(connection).add(
                [webhook.id],
                message_id=event.id,
                event_type=event.type,
                body=event.to_json(),
                now=self.clock(),
            )
        self.wake_up()
        return delivery

    async def replay(self, viewer: Viewer, delivery_id: str) -> Delivery:
        """Send a delivery once more, under the same id. Raises NotFound, and Conflict for one on its way."""
        viewer.require(Permission.MANAGE_ORDERS)
        async with self.postgres.unit_of_work() as connection:
            store = WebhookDeliveryStore(connection)
            delivery = await store.get(delivery_id)
            if delivery is None:
                raise NotFound("There is no such delivery.")
            _enabled(_existing(await WebhookStore(connection).get(delivery.webhook_id)))
            replayed = await store.replay(delivery.id, now=self.clock())
            if replayed is None:
                raise Conflict("The delivery is on its way already.")
        self.wake_up()
        return replayed

    async def deliveries(
        self,
        viewer: Viewer,
        webhook_id: str,
        *,
        status: DeliveryStatus | None,
        first: int | None,
        after: str | None,
    ) -> Page[Delivery]:
        """A webhook's deliveries, newest first. Raises NotFound and ValidationFailed."""
        viewer.require(Permission.MANAGE_ORDERS)
        page = DeliveryPage.parse(first=first, after=after)
        async with self.postgres.read() as connection:
            webhook = _existing(await WebhookStore(connection).get(webhook_id))
            rows = await WebhookDeliveryStore(connection).newest(webhook.id, page, status=status)
        return Page(
            rows=[(delivery, (delivery.id,)) for delivery in rows[: page.size]],
            has_next=len(rows) > page.size,
            has_previous=page.before is not None,
            total=self._counting(webhook.id, status),
        )

    def _counting(self, webhook_id: WebhookId, status: DeliveryStatus | None) -> Callable[[], Awaitable[int]]:
        async def count() -> int:
            async with self.postgres.read() as connection:
                return await WebhookDeliveryStore(connection).count(webhook_id, status=status)

        return count

    async def attempts_of(self, delivery_ids: Sequence[DeliveryId]) -> list[list[Attempt]]:
        """For a loader below `deliveries`, which has checked who asks."""
        async with self.postgres.read() as connection:
            return await WebhookDeliveryStore(connection).attempts_of(delivery_ids)


def _existing(webhook: Webhook | None) -> Webhook:
    if webhook is None:
        raise _not_found()
    return webhook


def _enabled(webhook: Webhook) -> Webhook:
    if not webhook.enabled:
        raise Conflict("The webhook is disabled; enable it first.")
    return webhook


def _not_found() -> NotFound:
    return NotFound("There is no such webhook.")
