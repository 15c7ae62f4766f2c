"""`products import` and `products export`."""

import json
from collections import Counter
from decimal import Decimal
from functools import partial

import pytest

from subgraphs.kit.errors import StartError
from tests.subgraphs.products.catalogue_files import CatalogueFiles

pytestmark = pytest.mark.usefixtures("empty")

HEAD = "sku,name,description,price,currency,stock,category,tags,active\r\n"
MUGS = HEAD + (
    'MUG-1,Enamel Mug,"Blue rim.\nDishwasher.",12.50,USD,3,Home > Kitchen,"enamel, a\\,b",true\r\n'
    "MUG-2,Tin Mug,,1000,JPY,0,,,false\r\n"
)


@pytest.fixture
def files(database, tmp_path) -> CatalogueFiles:
    return CatalogueFiles(database, tmp_path)


async def events(database) -> Counter[tuple[str, str, str]]:
    """What the outboxes hold, as (SKU, change, actor)."""
    found: Counter[tuple[str, str, str]] = Counter()
    async for document in database["products"].find({}):
        for entry in document["outbox"]:
            data = json.loads(entry["envelope"])["data"]
            found[document["sku"], data["change"], data["actor"]] += 1
    return found


async def test_each_line_becomes_a_product_with_its_category(files, products, categories, manager) -> None:
    assert await files.take(MUGS, name="mugs.csv") == 0
    mug = await products.get(manager, product_id=None, sku="mug-1")
    assert (mug.name, mug.description) == ("Enamel Mug", "Blue rim.\nDishwasher.")
    assert (mug.price.decimal(), mug.price.currency, mug.available) == (Decimal("12.50"), "USD", 3)
    assert (mug.tags, mug.active) == (("enamel", "a,b"), True)
    kitchen = await categories.get(category_id=mug.category_id, slug=None)
    home = await categories.get(category_id=None, slug="home")
    assert (kitchen.name, kitchen.slug, kitchen.ancestors) == ("Kitchen", "kitchen", (home.id,))
    tin = await products.get(manager, product_id=None, sku="MUG-2")
    assert (tin.description, tin.category_id, tin.tags) == (None, None, ())
    assert (tin.price.decimal(), tin.price.currency, tin.active) == (Decimal(1000), "JPY", False)


async def test_lines_that_are_in_already_write_nothing(files, database, commands, capsys) -> None:
    await files.take(MUGS, name="mugs.csv")
    before = [d async for d in database["products"].find({}).sort("_id", 1)]
    commands.sent.clear()
    assert await files.take(MUGS, name="mugs.csv") == 0
    assert set(commands.sent) <= {"find", "getMore"}
    assert [d async for d in database["products"].find({}).sort("_id", 1)] == before
    assert (
        capsys.readouterr()
        .out.splitlines()[-1]
        .startswith("0 created, 0 updated, 2 unchanged, 0 refused: 2 lines")
    )
    assert await events(database) == {
        ("MUG-1", "created", "manager"): 1,
        ("MUG-2", "created", "manager"): 1,
    }


async def test_line_changes_what_it_says_and_nothing_else(files, database, products, manager) -> None:
    await files.take(MUGS, name="mugs.csv")
    assert await files.take("sku;price;description\nmug-1;13;\n", name="prices.csv") == 0
    mug = await products.get(manager, product_id=None, sku="MUG-1")
    assert (mug.price.decimal(), mug.description, mug.version) == (Decimal("13.00"), None, 2)
    assert (mug.sku, mug.name, mug.available, mug.tags) == ("mug-1", "Enamel Mug", 3, ("enamel", "a,b"))
    assert (await events(database))["mug-1", "updated", "manager"] == 1


async def test_units_that_orders_hold_stay_held_when_a_line_sets_the_stock(
    files, products, manager, stock, order
) -> None:
    await files.take("sku,name,price,stock\nHELD-1,Held,1,10\n", name="a.csv")
    product = await products.get(manager, product_id=None, sku="HELD-1")
    await stock.reserve(order, (product, 4))
    assert await files.take("sku,stock\nHELD-1,20\n", name="b.csv") == 0
    assert await stock.of(product) == (20, {order: 4})


REFUSED = [
    ("sku,name,price\nA-1,Mug,0.001\n", '2,A-1,"price has more than 2 decimals, USD\'s limit"'),
    ("sku,name\nA-1,Mug\n", '2,A-1,"price is missing, and a new product needs it"'),
    ("sku,name,price\n,Mug,1\n", "2,,\"sku takes 1 to 64 letters, digits, '.', '_', '/' and '-', and begins"),
    ("sku,name,price\nA-1,Mug\n", '2,,"the row has 2 cells, and the head 3"'),
    ('sku,name,price\nA-1,"Mug"x,1\n', "2,,\"this is no row of CSV: ',' expected after '\"\"'\""),
    ("sku,name,price,category\nA-1,Mug,1,A > > B\n", "2,,category must not be empty"),
    ("sku,name,price,category\nA-1,Mug,1,!\n", "2,A-1,category needs at least one letter or digit"),
    ('sku,name,price\nA-1,"\nMug\n",1\nA-2,B,x\n', "5,,price: Input should be a valid decimal"),
    ("sku,name,price\n\nA-1,B,1\nA-1,C,2\n", "4,A-1,Line 3 has this SKU already."),
]


