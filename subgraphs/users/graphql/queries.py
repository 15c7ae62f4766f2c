"""Reading accounts."""

from typing import Annotated

import strawberry

from subgraphs.kit.pagination import DEFAULT_PAGE
from subgraphs.users.domain.permissions import Role
from subgraphs.users.graphql.context import Info
from subgraphs.users.graphql.entities import User, UserConnection
from subgraphs.users.graphql.inputs import SEARCH, CursorArgument


@strawberry.type
class Query:
    @strawberry.field(description="The account you are logged in with; null when you are not.")
    async def me(self, info: Info) -> User | None:
        viewer = info.context.viewer
        if viewer.user_id is None:
            return None
        user = await info.context.loaders.users.load(viewer.user_id)
        return User.of(user, viewer) if user else None

    @strawberry.field(description="One account; null when there is none.")
    async def user(self, info: Info, id: strawberry.ID) -> User | None:
        user = await info.context.loaders.users.load(id)
        return User.of(user, info.context.viewer) if user else None

    @strawberry.field(description="All accounts, newest first. Needs MANAGE_USERS.")
    async def users(  # noqa: PLR0917 - as above, there is no position
        self,
        info: Info,
        first: Annotated[int | None, strawberry.argument(description="At most 100.")] = DEFAULT_PAGE,
        after: CursorArgument = None,
        search: Annotated[
            str | None,
            strawberry.argument(
                description="Part of the username, e-mail address or name, in any case.", metadata=SEARCH
            ),
        ] = None,
        role: Role | None = None,
        active: bool | None = None,  # noqa: FBT001 - GraphQL arguments are named by the client
    ) -> UserConnection:
        viewer = info.context.viewer
        page = await info.context.service.directory.list(
            viewer, first=first, after=after, search=search, role=role, active=active
        )
        return UserConnection.of(page, lambda user: User.of(user, viewer))
