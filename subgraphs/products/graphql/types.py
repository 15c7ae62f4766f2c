"""Inputs and enumerations."""

from decimal import Decimal
from typing import Annotated

import strawberry

from subgraphs.products.domain import catalogue
from subgraphs.products.domain.catalogue import CategoryId, ProductId

First = Annotated[int | None, strawberry.argument(description="How many entries, 1 to 100.")]
After = Annotated[str | None, strawberry.argument(description="The `endCursor` of the page before.")]

strawberry.enum(
    catalogue.ProductSort,
    description="Order of a list of products. RELEVANCE belongs to a search; elsewhere it is NEWEST.",
)


@strawberry.input(description="Which products to list. Every field that is given must hold.")
class ProductFilter:
    category_id: strawberry.ID | None = strawberry.field(
        default=None, description="In this category or below it."
    )
    price_min: Decimal | None = strawberry.field(
        default=None,
        description="At least this amount; amounts are compared as numbers, whatever their currency.",
    )
    price_max: Decimal | None = strawberry.field(default=None, description="At most this amount.")
    in_stock: bool | None = strawberry.field(
        default=None, description="With units to order now, or without any."
    )
    tags: list[str] | None = strawberry.field(default=None, description="With all of these tags.")
    active: bool | None = strawberry.field(
        default=None, description="What is sold, as by default; false needs MANAGE_PRODUCTS."
    )
    ids: list[strawberry.ID] | None = strawberry.field(default=None, description="Among these, at most 100.")


def product_filter(
    given: ProductFilter | None, *, within: CategoryId | None = None
) -> catalogue.ProductFilter:
    """The domain's filter; `within` is the category whose products are listed."""
    given = given or ProductFilter()
    roots = [within] if within is not None else []
    if given.category_id is not None:
        roots.append(CategoryId(given.category_id))
    return catalogue.ProductFilter.of(
        within=roots,
        price_min=given.price_min,
        price_max=given.price_max,
        in_stock=given.in_stock,
        tags=given.tags or (),
        active=given.active is not False,
        ids=None if given.ids is None else [ProductId(i) for i in given.ids],
    )


@strawberry.input(description="A product to create.")
class CreateProductInput:
    name: str = strawberry.field(description="1 to 200 characters.")
    price: Decimal = strawberry.field(description="0 or more, with no more decimals than the currency has.")
    description: str | None = strawberry.field(default=None, description="At most 5000 characters.")
    currency: str | None = strawberry.field(default="USD", description="ISO 4217 code.")
    stock: int = strawberry.field(default=0, description="Units on hand, 0 to 10^9.")
    sku: str | None = strawberry.field(default=None, description="Generated from the name when absent.")
    category_id: strawberry.ID | None = None
    category: str | None = strawberry.field(
        default=None, description="A category by name, created at the top of the tree when missing."
    )
    tags: list[str] | None = strawberry.field(
        default=None, description="At most 20, each at most 40 characters."
    )
    active: bool | None = strawberry.field(default=True, description="Whether it is sold at once.")


@strawberry.input(description="Changes to a product. An absent field stays as it is, null clears it.")
class UpdateProductInput:
    name: str | None = strawberry.UNSET
    description: str | None = strawberry.UNSET
    price: Decimal | None = strawberry.UNSET
    currency: str | None = strawberry.field(
        default=strawberry.UNSET, description="Alone, it keeps the amount: 10 EUR from 10 USD."
    )
    stock: int | None = strawberry.field(
        default=strawberry.UNSET,
        description="Units that can be ordered from now on; to add or take some, use `adjustStock`.",
    )
    sku: str | None = strawberry.UNSET
    category_id: strawberry.ID | None = strawberry.UNSET
    category: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="A category by name, created at the top of the tree when missing.",
    )
    tags: list[str] | None = strawberry.UNSET
    active: bool | None = strawberry.UNSET


@strawberry.input(description="A category to create.")
class CategoryInput:
    name: str = strawberry.field(description="1 to 100 characters; unique beside its siblings.")
    slug: str | None = strawberry.field(default=None, description="Made of the name when absent.")
    description: str | None = None
    parent_id: strawberry.ID | None = strawberry.field(
        default=None, description="None for the top of the tree."
    )
