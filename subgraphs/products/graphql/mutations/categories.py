"""The category tree."""

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
from subgraphs.products.domain.categories import CategoryId
from subgraphs.products.graphql.context import Info
from subgraphs.products.graphql.entities import Category
from subgraphs.products.graphql.inputs import CategoryInput, UpdateCategoryInput


@strawberry.type
class CreateCategorySuccess:
    category: Category


@strawberry.type
class UpdateCategorySuccess:
    category: Category


@strawberry.type
class DeleteCategorySuccess:
    id: strawberry.ID


CreateCategoryResult = Annotated[
    CreateCategorySuccess | ValidationError | ConflictError | PermissionDeniedError | AuthenticationError,
    strawberry.union("CreateCategoryResult"),
]
UpdateCategoryResult = Annotated[
    UpdateCategorySuccess
    | ValidationError
    | NotFoundError
    | ConflictError
    | PermissionDeniedError
    | AuthenticationError,
    strawberry.union("UpdateCategoryResult"),
]
DeleteCategoryResult = Annotated[
    DeleteCategorySuccess | NotFoundError | ConflictError | PermissionDeniedError | AuthenticationError,
    strawberry.union("DeleteCategoryResult"),
]


@strawberry.type
class CategoryMutations:
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

    @strawberry.mutation(
        description="Change a category. With another parent it moves, with all that is below it; not below itself."
    )
    @errors_as_data
    async def update_category(
        self, info: Info, id: strawberry.ID, input: UpdateCategoryInput
    ) -> UpdateCategoryResult:
        category = await info.context.category_tree.update(
            info.context.viewer, CategoryId(id), input.to_domain()
        )
        return UpdateCategorySuccess(category=Category.of(category))

    @strawberry.mutation(
        description="Remove a category, once there are no products in it and no categories below it."
    )
    @errors_as_data
    async def delete_category(self, info: Info, id: strawberry.ID) -> DeleteCategoryResult:
        deleted = await info.context.category_tree.delete(info.context.viewer, CategoryId(id))
        return DeleteCategorySuccess(id=strawberry.ID(deleted))
