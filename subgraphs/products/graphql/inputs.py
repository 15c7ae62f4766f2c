"""Inputs, arguments and enumerations, each with the most that is taken of it."""

from dataclasses import fields
from decimal import Decimal
from typing import Annotated, Any, cast

import strawberry

from subgraphs.kit.graphql.bounds import max_items, max_length
from subgraphs.kit.pagination import DEFAULT_PAGE
from subgraphs.products.domain import lists
from subgraphs.products.domain.categories import CategoryChanges, CategoryId
from subgraphs.products.domain.lists import Listing
from subgraphs.products.domain.products import NewProduct, ProductChanges, ProductId
from subgraphs.products.domain.search.query import Query
from subgraphs.products.domain.search.results import Search

# Above the domain's own lengths, so that a plain mistake meets its plain answer and only excess is refused unread.
_SKU = max_length(200)
_NAME = max_length(1000)
_CATEGORY_NAME = max_length(500)
_SLUG = max_length(500)
_DESCRIPTION = max_length(20_000)
_CURRENCY = max_length(20)
_TAGS = max_length(200, items=100)
_IDS = max_items(200)

First = Annotated[int | None, strawberry.argument(description="How many entries, 1 to 100.")]
After = Annotated[
    str | None,
    strawberry.argument(description="The `endCursor` of the page before.", metadata=max_length(5000)),
]
SearchText = Annotated[
    str,
    strawberry.argument(
        description="What somebody typed, at most 200 characters; of more than 8 different words the first 8 count.",
        metadata=max_length(1000),
    ),
]
Prefix = Annotated[
    str,
    strawberry.argument(
        description="What somebody has typed so far, at most 200 characters.", metadata=max_length(1000)
    ),
]
Sku = Annotated[str | None, strawberry.argument(metadata=_SKU)]
CategoryReference = Annotated[
    strawberry.ID | None,
    strawberry.argument(description="A category's id, slug or name.", metadata=_CATEGORY_NAME),
]
Slug = Annotated[str | None, strawberry.argument(metadata=_SLUG)]
Alt = Annotated[
    str | None,
    strawberry.argument(
        description="What the image shows, in words; at most 500 characters.", metadata=max_length(2000)
    ),
]
Width = Annotated[
    int | None,
    strawberry.argument(description="How many pixels wide it is shown; the largest size when absent."),
]
Reason = Annotated[
    str | None,
    strawberry.argument(
        description="Why the stock changes; kept in the event StockAdjusted.", metadata=max_length(2000)
    ),
]

strawberry.enum(
    lists.ProductSort,
    description="Order of a list of products. RELEVANCE belongs to a search; elsewhere it is NEWEST.",
)


@strawberry.input(description="Which products to list. Every field that is given must hold.")
class ProductFilter:
    category_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="Only what is in this category or below it: its id, slug or name.",
        metadata=_CATEGORY_NAME,
    )
    price_min: Decimal | None = strawberry.field(
        default=None,
        description="At least this amount; amounts are compared as numbers, whatever their currency.",
    )
    price_max: Decimal | None = strawberry.field(default=None, description="At most this amount.")
    in_stock: bool | None = strawberry.field(
        default=None, description="True: only what is in stock. False: only what is not."
    )
    tags: list[str] | None = strawberry.field(
        default=None, description="With all of these tags.", metadata=_TAGS
    )
    active: bool | None = strawberry.field(
        default=None,
        description="True, as by default: only what is on sale. False: only what is not, which needs MANAGE_PRODUCTS.",
    )
    ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Only these products, at most 100.", metadata=_IDS
    )

    def to_domain(self) -> lists.ProductFilter:
        return lists.ProductFilter.of(
            category_id=None if self.category_id is None else CategoryId(self.category_id),
            price_min=self.price_min,
            price_max=self.price_max,
            in_stock=self.in_stock,
            tags=self.tags or (),
            active=self.active is not False,
            ids=None if self.ids is None else [ProductId(i) for i in self.ids],
        )


def listing(
    *, first: int | None, after: str | None, filter: ProductFilter | None, sort: lists.ProductSort | None
) -> Listing:
    """The arguments of a list, in which null means the default."""
    return Listing(
        filter=(filter or ProductFilter()).to_domain(),
        sort=sort or lists.ProductSort.NEWEST,
        first=DEFAULT_PAGE if first is None else first,
        after=after,
    )


def searching(
    *,
    query: str,
    first: int | None,
    after: str | None,
    filter: ProductFilter | None,
    sort: lists.ProductSort | None,
) -> Search:
    """The arguments of a search, in which null means the default."""
    return Search(
        query=Query.parse(query),
        filter=(filter or ProductFilter()).to_domain(),
        sort=sort or lists.ProductSort.RELEVANCE,
        first=DEFAULT_PAGE if first is None else first,
        after=after,
    )


