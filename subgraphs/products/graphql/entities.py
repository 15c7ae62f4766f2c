"""Product, the entity of this subgraph, and Category, which leads back to it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Self

import strawberry

from subgraphs.kit.graphql.execution.strawberry import prefetched
from subgraphs.kit.graphql.money import Money
from subgraphs.kit.graphql.pagination import Connection
from subgraphs.products.domain import categories, images, products
from subgraphs.products.domain.categories import CategoryId
from subgraphs.products.domain.lists import ProductSort
from subgraphs.products.domain.movements import Movement, MovementKind
from subgraphs.products.domain.products import ProductId
from subgraphs.products.graphql.context import Info, ProductsContext
from subgraphs.products.graphql.inputs import After, First, ProductFilter, Width, listing
from subgraphs.products.graphql.loaders import CategoryPage, MovementPage


@strawberry.type(description="A picture of a product, in WebP.")
class Image:
    id: strawberry.ID
    alt: str | None = strawberry.field(
        description="What the image shows, in words, for those who cannot see it."
    )
    width: int = strawberry.field(description="Pixels of the largest size.")
    height: int = strawberry.field(description="Pixels of the largest size.")
    image: strawberry.Private[images.Image]

    @strawberry.field(
        description="The path of the file, below the address of this API: the smallest size that is at least "
        "`width` pixels wide, or else the largest. What a path serves never changes."
    )
    def url(self, width: Width = None) -> str:
        return images.image_path(self.image, width=width)

    @classmethod
    def of(cls, image: images.Image) -> Self:
        return cls(
            id=strawberry.ID(image.id), alt=image.alt, width=image.width, height=image.height, image=image
        )


strawberry.enum(
    MovementKind,
    name="StockMovementKind",
    description="CREATED, ADJUSTED and EDITED are done by people. RESERVED, RELEASED, EXPIRED and COMMITTED follow an "
    "order; RETURNED and RESTOCKED bring the units of a cancelled one back, first as held, then as available. "
    "RECONCILED mends what a fault has left.",
)


@strawberry.type(description="A change of a product's stock.")
class StockMovement:
    id: strawberry.ID
    kind: MovementKind
    at: datetime
    delta: int = strawberry.field(description="Units that became available; negative, where they went.")
    held_delta: int = strawberry.field(
        description="Units that became held for orders; negative, where they went."
    )
    order_id: strawberry.ID | None = strawberry.field(description="The order behind it, where there is one.")
    actor_id: strawberry.ID | None = strawberry.field(
        description="The account that did it; null where an order or the service did."
    )
    reason: str | None

    @classmethod
    def of(cls, movement: Movement) -> Self:
        return cls(
            id=strawberry.ID(movement.id),
            kind=movement.kind,
            at=movement.at,
            delta=movement.delta,
            held_delta=movement.held_delta,
            order_id=strawberry.ID(movement.order_id) if movement.order_id else None,
            actor_id=strawberry.ID(movement.actor) if movement.actor else None,
            reason=movement.reason,
        )


async def _load_categories(products: Sequence["Product"], context: ProductsContext) -> None:
    found = await context.loaders.categories_of([p.category_id for p in products if p.category_id])
    shown = {category_id: Category.of(category) for category_id, category in found.items() if category}
    for product in products:
        product.loaded_category = shown.get(product.category_id) if product.category_id else None


@strawberry.federation.type(keys=["id"], description="Something that can be ordered.")
class Product:
    id: strawberry.ID
    name: str
    description: str | None
    sku: str = strawberry.field(description="Stock keeping unit; unique, whatever its case.")
    price: Money
    stock: int = strawberry.field(
        description="Units that can be ordered now; units held for orders are not among them."
    )
    images: list[Image] = strawberry.field(description="In the order in which they were added.")
    tags: list[str] = strawberry.field(description="In lower case, hyphens for spaces.")
    active: bool = strawberry.field(
        description="Whether it is on sale. Orders show their products also when they no longer are."
    )
    version: int = strawberry.field(
        description="Grows with each change; pass it to `updateProduct` to change only what you have read."
    )
    created_at: datetime
    updated_at: datetime
    category_id: strawberry.Private[CategoryId | None]
    loaded_category: strawberry.Private[Any] = strawberry.UNSET

    @strawberry.field(description="Whether at least one unit can be ordered now.")
    def in_stock(self) -> bool:
        return self.stock > 0

    @strawberry.field(metadata=prefetched("loaded_category", _load_categories))
    async def category(self, info: Info) -> "Category | None":
        if self.category_id is None:
            return None
        category = await info.context.loaders.category.load(self.category_id)
        return Category.of(category) if category else None

    @strawberry.field(
        description="What changed the stock, the latest first; kept for about a year. Needs MANAGE_PRODUCTS."
    )
    async def stock_movements(
        self, info: Info, first: First = 20, after: After = None
    ) -> Connection[StockMovement]:
        key = MovementPage(ProductId(self.id), first, after, info.context.viewer)
        return Connection[StockMovement].of(
            await info.context.loaders.movements_of.load(key), StockMovement.of
        )

    @classmethod
    def of(cls, product: products.Product) -> Self:
        return cls(
            id=strawberry.ID(product.id),
            name=product.name,
            description=product.description,
            sku=product.sku,
            price=Money.of(product.price),
            stock=product.available,
            images=[Image.of(image) for image in product.images],
            tags=list(product.tags),
            active=product.active,
            version=product.version,
            created_at=product.created_at,
            updated_at=product.updated_at,
            category_id=product.category_id,
        )

    @classmethod
    async def resolve_references(
        cls, info: Info, representations: Sequence[dict[str, Any]]
    ) -> list["Product | None"]:
        """All representations by one query, in their order; None for what does not exist."""
        ids = [ProductId(str(r.get("id", ""))) for r in representations]
        # One call by itself; a loader would make a future of each.
        found = await info.context.products.get_many(ids)
        return [cls.of(product) if product else None for product in found]


@strawberry.type(description="A node of the category tree.")
class Category:
    id: strawberry.ID
    name: str
    slug: str = strawberry.field(description="Unique; for addresses.")
    description: str | None
    parent_id: strawberry.Private[CategoryId | None]

    @strawberry.field(description="Null at the top of the tree.")
    async def parent(self, info: Info) -> "Category | None":
        if self.parent_id is None:
            return None
        parent = await info.context.loaders.category.load(self.parent_id)
        return Category.of(parent) if parent else None

    @strawberry.field(description="The categories directly below this one, by name.")
    async def children(self, info: Info) -> list["Category"]:
        children = await info.context.loaders.children.load(CategoryId(self.id))
        return [Category.of(child) for child in children]

    @strawberry.field(description="The products on sale in this category and in all below it.")
    async def products(
        self,
        info: Info,
        first: First = 20,
        after: After = None,
        filter: ProductFilter | None = None,
        sort: ProductSort | None = None,
    ) -> "Connection[Product]":
        asked = listing(first=first, after=after, filter=filter, sort=sort)
        key = CategoryPage(CategoryId(self.id), asked, info.context.viewer)
        return Connection[Product].of(await info.context.loaders.products_of.load(key), Product.of)

    @classmethod
    def of(cls, category: categories.Category) -> "Category":
        return cls(
            id=strawberry.ID(category.id),
            name=category.name,
            slug=category.slug,
            description=category.description,
            parent_id=category.parent_id,
        )
