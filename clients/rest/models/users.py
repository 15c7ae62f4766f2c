"""Accounts and tokens."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import ConfigDict, Field, model_validator

from clients.rest.models.base import Answer, Body, Id, LowerEnum, Text


class Role(LowerEnum):
    USER = "user"
    STAFF = "staff"
    ADMIN = "admin"


Password = Annotated[str, Field(min_length=1, max_length=1024, json_schema_extra={"format": "password"})]


class RegisterBody(Body):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"username": "ada", "email": "ada@example.com", "password": "correct horse battery"}]
        }
    )

    username: Text
    email: Text
    password: Password
    first_name: Text | None = None
    last_name: Text | None = None
    phone: Text | None = None
    address: Text | None = None


class LoginBody(Body):
    """One of `email` and `username`, with the password."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"email": "ada@example.com", "password": "correct horse battery"}]}
    )

    email: Text | None = None
    username: Text | None = None
    password: Password

    @model_validator(mode="after")
    def _one_name(self) -> Self:
        if (self.email is None) == (self.username is None):
            raise ValueError("Send either email or username.")
        return self


class RefreshBody(Body):
    refresh_token: Annotated[str, Field(min_length=1, max_length=4096)]


class ProfileBody(Body):
    """What is absent stays as it is; null clears it."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"first_name": "Ada", "phone": "+44 20 7946 0018"}]}
    )

    email: Text | None = None
    first_name: Text | None = None
    last_name: Text | None = None
    phone: Text | None = None
    address: Text | None = None


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
