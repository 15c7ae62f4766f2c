"""The catalogue."""

from datetime import datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from enum import StrEnum
from typing import Annotated, Any, Self

from fastapi import UploadFile
from pydantic import (
    AfterValidator,
    AliasPath,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    model_validator,
)

from clients.rest.models.base import (
    AMOUNT_SCHEMA,
    LINE,
    MAX_AMOUNT,
    MAX_DECIMALS,
    OPTIONAL_LINE,
    Amount,
    Answer,
    Body,
    Currency,
    Id,
    IdText,
    Integer,
    Price,
    PricedIn,
    as_integer,
)
from clients.rest.models.pagination import PageQuery, PageResponse


class Sort(StrEnum):
    NEWEST = "newest"
    NAME = "name"
    PRICE_ASC = "price_asc"
    PRICE_DESC = "price_desc"


Name = Annotated[str, Field(max_length=200, pattern=LINE)]
CategoryName = Annotated[str, Field(max_length=100, pattern=LINE)]
Alt = Annotated[str, Field(max_length=500, pattern=OPTIONAL_LINE)]
Tag = Annotated[str, Field(max_length=40, pattern=LINE)]
Sku = Annotated[
    str,
    Field(
        max_length=64,
        pattern=r"^\s*[A-Za-z0-9]([A-Za-z0-9._/-]{0,62}[A-Za-z0-9])?\s*$",
        examples=["LAP-7K3QD"],
    ),
]

Units = Annotated[int, Field(ge=0, le=10**9), BeforeValidator(as_integer)]


_FINEST = Decimal(1).scaleb(-MAX_DECIMALS)


def _shorten(value: Decimal, rounding: str) -> Decimal:
    # Prices have at most three decimals, and `1e-300`, which is a number too, would be sent in 300 digits.
    exponent = value.as_tuple().exponent
    assert isinstance(exponent, int)  # noqa: S101 - the number is finite by then
    return value if -MAX_DECIMALS <= exponent <= 0 else value.quantize(_FINEST, rounding)


PriceLimit = Annotated[Decimal, Field(ge=0, le=MAX_AMOUNT), WithJsonSchema(AMOUNT_SCHEMA)]
LeastPrice = Annotated[PriceLimit, AfterValidator(lambda value: _shorten(value, ROUND_CEILING))]
MostPrice = Annotated[PriceLimit, AfterValidator(lambda value: _shorten(value, ROUND_FLOOR))]


class ProductFilterQuery(PageQuery):
    """Which products, and how many of them."""

    category: str | None = Field(
        None, max_length=100, description="A category's slug, id or name; its subtree is included."
    )
    min_price: LeastPrice | None = None
    max_price: MostPrice | None = None
    in_stock: bool | None = Field(None, description="Only those that can, or cannot, be ordered now.")
    tag: list[Tag] = Field([], max_length=20, description="May be repeated; products have all of them.")

    @model_validator(mode="after")
    def _range(self) -> Self:
        if self.min_price is not None and self.max_price is not None and self.min_price > self.max_price:
            raise ValueError("min_price is above max_price.")
        return self

    def filter(self) -> dict[str, Any]:
        """The GraphQL filter; a condition that was not asked for is absent."""
        conditions = {
            "categoryId": self.category,
            "priceMin": None if self.min_price is None else format(self.min_price, "f"),
            "priceMax": None if self.max_price is None else format(self.max_price, "f"),
            "inStock": self.in_stock,
            "tags": self.tag or None,
        }
        return {name: value for name, value in conditions.items() if value is not None}


class ProductQuery(ProductFilterQuery):
    sort: Sort = Sort.NEWEST


class SearchSort(StrEnum):
    RELEVANCE = "relevance"
    NEWEST = "newest"
    NAME = "name"
    PRICE_ASC = "price_asc"
    PRICE_DESC = "price_desc"


class SearchQuery(ProductFilterQuery):
    q: str = Field(
        max_length=200,
        pattern=LINE,
        description="Words; the last may be unfinished, a long one mistyped. One letter or digit at least.",
        examples=["wireless headphones"],
    )
    sort: SearchSort = SearchSort.RELEVANCE


