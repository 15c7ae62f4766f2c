import json
from base64 import b64decode
from dataclasses import replace
from datetime import timedelta

import pytest

from subgraphs.kit.errors import ValidationFailed
from subgraphs.orders.domain.webhooks import (
    EVENT_TYPES,
    UrlRules,
    Webhook,
    WebhookId,
    check_event_types,
    check_url,
    new_secret,
)
from tests.harness.launcher import ROOT
from tests.subgraphs.orders.orders_harness import START

STRICT = UrlRules(allow_http=False, allow_private=False, ports=frozenset({443, 8443}))
# With a name and an e-mail address.
_PERSONAL = {"UserRegistered"}


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://example.com/", "begins with https://"),
        ("ftp://example.com/", "begins with https://"),
        ("file:///etc/passwd", "names a host"),
        ("https://", "names a host"),
        ("example.com", "names a host"),
        ("", "names a host"),
        ("https://ann:secret@example.com/", "no credentials"),
        ("https://example.com/#here", "no fragment"),
        ("https://example.com:22/", "443, 8443"),
        ("https://example.com:99999/", "no URL"),
        ("https://[::1/", "no URL"),
        ("https://127.0.0.1/", "public internet"),
        ("https://[::1]/", "public internet"),
        ("https://[::ffff:10.0.0.1]/", "public internet"),
        ("https://169.254.169.254/latest/meta-data", "public internet"),
        ("https://exa mple.com/", "without spaces"),
        ("https://example.com/\r\nx: y", "without spaces"),
        ("https://example.com/ü", "ASCII"),
        ("https://example.com\\@127.0.0.1/", "names a host"),
        ("https://example.com/" + "x" * 2000, "At most 2000"),
    ],
)
def test_a_url_that_may_not_be_called_is_refused_and_says_why(url: str, why: str):
    with pytest.raises(ValidationFailed, match=why) as refused:
        check_url(url, STRICT)
    assert refused.value.field == "input.url"


@pytest.mark.parametrize(
    "url", ["https://example.com", "https://EXAMPLE.com:8443/a?b=c", "https://1.1.1.1/", "https://localhost/"]
)
def test_a_url_that_may_be_called_is_accepted(url: str):
    # What a name resolves to is judged when it is called.
    check_url(url, STRICT)


def test_each_rule_may_be_lifted():
    open_rules = UrlRules(allow_http=True, allow_private=True, ports=frozenset())
    check_url("http://127.0.0.1:1234/", open_rules)
    with pytest.raises(ValidationFailed, match="public internet"):
        check_url("http://127.0.0.1:1234/", replace(open_rules, allow_private=False))


def test_every_event_but_those_that_tell_who_somebody_is_may_be_subscribed_to():
    emitted = {path.stem for path in (ROOT / "schema" / "events").glob("*.json")} - {"envelope"}
    assert set(EVENT_TYPES) == emitted - _PERSONAL


def test_no_event_that_may_be_subscribed_to_has_a_name_or_an_address():
    fields = set()
    for name in EVENT_TYPES:
        schema = json.loads((ROOT / "schema" / "events" / f"{name}.json").read_text())
        fields |= schema["properties"].get("data", schema)["properties"].keys()
    assert (
        fields & {"email", "username", "name", "first_name", "last_name", "phone", "address", "shipping"}
        == set()
    )


def test_event_types_are_known_and_distinct():
    assert check_event_types(["OrderPaid", "OrderCreated", "OrderPaid"]) == ("OrderPaid", "OrderCreated")
    for wrong in ([], ["OrderPaid", "UserRegistered"], ["orderpaid"]):
        with pytest.raises(ValidationFailed, match="OrderCreated"):
            check_event_types(wrong)


def test_a_secret_is_32_random_bytes():
    first, second = new_secret(), new_secret()
    assert first != second
    assert first.startswith("whsec_")
    assert len(b64decode(first.removeprefix("whsec_"))) == 32


def test_a_replaced_secret_signs_until_its_time():
    webhook = Webhook(
        id=WebhookId("w"),
        url="https://example.com",
        event_types=("OrderPaid",),
        secret="new",
        previous_secret="old",
        previous_secret_until=START,
        enabled=True,
        disabled_reason=None,
        failing_since=None,
        created_at=START,
        updated_at=START,
    )
    assert webhook.secrets(START - timedelta(seconds=1)) == ["new", "old"]
    assert webhook.secrets(START) == ["new"]