@pytest.mark.parametrize(("content", "row"), REFUSED)
async def test_line_that_breaks_a_rule_is_refused_with_its_number_and_the_reason(
    files, capsys, content, row
) -> None:
    assert await files.take(content, name="a.csv") == 3
    [found] = files.refused
    assert found.startswith(row)
    assert capsys.readouterr().err.startswith(f"line {row[0]}: ")


REFUSED_JSON = [
    ("{", "1,,this is no JSON: "),
    ("[]", "1,,this is no JSON object"),
    ('{"sku": "A", "name": "B", "price": NaN}', "1,,this is no JSON: NaN"),
    ('{"sku": "A", "name": "B", "price": 1e999999}', "1,A,price must be between"),
    (
        '{"sku": "A", "name": "\\ud800", "price": 1}',
        "1,,this is no JSON: 'utf-8' codec can't encode character",
    ),
    ('{"sku": "A", "colour": "red"}', "1,,colour: Extra inputs"),
    ('{"sku": "A", "name": null, "price": 1}', '1,A,"name is missing'),
    (
        '{"sku": "A", "name": "B", "price": 1, "drawing": {"motif": "moon", "palette": "sand"}}',
        "1,A,\"'moon' is",
    ),
    ('{"type": "category", "slug": "c", "name": "C", "parent": "b"}', "1,,there is no category with the"),
    ('{"type": "category", "slug": "C", "name": "C"}', "1,,slug 'C' is not a slug; 'c' is one"),
    ("[" * 100_000, "1,,this is no JSON: "),
]


@pytest.mark.parametrize(("content", "row"), REFUSED_JSON)
async def test_json_that_is_no_product_is_refused(files, database, content, row) -> None:
    assert await files.take(content, name="a.jsonl") == 3
    [found] = files.refused
    assert found.startswith(row), found
    assert await database["products"].count_documents({}) == 0


async def test_refused_line_leaves_no_category_and_the_others_are_in(files, database) -> None:
    content = HEAD + "A,Good,,1,USD,1,Kept,,true\nB,Bad,,-1,USD,1,Never,,true\nC,Good,,1,USD,1,Kept,,true\n"
    assert await files.take(content, name="a.csv") == 3
    assert [d["name"] async for d in database["categories"].find({})] == ["Kept"]
    assert sorted([d["sku"] async for d in database["products"].find({})]) == ["A", "C"]


async def test_json_null_that_cannot_be_cleared_is_refused_for_a_product_that_is_there(files) -> None:
    await files.take(MUGS, name="mugs.csv")
    assert await files.take('{"sku": "MUG-1", "price": null}', name="a.jsonl") == 3
    assert files.refused == ["1,MUG-1,price cannot be cleared; leave it out to keep it"]


async def test_deleted_product_is_not_brought_back(files, products, manager) -> None:
    await files.take(MUGS, name="mugs.csv")
    mug = await products.get(manager, product_id=None, sku="MUG-1")
    await products.delete(manager, mug.id)
    assert await files.take(MUGS, name="mugs.csv") == 3
    assert files.refused == ['2,MUG-1,"The SKU is that of a deleted product, and stays taken."']
    assert (await products.get_many([mug.id]))[0].deleted


async def test_only_the_first_refused_lines_are_shown_and_all_are_in_the_file(files, capsys) -> None:
    rows = "".join(f"=S-{n},N,1\n" for n in range(30))
    assert await files.take(f"sku,name,price\n{rows}", name="a.csv") == 3
    shown = capsys.readouterr().err.splitlines()
    assert (len(shown), shown[-1]) == (21, "… and 10 more refused lines")
    assert len(files.refused) == 30
    assert files.refused[0].startswith("2,'=S-0,")


FAULTS = {
    "a.csv": [
        ("name,price\nA,1\n", "the first line must name the columns, `sku` among them"),
        ("", "the first line must name the columns"),
        ("sku,colour\n", "there is no field 'colour'"),
        ("sku,name,sku\n", "the column 'sku' is there twice"),
        (b"sku,name\nA,\xff\n", "line 2 is not UTF-8"),
        ("sku,name\nA," + "x" * 1024 * 1024, "line 2 is longer than a megabyte"),
    ],
    "a.txt": [("", "say which format: --format csv or jsonl")],
}


@pytest.mark.parametrize(
    ("name", "content", "fault"), [(name, *row) for name, rows in FAULTS.items() for row in rows]
)
async def test_file_that_cannot_be_used_is_explained(files, name, content, fault) -> None:
    with pytest.raises(StartError) as raised:
        await files.take(content, name=name)
    assert str(raised.value).startswith(fault)


