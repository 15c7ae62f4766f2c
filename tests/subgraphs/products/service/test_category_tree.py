"""Categories change as a whole, whatever dies or comes at once: readers, lists and the search index agree with the parents."""

import asyncio
from itertools import count

import pytest

from subgraphs.kit.auth.viewer import ANONYMOUS
from subgraphs.kit.errors import Conflict, DomainError, NotFound, Unauthenticated, ValidationFailed
from subgraphs.products.domain.categories import CategoryId, Mark, Step, paths_of
from subgraphs.products.domain.errors import SiblingNameTaken, SlugTaken
from subgraphs.products.jobs.categories import category_jobs
from subgraphs.products.service.category_tree import LAPSE
from tests.subgraphs.products.held_up_database import Death, GatedDatabase, HeldUpDatabase, Stutter
from tests.subgraphs.products.listings import listing
from tests.subgraphs.products.stock_probe import Crash

pytestmark = pytest.mark.usefixtures("empty")


@pytest.fixture
def add(categories, manager):
    async def create(name, parent=None, *, service=categories):
        parent_id = parent.id if parent else None
        return await service.create(manager, name=name, slug=None, description=None, parent_id=parent_id)

    return create


@pytest.fixture
def tree(services):
    return services.category_tree


async def read(stock) -> list[dict]:
    return [d async for d in stock.database["categories"].find({})]


async def check_readers(stock) -> None:
    """All that readers are told follows from the parents alone."""
    services = stock.services()
    ids = [d["_id"] for d in await read(stock)]
    paths = paths_of({d["_id"]: d["parent_id"] for d in await read(stock)})
    found = await services.categories.get_many(ids)
    assert {c.id: (*c.ancestors, c.id) for c in found} == paths
    below = {root: {i for i in ids if root in paths[i]} for root in ids}
    assert await services.categories.subtrees(ids) == below
    products = [d async for d in stock.database["products"].find({}, {"category_id": 1})]
    for root in ids:
        page = await services.product_lists.page(ANONYMOUS, listing(category_id=root, first=100))
        expected = {d["_id"] for d in products if d["category_id"] in below[root]}
        assert {product.id for product, _ in page.rows} == expected


async def check_settled(stock) -> None:
    """The paths that are kept are right, and nothing is under way."""
    documents = await read(stock)
    paths = paths_of({d["_id"]: d["parent_id"] for d in documents})
    assert {d["_id"]: tuple(d["path"]) for d in documents} == paths
    assert {d["_id"]: d["depth"] + 1 for d in documents} == {i: len(path) for i, path in paths.items()}
    assert [d for d in documents if "mark" in d] == []


@pytest.fixture
def plant(stock, add, make):
    """A new tree in place of the one before, with products: {garden: {tools}, home: {kitchen: {knives: {bread}}}}."""

    async def planted():
        for name in ("categories", "products"):
            await stock.database[name].delete_many({})
        garden, home = await add("Garden"), await add("Home")
        tools, kitchen = await add("Tools", garden), await add("Kitchen", home)
        knives = await add("Knives", kitchen)
        bread = await add("Bread", knives)
        for category in (tools, kitchen, bread):
            await make(f"Thing of {category.name}", category_id=category.id)
        await stock.database["products"].update_many({}, {"$set": {"search_version": 100}})
        return {c.slug: c for c in (garden, home, tools, kitchen, knives, bread)}

    return planted


async def due(stock) -> set[str]:
    """Names of the products that the search index is to take up."""
    return {d["name"] async for d in stock.database["products"].find({"search_version": {"$lt": 100}})}


# ---- changes -----------------------------------------------------------------------------------------------


