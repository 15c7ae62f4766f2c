"""The types that clients see, and who sees what of an account."""

from datetime import datetime
from typing import Any, Self

import strawberry

from subgraphs.kit.auth import Viewer
from subgraphs.kit.graphql.pagination import Connection
from subgraphs.users import domain
from subgraphs.users.domain import Permission, Role
from subgraphs.users.graphql.context import Info

strawberry.enum(Role, description="What an account is; its permissions follow from it.")
strawberry.enum(Permission, description="What an account may do beyond its own affairs.")

_PRIVATE = "Null unless it is your own account or you hold MANAGE_USERS."


@strawberry.federation.type(keys=["id"], description="An account.")
class User:
    id: strawberry.ID
    username: str = strawberry.field(description="Unique without regard to case.")
    email: str | None = strawberry.field(description=_PRIVATE)
    first_name: str | None = strawberry.field(description=_PRIVATE)
    last_name: str | None = strawberry.field(description=_PRIVATE)
    phone: str | None = strawberry.field(description=f"Digits, with `+` where international. {_PRIVATE}")
    address: str | None = strawberry.field(description=_PRIVATE)
    role: Role
    permissions: list[Permission] = strawberry.field(description="Those of the role.")
    active: bool = strawberry.field(description="A disabled account cannot log in.")
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, user: domain.User, viewer: Viewer) -> Self:
        """`user` as `viewer` may see it.

        Decided once per account rather than by a resolver per field, which would cost more than all else.
        """
        open_to_viewer = viewer.user_id == user.id or viewer.may(Permission.MANAGE_USERS)
        return cls(
            id=strawberry.ID(user.id),
            username=user.username,
            email=user.email if open_to_viewer else None,
            first_name=user.first_name if open_to_viewer else None,
            last_name=user.last_name if open_to_viewer else None,
            phone=user.phone if open_to_viewer else None,
            address=user.address if open_to_viewer else None,
            role=user.role,
            permissions=list(user.permissions),
            active=user.active,
            created_at=user.created_at,
            updated_at=user.updated_at,
        )

    @classmethod
    async def resolve_references(
        cls, info: Info, representations: list[dict[str, Any]]
    ) -> "list[User | None]":
        users = await info.context.loaders.users.load_many([str(r.get("id")) for r in representations])
        return [User.of(user, info.context.viewer) if user else None for user in users]


UserConnection = Connection[User]


@strawberry.type(description="Tokens to act as a user, and that user.")
class AuthPayload:
    access_token: str = strawberry.field(description="Send it as `Authorization: Bearer …`.")
    refresh_token: str = strawberry.field(
        description="Good once, for `refreshToken`, which gives the next one. Keep it secret."
    )
    expires_at: datetime = strawberry.field(description="When the access token ends.")
    user: User

    @classmethod
    def of(cls, authentication: domain.Authentication) -> Self:
        user = authentication.user
        return cls(
            access_token=authentication.access_token,
            refresh_token=authentication.refresh_token,
            expires_at=authentication.expires_at,
            # The request came without a token, yet whoever gets these tokens is the user.
            user=User.of(user, Viewer(user_id=user.id)),
        )
