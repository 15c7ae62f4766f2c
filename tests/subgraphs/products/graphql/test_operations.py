"""The subgraph as its clients meet it: over HTTP, with signed tokens."""

from base64 import urlsafe_b64encode

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

CREATE = """
mutation Create($input: CreateProductInput!) {
  createProduct(input: $input) {
    __typename
    ... on CreateProductSuccess { product {
      id name description sku price { amount currency } stock inStock tags active version
      category { name slug parent { name } } } }
    ... on Error { code message }
    ... on ValidationError { field }
  }
}"""
UPDATE = """
mutation Update($id: ID!, $input: UpdateProductInput!, $version: Int) {
  updateProduct(id: $id, input: $input, version: $version) {
    __typename
    ... on UpdateProductSuccess { product { name description tags version category { name } } }
    ... on Error { code message }
    ... on ValidationError { field }
  }
}"""


async def test_product_of_the_documented_walk(client) -> None:
    given = {"name": "Enamel Mug", "price": "12.50", "stock": 3, "category": "Tableware"}
    created = (await client.manage(CREATE, input=given))["createProduct"]
    assert created["__typename"] == "CreateProductSuccess"
    product = created["product"]
    assert product.pop("id")
    assert product.pop("sku").startswith("ENA-MUG-")
    assert product == {
        "name": "Enamel Mug",
        "description": None,
        "price": {"amount": "12.50", "currency": "USD"},
        "stock": 3,
        "inStock": True,
        "tags": [],
        "active": True,
        "version": 1,
        "category": {"name": "Tableware", "slug": "tableware", "parent": None},
    }


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": "  "}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"price": "-1"}, "price"),
        ({"price": "1.005"}, "price"),
        ({"price": "NaN"}, "price"),
        ({"price": "1e999990"}, "price"),
        ({"currency": "XYZ"}, "currency"),
        ({"stock": -1}, "stock"),
        ({"stock": 1_000_000_001}, "stock"),
        ({"sku": "a b"}, "sku"),
        ({"description": "x" * 5001}, "description"),
        ({"tags": [" "]}, "tags"),
        ({"categoryId": "nowhere"}, "categoryId"),
        ({"category": "&"}, "category"),
        ({"category": "x" * 101}, "category"),
        ({"category": "A", "categoryId": "b"}, "category"),
    ],
)
async def test_unfit_field_is_a_validation_error_that_names_it(client, database, fields, field) -> None:
    before = await database["products"].count_documents({})
    given = {"name": "Mug", "price": "1.00", **fields}
    result = (await client.manage(CREATE, input=given))["createProduct"]
    assert (result["__typename"], result["code"], result["field"]) == (
        "ValidationError",
        "VALIDATION_FAILED",
        field,
    )
    assert await database["products"].count_documents({}) == before


@pytest.mark.parametrize(
    "given",
    [
        {"name": "Mug"},
        {"name": 7, "price": "1.00"},
        {"name": "Mug", "price": 1.5},
        {"name": "Mug", "price": "cheap"},
        {"name": "Mug", "price": "1.00", "stock": 2**31},
        {"name": "Mug", "price": "1.00", "colour": "blue"},
        {"name": None, "price": "1.00"},
    ],
)
async def test_input_that_does_not_fit_the_schema_is_refused(client, given) -> None:
    error = await client.error(CREATE, client.token("MANAGE_PRODUCTS"), input=given)
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert error["extensions"]["requestId"]


async def test_changes_need_a_token_with_the_permission(client, database) -> None:
    before = await database["products"].count_documents({})
    given = {"name": "", "price": "1.00"}  # who may not, learns nothing of what else is wrong
    for token, typename, code in (
        (None, "AuthenticationError", "UNAUTHENTICATED"),
        (client.token(), "PermissionError", "FORBIDDEN"),
        (client.token("MANAGE_ORDERS"), "PermissionError", "FORBIDDEN"),
    ):
        result = (await client.run(CREATE, token, input=given))["createProduct"]
        assert (result["__typename"], result["code"]) == (typename, code)
    assert await database["products"].count_documents({}) == before


@pytest.mark.parametrize("kind", ["expired", "forged", "malformed"])
async def test_bad_token_is_refused_before_anything_runs(client, kind) -> None:
    token = {
        "expired": client.token("MANAGE_PRODUCTS", expires_in=-30),
        "forged": client.token("MANAGE_PRODUCTS", key=Ed25519PrivateKey.generate()),
        "malformed": "abc",
    }[kind]
    response = await client.post("{ products { totalCount } }", token)
    assert response.status_code == 401
    assert response.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_absent_stays_and_null_clears(client, make) -> None:
    product = await make(description="Old.", tags=["a"], category="Tableware")
    result = (await client.manage(UPDATE, id=product.id, input={"name": "New"}))["updateProduct"]
    changed = result["product"]
    assert (changed["name"], changed["description"], changed["tags"]) == ("New", "Old.", ["a"])
    assert changed["category"] == {"name": "Tableware"}
    cleared = {"description": None, "tags": None, "category": None}
    result = (await client.manage(UPDATE, id=product.id, input=cleared))["updateProduct"]
    assert result["product"] == {
        "name": "New",
        "description": None,
        "tags": [],
        "version": 3,
        "category": None,
    }
    result = (await client.manage(UPDATE, id=product.id, input={"name": None}))["updateProduct"]
    assert (result["__typename"], result["field"]) == ("ValidationError", "name")