async def test_absent_fields_stay_and_null_clears(categories, tree, manager) -> None:
    tea = await categories.create(manager, name="Tea", slug="hot", description="Leaves.", parent_id=None)
    named = await tree.update(manager, tea.id, {"name": " Green  Tea "})
    assert (named.name, named.slug, named.description) == ("Green Tea", "hot", "Leaves.")
    cleared = await tree.update(manager, tea.id, {"slug": None, "description": None})
    assert (cleared.name, cleared.slug, cleared.description) == ("Green Tea", "green-tea", None)
    assert await categories.get(category_id=None, slug="green-tea") == cleared
    assert await categories.get(category_id=None, slug="hot") is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", None),
        ("name", " "),
        ("slug", "Not a slug"),
        ("description", "x" * 5001),
        ("parent_id", "nowhere"),
    ],
)
async def test_unfit_change_is_refused_whole(stock, add, manager, field, value) -> None:
    tea = await add("Tea")
    changes = {"slug": "new", field: value}
    with pytest.raises(ValidationFailed) as refusal:
        await stock.services().category_tree.update(manager, tea.id, changes)
    assert refusal.value.field == field.replace("parent_id", "parentId")
    assert (await stock.services().categories.get_many([tea.id]))[0] == tea
    await check_settled(stock)


async def test_change_needs_the_permission_and_a_category(add, tree, manager) -> None:
    tea = await add("Tea")
    for call in (tree.update(ANONYMOUS, tea.id, {}), tree.delete(ANONYMOUS, tea.id)):
        with pytest.raises(Unauthenticated):
            await call
    nothing = CategoryId("nothing")
    for call in (tree.update(manager, nothing, {"name": "x"}), tree.delete(manager, nothing)):
        with pytest.raises(NotFound):
            await call


async def test_taken_slug_and_sibling_name_are_refused_and_leave_nothing(stock, add, tree, manager) -> None:
    tea, coffee = await add("Tea"), await add("Coffee")
    below = await add("Tea", parent=coffee, service=_with_slug(stock, "tea-2"))
    with pytest.raises(SlugTaken):
        await tree.update(manager, coffee.id, {"slug": "tea"})
    with pytest.raises(SiblingNameTaken):
        await tree.update(manager, coffee.id, {"name": "TEA"})
    with pytest.raises(SiblingNameTaken):
        await tree.update(manager, below.id, {"parent_id": None})
    assert await stock.services().categories.get_many([tea.id, coffee.id, below.id]) == [tea, coffee, below]
    await check_settled(stock)


def _with_slug(stock, slug):
    class Service:
        async def create(self, viewer, **fields):
            return await stock.services().categories.create(viewer, **{**fields, "slug": slug})

    return Service()


async def test_moved_category_takes_along_what_is_below_it(stock, plant, tree, manager) -> None:
    planted = await plant()
    moved = await tree.update(manager, planted["kitchen"].id, {"parent_id": planted["tools"].id})
    assert moved.ancestors == (planted["garden"].id, planted["tools"].id)
    await check_readers(stock)
    await check_settled(stock)
    bread = (await stock.services().categories.get_many([planted["bread"].id]))[0]
    assert [planted[s].id for s in ("garden", "tools", "kitchen", "knives")] == list(bread.ancestors)
    top = await tree.update(manager, planted["knives"].id, {"parent_id": None})
    assert (top.parent_id, top.ancestors) == (None, ())
    await check_readers(stock)
    await check_settled(stock)


@pytest.mark.parametrize("name", ["slug", "name"])
async def test_new_parent_may_be_named(plant, tree, manager, name) -> None:
    planted = await plant()
    wanted = getattr(planted["tools"], name)
    assert (await tree.update(manager, planted["bread"].id, {"parent_id": wanted})).parent_id == planted[
        "tools"
    ].id


@pytest.mark.parametrize("below", ["kitchen", "knives", "bread"])
async def test_category_cannot_be_below_itself(stock, plant, tree, manager, below) -> None:
    planted = await plant()
    with pytest.raises(ValidationFailed, match="below itself"):
        await tree.update(manager, planted["kitchen"].id, {"parent_id": planted[below].id})
    await check_settled(stock)


