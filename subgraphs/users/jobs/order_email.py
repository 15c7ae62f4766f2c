"""E-mails about orders: what happens to an order is told by orders, and who is to hear of it is known here."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from subgraphs.kit.events.consumer import Consumer
from subgraphs.kit.events.event import Event
from subgraphs.kit.events.transport import Transport
from subgraphs.kit.logs import get_logger
from subgraphs.kit.money import Amount, MinorUnits
from subgraphs.kit.postgres.engine import Postgres
from subgraphs.kit.postgres.inbox import Inbox
from subgraphs.users.domain.device import Device
from subgraphs.users.domain.email import EmailKind, OrderNotice
from subgraphs.users.store import EmailQueueStore, UserStore, inbox

log = get_logger(__name__)

GROUP = "users.order_email"

_KINDS = {
    "OrderConfirmed": EmailKind.ORDER_CONFIRMED,
    "OrderPaid": EmailKind.ORDER_PAID,
    "OrderShipped": EmailKind.ORDER_SHIPPED,
    "OrderDelivered": EmailKind.ORDER_DELIVERED,
    "OrderRejected": EmailKind.ORDER_REJECTED,
    "OrderExpired": EmailKind.ORDER_EXPIRED,
    "OrderCancelled": EmailKind.ORDER_CANCELLED,
    "OrderRefunded": EmailKind.ORDER_REFUNDED,
}


class OrderEmails:
    """Queues one e-mail for each event that a customer is to hear of.

    An event that is older than `stale_after` is passed over: a system that begins to send such e-mails does not begin
    with those of last year.
    """

    def __init__(
        self, *, postgres: Postgres, stale_after: timedelta, wake_dispatcher: Callable[[], None]
    ) -> None:
        self._inbox = Inbox(postgres=postgres, table=inbox, consumer=GROUP, effect=self._queue)
        self._stale_after = stale_after
        self._wake_dispatcher = wake_dispatcher

    def consumer(self, transport: Transport) -> Consumer:
        return Consumer(transport, self.handle, source="orders", group=GROUP)

    async def handle(self, event: Event) -> None:
        if event.type not in _KINDS:
            return
        if datetime.now(UTC) - event.timestamp > self._stale_after:
            log.info("order_email_too_late", event_id=event.id, type=event.type)
            return
        await self._inbox.handle(event)
        self._wake_dispatcher()

    async def _queue(self, connection: AsyncConnection, event: Event) -> None:
        user = await UserStore(connection).get(event.data["user_id"])
        if user is None:
            log.warning("order_email_without_account", event_id=event.id, user_id=event.data["user_id"])
            return
        await EmailQueueStore(connection).add(
            _KINDS[event.type],
            recipient=user.email,
            device=Device(user_agent="", address=""),
            order=_notice(event.data),
        )


def _notice(data: Any) -> OrderNotice:
    amount = data.get("amount") or data["total"]
    return OrderNotice(
        number=data["number"],
        amount=Amount(MinorUnits(amount["minor"]), amount["currency"]),
        tracking_number=data.get("tracking_number"),
    )