async def test_change_of_an_old_version_is_a_conflict(client, make) -> None:
    product = await make()
    await client.manage(UPDATE, id=product.id, input={"name": "Second"}, version=1)
    result = (await client.manage(UPDATE, id=product.id, input={"name": "Third"}, version=1))["updateProduct"]
    assert (result["__typename"], result["code"]) == ("ConflictError", "CONFLICT")


async def test_change_of_nothing_is_not_found(client) -> None:
    result = (await client.manage(UPDATE, id="nothing", input={"name": "X"}))["updateProduct"]
    assert (result["__typename"], result["code"]) == ("NotFoundError", "NOT_FOUND")


async def test_deleted_product_is_gone_but_still_resolves_as_entity(client, make) -> None:
    product = await make("Old Mug")
    delete = "mutation($id: ID!) { deleteProduct(id: $id) { ... on DeleteProductSuccess { id } ... on Error { code } } }"
    assert await client.manage(delete, id=product.id) == {"deleteProduct": {"id": product.id}}
    assert await client.manage(delete, id=product.id) == {"deleteProduct": {"code": "NOT_FOUND"}}
    assert await client.manage("query($id: ID!) { product(id: $id) { name } }", id=product.id) == {
        "product": None
    }
    assert await entities(client, [product.id], "name active") == [{"name": "Old Mug", "active": False}]


async def test_stock_is_adjusted_and_refused_below_zero(client, make) -> None:
    product = await make(stock=2)
    adjust = """mutation($id: ID!, $delta: Int!) { adjustStock(productId: $id, delta: $delta, reason: "count") {
      __typename ... on AdjustStockSuccess { product { stock inStock } } ... on Error { message } } }"""
    result = (await client.manage(adjust, id=product.id, delta=-2))["adjustStock"]
    assert result == {"__typename": "AdjustStockSuccess", "product": {"stock": 0, "inStock": False}}
    result = (await client.manage(adjust, id=product.id, delta=-1))["adjustStock"]
    assert result["__typename"] == "ConflictError"
    assert "0 units are available" in result["message"]
    result = (await client.manage(adjust, id=product.id, delta=0))["adjustStock"]
    assert result["__typename"] == "ValidationError"


async def test_category_tree_and_products_of_a_subtree(client, make) -> None:
    create = """mutation($input: CategoryInput!) { createCategory(input: $input) {
      ... on CreateCategorySuccess { category { id slug } } ... on Error { code message } } }"""
    top = (await client.manage(create, input={"name": "Outdoors"}))["createCategory"]["category"]
    given = {"name": "Tents", "parentId": top["id"], "description": "Dry nights."}
    below = (await client.manage(create, input=given))["createCategory"]["category"]
    taken = (await client.manage(create, input={"name": "Other", "slug": "tents"}))["createCategory"]
    assert taken["code"] == "CONFLICT"
    for n in range(3):
        await make(f"Tent {n}", category="Tents", price=f"{n + 1}.00")
    query = """query($slug: String!) { category(slug: $slug) { name parent { name }
      children { name description parent { slug } }
      products(first: 2, sort: PRICE_DESC, filter: {priceMax: "2.50"}) {
        totalCount nodes { name category { slug } } pageInfo { hasNextPage } } } }"""
    found = (await client.run(query, slug="outdoors"))["category"]
    assert found == {
        "name": "Outdoors",
        "parent": None,
        "children": [{"name": "Tents", "description": "Dry nights.", "parent": {"slug": "outdoors"}}],
        "products": {
            "totalCount": 2,
            "nodes": [
                {"name": "Tent 1", "category": {"slug": "tents"}},
                {"name": "Tent 0", "category": {"slug": "tents"}},
            ],
            "pageInfo": {"hasNextPage": False},
        },
    }
    children = await client.run("query($id: ID) { categories(parentId: $id) { id } }", id=top["id"])
    assert children == {"categories": [{"id": below["id"]}]}
    roots = (await client.run("{ categories { slug } }"))["categories"]
    assert {"slug": "outdoors"} in roots
    assert {"slug": "tents"} not in roots
    assert await client.run('{ category(id: "none") { name } categories(parentId: "none") { name } }') == {
        "category": None,
        "categories": [],
    }


async def test_product_by_id_by_sku_and_none(client, make) -> None:
    product = await make(sku="FIND-1")
    query = "query($id: ID, $sku: String) { product(id: $id, sku: $sku) { id } }"
    assert await client.run(query, id=product.id) == {"product": {"id": product.id}}
    assert await client.run(query, sku="find-1") == {"product": {"id": product.id}}
    for nothing in ("nothing", "", "\u0000", "💥" * 64):
        assert await client.run(query, id=nothing) == {"product": None}
        assert await client.run(query, sku=nothing) == {"product": None}
    for ambiguous in ({}, {"id": product.id, "sku": "FIND-1"}):
        error = await client.error(query, **ambiguous)
        assert (error["extensions"]["code"], error["extensions"]["field"]) == ("VALIDATION_FAILED", "id")