async def test_move_counts_the_levels_that_come_along(stock, add, plant, tree, manager) -> None:
    planted = await plant()
    level = None
    for n in range(5):
        level = await add(f"Level {n}", level)
    moved = await tree.update(manager, planted["kitchen"].id, {"parent_id": level.id})
    assert len(moved.ancestors) == 5
    with pytest.raises(ValidationFailed, match="8 deep"):
        await tree.update(manager, planted["garden"].id, {"parent_id": planted["bread"].id})
    with pytest.raises(ValidationFailed, match="8 deep"):
        await tree.update(manager, planted["home"].id, {"parent_id": planted["bread"].id})
    await check_readers(stock)


async def test_rename_and_move_let_the_search_index_follow_and_other_edits_do_not(
    stock, plant, tree, manager
) -> None:
    planted = await plant()
    await tree.update(manager, planted["kitchen"].id, {"description": "Pans.", "slug": "cooking"})
    assert await due(stock) == set()
    await tree.update(manager, planted["kitchen"].id, {"name": "Cooking"})
    assert await due(stock) == {"Thing of Kitchen", "Thing of Bread"}
    await stock.database["products"].update_many({}, {"$set": {"search_version": 100}})
    await tree.update(manager, planted["garden"].id, {"parent_id": planted["home"].id})
    assert await due(stock) == {"Thing of Tools"}


async def test_renamed_category_is_searched_by_its_new_name(services, stock, plant, tree, manager) -> None:
    planted = await plant()
    await stock.database["products"].update_many({}, {"$set": {"search_version": 0}})
    while await services.search_indexing.count_due():
        await services.search_indexing.index_due()
    await tree.update(manager, planted["kitchen"].id, {"name": "Scullery"})
    while await services.search_indexing.count_due():
        await services.search_indexing.index_due()
    assert await services.search.suggest("scul", first=5) == ["scullery"]
    assert await services.search.suggest("kitch", first=5) == ["kitchen"]  # of the products' own names


# ---- processes that die ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "writes"),
    [
        # The mark, the decision (two in one), three paths, the search index, the mark.
        ({"parent_id": "garden"}, 8),
        ({"name": "Scullery"}, 5),
        ({"slug": "scullery"}, 4),
    ],
)
async def test_change_that_died_anywhere_is_whole_or_has_not_been(
    stock, plant, manager, changes, writes
) -> None:
    for after in count():
        planted = await plant()
        wanted = {k: planted[v].id if k == "parent_id" else v for k, v in changes.items()}
        dying = stock.services(database=GatedDatabase(stock.database, Death(after, Crash())))
        try:
            await dying.category_tree.update(manager, planted["kitchen"].id, wanted)
        except Crash:
            pass
        else:
            break
        await check_readers(stock)
        before = (await stock.services().categories.get_many([planted["kitchen"].id]))[0]
        decided = after >= 3
        assert all(getattr(before, k) == v for k, v in wanted.items()) == decided
        stock.clock.ahead += LAPSE * 2
        (job,) = category_jobs(stock.services().category_tree)
        await job.run_once()
        await check_settled(stock)
        await check_readers(stock)
        assert (await stock.services().categories.get_many([planted["kitchen"].id]))[0] == before
        follows = decided and "slug" not in changes
        assert await due(stock) == ({"Thing of Kitchen", "Thing of Bread"} if follows else set())
    assert after == writes


async def test_job_that_died_anywhere_is_taken_up_by_the_next(stock, plant, tree, manager) -> None:
    for after in count():
        planted = await plant()
        dying = stock.services(database=GatedDatabase(stock.database, Death(3, Crash())))
        with pytest.raises(Crash):
            await dying.category_tree.update(
                manager, planted["kitchen"].id, {"parent_id": planted["tools"].id}
            )
        job = stock.services(database=GatedDatabase(stock.database, Death(after, Crash()))).category_tree
        try:
            await job.settle()
        except Crash:
            pass
        else:
            break
        await check_readers(stock)
        await tree.settle()
        await check_settled(stock)
        await check_readers(stock)
    assert after == 5


