"""What orders need to know of the account behind a request."""

from typing import Protocol

from subgraphs.kit.auth.viewer import Viewer


class Accounts(Protocol):
    async def require_active(self, viewer: Viewer) -> None:
        """Raises Forbidden for a disabled account, Unauthenticated for one that is gone.

        A token that is verified says only that its account was active when it was signed. Raises
        Unavailable where nobody can say how the account stands now.
        """
