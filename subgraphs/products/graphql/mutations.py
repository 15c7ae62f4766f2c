"""Mutations of the catalogue; each needs MANAGE_PRODUCTS. User errors are members of the result."""

from typing import Annotated

import strawberry

from subgraphs.kit.graphql.errors import (
    AuthenticationError,
    ConflictError,
    NotFoundError,
    PermissionDeniedError,
    ValidationError,
    errors_as_data,
)
from subgraphs.products.domain.catalogue import CategoryId, ProductChanges, ProductId
from subgraphs.products.graphql.context import Info
from subgraphs.products.graphql.entities import Category, Product
from subgraphs.products.graphql.types import CategoryInput, CreateProductInput, UpdateProductInput


@strawberry.type
class CreateProductSuccess:
    product: Product


@strawberry.type
class UpdateProductSuccess:
    product: Product


@strawberry.type
class DeleteProductSuccess:
    id: strawberry.ID


@strawberry.type
class AdjustStockSuccess:
    product: Product


@strawberry.type
class CreateCategorySuccess:
    category: Category


CreateProductResult = Annotated[
    CreateProductSuccess | ValidationError | ConflictError | PermissionDeniedError | AuthenticationError,
    strawberry.union("CreateProductResult"),
]
UpdateProductResult = Annotated[
    UpdateProductSuccess
    | ValidationError
    | NotFoundError
    | ConflictError
    | PermissionDeniedError
    | AuthenticationError,
    strawberry.union("UpdateProductResult"),
]
DeleteProductResult = Annotated[
    DeleteProductSuccess | NotFoundError | ConflictError | PermissionDeniedError | AuthenticationError,
    strawberry.union("DeleteProductResult"),
]
AdjustStockResult = Annotated[
    AdjustStockSuccess
    | ValidationError
    | NotFoundError
    | ConflictError
    | PermissionDeniedError
    | AuthenticationError,
    strawberry.union("AdjustStockResult"),
]
CreateCategoryResult = Annotated[
    CreateCategorySuccess | ValidationError | ConflictError | PermissionDeniedError | AuthenticationError,
    strawberry.union("CreateCategoryResult"),
]


@strawberry.type
class Mutation:
    @strawberry.mutation(description="Add a product to the catalogue.")
    @errors_as_data
    async def create_product(self, info: Info, input: CreateProductInput) -> CreateProductResult:
        product = await info.context.products.create(
            info.context.viewer,
            name=input.name,
            description=input.description,
            price=input.price,
            currency="USD" if input.currency is None else input.currency,
            stock=input.stock,
            sku=input.sku,
            tags=input.tags or (),
            active=input.active is not False,
            category_id=None if input.category_id is None else CategoryId(input.category_id),
            category=input.category,
        )
        return CreateProductSuccess(product=Product.of(product))

    @strawberry.mutation(description="Change a product; with `version`, only if that is still its version.")
    @errors_as_data
    async def update_product(
        self,
        info: Info,
        id: strawberry.ID,
        input: UpdateProductInput,
        version: int | None = None,
    ) -> UpdateProductResult:
        changes, category = _changes(input)
        product = await info.context.products.update(
            info.context.viewer, ProductId(id), changes, category=category, version=version
        )
        return UpdateProductSuccess(product=Product.of(product))

    @strawberry.mutation(
        description="Take a product out of the catalogue; orders that hold it still show it."
    )
    @errors_as_data
    async def delete_product(self, info: Info, id: strawberry.ID) -> DeleteProductResult:
        deleted = await info.context.products.delete(info.context.viewer, ProductId(id))
        return DeleteProductSuccess(id=strawberry.ID(deleted))

    @strawberry.mutation(description="Add `delta` units to the stock, or take them away; never below zero.")
    @errors_as_data
    async def adjust_stock(
        self,
        info: Info,
        product_id: strawberry.ID,
        delta: int,
        reason: Annotated[
            str | None, strawberry.argument(description="Kept with the movement's event.")
        ] = None,
    ) -> AdjustStockResult:
        product = await info.context.products.adjust_stock(
            info.context.viewer, ProductId(product_id), delta=delta, reason=reason
        )
        return AdjustStockSuccess(product=Product.of(product))

    @strawberry.mutation(description="Add a category to the tree.")
    @errors_as_data
    async def create_category(self, info: Info, input: CategoryInput) -> CreateCategoryResult:
        category = await info.context.categories.create(
            info.context.viewer,
            name=input.name,
            slug=input.slug,
            description=input.description,
            parent_id=None if input.parent_id is None else CategoryId(input.parent_id),
        )
        return CreateCategorySuccess(category=Category.of(category))


_SAME_NAMES = ("name", "description", "price", "currency", "stock", "sku", "category_id", "tags", "active")


def _changes(given: UpdateProductInput) -> tuple[ProductChanges, str | None]:
    """What is set, and the category's name apart; a null for either form of category clears it."""
    changes = ProductChanges()
    for name in _SAME_NAMES:
        value = getattr(given, name)
        if value is not strawberry.UNSET:
            changes[name] = value  # type: ignore[literal-required] # a tuple of its keys
    category = given.category
    if category is strawberry.UNSET:
        return changes, None
    if category is None:
        changes.setdefault("category_id", None)
    return changes, category
