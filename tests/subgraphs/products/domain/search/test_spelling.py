import pytest
from hypothesis import given
from hypothesis import strategies as st

from subgraphs.products.domain.search.spelling import deletions, may_be_mistyped, one_edit_apart

letters = st.text("abcde", max_size=7)


@pytest.mark.parametrize(
    ("one", "other", "near"),
    [
        ("headphones", "hedphones", True),
        ("kettle", "ketttle", True),
        ("kettle", "kottle", True),
        ("kettle", "kettel", True),
        ("kettle", "ettle", True),
        ("kettle", "kettle", False),
        ("kettle", "kottel", False),
        ("kettle", "kttel", False),
        ("abcd", "badc", False),
    ],
)
def test_one_edit_apart(one: str, other: str, near: bool) -> None:  # noqa: FBT001 - a case
    assert one_edit_apart(one, other) is near
    assert one_edit_apart(other, one) is near


def edits(word: str) -> set[str]:
    """All words one edit from `word`, made one by one."""
    places = range(len(word) + 1)
    made = {word[:i] + word[i + 1 :] for i in places}
    made |= {word[:i] + c + word[i:] for i in places for c in "abcde"}
    made |= {word[:i] + c + word[i + 1 :] for i in range(len(word)) for c in "abcde"}
    made |= {word[:i] + word[i + 1] + word[i] + word[i + 2 :] for i in range(len(word) - 1)}
    return made - {word}


@given(letters, letters)
def test_nearness_is_that_of_all_edits(one: str, other: str) -> None:
    assert one_edit_apart(one, other) is (other in edits(one))


@given(letters, st.data())
def test_words_one_edit_apart_share_a_deletion(word: str, data: st.DataObject) -> None:
    other = data.draw(st.sampled_from(sorted(edits(word))))
    assert deletions(word) & deletions(other)


def test_short_words_and_numbers_are_never_mistyped() -> None:
    assert not may_be_mistyped("mugs")
    assert not may_be_mistyped("12345")
    assert may_be_mistyped("bowls")
