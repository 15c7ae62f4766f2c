"""Money as clients see it."""

from decimal import Decimal
from typing import Self

import strawberry

from subgraphs.kit.money import Amount


@strawberry.federation.type(shareable=True, description="An amount of money.")
class Money:
    amount: Decimal = strawberry.field(
        description="In major units, such as 99.99, with as many decimals as the currency has."
    )
    currency: str = strawberry.field(description="ISO 4217 code.")

    @classmethod
    def of(cls, amount: Amount) -> Self:
        return cls(amount=amount.decimal(), currency=amount.currency)
