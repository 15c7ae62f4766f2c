"""What an account may do with orders beside its own, and who may see one."""

from enum import StrEnum

from subgraphs.kit.auth.viewer import Viewer
from subgraphs.orders.domain.orders import Order, OrderState


class Permission(StrEnum):
    """The permissions that this slice asks for; the users service grants them."""

    MANAGE_ORDERS = "MANAGE_ORDERS"
    VIEW_REPORTS = "VIEW_REPORTS"


def may_see(viewer: Viewer, order: Order | OrderState) -> bool:
    """Whether `order` is the viewer's own, or the viewer manages those of all."""
    return viewer.user_id == order.user_id or viewer.may(Permission.MANAGE_ORDERS)
