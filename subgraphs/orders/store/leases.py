"""Rows whose time has come, leased: whoever claims one has it alone for a while, and a lost claimant loses nothing."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Column, DateTime, Float, Interval, Table, func, literal, select, update
from sqlalchemy.sql.dml import ReturningUpdate

# With a lease of one second, what keeps failing is tried after 1, 2, 4 … and then every 64 seconds: often enough
# that customers need not wait long after an outage.
_MAX_DOUBLINGS = 6


def claim(
    table: Table,
    due: Column[Any],
    *,
    now: datetime,
    lease: timedelta,
    limit: int,
    returning: Sequence[Column[Any]],
) -> ReturningUpdate[Any]:
    """Lease up to `limit` rows of `table` that are due by the column `due`; one that keeps failing comes less often.

    The table has a column `attempts`, which counts. What others are claiming is passed over.
    """
    keys = list(table.primary_key.columns)
    # A CTE, since a plan may run a subquery again for each row and then lock more than `limit`.
    found = (
        select(*keys)
        .where(due <= now)
        .order_by(due)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("due")
    )
    # The exponent is bounded, not the power, which would overflow after a thousand attempts.
    back_off = func.power(2, func.least(table.c.attempts, _MAX_DOUBLINGS), type_=Float())
    pause = func.make_interval(0, 0, 0, 0, 0, 0, back_off * lease.total_seconds(), type_=Interval())
    again = literal(now, DateTime(timezone=True)) + pause
    return (
        update(table)
        .where(*(key == found.c[key.name] for key in keys))
        .values({due.name: again, "attempts": table.c.attempts + 1})
        .returning(*returning)
    )
