"""What happens to an order reaches its customer as one e-mail."""

from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from typing import Any

import pytest

from subgraphs.kit.events.event import Event
from subgraphs.kit.events.rabbitmq import RabbitMq
from subgraphs.kit.events.redis_streams import RedisStreams
from subgraphs.kit.events.transport import OutgoingEvent
from subgraphs.kit.ids import new_id
from subgraphs.kit.postgres.engine import Postgres
from subgraphs.kit.redis.client import create_redis
from subgraphs.kit.settings import EventsSettings, RedisSettings
from subgraphs.orders.domain.events import READERS, SOURCE
from subgraphs.users.email import senders
from subgraphs.users.jobs.order_email import OrderEmails
from subgraphs.users.migrations import migrate
from tests.subgraphs.users.graphql_client import client_of, execute
from tests.subgraphs.users.sent_emails import email_to, emails_to

NUMBER = "ORD-20260131-0123ABCD"
TOTAL = {"total": {"minor": 12345, "currency": "EUR"}}


def order_event(kind: str, user_id: str, *, age: timedelta = timedelta(), **data: Any) -> Event:
    about = {"order_id": new_id(), "number": NUMBER, "user_id": user_id, **(data or TOTAL)}
    return Event(
        type=kind, source="orders", key=about["order_id"], data=about, timestamp=datetime.now(UTC) - age
    )


@pytest.fixture
def emails(postgres) -> OrderEmails:
    """Its e-mails are sent by the dispatcher of `client`."""
    return OrderEmails(postgres=postgres, stale_after=timedelta(days=1), wake_dispatcher=lambda: None)


async def queued(postgres, recipient: str) -> list[str]:
    rows = await execute(postgres, "SELECT kind FROM letters WHERE recipient = :to ORDER BY id", to=recipient)
    return [kind for (kind,) in rows]


@pytest.mark.parametrize(
    ("kind", "data", "subject", "said"),
    [
        ("OrderConfirmed", TOTAL, f"Your order {NUMBER}", "It comes to 123.45 EUR, and what"),
        ("OrderPaid", TOTAL, f"Your payment for order {NUMBER}", "your payment of 123.45 EUR for order"),
        (
            "OrderShipped",
            {**TOTAL, "tracking_number": "1Z<9>&"},
            f"Your order {NUMBER} is on its way",
            "has left our house. The number of the parcel is 1Z<9>&.",
        ),
        (
            "OrderShipped",
            {**TOTAL, "tracking_number": None},
            f"Your order {NUMBER} is on its way",
            "has left our house.\n",
        ),
        ("OrderDelivered", TOTAL, f"Your order {NUMBER} has arrived", "was delivered"),
        ("OrderRejected", TOTAL, f"Your order {NUMBER} could not be filled", "You were charged nothing."),
        ("OrderExpired", TOTAL, f"Your order {NUMBER} has expired", "was not paid in time"),
        ("OrderCancelled", TOTAL, f"Your order {NUMBER} is cancelled", "is cancelled"),
        (
            "OrderRefunded",
            {"amount": {"minor": 500, "currency": "JPY"}},
            f"A refund for your order {NUMBER}",
            "we have sent 500 JPY for order",
        ),
    ],
)
async def test_each_milestone_is_an_email_in_plain_text_and_in_html(
    ann, settings, emails, *, kind, data, subject, said
):
    await emails.handle(order_event(kind, ann["user"]["id"], **data))
    message = await email_to(settings.mail.folder, ann["user"]["email"])
    assert message["Subject"] == subject
    assert message.get_content_type() == "multipart/alternative"
    plain, html = (message.get_body((kind,)).get_content() for kind in ("plain", "html"))
    assert said in plain
    assert NUMBER in html
    escaped = said.strip().replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    assert escaped in html


