"""What goes on in the background."""

from subgraphs.users.worker.housekeeping import Housekeeping
from subgraphs.users.worker.last_use import LastUse
from subgraphs.users.worker.post import Post
from subgraphs.users.worker.revocations import republish

__all__ = ["Housekeeping", "LastUse", "Post", "republish"]
