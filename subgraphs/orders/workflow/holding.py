"""Stock: held for a new order, given back by one that ended without being paid."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

from sqlalchemy.ext.asyncio import AsyncConnection

from subgraphs.kit.errors import ValidationFailed
from subgraphs.orders.domain import Action, Item, Line, Order, Rejection, RejectionKind, total_of
from subgraphs.orders.due_store import DueStore
from subgraphs.orders.inventory import Gone, Held, Inventory, Shortage, Snapshot, UnknownProducts
from subgraphs.orders.store import OrderStore
from subgraphs.orders.workflow.moves import HOLD_GRACE, Moves


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    moves: Moves
    inventory: Inventory

    async def hold(self, order: Order) -> None:
        """Reserve the order's items: AWAITING_PAYMENT with their names and prices, or REJECTED."""
        async with self.moves.postgres.read() as connection:
            items = (await OrderStore(connection).items_of([order.id]))[0]
        lines = [Line(item.product_id, item.quantity) for item in items]
        reply = await self.inventory.reserve(order.id, lines, expires_at=order.expires_at + HOLD_GRACE)
        match reply:
            case Held(snapshots):
                await self._held(order, items, snapshots)
            case Shortage(product_id=product_id, requested=requested, available=available):
                shortage = Rejection(
                    kind=RejectionKind.SHORTAGE,
                    message=f"Only {available} of {requested} units are available.",
                    product_id=product_id,
                    requested=requested,
                    available=available,
                )
                await self._reject(order, shortage)
            case UnknownProducts(product_ids):
                message = f"There is no product {', '.join(product_ids)}."
                await self._reject(order, Rejection(kind=RejectionKind.UNKNOWN_PRODUCT, message=message))
            case Gone():
                await self.moves.take(order, Action.EXPIRE, note="the hold was lost")

    async def give_back(self, order: Order) -> None:
        """Release what an order that has ended may hold."""
        await self.inventory.release(order.id)
        async with self.moves.postgres.unit_of_work() as connection:
            await DueStore(connection).settle(order)

    async def _held(self, order: Order, items: Sequence[Item], snapshots: Sequence[Snapshot]) -> None:
        by_product = {s.product_id: s for s in snapshots}
        priced = [
            replace(i, name=s.name, sku=s.sku, price=s.price)
            for i in items
            for s in [by_product[i.product_id]]
        ]
        try:
            total = total_of(priced)
        except ValidationFailed as error:
            # The hold goes back after the rejection is on record: the other way round, a process lost in
            # between would leave an order whose hold is gone for no reason that anybody knows.
            rejection = Rejection(kind=RejectionKind.NO_TOTAL, message=error.message)
            await self._reject(order, rejection, holds=True)
            return

        async def snapshot(connection: AsyncConnection) -> None:
            await OrderStore(connection).snapshot_items(priced)

        await self.moves.take(
            order,
            Action.HOLD,
            resume_at=order.expires_at,
            also=snapshot,
            currency=total.currency,
            subtotal_minor=total.minor,
            total_minor=total.minor,
        )

    async def _reject(self, order: Order, rejection: Rejection, *, holds: bool = False) -> None:
        await self.moves.take(
            order, Action.REJECT, leased=holds, note=rejection.message, rejection=asdict(rejection)
        )
