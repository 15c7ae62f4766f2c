"""`POST /webhooks/payments/{provider}`: signed by the provider, kept once, and answered before it is worked off."""

from collections.abc import Callable
from http import HTTPStatus

from fastapi import FastAPI, Request, Response
from starlette.routing import Route

from subgraphs.kit.errors import NotFound
from subgraphs.kit.http.responses import error_body, json_response
from subgraphs.kit.logs import get_logger
from subgraphs.kit.outages import is_outage
from subgraphs.orders.payments.provider import BadWebhook
from subgraphs.orders.service.payment_webhooks import PaymentWebhooks

log = get_logger(__name__)

_RETRY_AFTER = {"Retry-After": "2"}


def payment_webhook_routes(webhooks: PaymentWebhooks) -> Callable[[FastAPI], None]:
    async def receive(request: Request) -> Response:
        try:
            new = await webhooks.receive(
                request.path_params["provider"], await request.body(), request.headers
            )
        except NotFound as error:
            return json_response(error_body(error.code, error.message), HTTPStatus.NOT_FOUND)
        except BadWebhook as error:
            # Why is for our log: whoever tries to forge one learns nothing.
            log.warning("payment_webhook_refused", reason=str(error))
            body = error_body("BAD_WEBHOOK", "The signature does not fit, or the body is no event.")
            return json_response(body, HTTPStatus.BAD_REQUEST)
        except Exception as error:
            if not is_outage(error):
                raise
            # The provider sends it again.
            body = error_body("UNAVAILABLE", "The event cannot be kept at the moment; send it again.")
            return json_response(body, HTTPStatus.SERVICE_UNAVAILABLE, _RETRY_AFTER)
        return json_response({"received": True, "new": new})

    def add(app: FastAPI) -> None:
        app.router.routes.append(Route("/webhooks/payments/{provider}", receive, methods=["POST"]))

    return add
