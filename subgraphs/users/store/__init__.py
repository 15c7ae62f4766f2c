"""All access to the database `users`; a store is bound to one connection and never commits.

A change that other services hear of is written together with its event.
"""

from subgraphs.users.store.activity import ActivityStore
from subgraphs.users.store.credentials import Credentials, CredentialStore
from subgraphs.users.store.email_changes import EmailChange, EmailChangeStore
from subgraphs.users.store.email_queue import EmailQueueStore
from subgraphs.users.store.password_resets import PasswordResetStore
from subgraphs.users.store.roles import RoleStore
from subgraphs.users.store.sessions import SessionStore
from subgraphs.users.store.tables import inbox, metadata, outbox
from subgraphs.users.store.users import UserStore

__all__ = [
    "ActivityStore",
    "CredentialStore",
    "Credentials",
    "EmailChange",
    "EmailChangeStore",
    "EmailQueueStore",
    "PasswordResetStore",
    "RoleStore",
    "SessionStore",
    "UserStore",
    "inbox",
    "metadata",
    "outbox",
]
