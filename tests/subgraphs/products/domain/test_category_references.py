import pytest
from hypothesis import given
from hypothesis import strategies as st

from subgraphs.kit.errors import ValidationFailed
from subgraphs.products.domain.categories import MAX_CATEGORY_DEPTH
from subgraphs.products.domain.category_references import CategoryReference, escape, split

NAMES = st.text(alphabet="ab >\\,", min_size=1, max_size=8).map(str.strip).filter(bool)


@pytest.mark.parametrize(
    ("text", "names", "rooted"),
    [
        ("Lamps", ("Lamps",), False),
        (" Home >Lamps ", ("Home", "Lamps"), True),
        ("> Home", ("Home",), True),
        ("a \\> b > c", ("a > b", "c"), True),
        ("back\\slash", ("back\\slash",), False),
        ("two\\\\slashes", ("two\\slashes",), False),
    ],
)
def test_text_is_read_as_names_from_the_top(text, names, rooted) -> None:
    assert CategoryReference.parse(text) == CategoryReference(names, rooted)


@pytest.mark.parametrize(
    "text", ["", ">", "A >", "A > > B", ">> A", " > ".join("x" * (MAX_CATEGORY_DEPTH + 1))]
)
def test_text_that_names_no_category_is_refused(text) -> None:
    with pytest.raises(ValidationFailed) as raised:
        CategoryReference.parse(text)
    assert raised.value.field == "category"


@given(st.lists(NAMES, min_size=1, max_size=MAX_CATEGORY_DEPTH))
def test_reference_reads_back_from_its_text(names) -> None:
    reference = CategoryReference.path(names)
    assert CategoryReference.parse(str(reference)) == reference


@given(st.lists(NAMES, min_size=1))
def test_parts_read_back_from_their_joined_text(parts) -> None:
    assert split(",".join(escape(part, ",") for part in parts), ",") == parts
