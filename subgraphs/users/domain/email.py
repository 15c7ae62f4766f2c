"""The e-mails that an account's owner gets, as they wait in the queue."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from subgraphs.users.domain.device import Device


class EmailKind(StrEnum):
    PASSWORD_RESET = "PASSWORD_RESET"  # noqa: S105 - a kind of e-mail
    PASSWORD_CHANGED = "PASSWORD_CHANGED"  # noqa: S105 - same
    EMAIL_CONFIRMATION = "EMAIL_CONFIRMATION"
    EMAIL_CHANGE_REQUESTED = "EMAIL_CHANGE_REQUESTED"
    EMAIL_CHANGED = "EMAIL_CHANGED"


class EmailOutcome(StrEnum):
    SENT = "SENT"
    NOT_NEEDED = "NOT_NEEDED"
    GIVEN_UP = "GIVEN_UP"


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedEmail:
    """An e-mail that is to be composed and sent.

    `device` is where the request came from that it tells of; `change_id` is the change of address that an
    EMAIL_CONFIRMATION confirms, and None for every other kind.
    """

    id: str
    kind: EmailKind
    recipient: str
    device: Device
    change_id: str | None
    created_at: datetime
    attempts: int
