"""The category tree."""

from typing import Annotated

import strawberry

from subgraphs.kit.graphql.errors import (
    AuthenticationError,
    ConflictError,
    PermissionDeniedError,
    ValidationError,
    errors_as_data,
)
from subgraphs.products.domain.categories import CategoryId
from subgraphs.products.graphql.context import Info
from subgraphs.products.graphql.entities import Category
from subgraphs.products.graphql.inputs import CategoryInput


@strawberry.type
class CreateCategorySuccess:
    category: Category


CreateCategoryResult = Annotated[
    CreateCategorySuccess | ValidationError | ConflictError | PermissionDeniedError | AuthenticationError,
    strawberry.union("CreateCategoryResult"),
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
