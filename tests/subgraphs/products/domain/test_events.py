"""What products emit is what `schema/events` says."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker, ValidationError
from referencing import Registry, Resource

from subgraphs.kit.events.event import Event
from subgraphs.kit.ids import new_id
from subgraphs.products.domain import events
from subgraphs.products.domain.products import ProductId
from subgraphs.products.domain.reservations import OrderId, ReservationLine

SCHEMAS = Path(__file__).parents[4] / "schema" / "events"
PRODUCT = ProductId(new_id())
ORDER = OrderId(new_id())
LINES = [ReservationLine(product_id=PRODUCT, quantity=2)]
EMITTED = [
    *(events.product_updated(PRODUCT, version=1, change=c) for c in ("created", "updated", "deleted")),
    events.product_updated(PRODUCT, version=2, change="updated", actor=new_id()),
    events.stock_adjusted(PRODUCT, delta=-3, reason=None, actor=new_id()),
    events.stock_reserved(ORDER, LINES),
    *(events.stock_released(ORDER, LINES, reason=r) for r in ("released", "expired", "restocked")),
]


def _document(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((SCHEMAS / f"{name}.json").read_text())
    return found


def _validate(name: str, event: object) -> None:
    registry: Any = Registry().with_resources(
        (document["$id"], Resource.from_contents(document))
        for document in (_document("envelope"), _document(name))
    )
    Draft202012Validator(_document(name), registry=registry, format_checker=FormatChecker()).validate(event)


def test_every_kind_of_event_has_a_schema_and_every_schema_an_event() -> None:
    described = {
        p.stem
        for p in SCHEMAS.glob("*.json")
        if _document(p.stem).get("properties", {}).get("source", {}).get("const") == "products"
    }
    assert described == {event.type for event in EMITTED}


@pytest.mark.parametrize(
    "event", EMITTED, ids=lambda e: f"{e.type} {e.data.get('change', e.data.get('reason', ''))}"
)
def test_event_fits_its_schema_and_nothing_less_or_more_does(event: Event) -> None:
    envelope = json.loads(event.to_json())
    _validate(event.type, envelope)
    spoilt = [{**envelope, "source": "users"}, {**envelope, "data": {**envelope["data"], "more": 1}}]
    spoilt += [
        {**envelope, "data": {k: v for k, v in envelope["data"].items() if k != left}}
        for left in envelope["data"]
    ]
    for wrong in spoilt:
        with pytest.raises(ValidationError):
            _validate(event.type, wrong)
