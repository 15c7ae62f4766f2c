"""All access to the database `users`; a store is bound to one connection and never commits."""

from subgraphs.users.store.activity import ActivityStore
from subgraphs.users.store.letters import LetterKind, LetterOutcome, LetterStore, OwedLetter
from subgraphs.users.store.permissions import RoleStore
from subgraphs.users.store.resets import ResetStore
from subgraphs.users.store.sessions import SessionStore
from subgraphs.users.store.tables import metadata, outbox
from subgraphs.users.store.users import Credentials, UserFilter, UserStore

__all__ = [
    "ActivityStore",
    "Credentials",
    "LetterKind",
    "LetterOutcome",
    "LetterStore",
    "OwedLetter",
    "ResetStore",
    "RoleStore",
    "SessionStore",
    "UserFilter",
    "UserStore",
    "metadata",
    "outbox",
]
