"""The background work on stock: unfinished and expired reservations, stray holds, movements, what is past its time."""

from subgraphs.kit.background import Job, measurement
from subgraphs.products.metrics import HELD_UNITS, HOLDS, OVERSOLD
from subgraphs.products.service.movements import StockMovements
from subgraphs.products.service.reconciliation import Reconciliation
from subgraphs.products.service.upkeep import BATCH, PURGE_BATCH, StockUpkeep
from subgraphs.products.settings import StockSettings

_COLLECT_EVERY = 1.0
"""Seconds that movements stay in the document of their product, which each of its writes carries along."""


def stock_jobs(upkeep: StockUpkeep, settings: StockSettings) -> tuple[Job, ...]:
    async def sweep() -> bool:
        return await upkeep.sweep(stale_after=settings.stale_after) >= BATCH

    async def audit() -> None:
        await upkeep.audit(older_than=settings.stale_after)

    async def purge() -> bool:
        deleted = await upkeep.purge(keep_released=settings.keep_released, keep_sold=settings.keep_sold)
        return deleted >= PURGE_BATCH

    purge_every = settings.purge_every.total_seconds()
    return (
        Job(name="stock_sweep", run_once=sweep, every=settings.sweep_every.total_seconds()),
        Job(name="stock_audit", run_once=audit, every=settings.audit_every.total_seconds()),
        # The audit looks first: it needs the reservation that a stray hold belongs to.
        Job(name="stock_purge", run_once=purge, every=purge_every, delay=purge_every),
    )


def measurement_job(reconciliation: Reconciliation) -> Job:
    """Each process reads the same of the database."""

    async def measure() -> None:
        held = await reconciliation.measure()
        HOLDS.set(held.holds)
        HELD_UNITS.set(held.units)
        OVERSOLD.set(held.oversold)

    return measurement("stock_measurement", measure, every=30.0)


def movement_jobs(movements: StockMovements, settings: StockSettings) -> tuple[Job, ...]:
    async def purge() -> bool:
        return await movements.purge(keep=settings.keep_movements)

    purge_every = settings.purge_every.total_seconds()
    return (
        Job(name="stock_movements", run_once=movements.collect, every=_COLLECT_EVERY),
        Job(name="stock_movements_purge", run_once=purge, every=purge_every, delay=purge_every),
    )
