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


Price = Annotated[
    Decimal,
    Strict(False),
    BeforeValidator(_not_bool),
    Field(ge=0, max_digits=18, decimal_places=4),
    # Plain digits: `str` of a Decimal may be `1E+2`, which not every parser of the Decimal scalar takes.
    PlainSerializer(lambda value: format(value, "f"), return_type=str),
    WithJsonSchema({"type": "number", "minimum": 0, "examples": [99.99]}),
]
"""Money that a client sends: a JSON number, or a string where floating point is not to be trusted."""

Amount = Annotated[Decimal, WithJsonSchema({"type": "number", "examples": [99.99]})]
"""Money that is answered: an exact JSON number, with the currency's own number of decimals."""

Currency = Annotated[str, Field(description="ISO 4217", examples=["USD"], min_length=3, max_length=3)]
Text = Annotated[str, Field(max_length=10_000)]
Id = Annotated[str, Field(examples=["0199f6c2-7d1e-7a40-9c55-2f1f0b8a4c10"])]
