"""The gRPC server of `schema/proto/inventory.proto`: messages in, messages out."""

# ruff: noqa: N802, ARG002 - the generated base class names the methods and their arguments

from collections.abc import Callable
from datetime import UTC, datetime

import grpc
from google.protobuf.timestamp_pb2 import Timestamp

from schema.proto import inventory_pb2 as pb
from schema.proto import inventory_pb2_grpc as pb_grpc
from subgraphs.kit.errors import ValidationFailed
from subgraphs.products.domain.products import ProductId
from subgraphs.products.domain.reservations import (
    Held,
    Outcome,
    ReservationLine,
    ReservedItem,
    Shortage,
    State,
    TooManyHolds,
    UnknownProducts,
)
from subgraphs.products.service.inventory import InventoryService

SERVICE = pb.DESCRIPTOR.services_by_name["Inventory"].full_name

# A state on its way is answered as where it goes: nothing but time is missing.
_STATES = {
    None: pb.ABSENT,
    State.HELD: pb.HELD,
    State.PINNED: pb.PINNED,
    State.COMMITTING: pb.COMMITTED,
    State.COMMITTED: pb.COMMITTED,
    State.RELEASING: pb.RELEASED,
    State.RELEASED: pb.RELEASED,
    State.RESTOCKING: pb.RESTOCKED,
    State.RETURNING: pb.RESTOCKED,
    State.RESTOCKED: pb.RESTOCKED,
}


class InventoryServicer(pb_grpc.InventoryServicer):
    def __init__(self, inventory: InventoryService) -> None:
        self._inventory = inventory

    async def Reserve(self, request: pb.ReserveRequest, context: object) -> pb.ReserveReply:
        lines = [
            ReservationLine(product_id=ProductId(line.product_id), quantity=line.quantity)
            for line in request.lines
        ]
        expires_at = _instant(request, request.expires_at)
        return _reply(await self._inventory.reserve(request.order_id, lines, expires_at=expires_at))

    async def Pin(self, request: pb.HoldRequest, context: object) -> pb.HoldReply:
        return _state(await self._inventory.pin(request.order_id))

    async def Unpin(self, request: pb.UnpinRequest, context: object) -> pb.HoldReply:
        expires_at = _instant(request, request.expires_at)
        return _state(await self._inventory.unpin(request.order_id, expires_at=expires_at))

    async def Commit(self, request: pb.HoldRequest, context: object) -> pb.HoldReply:
        return _state(await self._inventory.commit(request.order_id))

    async def Release(self, request: pb.HoldRequest, context: object) -> pb.HoldReply:
        return _state(await self._inventory.release(request.order_id))

    async def Restock(self, request: pb.HoldRequest, context: object) -> pb.HoldReply:
        return _state(await self._inventory.restock(request.order_id))


def registration(inventory: InventoryService) -> Callable[[grpc.aio.Server], None]:
    """What `kit.grpc.server.start_server` calls to add the servicer."""
    servicer = InventoryServicer(inventory)
    return lambda server: pb_grpc.add_InventoryServicer_to_server(servicer, server)  # type: ignore[no-untyped-call] # generated


def _instant(request: pb.ReserveRequest | pb.UnpinRequest, value: Timestamp) -> datetime:
    """In milliseconds, as BSON keeps it. Raises ValidationFailed where it is missing or impossible."""
    if not request.HasField("expires_at"):
        raise ValidationFailed("expires_at is missing", field="expires_at")
    try:
        instant = value.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise ValidationFailed("expires_at is not an instant", field="expires_at") from error
    return instant.replace(microsecond=instant.microsecond // 1000 * 1000)


def _timestamp(instant: datetime) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(instant)
    return stamp


def _state(state: State | None) -> pb.HoldReply:
    return pb.HoldReply(state=_STATES[state])


def _reply(outcome: Outcome) -> pb.ReserveReply:
    match outcome:
        case Held(items=items, expires_at=expires_at):
            held = pb.Held(items=[_item(item) for item in items], expires_at=_timestamp(expires_at))
            return pb.ReserveReply(held=held)
        case Shortage(product_id=product_id, requested=requested, available=available):
            shortage = pb.Shortage(product_id=product_id, requested=requested, available=available)
            return pb.ReserveReply(shortage=shortage)
        case UnknownProducts(product_ids=product_ids):
            return pb.ReserveReply(unknown=pb.Unknown(product_ids=product_ids))
        case TooManyHolds(product_id=product_id):
            return pb.ReserveReply(busy=pb.Busy(product_id=product_id))
        case _:
            return pb.ReserveReply(gone=pb.Gone())


def _item(item: ReservedItem) -> pb.Item:
    return pb.Item(
        product_id=item.product_id,
        quantity=item.quantity,
        name=item.name,
        sku=item.sku,
        price_minor=item.price_minor,
        currency=item.currency,
    )
