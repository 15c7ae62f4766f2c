"""The catalogue: products and their categories."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from clients.rest import errors, pagination
from clients.rest.dependencies import Authenticated, OptionallyAuthenticated, RouterSession
from clients.rest.entity_tags import IfMatch, IfNoneMatch
from clients.rest.json_route import JsonRoute, PathId
from clients.rest.models.base import MAX_ID
from clients.rest.models.products import (
    CategoryList,
    CreateProductBody,
    Product,
    ProductList,
    ProductQuery,
    SearchQuery,
    SearchResult,
    UpdateProductBody,
)
from clients.rest.preconditions import if_version_matches
from clients.rest.responses import created, no_content, ok, ok_tagged, refusals, tagged

router = APIRouter(prefix="/api/v1", tags=["products"], route_class=JsonRoute)


@router.get(
    "/products", response_model=ProductList, responses=refusals(422), summary="Products, page by page"
)
async def list_products(
    query: Annotated[ProductQuery, Query()], session: OptionallyAuthenticated
) -> Response:
    """A category that does not exist has no products."""
    page = await pagination.fetch(session, "Products", query, filter=query.filter(), sort=query.sort.name)
    return ok(ProductList.model_validate({"products": page.nodes, **page.position}))


@router.get(
    "/products/search",
    response_model=SearchResult,
    responses=refusals(422),
    summary="Search products, with facets",
)
async def search_products(
    query: Annotated[SearchQuery, Query()], session: OptionallyAuthenticated
) -> Response:
    """What has every word of `q`, or most of them where nothing has all, the best first."""
    page = await pagination.fetch(
        session, "SearchProducts", query, query=query.q, filter=query.filter(), sort=query.sort.name
    )
    found = [{**edge["node"], "score": edge["score"]} for edge in page.connection.get("edges", ())]
    rest = {"total": page.connection.get("totalCount"), "facets": page.connection.get("facets", {})}
    return ok(SearchResult.model_validate({"products": found, **rest, **page.position}))


@router.post(
    "/products",
    status_code=201,
    response_model=Product,
    responses=refusals(401, 403, 409, body=True) | tagged(201),
    summary="Add a product",
)
async def create_product(body: CreateProductBody, session: Authenticated) -> Response:
    """Needs the permission to manage products."""
    success = await session.mutate("CreateProduct", input=body.variables())
    product = Product.model_validate(success["product"])
    return created(product, location=f"/api/v1/products/{product.id}", version=product.version)


@router.get(
    "/products/{id}",
    response_model=Product,
    responses=refusals(404, 422) | tagged(200) | tagged(304),
    summary="A product",
)
async def read_product(
    id: PathId,  # noqa: A002 - the documented name of the parameter
    session: OptionallyAuthenticated,
    if_none_match: IfNoneMatch = "",
) -> Response:
    node = await session.query("Product", id=id)
    if node is None:
        raise errors.not_found("product")
    product = Product.model_validate(node)
    return ok_tagged(product, version=product.version, if_none_match=if_none_match)


@router.put(
    "/products/{id}",
    response_model=Product,
    responses=refusals(401, 403, 404, 409, 412, body=True) | tagged(200),
    summary="Change a product",
)
async def update_product(
    id: PathId,  # noqa: A002 - the documented name of the parameter
    body: UpdateProductBody,
    session: Authenticated,
    if_match: IfMatch = "",
) -> Response:
    """Needs the permission to manage products. Units that are reserved meanwhile do not count as a change."""
    success = await if_version_matches(
        if_match,
        read=lambda: _version(session, id),
        change=lambda version: session.mutate(
            "UpdateProduct", id=id, input=body.variables(), version=version
        ),
    )
    product = Product.model_validate(success["product"])
    return ok_tagged(product, version=product.version)


@router.delete(
    "/products/{id}",
    status_code=204,
    responses=refusals(401, 403, 404, 409, 412, 422),
    summary="Take a product out of the catalogue",
)
async def delete_product(
    id: PathId,  # noqa: A002 - the documented name of the parameter
    session: Authenticated,
    if_match: IfMatch = "",
) -> Response:
    """Needs the permission to manage products. Orders that hold it still show it."""
    await if_version_matches(
        if_match,
        read=lambda: _version(session, id),
        change=lambda version: session.mutate("DeleteProduct", id=id, version=version),
    )
    return no_content()


@router.get("/categories", response_model=CategoryList, responses=refusals(422), summary="Categories")
async def list_categories(
    session: OptionallyAuthenticated,
    parent_id: Annotated[str | None, Query(min_length=1, max_length=MAX_ID)] = None,
) -> Response:
    nodes = await session.query("Categories", parentId=parent_id)
    return ok(CategoryList.model_validate({"categories": nodes}))


async def _version(session: RouterSession, product_id: str) -> int:
    node = await session.query("ProductVersion", id=product_id)
    if node is None:
        raise errors.not_found("product")
    return int(node["version"])
