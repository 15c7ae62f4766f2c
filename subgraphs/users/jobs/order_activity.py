"""The activity log of an account tells of its orders, too: whoever looks for what a stolen password did, looks there."""

from sqlalchemy.ext.asyncio import AsyncConnection

from subgraphs.kit.events.consumer import Consumer
from subgraphs.kit.events.event import Event
from subgraphs.kit.events.transport import Transport
from subgraphs.kit.logs import get_logger
from subgraphs.kit.postgres.engine import Postgres
from subgraphs.kit.postgres.inbox import Inbox
from subgraphs.users.domain.activity import ActivityEntry, ActivityKind
from subgraphs.users.domain.device import Device
from subgraphs.users.domain.user import UserId
from subgraphs.users.store import ActivityStore, UserStore, inbox

log = get_logger(__name__)

GROUP = "users.order_activity"

_KINDS = {
    "OrderCreated": ActivityKind.ORDER_CREATED,
    "OrderPaid": ActivityKind.ORDER_PAID,
    "OrderCancelled": ActivityKind.ORDER_CANCELLED,
    "OrderRefunded": ActivityKind.ORDER_REFUNDED,
}
_UNKNOWN_DEVICE = Device(user_agent="", address="")  # an event does not say


class OrderActivity:
    """Writes one entry for each event that the owner of an account may want to see, as of when it happened.

    However late an event comes, its entry stands where it belongs.
    """

    def __init__(self, *, postgres: Postgres) -> None:
        self._inbox = Inbox(postgres=postgres, table=inbox, consumer=GROUP, effect=self._write)

    def consumer(self, transport: Transport) -> Consumer:
        return Consumer(transport, self.handle, source="orders", group=GROUP)

    async def handle(self, event: Event) -> None:
        if event.type in _KINDS:
            await self._inbox.handle(event)

    async def _write(self, connection: AsyncConnection, event: Event) -> None:
        user_id = UserId(event.data["user_id"])
        if await UserStore(connection).get(user_id) is None:
            log.warning("order_activity_without_account", event_id=event.id, user_id=user_id)
            return
        entry = ActivityEntry(
            kind=_KINDS[event.type], user_id=user_id, device=_UNKNOWN_DEVICE, detail=event.data["number"]
        )
        await ActivityStore(connection).add(entry, at=event.timestamp)
