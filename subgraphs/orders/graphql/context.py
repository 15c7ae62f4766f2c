"""What a resolver of orders may use."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

import strawberry

from subgraphs.kit.graphql.context import RequestContext
from subgraphs.orders.graphql.loaders import Loaders
from subgraphs.orders.live.status import LiveStatus
from subgraphs.orders.service import OrderService


@dataclass(slots=True, kw_only=True)
class OrdersContext(RequestContext):
    service: OrderService
    live: LiveStatus
    new_loaders: Callable[[], Loaders]
    loaders: Loaders = field(init=False)

    def __post_init__(self) -> None:
        self.loaders = self.new_loaders()


Info: TypeAlias = strawberry.Info[OrdersContext, None]