class CreateProductBody(Body):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"name": "Laptop", "price": 999.99, "stock": 10, "category": "Electronics"}],
        }
    )

    name: Name
    price: Price
    currency: PricedIn | None = Field(None, description="ISO 4217; USD when absent.")
    stock: Integer = Field(0, ge=0, le=10**9)
    description: Annotated[str, Field(max_length=5000, pattern=OPTIONAL_LINE)] | None = None
    sku: Sku | None = Field(None, description="Generated when absent.")
    category: CategoryName | None = Field(
        None, description="A category's name, slug or id; one of the name is created if missing."
    )
    category_id: IdText | None = None
    tags: list[Tag] | None = Field(None, max_length=20)
    active: bool = True


class UpdateProductBody(Body):
    """What is left out stays as it is; null clears it, where it may be empty."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"price": 899.99, "stock": 25}]})

    name: Name | None = None
    price: Price | None = None
    currency: PricedIn | None = Field(None, description="ISO 4217; alone, it keeps the amount.")
    stock: Units | None = Field(None, description="Units that can be ordered from now on.")
    description: Annotated[str, Field(max_length=5000, pattern=OPTIONAL_LINE)] | None = None
    sku: Sku | None = None
    category: CategoryName | None = Field(
        None, description="A category's name, slug or id; one of the name is created if missing."
    )
    category_id: IdText | None = None
    tags: list[Tag] | None = Field(None, max_length=20)
    active: bool | None = None


Urls = Annotated[list[str], BeforeValidator(lambda images: [image["url"] for image in images])]


class Product(Answer):
    id: Id
    name: str
    description: str | None
    price: Amount = Field(validation_alias=AliasPath("price", "amount"))
    currency: Currency = Field(validation_alias=AliasPath("price", "currency"))
    stock: int = Field(description="Units that can be ordered now.")
    category: str | None = Field(None, validation_alias=AliasPath("category", "name"))
    sku: str
    images: Urls = Field([], description="Their addresses.")
    tags: list[str]
    active: bool
    created_at: datetime
    updated_at: datetime
    version: int = Field(exclude=True)


class ImageForm(BaseModel):
    """The parts of an upload; others are refused."""

    model_config = ConfigDict(extra="forbid")

    image: UploadFile
    alt: Alt | None = Field(default=None, description="What is to be seen, in words.")


class ProductImage(Answer):
    id: Id
    url: str = Field(description="Where it is served; with `?width=`, in a smaller size.")
    alt: str | None
    width: int = Field(description="Pixels.")
    height: int = Field(description="Pixels.")


class ProductList(PageResponse):
    products: list[Product]


class FoundProduct(Product):
    score: float = Field(description="How well it fits; comparable within one search only.")


class CategoryCount(Answer):
    id: Id = Field(validation_alias=AliasPath("category", "id"))
    name: str = Field(validation_alias=AliasPath("category", "name"))
    slug: str = Field(validation_alias=AliasPath("category", "slug"))
    count: int = Field(description="With those in the categories below it.")


class TagCount(Answer):
    tag: str
    count: int


class PriceRangeCount(Answer):
    min: Amount
    max: Amount | None = Field(description="Not included; null for the range without an end.")
    count: int


# A category that was deleted between two answers of the API has no name to show.
CategoryCounts = Annotated[
    list[CategoryCount],
    BeforeValidator(lambda counts: [count for count in counts if count["category"] is not None]),
]


class Facets(Answer):
    """What a further choice would leave; each ignores the condition of its own kind."""

    categories: CategoryCounts = Field([])
    tags: list[TagCount] = Field([])
    price_ranges: list[PriceRangeCount] = Field([], validation_alias="priceRanges")


class SearchResult(PageResponse):
    products: list[FoundProduct]
    total: int | None = Field(description="How many were found; null past the end of the list.")
    facets: Facets


class Category(Answer):
    id: Id
    name: str
    slug: str
    description: str | None
    parent_id: str | None = Field(None, validation_alias=AliasPath("parent", "id"))


class CategoryList(Answer):
    categories: list[Category]
