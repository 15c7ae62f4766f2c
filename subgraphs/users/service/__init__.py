"""The use cases, by what they are about; each is one unit of work."""

from dataclasses import dataclass

from subgraphs.users.service.accounts import Accounts, Registration
from subgraphs.users.service.activity import ActivityLog, PageKey
from subgraphs.users.service.admin_bootstrap import AdminBootstrap
from subgraphs.users.service.administration import Administration, Operator
from subgraphs.users.service.authentication import Authenticator
from subgraphs.users.service.directory import Directory
from subgraphs.users.service.email_changes import EmailChanges
from subgraphs.users.service.logins import Login, Logins
from subgraphs.users.service.password_changes import PasswordChanges
from subgraphs.users.service.profiles import Profiles
from subgraphs.users.service.rate_limits import RateLimits
from subgraphs.users.service.reauthentication import Reauthentication
from subgraphs.users.service.revocations import RevocationPublisher
from subgraphs.users.service.role_permissions import RolePermissions
from subgraphs.users.service.sessions import Sessions

__all__ = [
    "Accounts",
    "ActivityLog",
    "AdminBootstrap",
    "Administration",
    "Authenticator",
    "Directory",
    "EmailChanges",
    "Login",
    "Logins",
    "Operator",
    "PageKey",
    "PasswordChanges",
    "Profiles",
    "RateLimits",
    "Reauthentication",
    "Registration",
    "RevocationPublisher",
    "RolePermissions",
    "Sessions",
    "UserService",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class UserService:
    accounts: Accounts
    profiles: Profiles
    email_changes: EmailChanges
    logins: Logins
    sessions: Sessions
    passwords: PasswordChanges
    administration: Administration
    directory: Directory
    activity: ActivityLog
    permissions: RolePermissions
