"""Who may order although the token is still good: what the users service says, or else the revocation set."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import jwt
import pytest

from subgraphs.kit.auth.revocations import RedisRevocations
from subgraphs.kit.redis.client import create_redis
from subgraphs.kit.settings import RedisSettings
from tests.harness.tcp_proxy import TcpProxy, proxy_to
from tests.subgraphs.orders.orders_api import CREATE, PAY, OrdersApi, open_orders_api
from tests.subgraphs.orders.orders_harness import OrdersHarness


@pytest.fixture
def users_down(shared_api: OrdersApi) -> Any:
    shared_api.accounts.down = True
    yield
    shared_api.accounts.down = False


def _line(shared_api: OrdersApi) -> dict[str, Any]:
    return {"items": [{"productId": shared_api.stock.add().id, "quantity": 1}]}


async def test_disabled_account_places_nothing_and_pays_nothing(api: OrdersApi) -> None:
    order_id = await api.placed()
    api.accounts.accounts.disabled.add(api.ann)
    lamp = api.stock.add(available=5)
    created = await api.create((lamp.id, 1))
    assert (created["__typename"], created["code"]) == ("PermissionError", "FORBIDDEN")
    assert lamp.available == 5
    paid = await api.pay(order_id)
    assert (paid["__typename"], paid["code"]) == ("PermissionError", "FORBIDDEN")
    order = await api.run(
        "query ($id: ID!) { order(id: $id) { status payment { status } } }", api.as_ann, id=order_id
    )
    assert order["order"] == {"status": "AWAITING_PAYMENT", "payment": None}


async def test_refusal_writes_nothing_at_all(harness: OrdersHarness) -> None:
    order = await harness.place()
    before = await harness.everything()
    harness.accounts.disabled.add(str(harness.ann.user_id))
    for attempt in (harness.place(key="k"), harness.pay(order.id, key="k")):
        with pytest.raises(Exception, match="disabled"):
            await attempt
    assert await harness.everything() == before


async def test_disabled_account_still_sees_and_cancels_its_orders(api: OrdersApi) -> None:
    order_id = await api.placed()
    api.accounts.accounts.disabled.add(api.ann)
    cancelled = await api.cancel(order_id)
    assert cancelled["__typename"] == "CancelOrderSuccess"


async def test_account_that_is_gone_is_nobody(api: OrdersApi) -> None:
    api.accounts.accounts.gone.add(api.ann)
    created = await api.create((api.stock.add().id, 1))
    assert created["__typename"] == "AuthenticationError"


@pytest.mark.usefixtures("users_down")
async def test_without_users_a_session_that_is_not_revoked_may_order(api: OrdersApi) -> None:
    order_id = await api.placed()
    assert (await api.pay(order_id))["order"]["status"] == "PAID"


@pytest.mark.usefixtures("users_down")
async def test_without_users_a_revoked_session_may_not(api: OrdersApi, api_settings: Any) -> None:
    order_id = await api.placed()
    session_id = jwt.decode(api.as_ann, options={"verify_signature": False})["sid"]
    async with create_redis(api_settings.redis) as redis:
        # This process has just seen that the session is alive, and would believe so for another second.
        await RedisRevocations(redis).revoke(session_id, lifetime=timedelta(minutes=1))
    assert await api.code(PAY, api.as_ann, id=order_id, input={}) in {"UNAVAILABLE", "UNAUTHENTICATED"}


@pytest.fixture
async def proxy(engines: Any) -> AsyncIterator[TcpProxy]:
    async with proxy_to(engines.redis_url) as proxy:
        yield proxy


async def test_without_users_and_without_redis_nobody_can_say_and_nothing_is_written(
    api_settings: Any, proxy: TcpProxy
) -> None:
    settings = api_settings.model_copy(update={"redis": RedisSettings(url=proxy.url)})
    async with open_orders_api(settings) as shared_api:
        lamp = shared_api.stock.add(available=5)
        shared_api.accounts.down = True
        await proxy.stop()
        code = await shared_api.code(CREATE, shared_api.as_ann, input=_line(shared_api))
        shared_api.accounts.down = False
        assert code == "UNAVAILABLE"
        assert lamp.available == 5
        orders = await shared_api.run("{ orders { totalCount } }", shared_api.as_ann)
        assert orders["orders"]["totalCount"] == 0
        # Without Redis alone the users service is asked, and knows.
        created = await shared_api.create((lamp.id, 1))
        assert created["__typename"] == "CreateOrderSuccess"
        await proxy.start()
