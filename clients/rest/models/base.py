"""The two directions of a model: a body becomes GraphQL variables, a GraphQL node becomes an answer.

Both are written in `snake_case`; the generators translate, so that a field is named once.
"""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any

from pydantic import (
    AliasGenerator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    Strict,
    WithJsonSchema,
)
from pydantic.alias_generators import to_camel

from subgraphs.kit.money import EXPONENTS

# GraphQL's Int has 32 bits; a larger number would be refused as a fault of the operation's variables.
MAX_INT = 2**31 - 1
# Characters; what is longer is the id of nothing.
MAX_ID = 64


class Body(BaseModel):
    """A request body. Unknown fields are refused, and nothing is converted: `"2"` is not a quantity."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, alias_generator=AliasGenerator(serialization_alias=to_camel)
    )

    def variables(self) -> dict[str, Any]:
        """The GraphQL input that this body is. What the client left out stays absent; null stays null."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)


class Answer(BaseModel):
    """A response body, read from a GraphQL node or made by its own field names."""

    model_config = ConfigDict(
        frozen=True, validate_by_name=True, alias_generator=AliasGenerator(validation_alias=to_camel)
    )


class LowerEnum(StrEnum):
    """A GraphQL enum as REST spells it: `AWAITING_PAYMENT` is `awaiting_payment`."""

    @classmethod
    def _missing_(cls, value: object) -> "LowerEnum | None":
        if isinstance(value, str) and value.isupper():
            return cls._value2member_map_.get(value.lower())  # type: ignore[return-value] # the map is untyped
        return None


def _not_bool(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("Input should be a number")  # noqa: TRY004 - pydantic turns only ValueError into a 422
    return value


# Of MAX_MINOR_UNITS, in the currencies with two decimals; those with others are checked by the subgraph.
MAX_AMOUNT = 10**13
AMOUNT_SCHEMA = {"type": "number", "minimum": 0, "maximum": MAX_AMOUNT}
MAX_DECIMALS = max(EXPONENTS.values())


def as_integer(value: object) -> object:
    # JSON has one kind of number: 2.0 is an integer there (JSON Schema 2020-12, validation, 6.1.1).
    return int(value) if isinstance(value, float) and value.is_integer() else value


Integer = Annotated[int, BeforeValidator(as_integer)]

Price = Annotated[
    Decimal,
    Strict(False),
    BeforeValidator(_not_bool),
    Field(ge=0, le=MAX_AMOUNT, decimal_places=MAX_DECIMALS),
    # Plain digits: `str` of a Decimal may be `1E+2`, which not every parser of the Decimal scalar takes.
    PlainSerializer(lambda value: format(value, "f"), return_type=str),
    WithJsonSchema(
        {
            "anyOf": [
                AMOUNT_SCHEMA | {"multipleOf": 10**-MAX_DECIMALS, "examples": [99.99]},
                {
                    "type": "string",
                    "pattern": rf"^[0-9]{{1,13}}(\.[0-9]{{1,{MAX_DECIMALS}}})?$",
                    "examples": ["99.99"],
                },
            ],
            "description": "With at most as many decimals as the currency has.",
        }
    ),
]
"""Money in a request body: a JSON number, or a string for clients that have only binary floating point."""

Amount = Annotated[Decimal, WithJsonSchema({"type": "number", "examples": [99.99]})]
"""Money that is answered: an exact JSON number, with the currency's own number of decimals."""

Currency = Annotated[str, Field(description="ISO 4217", examples=["USD"])]
PricedIn = Annotated[
    str, Field(description="ISO 4217", pattern=f"^({'|'.join(EXPONENTS)})$", examples=["USD"])
]
"""A currency that prices may be given in."""

IdText = Annotated[str, Field(min_length=1, max_length=MAX_ID, pattern="^[!-~]+$")]
"""An id in a request: opaque, without spaces."""

# Control characters are in no name. Those that are white space are taken as such by the subgraphs.
LINE = r"^\s*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f]*$"
"""Text with something to see in it."""
OPTIONAL_LINE = r"^[^\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f]*$"
"""Text that may be blank, which clears it."""
Id = Annotated[str, Field(examples=["0199f6c2-7d1e-7a40-9c55-2f1f0b8a4c10"])]
