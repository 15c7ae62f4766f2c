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
from subgraphs.users.domain.user import ProfileChange
from subgraphs.users.graphql.context import Info
from subgraphs.users.graphql.entities import User
from subgraphs.users.graphql.inputs import OneTimeTokenArgument, RegisterInput, UpdateProfileInput
from subgraphs.users.graphql.mutations.auth_payload import AuthPayload
from subgraphs.users.service import Registration


@strawberry.type(description="The account exists and is logged in.")
class RegisterSuccess:
    auth: AuthPayload


@strawberry.type(
    description="The account after the change. Its e-mail address is the old one until another is confirmed."
)
class UpdateProfileSuccess:
    user: User


@strawberry.type(
    description="The account has the new e-mail address. Its sessions have ended but for the one that asked for it."
)
class ConfirmEmailSuccess:
    user: User


RegisterResult = Annotated[
    RegisterSuccess | ValidationError | ConflictError | RateLimitedError, strawberry.union("RegisterResult")
]
UpdateProfileResult = Annotated[
    UpdateProfileSuccess | ValidationError | AuthenticationError | ConflictError | RateLimitedError,
    strawberry.union("UpdateProfileResult"),
]
ConfirmEmailResult = Annotated[
    ConfirmEmailSuccess | ValidationError | ConflictError | RateLimitedError,
    strawberry.union("ConfirmEmailResult"),
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
        description="Change your own account. A new e-mail address is sent a token, and the present one a notice; "
        "the present one stays until `confirmEmail` is called with the token."
    )
    @errors_as_data
    async def update_profile(self, info: Info, input: UpdateProfileInput) -> UpdateProfileResult:
        user = await info.context.service.profiles.update(
            info.context.viewer,
            _given(input),
            current_password=input.current_password,
            device=info.context.device,
        )
        return UpdateProfileSuccess(user=User.of(user, info.context.viewer))

    @strawberry.mutation(
        description="Confirm a new e-mail address with the token that was sent to it; no login is needed. Ends all "
        "sessions but the one that asked for the change, and voids the tokens sent to the old address."
    )
    @errors_as_data
    async def confirm_email(self, info: Info, token: OneTimeTokenArgument) -> ConfirmEmailResult:
        user = await info.context.service.email_changes.confirm(token, device=info.context.device)
        return ConfirmEmailSuccess(user=User.of(user, info.context.viewer))


def _given(changes: UpdateProfileInput) -> ProfileChange:
    fields = ProfileChange.__optional_keys__
    given = {k: v for k, v in vars(changes).items() if k in fields and v is not strawberry.UNSET}
    return cast("ProfileChange", given)
