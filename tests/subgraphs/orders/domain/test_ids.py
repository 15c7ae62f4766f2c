import re
from datetime import UTC, datetime

from subgraphs.orders.domain.ids import new_number


def test_a_number_is_the_day_and_eight_letters_that_cannot_be_misread():
    at = datetime(2026, 1, 31, 23, 59, tzinfo=UTC)
    numbers = {new_number(at) for _ in range(500)}
    assert len(numbers) == 500
    for number in numbers:
        assert re.fullmatch(r"ORD-20260131-[0-9A-HJKMNP-TV-Z]{8}", number)
