from base64 import urlsafe_b64encode
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subgraphs.kit.errors import ValidationFailed
from subgraphs.kit.pagination import DEFAULT_PAGE, MAX_PAGE, decode_cursor, encode_cursor, page_size

_parts = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"])),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
)


@given(st.lists(_parts, min_size=1, max_size=4))
def test_a_cursor_gives_its_key_back(parts: list[str | int | float]):
    cursor = encode_cursor(tuple(parts))
    assert decode_cursor(cursor, *map(type, parts)) == tuple(parts)
    assert "=" not in cursor


def test_no_cursor_is_no_key():
    assert decode_cursor(None, str) is None


@given(st.text(max_size=60))
def test_any_text_is_a_cursor_of_the_list_or_refused(text: str):
    found = None
    with suppress(ValidationFailed):
        found = decode_cursor(text, str)
    assert found is None or [type(part) for part in found] == [str]


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"1",
        b"null",
        b'"a"',
        b"{}",
        b"[]",
        b"[1]",
        b"[true]",
        b"[null]",
        b'["a","b"]',
        b'["a"',
        b"[[]]",
        b"\xff",
    ],
)
def test_a_cursor_of_another_shape_is_refused(document: bytes):
    with pytest.raises(ValidationFailed) as refused:
        decode_cursor(urlsafe_b64encode(document).decode(), str)
    assert refused.value.field == "after"


def test_a_boolean_is_no_integer():
    with pytest.raises(ValidationFailed):
        decode_cursor(urlsafe_b64encode(b"[true]").decode(), int)


@pytest.mark.parametrize("first", [1, 20, MAX_PAGE])
def test_a_size_within_the_bounds_is_kept(first: int):
    assert page_size(first) == first


@pytest.mark.parametrize("first", [0, -1, MAX_PAGE + 1, 2**31 - 1])
def test_a_size_outside_of_them_is_refused(first: int):
    with pytest.raises(ValidationFailed) as refused:
        page_size(first)
    assert refused.value.field == "first"


def test_null_is_the_default_size():
    assert page_size(None) == DEFAULT_PAGE