@strawberry.input(description="A product to create.")
class CreateProductInput:
    name: str = strawberry.field(description="1 to 200 characters.", metadata=_NAME)
    price: Decimal = strawberry.field(description="0 or more, with no more decimals than the currency has.")
    description: str | None = strawberry.field(
        default=None, description="At most 5000 characters.", metadata=_DESCRIPTION
    )
    currency: str | None = strawberry.field(default="USD", description="ISO 4217 code.", metadata=_CURRENCY)
    stock: int = strawberry.field(default=0, description="Units on hand, 0 to 10^9.")
    sku: str | None = strawberry.field(
        default=None, description="Generated from the name when absent.", metadata=_SKU
    )
    category_id: strawberry.ID | None = strawberry.field(
        default=None, description="A category by id, slug or name.", metadata=_CATEGORY_NAME
    )
    category: str | None = strawberry.field(
        default=None,
        description="A category by name, slug or id; one of the name is created at the top of the tree when missing.",
        metadata=_CATEGORY_NAME,
    )
    tags: list[str] | None = strawberry.field(
        default=None, description="At most 20, each at most 40 characters.", metadata=_TAGS
    )
    active: bool | None = strawberry.field(default=True, description="Whether it is sold at once.")

    def to_domain(self) -> NewProduct:
        """The fields have the same names there, and null means the default."""
        given: dict[str, Any] = {f.name: getattr(self, f.name) for f in fields(NewProduct)}
        return NewProduct(**{name: value for name, value in given.items() if value is not None})


@strawberry.input(description="Changes to a product. An absent field stays as it is, null clears it.")
class UpdateProductInput:
    name: str | None = strawberry.field(default=strawberry.UNSET, metadata=_NAME)
    description: str | None = strawberry.field(default=strawberry.UNSET, metadata=_DESCRIPTION)
    price: Decimal | None = strawberry.UNSET
    currency: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="Without `price` the amount stays: 10 USD becomes 10 EUR.",
        metadata=_CURRENCY,
    )
    stock: int | None = strawberry.field(
        default=strawberry.UNSET,
        description="Units that can be ordered from now on; to add or take some, use `adjustStock`.",
    )
    sku: str | None = strawberry.field(default=strawberry.UNSET, metadata=_SKU)
    category_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description="A category by id, slug or name.", metadata=_CATEGORY_NAME
    )
    category: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="A category by name, slug or id; one of the name is created at the top of the tree when missing.",
        metadata=_CATEGORY_NAME,
    )
    tags: list[str] | None = strawberry.field(default=strawberry.UNSET, metadata=_TAGS)
    active: bool | None = strawberry.UNSET

    def to_domain(self) -> ProductChanges:
        """What is set; the fields have the same names there."""
        given = {name: getattr(self, name) for name in ProductChanges.__annotations__}
        return cast(
            "ProductChanges",
            {name: value for name, value in given.items() if value is not strawberry.UNSET},
        )


@strawberry.input(description="A category to create.")
class CategoryInput:
    name: str = strawberry.field(
        description="1 to 100 characters; unique beside its siblings.", metadata=_CATEGORY_NAME
    )
    slug: str | None = strawberry.field(
        default=None, description="Made from the name when absent.", metadata=_SLUG
    )
    description: str | None = strawberry.field(default=None, metadata=_DESCRIPTION)
    parent_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="Its id, slug or name. Null for the top of the tree.",
        metadata=_CATEGORY_NAME,
    )


@strawberry.input(description="Changes to a category. An absent field stays as it is, null clears it.")
class UpdateCategoryInput:
    name: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="1 to 100 characters; unique beside its siblings. The slug stays.",
        metadata=_CATEGORY_NAME,
    )
    slug: str | None = strawberry.field(
        default=strawberry.UNSET, description="Null makes one from the name.", metadata=_SLUG
    )
    description: str | None = strawberry.field(default=strawberry.UNSET, metadata=_DESCRIPTION)
    parent_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET,
        description="The id, slug or name of the category to move this one below, with all that is in it. Null moves it "
        "to the top of the tree.",
        metadata=_CATEGORY_NAME,
    )

    def to_domain(self) -> CategoryChanges:
        """What is set; the fields have the same names there."""
        given = {name: getattr(self, name) for name in CategoryChanges.__annotations__}
        return cast(
            "CategoryChanges",
            {name: value for name, value in given.items() if value is not strawberry.UNSET},
        )
