"""The account behind a request, and what it may do. Default deny: a viewer holds no permission that it was not given."""

from dataclasses import dataclass

from subgraphs.kit.errors import Forbidden, Unauthenticated


@dataclass(frozen=True, slots=True)
class Viewer:
    """The account behind a request; anonymous where `user_id` is None."""

    user_id: str | None = None
    role: str | None = None
    permissions: frozenset[str] = frozenset()
    session_id: str | None = None
    token_id: str | None = None
    expires_at: float | None = None

    def may(self, permission: str) -> bool:
        return permission in self.permissions

    def require_user(self) -> str:
        """The viewer's user id. Raises Unauthenticated for an anonymous one."""
        if self.user_id is None:
            raise Unauthenticated("Log in and send the access token as `Authorization: Bearer …`.")
        return self.user_id

    def require(self, permission: str) -> str:
        """The viewer's user id. Raises Unauthenticated, or Forbidden without `permission`."""
        user_id = self.require_user()
        if permission not in self.permissions:
            raise Forbidden(f"This needs the permission {permission}.")
        return user_id


ANONYMOUS = Viewer()