@pytest.mark.parametrize(
    ("arguments", "code", "field"),
    [
        ("first: 0", "VALIDATION_FAILED", "first"),
        ("first: 101", "VALIDATION_FAILED", "first"),
        ('after: "nonsense"', "VALIDATION_FAILED", "after"),
        (f'after: "{urlsafe_b64encode(b"[1").decode()}"', "VALIDATION_FAILED", "after"),
        ('filter: {priceMin: "-1"}', "VALIDATION_FAILED", "filter.priceMin"),
        ('filter: {priceMin: "3", priceMax: "2"}', "VALIDATION_FAILED", "filter.priceMin"),
        ('filter: {priceMax: "1e999999"}', "VALIDATION_FAILED", "filter.priceMax"),
        ('filter: {tags: [""]}', "VALIDATION_FAILED", "filter.tags"),
        ("filter: {active: false}", "UNAUTHENTICATED", None),
        ("sort: CHEAPEST", "GRAPHQL_VALIDATION_FAILED", None),
        ("filter: {colour: 1}", "GRAPHQL_VALIDATION_FAILED", None),
    ],
)
async def test_unfit_argument_of_a_list_is_refused(client, arguments, code, field) -> None:
    error = await client.error(f"{{ products({arguments}) {{ totalCount }} }}")
    assert (error["extensions"]["code"], error["extensions"].get("field")) == (code, field)


async def test_nulls_in_a_list_mean_the_defaults(client) -> None:
    query = "{ products(first: null, after: null, filter: null, sort: null) { edges { cursor } } }"
    assert len((await client.run(query))["products"]["edges"]) <= 20


async def test_cursors_lead_through_a_list_to_its_end(client, make) -> None:
    made = {(await make(f"Paged {n}", tags=["paged"])).id for n in range(5)}
    query = """query($after: String) { products(first: 2, after: $after, sort: NAME, filter: {tags: ["paged"]}) {
      totalCount edges { cursor node { id } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }"""
    after, sizes, seen = None, [], set()
    while True:
        page = (await client.run(query, after=after))["products"]
        info = page["pageInfo"]
        assert page["totalCount"] == 5
        assert info["startCursor"] == page["edges"][0]["cursor"]
        assert info["hasPreviousPage"] == (after is not None)
        sizes.append(len(page["edges"]))
        seen |= {edge["node"]["id"] for edge in page["edges"]}
        if not info["hasNextPage"]:
            break
        after = info["endCursor"]
    assert (sizes, seen) == ([2, 2, 1], made)


# ---- entities ----------------------------------------------------------------------------------------------


async def entities(client, ids, selection: str):
    query = f"query($r: [_Any!]!) {{ _entities(representations: $r) {{ ... on Product {{ {selection} }} }} }}"
    representations = [{"__typename": "Product", "id": i} for i in ids]
    return (await client.run(query, r=representations))["_entities"]


async def test_fifty_entities_are_one_query(client, make, commands) -> None:
    ids = [(await make(f"Entity {n}", stock=n)).id for n in range(50)]
    commands.sent.clear()
    found = await entities(client, [*reversed(ids)], "id name stock price { amount }")
    assert commands.sent == ["find"]
    assert [e["id"] for e in found] == [*reversed(ids)]


async def test_entities_come_in_their_order_with_null_for_none(client, make, commands) -> None:
    one, other = (await make()).id, (await make()).id
    commands.sent.clear()
    found = await entities(client, [other, "nothing", one, other], "id")
    assert commands.sent == ["find"]
    assert [e and e["id"] for e in found] == [other, None, one, other]


async def test_categories_of_many_products_are_one_more_query(client, make, commands) -> None:
    ids = [(await make(category=f"Shelf {n % 7}")).id for n in range(30)]
    commands.sent.clear()
    found = await entities(client, ids, "category { name }")
    assert commands.sent == ["find", "find"]
    assert [e["category"]["name"] for e in found] == [f"Shelf {n % 7}" for n in range(30)]


async def test_list_without_total_does_not_count(client, commands) -> None:
    commands.sent.clear()
    await client.run("{ products(first: 5) { nodes { name } } }")
    assert commands.sent == ["find"]


async def test_entity_of_another_type_fails_alone(client, make) -> None:
    product = await make("Alone")
    query = "query($r: [_Any!]!) { _entities(representations: $r) { ... on Product { name } } }"
    representations = [{"__typename": "Nonsense", "id": "1"}, {"__typename": "Product", "id": product.id}]
    answer = (await client.post(query, r=representations)).json()
    assert answer["data"]["_entities"] == [None, {"name": "Alone"}]
    assert [e["path"] for e in answer["errors"]] == [["_entities", 0]]
