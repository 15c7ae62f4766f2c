from itertools import product

import pytest

from subgraphs.orders.domain.transitions import SOLD, TERMINAL, TRANSITIONS, Action, OrderStatus

# The table of consistency.md, written down once more: state, action, state.
_TABLE = """
PENDING_STOCK hold AWAITING_PAYMENT
PENDING_STOCK reject REJECTED
PENDING_STOCK expire EXPIRED
PENDING_STOCK cancel CANCELLING
AWAITING_PAYMENT pay PAYING
AWAITING_PAYMENT expire EXPIRED
AWAITING_PAYMENT cancel CANCELLING
PAYING capture PAID
PAYING decline AWAITING_PAYMENT
PAYING expire EXPIRED
PAID cancel CANCELLING
PROCESSING cancel CANCELLING
CANCELLING finish_cancel CANCELLED
PAID process PROCESSING
PROCESSING ship SHIPPED
SHIPPED deliver DELIVERED
PAID refund REFUNDED
PROCESSING refund REFUNDED
SHIPPED refund REFUNDED
DELIVERED refund REFUNDED
"""
_LEGAL = {(s, a): t for s, a, t in (row.split() for row in _TABLE.split("\n") if row)}


@pytest.mark.parametrize(("status", "action"), list(product(OrderStatus, Action)))
def test_each_state_and_action_is_in_the_table_or_nowhere(status: OrderStatus, action: Action):
    assert TRANSITIONS.get((status, action)) == _LEGAL.get((status.value, action.value))


def test_a_terminal_state_is_left_by_the_refund_of_a_delivered_order_only_and_every_other_state_is_left():
    leaving = {(source, action) for source, action in TRANSITIONS if source in TERMINAL}
    assert leaving == {(OrderStatus.DELIVERED, Action.REFUND)}
    assert set(OrderStatus) - {source for source, _ in TRANSITIONS} == TERMINAL - {OrderStatus.DELIVERED}


def test_every_state_is_reached_from_the_first():
    reached = {OrderStatus.PENDING_STOCK}
    for _ in OrderStatus:
        reached |= {target for (source, _), target in TRANSITIONS.items() if source in reached}
    assert reached == set(OrderStatus)


def test_sold_states_are_those_after_the_payment():
    assert {status.value for status in SOLD} == {"PAID", "PROCESSING", "SHIPPED", "DELIVERED"}
