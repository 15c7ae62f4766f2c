"""Categories, through the subgraph."""

import pytest

pytestmark = pytest.mark.usefixtures("empty")

CREATE = """mutation($input: CategoryInput!) { createCategory(input: $input) {
  __typename ... on CreateCategorySuccess { category { id } } ... on Error { code message } } }"""
UPDATE = """mutation($id: ID!, $input: UpdateCategoryInput!) { updateCategory(id: $id, input: $input) {
  __typename
  ... on UpdateCategorySuccess { category { name slug description parent { name } children { name } } }
  ... on ValidationError { code message field }
  ... on Error { code message } } }"""
DELETE = """mutation($id: ID!) { deleteCategory(id: $id) {
  __typename ... on DeleteCategorySuccess { id } ... on Error { code message } } }"""


@pytest.fixture
def create(client):
    async def run(name, parent=None):
        answer = await client.manage(CREATE, input={"name": name, "parentId": parent})
        return answer["createCategory"]["category"]["id"]

    return run


async def test_category_is_changed_field_by_field(client, create) -> None:
    home = await create("Home")
    kitchen = await create("Kitchen", "home")
    await create("Knives", kitchen)

    async def update(**changes):
        return (await client.manage(UPDATE, id=kitchen, input=changes))["updateCategory"]["category"]

    children = [{"name": "Knives"}]
    assert await update(name="Scullery", description="Pans.") == {
        "name": "Scullery",
        "slug": "kitchen",
        "description": "Pans.",
        "parent": {"name": "Home"},
        "children": children,
    }
    assert await update(slug=None, description=None, parentId=None) == {
        "name": "Scullery",
        "slug": "scullery",
        "description": None,
        "parent": None,
        "children": children,
    }
    assert (await update(parentId=home))["parent"] == {"name": "Home"}


async def test_what_cannot_be_is_told_as_data(client, create) -> None:
    home = await create("Home")
    kitchen = await create("Kitchen", home)
    answer = await client.manage(UPDATE, id=home, input={"parentId": "Kitchen"})
    assert answer["updateCategory"] == {
        "__typename": "ValidationError",
        "code": "VALIDATION_FAILED",
        "message": "a category cannot be below itself",
        "field": "parentId",
    }
    await create("Bath")
    answer = await client.manage(UPDATE, id=kitchen, input={"slug": "bath"})
    assert answer["updateCategory"] == {
        "__typename": "ConflictError",
        "code": "CONFLICT",
        "message": "The slug 'bath' is taken; choose another.",
    }
    answer = await client.manage(UPDATE, id="nothing", input={"name": "x"})
    assert answer["updateCategory"]["__typename"] == "NotFoundError"


async def test_category_is_deleted_once_it_is_empty(client, create, make) -> None:
    home = await create("Home")
    kitchen = await create("Kitchen", home)
    product = await make(category_id=kitchen)

    async def delete(category):
        return (await client.manage(DELETE, id=category))["deleteCategory"]

    assert await delete(home) == {
        "__typename": "ConflictError",
        "code": "CONFLICT",
        "message": "There are categories below this one; move or delete them first.",
    }
    assert (await delete(kitchen))["message"] == (
        "There are products in this category; move or delete them first."
    )
    move = """mutation($id: ID!) { updateProduct(id: $id, input: {categoryId: "home"}) {
      ... on UpdateProductSuccess { product { category { name } } } } }"""
    moved = await client.manage(move, id=product.id)
    assert moved["updateProduct"]["product"]["category"] == {"name": "Home"}
    assert await delete(kitchen) == {"__typename": "DeleteCategorySuccess", "id": kitchen}
    assert (await delete(kitchen))["__typename"] == "NotFoundError"
    query = "{ categories { name children { name } } }"
    assert (await client.run(query))["categories"] == [{"name": "Home", "children": []}]


async def test_changes_are_for_those_who_manage_products(client, create) -> None:
    home = await create("Home")
    for token, kind in ((None, "AuthenticationError"), (client.token(), "PermissionError")):
        answer = await client.run(UPDATE, token, id=home, input={"name": "x"})
        assert answer["updateCategory"]["__typename"] == kind
        assert (await client.run(DELETE, token, id=home))["deleteCategory"]["__typename"] == kind


@pytest.mark.parametrize("wanted", ["home-living", "Home & Living", "HOME & LIVING"])
async def test_categories_are_named_by_slug_or_name_in_every_query(client, create, make, wanted) -> None:
    home = await create("Home & Living")
    await create("Kitchen", wanted)
    await make("Pan", category="Kitchen")
    query = """query($wanted: ID!) {
      category(id: $wanted) { id }
      categories(parentId: $wanted) { name }
      products(filter: {categoryId: $wanted}) { nodes { name } } }"""
    assert await client.run(query, wanted=wanted) == {
        "category": {"id": home},
        "categories": [{"name": "Kitchen"}],
        "products": {"nodes": [{"name": "Pan"}]},
    }
