"""The gRPC server of `schema/proto/user.proto`: messages in, messages out."""

# ruff: noqa: N802, ARG002 - the generated base class names the methods and their arguments

from collections.abc import Callable

import grpc

from schema.proto import user_pb2 as pb
from schema.proto import user_pb2_grpc as pb_grpc
from subgraphs.kit.auth.tokens import TokenVerifier
from subgraphs.kit.errors import NotFound, Unauthenticated
from subgraphs.users.domain.user import User
from subgraphs.users.service import Directory

SERVICE = pb.DESCRIPTOR.services_by_name["UserService"].full_name


class UserServicer(pb_grpc.UserServiceServicer):
    def __init__(self, *, directory: Directory, verifier: TokenVerifier) -> None:
        self._directory = directory
        self._verifier = verifier

    async def GetUser(self, request: pb.GetUserRequest, context: object) -> pb.GetUserResponse:
        return _response(await self._directory.find(request.id))

    async def GetUserByEmail(self, request: pb.GetUserByEmailRequest, context: object) -> pb.GetUserResponse:
        return _response(await self._directory.find_by_email(request.email))

    async def ValidateToken(
        self, request: pb.ValidateTokenRequest, context: object
    ) -> pb.ValidateTokenResponse:
        try:
            viewer = await self._verifier.verify(request.token)
        except Unauthenticated:
            return pb.ValidateTokenResponse(valid=False)
        user = await self._directory.find(viewer.require_user())
        if user is None or not user.active:
            return pb.ValidateTokenResponse(valid=False)
        return pb.ValidateTokenResponse(valid=True, user_id=user.id, role=user.role)


def registration(*, directory: Directory, verifier: TokenVerifier) -> Callable[[grpc.aio.Server], None]:
    """What `kit.grpc.server.start_server` calls to add the servicer."""
    servicer = UserServicer(directory=directory, verifier=verifier)
    return lambda server: pb_grpc.add_UserServiceServicer_to_server(servicer, server)  # type: ignore[no-untyped-call] # generated


def _response(user: User | None) -> pb.GetUserResponse:
    if user is None:
        raise NotFound("there is no such account")
    return pb.GetUserResponse(
        id=user.id,
        username=user.username,
        email=user.email,
        first_name=user.first_name or "",
        last_name=user.last_name or "",
        role=user.role,
        active=user.active,
    )
