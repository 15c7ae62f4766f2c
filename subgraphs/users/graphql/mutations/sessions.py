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


@strawberry.type(description="The session goes on with new tokens.")
class RefreshSuccess:
    auth: AuthPayload


@strawberry.type(description="The session has ended; its tokens are worth nothing any more.")
class LogoutSuccess:
    session_id: strawberry.ID


@strawberry.type(description="That session has ended; its tokens are worth nothing any more.")
class RevokeSessionSuccess:
    session_id: strawberry.ID


@strawberry.type(description="No session is left; no token is worth anything any more.")
class LogoutEverywhereSuccess:
    session_ids: list[strawberry.ID] = strawberry.field(description="Those that were alive, this one too.")


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
        description="Log in with the e-mail address or the username. Failures make the next attempts wait."
    )
    @errors_as_data
    async def login(self, info: Info, input: LoginInput) -> LoginResult:
        authentication = await info.context.service.logins.login(
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
