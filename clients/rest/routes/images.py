"""Images of products. Their files are served by the products service, at the addresses that an image names."""

from typing import Annotated

from fastapi import APIRouter, Form, Response

from clients.rest.dependencies import Authenticated
from clients.rest.form_route import FormRoute
from clients.rest.json_route import PathId
from clients.rest.models.products import ImageForm, ProductImage
from clients.rest.responses import created, refusals

router = APIRouter(prefix="/api/v1", tags=["products"], route_class=FormRoute)


@router.post(
    "/products/{id}/images",
    status_code=201,
    response_model=ProductImage,
    responses=refusals(401, 403, 404, 409, body=True),
    summary="Add an image to a product",
)
async def add_product_image(
    id: PathId,  # noqa: A002 - the documented name of the parameter
    session: Authenticated,
    form: Annotated[ImageForm, Form(media_type="multipart/form-data")],
) -> Response:
    """A JPEG, PNG or WebP of one picture. Needs the permission to manage products."""
    success = await session.upload("AddProductImage", {"image": form.image.file}, productId=id, alt=form.alt)
    added = ProductImage.model_validate(success["image"])
    return created(added, location=added.url)
