"""The use cases, by what they are about; each is one unit of work."""

from dataclasses import dataclass

from subgraphs.users.service.accounts import Accounts, Registration
from subgraphs.users.service.authentication import Authenticator
from subgraphs.users.service.directory import Directory
from subgraphs.users.service.sessions import Login, Sessions

__all__ = ["Accounts", "Authenticator", "Directory", "Login", "Registration", "Sessions", "UserService"]


@dataclass(frozen=True, slots=True, kw_only=True)
class UserService:
    accounts: Accounts
    sessions: Sessions
    directory: Directory
