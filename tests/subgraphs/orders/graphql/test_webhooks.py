"""Webhooks through the whole application: from the order to the receiver."""

import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from subgraphs.kit.ids import new_id
from tests.subgraphs.orders.orders_api import OrdersApi
from tests.subgraphs.orders.orders_harness import eventually
from tests.subgraphs.orders.webhook_receiver import Received, Receiver, receiving

_WEBHOOK = "id url eventTypes enabled disabledReason failingSince"
_FIELD = "... on ValidationError { field }"


def _mutation(call: str, success: str, selection: str, *, fault: str = "", **arguments: str) -> str:
    declared = ", ".join(f"${name}: {type_}" for name, type_ in arguments.items())
    return f"mutation ({declared}) {{ {call} {{ __typename ... on {success} {{ {selection} }} ... on Error {{ code message }} {fault} }} }}"


CREATE = _mutation(
    "createWebhook(input: $input)",
    "CreateWebhookSuccess",
    f"secret webhook {{ {_WEBHOOK} }}",
    input="CreateWebhookInput!",
    fault=_FIELD,
)
UPDATE = _mutation(
    "updateWebhook(id: $id, input: $input)",
    "UpdateWebhookSuccess",
    f"webhook {{ {_WEBHOOK} }}",
    id="ID!",
    input="UpdateWebhookInput!",
    fault=_FIELD,
)
DELETE = _mutation("deleteWebhook(id: $id)", "DeleteWebhookSuccess", "id", id="ID!")
ROTATE = _mutation(
    "rotateWebhookSecret(id: $id)", "RotateWebhookSecretSuccess", f"secret webhook {{ {_WEBHOOK} }}", id="ID!"
)
TEST = _mutation(
    "sendTestEvent(webhookId: $id)", "SendTestEventSuccess", "delivery { id messageId status }", id="ID!"
)
REPLAY = _mutation(
    "replayWebhookDelivery(id: $id)",
    "ReplayWebhookDeliverySuccess",
    "delivery { id messageId status }",
    id="ID!",
)
WEBHOOKS = f"{{ webhooks {{ {_WEBHOOK} }} }}"
DELIVERIES = """
query ($id: ID!, $status: WebhookDeliveryStatus, $first: Int, $after: String) {
  webhookDeliveries(webhookId: $id, status: $status, first: $first, after: $after) {
    totalCount
    pageInfo { hasNextPage endCursor }
    nodes { id messageId eventType body status nextAttemptAt deliveredAt attempts { status response error durationMs } }
  }
}"""


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


async def _staff(api: OrdersApi, query: str, **variables: Any) -> dict[str, Any]:
    (result,) = (await api.run(query, api.as_staff, **variables)).values()
    found: dict[str, Any] = result
    return found


@pytest.fixture
async def created(api: OrdersApi, receiver: Receiver) -> AsyncIterator[dict[str, Any]]:
    """What `createWebhook` answered; it is deleted at the end, if it still is there."""
    wanted = ["OrderCreated", "OrderStatusChanged"]
    created = await _staff(api, CREATE, input={"url": receiver.url, "eventTypes": wanted})
    yield created
    await _staff(api, DELETE, id=created["webhook"]["id"])


async def _got(receiver: Receiver, count: int, order: str) -> list[Received]:
    """The first `count` of what came about one order; the service may tell of the orders of other tests, too."""

    def about() -> list[Received]:
        return [got for got in receiver.received if json.loads(got.body)["data"].get("order_id") == order]

    async def enough() -> bool:
        return len(about()) >= count

    await eventually(enough)
    return about()


async def test_an_order_is_told_to_the_receiver_as_its_events(
    api: OrdersApi, created: dict[str, Any], receiver: Receiver
):
    order = await api.placed()
    received = await _got(receiver, 3, order)
    assert sorted(json.loads(got.body)["type"] for got in received) == [
        "OrderCreated",
        "OrderStatusChanged",
        "OrderStatusChanged",
    ]
    for got in received:
        event = json.loads(got.body)
        assert (event["id"], event["source"]) == (got.id, "orders")
        assert event["data"]["user_id"] == api.ann
        assert got.is_signed_with(created["secret"])


async def test_the_secret_is_shown_when_it_is_made_and_never_again(api: OrdersApi, created: dict[str, Any]):
    webhook = created["webhook"]
    assert webhook == {
        "id": webhook["id"],
        "url": webhook["url"],
        "eventTypes": ["OrderCreated", "OrderStatusChanged"],
        "enabled": True,
        "disabledReason": None,
        "failingSince": None,
    }
    assert webhook in (await api.run(WEBHOOKS, api.as_staff))["webhooks"]
    rotated = await _staff(api, ROTATE, id=webhook["id"])
    assert rotated["secret"] not in {created["secret"], ""}
    assert rotated["webhook"] == webhook


async def test_a_test_event_is_sent_logged_and_sent_again(
    api: OrdersApi, created: dict[str, Any], receiver: Receiver
):
    webhook = created["webhook"]["id"]
    sent = (await _staff(api, TEST, id=webhook))["delivery"]

    async def logged(count: int) -> dict[str, Any] | None:
        page = await _staff(api, DELIVERIES, id=webhook, status="DELIVERED")
        found = [node for node in page["nodes"] if node["id"] == sent["id"]]
        return found[0] if found and len(found[0]["attempts"]) == count else None

    def is_logged(count: int) -> Callable[[], Any]:
        async def check() -> bool:
            return await logged(count) is not None

        return check

    await eventually(is_logged(1))
    delivery = await logged(1)
    assert delivery is not None
    assert json.loads(delivery["body"])["data"] == {"webhook_id": webhook}
    assert (delivery["messageId"], delivery["eventType"], delivery["nextAttemptAt"]) == (
        sent["messageId"],
        "WebhookTest",
        None,
    )
    [attempt] = delivery["attempts"]
    assert (attempt["status"], attempt["response"], attempt["error"]) == (200, "thank you", None)
    assert attempt["durationMs"] >= 0
    assert (await _staff(api, REPLAY, id=sent["id"]))["delivery"] == {**sent, "status": "PENDING"}
    await eventually(is_logged(2))
    assert [got.id for got in receiver.received if got.id == sent["messageId"]] == [sent["messageId"]] * 2


