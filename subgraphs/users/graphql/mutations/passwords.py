"""Changing a password, and resetting one that is forgotten."""

from typing import Annotated

import strawberry

from subgraphs.kit.graphql.errors import (
    AuthenticationError,
    RateLimitedError,
    ValidationError,
    errors_as_data,
)
from subgraphs.users.graphql.context import Info
from subgraphs.users.graphql.entities import User
from subgraphs.users.graphql.inputs import EmailArgument, OneTimeTokenArgument, PasswordArgument


@strawberry.type(description="The password is changed, and all other sessions have ended.")
class ChangePasswordSuccess:
    user: User


@strawberry.type(
    description="If an account has that address, an e-mail is on its way. The answer is the same if none has."
)
class RequestPasswordResetSuccess:
    email: str = strawberry.field(description="The address, as it was given.")


@strawberry.type(description="The password is changed, and all sessions have ended; log in.")
class ResetPasswordSuccess:
    user: User


ChangePasswordResult = Annotated[
    ChangePasswordSuccess | ValidationError | AuthenticationError | RateLimitedError,
    strawberry.union("ChangePasswordResult"),
]
RequestPasswordResetResult = Annotated[
    RequestPasswordResetSuccess | ValidationError | RateLimitedError,
    strawberry.union("RequestPasswordResetResult"),
]
ResetPasswordResult = Annotated[
    ResetPasswordSuccess | ValidationError | RateLimitedError, strawberry.union("ResetPasswordResult")
]


@strawberry.type
class PasswordMutations:
    @strawberry.mutation(description="Change your password. Ends all sessions but this one.")
    @errors_as_data
    async def change_password(
        self, info: Info, current_password: PasswordArgument, new_password: PasswordArgument
    ) -> ChangePasswordResult:
        user = await info.context.service.passwords.change(
            info.context.viewer, current=current_password, new=new_password, device=info.context.device
        )
        return ChangePasswordSuccess(user=User.of(user, info.context.viewer))

    @strawberry.mutation(
        description="Send an e-mail with a token by which `resetPassword` replaces a forgotten password."
    )
    @errors_as_data
    async def request_password_reset(self, info: Info, email: EmailArgument) -> RequestPasswordResetResult:
        address = await info.context.service.passwords.request_reset(email, device=info.context.device)
        return RequestPasswordResetSuccess(email=address)

    @strawberry.mutation(
        description="Replace a forgotten password, with the token of an e-mail. Ends all sessions."
    )
    @errors_as_data
    async def reset_password(
        self, info: Info, token: OneTimeTokenArgument, new_password: PasswordArgument
    ) -> ResetPasswordResult:
        user = await info.context.service.passwords.reset(token, new=new_password, device=info.context.device)
        return ResetPasswordSuccess(user=User.of(user, info.context.viewer))
