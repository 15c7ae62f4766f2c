from subgraphs.kit.ids import new_id
from subgraphs.orders.domain.ids import UserId
from subgraphs.orders.domain.lists import OrderFilter, OrderPage
from subgraphs.orders.domain.orders import Order
from subgraphs.orders.domain.transitions import OrderStatus
from subgraphs.orders.store.order_lists import OrderLists
from tests.harness.statements import statements
from tests.subgraphs.orders.orders_harness import OrdersHarness


async def _orders_of(harness: OrdersHarness, users: int, each: int) -> dict[str, list[Order]]:
    lamp = harness.stock.add(available=1000)
    placed: dict[str, list[Order]] = {new_id(): [] for _ in range(users)}
    for _ in range(each):
        for user, orders in placed.items():
            viewer = type(harness.ann)(user_id=user)
            orders.insert(0, await harness.place(lamp, viewer=viewer))
    return placed


async def test_orders_of_many_users_are_one_query_and_each_ones_own_list(harness: OrdersHarness):
    placed = await _orders_of(harness, users=4, each=3)
    users = [UserId(u) for u in placed] + [UserId(new_id()), UserId("nobody\0")]
    paid = await harness.service.payments.pay(
        type(harness.ann)(user_id=users[0]), placed[users[0]][1].id, method="card", token="tok_ok", key=None
    )
    async with harness.observer.read() as connection:
        lists = OrderLists(connection)
        for statuses in (None, (OrderStatus.PAID,), ()):
            for before in (None, placed[users[1]][1].id):
                page = OrderPage(size=1, before=before)
                single = [
                    await lists.newest(OrderFilter(user_id=user, statuses=statuses), page) for user in users
                ]
                counts = [await lists.count(OrderFilter(user_id=user, statuses=statuses)) for user in users]
                where = OrderFilter(statuses=statuses)
                with statements(harness.observer) as sent:
                    assert await lists.newest_of_users(users, where, page) == single
                    assert await lists.count_of_users(users, where) == counts
                assert len(sent) == 2
        twice = await lists.newest_of_users(
            [users[0], users[0]], OrderFilter(), OrderPage(size=9, before=None)
        )
    assert [[o.id for o in page] for page in twice] == [[o.id for o in placed[users[0]]]] * 2
    assert paid in twice[0]


async def test_pages_have_neither_gap_nor_duplicate_while_orders_come_in(harness: OrdersHarness):
    lamp = harness.stock.add(available=1000)
    placed = [await harness.place(lamp) for _ in range(11)]
    seen: list[Order] = []
    before = None
    while True:
        async with harness.observer.read() as connection:
            page = await OrderLists(connection).newest(
                OrderFilter(user_id=UserId(str(harness.ann.user_id))), OrderPage(size=2, before=before)
            )
        if not page:
            break
        seen += page
        before = page[-1].id
        await harness.place(lamp)  # newer than every page, so it must not show up
    assert [o.id for o in seen] == [o.id for o in reversed(placed)]
