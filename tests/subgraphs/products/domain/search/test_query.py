import pytest

from subgraphs.kit.errors import ValidationFailed
from subgraphs.products.domain.search.query import MAX_PARTS, MAX_QUERY, Query


def test_each_word_is_a_part_with_its_forms_and_skus() -> None:
    query = Query.parse("Red Mugs")
    assert [dict(part.terms) for part in query.parts] == [
        {"red": 1.0, "~red": 0.8, "#red": 2.0, "#redmugs": 2.0},
        {"mugs": 1.0, "~mug": 0.8, "mug": 0.8, "#mugs": 2.0, "#redmugs": 2.0},
    ]
    assert query.terms(active=False)[0] == "-red"


def test_words_count_once_and_only_the_first_eight() -> None:
    assert len(Query.parse("mug mug Mug").parts) == 1
    assert [part.word for part in Query.parse(" ".join("abcdefghij")).parts] == list("abcdefgh")
    assert MAX_PARTS == 8


@pytest.mark.parametrize("text", ["", "  ", "!? —", "x" * (MAX_QUERY + 1)])
def test_text_that_is_no_query_is_refused(text: str) -> None:
    with pytest.raises(ValidationFailed) as refused:
        Query.parse(text)
    assert refused.value.field == "query"


def test_long_run_of_ideographs_is_bounded_too() -> None:
    assert len(Query.parse("保温杯" * 60).parts) <= MAX_PARTS
