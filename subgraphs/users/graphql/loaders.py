"""Reads of one request, gathered into batches."""

from strawberry.dataloader import DataLoader

from subgraphs.users.domain.activity import Activity
from subgraphs.users.domain.session import Session
from subgraphs.users.domain.user import User
from subgraphs.users.service import PageKey, UserService


class Loaders:
    """One instance per request: what is loaded stays as it was for the whole of it."""

    def __init__(self, service: UserService) -> None:
        self.users: DataLoader[str, User | None] = DataLoader(load_fn=service.directory.find_many)
        self.sessions: DataLoader[str, list[Session]] = DataLoader(load_fn=service.sessions.list_many)
        self.activity: DataLoader[PageKey, list[Activity]] = DataLoader(load_fn=service.activity.load_many)
        self.activity_counts: DataLoader[str, int] = DataLoader(load_fn=service.activity.count_many)
