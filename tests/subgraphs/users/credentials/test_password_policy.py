"""Which passwords are taken."""

import pytest

from subgraphs.kit.errors import StartError, ValidationFailed
from subgraphs.users.credentials.password_policy import _OURS, PasswordPolicy
from subgraphs.users.domain.password import PASSWORD_LENGTH
from subgraphs.users.migrations import migrate
from subgraphs.users.settings import PasswordSettings
from tests.subgraphs.users.graphql_client import CHANGE_PASSWORD, client_of

ANN = {"username": "ann.smith", "email": "ann@Example.com"}


@pytest.fixture(scope="module")
def policy():
    return PasswordPolicy(PasswordSettings())


@pytest.mark.parametrize(
    "password",
    ["correct horse battery", "aaaabbbcc", "ñandú ñandú", "12 monkeys!", "x" * 128, "        8", "😀" * 8],
)
def test_length_is_all_that_a_password_needs(policy, password):
    policy.check(password, **ANN)


@pytest.mark.parametrize("password", ["", "1234567", "x" * 129])
def test_length_is_bounded(policy, password):
    with pytest.raises(ValidationFailed, match="8 to 128"):
        policy.check(password, **ANN)


@pytest.mark.parametrize(
    "password",
    [
        "password123",
        "PASSWORD123",
        "Passw0rd",
        "qwertyuiop",
        "12345678",
        "iloveyou",
        "Summer2024!",
        " letmein1 ",
        "".join(chr(0xFF10 + digit) for digit in range(1, 9)),
    ],
)
def test_common_password_is_refused_in_any_case(policy, password):
    with pytest.raises(ValidationFailed, match="attackers try first") as caught:
        policy.check(password, **ANN, field="newPassword")
    assert caught.value.field == "newPassword"


@pytest.mark.parametrize("password", ["ann.smith", "ANN.SMITH", "ann@example.com"])
def test_own_name_is_no_password(password):
    policy = PasswordPolicy(PasswordSettings(refuse_common=False))
    with pytest.raises(ValidationFailed, match="must not be the username"):
        policy.check(password, **ANN)


def test_own_local_part_is_no_password(policy):
    with pytest.raises(ValidationFailed, match="must not be the username"):
        policy.check("longlocalpart", username="ann", email="LongLocalPart@example.com")


def test_list_that_is_off_refuses_nothing():
    PasswordPolicy(PasswordSettings(refuse_common=False)).check("password123", **ANN)


def test_list_of_ones_own_takes_the_place_of_ours(tmp_path):
    path = tmp_path / "list.txt"
    path.write_text("# ours\n\nopen the pod bay doors\n")
    policy = PasswordPolicy(PasswordSettings(common_file=path))
    policy.check("password123", **ANN)
    with pytest.raises(ValidationFailed):
        policy.check("Open the pod bay doors", **ANN)


def test_list_that_cannot_be_read_stops_the_start(tmp_path):
    with pytest.raises(StartError, match="USERS_PASSWORDS_COMMON_FILE"):
        PasswordPolicy(PasswordSettings(common_file=tmp_path / "none.txt"))


def test_our_list_is_in_order_and_holds_nothing_that_is_refused_anyway():
    lines = [line for line in _OURS.read_text().splitlines() if not line.startswith("#")]
    assert lines == sorted(set(lines))
    assert all(line == line.casefold().strip() and len(line) in PASSWORD_LENGTH for line in lines)
    assert 1000 <= len(lines) <= 10_000


async def test_policy_holds_wherever_a_password_is_chosen(make_settings, new_name):
    settings = make_settings(passwords=PasswordSettings(memory_kib=8192, iterations=1))
    await migrate(settings)
    async with client_of(settings) as client:
        name = new_name()
        account = {"username": name, "email": f"{name}@example.com"}
        for password in ("password123", account["email"]):
            result = await client.register(**account, password=password)
            assert (result["__typename"], result["field"]) == ("ValidationError", "password")
        ann = (await client.register(**account, password="open the pod bay doors"))["auth"]
        result = await client.run(
            CHANGE_PASSWORD, ann["accessToken"], current="open the pod bay doors", new="Password123"
        )
        assert result["changePassword"]["field"] == "newPassword"
