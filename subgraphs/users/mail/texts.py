"""What letters say. Plain text: there is nothing to click that cannot be read."""

from dataclasses import dataclass, field
from datetime import timedelta

from subgraphs.users.devices import device_name
from subgraphs.users.domain import Device, User


@dataclass(frozen=True, slots=True)
class Text:
    subject: str
    body: str = field(repr=False)  # may hold a token


def password_reset(user: User, *, url: str, token: str, life: timedelta, device: Device) -> Text:
    minutes = int(life.total_seconds() // 60)
    return Text(
        "Choose a new password",
        f"""Hello {user.username},

someone, we hope you, asked for a new password for this account, from {_whence(device)}.

To choose one, open this link within {minutes} minutes; it works once:

{url}

Where you are asked for a token instead, it is:

{token}

If it was not you, there is nothing to do: without this letter nobody can change your password.
""",
    )


def password_changed(*, device: Device) -> Text:
    return Text(
        "Your password was changed",
        f"""Hello,

the password of the account with this e-mail address was changed just now, from {_whence(device)}. All other devices were logged out.

If it was not you, ask for a new password at once, and change that of your mail box as well.
""",
    )


def email_changed(*, device: Device) -> Text:
    return Text(
        "Your e-mail address was changed",
        f"""Hello,

the account that had this e-mail address has another one now. It was changed from {_whence(device)}.

If it was not you, write to the operator of this shop at once: letters for your account go elsewhere now.
""",
    )


def _whence(device: Device) -> str:
    # The header may hold anything; a letter is no place for what a stranger wants to have written.
    name = "".join(c for c in device_name(device.user_agent) if c.isalnum() or c in " ./-")[:40]
    return f"{name or 'an unknown device'} at {device.address or 'an unknown address'}"