async def test_deletion_that_died_leaves_the_category_or_nothing(stock, add, manager) -> None:
    for after in count():
        tea = await add(f"Tea {after}")
        dying = stock.services(database=GatedDatabase(stock.database, Death(after, Crash())))
        try:
            await dying.category_tree.delete(manager, tea.id)
        except Crash:
            pass
        else:
            break
        stock.clock.ahead += LAPSE * 2
        await stock.services().category_tree.settle()
        await check_settled(stock)
        assert (await stock.services().categories.get_many([tea.id]))[0] == tea
    assert after == 2


async def test_creation_that_died_is_finished_or_has_not_been(stock, add) -> None:
    for after in count():
        home = await add(f"Home {after}")
        dying = stock.services(database=GatedDatabase(stock.database, Death(after, Crash())))
        try:
            await add(f"Kitchen {after}", home, service=dying.categories)
        except Crash:
            pass
        else:
            break
        await check_readers(stock)
        await stock.services().category_tree.settle()
        await check_settled(stock)
    assert after == 2


async def test_mark_of_a_living_process_is_left_alone(stock, add, tree, manager) -> None:
    tea = await add("Tea")
    mark = Mark(id="another's", step=Step.CHANGE, decided=False, at=stock.clock())
    await tree.changes.mark(tea.id, mark)
    await tree.settle()
    for call in (tree.update(manager, tea.id, {"name": "Coffee"}), tree.delete(manager, tea.id)):
        with pytest.raises(Conflict, match="being changed by another call"):
            await call
    assert (await read(stock))[0]["mark"]["id"] == "another's"


# ---- several at once ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("circle", [2, 3])
async def test_moves_at_once_make_no_circle(stock, add, manager, circle) -> None:
    """Each of several categories goes below the next: never may all of them."""
    succeeded = 0
    for seed in range(25):
        nodes = [await add(f"Node {seed} {n}") for n in range(circle)]
        trees = [
            stock.services(database=GatedDatabase(stock.database, Stutter(seed * 10 + n))).category_tree
            for n in range(circle)
        ]
        results = await asyncio.gather(
            *(
                tree.update(manager, node.id, {"parent_id": nodes[(n + 1) % circle].id})
                for n, (tree, node) in enumerate(zip(trees, nodes, strict=True))
            ),
            return_exceptions=True,
        )
        assert all(isinstance(r, DomainError) for r in results if isinstance(r, BaseException)), results
        moved = sum(not isinstance(r, BaseException) for r in results)
        assert moved < circle
        succeeded += moved
        found = await stock.services().categories.get_many([node.id for node in nodes])
        assert sum(category.parent_id is None for category in found) == circle - moved
    await stock.services().category_tree.settle()
    await check_settled(stock)
    await check_readers(stock)
    assert succeeded > 0


async def test_moves_of_nested_categories_at_once_end_where_both_put_them(stock, plant, manager) -> None:
    for seed in range(15):
        planted = await plant()
        first, second = (
            stock.services(database=GatedDatabase(stock.database, Stutter(seed * 10 + n))).category_tree
            for n in range(2)
        )
        results = await asyncio.gather(
            first.update(manager, planted["kitchen"].id, {"parent_id": planted["garden"].id}),
            second.update(manager, planted["knives"].id, {"parent_id": planted["tools"].id}),
            return_exceptions=True,
        )
        await stock.services().category_tree.settle()
        await check_settled(stock)
        await check_readers(stock)
        assert [r.parent_id for r in results] == [planted["garden"].id, planted["tools"].id]


async def test_readers_are_right_at_every_moment_of_a_move(stock, plant, manager) -> None:
    planted = await plant()
    slow = stock.services(database=GatedDatabase(stock.database, Stutter(7))).category_tree
    move = asyncio.ensure_future(
        slow.update(manager, planted["kitchen"].id, {"parent_id": planted["garden"].id})
    )
    looks = set()
    while not move.done():
        categories = stock.services().categories
        below = await categories.subtrees([planted["home"].id, planted["garden"].id])
        home, garden = below[planted["home"].id], below[planted["garden"].id]
        moving = {planted[s].id for s in ("kitchen", "knives", "bread")}
        assert (home & moving, garden & moving) in ((moving, set()), (set(), moving))
        looks.add(len(garden))
    await move
    assert 5 in looks | {
        len((await stock.services().categories.subtrees([planted["garden"].id]))[planted["garden"].id])
    }


