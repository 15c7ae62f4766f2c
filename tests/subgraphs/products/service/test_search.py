import random
from collections import Counter
from decimal import Decimal

import pytest

from subgraphs.kit.auth.viewer import ANONYMOUS
from subgraphs.kit.errors import Unauthenticated, ValidationFailed
from subgraphs.kit.pagination import encode_cursor
from subgraphs.products.domain.lists import ProductSort
from subgraphs.products.domain.products import NewProduct
from subgraphs.products.domain.search import results
from tests.subgraphs.products.search_catalogue import GOLDEN, PRODUCTS, found, search, skus

pytestmark = pytest.mark.usefixtures("catalogue")


@pytest.fixture(scope="module")
async def catalogue(services, manager) -> None:
    for new in PRODUCTS:
        await services.products.create(manager, new)
    await services.search_indexing.index_due()


async def indexed(services, manager, **fields) -> None:
    await services.products.create(manager, NewProduct(**{"price": Decimal(10), **fields}))
    await services.search_indexing.index_due()


async def test_golden_set_is_found(services) -> None:
    wanted = missed = 0
    beside: dict[str, set[str]] = {}
    for text, right in GOLDEN.items():
        answer = await found(services.search, text)
        top = set(answer[: len(right)])
        wanted += len(right)
        missed += len(right - top)
        if top != right:
            beside[text] = right - top
    recall = 1 - missed / wanted
    print(f"recall {recall:.3f} of {wanted} in {len(GOLDEN)} searches; missed: {beside}")  # noqa: T201
    assert recall >= 0.95, beside


async def test_name_comes_before_label_and_label_before_description(services, manager) -> None:
    await indexed(services, manager, name="Zither", sku="Z-NAME", description="Strings.")
    await indexed(services, manager, name="Tuning Fork", sku="Z-TAG", tags=["zither"])
    await indexed(services, manager, name="Music Stand", sku="Z-TEXT", description="For a zither too.")
    await indexed(services, manager, name="Old Concert Zither in Its Case", sku="Z-LONG")
    assert await found(services.search, "zither") == ["Z-NAME", "Z-LONG", "Z-TAG", "Z-TEXT"]


async def test_most_of_the_words_will_do_where_no_product_has_all(services, manager) -> None:
    for number in range(6):
        await indexed(services, manager, name=f"Plain Lamp {number}", sku=f"LMP-{number}")
    await indexed(services, manager, name="Xylophone", sku="XYL-1")
    # Of two words both are most of them; of three, two are.
    assert await found(services.search, "lamp xylophone") == []
    assert await found(services.search, "plain lamp xylophone") == [f"LMP-{number}" for number in range(6)]


async def test_product_is_found_while_the_vocabulary_does_not_know_its_word(services, database) -> None:
    kept = await database["search_vocabulary"].find({}).to_list(None)
    await database["search_vocabulary"].delete_many({})
    try:
        assert await found(services.search, "trackball") == ["LOG-TRB-01"]
    finally:
        await database["search_vocabulary"].insert_many(kept)


async def test_what_is_not_sold_is_found_by_managers_only(services, manager) -> None:
    await indexed(services, manager, name="Quagga Poster", sku="QUA-1", active=False)
    assert await found(services.search, "quagga") == []
    assert await services.search.suggest("quag", first=10) == []
    page = await services.search.search(manager, search("quagga", active=False))
    assert skus(page) == ["QUA-1"]
    with pytest.raises(Unauthenticated):
        await services.search.search(ANONYMOUS, search("quagga", active=False))


async def test_deleted_product_is_gone_before_the_index_follows(services, manager) -> None:
    product = await services.products.create(
        manager, NewProduct(name="Okapi Plush", price=Decimal(5), sku="OKA-1")
    )
    await services.search_indexing.index_due()
    assert await found(services.search, "okapi") == ["OKA-1"]
    await services.products.delete(manager, product.id)
    assert await found(services.search, "okapi") == []
    await services.search_indexing.index_due()
    assert await found(services.search, "okapi") == []