async def test_category_is_found_by_name_slug_id_and_way(files, database, categories, manager) -> None:
    home = await categories.create(manager, name="Home", slug="h", description=None, parent_id=None)
    lamps = await categories.create(manager, name="Lamps", slug="l", description=None, parent_id=home.id)
    named = ["Lamps", "lámps", "l", lamps.id, "Home > Lamps", "> home > LAMPS", '["Home", "Lamps"]']
    lines = [
        f'{{"sku": "S-{n}", "name": "N", "price": 1, "category": {text if text[0] == "[" else json.dumps(text)}}}\n'
        for n, text in enumerate(named)
    ]
    assert await files.take("".join(lines), name="a.jsonl") == 0
    assert await database["products"].distinct("category_id") == [lamps.id]
    assert await database["categories"].count_documents({}) == 2


async def test_way_from_the_top_is_not_taken_for_a_category_of_the_name_elsewhere(
    files, database, categories, manager
) -> None:
    garden = await categories.create(manager, name="Garden", slug=None, description=None, parent_id=None)
    await categories.create(manager, name="Tools", slug=None, description=None, parent_id=garden.id)
    rows = "A,A,1,> Tools\nB,B,1,Home > Tools\nC,C,1,Tools\n"
    assert await files.take(f"sku,name,price,category\n{rows}", name="a.csv") == 0
    found = {d["slug"]: d["path"] async for d in database["categories"].find({"name": "Tools"})}
    assert {slug: len(path) for slug, path in found.items()} == {"tools": 2, "tools-2": 1, "home-tools": 2}
    by_sku = {d["sku"]: d["category_id"] async for d in database["products"].find({})}
    assert by_sku["A"] == found["tools-2"][-1]
    # As anywhere else: of several, the one whose slug is made of the name.
    assert by_sku["C"] == found["tools"][-1]


NAMES = ["Plain", "a > b", "back\\slash", "home!", "home", "=1+1", "> x", "Ünïcode", "'quoted"]


@pytest.fixture
async def odd_catalogue(products, categories, manager, make) -> int:
    """Names that are hard to write down, at the top and below; returns how many products are there."""
    below = None
    for number, text in enumerate(NAMES):
        create = partial(categories.create, manager, name=text, description=f"About {text}")
        nested = await create(slug=f"nested-{number}", parent_id=below) if below else None
        below = (await create(slug=f"top-{number}", parent_id=None)).id
        description, tags = f"+{text}\n{text}", [text, "a,b", "\\,"]
        place = nested.id if nested else None
        await make(text, sku=f"S-{number}", description=description, tags=tags, category_id=place)
        await make(
            text, sku=f"s-t{number}", price="7", currency="JPY", category_id=below, active=number % 2 == 0
        )
    await make("Alone", sku="ALONE", category="Lonely Shelf")
    await products.delete(manager, (await make("Gone", sku="GONE")).id)
    return 2 * len(NAMES) + 1


@pytest.mark.parametrize("name", ["catalogue.csv", "catalogue.jsonl"])
async def test_export_into_an_empty_store_and_out_again_is_the_same(
    files, database, odd_catalogue, name
) -> None:
    first = await files.written(name)
    assert all(f"S-{n}" in first and f"s-t{n}" in first for n in range(len(NAMES)))
    for collection in ("products", "categories"):
        await database[collection].delete_many({})
    assert await files.take(first, name=name) == 0
    assert await database["products"].count_documents({}) == odd_catalogue
    assert await files.written(name) == first
    assert await files.take(first, name=name) == 0
    assert await database["products"].count_documents({"version": {"$ne": 1}}) == 0


@pytest.mark.parametrize(
    ("active", "skus"), [(None, ["MUG-1", "MUG-2"]), (True, ["MUG-1"]), (False, ["MUG-2"])]
)
async def test_export_has_what_is_asked_for_in_the_order_of_skus(files, active, skus) -> None:
    await files.take(MUGS, name="mugs.csv")
    lines = [json.loads(line) for line in (await files.written("a.jsonl", active=active)).splitlines()]
    assert [line["sku"] for line in lines if "sku" in line] == skus
    if active:
        assert lines[-1] == {
            "sku": "MUG-1",
            "name": "Enamel Mug",
            "description": "Blue rim.\nDishwasher.",
            "price": "12.50",
            "currency": "USD",
            "stock": 3,
            "category": ["Home", "Kitchen"],
            "tags": ["enamel", "a,b"],
            "active": True,
        }


async def test_csv_export_runs_nothing_in_a_spreadsheet(files, make) -> None:
    await make("=HYPERLINK(A1)", sku="S-1", description="@SUM(1)", tags=["-x"])
    row = (await files.written("a.csv")).splitlines()[1]
    assert row == "S-1,'=HYPERLINK(A1),'@SUM(1),12.50,USD,0,,'-x,true"


async def test_export_that_fails_leaves_the_old_file(files, monkeypatch) -> None:
    await files.take(MUGS, name="mugs.csv")
    before = await files.written("a.csv")
    monkeypatch.setattr("subgraphs.products.commands.catalogue_csv._row", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        await files.written("a.csv")
    assert (files.folder / "a.csv").read_bytes().decode() == before
    assert [path.name for path in files.folder.iterdir() if path.name.startswith(".")] == []