async def test_child_that_is_created_while_its_parent_moves_is_where_that_went(
    stock, plant, add, tree, manager
) -> None:
    planted = await plant()
    held_up = HeldUpDatabase(stock.database)
    held_up.begin()
    creation = asyncio.ensure_future(
        add("Spoons", planted["knives"], service=stock.services(database=held_up).categories)
    )
    await held_up.wait_held_up()
    await tree.update(manager, planted["kitchen"].id, {"parent_id": planted["garden"].id})
    held_up.end()
    spoons = await creation
    await check_readers(stock)
    await tree.settle()
    await check_settled(stock)
    found = (await stock.services().categories.get_many([spoons.id]))[0]
    assert found.ancestors[0] == planted["garden"].id


async def test_no_child_is_left_without_its_parent(stock, add, manager) -> None:
    ends = set()
    for seed in range(25):
        parent = await add(f"Parent {seed}")
        creator, deleter = (
            stock.services(database=GatedDatabase(stock.database, Stutter(seed * 10 + n))) for n in range(2)
        )
        results = await asyncio.gather(
            add(f"Child {seed}", parent, service=creator.categories),
            deleter.category_tree.delete(manager, parent.id),
            return_exceptions=True,
        )
        assert all(isinstance(r, DomainError) for r in results if isinstance(r, BaseException)), results
        ids = {d["_id"] for d in await read(stock)}
        assert all(d["parent_id"] is None or d["parent_id"] in ids for d in await read(stock))
        ends.add(tuple(isinstance(r, BaseException) for r in results))
    assert (False, False) not in ends
    await check_settled(stock)


# ---- deletion ----------------------------------------------------------------------------------------------


async def test_category_goes_once_nothing_is_in_it(stock, plant, products, tree, manager) -> None:
    planted = await plant()
    with pytest.raises(Conflict, match="categories below this one"):
        await tree.delete(manager, planted["kitchen"].id)
    with pytest.raises(Conflict, match="products in this category"):
        await tree.delete(manager, planted["bread"].id)
    (product,) = [
        d async for d in stock.database["products"].find({"category_id": planted["bread"].id}, {"_id": 1})
    ]
    await products.delete(manager, product["_id"])
    assert await tree.delete(manager, planted["bread"].id) == planted["bread"].id
    assert await stock.services().categories.get_many([planted["bread"].id]) == [None]
    assert await tree.delete(manager, planted["knives"].id) == planted["knives"].id
    await check_settled(stock)


async def test_category_stays_while_another_is_on_its_way_to_it(stock, plant, tree, manager) -> None:
    planted = await plant()
    empty = await tree.update(manager, planted["knives"].id, {"parent_id": None})
    mark = Mark(id="m", step=Step.CHANGE, decided=False, at=stock.clock(), target=planted["knives"].id)
    await tree.delete(manager, (await _emptied(stock, planted)).id)
    await tree.changes.mark(planted["tools"].id, mark)
    with pytest.raises(Conflict, match="categories below this one"):
        await tree.delete(manager, empty.id)


async def _emptied(stock, planted):
    """`bread`, without the product that is in it."""
    await stock.database["products"].delete_many({"category_id": planted["bread"].id})
    return planted["bread"]


# ---- finding -----------------------------------------------------------------------------------------------


async def test_category_is_found_by_id_slug_and_name_in_this_order(categories, manager) -> None:
    tea = await categories.create(manager, name="Tea", slug="leaves", description=None, parent_id=None)
    leaves = await categories.create(
        manager, name="Leaves", slug="foliage", description=None, parent_id=tea.id
    )
    assert (await categories.find(tea.id), await categories.find("leaves")) == (tea, tea)
    assert (await categories.find("LEAVES"), await categories.find("  téa ")) == (leaves, tea)
    assert await categories.find("nothing") is None


