from datetime import timedelta

import pytest
from pydantic import ValidationError

from subgraphs.products.jobs import stock as jobs_module
from subgraphs.products.jobs.stock import stock_jobs
from subgraphs.products.service import upkeep as upkeep_module
from subgraphs.products.settings import StockSettings


async def test_jobs_sweep_audit_and_purge_by_the_settings(stock, make, order) -> None:
    sweep, audit, purge = stock_jobs(stock.upkeep, StockSettings(purge_every="5m"))
    assert [(job.name, job.every, job.delay) for job in (sweep, audit, purge)] == [
        ("stock_sweep", 2.0, 0.0),
        ("stock_audit", 60.0, 0.0),
        ("stock_purge", 300.0, 300.0),
    ]
    mug = await make(stock=5)
    await stock.reserve(order, (mug, 2))
    stock.clock.ahead += timedelta(minutes=16)
    assert await sweep.run_once() is False
    assert await stock.of(mug) == (5, {})
    stray = {"rid": order, "q": 2, "at": stock.clock(), "id": "late"}
    await stock.database["products"].update_one(
        {"_id": mug.id}, {"$inc": {"available": -2}, "$push": {"holds": stray}}
    )
    stock.clock.ahead += timedelta(days=8)
    await audit.run_once()
    assert await stock.of(mug) == (5, {})
    await stock.database["reservations"].update_one({"_id": order}, {"$unset": {"publish_after": ""}})
    assert await purge.run_once() is False
    assert await stock.state(order) is None


async def test_full_batches_are_followed_at_once(stock, order, monkeypatch) -> None:
    monkeypatch.setattr(jobs_module, "PURGE_BATCH", 3)
    monkeypatch.setattr(upkeep_module, "PURGE_BATCH", 3)
    for n in range(4):
        await stock.inventory.release(f"{order}-{n}")
    stock.clock.ahead += timedelta(days=8)
    purge = stock_jobs(stock.upkeep, StockSettings())[2]
    assert [await purge.run_once() for _ in range(2)] == [True, False]


@pytest.mark.parametrize(("name", "value"), [("keep_released", "59m"), ("keep_sold", "23h")])
def test_reservations_cannot_be_kept_for_too_short(name, value) -> None:
    with pytest.raises(ValidationError):
        StockSettings(**{name: value})
