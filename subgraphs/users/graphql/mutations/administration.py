"""What those who manage accounts do to them."""

from typing import Annotated

import strawberry

from subgraphs.kit.graphql.errors import (
    AuthenticationError,
    ConflictError,
    NotFoundError,
    PermissionDeniedError,
    errors_as_data,
)
from subgraphs.users.domain.permissions import Role
from subgraphs.users.graphql.context import Info
from subgraphs.users.graphql.entities import User


@strawberry.type(
    description="The account with its new role. Access tokens with the old one are void; a refresh gives new ones."
)
class SetUserRoleSuccess:
    user: User


@strawberry.type(description="The account after the change. Disabling it has ended its sessions.")
class SetUserActiveSuccess:
    user: User


SetUserRoleResult = Annotated[
    SetUserRoleSuccess | AuthenticationError | PermissionDeniedError | NotFoundError | ConflictError,
    strawberry.union("SetUserRoleResult"),
]
SetUserActiveResult = Annotated[
    SetUserActiveSuccess | AuthenticationError | PermissionDeniedError | NotFoundError | ConflictError,
    strawberry.union("SetUserActiveResult"),
]


@strawberry.type
class AdministrationMutations:
    @strawberry.mutation(
        description="Give an account another role. Needs MANAGE_USERS; refused for the last administrator."
    )
    @errors_as_data
    async def set_user_role(self, info: Info, user_id: strawberry.ID, role: Role) -> SetUserRoleResult:
        viewer = info.context.viewer
        user = await info.context.service.administration.set_role(
            viewer, user_id, role=role, device=info.context.device
        )
        return SetUserRoleSuccess(user=User.of(user, viewer))

    @strawberry.mutation(
        description="Disable an account, or enable it again. Needs MANAGE_USERS; refused for the last administrator."
    )
    @errors_as_data
    async def set_user_active(
        self,
        info: Info,
        user_id: strawberry.ID,
        active: bool,  # noqa: FBT001 - GraphQL arguments are named by the client
    ) -> SetUserActiveResult:
        viewer = info.context.viewer
        user = await info.context.service.administration.set_active(
            viewer, user_id, active=active, device=info.context.device
        )
        return SetUserActiveSuccess(user=User.of(user, viewer))
