import argparse
import asyncio
from pathlib import Path

import pytest

from subgraphs.kit.background import WakeUp
from subgraphs.kit.mongo.client import utc_now
from subgraphs.products.app import open_seeding
from subgraphs.products.commands.seed import Catalogue, run, seed
from subgraphs.products.domain.lists import ProductSort
from subgraphs.products.drawings.drawing import MOTIFS
from subgraphs.products.service.seeding import Seeding
from subgraphs.products.settings import ProductsSettings
from subgraphs.products.store.categories import CategoryStore
from subgraphs.products.store.images import ImageStore
from subgraphs.products.store.products import ProductStore
from tests.subgraphs.products.listings import listing

DEMO = Path(__file__).parents[4] / "deploy" / "local" / "catalogue.json"

pytestmark = pytest.mark.usefixtures("empty")


@pytest.fixture
def seeding(database):
    def make(report=lambda _: None) -> Seeding:
        return Seeding(
            products=ProductStore(database, wake_up=WakeUp()),
            categories=CategoryStore(database),
            images=ImageStore(database),
            clock=utc_now,
            report=report,
        )

    return make


@pytest.fixture(scope="module")
def demo() -> Catalogue:
    return Catalogue.model_validate_json(DEMO.read_bytes())


def test_demo_catalogue_is_worth_looking_at(demo) -> None:
    assert len(demo.products) >= 120
    assert len({p.sku for p in demo.products}) == len({p.name for p in demo.products}) == len(demo.products)
    assert len({p.description for p in demo.products}) == len(demo.products)
    assert sum(p.stock == 0 for p in demo.products) in range(3, 10)
    assert all(p.tags for p in demo.products)


async def test_demo_catalogue_loads_whole_and_only_once(database, seeding, services, manager, demo) -> None:
    categories, products, product_lists = services.categories, services.products, services.product_lists
    lines: list[str] = []
    await seed(seeding(lines.append), demo)
    count = len(demo.products)
    assert await database["products"].count_documents({}) == count
    assert await database["categories"].count_documents({}) >= 20
    assert max([d["depth"] async for d in database["categories"].find({})]) == 2
    assert lines[-1] == f"products: {count} of {count} added"

    camping = await categories.get(category_id=None, slug="camping")
    page = await product_lists.page(manager, listing(category_id=camping.id, sort=ProductSort.NAME))
    below = {"tents-shelters", "sleeping-gear", "camp-kitchen"}
    assert {p.sku for p, _ in page.rows} == {p.sku for p in demo.products if p.category in below}

    skillet = (await products.get(manager, product_id=None, sku="KIT-SKL-26")).id
    await products.adjust_stock(manager, skillet, delta=-6, reason=None)
    await products.update(manager, skillet, {"name": "My Skillet"})
    lines.clear()
    await seed(seeding(lines.append), demo)
    assert lines == ["categories: 42", f"products: {count}, 0 of them new"]
    kept = (await products.get_many([skillet]))[0]
    assert (kept.name, kept.available) == ("My Skillet", 80)


async def test_each_product_of_the_demo_catalogue_has_its_own_picture(
    database, seeding, services, demo
) -> None:
    few = demo.model_copy(update={"products": demo.products[:40]})
    await seed(seeding(), few)
    found = [d async for d in database["products"].find({})]
    assert len(found) == 40
    etags = set()
    for document in found:
        (image,) = document["images"]
        assert (image["alt"], image["width"], image["height"]) == (document["name"], 640, 640)
        file = await services.images.find(image["id"], width=320)
        etags.add(file.etag)
        assert file.size < 20_000
    assert len(etags) == 40
    assert await database["image_intents"].count_documents({}) == 0


def test_every_product_of_the_demo_catalogue_is_drawn(demo) -> None:
    assert all(product.drawing is not None for product in demo.seed_products())
    assert {product.drawing.motif for product in demo.seed_products() if product.drawing} == MOTIFS


TREE = [{"name": "Garden", "slug": "garden", "children": [{"name": "Tools", "slug": "garden-tools"}]}]


async def test_category_that_people_made_under_another_slug_is_used(seeding, categories, manager) -> None:
    mine = await categories.create(manager, name="garden", slug="my-garden", description=None, parent_id=None)
    await seed(seeding(), Catalogue(categories=TREE, products=[]))
    tools = await categories.get(category_id=None, slug="garden-tools")
    assert (tools.parent_id, tools.ancestors) == (mine.id, (mine.id,))


async def test_seeds_at_once_add_each_product_once(database, seeding) -> None:
    entries = [
        {"sku": f"S-{n}", "name": f"Spade {n}", "price": "9.00", "stock": 1, "category": "garden-tools"}
        for n in range(60)
    ]
    tree = [
        {
            **TREE[0],
            "palette": "meadow",
            "motif": None,
            "children": [{**TREE[0]["children"][0], "motif": "trowel"}],
        }
    ]
    catalogue = Catalogue(categories=tree, products=entries)
    await asyncio.gather(*(seed(seeding(), catalogue) for _ in range(3)))
    assert await database["products"].count_documents({}) == 60
    # The pictures of those that came second are gone again.
    shown = {d["images"][0]["id"] async for d in database["products"].find({})}
    kept = {d["metadata"]["image"] async for d in database["images.files"].find({})}
    assert (kept, len(kept)) == (shown, 60)
    assert await database["image_intents"].count_documents({}) == 0
    assert await database["categories"].count_documents({}) == 2


async def test_product_that_breaks_a_rule_is_named_and_nothing_added(database, seeding) -> None:
    entry = {"sku": "S-1", "name": "Spade", "price": "0.001", "stock": 1, "category": "garden-tools"}
    with pytest.raises(ValueError, match="product S-1: price has more than 2 decimals"):
        await seed(seeding(), Catalogue(categories=TREE, products=[entry]))
    assert await database["products"].count_documents({}) == 0


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("{", "Invalid JSON"),
        ('{"categories": [], "products": [], "more": 1}', "more: Extra inputs"),
        (
            '{"categories": [], "products": [{"sku": "A", "name": "B", "price": "1", "stock": 1, "category": "c"}]}',
            "product A: there is no category 'c'",
        ),
        (
            '{"categories": [{"name": "C", "slug": "c", "motif": "moon"}], "products": []}',
            "categories.0.motif: Value error, 'moon' is none of backpack, basket",
        ),
        (
            '{"categories": [{"name": "C", "slug": "C"}], "products": []}',
            "category C: slug 'C' is not a slug; 'c' is one",
        ),
        (
            '{"categories": [], "products": [{"sku": "A", "name": "B", "price": "-1", "stock": 1, "category": ""}]}',
            "product A: there is no category ''",
        ),
    ],
)
async def test_file_that_cannot_be_used_is_explained(engines, tmp_path, capsys, text, fault) -> None:
    file = tmp_path / "catalogue.json"
    file.write_text(text)
    settings = ProductsSettings(database={"url": engines.mongo_url("seed")})
    with pytest.raises(SystemExit) as ended:
        await run(open_seeding, settings, argparse.Namespace(file=file))
    assert ended.value.code == 1
    assert fault in capsys.readouterr().err
