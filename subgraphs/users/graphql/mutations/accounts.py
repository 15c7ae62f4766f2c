"""Opening an account and changing it."""

from typing import Annotated, cast

import strawberry

from subgraphs.kit.graphql.errors import (
    AuthenticationError,
    ConflictError,
    RateLimitedError,
    ValidationError,
    errors_as_data,
)
from subgraphs.users.domain import ProfileChange
from subgraphs.users.graphql.context import Info
from subgraphs.users.graphql.inputs import RegisterInput, UpdateProfileInput
from subgraphs.users.graphql.types import AuthPayload, User
from subgraphs.users.service import Registration


@strawberry.type(description="The account exists and is logged in.")
class RegisterSuccess:
    auth: AuthPayload


@strawberry.type(description="The account after the change.")
class UpdateProfileSuccess:
    user: User


RegisterResult = Annotated[
    RegisterSuccess | ValidationError | ConflictError | RateLimitedError, strawberry.union("RegisterResult")
]
UpdateProfileResult = Annotated[
    UpdateProfileSuccess | ValidationError | AuthenticationError | ConflictError,
    strawberry.union("UpdateProfileResult"),
]


@strawberry.type
class AccountMutations:
    @strawberry.mutation(description="Open an account and log in.")
    @errors_as_data
    async def register(self, info: Info, input: RegisterInput) -> RegisterResult:
        authentication = await info.context.service.accounts.register(
            Registration(
                username=input.username,
                email=input.email,
                password=input.password,
                first_name=input.first_name,
                last_name=input.last_name,
                phone=input.phone,
                address=input.address,
            ),
            device=info.context.device,
        )
        return RegisterSuccess(auth=AuthPayload.of(authentication))

    @strawberry.mutation(
        description="Change one's own account. Of a new e-mail address the old one is told by letter."
    )
    @errors_as_data
    async def update_profile(self, info: Info, input: UpdateProfileInput) -> UpdateProfileResult:
        user = await info.context.service.accounts.update_profile(
            info.context.viewer, _given(input), device=info.context.device
        )
        return UpdateProfileSuccess(user=User.of(user, info.context.viewer))


def _given(changes: UpdateProfileInput) -> ProfileChange:
    return cast("ProfileChange", {k: v for k, v in vars(changes).items() if v is not strawberry.UNSET})
