"""The form of refresh tokens, and how the successor is hidden."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subgraphs.users.credentials.refresh_tokens import RefreshToken


def test_token_is_512_random_bits_and_comes_back_from_its_text():
    token = RefreshToken.new()
    assert len(token.text) == 86
    assert RefreshToken.parse(token.text) == token
    assert RefreshToken.new() != token


@pytest.mark.parametrize("change", ["", "A", "=", "\x00", "é", " "])
def test_other_text_is_no_token(change):
    assert RefreshToken.parse(RefreshToken.new().text[: 85 if change == "" else 86] + change) is None


@given(st.text())
def test_no_text_breaks_the_parser(text):
    token = RefreshToken.parse(text)
    assert token is None or token.text == text


def test_second_spelling_of_a_token_is_refused():
    text = RefreshToken.new().text
    # 86 characters hold 516 bits: the last 4 are free, and only zero is ours.
    other = text[:-1] + chr(ord(text[-1]) + 1)
    assert RefreshToken.parse(other) is None


def test_successor_is_of_the_family_and_is_unsealed_by_its_predecessor_only():
    token = RefreshToken.new()
    successor = token.successor()
    sealed = token.seal(successor)
    assert successor.family == token.family
    assert successor.secret not in {token.secret, sealed}
    assert token.unseal(sealed) == successor
    assert token.successor().unseal(sealed) != successor


def test_text_of_a_token_stays_out_of_logs():
    token = RefreshToken.new()
    assert repr(token) == str(token) == "RefreshToken(…)"