SORTS = list(ProductSort)


@pytest.mark.parametrize("sort", SORTS, ids=lambda sort: sort.name)
@pytest.mark.parametrize("fields", [{}, {"in_stock": True}], ids=["all", "filtered"])
async def test_pages_are_complete_and_without_duplicates_under_equal_scores(
    services, manager, sort, fields
) -> None:
    have = await found(services.search, "narwhal")
    for number in range(len(have), 25):
        await indexed(
            services,
            manager,
            name="Narwhal Mug",
            sku=f"NAR-{number}",
            stock=1,
            price=Decimal(10 + number % 3),
        )
    everything = await found(services.search, "narwhal", sort=sort, **fields)
    assert sorted(everything) == sorted(f"NAR-{number}" for number in range(25))
    paged: list[str] = []
    after = None
    while True:
        page = await services.search.search(
            ANONYMOUS, search("narwhal", sort=sort, first=7, after=after, **fields)
        )
        paged += skus(page)
        assert page.has_previous is (after is not None)
        if not page.has_next:
            break
        after = encode_cursor(page.rows[-1][1])
    assert paged == everything
    assert await page.total() == 25


async def test_cursor_of_another_order_is_refused(services) -> None:
    page = await services.search.search(ANONYMOUS, search("wireless", first=1))
    cursor = encode_cursor(page.rows[0][1])
    with pytest.raises(ValidationFailed, match="another order"):
        await services.search.search(ANONYMOUS, search("wireless", sort=ProductSort.PRICE_ASC, after=cursor))
    with pytest.raises(ValidationFailed):
        await services.search.search(ANONYMOUS, search("x", after=encode_cursor(("RELEVANCE", 1, "no id"))))


async def test_facets_are_those_of_brute_force(services, manager, categories) -> None:
    """Every combination of filters; the expected counts come of the products themselves and one filter at a time."""
    chance = random.Random(4)
    top = await categories.create(manager, name="Facets", slug=None, description=None, parent_id=None)
    below = [
        await categories.create(manager, name=f"Facet {n}", slug=None, description=None, parent_id=top.id)
        for n in range(3)
    ]
    for number in range(60):
        await services.products.create(
            manager,
            NewProduct(
                name=f"Gnu Figure {number}",
                price=Decimal(chance.choice(["5", "24.99", "25", "99", "100", "600"])),
                sku=f"GNU-{number}",
                tags=chance.sample(["red", "blue", "green"], chance.randrange(3)),
                category_id=chance.choice([top, *below]).id,
            ),
        )
    await services.search_indexing.index_due()
    every = [row.product for row, _ in (await services.search.search(ANONYMOUS, search("gnu"))).rows]
    assert len(every) == 60
    parents = {category.id: {category.id, *category.ancestors} for category in (top, *below)}
    bounds = [(0, 25), (25, 50), (50, 100), (100, 250), (250, 500), (500, 10**9)]

    def amount(product) -> Decimal:
        return product.price.decimal()

    for category in (None, top.id, below[0].id):
        for tags in ((), ("red",), ("red", "blue")):
            for low, high in ((None, None), (Decimal(25), Decimal(100))):
                in_category = {p.id for p in every if category is None or category in parents[p.category_id]}
                with_tags = {p.id for p in every if set(tags) <= set(p.tags)}
                priced = {p.id for p in every if low is None or low <= amount(p) <= high}
                page = await services.search.search(
                    ANONYMOUS, search("gnu", category_id=category, tags=tags, price_min=low, price_max=high)
                )
                facets = await page.facets()
                by_category = Counter(
                    c for p in every if p.id in with_tags & priced for c in parents[p.category_id]
                )
                by_tag = Counter(t for p in every if p.id in in_category & priced for t in p.tags)
                left = [amount(p) for p in every if p.id in in_category & with_tags]
                by_price = {a: sum(a <= price < b for price in left) for a, b in bounds}
                assert dict(facets.categories) == by_category
                assert dict(facets.tags) == by_tag
                assert {r.lowest // 1000: r.count for r in facets.price_ranges} == {
                    k: v for k, v in by_price.items() if v
                }
                assert await page.total() == len(in_category & with_tags & priced)


