from dataclasses import fields

import pytest

from subgraphs.kit.errors import ValidationFailed
from subgraphs.orders.domain.shipping import ShippingDetails

_NAMES = {"address", "city", "state", "country", "zipCode", "method"}


def test_a_part_that_does_not_fit_is_named_as_clients_know_it():
    named = set()
    for part in fields(ShippingDetails):
        ShippingDetails(**{part.name: "x" * 200}).check()
        with pytest.raises(ValidationFailed) as refused:
            ShippingDetails(**{part.name: "x" * 201}).check()
        named.add(refused.value.field)
    assert named == {f"shipping.{name}" for name in _NAMES}
