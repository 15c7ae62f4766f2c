"""What mutations take, and how long it may be.

The limits are a little above those of the domain, which answers an ordinary mistake by its field; they refuse what
nobody types.
"""

from typing import Annotated, Final

import strawberry

from subgraphs.kit.graphql.bounds import max_length
from subgraphs.users.domain.password import PASSWORD_LENGTH
from subgraphs.users.domain.user import ADDRESS_MAX, EMAIL_MAX, NAME_MAX, SEARCH_MAX, USERNAME_LENGTH

_OPTIONAL = "Absent leaves it as it is; null or empty clears it."
_SLACK: Final = 2  # times the limit of the domain

USERNAME: Final = max_length(_SLACK * (USERNAME_LENGTH.stop - 1))
EMAIL: Final = max_length(_SLACK * EMAIL_MAX)
PASSWORD: Final = max_length(_SLACK * (PASSWORD_LENGTH.stop - 1))
NAME: Final = max_length(_SLACK * NAME_MAX)
PHONE: Final = max_length(100)
ADDRESS: Final = max_length(_SLACK * ADDRESS_MAX)
TOKEN: Final = max_length(1000)
CURSOR: Final = max_length(200)
SEARCH: Final = max_length(_SLACK * SEARCH_MAX)

PasswordArgument = Annotated[str, strawberry.argument(metadata=PASSWORD)]
EmailArgument = Annotated[str, strawberry.argument(metadata=EMAIL)]
RefreshTokenArgument = Annotated[str, strawberry.argument(metadata=TOKEN)]
OneTimeTokenArgument = Annotated[
    str, strawberry.argument(description="From the e-mail; it works once.", metadata=TOKEN)
]
CursorArgument = Annotated[
    str | None, strawberry.argument(description="`pageInfo.endCursor`.", metadata=CURSOR)
]


@strawberry.input(description="A new account.")
class RegisterInput:
    username: str = strawberry.field(
        description="3 to 32 letters, digits, `_`, `.` or `-`; unique without regard to case.",
        metadata=USERNAME,
    )
    email: str = strawberry.field(description="Unique without regard to case.", metadata=EMAIL)
    password: str = strawberry.field(
        description="8 to 128 characters of any kind; not a common password, nor one's own name.",
        metadata=PASSWORD,
    )
    first_name: str | None = strawberry.field(default=None, metadata=NAME)
    last_name: str | None = strawberry.field(default=None, metadata=NAME)
    phone: str | None = strawberry.field(
        default=None,
        description="7 to 15 digits, `+` first where international; spaces and dashes are dropped.",
        metadata=PHONE,
    )
    address: str | None = strawberry.field(default=None, metadata=ADDRESS)


@strawberry.input(description="A password, with either the e-mail address or the username of the account.")
class LoginInput:
    email: str | None = strawberry.field(default=None, metadata=EMAIL)
    username: str | None = strawberry.field(default=None, metadata=USERNAME)
    password: str = strawberry.field(metadata=PASSWORD)


@strawberry.input(description="Changes of your own account. An absent field stays as it is.")
class UpdateProfileInput:
    email: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="A new address needs `currentPassword`, and takes effect when `confirmEmail` is called with the "
        "token that is sent to it. The present address withdraws a change that is not confirmed. It cannot be cleared.",
        metadata=EMAIL,
    )
    current_password: str | None = strawberry.field(
        default=None, description="Needed for another `email`, and ignored without one.", metadata=PASSWORD
    )
    first_name: str | None = strawberry.field(default=strawberry.UNSET, description=_OPTIONAL, metadata=NAME)
    last_name: str | None = strawberry.field(default=strawberry.UNSET, description=_OPTIONAL, metadata=NAME)
    phone: str | None = strawberry.field(default=strawberry.UNSET, description=_OPTIONAL, metadata=PHONE)
    address: str | None = strawberry.field(default=strawberry.UNSET, description=_OPTIONAL, metadata=ADDRESS)