async def test_an_event_that_comes_again_is_one_email(ann, postgres, emails):
    event = order_event("OrderPaid", ann["user"]["id"])
    for _ in range(3):
        await emails.handle(event)
    await emails.handle(order_event("OrderShipped", ann["user"]["id"]))
    assert await queued(postgres, ann["user"]["email"]) == ["ORDER_PAID", "ORDER_SHIPPED"]


async def test_what_is_no_news_is_no_email(ann, postgres, emails):
    user_id = ann["user"]["id"]
    await emails.handle(order_event("OrderStatusChanged", user_id))
    await emails.handle(order_event("OrderPaid", user_id, age=timedelta(days=1, seconds=1)))
    await emails.handle(order_event("OrderPaid", new_id()))  # of an account that is gone
    assert await queued(postgres, ann["user"]["email"]) == []
    await emails.handle(order_event("OrderPaid", user_id, age=timedelta(hours=23)))
    assert await queued(postgres, ann["user"]["email"]) == ["ORDER_PAID"]


async def test_an_event_that_lacks_something_leaves_no_trace_and_is_tried_again(ann, postgres, emails):
    event = order_event("OrderPaid", ann["user"]["id"], nothing=1)
    for _ in range(2):
        with pytest.raises(KeyError):
            await emails.handle(event)
    assert await execute(postgres, "SELECT * FROM inbox WHERE message_id = :id", id=event.id) == []


async def test_the_service_reads_the_stream_of_orders_from_its_beginning(make_settings, engines, new_name):
    # A Redis of its own: two services in one group would share the events, each with another database.
    url = engines.redis_alone("order_email")
    settings = make_settings(redis=RedisSettings(url=url))
    await migrate(settings)
    name = new_name()
    async with create_redis(settings.redis) as redis:
        await redis.flushdb()
        async with client_of(settings) as client:
            user = (await client.register(username=name, email=f"{name}@example.com"))["auth"]["user"]
        events = [order_event(kind, user["id"]) for kind in ("OrderPaid", "OrderShipped")]
        outgoing = [OutgoingEvent(e.id, e.type, e.source, e.to_json()) for e in events]
        await RedisStreams(redis).publish([*outgoing, *outgoing])
        async with client_of(settings):
            await email_to(settings.mail.folder, user["email"], number=2)
    subjects = [m["Subject"] for m in emails_to(settings.mail.folder, user["email"])]
    assert sorted(subjects) == [f"Your order {NUMBER} is on its way", f"Your payment for order {NUMBER}"]


async def test_the_service_reads_what_rabbitmq_carries(make_settings, rabbitmq, new_name):
    settings = make_settings(events=EventsSettings(url=rabbitmq.url()))
    await migrate(settings)
    name = new_name()
    broker = RabbitMq(rabbitmq.url(), readers={SOURCE: READERS})
    try:
        async with client_of(settings) as client:
            user = (await client.register(username=name, email=f"{name}@example.com"))["auth"]["user"]
            event = order_event("OrderPaid", user["id"])
            outgoing = [OutgoingEvent(event.id, event.type, event.source, event.to_json())]
            assert await broker.publish([*outgoing, *outgoing]) == [*outgoing, *outgoing]
            message = await email_to(settings.mail.folder, user["email"])
        assert message["Subject"] == f"Your payment for order {NUMBER}"
        pool = Postgres(settings.database, application="tests")
        assert await queued(pool, user["email"]) == ["ORDER_PAID"]
        await pool.close()
    finally:
        await broker.close()


async def test_the_sender_for_development_shows_the_plain_text_of_an_email_with_two_parts(monkeypatch):
    shown = []
    monkeypatch.setattr(senders.log, "info", lambda name, **fields: shown.append((name, fields["text"])))
    message = EmailMessage()
    message["To"], message["Subject"] = "ann@example.com", "s"
    message.set_content("plain\n")
    message.add_alternative("<p>html</p>", subtype="html")
    await senders.ConsoleSender().send(message)
    assert shown == [("email", "plain\n")]
