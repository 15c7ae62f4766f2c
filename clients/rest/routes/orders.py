"""Orders: placing, changing, paying, following and cancelling them."""

from typing import Annotated

from fastapi import APIRouter, Header, Query, Response
from starlette.responses import StreamingResponse

from clients.rest import errors, pagination
from clients.rest.dependencies import Authenticated
from clients.rest.json_route import JsonRoute, PathId
from clients.rest.models.base import MAX_INT
from clients.rest.models.orders import CreateOrderBody, Order, OrderList, PayBody, UpdateOrderBody
from clients.rest.models.pagination import PageQuery
from clients.rest.responses import created, ok, refusals
from clients.rest.status_stream import EVENT_STREAM, Streams

router = APIRouter(prefix="/api/v1/orders", tags=["orders"], route_class=JsonRoute)

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern=r"^[!-~]+$",
        description="Of the client's choice, one per intent: sent again with the same body, it answers the same "
        "and does nothing twice.",
    ),
]
LastEventId = Annotated[
    int,
    Header(
        alias="Last-Event-ID",
        ge=0,
        le=MAX_INT,
        description="The `id` of the last event seen; the stream goes on behind it.",
    ),
]


@router.post(
    "",
    status_code=201,
    response_model=Order,
    responses=refusals(401, 403, 404, 409, body=True),
    summary="Place an order",
)
async def create_order(
    body: CreateOrderBody, session: Authenticated, idempotency_key: IdempotencyKey = None
) -> Response:
    """Reserves the stock; the order then waits for its payment."""
    success = await session.mutate("CreateOrder", input=body.variables(), idempotencyKey=idempotency_key)
    order = Order.model_validate(success["order"])
    return created(order, location=f"/api/v1/orders/{order.id}")


@router.get(
    "/user/{user_id}",
    response_model=OrderList,
    responses=refusals(401, 403, 404, 422),
    summary="A user's orders",
)
async def list_orders(
    user_id: PathId, query: Annotated[PageQuery, Query()], session: Authenticated
) -> Response:
    """Newest first. Those of others are seen by who manages orders."""
    page = await pagination.fetch(session, "Orders", query, filter={"userId": user_id})
    return ok(OrderList.model_validate({"orders": page.nodes, **page.position}))


@router.get("/{id}", response_model=Order, responses=refusals(401, 403, 404), summary="An order")
async def read_order(id: PathId, session: Authenticated) -> Response:  # noqa: A002 - the documented name of the parameter
    node = await session.query("Order", id=id)
    if node is None:
        raise errors.not_found("order")
    return ok(Order.model_validate(node))


@router.put(
    "/{id}",
    response_model=Order,
    responses=refusals(401, 403, 404, 409, body=True),
    summary="Send an order elsewhere",
)
async def update_order(id: PathId, body: UpdateOrderBody, session: Authenticated) -> Response:  # noqa: A002 - the documented name of the parameter
    """While it is not shipped. The total follows the shipping cost as long as the order is unpaid."""
    success = await session.mutate("UpdateOrder", id=id, input=body.variables())
    return ok(Order.model_validate(success["order"]))


@router.delete(
    "/{id}", response_model=Order, responses=refusals(401, 403, 404, 409, 422), summary="Cancel an order"
)
async def cancel_order(
    id: PathId,  # noqa: A002 - the documented name of the parameter
    session: Authenticated,
    reason: Annotated[str | None, Query(max_length=200, pattern=r"^[^\x00]*$")] = None,
) -> Response:
    """Gives the stock back, and the money where it was paid. Answers the order as it is then."""
    success = await session.mutate("CancelOrder", id=id, reason=reason)
    return ok(Order.model_validate(success["order"]))


@router.post(
    "/{id}/pay",
    response_model=Order,
    responses=refusals(401, 402, 403, 404, 409, body=True),
    summary="Pay an order",
)
async def pay_order(
    id: PathId,  # noqa: A002 - the documented name of the parameter
    session: Authenticated,
    body: PayBody | None = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Without a body the sandbox provider pays, where it is on."""
    payment = (body or PayBody()).variables()
    success = await session.mutate("PayOrder", id=id, input=payment, idempotencyKey=idempotency_key)
    return ok(Order.model_validate(success["order"]))


@router.get(
    "/{id}/events",
    response_class=StreamingResponse,
    responses={**refusals(401, 403, 404, 422), **EVENT_STREAM},
    summary="Follow an order",
)
async def follow_order(
    id: PathId,  # noqa: A002 - the documented name of the parameter
    session: Authenticated,
    streams: Streams,
    last_event_id: LastEventId = 0,
) -> Response:
    """The order's changes of status as server-sent events, from its first or from behind `Last-Event-ID`.

    Ends with the order's last status; 204 where that has been seen already, which also stops an `EventSource`
    from coming back.
    """
    subscription = await session.subscribe("OrderStatus", orderId=id, afterSeq=last_event_id)
    return await streams.answer(subscription, order_id=id)
