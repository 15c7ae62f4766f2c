"""Orders: placing, changing, paying, following and cancelling them."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Header, Query, Response
from starlette.responses import StreamingResponse

from clients.rest import errors, pagination
from clients.rest.dependencies import Authenticated, RouterSession
from clients.rest.entity_tags import IfMatch, IfNoneMatch, form_of, known_tag
from clients.rest.errors import ApiError
from clients.rest.json_route import JsonRoute, PathId
from clients.rest.models.base import MAX_INT
from clients.rest.models.orders import (
    CreateOrderBody,
    Order,
    OrderList,
    OrderStatus,
    PayBody,
    UpdateOrderBody,
)
from clients.rest.models.pagination import PageQuery
from clients.rest.preconditions import if_version_matches
from clients.rest.responses import accepted, created, not_modified, ok, ok_tagged, refusals, tagged, undecided
from clients.rest.status_stream import EVENT_STREAM, Streams
from subgraphs.kit.ids import new_id

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
    responses=refusals(401, 403, 404, 409, body=True)
    | tagged(201)
    | undecided(Order, "Placed, and its stock is not decided yet (`pending_stock`); it goes on by itself."),
    summary="Place an order",
)
async def create_order(
    body: CreateOrderBody, session: Authenticated, idempotency_key: IdempotencyKey = None
) -> Response:
    """Reserves the stock; the order then waits for its payment.

    Without an `Idempotency-Key` one is made up; an answer 503 names it, for the repetition.
    """
    key = idempotency_key or new_id()
    try:
        success = await session.mutate("CreateOrder", input=body.variables(), idempotencyKey=key)
    except ApiError as error:
        if error.status is HTTPStatus.SERVICE_UNAVAILABLE:
            raise errors.outcome_unknown(key) from error
        raise
    order = Order.model_validate(success["order"])
    answer = accepted if order.status is OrderStatus.PENDING_STOCK else created
    return answer(order, location=f"/api/v1/orders/{order.id}", version=order.version)


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


@router.get(
    "/{id}",
    response_model=Order,
    responses=refusals(401, 403, 404, 422) | tagged(200) | tagged(304),
    summary="An order",
)
async def read_order(
    id: PathId,  # noqa: A002 - the documented name of the parameter
    session: Authenticated,
    if_none_match: IfNoneMatch = "",
) -> Response:
    """With the `ETag` of an answer before, asking again costs little: 304 while the order is the same."""
    if if_none_match and (tag := await _unchanged(session, id, if_none_match)):
        return not_modified(tag)
    node = await session.query("Order", id=id)
    if node is None:
        raise errors.not_found("order")
    order = Order.model_validate(node)
    return ok_tagged(order, version=order.version, if_none_match=if_none_match)


@router.put(
    "/{id}",
    response_model=Order,
    responses=refusals(401, 403, 404, 409, 412, body=True) | tagged(200),
    summary="Send an order elsewhere",
)
async def update_order(
    id: PathId,  # noqa: A002 - the documented name of the parameter
    body: UpdateOrderBody,
    session: Authenticated,
    if_match: IfMatch = "",
) -> Response:
    """While it is not shipped. The total follows the shipping cost as long as the order is unpaid."""
    success = await if_version_matches(
        if_match,
        read=lambda: _version(session, id),
        change=lambda version: session.mutate("UpdateOrder", id=id, input=body.variables(), version=version),
    )
    order = Order.model_validate(success["order"])
    return ok_tagged(order, version=order.version)


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


async def _unchanged(session: RouterSession, order_id: str, if_none_match: str) -> str | None:
    """The client's tag of the order as it is now, where its version is enough to know; None where it must be read."""
    state = await session.query("OrderState", id=order_id)
    if state is None:
        raise errors.not_found("order")
    if not state["settled"]:
        return None
    return known_tag(if_none_match, version=state["version"], form=form_of(Order))


async def _version(session: RouterSession, order_id: str) -> int:
    node = await session.query("OrderVersion", id=order_id)
    if node is None:
        raise errors.not_found("order")
    return int(node["version"])
