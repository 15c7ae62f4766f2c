"""Accounts and tokens."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import ConfigDict, Field, model_validator

from clients.rest.models.base import OPTIONAL_LINE, Answer, Body, Id, LowerEnum


class Role(LowerEnum):
    USER = "user"
    STAFF = "staff"
    ADMIN = "admin"


MAX_TOKEN = 512
_MAX_PASSWORD = 128
_PASSWORD_FORMAT = {"format": "password"}
Password = Annotated[str, Field(min_length=1, max_length=_MAX_PASSWORD, json_schema_extra=_PASSWORD_FORMAT)]
NewPassword = Annotated[
    str, Field(min_length=8, max_length=_MAX_PASSWORD, json_schema_extra=_PASSWORD_FORMAT)
]

Username = Annotated[str, Field(min_length=3, max_length=32, pattern="^[A-Za-z0-9_.-]+$")]
# RFC 5321's Dot-string at a domain with a dot, which ends in no number (RFC 3696, 2); white space around it is
# not part of it.
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_TOP_LABEL = r"[A-Za-z]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
Email = Annotated[
    str,
    Field(
        max_length=254,
        pattern=rf"^\s*{_ATOM}(\.{_ATOM})*@({_LABEL}\.)+{_TOP_LABEL}\s*$",
        examples=["ada@example.com"],
    ),
]
# 7 to 15 digits with punctuation between them, or none: nothing clears it.
Phone = Annotated[
    str, Field(max_length=32, pattern=r"^([ ./()-]*|[ ./()-]*(\+[ ./()-]*)?([0-9][ ./()-]*){7,15})$")
]
PersonName = Annotated[str, Field(max_length=100, pattern=OPTIONAL_LINE)]
PostalAddress = Annotated[str, Field(max_length=500, pattern=OPTIONAL_LINE)]


class RegisterBody(Body):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"username": "ada", "email": "ada@example.com", "password": "correct horse battery"}]
        }
    )

    username: Username
    email: Email
    password: NewPassword
    first_name: PersonName | None = None
    last_name: PersonName | None = None
    phone: Phone | None = None
    address: PostalAddress | None = None


class LoginBody(Body):
    """One of `email` and `username`, with the password."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"email": "ada@example.com", "password": "correct horse battery"}],
            "oneOf": [
                {"required": [given], "properties": {given: {"type": "string"}, other: {"type": "null"}}}
                for given, other in (("email", "username"), ("username", "email"))
            ],
        }
    )

    email: Annotated[str, Field(min_length=1, max_length=254)] | None = None
    username: Annotated[str, Field(min_length=1, max_length=32)] | None = None
    password: Password

    @model_validator(mode="after")
    def _one_name(self) -> Self:
        if (self.email is None) == (self.username is None):
            raise ValueError("Send either email or username.")
        return self


class RefreshBody(Body):
    refresh_token: Annotated[str, Field(min_length=1, max_length=MAX_TOKEN)]


class ProfileBody(Body):
    """What is absent stays as it is; null clears it."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"first_name": "Ada", "phone": "+44 20 7946 0018"}]}
    )

    email: Email | None = Field(
        None, description="Another one needs `current_password` and is confirmed first."
    )
    current_password: Password | None = Field(None, description="Needed for another `email`.")
    first_name: PersonName | None = None
    last_name: PersonName | None = None
    phone: Phone | None = None
    address: PostalAddress | None = None


class ConfirmEmailBody(Body):
    token: Annotated[
        str, Field(min_length=1, max_length=MAX_TOKEN, description="From the e-mail; it works once.")
    ]


class User(Answer):
    """An account. Its personal fields are null to everyone but itself and those who manage users."""

    id: Id
    username: str
    email: str | None
    first_name: str | None
    last_name: str | None
    phone: str | None
    address: str | None
    role: Role
    active: bool
    created_at: datetime
    updated_at: datetime


class Tokens(Answer):
    """An access token to send as `Authorization: Bearer …`, and the token that renews it."""

    token: str = Field(validation_alias="accessToken")
    refresh_token: str
    expires_at: datetime = Field(description="When the access token stops working.")
    user: User