async def test_of_several_with_the_name_the_one_with_its_slug_then_the_topmost_is_meant(
    categories, manager
) -> None:
    async def create(slug, parent):
        return await categories.create(
            manager, name="Green Tea", slug=slug, description=None, parent_id=parent and parent.id
        )

    top = await create("tea-top", None)
    below = await create("tea-below", top)
    assert await categories.find("Green TEA") == top
    made_of_it = await create("green-tea", below)
    assert await categories.find("Green TEA") == made_of_it


async def test_slug_that_is_made_of_what_is_asked_for_will_do_but_not_for_a_new_product(
    categories, add, make
) -> None:
    home = await add("Home & Living")
    assert await categories.find("Home Living") == home
    product = await make(category="Home Living")
    assert product.category_id != home.id


async def test_products_name_their_category_by_whatever_it_is_known_by(add, make, products, manager) -> None:
    home = await add("Home & Living")
    for name in (home.id, home.slug, "HOME & LIVING"):
        assert (await make(category=name)).category_id == home.id
        product = await make()
        assert product.category_id is None
        changed = await products.update(manager, product.id, {"category_id": name})
        assert changed.category_id == home.id


async def test_category_that_is_being_deleted_is_not_chosen(stock, add, tree, make) -> None:
    tea = await add("Tea")
    await tree.changes.mark(tea.id, Mark(id="m", step=Step.DELETION, decided=False, at=stock.clock()))
    with pytest.raises(ValidationFailed, match="categoryId names no category"):
        await make(category_id=tea.id)


async def test_lists_are_filtered_by_slug_and_by_name(plant, services) -> None:
    planted = await plant()
    for wanted in (planted["kitchen"].id, "kitchen", "Kitchen"):
        page = await services.product_lists.page(ANONYMOUS, listing(category_id=wanted, first=10))
        assert {p.name for p, _ in page.rows} == {"Thing of Kitchen", "Thing of Bread"}
    page = await services.product_lists.page(ANONYMOUS, listing(category_id="nowhere", first=10))
    assert list(page.rows) == []


async def test_writes_look_for_a_category_by_its_id_or_by_an_index(
    tree, manager, add, stock, commands
) -> None:
    """The embedded server reads the whole collection for anything more, and for every findAndModify."""
    home, garden = await add("Home"), await add("Garden")
    commands.whole.clear()
    tea = await add("Tea", home)
    await tree.update(manager, tea.id, {"name": "Teas", "parent_id": garden.id})
    await tree.delete(manager, tea.id)
    sent = [c for c in commands.whole if "categories" in (c.get("update"), c.get("delete"))]
    # It is confirmed below its parent, marked, placed below the next, confirmed there, and marked to go.
    assert [u["q"] for c in sent for u in c.get("updates", ())] == [{"_id": tea.id}] * 5
    deletions = [d["q"] for c in sent for d in c.get("deletes", ())]
    assert [set(query) for query in deletions] == [{"_id", "mark.id"}] * 2
    index = (await stock.database["categories"].index_information())["marked_by"]
    assert [field for field, _ in index["key"]] == ["_id", "mark.id"]
    assert "findAndModify" not in {next(iter(c)) for c in commands.whole}
    # Whether products are in it: first by the field of an index, and no other.
    (look,) = [c for c in commands.whole if c.get("aggregate") == "products"]
    assert look["pipeline"][0] == {"$match": {"category_id": tea.id}}


async def test_products_that_are_deleted_leave_their_category_empty(manager, add, make, services) -> None:
    tree = services.category_tree
    tea = await add("Tea")
    pot = await make(category_id=tea.id)
    with pytest.raises(Conflict, match="There are products in this category"):
        await tree.delete(manager, tea.id)
    await services.products.delete(manager, pot.id)
    await tree.delete(manager, tea.id)
    assert await services.categories.get_many([tea.id]) == [None]
