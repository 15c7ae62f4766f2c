import pytest

from subgraphs.kit.errors import ValidationFailed
from subgraphs.orders.domain.texts import check_text


@pytest.mark.parametrize(("value", "least"), [(None, 1), ("", 0), ("x" * 200, 0), ("Zürich 東京", 1)])
def test_text_that_fits_is_let_through(value: str | None, least: int):
    check_text(value, field="reason", least=least)


@pytest.mark.parametrize(("value", "least"), [("", 1), ("x" * 201, 0), ("a\0b", 0)])
def test_text_that_the_database_would_refuse_is_refused_by_name(value: str, least: int):
    with pytest.raises(ValidationFailed) as refused:
        check_text(value, field="reason", least=least)
    assert refused.value.field == "reason"
