"""Stock that is changed by hand."""

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
from subgraphs.products.graphql.inputs import Reason


@strawberry.type
class AdjustStockSuccess:
    product: Product


AdjustStockResult = Annotated[
    AdjustStockSuccess
    | ValidationError
    | NotFoundError
    | ConflictError
    | PermissionDeniedError
    | AuthenticationError,
    strawberry.union("AdjustStockResult"),
]


@strawberry.type
class StockMutations:
    @strawberry.mutation(description="Add `delta` units to the stock, or take them away; never below zero.")
    @errors_as_data
    async def adjust_stock(
        self, info: Info, product_id: strawberry.ID, delta: int, reason: Reason = None
    ) -> AdjustStockResult:
        product = await info.context.products.adjust_stock(
            info.context.viewer, ProductId(product_id), delta=delta, reason=reason
        )
        return AdjustStockSuccess(product=Product.of(product))
