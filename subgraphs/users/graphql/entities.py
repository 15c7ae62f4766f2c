"""The entity `User`, its activity log, and who sees what of an account."""

from datetime import datetime
from typing import Annotated, Any, Self

import strawberry

from subgraphs.kit.auth.viewer import Viewer
from subgraphs.kit.graphql.pagination import Connection
from subgraphs.kit.pagination import DEFAULT_PAGE
from subgraphs.users.domain import activity as domain_activity
from subgraphs.users.domain import user as domain_user
from subgraphs.users.domain.activity import ActivityKind
from subgraphs.users.domain.device import device_name
from subgraphs.users.domain.permissions import Permission, Role, RoleVersion
from subgraphs.users.graphql.context import Info
from subgraphs.users.graphql.inputs import CursorArgument
from subgraphs.users.graphql.types import Session

_PRIVATE = "Null unless it is your own account or you hold MANAGE_USERS."


@strawberry.type(description="An entry of an account's activity log.")
class Activity:
    id: strawberry.ID
    kind: ActivityKind
    at: datetime
    device: str = strawberry.field(description='What it was done with, such as "Firefox on Linux".')
    user_agent: str = strawberry.field(description="The header that `device` is read from.")
    ip: str = strawberry.field(description="Where it was done from; empty where that is not known.")
    detail: str | None = strawberry.field(
        description="Such as the names of the fields that changed, or the number of the order."
    )
    actor_id: strawberry.Private[str | None]

    @strawberry.field(
        description="The account that did it; null where nobody was logged in, an operator did it on the command line, "
        "or it is not known."
    )
    async def actor(self, info: Info) -> "User | None":
        user = await info.context.loaders.users.load(self.actor_id) if self.actor_id else None
        return User.of(user, info.context.viewer) if user else None

    @classmethod
    def of(cls, activity: domain_activity.Activity) -> Self:
        return cls(
            id=strawberry.ID(activity.id),
            kind=activity.kind,
            at=activity.at,
            device=device_name(activity.device.user_agent),
            user_agent=activity.device.user_agent,
            ip=activity.device.address,
            detail=activity.detail,
            actor_id=activity.actor_id,
        )


ActivityConnection = Connection[Activity]


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
    active: bool = strawberry.field(description="A disabled account cannot log in.")
    created_at: datetime
    updated_at: datetime
    role_version: strawberry.Private[RoleVersion]

    @strawberry.field(description="The permissions of its role.")
    async def permissions(self, info: Info) -> list[Permission]:
        return list(await info.context.service.permissions.of(self.role, self.role_version))

    @strawberry.field(
        description="Live sessions, the most recently used first. An error unless it is your own account."
    )
    async def sessions(self, info: Info) -> list[Session]:
        viewer = info.context.viewer
        info.context.service.sessions.check_visible(viewer, owner=self.id)
        return [Session.of(session, viewer) for session in await info.context.loaders.sessions.load(self.id)]

    @strawberry.field(
        description="The activity log of the account, newest first. An error unless it is your own account or "
        "you hold MANAGE_USERS."
    )
    async def activity(
        self,
        info: Info,
        first: Annotated[int | None, strawberry.argument(description="At most 100.")] = DEFAULT_PAGE,
        after: CursorArgument = None,
    ) -> ActivityConnection:
        loaders = info.context.loaders
        page = await info.context.service.activity.page(
            info.context.viewer,
            self.id,
            first=first,
            after=after,
            load=loaders.activity.load,
            count=loaders.activity_counts.load,
        )
        return ActivityConnection.of(page, Activity.of)

    @classmethod
    def of(cls, user: domain_user.User, viewer: Viewer) -> Self:
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
            active=user.active,
            created_at=user.created_at,
            updated_at=user.updated_at,
            role_version=user.role_version,
        )

    @classmethod
    async def resolve_references(
        cls, info: Info, representations: list[dict[str, Any]]
    ) -> "list[User | None]":
        # One call by itself; a loader would make a future of each.
        users = await info.context.service.directory.find_many([str(r.get("id")) for r in representations])
        return [User.of(user, info.context.viewer) if user else None for user in users]


UserConnection = Connection[User]
