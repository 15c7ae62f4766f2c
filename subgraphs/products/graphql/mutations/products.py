"""Products: create, change, delete."""

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
from subgraphs.products.domain.products import ProductId
from subgraphs.products.graphql.context import Info
from subgraphs.products.graphql.entities import Product
from subgraphs.products.graphql.inputs import CreateProductInput, UpdateProductInput


@strawberry.type
class CreateProductSuccess:
    product: Product


@strawberry.type
class UpdateProductSuccess:
    product: Product


@strawberry.type
class DeleteProductSuccess:
    id: strawberry.ID


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


@strawberry.type
class ProductMutations:
    @strawberry.mutation(description="Add a product to the catalogue.")
    @errors_as_data
    async def create_product(self, info: Info, input: CreateProductInput) -> CreateProductResult:
        product = await info.context.products.create(info.context.viewer, input.to_domain())
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
        product = await info.context.products.update(
            info.context.viewer, ProductId(id), input.to_domain(), version=version
        )
        return UpdateProductSuccess(product=Product.of(product))

    @strawberry.mutation(
        description="Remove a product from the catalogue; with `version`, only if that is still its version. Orders "
        "that contain it still show it."
    )
    @errors_as_data
    async def delete_product(
        self, info: Info, id: strawberry.ID, version: int | None = None
    ) -> DeleteProductResult:
        deleted = await info.context.products.delete(info.context.viewer, ProductId(id), version=version)
        return DeleteProductSuccess(id=strawberry.ID(deleted))
