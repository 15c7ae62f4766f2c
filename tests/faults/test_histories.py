"""The judge of histories finds what is wrong with one."""

import pytest

from subgraphs.orders.domain.transitions import OrderStatus
from tests.faults.histories import Call, InconsistentError, check_told, check_versions, orders_by_key


def _told(key: str, order: str, version: int, *, began: float, ended: float, status: str = "PAID") -> Call:
    told = {"id": order, "version": version, "status": status}
    return Call(client="c", operation="createOrder", key=key, began=began, ended=ended, told=told)


LOST = Call(client="c", operation="createOrder", key="k1", began=0, ended=1)


def test_a_true_history_passes() -> None:
    calls = [
        LOST,
        _told("k1", "o1", 1, began=1, ended=2),
        _told("k1", "o1", 3, began=3, ended=9),
        _told("k1", "o1", 2, began=4, ended=5),
        _told("k2", "o2", 1, began=0, ended=9),
    ]
    assert orders_by_key(calls) == {"k1": "o1", "k2": "o2"}
    check_versions(calls)
    check_told(calls, {"o1": [OrderStatus.PAID], "o2": [OrderStatus.PAID]})


@pytest.mark.parametrize(
    "calls",
    [
        [_told("k1", "o1", 1, began=0, ended=1), _told("k1", "o2", 1, began=2, ended=3)],
        [_told("k1", "o1", 1, began=0, ended=1), _told("k2", "o1", 1, began=2, ended=3)],
    ],
)
def test_a_key_of_two_orders_and_an_order_of_two_keys_are_found(calls: list[Call]) -> None:
    with pytest.raises(InconsistentError):
        orders_by_key(calls)


def test_a_version_that_goes_back_is_found() -> None:
    with pytest.raises(InconsistentError, match="afterwards"):
        check_versions([_told("k", "o", 2, began=0, ended=1), _told("k", "o", 1, began=1.5, ended=2)])


@pytest.mark.parametrize("on_record", [{}, {"o": [OrderStatus.EXPIRED]}])
def test_a_status_that_nobody_wrote_is_found(on_record: dict[str, list[OrderStatus]]) -> None:
    with pytest.raises(InconsistentError):
        check_told([_told("k", "o", 1, began=0, ended=1)], on_record)
