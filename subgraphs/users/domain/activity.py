"""The activity log of an account: what is written to it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from subgraphs.users.domain.device import Device
from subgraphs.users.domain.user import UserId


class ActivityKind(StrEnum):
    REGISTERED = "REGISTERED"
    LOGGED_IN = "LOGGED_IN"
    LOGIN_FAILED = "LOGIN_FAILED"
    LOGGED_OUT = "LOGGED_OUT"
    SESSIONS_ENDED = "SESSIONS_ENDED"
    REFRESH_TOKEN_REUSED = "REFRESH_TOKEN_REUSED"  # noqa: S105 - a kind of event
    PROFILE_CHANGED = "PROFILE_CHANGED"
    EMAIL_CHANGE_REQUESTED = "EMAIL_CHANGE_REQUESTED"
    EMAIL_CHANGE_FAILED = "EMAIL_CHANGE_FAILED"
    PASSWORD_CHANGED = "PASSWORD_CHANGED"  # noqa: S105 - same
    PASSWORD_CHANGE_FAILED = "PASSWORD_CHANGE_FAILED"  # noqa: S105 - same
    PASSWORD_RESET_REQUESTED = "PASSWORD_RESET_REQUESTED"  # noqa: S105 - same
    PASSWORD_RESET = "PASSWORD_RESET"  # noqa: S105 - same
    ROLE_CHANGED = "ROLE_CHANGED"
    ENABLED = "ENABLED"
    DISABLED = "DISABLED"
    ORDER_CREATED = "ORDER_CREATED"
    ORDER_PAID = "ORDER_PAID"
    ORDER_CANCELLED = "ORDER_CANCELLED"
    ORDER_REFUNDED = "ORDER_REFUNDED"


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityEntry:
    """What is to be written to the activity log of `user_id`.

    `detail` is a word or two, such as the names of the fields that changed (never a value of theirs) or the number of an
    order.
    """

    kind: ActivityKind
    user_id: UserId | None
    device: Device
    actor_id: UserId | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity(ActivityEntry):
    """An entry as it stands in the log."""

    id: str
    at: datetime
