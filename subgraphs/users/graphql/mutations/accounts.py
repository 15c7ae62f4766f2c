"""Changing accounts and sessions. What a user can do wrong comes back as data."""

from typing import Annotated, cast

import strawberry

from subgraphs.kit.graphql.errors import (
    AuthenticationError,
    ConflictError,
    PermissionDeniedError,
    RateLimitedError,
    ValidationError,
    errors_as_data,
)
from subgraphs.users.domain import ProfileChange
from subgraphs.users.graphql.context import Info
from subgraphs.users.graphql.inputs import LoginInput, RegisterInput, UpdateProfileInput
from subgraphs.users.graphql.types import AuthPayload, User
from subgraphs.users.service import Login, Registration


@strawberry.type(description="The account exists and is logged in.")
class RegisterSuccess:
    auth: AuthPayload


@strawberry.type(description="A new session.")
class LoginSuccess:
    auth: AuthPayload


@strawberry.type(description="The session goes on with new tokens.")
class RefreshSuccess:
    auth: AuthPayload


@strawberry.type(description="The session has ended; its refresh token is worth nothing any more.")
class LogoutSuccess:
    session_id: strawberry.ID


@strawberry.type(description="The account after the change.")
class UpdateProfileSuccess:
    user: User


RegisterResult = Annotated[
    RegisterSuccess | ValidationError | ConflictError | RateLimitedError, strawberry.union("RegisterResult")
]
LoginResult = Annotated[
    LoginSuccess | ValidationError | AuthenticationError | PermissionDeniedError | RateLimitedError,
    strawberry.union("LoginResult"),
]
RefreshResult = Annotated[
    RefreshSuccess | AuthenticationError | PermissionDeniedError, strawberry.union("RefreshResult")
]
LogoutResult = Annotated[LogoutSuccess | AuthenticationError, strawberry.union("LogoutResult")]
UpdateProfileResult = Annotated[
    UpdateProfileSuccess | ValidationError | AuthenticationError | ConflictError,
    strawberry.union("UpdateProfileResult"),
]


@strawberry.type
class Mutation:
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

    @strawberry.mutation(description="Log in with the e-mail address or the username.")
    @errors_as_data
    async def login(self, info: Info, input: LoginInput) -> LoginResult:
        authentication = await info.context.service.sessions.login(
            Login(email=input.email, username=input.username, password=input.password),
            device=info.context.device,
        )
        return LoginSuccess(auth=AuthPayload.of(authentication))

    @strawberry.mutation(
        description="Exchange a refresh token for new tokens. A token that is used a second time ends the "
        "session, since one of its two holders is a thief; only within seconds, as after a lost answer, it "
        "gives the same successor again."
    )
    @errors_as_data
    async def refresh_token(self, info: Info, refresh_token: str) -> RefreshResult:
        authentication = await info.context.service.sessions.refresh(
            refresh_token, device=info.context.device
        )
        return RefreshSuccess(auth=AuthPayload.of(authentication))

    @strawberry.mutation(description="End this session.")
    @errors_as_data
    async def logout(self, info: Info) -> LogoutResult:
        session_id = await info.context.service.sessions.logout(info.context.viewer)
        return LogoutSuccess(session_id=strawberry.ID(session_id))

    @strawberry.mutation(description="Change one's own account.")
    @errors_as_data
    async def update_profile(self, info: Info, input: UpdateProfileInput) -> UpdateProfileResult:
        user = await info.context.service.accounts.update_profile(info.context.viewer, _given(input))
        return UpdateProfileSuccess(user=User.of(user, info.context.viewer))


def _given(changes: UpdateProfileInput) -> ProfileChange:
    return cast("ProfileChange", {k: v for k, v in vars(changes).items() if v is not strawberry.UNSET})
