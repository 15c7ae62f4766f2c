"""Where the holds of a product are looked for."""

from datetime import timedelta

from subgraphs.products.domain.reservations import State


async def test_holds_are_written_and_quoted_by_the_id_of_their_product_alone(
    stock, make, order, commands
) -> None:
    """The embedded server reads the whole collection for anything more."""
    mug = await make(stock=5)
    commands.whole.clear()
    await stock.reserve(order, (mug, 2))
    assert await stock.inventory.commit(order) is State.COMMITTED
    assert await stock.inventory.restock(order) is State.RESTOCKED
    await stock.reserve(f"{order}-2", (mug, 1))
    assert await stock.inventory.release(f"{order}-2") is State.RELEASED
    await stock.upkeep.audit(older_than=timedelta(days=1))
    of_products = [c for c in commands.whole if "products" in (c.get("update"), c.get("find"))]
    asked = [query for c in of_products for query in queries(c) if "_id" in query]
    assert len(asked) >= 7
    assert {frozenset(query) for query in asked} == {frozenset({"_id"})}
    assert await stock.of(mug) == (5, {})


def queries(command: dict) -> list[dict]:
    return [each["q"] for each in command.get("updates", ())] or [command["filter"]]
