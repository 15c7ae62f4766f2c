"""The demo catalogue of the launcher, as an import takes it."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from subgraphs.products.domain.lists import ProductSort
from subgraphs.products.drawings.drawing import MOTIFS
from tests.subgraphs.products.catalogue_files import CatalogueFiles
from tests.subgraphs.products.listings import listing

DEMO = Path(__file__).parents[4] / "deploy" / "local" / "catalogue.jsonl"
CATEGORIES = 42

pytestmark = pytest.mark.usefixtures("empty")


@pytest.fixture(scope="module")
def demo() -> list[dict[str, Any]]:
    """Its products."""
    lines = [json.loads(line) for line in DEMO.read_text().splitlines()]
    return [line for line in lines if line.get("type") != "category"]


@pytest.fixture
def files(database, tmp_path) -> CatalogueFiles:
    return CatalogueFiles(database, tmp_path)


def test_demo_catalogue_is_worth_looking_at(demo) -> None:
    assert len(demo) >= 120
    assert len({p["sku"] for p in demo}) == len({p["name"] for p in demo}) == len(demo)
    assert len({p["description"] for p in demo}) == len(demo)
    assert sum(p["stock"] == 0 for p in demo) in range(3, 10)
    assert all(p["tags"] for p in demo)
    assert {p["drawing"]["motif"] for p in demo} == MOTIFS


def _with_few_pictures() -> str:
    """All of it, but a picture to every tenth product only: drawing takes longest."""
    lines = [json.loads(line) for line in DEMO.read_text().splitlines()]
    for number, line in enumerate(lines):
        if number % 10:
            line.pop("drawing", None)
    return "\n".join(map(json.dumps, lines))


async def test_demo_catalogue_loads_whole_and_only_once(files, services, manager, demo, capsys) -> None:
    catalogue = _with_few_pictures()
    assert await files.take(catalogue, name="demo.jsonl", only_missing=True) == 0
    count = len(demo)
    assert capsys.readouterr().out.startswith(f"{count + CATEGORIES} created, 0 updated, 0 unchanged")

    camping = await services.categories.get(category_id=None, slug="camping")
    page = await services.product_lists.page(manager, listing(category_id=camping.id, sort=ProductSort.NAME))
    below = {"tents-shelters", "sleeping-gear", "camp-kitchen"}
    assert {p.sku for p, _ in page.rows} == {p["sku"] for p in demo if p["category"] in below}

    skillet = (await services.products.get(manager, product_id=None, sku="KIT-SKL-26")).id
    await services.products.adjust_stock(manager, skillet, delta=-6, reason=None)
    await services.products.update(manager, skillet, {"name": "My Skillet"})
    assert await files.take(catalogue, name="demo.jsonl", only_missing=True) == 0
    assert capsys.readouterr().out.startswith(
        f"0 created, 0 updated, {CATEGORIES} unchanged, {count} passed over, 0 refused"
    )
    kept = (await services.products.get_many([skillet]))[0]
    assert (kept.name, kept.available) == ("My Skillet", 80)


async def test_each_product_of_the_demo_catalogue_has_its_own_picture(
    database, files, services, demo
) -> None:
    few = [{**p, "category": "Some"} for p in demo[::8]]
    await files.take("\n".join(map(json.dumps, few)), name="demo.jsonl")
    found = [d async for d in database["products"].find({})]
    assert len(found) == len(few) >= 15
    etags = set()
    for document in found:
        (image,) = document["images"]
        assert (image["alt"], image["width"], image["height"]) == (document["name"], 640, 640)
        file = await services.images.find(image["id"], width=320)
        etags.add(file.etag)
        assert file.size < 20_000
    assert len(etags) == len(few)
    assert await database["image_intents"].count_documents({}) == 0


TREE = [
    {"type": "category", "slug": "garden", "name": "Garden"},
    {"type": "category", "slug": "garden-tools", "name": "Tools", "parent": "garden"},
]


async def test_category_that_people_made_under_another_slug_is_used(files, categories, manager) -> None:
    mine = await categories.create(manager, name="garden", slug="my-garden", description=None, parent_id=None)
    assert await files.take("\n".join(map(json.dumps, TREE)), name="tree.jsonl") == 0
    tools = await categories.get(category_id=None, slug="garden-tools")
    assert (tools.parent_id, tools.ancestors) == (mine.id, (mine.id,))


async def test_category_that_is_there_stays_as_it_is(files, database, categories, manager) -> None:
    await categories.create(manager, name="Yard", slug="garden", description="Mine", parent_id=None)
    lines = [
        {**TREE[0], "description": "Theirs"},
        {"sku": "S", "name": "N", "price": 1, "category": "garden"},
    ]
    assert await files.take("\n".join(map(json.dumps, lines)), name="a.jsonl") == 0
    [found] = [d async for d in database["categories"].find({})]
    assert (found["name"], found["description"]) == ("Yard", "Mine")
    assert await database["products"].distinct("category_id") == [found["_id"]]


async def test_imports_at_once_add_each_product_once(database, tmp_path) -> None:
    drawing = {"motif": "trowel", "palette": "meadow"}
    spades = [
        {"sku": f"S-{n}", "name": f"Spade {n}", "price": "9.00", "category": category, "drawing": drawing}
        for n in range(12)
        for category in (("garden-tools" if n % 2 else ["New", "Newer"]),)
    ]
    content = "\n".join(map(json.dumps, TREE + spades))
    folders = [tmp_path / str(n) for n in range(3)]
    for folder in folders:
        folder.mkdir()
    statuses = await asyncio.gather(
        *(CatalogueFiles(database, folder).take(content, name="a.jsonl") for folder in folders)
    )
    assert statuses == [0, 0, 0]
    assert await database["products"].count_documents({}) == 12
    assert await database["products"].count_documents({"version": {"$ne": 1}}) == 0
    # The pictures of those that came second are gone again.
    shown = {d["images"][0]["id"] async for d in database["products"].find({})}
    kept = {d["metadata"]["image"] async for d in database["images.files"].find({})}
    assert (kept, len(kept)) == (shown, 12)
    assert await database["image_intents"].count_documents({}) == 0
    assert sorted([d["slug"] async for d in database["categories"].find({})]) == [
        "garden",
        "garden-tools",
        "new",
        "newer",
    ]
