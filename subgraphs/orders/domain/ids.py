"""Identifiers of what orders own and refer to, and the number by which people name an order."""

import secrets
from datetime import datetime
from typing import NewType

OrderId = NewType("OrderId", str)
UserId = NewType("UserId", str)
ProductId = NewType("ProductId", str)
AttemptId = NewType("AttemptId", str)

# Crockford's base 32: no letter that reads like a digit when a customer spells the number on the phone.
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def new_number(at: datetime) -> str:
    """A number that people can say: `ORD-20260131-7K3M9Q2T`; 40 random bits a day.

    Not certain to be unique: after a million orders on one day the next collides once in a million draws.
    """
    tail = "".join(secrets.choice(_ALPHABET) for _ in range(8))
    return f"ORD-{at:%Y%m%d}-{tail}"
