"""Errors of accounts and sessions, below the kit's.

Conflict
├── Taken                 the username or e-mail address belongs to another account
└── LastAdministrator     after the change nobody could manage accounts any more
ValidationFailed
├── PasswordNeeded        another e-mail address without the current password
└── TokenUnusable         the token from an e-mail is unknown, used or too old
Unauthenticated
├── WrongCredentials      the same for an unknown account and for a wrong password
├── WrongPassword         not the present password of who is logged in
└── SessionEnded          the refresh token is unknown, expired, or its session has ended
Forbidden
└── AccountDisabled       the credentials are right, and the account may not be used
"""

from subgraphs.kit.errors import Conflict, Forbidden, Unauthenticated, ValidationFailed


class Taken(Conflict):
    def __init__(self, field: str) -> None:
        super().__init__(f"The {field} is taken by another account; choose another.")
        self.field = field


class LastAdministrator(Conflict):
    def __init__(self) -> None:
        super().__init__("This is the last active administrator; make another account one first.")


class PasswordNeeded(ValidationFailed):
    def __init__(self) -> None:
        super().__init__("Another e-mail address needs the current password.", field="currentPassword")


class TokenUnusable(ValidationFailed):
    def __init__(self) -> None:
        super().__init__("This link was used already or is too old; ask for a new one.", field="token")


class WrongPassword(Unauthenticated):
    def __init__(self) -> None:
        super().__init__("The current password is wrong.")


class WrongCredentials(Unauthenticated):
    def __init__(self) -> None:
        super().__init__("The name or the password is wrong.")


class SessionEnded(Unauthenticated):
    def __init__(self) -> None:
        super().__init__("The session has ended; log in again.")


class AccountDisabled(Forbidden):
    def __init__(self) -> None:
        super().__init__("The account is disabled; ask the operator of this shop.")
