"""Finding an order for somebody."""

from subgraphs.kit.auth.viewer import Viewer
from subgraphs.kit.errors import NotFound
from subgraphs.orders.domain.orders import Order
from subgraphs.orders.domain.permissions import may_see
from subgraphs.orders.store.orders import OrderStore


async def visible_order(store: OrderStore, viewer: Viewer, order_id: str) -> Order:
    """The order for those who may see it. Raises NotFound for everybody else, as if there were none."""
    order = await store.get(order_id)
    if order is None or not may_see(viewer, order):
        raise NotFound("There is no such order.")
    return order
