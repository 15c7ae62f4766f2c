"""All access to the database `users`; a store is bound to one connection and never commits."""

from subgraphs.users.store.sessions import SessionStore
from subgraphs.users.store.tables import metadata, outbox
from subgraphs.users.store.users import Credentials, UserFilter, UserStore

__all__ = ["Credentials", "SessionStore", "UserFilter", "UserStore", "metadata", "outbox"]
