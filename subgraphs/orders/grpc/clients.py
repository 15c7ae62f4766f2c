"""The clients of `Inventory` and `UserService` in `schema/proto`."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import TypeVar

import grpc
from google.protobuf.timestamp_pb2 import Timestamp

from schema.proto import inventory_pb2 as pb
from schema.proto import user_pb2
from schema.proto.inventory_pb2_grpc import InventoryStub
from schema.proto.user_pb2_grpc import UserServiceStub
from subgraphs.kit.auth.revocations import RedisRevocations
from subgraphs.kit.auth.viewer import Viewer
from subgraphs.kit.errors import Forbidden, Unauthenticated, Unavailable
from subgraphs.kit.logs import get_logger
from subgraphs.kit.money import Amount, MinorUnits
from subgraphs.orders.domain.ids import OrderId, ProductId
from subgraphs.orders.domain.items import OrderLine
from subgraphs.orders.ports.inventory import (
    Gone,
    Held,
    HoldState,
    Reservation,
    Shortage,
    Snapshot,
    TooManyHolds,
    UnknownProducts,
)

log = get_logger(__name__)

Request = TypeVar("Request")
Reply = TypeVar("Reply")

_STATES = {
    pb.HELD: HoldState.HELD,
    pb.PINNED: HoldState.PINNED,
    pb.COMMITTED: HoldState.COMMITTED,
    pb.RELEASED: HoldState.RELEASED,
    pb.RESTOCKED: HoldState.RESTOCKED,
    pb.ABSENT: HoldState.ABSENT,
}
_OUTAGE = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
}


class GrpcInventory:
    """Stock of the products service over gRPC."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = InventoryStub(channel)  # type: ignore[no-untyped-call] # generated

    async def reserve(
        self, order_id: OrderId, lines: Sequence[OrderLine], *, expires_at: datetime
    ) -> Reservation:
        request = pb.ReserveRequest(
            order_id=order_id,
            lines=[pb.Line(product_id=line.product_id, quantity=line.quantity) for line in lines],
            expires_at=_timestamp(expires_at),
        )
        reply = await _call(self._stub.Reserve, request)
        match reply.WhichOneof("outcome"):
            case "held":
                return Held([_snapshot(item) for item in reply.held.items])
            case "shortage":
                short = reply.shortage
                return Shortage(
                    product_id=ProductId(short.product_id),
                    requested=short.requested,
                    available=short.available,
                )
            case "unknown":
                return UnknownProducts([ProductId(p) for p in reply.unknown.product_ids])
            case "busy":
                return TooManyHolds(ProductId(reply.busy.product_id))
            case "gone":
                return Gone()
            case other:
                raise Unavailable(
                    f"The stock service answered with an outcome that is not known here: {other}."
                )

    async def pin(self, order_id: OrderId) -> HoldState:
        return await self._hold(self._stub.Pin, pb.HoldRequest(order_id=order_id))

    async def unpin(self, order_id: OrderId, *, expires_at: datetime) -> HoldState:
        request = pb.UnpinRequest(order_id=order_id, expires_at=_timestamp(expires_at))
        return await self._hold(self._stub.Unpin, request)

    async def commit(self, order_id: OrderId) -> HoldState:
        return await self._hold(self._stub.Commit, pb.HoldRequest(order_id=order_id))

    async def release(self, order_id: OrderId) -> HoldState:
        return await self._hold(self._stub.Release, pb.HoldRequest(order_id=order_id))

    async def restock(self, order_id: OrderId) -> HoldState:
        return await self._hold(self._stub.Restock, pb.HoldRequest(order_id=order_id))

    async def _hold(
        self, method: Callable[[Request], Awaitable[pb.HoldReply]], request: Request
    ) -> HoldState:
        state = (await _call(method, request)).state
        if state not in _STATES:
            raise Unavailable(f"The stock service answered with a state that is not known here: {state}.")
        return _STATES[state]


class GrpcAccounts:
    """Accounts of the users service over gRPC, and of the revocation set while that is away."""

    def __init__(self, channel: grpc.aio.Channel, revocations: RedisRevocations) -> None:
        self._stub = UserServiceStub(channel)  # type: ignore[no-untyped-call] # generated
        self._revocations = revocations

    async def require_active(self, viewer: Viewer) -> None:
        try:
            account = await self._stub.GetUser(user_pb2.GetUserRequest(id=viewer.require_user()))
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.NOT_FOUND:
                raise Unauthenticated("This account is gone; log in with another.") from error
            await self._require_live_session(viewer, error)
            return
        if not account.active:
            raise Forbidden("The account is disabled; ask the operator of this shop.")

    async def _require_live_session(self, viewer: Viewer, error: grpc.aio.AioRpcError) -> None:
        # Whoever is disabled loses every session, so a set that can be read and lacks this one is an answer, too.
        level = log.warning if error.code() in _OUTAGE else log.error
        level("users_unreachable", status=error.code().name, details=error.details())
        if viewer.session_id is None or not await self._revocations.known_live(viewer.session_id):
            raise Unavailable("Accounts cannot be looked up at the moment; try again.") from error


async def _call(method: Callable[[Request], Awaitable[Reply]], request: Request) -> Reply:
    try:
        return await method(request)
    except grpc.aio.AioRpcError as error:
        # Beyond an outage it is a fault of one side, which waiting will not mend; someone must look.
        say = log.warning if error.code() in _OUTAGE else log.error
        say("inventory_failed", status=error.code().name, details=error.details())
        raise Unavailable("Stock cannot be reached at the moment; try again.") from error


def _snapshot(item: pb.Item) -> Snapshot:
    return Snapshot(
        product_id=ProductId(item.product_id),
        name=item.name,
        sku=item.sku,
        price=Amount(MinorUnits(item.price_minor), item.currency),
    )


def _timestamp(at: datetime) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(at)
    return stamp
