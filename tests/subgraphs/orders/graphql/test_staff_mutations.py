"""Changing, sending and refunding orders, through the whole application."""

from subgraphs.kit.ids import new_id
from tests.subgraphs.orders.orders_api import OrdersApi


async def _paid(api: OrdersApi) -> str:
    created = await api.create((api.stock.add(minor=1000).id, 1))
    order_id: str = created["order"]["id"]
    await api.pay(order_id)
    return order_id


async def test_an_order_goes_to_its_customer_and_some_of_the_money_comes_back(api: OrdersApi):
    order = await _paid(api)
    await api.staff("setOrderStatus", order, status="PROCESSING")
    shipped = await api.staff(
        "setOrderStatus", order, status="SHIPPED", trackingNumber="T-1", note="by train"
    )
    assert (shipped["__typename"], shipped["order"]["status"]) == ("SetOrderStatusSuccess", "SHIPPED")
    # It was ordered without details, and has a parcel all the same.
    assert shipped["order"]["shipping"] == {
        "city": None,
        "method": None,
        "cost": {"amount": "0.00"},
        "status": "shipped",
        "trackingNumber": "T-1",
    }
    delivered = await api.staff("setOrderStatus", order, status="DELIVERED")
    assert delivered["order"]["shipping"]["status"] == "delivered"
    part = await api.staff("refundOrder", order, amount="2.50", idempotencyKey="k")
    assert (part["order"]["status"], part["order"]["payment"]) == (
        "DELIVERED",
        {"status": "PARTIALLY_REFUNDED", "refunded": {"amount": "2.50"}},
    )
    assert await api.staff("refundOrder", order, amount="2.50", idempotencyKey="k") == part
    whole = await api.staff("refundOrder", order)
    assert (whole["__typename"], whole["order"]["status"], whole["order"]["payment"]) == (
        "RefundOrderSuccess",
        "REFUNDED",
        {"status": "REFUNDED", "refunded": {"amount": "10.00"}},
    )


async def test_an_absent_field_leaves_the_shipping_and_null_clears_it(api: OrdersApi):
    order = await api.placed()
    sent = await api.staff("updateOrder", order, api.as_ann, input={"shipping": {"city": "Bern"}})
    assert (sent["__typename"], sent["order"]["shipping"]["city"]) == ("UpdateOrderSuccess", "Bern")
    assert (await api.staff("updateOrder", order, api.as_ann, input={})) == sent
    version = sent["order"]["version"]
    stale = await api.staff("updateOrder", order, api.as_ann, input={"shipping": None}, version=version - 1)
    assert (stale["__typename"], stale["code"]) == ("ConflictError", "CONFLICT")
    cleared = await api.staff("updateOrder", order, api.as_ann, input={"shipping": None}, version=version)
    assert (cleared["order"]["shipping"], cleared["order"]["version"]) == (None, version + 1)


async def test_each_refusal_of_update_order_is_a_member_of_its_union(api: OrdersApi):
    order = await _paid(api)
    foreign = await api.staff("updateOrder", order, api.as_bob, input={})
    assert (foreign["__typename"], foreign["code"]) == ("NotFoundError", "NOT_FOUND")
    long = {"shipping": {"city": "x" * 201}}
    invalid = await api.staff("updateOrder", order, api.as_ann, input=long)
    assert (invalid["__typename"], invalid["field"]) == ("ValidationError", "shipping.city")
    await api.cancel(order)
    late = await api.staff("updateOrder", order, api.as_ann, input={"shipping": {"city": "Bern"}})
    assert late == {
        "__typename": "IllegalTransitionError",
        "code": "ILLEGAL_TRANSITION",
        "message": "An order that is CANCELLED cannot take the action “update”.",
        "from": "CANCELLED",
        "action": "update",
    }


async def test_each_refusal_of_set_order_status_and_refund_order_is_a_member_of_its_union(api: OrdersApi):
    unpaid, ghost = await api.placed(), new_id()
    moving, giving = {"status": "PROCESSING"}, {"amount": "1"}
    for mutation, arguments, action in (
        ("setOrderStatus", moving, "process"),
        ("refundOrder", giving, "refund"),
    ):
        denied = await api.staff(mutation, unpaid, api.as_ann, **arguments)
        assert (denied["__typename"], denied["code"]) == ("PermissionError", "FORBIDDEN")
        assert (await api.staff(mutation, ghost, **arguments))["__typename"] == "NotFoundError"
        early = await api.staff(mutation, unpaid, **arguments)
        assert (early["__typename"], early["from"], early["action"]) == (
            "IllegalTransitionError",
            "AWAITING_PAYMENT",
            action,
        )
    order = await _paid(api)
    by_hand = await api.staff("setOrderStatus", order, status="PAID")
    assert (by_hand["__typename"], by_hand["field"]) == ("ValidationError", "status")
    too_much = await api.staff("refundOrder", order, amount="10.01")
    assert (too_much["__typename"], too_much["field"]) == ("ValidationError", "amount")
    await api.staff("refundOrder", order, amount="1", idempotencyKey="k")
    other = await api.staff("refundOrder", order, amount="2", idempotencyKey="k")
    assert (other["__typename"], other["code"]) == ("ConflictError", "CONFLICT")
