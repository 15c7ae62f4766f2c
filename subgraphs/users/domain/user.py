"""Accounts: their fields, and the rules of each."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import NewType, TypedDict

from subgraphs.kit.errors import ValidationFailed
from subgraphs.users.domain.permissions import Role, RoleVersion

UserId = NewType("UserId", str)


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """An account. Its permissions are those of its role in that version of the role."""

    id: UserId
    username: str
    email: str
    first_name: str | None
    last_name: str | None
    phone: str | None
    address: str | None
    role: Role
    role_version: RoleVersion
    active: bool
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NewUser:
    """The checked fields of an account that is to be."""

    username: str
    email: str
    first_name: str | None
    last_name: str | None
    phone: str | None
    address: str | None


class ProfileChange(TypedDict, total=False):
    """The fields of a profile that change; None clears."""

    email: str | None
    first_name: str | None
    last_name: str | None
    phone: str | None
    address: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class UserFilter:
    """Which accounts of a list are meant; a field that is None, or an empty `search`, leaves none out."""

    search: str = ""
    role: Role | None = None
    active: bool | None = None


USERNAME_LENGTH = range(3, 33)
SEARCH_MAX = 100
NAME_MAX = 100
ADDRESS_MAX = 500
# RFC 5321, 4.5.3.1: a local part of 64 octets; RFC 3696 erratum 1690: 254 for the whole.
_LOCAL_MAX = 64
EMAIL_MAX = 254

_USERNAME = re.compile(r"[A-Za-z0-9_.-]+")
# RFC 5321's Dot-string and domain names with at least one dot. Quoted local parts and address literals
# are legal and, in an account's address, always a mistake. An internationalised domain is written in
# its xn-- form, so that two spellings of one domain cannot be two accounts.
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_EMAIL = re.compile(rf"(?P<local>{_ATOM}(?:\.{_ATOM})*)@(?:{_LABEL}\.)+(?!\d+\Z){_LABEL}")
# E.164 allows 15 digits; the shortest numbers in use have 7.
_PHONE = re.compile(r"\+?\d{7,15}", re.ASCII)
_PHONE_PUNCTUATION = str.maketrans("", "", " -./()")


def checked_username(value: str) -> str:
    if len(value) not in USERNAME_LENGTH or not _USERNAME.fullmatch(value):
        raise ValidationFailed(
            "A username has 3 to 32 letters, digits, underscores, dots or hyphens.", field="username"
        )
    return value


def checked_email(value: str | None) -> str:
    match = _EMAIL.fullmatch((value or "").strip())
    if match is None or len(match[0]) > EMAIL_MAX or len(match["local"]) > _LOCAL_MAX:
        raise ValidationFailed("Write an e-mail address like name@example.com.", field="email")
    return match[0]


def checked_phone(value: str | None) -> str | None:
    """The digits, with `+` in front where that was there."""
    compact = (value or "").translate(_PHONE_PUNCTUATION)
    if not compact:
        return None
    if not _PHONE.fullmatch(compact):
        raise ValidationFailed("Write a phone number of 7 to 15 digits, like +1 555 0100123.", field="phone")
    return compact


def checked_name(value: str | None, *, field: str) -> str | None:
    """One line of text without white space around it; None for nothing."""
    text = (value or "").strip()
    if len(text) > NAME_MAX or not text.isprintable():
        raise ValidationFailed(f"A name is one line of at most {NAME_MAX} characters.", field=field)
    return text or None


def checked_address(value: str | None) -> str | None:
    """Lines of text without white space around them; None for nothing."""
    lines = [line.strip() for line in (value or "").strip().splitlines()]
    text = "\n".join(lines)
    if len(text) > ADDRESS_MAX or not all(map(str.isprintable, lines)):
        raise ValidationFailed(f"An address is text of at most {ADDRESS_MAX} characters.", field="address")
    return text or None


def checked_change(change: ProfileChange) -> ProfileChange:
    """`change` in the form in which it is stored. Raises ValidationFailed, naming the field."""
    checked: ProfileChange = {}
    if "email" in change:
        checked["email"] = checked_email(change["email"])
    if "first_name" in change:
        checked["first_name"] = checked_name(change["first_name"], field="firstName")
    if "last_name" in change:
        checked["last_name"] = checked_name(change["last_name"], field="lastName")
    if "phone" in change:
        checked["phone"] = checked_phone(change["phone"])
    if "address" in change:
        checked["address"] = checked_address(change["address"])
    return checked


def same_address(one: str, other: str) -> bool:
    """Whether two e-mail addresses are one as far as accounts go: they may differ by case."""
    return unique_key(one) == unique_key(other)


def unique_key(name: str) -> str:
    """What must be unique of a username or an e-mail address: both are ASCII, so case is all that varies.

    The local part of an address may differ by case in theory (RFC 5321, 2.4); no mail service in use
    tells them apart, and an attacker would.
    """
    return name.strip().casefold()


def checked_search(value: str | None) -> str:
    """What is looked for in names and addresses, without white space around it."""
    text = (value or "").strip()
    if len(text) > SEARCH_MAX or not text.isprintable():
        raise ValidationFailed(f"`search` is text of at most {SEARCH_MAX} characters.", field="search")
    return text
