import pytest
from hypothesis import given
from hypothesis import strategies as st

from subgraphs.products.domain.search.analyser import MAX_WORD, index_terms, query_terms, sku_term, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Over-Ear Headphones, 26 cm", ["over", "ear", "headphones", "26", "cm"]),
        ("Chef's KNIVES; women\u2019s", ["chef", "knives", "women"]),
        ("Crème Brûlée Ørsted Łódź", ["creme", "brulee", "orsted", "lodz"]),
        ("Straße ﬁne \uff26\uff55\uff4c\uff4c", ["strasse", "fine", "full"]),
        ("Ёлка Ωμέγα", ["елка", "ωμεγα"]),
        ("हिन्दी किताब", ["हिन्दी", "किताब"]),
        ("18K保温杯mug", ["18k", "保温杯", "mug"]),
        ("がぎ", ["がぎ"]),
        ("— … !", []),
        ("x" * 100, ["x" * MAX_WORD]),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    assert list(words(text)) == expected


def test_stem_stands_beside_the_word_as_it_is_written() -> None:
    assert list(index_terms("headphones")) == ["headphones", "~headphon"]
    assert list(index_terms("mug")) == ["mug"]
    assert list(index_terms("елки")) == ["елки"]


def test_ideographs_are_indexed_alone_and_in_pairs() -> None:
    assert list(index_terms("保温杯")) == ["保", "温", "杯", "保温", "温杯"]
    assert query_terms("保温杯") == [["保温"], ["温杯"]]
    assert query_terms("杯") == [["杯"]]


@pytest.mark.parametrize(
    ("one", "other"), [("mugs", "mug"), ("mug", "mugs"), ("berries", "berry"), ("charging", "charger")]
)
def test_other_form_of_a_word_is_found(one: str, other: str) -> None:
    (terms,) = query_terms(one)
    assert (set(terms) & set(index_terms(other)) != set()) is (other != "charger")


def test_sku_is_one_term_whatever_its_case_and_punctuation() -> None:
    assert sku_term("KIT-SKL/26") == sku_term("kit skl 26") == "#kitskl26"
    assert sku_term("杯") is None
    assert sku_term("x" * 65) is None


@given(st.text(max_size=80))
def test_whatever_was_indexed_is_found_by_the_same_text(text: str) -> None:
    indexed = {term for word in words(text) for term in index_terms(word)}
    for word in words(text):
        assert all(set(terms) & indexed for terms in query_terms(word))


@given(st.text(max_size=80))
def test_words_are_stable_and_without_spaces(text: str) -> None:
    found = list(words(text))
    assert all(word and not any(c.isspace() for c in word) for word in found)
    assert [w for word in found for w in words(word)] == found
