"""What clients saw while processes were killed, recorded call by call and judged as a whole afterwards.

A call that got no answer may have been done or not; one that was answered says what was true at some moment between
its begin and its end. From that follows what must hold of all calls together, whoever sent them to which process:

* a key stands for one order, whoever answers for it, and however often it is sent;
* who is told of an order at a version, and asks again afterwards, is told of no earlier one;
* what anybody was told is on record.
"""

import itertools
import json
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from subgraphs.orders.domain.transitions import OrderStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request of a client.

    `told` is the order as it was answered, `error` the code of a refusal; a call with neither got no answer. Times are
    seconds of one clock, that of the test's process.
    """

    client: str
    operation: str
    key: str
    began: float
    ended: float
    order_id: str | None = None
    told: Mapping[str, Any] | None = None
    error: str | None = None


@dataclass
class History:
    """Calls in the order in which they ended."""

    calls: list[Call] = field(default_factory=list)
    faults: list[tuple[float, str]] = field(default_factory=list)

    def fault(self, what: str) -> None:
        self.faults.append((time.monotonic(), what))

    def write(self, path: Path) -> None:
        lines = [json.dumps(asdict(call)) for call in self.calls]
        path.write_text("\n".join([*lines, *(json.dumps(fault) for fault in self.faults)]))

    def of(self, operation: str) -> list[Call]:
        return [call for call in self.calls if call.operation == operation]


class InconsistentError(AssertionError):
    """The calls of a history cannot all have been answered truly."""


def orders_by_key(calls: Iterable[Call]) -> dict[str, str]:
    """The order that each key stands for. Raises InconsistentError where one stands for two, or two for one."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for call in calls:
        if call.told is not None:
            found[call.key].add(call.told["id"])
    for key, orders in found.items():
        if len(orders) > 1:
            raise InconsistentError(f"key {key} was answered with the orders {sorted(orders)}")
    by_key = {key: order for key, (order,) in found.items()}
    if len(set(by_key.values())) < len(by_key):
        raise InconsistentError(f"two keys were answered with one order: {by_key}")
    return by_key


def check_versions(calls: Sequence[Call]) -> None:
    """Raises InconsistentError where a version was told after a later one had been."""
    by_order: defaultdict[str, list[Call]] = defaultdict(list)
    for call in calls:
        if call.told is not None:
            by_order[call.told["id"]].append(call)
    for told in by_order.values():
        for one, other in itertools.permutations(told, 2):
            if one.ended < other.began and _version(one) > _version(other):
                raise InconsistentError(f"told {one.told}, and afterwards {other.told}")


def check_told(calls: Iterable[Call], on_record: Mapping[str, Sequence[OrderStatus]]) -> None:
    """Raises InconsistentError where somebody was told of a status that the order never had; of one that is gone, too."""
    for call in calls:
        if call.told is None:
            continue
        if OrderStatus(call.told["status"]) not in on_record.get(call.told["id"], ()):
            raise InconsistentError(f"{call.operation} was told {call.told}; on record is another history")


def _version(call: Call) -> int:
    assert call.told is not None
    return int(call.told["version"])