async def test_a_disabled_webhook_gets_nothing_until_it_is_enabled(
    api: OrdersApi, created: dict[str, Any], receiver: Receiver
):
    webhook = created["webhook"]["id"]
    disabled = await _staff(api, UPDATE, id=webhook, input={"enabled": False})
    assert (disabled["webhook"]["enabled"], disabled["webhook"]["disabledReason"]) == (
        False,
        "Disabled by staff.",
    )
    assert (await _staff(api, TEST, id=webhook))["code"] == "CONFLICT"
    enabled = await _staff(api, UPDATE, id=webhook, input={"enabled": True, "eventTypes": ["OrderCancelled"]})
    assert enabled["webhook"] == {**created["webhook"], "eventTypes": ["OrderCancelled"]}
    order = await api.placed()
    await api.cancel(order)
    [got] = await _got(receiver, 1, order)
    assert json.loads(got.body)["type"] == "OrderCancelled"


async def test_deliveries_come_in_pages_newest_first(api: OrdersApi, created: dict[str, Any]):
    webhook = created["webhook"]["id"]
    await _staff(api, UPDATE, id=webhook, input={"eventTypes": ["StockReleased"]})
    sent = [(await _staff(api, TEST, id=webhook))["delivery"]["id"] for _ in range(3)]
    first = await _staff(api, DELIVERIES, id=webhook, first=2)
    assert [node["id"] for node in first["nodes"]] == sent[:0:-1]
    assert (first["totalCount"], first["pageInfo"]["hasNextPage"]) == (3, True)
    rest = await _staff(api, DELIVERIES, id=webhook, first=2, after=first["pageInfo"]["endCursor"])
    assert ([node["id"] for node in rest["nodes"]], rest["pageInfo"]["hasNextPage"]) == (sent[:1], False)


async def test_what_is_wrong_with_a_webhook_is_said_by_its_field(api: OrdersApi, created: dict[str, Any]):
    for wrong, field in (
        ({"url": "ftp://example.com", "eventTypes": ["OrderPaid"]}, "input.url"),
        ({"url": "https://example.com", "eventTypes": ["UserRegistered"]}, "input.eventTypes"),
        ({"url": "https://example.com", "eventTypes": []}, "input.eventTypes"),
    ):
        refused = await _staff(api, CREATE, input=wrong)
        assert (refused["__typename"], refused["field"]) == ("ValidationError", field)
    webhook = created["webhook"]["id"]
    refused = await _staff(api, UPDATE, id=webhook, input={"url": "https://ann@example.com"})
    assert (refused["__typename"], refused["field"]) == ("ValidationError", "input.url")


async def test_there_may_be_so_many_webhooks_and_no_more(api: OrdersApi, created: dict[str, Any]):  # noqa: ARG001 - one of them
    valid = {"url": "https://example.com/", "eventTypes": ["OrderPaid"]}
    made = [await _staff(api, CREATE, input=valid) for _ in range(20)]
    ids = [answer["webhook"]["id"] for answer in made if answer["__typename"] == "CreateWebhookSuccess"]
    assert (len(ids), made[-1]["code"]) == (19, "CONFLICT")
    for webhook in ids:
        assert (await _staff(api, DELETE, id=webhook))["id"] == webhook


async def test_what_does_not_exist_is_not_found(api: OrdersApi):
    for nothing in (new_id(), "nothing"):
        for query in (DELETE, ROTATE, TEST, REPLAY):
            assert (await _staff(api, query, id=nothing))["code"] == "NOT_FOUND"
        assert (await _staff(api, UPDATE, id=nothing, input={}))["code"] == "NOT_FOUND"
        answer = (await api.post(DELIVERIES, api.as_staff, id=nothing)).json()
        assert [error["extensions"]["code"] for error in answer["errors"]] == ["NOT_FOUND"]


async def test_customers_have_no_business_here(api: OrdersApi, created: dict[str, Any]):
    webhook = created["webhook"]["id"]
    for token, code in ((api.as_ann, "FORBIDDEN"), (None, "UNAUTHENTICATED")):
        for query, more in (
            (CREATE, {"input": {"url": "https://example.com/", "eventTypes": ["OrderPaid"]}}),
            (UPDATE, {"id": webhook, "input": {"enabled": False}}),
            (DELETE, {"id": webhook}),
            (ROTATE, {"id": webhook}),
            (TEST, {"id": webhook}),
            (REPLAY, {"id": webhook}),
        ):
            (refused,) = (await api.run(query, token, **more)).values()
            assert refused["code"] == code
        for query in (WEBHOOKS, DELIVERIES):
            answer = (await api.post(query, token, id=webhook)).json()
            assert [error["extensions"]["code"] for error in answer["errors"]] == [code]
    assert created["webhook"] in (await api.run(WEBHOOKS, api.as_staff))["webhooks"]
