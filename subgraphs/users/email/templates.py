"""What e-mails about accounts say. Plain text: there is nothing to click that cannot be read."""

from dataclasses import dataclass, field
from datetime import timedelta

from subgraphs.users.domain.device import Device, device_name
from subgraphs.users.domain.user import User


@dataclass(frozen=True, slots=True)
class Text:
    subject: str
    body: str = field(repr=False)  # may hold a token
    html: str = field(default="", repr=False)
    """The same as HTML, for mail programs that prefer it; empty where there is none."""


def password_reset(user: User, *, url: str, token: str, life: timedelta, device: Device) -> Text:
    return Text(
        "Choose a new password",
        f"""Hello {user.username},

someone, we hope you, asked for a new password for this account, from {_origin(device)}.

To choose one, open this link within {_minutes(life)}; it works once:

{url}

Where you are asked for a token instead, it is:

{token}

If it was not you, there is nothing to do: without this e-mail nobody can change your password.
""",
    )


def password_changed(*, device: Device) -> Text:
    return Text(
        "Your password was changed",
        f"""Hello,

the password of the account with this e-mail address was changed just now, from {_origin(device)}. All other devices were logged out.

If it was not you, ask for a new password at once, and change that of your mail box as well.
""",
    )


def email_confirmation(user: User, *, url: str, token: str, life: timedelta, device: Device) -> Text:
    """To the new address, which may be a stranger's."""
    return Text(
        "Confirm your e-mail address",
        f"""Hello,

the owner of the account {user.username} asked, from {_origin(device)}, to use this e-mail address from now on.

If that was you, open this link within {_minutes(life)}; it works once:

{url}

Where you are asked for a token instead, it is:

{token}

If it was not you, there is nothing to do: the account keeps the address that it has.
""",
    )


def email_change_requested(*, device: Device) -> Text:
    """To the present address, while the change can still be prevented."""
    return Text(
        "Your e-mail address is about to change",
        f"""Hello,

someone with the password of your account asked, from {_origin(device)}, to use another e-mail address. This one stays until the other is confirmed.

If it was not you, change your password now: that takes the request back, and logs out everybody else.
""",
    )


def email_changed(*, device: Device) -> Text:
    return Text(
        "Your e-mail address was changed",
        f"""Hello,

the account that had this e-mail address has another one now. It was changed from {_origin(device)}.

If it was not you, write to the operator of this shop at once: e-mails for your account go elsewhere now.
""",
    )


def _origin(device: Device) -> str:
    # The header may hold anything; an e-mail is no place for what a stranger wants to have written.
    name = "".join(c for c in device_name(device.user_agent) if c.isalnum() or c in " ./-")[:40]
    return f"{name or 'an unknown device'} at {device.address or 'an unknown address'}"


def _minutes(life: timedelta) -> str:
    return f"{int(life.total_seconds() // 60)} minutes"
