import asyncio

import pytest

from subgraphs.kit.errors import Conflict, ValidationFailed
from subgraphs.products.domain.categories import CategoryId

pytestmark = pytest.mark.usefixtures("empty")


@pytest.fixture
def add(categories, manager):
    async def create(name, *, slug=None, parent=None, description=None):
        parent_id = parent.id if parent else None
        return await categories.create(
            manager, name=name, slug=slug, description=description, parent_id=parent_id
        )

    return create


async def test_category_reads_back_by_id_and_by_slug(categories, add) -> None:
    top = await add("Home & Living", description=" Quiet things. ")
    below = await add("Lighting", parent=top)
    assert await categories.get(category_id=below.id, slug=None) == below
    assert await categories.get(category_id=None, slug="home-living") == top
    assert (top.description, below.ancestors) == ("Quiet things.", (top.id,))


async def test_children_come_by_name_for_many_parents_at_once(categories, add) -> None:
    garden, home = await add("Garden"), await add("home")
    tools, planters = await add("Tools", parent=garden), await add("Planters", parent=garden)
    assert await categories.list_children([home.id, garden.id, None]) == [
        [],
        [planters, tools],
        [garden, home],
    ]


@pytest.mark.parametrize(("category_id", "slug"), [(None, None), (CategoryId("x"), "x")])
async def test_category_is_asked_for_by_one_name(categories, category_id, slug) -> None:
    with pytest.raises(ValidationFailed):
        await categories.get(category_id=category_id, slug=slug)


async def test_taken_slug_is_refused(add) -> None:
    await add("Tea", slug="tea")
    with pytest.raises(Conflict, match="'tea' is taken"):
        await add("Other Tea", slug="tea")


async def test_same_name_beside_its_sibling_is_refused_and_elsewhere_fine(add) -> None:
    top = await add("Tea")
    with pytest.raises(Conflict, match="beside it already"):
        await add("TEA", slug="tea-2")
    assert (await add("Tea", slug="tea-3", parent=top)).ancestors == (top.id,)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": "&&&"}, "name"),
        ({"name": "Tea", "slug": "Te a"}, "slug"),
        ({"name": "Tea", "slug": ""}, "slug"),
        ({"name": "Tea", "description": "x" * 5001}, "description"),
    ],
)
async def test_unfit_field_is_named(categories, add, fields, field) -> None:
    with pytest.raises(ValidationFailed) as refusal:
        await add(**fields)
    assert refusal.value.field == field
    assert await categories.list_children([None]) == [[]]


async def test_unknown_parent_is_refused(categories, manager) -> None:
    with pytest.raises(ValidationFailed) as refusal:
        await categories.create(
            manager, name="Tea", slug=None, description=None, parent_id=CategoryId("nowhere")
        )
    assert refusal.value.field == "parentId"


async def test_tree_has_a_deepest_level(add) -> None:
    category = None
    for level in range(8):
        category = await add(f"Level {level}", parent=category)
    with pytest.raises(ValidationFailed, match="8 deep"):
        await add("Too deep", parent=category)


async def test_of_one_category_created_many_times_at_once_one_stays(categories, add) -> None:
    results = await asyncio.gather(*(add("Tea") for _ in range(10)), return_exceptions=True)
    assert sum(isinstance(r, Conflict) for r in results) == 9
    assert len((await categories.list_children([None]))[0]) == 1
