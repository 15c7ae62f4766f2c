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
from tests.subgraphs.orders.shop import CREATE, PAY, Shop, open_shop
from tests.subgraphs.orders.world import World


@pytest.fixture
def people(shop: Shop) -> Shop:
    """A shop with new people, of whom the test may disable some."""
    return Shop(shop.http, shop.url, shop.signer, shop.servicer, shop.accounts)


@pytest.fixture
def users_down(shop: Shop) -> Any:
    shop.accounts.down = True
    yield
    shop.accounts.down = False


def _line(shop: Shop) -> dict[str, Any]:
    return {"items": [{"productId": shop.stock.add().id, "quantity": 1}]}


async def test_disabled_account_places_nothing_and_pays_nothing(people: Shop) -> None:
    order_id = await people.placed()
    people.accounts.people.disabled.add(people.ann)
    lamp = people.stock.add(available=5)
    created = await people.create((lamp.id, 1))
    assert (created["__typename"], created["code"]) == ("PermissionError", "FORBIDDEN")
    assert lamp.available == 5
    paid = await people.pay(order_id)
    assert (paid["__typename"], paid["code"]) == ("PermissionError", "FORBIDDEN")
    order = await people.run(
        "query ($id: ID!) { order(id: $id) { status payment { status } } }", people.as_ann, id=order_id
    )
    assert order["order"] == {"status": "AWAITING_PAYMENT", "payment": None}


async def test_refusal_writes_nothing_at_all(world: World) -> None:
    order = await world.place()
    before = await world.everything()
    world.people.disabled.add(str(world.ann.user_id))
    for attempt in (world.place(key="k"), world.pay(order.id, key="k")):
        with pytest.raises(Exception, match="disabled"):
            await attempt
    assert await world.everything() == before


async def test_disabled_account_still_sees_and_cancels_its_orders(people: Shop) -> None:
    order_id = await people.placed()
    people.accounts.people.disabled.add(people.ann)
    cancelled = await people.cancel(order_id)
    assert cancelled["__typename"] == "CancelOrderSuccess"


async def test_account_that_is_gone_is_nobody(people: Shop) -> None:
    people.accounts.people.gone.add(people.ann)
    created = await people.create((people.stock.add().id, 1))
    assert created["__typename"] == "AuthenticationError"


@pytest.mark.usefixtures("users_down")
async def test_without_users_a_session_that_is_not_revoked_may_order(people: Shop) -> None:
    order_id = await people.placed()
    assert (await people.pay(order_id))["order"]["status"] == "PAID"


@pytest.mark.usefixtures("users_down")
async def test_without_users_a_revoked_session_may_not(people: Shop, shop_settings: Any) -> None:
    order_id = await people.placed()
    session_id = jwt.decode(people.as_ann, options={"verify_signature": False})["sid"]
    async with create_redis(shop_settings.redis) as redis:
        # This process has just seen that the session is alive, and would believe so for another second.
        await RedisRevocations(redis).revoke(session_id, lifetime=timedelta(minutes=1))
    assert await people.code(PAY, people.as_ann, id=order_id, input={}) in {"UNAVAILABLE", "UNAUTHENTICATED"}


@pytest.fixture
async def proxy(engines: Any) -> AsyncIterator[TcpProxy]:
    async with proxy_to(engines.redis_url) as proxy:
        yield proxy


async def test_without_users_and_without_redis_nobody_can_say_and_nothing_is_written(
    shop_settings: Any, proxy: TcpProxy
) -> None:
    settings = shop_settings.model_copy(update={"redis": RedisSettings(url=proxy.url)})
    async with open_shop(settings) as shop:
        lamp = shop.stock.add(available=5)
        shop.accounts.down = True
        await proxy.stop()
        code = await shop.code(CREATE, shop.as_ann, input=_line(shop))
        shop.accounts.down = False
        assert code == "UNAVAILABLE"
        assert lamp.available == 5
        orders = await shop.run("{ orders { totalCount } }", shop.as_ann)
        assert orders["orders"]["totalCount"] == 0
        # Without Redis alone the users service is asked, and knows.
        created = await shop.create((lamp.id, 1))
        assert created["__typename"] == "CreateOrderSuccess"
        await proxy.start()
