"""The users service as orders know it: `schema/proto/user.proto`, everyone active until a test says otherwise."""

from typing import Any

from schema.proto import user_pb2 as pb
from schema.proto import user_pb2_grpc as pb_grpc
from subgraphs.kit.auth.viewer import Viewer
from subgraphs.kit.errors import Forbidden, NotFound, Unavailable


class InMemoryAccounts:
    """Accounts by id."""

    def __init__(self) -> None:
        self.disabled: set[str] = set()
        self.gone: set[str] = set()

    async def require_active(self, viewer: Viewer) -> None:
        if viewer.user_id in self.disabled:
            raise Forbidden("disabled")


class UserServicer(pb_grpc.UserServiceServicer):
    """`InMemoryAccounts` behind the contract."""

    def __init__(self, accounts: InMemoryAccounts) -> None:
        self.accounts = accounts
        self.down = False

    async def GetUser(self, request: pb.GetUserRequest, _: Any) -> pb.GetUserResponse:  # noqa: N802
        if self.down:
            raise Unavailable("down")
        if request.id in self.accounts.gone:
            raise NotFound("gone")
        return pb.GetUserResponse(id=request.id, active=request.id not in self.accounts.disabled)
