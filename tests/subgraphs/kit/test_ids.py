"""Identifiers and their one form."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subgraphs.kit.ids import is_id, new_id

CANONICAL = "01a20e27-2171-703d-b756-8e0f7b4fd202"


def test_new_ids_are_ids_of_version_7_and_grow() -> None:
    ids = [new_id() for _ in range(100)]
    assert all(is_id(one) and UUID(one).version == 7 for one in ids)
    assert ids == sorted(ids)


@given(st.uuids())
def test_the_canonical_text_of_a_uuid_is_an_id(uuid: UUID) -> None:
    assert is_id(str(uuid))


NOT_CANONICAL = [
    CANONICAL.upper(),
    CANONICAL.replace("-", ""),
    f"{{{CANONICAL}}}",
    f"urn:uuid:{CANONICAL}",
    CANONICAL + "\n",
    " " + CANONICAL,
    CANONICAL[:-1] + "g",
    CANONICAL[:-1] + "٣",
    CANONICAL * 2,
]


@pytest.mark.parametrize("text", ["", "1", *NOT_CANONICAL])
def test_any_other_text_is_none(text: str) -> None:
    assert not is_id(text)
