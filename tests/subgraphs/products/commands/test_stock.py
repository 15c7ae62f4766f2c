"""`python -m subgraphs.products stock reconcile`."""

import argparse
import asyncio
from datetime import timedelta

import orjson
import pytest

from subgraphs.kit import logs
from subgraphs.kit.cli import main
from subgraphs.products.__main__ import SERVICE
from subgraphs.products.commands import stock as stock_command

pytestmark = pytest.mark.usefixtures("empty")


@pytest.fixture
def run(engines, database, monkeypatch, capsys):
    """Runs the command on the database of the tests; its exit code and what it printed."""
    # The log of this process stays the test run's.
    monkeypatch.setattr(logs, "configure", lambda *_, **__: None)
    url = engines.mongo.rpartition("/")[0] + f"/{database.name}"
    monkeypatch.setenv("PRODUCTS_DATABASE_URL", url)

    async def command(arguments: str) -> tuple[int, str]:
        code = 0
        try:
            await asyncio.to_thread(main, SERVICE, ["stock", "reconcile", *arguments.split()])
        except SystemExit as ended:
            code = int(ended.code or 0)
        return code, capsys.readouterr().out

    return command


async def test_what_differs_is_told_then_mended_and_then_gone(run, make, stock) -> None:
    assert await run("") == (0, "Stock and reservations agree.\n")
    mug = await make(stock=5, sku="MUG-1")
    await stock.database["products"].update_one({"_id": mug.id}, {"$inc": {"available": 2}})
    told = "units: product MUG-1: 7 available and 0 held make 7, where 5 are on hand"
    assert await run("") == (1, f"{told}\nDisagreements: 1, of which 1 are left.\n")
    code, text = await run("--json")
    assert (code, orjson.loads(text)) == (
        1,
        {
            "kind": "units",
            "message": told.partition(": ")[2],
            "product_id": mug.id,
            "order_id": None,
            "repaired": None,
        },
    )
    assert await run("--repair") == (0, f"{told}; mended\nDisagreements: 1, of which 0 are left.\n")
    assert await run("--repair") == (0, "Stock and reservations agree.\n")
    assert await stock.of(mug) == (5, {})


async def test_what_cannot_be_mended_is_told(run, make, stock) -> None:
    mug = await make(stock=1)
    stock.clock.ahead = timedelta(hours=-2)
    await stock.reserve("o1", (mug, 1))
    await stock.inventory.pin("o1")
    await stock.database["products"].update_one({"_id": mug.id}, {"$set": {"holds": [], "on_hand": 0}})
    code, text = await run("--repair")
    assert (code, text.splitlines()[0]) == (
        1,
        f"missing hold: order o1 is PINNED without its hold of 1 of product {mug.id}; could not be mended",
    )


async def test_time_that_a_payment_may_take_is_the_operators(run, make, stock) -> None:
    mug = await make(stock=1)
    stock.clock.ahead = timedelta(hours=-2)
    await stock.reserve("o1", (mug, 1))
    await stock.inventory.pin("o1")
    assert (await run("--pinned-for 3h"))[0] == 0
    code, text = await run("--repair --pinned-for 90m")
    assert (code, text.splitlines()[0]) == (
        0,
        "pinned for long: order o1 has had its hold pinned for more than 1:30:00; mended",
    )
    assert await stock.state("o1") == "HELD"


@pytest.mark.parametrize("text", ["", "1", "h", "-1h", "1w", "1.5h", "999999d"])
def test_other_times_are_refused(text) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="is not a time such as 30m, 12h or 2d"):
        stock_command._duration(text)
