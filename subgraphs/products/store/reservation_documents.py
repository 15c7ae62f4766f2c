"""Reservations as documents and back; `store/reservations.py` has the collection."""

from subgraphs.kit.mongo.client import Document
from subgraphs.products.domain.products import ProductId
from subgraphs.products.domain.reservations import (
    OrderId,
    Refusal,
    Reservation,
    ReservationLine,
    ReservedItem,
    Shortage,
    State,
    TooManyHolds,
    UnknownProducts,
)


def refusal_document(refusal: Refusal) -> Document:
    if isinstance(refusal, UnknownProducts):
        return {"kind": "unknown", "product_ids": list(refusal.product_ids)}
    if isinstance(refusal, TooManyHolds):
        return {"kind": "holds", "product_id": refusal.product_id}
    return {
        "kind": "shortage",
        "product_id": refusal.product_id,
        "requested": refusal.requested,
        "available": refusal.available,
    }


def _refusal(document: Document | None) -> Refusal | None:
    if document is None:
        return None
    if document["kind"] == "unknown":
        return UnknownProducts(product_ids=tuple(document["product_ids"]))
    if document["kind"] == "holds":
        return TooManyHolds(product_id=document["product_id"])
    return Shortage(
        product_id=document["product_id"],
        requested=document["requested"],
        available=document["available"],
    )


def document_of(reservation: Reservation) -> Document:
    optional = {
        "expires_at": reservation.expires_at,
        "held_at": reservation.held_at,
        "expired": reservation.expired or None,
        "refusal": reservation.refusal and refusal_document(reservation.refusal),
        "attempt": reservation.attempt,
        "lease_until": reservation.lease_until,
    }
    return {
        "_id": reservation.order_id,
        "state": reservation.state.value,
        "lines": [line_document(line) for line in reservation.lines],
        **{name: value for name, value in optional.items() if value is not None},
    }


def reservation_of(document: Document) -> Reservation:
    return Reservation(
        order_id=OrderId(document["_id"]),
        state=State(document["state"]),
        lines=tuple(_line(d) for d in document["lines"]),
        expires_at=document.get("expires_at"),
        held_at=document.get("held_at"),
        expired=document.get("expired", False),
        refusal=_refusal(document.get("refusal")),
        attempt=document.get("attempt"),
        lease_until=document.get("lease_until"),
    )


def line_document(line: ReservationLine) -> Document:
    document: Document = {"product_id": line.product_id, "q": line.quantity}
    if line.hold_id is not None:
        document["hold"] = line.hold_id
    if isinstance(line, ReservedItem):
        document |= {
            "name": line.name,
            "sku": line.sku,
            "price_minor": line.price_minor,
            "currency": line.currency,
        }
    return document


def _line(document: Document) -> ReservationLine:
    product_id, quantity, hold_id = ProductId(document["product_id"]), document["q"], document.get("hold")
    if "name" not in document:
        return ReservationLine(product_id=product_id, quantity=quantity, hold_id=hold_id)
    return ReservedItem(
        product_id=product_id,
        quantity=quantity,
        hold_id=hold_id,
        name=document["name"],
        sku=document["sku"],
        price_minor=document["price_minor"],
        currency=document["currency"],
    )
