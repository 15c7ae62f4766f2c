"""The use cases, by what they are about; each is one unit of work."""

from dataclasses import dataclass

from subgraphs.users.service.accounts import Accounts, Registration
from subgraphs.users.service.administration import Administration, Operator
from subgraphs.users.service.authentication import Authenticator
from subgraphs.users.service.directory import Directory
from subgraphs.users.service.login import Login, Logins
from subgraphs.users.service.password_changes import PasswordChanges
from subgraphs.users.service.permissions import PermissionTable
from subgraphs.users.service.revoker import Revoker
from subgraphs.users.service.sessions import Sessions
from subgraphs.users.service.throttles import Throttles

__all__ = [
    "Accounts",
    "Administration",
    "Authenticator",
    "Directory",
    "Login",
    "Logins",
    "Operator",
    "PasswordChanges",
    "PermissionTable",
    "Registration",
    "Revoker",
    "Sessions",
    "Throttles",
    "UserService",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class UserService:
    accounts: Accounts
    logins: Logins
    sessions: Sessions
    passwords: PasswordChanges
    administration: Administration
    directory: Directory
    permissions: PermissionTable
