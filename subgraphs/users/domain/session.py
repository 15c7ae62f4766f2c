"""Sessions, and the tokens that act within them."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import NewType

from subgraphs.users.domain.device import Device
from subgraphs.users.domain.user import User, UserId

SessionId = NewType("SessionId", str)
AccessId = NewType("AccessId", str)


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
    access_token: str = field(repr=False)
    expires_at: datetime
    refresh_token: str = field(repr=False)
