"""`UserService` through a real channel, beside the application that it belongs to."""

import secrets

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from pydantic import SecretStr

from deploy.local.ports import Ports
from schema.proto import user_pb2 as pb
from schema.proto.user_pb2_grpc import UserServiceStub
from subgraphs.kit.grpc.client import create_channel
from subgraphs.kit.settings import ServerSettings, ServicesSettings
from tests.subgraphs.users.graphql_client import client_of, execute

TOKEN = secrets.token_urlsafe(32)
LOGOUT = "mutation { logout { __typename } }"


@pytest.fixture(scope="module")
async def address(settings):
    ports = Ports()
    port = ports.free()
    served = settings.model_copy(
        update={
            "server": ServerSettings(grpc_port=port, grpc_reflection=True),
            "services": ServicesSettings(token=SecretStr(TOKEN)),
        }
    )
    async with client_of(served):
        yield f"127.0.0.1:{port}"
    ports.release()


@pytest.fixture(scope="module")
async def channel(address):
    async with create_channel(address, token=TOKEN) as channel:
        yield channel


@pytest.fixture(scope="module")
def stub(channel):
    return UserServiceStub(channel)


async def test_account_by_id_and_by_address_in_any_case(stub, client, new_name):
    name = new_name()
    registered = await client.register(
        username=name, email=f"{name}@example.com", firstName="Ann", lastName="Lee"
    )
    expected = pb.GetUserResponse(
        id=registered["auth"]["user"]["id"],
        username=name,
        email=f"{name}@example.com",
        first_name="Ann",
        last_name="Lee",
        role="USER",
        active=True,
    )
    assert await stub.GetUser(pb.GetUserRequest(id=expected.id)) == expected
    by_email = pb.GetUserByEmailRequest(email=f"{name.upper()}@EXAMPLE.com")
    assert await stub.GetUserByEmail(by_email) == expected


async def test_names_that_an_account_lacks_are_empty(stub, ann):
    found = await stub.GetUser(pb.GetUserRequest(id=ann["user"]["id"]))
    assert (found.first_name, found.last_name) == ("", "")


@pytest.mark.parametrize("user_id", ["", "nobody", "a\x00b", "01930000-0000-7000-8000-000000000000"])
async def test_unknown_id_is_not_found(stub, user_id):
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await stub.GetUser(pb.GetUserRequest(id=user_id))
    assert refused.value.code() is grpc.StatusCode.NOT_FOUND


@pytest.mark.parametrize("email", ["", "no@example.com", "a\x00b"])
async def test_unknown_address_is_not_found(stub, email):
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await stub.GetUserByEmail(pb.GetUserByEmailRequest(email=email))
    assert refused.value.code() is grpc.StatusCode.NOT_FOUND


async def test_good_token_is_valid_and_says_whose_it_is(stub, ann):
    answer = await stub.ValidateToken(pb.ValidateTokenRequest(token=ann["accessToken"]))
    assert answer == pb.ValidateTokenResponse(valid=True, user_id=ann["user"]["id"], role="USER")


async def test_role_is_the_one_of_now(stub, ann, postgres):
    await execute(postgres, "UPDATE users SET role = 'STAFF' WHERE id = :id", id=ann["user"]["id"])
    answer = await stub.ValidateToken(pb.ValidateTokenRequest(token=ann["accessToken"]))
    assert (answer.valid, answer.role) == (True, "STAFF")


def _altered(token):
    """With another character within its signature; its last ones may be zeros, or bits that nobody reads."""
    return token[:-20] + ("A" if token[-20] != "A" else "B") + token[-19:]


@pytest.mark.parametrize("spoil", [lambda _: "", lambda _: "garbage", _altered])
async def test_bad_token_is_an_answer_and_no_error(stub, ann, spoil):
    answer = await stub.ValidateToken(pb.ValidateTokenRequest(token=spoil(ann["accessToken"])))
    assert answer == pb.ValidateTokenResponse(valid=False)


async def test_token_of_an_ended_session_is_not_valid(stub, client, ann):
    await client.run(LOGOUT, ann["accessToken"])
    answer = await stub.ValidateToken(pb.ValidateTokenRequest(token=ann["accessToken"]))
    assert answer == pb.ValidateTokenResponse(valid=False)


async def test_token_of_a_disabled_account_is_not_valid(stub, ann, postgres):
    await execute(postgres, "UPDATE users SET active = false WHERE id = :id", id=ann["user"]["id"])
    answer = await stub.ValidateToken(pb.ValidateTokenRequest(token=ann["accessToken"]))
    assert answer == pb.ValidateTokenResponse(valid=False)
    found = await stub.GetUser(pb.GetUserRequest(id=ann["user"]["id"]))
    assert found.active is False


@pytest.mark.parametrize("token", ["", "guess"])
async def test_caller_without_the_service_token_learns_nothing(address, ann, token):
    async with create_channel(address, token=token) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await UserServiceStub(channel).GetUser(pb.GetUserRequest(id=ann["user"]["id"]))
    assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED


async def test_health_and_reflection_name_the_service(channel):
    check = health_pb2.HealthCheckRequest(service="user.UserService")
    health = await health_pb2_grpc.HealthStub(channel).Check(check)
    assert health.status is health_pb2.HealthCheckResponse.SERVING
    question = reflection_pb2.ServerReflectionRequest(list_services="")
    call = reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo(iter([question]))
    [answer] = [answer async for answer in call]
    assert "user.UserService" in [s.name for s in answer.list_services_response.service]