async def test_stock_in_facets_and_pages_is_that_of_the_moment(services, manager) -> None:
    for number in range(3):
        await indexed(services, manager, name="Quokka Lamp", sku=f"QUO-{number}", stock=1, tags=["quokka"])
    (first, _), *_ = (await services.search.search(ANONYMOUS, search("quokka"))).rows
    await services.products.adjust_stock(manager, first.product.id, delta=-1, reason=None)
    for in_stock, count in ((True, 2), (False, 1), (None, 3)):
        page = await services.search.search(ANONYMOUS, search("quokka", in_stock=in_stock))
        assert dict((await page.facets()).tags) == {"quokka": count}
        assert len(page.rows) == await page.total() == count


async def test_page_shows_nothing_that_fits_no_longer_before_the_index_follows(services, manager) -> None:
    await indexed(services, manager, name="Numbat Rug", sku="NUM-1", price=Decimal(20), tags=["rug"])
    await indexed(services, manager, name="Numbat Rug", sku="NUM-2", price=Decimal(20), tags=["rug"])
    (first, _), (second, _) = (await services.search.search(ANONYMOUS, search("numbat"))).rows
    await services.products.update(manager, first.product.id, {"price": Decimal(90)})
    await services.products.update(manager, second.product.id, {"tags": ["mat"]})
    assert await found(services.search, "numbat", price_max=Decimal(50)) == [second.product.sku]
    assert await found(services.search, "numbat", tags=["rug"]) == [first.product.sku]
    page = await services.search.search(ANONYMOUS, search("numbat"))
    assert dict((await page.facets()).tags) == {"rug": 2}
    await services.search_indexing.index_due()
    page = await services.search.search(ANONYMOUS, search("numbat"))
    assert dict((await page.facets()).tags) == {"rug": 1, "mat": 1}


async def test_search_considers_a_bounded_number_of_products(services, monkeypatch) -> None:
    monkeypatch.setattr(results, "MAX_CONSIDERED", 2)
    page = await services.search.search(ANONYMOUS, search("wireless"))
    assert await page.total() > 2
    facets = await page.facets()
    assert sum(r.count for r in facets.price_ranges) == 2


async def test_search_costs_two_commands_and_facets_one_more(services, commands) -> None:
    commands.sent.clear()
    page = await services.search.search(ANONYMOUS, search("wireless"))
    assert commands.sent == ["find", "find"]
    await page.total()
    assert commands.sent == ["find", "find"]
    await page.facets()
    await page.facets()
    # The cards once, and the categories of each count.
    assert commands.sent == ["find"] * 5


async def test_what_facets_are_counted_from_is_read_beside_the_page(services, commands) -> None:
    commands.sent.clear()
    page = await services.search.search(ANONYMOUS, search("wireless"), with_facets=True)
    assert commands.sent == ["find"] * 3
    await page.facets()
    assert commands.sent == ["find"] * 4


async def test_suggestions_complete_the_last_word(services) -> None:
    assert await services.search.suggest("head", first=10) == ["headphones"]
    assert await services.search.suggest("Studio hea", first=10) == ["Studio headphones"]
    # There is a speaker, but no studio speaker.
    assert await services.search.suggest("studio spe", first=10) == []
    assert await services.search.suggest("w", first=10) == []
    assert (await services.search.suggest("wi", first=1)) == ["wireless"]
    with pytest.raises(ValidationFailed):
        await services.search.suggest("wi", first=0)
