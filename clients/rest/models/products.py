"""The catalogue."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import AliasPath, BeforeValidator, ConfigDict, Field, model_validator

from clients.rest.models.base import MAX_INT, Amount, Answer, Body, Currency, Id, Price, Text
from clients.rest.models.pagination import PageQuery, PageResponse


class Sort(StrEnum):
    NEWEST = "newest"
    NAME = "name"
    PRICE_ASC = "price_asc"
    PRICE_DESC = "price_desc"


class ProductQuery(PageQuery):
    """Which products, and how many of them."""

    category: str | None = Field(
        None, max_length=100, description="A category's slug, id or name; its subtree is included."
    )
    min_price: Decimal | None = Field(None, ge=0, max_digits=18, decimal_places=4)
    max_price: Decimal | None = Field(None, ge=0, max_digits=18, decimal_places=4)
    in_stock: bool | None = Field(None, description="Only those that can, or cannot, be ordered now.")
    tag: list[str] = Field([], max_length=20, description="May be repeated; products have all of them.")
    sort: Sort = Sort.NEWEST

    @model_validator(mode="after")
    def _range(self) -> Self:
        if self.min_price is not None and self.max_price is not None and self.min_price > self.max_price:
            raise ValueError("min_price is above max_price.")
        return self

    def filter(self, *, category_id: str | None) -> dict[str, Any]:
        """The GraphQL filter; a condition that was not asked for is absent."""
        conditions = {
            "categoryId": category_id,
            "priceMin": None if self.min_price is None else format(self.min_price, "f"),
            "priceMax": None if self.max_price is None else format(self.max_price, "f"),
            "inStock": self.in_stock,
            "tags": self.tag or None,
        }
        return {name: value for name, value in conditions.items() if value is not None}


class CreateProductBody(Body):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"name": "Laptop", "price": 999.99, "stock": 10, "category": "Electronics"}],
        }
    )

    name: Text
    price: Price
    currency: Currency | None = Field(None, description="USD when absent.")
    stock: int = Field(0, ge=0, le=MAX_INT)
    description: Text | None = None
    sku: Text | None = Field(None, description="Generated when absent.")
    category: Text | None = Field(None, description="A category's name; created if missing.")
    category_id: str | None = Field(None, max_length=128)
    tags: list[Text] | None = Field(None, max_length=100)
    active: bool = True


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


class ProductList(PageResponse):
    products: list[Product]


class Category(Answer):
    id: Id
    name: str
    slug: str
    description: str | None
    parent_id: str | None = Field(None, validation_alias=AliasPath("parent", "id"))


class CategoryList(Answer):
    categories: list[Category]
