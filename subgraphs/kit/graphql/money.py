"""Money as clients see it."""

from decimal import Decimal
from typing import Self

import strawberry

from subgraphs.kit.money import Amount


@strawberry.federation.type(shareable=True, description="An amount of money.")
class Money:
    amount: Decimal = strawberry.field(description="Major units with the currency's decimals.")
    currency: str = strawberry.field(description="ISO 4217 code.")

    @classmethod
    def of(cls, amount: Amount) -> Self:
        return cls(amount=amount.decimal(), currency=amount.currency)
