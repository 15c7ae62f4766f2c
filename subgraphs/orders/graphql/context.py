"""What a resolver of orders may use."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Self, TypeAlias

import strawberry

from subgraphs.kit.graphql.context import RequestContext
from subgraphs.orders.graphql.loaders import Loaders
from subgraphs.orders.live.status import LiveStatus
from subgraphs.orders.service import OrderService


@dataclass(slots=True, kw_only=True)
class OrdersContext(RequestContext):
    service: OrderService
    live: LiveStatus
    loaders: Loaders
    new_loaders: Callable[[], Loaders]

    @classmethod
    def of(
        cls,
        request: RequestContext,
        *,
        service: OrderService,
        live: LiveStatus,
        new_loaders: Callable[[], Loaders],
    ) -> Self:
        return cls(
            **request.shared(),
            service=service,
            live=live,
            loaders=new_loaders(),
            new_loaders=new_loaders,
        )

    def for_operation(self) -> Self:
        return replace(RequestContext.for_operation(self), loaders=self.new_loaders())


Info: TypeAlias = strawberry.Info[OrdersContext, None]
