"""Images of products."""

from typing import Annotated, cast

import strawberry
from strawberry.file_uploads import Upload

from subgraphs.kit.graphql.errors import (
    AuthenticationError,
    ConflictError,
    NotFoundError,
    PermissionDeniedError,
    ValidationError,
    errors_as_data,
)
from subgraphs.products.domain.images import ImageId
from subgraphs.products.domain.products import ProductId
from subgraphs.products.graphql.context import Info
from subgraphs.products.graphql.entities import Image, Product
from subgraphs.products.graphql.inputs import Alt
from subgraphs.products.service import images


@strawberry.type
class AddProductImageSuccess:
    image: Image
    product: Product


@strawberry.type
class RemoveProductImageSuccess:
    product: Product


AddProductImageResult = Annotated[
    AddProductImageSuccess
    | ValidationError
    | NotFoundError
    | ConflictError
    | PermissionDeniedError
    | AuthenticationError,
    strawberry.union("AddProductImageResult"),
]
RemoveProductImageResult = Annotated[
    RemoveProductImageSuccess | NotFoundError | ConflictError | PermissionDeniedError | AuthenticationError,
    strawberry.union("RemoveProductImageResult"),
]


@strawberry.type
class ImageMutations:
    @strawberry.mutation(
        description="Add an image to a product: a JPEG, PNG or WebP of one picture. It is decoded and written anew, so "
        "nothing but the picture is kept of the file."
    )
    @errors_as_data
    async def add_product_image(
        self, info: Info, product_id: strawberry.ID, image: Upload, alt: Alt = None
    ) -> AddProductImageResult:
        product, added = await info.context.images.add(
            info.context.viewer, ProductId(product_id), upload=cast("images.Upload", image), alt=alt
        )
        return AddProductImageSuccess(image=Image.of(added), product=Product.of(product))

    @strawberry.mutation(description="Take an image from a product, and delete it.")
    @errors_as_data
    async def remove_product_image(
        self, info: Info, product_id: strawberry.ID, image_id: strawberry.ID
    ) -> RemoveProductImageResult:
        product = await info.context.images.remove(
            info.context.viewer, ProductId(product_id), ImageId(image_id)
        )
        return RemoveProductImageSuccess(product=Product.of(product))
