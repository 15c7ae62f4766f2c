"""Every source of events knows the consumers that read it, so that RabbitMQ has a queue for each before the first event."""

from subgraphs.orders.domain import events as orders
from subgraphs.orders.domain.webhooks import SOURCES
from subgraphs.orders.webhooks.recorder import CONSUMER
from subgraphs.products.domain import events as products
from subgraphs.users.jobs import order_activity, order_email


def test_the_readers_of_a_source_are_the_groups_of_its_consumers() -> None:
    known = {domain.SOURCE: set(domain.READERS) for domain in (products, orders)}
    consumers = {source: {CONSUMER} for source in SOURCES}
    consumers[orders.SOURCE] |= {order_email.GROUP, order_activity.GROUP}
    assert known == consumers
