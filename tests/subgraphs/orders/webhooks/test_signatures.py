import re
import time
from collections.abc import Callable

import pytest

from subgraphs.orders.domain.webhooks import new_secret
from subgraphs.orders.webhooks.signatures import sign
from tests.harness.launcher import ROOT

# Worked out by others: the example that Svix, who wrote the standard, publishes for verifying by hand.
SECRET = "whsec_plJ3nmyCDGBKInavdOK15jsl"
ID, TIMESTAMP = "msg_loFOjxBNrRLzqYUf", 1731705121
BODY = '{"event_type":"ping","data":{"success":true}}'
SIGNATURE = "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0="


def test_the_published_example_is_signed_as_published():
    assert sign(ID, TIMESTAMP, BODY, secrets=[SECRET]) == SIGNATURE


def test_each_secret_signs_and_the_first_comes_first():
    other = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    both = sign(ID, TIMESTAMP, BODY, secrets=[other, SECRET]).split(" ")
    assert both == [sign(ID, TIMESTAMP, BODY, secrets=[other]), SIGNATURE]


def test_every_part_counts():
    others = [
        sign(f"{ID}x", TIMESTAMP, BODY, secrets=[SECRET]),
        sign(ID, TIMESTAMP + 1, BODY, secrets=[SECRET]),
        sign(ID, TIMESTAMP, f"{BODY} ", secrets=[SECRET]),
    ]
    assert len({SIGNATURE, *others}) == 4


@pytest.fixture(scope="module")
def verified() -> Callable[[str, dict[str, str], bytes], bool]:
    """The function that the README gives to receivers."""
    [code] = re.findall(r"```python\n(.*?)```", (ROOT / "subgraphs/orders/README.md").read_text(), re.DOTALL)
    names: dict[str, Callable[[str, dict[str, str], bytes], bool]] = {}
    exec(code, names)
    return names["verified"]


def test_the_example_of_the_readme_verifies_what_is_sent(
    verified: Callable[[str, dict[str, str], bytes], bool],
):
    secret, other, now = new_secret(), new_secret(), int(time.time())

    def headers(at: int) -> dict[str, str]:
        signature = sign(ID, at, BODY, secrets=[other, secret])
        return {"webhook-id": ID, "webhook-timestamp": str(at), "webhook-signature": signature}

    assert verified(secret, headers(now), BODY.encode())
    assert verified(other, headers(now), BODY.encode())
    assert not verified(new_secret(), headers(now), BODY.encode())
    assert not verified(secret, headers(now), f"{BODY} ".encode())
    assert not verified(secret, {**headers(now), "webhook-id": "m"}, BODY.encode())
    assert not verified(secret, headers(now - 400), BODY.encode())
