"""Logging in and out."""

from typing import Annotated

import strawberry

from subgraphs.kit.graphql.errors import (
    AuthenticationError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitedError,
    ValidationError,
    errors_as_data,
)
from subgraphs.users.graphql.context import Info
from subgraphs.users.graphql.inputs import LoginInput, RefreshTokenArgument
from subgraphs.users.graphql.mutations.auth_payload import AuthPayload
from subgraphs.users.service import Login


@strawberry.type(description="A new session.")
class LoginSuccess:
    auth: AuthPayload


@strawberry.type(description="New tokens of the same session.")
class RefreshSuccess:
    auth: AuthPayload


@strawberry.type(description="The session has ended, and its tokens are void.")
class LogoutSuccess:
    session_id: strawberry.ID


@strawberry.type(description="That session has ended, and its tokens are void.")
class RevokeSessionSuccess:
    session_id: strawberry.ID


@strawberry.type(description="All sessions of the account have ended, and their tokens are void.")
class LogoutEverywhereSuccess:
    session_ids: list[strawberry.ID] = strawberry.field(
        description="The sessions that were live, this one included."
    )


LoginResult = Annotated[
    LoginSuccess | ValidationError | AuthenticationError | PermissionDeniedError | RateLimitedError,
    strawberry.union("LoginResult"),
]
RefreshResult = Annotated[
    RefreshSuccess | AuthenticationError | PermissionDeniedError, strawberry.union("RefreshResult")
]
LogoutResult = Annotated[LogoutSuccess | AuthenticationError, strawberry.union("LogoutResult")]
RevokeSessionResult = Annotated[
    RevokeSessionSuccess | AuthenticationError | NotFoundError, strawberry.union("RevokeSessionResult")
]
LogoutEverywhereResult = Annotated[
    LogoutEverywhereSuccess | AuthenticationError, strawberry.union("LogoutEverywhereResult")
]


@strawberry.type
class SessionMutations:
    @strawberry.mutation(
        description="Log in with the e-mail address or the username. After several failures the next attempts are refused for a while."
    )
    @errors_as_data
    async def login(self, info: Info, input: LoginInput) -> LoginResult:
        authentication = await info.context.service.logins.login(
            Login(email=input.email, username=input.username, password=input.password),
            device=info.context.device,
        )
        return LoginSuccess(auth=AuthPayload.of(authentication))

    @strawberry.mutation(
        description="Exchange a refresh token for the next one and a new access token. Each refresh token works once: "
        "using it again ends the session, because somebody has copied it. Only for a few seconds after its use, in "
        "case the answer was lost, it gives the same new tokens again."
    )
    @errors_as_data
    async def refresh_token(self, info: Info, refresh_token: RefreshTokenArgument) -> RefreshResult:
        authentication = await info.context.service.logins.refresh(refresh_token, device=info.context.device)
        return RefreshSuccess(auth=AuthPayload.of(authentication))

    @strawberry.mutation(description="End this session.")
    @errors_as_data
    async def logout(self, info: Info) -> LogoutResult:
        session_id = await info.context.service.sessions.logout(
            info.context.viewer, device=info.context.device
        )
        return LogoutSuccess(session_id=strawberry.ID(session_id))

    @strawberry.mutation(description="End one of your sessions, wherever it is.")
    @errors_as_data
    async def revoke_session(self, info: Info, id: strawberry.ID) -> RevokeSessionResult:
        session_id = await info.context.service.sessions.revoke(
            info.context.viewer, id, device=info.context.device
        )
        return RevokeSessionSuccess(session_id=strawberry.ID(session_id))

    @strawberry.mutation(description="End all of your sessions, this one too.")
    @errors_as_data
    async def logout_everywhere(self, info: Info) -> LogoutEverywhereResult:
        ended = await info.context.service.sessions.logout_everywhere(
            info.context.viewer, device=info.context.device
        )
        return LogoutEverywhereSuccess(session_ids=[strawberry.ID(session.id) for session in ended])
