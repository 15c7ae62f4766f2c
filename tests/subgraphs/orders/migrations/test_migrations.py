import secrets
from datetime import UTC, datetime
from typing import Any

import pytest

from subgraphs.kit.ids import new_id
from subgraphs.kit.money import Amount, MinorUnits
from subgraphs.kit.postgres import migrations
from subgraphs.kit.postgres.engine import Postgres
from subgraphs.kit.settings import DatabaseSettings
from subgraphs.orders.domain.ids import OrderId, ProductId, UserId
from subgraphs.orders.domain.orders import CancellationRequest
from subgraphs.orders.domain.refunds import RefundStatus
from subgraphs.orders.migrations import SCRIPTS
from subgraphs.orders.payments.provider import Captured
from subgraphs.orders.payments.sandbox import SandboxProvider
from subgraphs.orders.payments.sandbox_webhooks import SandboxWebhooks
from subgraphs.orders.store.orders import OrderStore
from subgraphs.orders.store.payments import PaymentStore
from subgraphs.orders.store.refunds import RefundStore
from subgraphs.orders.store.tables import metadata
from subgraphs.orders.store.units_sold import UnitsSoldStore


@pytest.fixture
async def empty_database(engines: Any) -> DatabaseSettings:
    return DatabaseSettings(url=engines.postgres_url(f"orders_{secrets.token_hex(4)}"), pool_size=2)


async def test_a_database_of_the_first_revision_keeps_what_is_in_it(empty_database: DatabaseSettings):
    await migrations.migrate(empty_database, owner="orders", scripts=SCRIPTS, revision="0001")
    postgres = Postgres(empty_database, application="tests")
    order_id, user_id = new_id(), new_id()
    request = '{"actor": "ann", "reason": "too slow"}'
    async with postgres.unit_of_work() as connection:
        await connection.exec_driver_sql(
            "INSERT INTO orders (id, number, user_id, status, currency, subtotal_minor, total_minor, version, "
            "last_seq, cancel_wish, expires_at, created_at, updated_at) "
            f"VALUES ('{order_id}', 'ORD-1', '{user_id}', 'PAYING', 'USD', 1, 1, 1, 1, '{request}', "
            "now(), now(), now())"
        )
    await migrations.migrate(empty_database, owner="orders", scripts=SCRIPTS)
    await migrations.migrate(empty_database, owner="orders", scripts=SCRIPTS)
    async with postgres.read() as connection:
        order = await OrderStore(connection).get(order_id)
    assert order is not None
    assert order.cancellation_request == CancellationRequest(actor=UserId("ann"), reason="too slow")
    assert await migrations.differences(empty_database, metadata) == []
    await postgres.close()


async def test_what_was_refunded_before_refunds_were_records_is_one_of_them(empty_database: DatabaseSettings):
    await migrations.migrate(empty_database, owner="orders", scripts=SCRIPTS, revision="0002")
    postgres = Postgres(empty_database, application="tests")
    order_id, user_id, attempt = new_id(), new_id(), new_id()
    async with postgres.unit_of_work() as connection:
        await connection.exec_driver_sql(
            "INSERT INTO orders (id, number, user_id, status, currency, subtotal_minor, total_minor, version, "
            "last_seq, expires_at, created_at, updated_at) "
            f"VALUES ('{order_id}', 'ORD-1', '{user_id}', 'CANCELLED', 'USD', 5, 5, 1, 1, now(), now(), now())"
        )
        await connection.exec_driver_sql(
            "INSERT INTO payments (attempt_id, order_id, seq, method, token, amount_minor, refunded_minor, currency, "
            f"status) VALUES ('{attempt}', '{order_id}', 3, 'card', 't', 5, 5, 'USD', 'REFUNDED')"
        )
    await migrations.migrate(empty_database, owner="orders", scripts=SCRIPTS)
    async with postgres.read() as connection:
        payment = await PaymentStore(connection).get(attempt)
        assert payment is not None
        [refund] = await RefundStore(connection).of_payment(payment)
    assert (refund.key, refund.attempt_id, refund.status) == (
        f"refund:{order_id}",
        attempt,
        RefundStatus.DONE,
    )
    assert refund.amount == Amount(MinorUnits(5), "USD")
    await postgres.close()


