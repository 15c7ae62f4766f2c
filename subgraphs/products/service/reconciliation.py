"""Finds where stock and reservations do not agree, and mends it.

Everything here may run beside live traffic, twice at once, and again: what changed of late is left alone, and each
repair is a write that only what was read lets through.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from subgraphs.kit.errors import Unavailable
from subgraphs.products.domain.drift import Drift, DriftKind, HeldStock, ProductUnits, counted_hold
from subgraphs.products.domain.reservations import (
    SETTLED,
    UNFINISHED,
    Hold,
    OrderId,
    Reservation,
    ReservationLine,
    State,
)
from subgraphs.products.service.reservation_steps import ReservationSteps
from subgraphs.products.store.drift import DriftStore

_BATCH = 200
_ALL = timedelta(days=1)  # whatever the clock of the process that made a hold said
_HOLDING = (State.HELD, State.PINNED)

UNPINNED_FOR = timedelta(minutes=15)
"""An order that is being paid pins its hold anew each time that it tries, which is every minute at least."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciliation:
    """`settled_for` is how long something must have stood still to count: a call may be at it until then."""

    store: DriftStore
    steps: ReservationSteps
    settled_for: timedelta

    async def find(self, *, repair: bool, pinned_for: timedelta) -> AsyncIterator[Drift]:
        """Each disagreement; mended as it is found, where `repair` says so."""
        for look in (self._unfinished, self._stray_holds_and_units, self._missing_holds):
            async for drift in look(repair=repair):
                yield drift
        async for drift in self._long_pinned(pinned_for, repair=repair):
            yield drift

    async def measure(self) -> HeldStock:
        """What is held now, and how many products with holds have more units than are on hand.

        A product's units are in its one document, so that what is counted here was so at one moment.
        """
        holds = units = oversold = 0
        async for product in self.store.held_units(before=self.steps.clock() + _ALL):
            holds += len(product.holds)
            units += product.held
            oversold += product.missing < 0
        return HeldStock(holds=holds, units=units, oversold=oversold)

    async def _unfinished(self, *, repair: bool) -> AsyncIterator[Drift]:
        """Reservations that the sweep should have finished by now."""
        before = self._before() - self.settled_for
        for left in await self.steps.reservations.list_untouched(UNFINISHED, since=before, limit=_BATCH):
            message = f"order {left.order_id} has been {left.state.value} for too long"
            repaired = await self._finished(left) if repair else None
            yield Drift(kind=DriftKind.UNFINISHED, message=message, order_id=left.order_id, repaired=repaired)

    async def _stray_holds_and_units(self, *, repair: bool) -> AsyncIterator[Drift]:
        """Of each product: holds that no reservation counts, and units that are not where the records have them."""
        async for products in self.store.all_units(batch=_BATCH):
            # After the holds: a reservation is there before its hold is.
            orders = sorted({hold.order_id for units in products for hold in units.holds})
            reservations = await self.store.reservations(orders) if orders else {}
            for units in products:
                for hold in units.holds:
                    if hold.at < self._before() and (
                        reason := _why_stray(hold, reservations.get(hold.order_id))
                    ):
                        yield await self._stray(hold, units, reason, repair=repair)
                if units.missing:
                    yield await self._units(units, repair=repair)

    async def _stray(self, hold: Hold, units: ProductUnits, reason: str, *, repair: bool) -> Drift:
        message = f"product {units.sku}: {hold.quantity} held for order {hold.order_id}, {reason}"
        return Drift(
            kind=DriftKind.STRAY_HOLD,
            message=message,
            product_id=units.product_id,
            order_id=hold.order_id,
            repaired=await self.steps.holds.end_stray(hold, at=self.steps.clock(), reason=reason)
            if repair
            else None,
        )

    async def _units(self, units: ProductUnits, *, repair: bool) -> Drift:
        message = (
            f"product {units.sku}: {units.available} available and {units.held} held make "
            f"{units.available + units.held}, where {units.on_hand} are on hand"
        )
        repaired = None
        if repair:
            # As it is now: a stray hold may have ended since.
            now = (await self.store.units([units.product_id])).get(units.product_id)
            repaired = now is not None and (
                not now.missing or await self.store.correct(now, at=self.steps.clock())
            )
        return Drift(kind=DriftKind.UNITS, message=message, product_id=units.product_id, repaired=repaired)

    async def _missing_holds(self, *, repair: bool) -> AsyncIterator[Drift]:
        """Lines of reservations that hold, without the hold that stands for them."""
        async for reservations in self.store.holding(before=self._before(), batch=_BATCH):
            for reservation in await self._without_hold(reservations):
                present = await self.steps.reread(reservation)
                if present != reservation:  # it has gone on meanwhile
                    continue
                for line in await self._lines_without_hold(reservation):
                    message = (
                        f"order {reservation.order_id} is {reservation.state.value} without its hold of "
                        f"{line.quantity} of product {line.product_id}"
                    )
                    yield Drift(
                        kind=DriftKind.MISSING_HOLD,
                        message=message,
                        product_id=line.product_id,
                        order_id=reservation.order_id,
                        repaired=await self._hold_again(reservation, line) if repair else None,
                    )

    async def _without_hold(self, reservations: list[Reservation]) -> list[Reservation]:
        products = await self.store.units([line.product_id for r in reservations for line in r.lines])
        return [
            r
            for r in reservations
            if not all(_is_held(r, line, products.get(line.product_id)) for line in r.lines)
        ]

    async def _lines_without_hold(self, reservation: Reservation) -> list[ReservationLine]:
        products = await self.store.units([line.product_id for line in reservation.lines])
        return [
            line
            for line in reservation.lines
            if not _is_held(reservation, line, products.get(line.product_id))
        ]

    async def _hold_again(self, reservation: Reservation, line: ReservationLine) -> bool:
        """Take the units again; where there are too few, release an order that is not being paid."""
        if await self.store.hold_again(reservation.order_id, line, at=self.steps.clock()):
            return True
        return reservation.state is State.HELD and await self._released(reservation.order_id)

    async def _released(self, order_id: OrderId) -> bool:
        now = self.steps.clock()
        moved = await self.steps.reservations.move(order_id, (State.HELD,), State.RELEASING, at=now)
        return moved is not None and await self._finished(moved)

    async def _long_pinned(self, pinned_for: timedelta, *, repair: bool) -> AsyncIterator[Drift]:
        """Holds that are pinned for longer than a payment takes.

        Whether their orders are over is for orders to know. So the repair lets them expire: an order that is being
        paid pins its hold again in time.
        """
        now = self.steps.clock()
        for order_id in await self.store.pinned(before=now - pinned_for, limit=_BATCH):
            repaired = None
            if repair:
                moved = await self.steps.reservations.move(
                    order_id, (State.PINNED,), State.HELD, at=now, expires_at=now + UNPINNED_FOR
                )
                repaired = moved is not None
            message = f"order {order_id} has had its hold pinned for more than {pinned_for}"
            yield Drift(kind=DriftKind.LONG_PINNED, message=message, order_id=order_id, repaired=repaired)

    async def _finished(self, reservation: Reservation) -> bool:
        try:
            return (await self.steps.finish(reservation)).state not in UNFINISHED
        except Unavailable:
            return False

    def _before(self) -> datetime:
        return self.steps.clock() - self.settled_for


def _why_stray(hold: Hold, reservation: Reservation | None) -> str | None:
    if reservation is None:
        return "which has no reservation"
    if reservation.state in SETTLED:
        return f"which is {reservation.state.value}"
    if reservation.state in _HOLDING and not any(
        counted_hold(reservation, line, [hold])
        for line in reservation.lines
        if line.product_id == hold.product_id
    ):
        return "beside the hold that counts"
    return None


def _is_held(reservation: Reservation, line: ReservationLine, units: ProductUnits | None) -> bool:
    return units is not None and counted_hold(reservation, line, units.holds)
