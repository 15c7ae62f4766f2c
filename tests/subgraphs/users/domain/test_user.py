"""The rules of an account's fields."""

from string import ascii_letters, digits

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subgraphs.kit.errors import ValidationFailed
from subgraphs.users.domain import user as domain
from subgraphs.users.domain.password import checked_password


@pytest.mark.parametrize("name", ["ann", "Ann.B_c-9", "x" * 32, "..."])
def test_username_of_allowed_characters_is_kept_as_written(name):
    assert domain.checked_username(name) == name


@pytest.mark.parametrize("name", ["", "ab", "x" * 33, "a b", "änn", "a@b", "ann\n", "ann\x00", "\uff41nn"])
def test_username_of_other_form_is_refused(name):
    with pytest.raises(ValidationFailed) as caught:
        domain.checked_username(name)
    assert caught.value.field == "username"


@pytest.mark.parametrize(
    "address",
    [
        "a@b.co",
        "First.Last+tag@example.com",
        "o'hara@sub.example.co.uk",
        "x" * 64 + "@example.com",
        "name@xn--mller-kva.example",
        "a@1.example",
    ],
)
def test_email_address_is_kept_as_written(address):
    assert domain.checked_email(f" {address}\n") == address


@pytest.mark.parametrize(
    "address",
    [
        None,
        "",
        "name",
        "name@",
        "@example.com",
        "name@localhost",
        "a@b@example.com",
        ".a@example.com",
        "a.@example.com",
        "a..b@example.com",
        "a b@example.com",
        "name@-example.com",
        "name@example-.com",
        "name@example..com",
        "name@10.0.0.1",
        "name@müller.example",
        "name@example.com\x00",
        "name@example.com\nbcc: x@example.com",
        "x" * 65 + "@example.com",
        "x@" + ".".join(["y" * 63] * 4) + ".com",
        "x@" + "y" * 64 + ".com",
    ],
)
def test_email_address_of_other_form_is_refused(address):
    with pytest.raises(ValidationFailed) as caught:
        domain.checked_email(address)
    assert caught.value.field == "email"


def test_email_pattern_takes_linear_time():
    with pytest.raises(ValidationFailed):
        domain.checked_email("a" * 200_000 + "@" + "b." * 200_000)


@pytest.mark.parametrize(("length", "fits"), [(0, False), (7, False), (8, True), (128, True), (129, False)])
def test_password_is_judged_by_its_length_alone(length, fits):
    password = "🔑" * length
    if fits:
        assert checked_password(password) == password
    else:
        with pytest.raises(ValidationFailed) as caught:
            checked_password(password, field="newPassword")
        assert caught.value.field == "newPassword"


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("+1 (555) 010-0123", "+15550100123"),
        ("030/901820.0", "0309018200"),
        ("5550100", "5550100"),
        ("  ", None),
        ("", None),
        (None, None),
    ],
)
def test_phone_number_is_stored_as_digits(written, stored):
    assert domain.checked_phone(written) == stored


@pytest.mark.parametrize(
    "number",
    [
        "555",
        "1" * 16,
        "+",
        "1+5550100",
        "555010x",
        "\u0665\u0665\u0665\u0660\u0661\u0660\u0660",
        "5550100\x00",
    ],
)
def test_phone_number_of_other_form_is_refused(number):
    with pytest.raises(ValidationFailed) as caught:
        domain.checked_phone(number)
    assert caught.value.field == "phone"


def test_name_is_one_line_of_at_most_a_hundred_characters():
    assert domain.checked_name(" Zoë O\u2019Hara ", field="firstName") == "Zoë O\u2019Hara"
    assert domain.checked_name(" ", field="firstName") is None
    for bad in ("x" * 101, "a\nb", "a\x00b", "a\u202eb"):
        with pytest.raises(ValidationFailed) as caught:
            domain.checked_name(bad, field="lastName")
        assert caught.value.field == "lastName"


def test_address_keeps_its_lines():
    assert domain.checked_address(" 1 Main St \r\n Springfield\n") == "1 Main St\nSpringfield"
    assert domain.checked_address("\n") is None
    for bad in ("x" * 501, "a\x00b"):
        with pytest.raises(ValidationFailed) as caught:
            domain.checked_address(bad)
        assert caught.value.field == "address"


def test_change_holds_only_what_was_given():
    assert domain.checked_change({"phone": None, "first_name": " Ann "}) == {
        "phone": None,
        "first_name": "Ann",
    }
    assert domain.checked_change({}) == {}


@given(st.text(ascii_letters + digits + "_.-", min_size=3, max_size=32))
def test_unique_key_does_not_change_with_case(name):
    assert domain.unique_key(name.upper()) == domain.unique_key(name.lower()) == domain.unique_key(name)


@given(st.text())
def test_checked_fields_can_be_stored_and_checked_again(text):
    checks = [
        domain.checked_username,
        domain.checked_email,
        domain.checked_phone,
        domain.checked_address,
        lambda v: domain.checked_name(v, field="firstName"),
    ]
    for check in checks:
        try:
            once = check(text)
        except ValidationFailed:
            continue
        assert check(once) == once
        assert "\x00" not in (once or "")