async def test_payments_from_before_providers_are_the_sandboxs_and_can_still_be_refunded(
    empty_database: DatabaseSettings,
):
    await migrations.migrate(empty_database, owner="orders", scripts=SCRIPTS, revision="0007")
    postgres = Postgres(empty_database, application="tests")
    order_id, user_id, known, lost = new_id(), new_id(), new_id(), new_id()
    async with postgres.unit_of_work() as connection:
        await connection.exec_driver_sql(
            "INSERT INTO orders (id, number, user_id, status, currency, subtotal_minor, total_minor, version, "
            "last_seq, expires_at, created_at, updated_at) "
            f"VALUES ('{order_id}', 'ORD-1', '{user_id}', 'PAID', 'USD', 5, 5, 1, 1, now(), now(), now())"
        )
        for seq, (attempt, status) in enumerate([(lost, "DECLINED"), (known, "CAPTURED")]):
            await connection.exec_driver_sql(
                "INSERT INTO payments (attempt_id, order_id, seq, method, token, amount_minor, currency, status) "
                f"VALUES ('{attempt}', '{order_id}', {seq}, 'card', 't', 5, 'USD', '{status}')"
            )
        await connection.exec_driver_sql(
            "INSERT INTO sandbox_charges (key, status, amount_minor, currency, transaction_id) "
            f"VALUES ('{known}', 'captured', 5, 'USD', 'sbx_ch_1')"
        )
    await migrations.migrate(empty_database, owner="orders", scripts=SCRIPTS)
    async with postgres.read() as connection:
        [paid] = await PaymentStore(connection).latest_of([OrderId(order_id)])
        written_off = await PaymentStore(connection).get(lost)
    assert paid is not None
    assert (paid.provider, paid.reference) == ("sandbox", known)
    assert written_off is not None
    assert (written_off.provider, written_off.reference) == ("sandbox", None)
    webhooks = SandboxWebhooks(secret="s", url="", clock=lambda: datetime.now(UTC))
    sandbox = SandboxProvider(postgres=postgres, webhooks=webhooks)
    assert await sandbox.status(known) == Captured("sbx_ch_1")
    made = await sandbox.refund(f"refund:{order_id}", reference=known, amount=paid.amount)
    assert made.startswith("sbx_re_")
    await postgres.close()


async def test_migrations_make_what_the_tables_say(database: DatabaseSettings):
    assert await migrations.differences(database, metadata) == []


async def test_what_was_sold_before_it_was_counted_is_in_the_count(empty_database: DatabaseSettings):
    await migrations.migrate(empty_database, owner="orders", scripts=SCRIPTS, revision="0003")
    postgres = Postgres(empty_database, application="tests")
    lamp, desk = (ProductId(new_id()) for _ in range(2))
    async with postgres.unit_of_work() as connection:
        for number, (status, quantity) in enumerate(
            (("PAID", 2), ("SHIPPED", 3), ("CANCELLED", 5), ("PAYING", 7))
        ):
            await connection.exec_driver_sql(
                "INSERT INTO orders (id, number, user_id, status, currency, subtotal_minor, total_minor, version, "
                "last_seq, expires_at, created_at, updated_at) "
                f"VALUES ('{number}', '{number}', 'ann', '{status}', 'USD', 1, 1, 1, 1, now(), now(), now())"
            )
            await connection.exec_driver_sql(
                "INSERT INTO order_items (id, order_id, product_id, quantity, currency) "
                f"VALUES ('{number}', '{number}', '{lamp}', {quantity}, 'USD')"
            )
    await migrations.migrate(empty_database, owner="orders", scripts=SCRIPTS)
    async with postgres.read() as connection:
        assert await UnitsSoldStore(connection).of_products([lamp, desk]) == [5, 0]
    await postgres.close()
