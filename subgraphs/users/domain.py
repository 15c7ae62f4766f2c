"""Accounts, roles and sessions, free of any store or framework."""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NewType, TypedDict

from subgraphs.kit.errors import ValidationFailed

UserId = NewType("UserId", str)
SessionId = NewType("SessionId", str)
AccessId = NewType("AccessId", str)
RoleVersion = NewType("RoleVersion", str)


class Role(StrEnum):
    USER = "USER"
    STAFF = "STAFF"
    ADMIN = "ADMIN"


class Permission(StrEnum):
    MANAGE_USERS = "MANAGE_USERS"
    MANAGE_PRODUCTS = "MANAGE_PRODUCTS"
    MANAGE_ORDERS = "MANAGE_ORDERS"
    VIEW_REPORTS = "VIEW_REPORTS"


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
class Device:
    """Where a request came from, as far as it says."""

    user_agent: str
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One login and all refreshes that follow from it: a family of refresh tokens (RFC 9700, 4.14.2).

    `access_id` is what its access tokens name as their session; it changes when they must stop while the
    session goes on.
    """

    id: SessionId
    user_id: UserId
    access_id: AccessId
    device: Device
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Authentication:
    """What a login, a registration or a refresh gives: a user and the tokens to act as that user."""

    user: User
    access_token: str
    expires_at: datetime
    refresh_token: str


class ActivityKind(StrEnum):
    REGISTERED = "REGISTERED"
    LOGGED_IN = "LOGGED_IN"
    LOGIN_FAILED = "LOGIN_FAILED"
    LOGGED_OUT = "LOGGED_OUT"
    SESSIONS_ENDED = "SESSIONS_ENDED"
    REFRESH_TOKEN_REUSED = "REFRESH_TOKEN_REUSED"  # noqa: S105 - a kind of event
    PROFILE_CHANGED = "PROFILE_CHANGED"
    PASSWORD_CHANGED = "PASSWORD_CHANGED"  # noqa: S105 - same
    PASSWORD_CHANGE_FAILED = "PASSWORD_CHANGE_FAILED"  # noqa: S105 - same
    PASSWORD_RESET_REQUESTED = "PASSWORD_RESET_REQUESTED"  # noqa: S105 - same
    PASSWORD_RESET = "PASSWORD_RESET"  # noqa: S105 - same
    ROLE_CHANGED = "ROLE_CHANGED"
    ENABLED = "ENABLED"
    DISABLED = "DISABLED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """What is to be written to the activity log of `user_id`.

    `detail` is a word or two, such as the names of the fields that changed; never a value of theirs.
    """

    kind: ActivityKind
    user_id: UserId | None
    device: Device
    actor_id: UserId | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity(Deed):
    """An entry of the activity log."""

    id: str
    at: datetime


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


USERNAME_LENGTH = range(3, 33)
PASSWORD_LENGTH = range(8, 129)
_NAME_MAX = 100
_ADDRESS_MAX = 500
# RFC 5321, 4.5.3.1: a local part of 64 octets; RFC 3696 erratum 1690: 254 for the whole.
_LOCAL_MAX = 64
_EMAIL_MAX = 254

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
    if match is None or len(match[0]) > _EMAIL_MAX or len(match["local"]) > _LOCAL_MAX:
        raise ValidationFailed("Write an e-mail address like name@example.com.", field="email")
    return match[0]


def checked_password(value: str, *, field: str = "password") -> str:
    """`value`, if its length will do; what it is made of is left to its owner (NIST SP 800-63B, 3.1.1.2)."""
    if len(value) not in PASSWORD_LENGTH:
        raise ValidationFailed("A password has 8 to 128 characters.", field=field)
    return value


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
    if len(text) > _NAME_MAX or not text.isprintable():
        raise ValidationFailed(f"A name is one line of at most {_NAME_MAX} characters.", field=field)
    return text or None


def checked_address(value: str | None) -> str | None:
    """Lines of text without white space around them; None for nothing."""
    lines = [line.strip() for line in (value or "").strip().splitlines()]
    text = "\n".join(lines)
    if len(text) > _ADDRESS_MAX or not all(map(str.isprintable, lines)):
        raise ValidationFailed(f"An address is text of at most {_ADDRESS_MAX} characters.", field="address")
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


def unique_key(name: str) -> str:
    """What must be unique of a username or an e-mail address: both are ASCII, so case is all that varies.

    The local part of an address may differ by case in theory (RFC 5321, 2.4); no mail service in use
    tells them apart, and an attacker would.
    """
    return name.strip().casefold()
