"""How the shared scalars are written."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from subgraphs.kit.graphql.scalars import SCALARS

INSTANT = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("instant", "text"),
    [
        (INSTANT, "2026-01-31T12:00:00Z"),
        (INSTANT.replace(microsecond=120_000), "2026-01-31T12:00:00.120000Z"),
        (INSTANT.astimezone(timezone(timedelta(hours=-5))), "2026-01-31T12:00:00Z"),
        (INSTANT.astimezone(timezone(timedelta(0), "zero")), "2026-01-31T12:00:00Z"),
        (INSTANT.astimezone(ZoneInfo("Asia/Kolkata")), "2026-01-31T12:00:00Z"),
        (datetime(1, 1, 1, tzinfo=UTC), "0001-01-01T00:00:00Z"),
    ],
)
def test_an_instant_is_written_in_utc_whatever_its_offset(instant: datetime, text: str) -> None:
    serialize = SCALARS[datetime].serialize
    assert serialize is not None
    assert serialize(instant) == text
