"""A double of Stripe's wire protocol, as far as cards, PaymentIntents, refunds and webhooks go.

It speaks HTTP with form bodies, keeps what it was told in memory, replays an answer to an idempotency key (500s too,
as Stripe does), and fails in the ways that matter: before it acts, after it acted, and without any answer.
"""

import asyncio
import hashlib
import hmac
import itertools
import json
import re
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

KEY = "sk_test_double"
WEBHOOK_SECRET = "whsec_double"
# Payment methods that decline, with the code and the decline code of the answer.
DECLINES = {
    "pm_card_declined": ("card_declined", "generic_decline"),
    "pm_card_insufficient": ("card_declined", "insufficient_funds"),
    "pm_card_expired": ("expired_card", None),
}
_ZERO_LAST_DIGIT = {"kwd", "tnd"}


class StripeError(Exception):
    def __init__(self, status: int, type_: str, code: str | None = None, **more: Any) -> None:
        super().__init__(code)
        self.status = status
        self.body = {"error": {"type": type_, "code": code, "message": f"It is {code or type_}.", **more}}


def _invalid(code: str, **more: Any) -> StripeError:
    return StripeError(400, "invalid_request_error", code, **more)


@dataclass
class Faults:
    """What goes wrong at the next calls of a name: `authorise`, `capture`, … in turn."""

    before: Counter[str] = field(default_factory=Counter)
    """Answered with 500, and nothing is done."""
    hang: Counter[str] = field(default_factory=Counter)
    """Done, and never answered."""
    busy: Counter[str] = field(default_factory=Counter)
    """Answered with 429, and nothing is done or kept under the key."""


class StripeDouble:
    def __init__(self) -> None:
        self.intents: dict[str, dict[str, Any]] = {}
        self.refunds: dict[str, dict[str, Any]] = {}
        self.requests: list[tuple[str, str | None, dict[str, str]]] = []
        """Name, idempotency key and form of each call."""
        self.faults = Faults()
        self._answers: dict[str, tuple[str, int, Any]] = {}
        self._running: set[str] = set()
        self._ids = itertools.count(1)
        self.released = asyncio.Event()
        """Lets go of the calls that hang."""
        intent = "/v1/payment_intents"
        self.app = Starlette(
            routes=[
                Route(intent, self._route("initiate", self._create), methods=["POST"]),
                Route(f"{intent}/{{id}}", self._route("status", self._retrieve), methods=["GET"]),
                Route(f"{intent}/{{id}}/confirm", self._route("authorise", self._confirm), methods=["POST"]),
                Route(f"{intent}/{{id}}/capture", self._route("capture", self._capture), methods=["POST"]),
                Route(f"{intent}/{{id}}/cancel", self._route("cancel", self._cancel), methods=["POST"]),
                Route("/v1/refunds", self._route("refund", self._refund), methods=["POST"]),
                Route("/v1/refunds", self._route("refunds", self._list_refunds), methods=["GET"]),
            ]
        )

    # -- what tests ask ------------------------------------------------------------------------------

    def forget_keys(self) -> None:
        """As after 24 hours."""
        self._answers.clear()

    @property
    def captured(self) -> list[str]:
        return [i["id"] for i in self.intents.values() if i["status"] == "succeeded"]

    def names(self) -> list[str]:
        return [name for name, _, _ in self.requests]

    def event(self, type_: str, thing: dict[str, Any], *, id_: str | None = None) -> bytes:
        about = {"object": thing}
        event = {"id": id_ or self._new("evt"), "object": "event", "type": type_, "data": about}
        return json.dumps(event).encode()

    @staticmethod
    def signature(body: bytes, *, secret: str = WEBHOOK_SECRET, at: float | None = None) -> dict[str, str]:
        """The header of a webhook, as docs.stripe.com/webhooks has it, with a signature of an old scheme beside it."""
        seconds = int(time.time() if at is None else at)
        digest = hmac.new(secret.encode(), b"%d." % seconds + body, hashlib.sha256).hexdigest()
        return {"stripe-signature": f"t={seconds},v1={digest},v0=6ffbb59b2300aae63f272406069a9788598b792a"}

    # -- the wire ------------------------------------------------------------------------------------

    def _route(self, name: str, act: Any) -> Any:
        async def serve(request: Request) -> Response:
            form = dict(parse_qsl((await request.body()).decode(), keep_blank_values=True))
            form |= dict(request.query_params)
            key = request.headers.get("idempotency-key") if request.method == "POST" else None
            self.requests.append((name, key, form))
            if request.headers.get("authorization") != f"Bearer {KEY}":
                return self._answer(401, StripeError(401, "invalid_request_error", "api_key_invalid").body)
            if request.method == "POST":
                assert request.headers["content-type"] == "application/x-www-form-urlencoded"
            status, body = self._keyed(
                name,
                key,
                f"{request.url.path} {sorted(form.items())}",
                lambda: act(request.path_params, form),
            )
            if self.faults.hang[name]:
                self.faults.hang[name] -= 1
                await self.released.wait()
            return self._answer(status, body)

        return serve

    def _answer(self, status: int, body: Any) -> Response:
        return JSONResponse(body, status, headers={"request-id": self._new("req")})

    def _keyed(self, name: str, key: str | None, asked: str, act: Any) -> tuple[int, Any]:
        """The answer that the key has, or that of the call, which the key has from then on."""
        if key is not None and key in self._answers:
            known, status, body = self._answers[key]
            if known != asked:
                return 400, StripeError(400, "idempotency_error", "idempotency_key_reused").body
            return status, body
        if self.faults.busy[name]:
            self.faults.busy[name] -= 1
            return 429, StripeError(429, "rate_limit_error", "rate_limit").body
        if self.faults.before[name]:
            self.faults.before[name] -= 1
            status, body = 500, StripeError(500, "api_error").body
        else:
            try:
                status, body = 200, json.loads(json.dumps(act()))
            except StripeError as error:
                status, body = error.status, error.body
        # What is refused before it begins is not kept.
        if key is not None and status in {200, 402, 500}:
            self._answers[key] = asked, status, body
        return status, body

    def _new(self, prefix: str) -> str:
        return f"{prefix}_{next(self._ids)}"

    # -- what it does --------------------------------------------------------------------------------

    def _create(self, _: Any, form: dict[str, str]) -> dict[str, Any]:
        amount, currency = int(form["amount"]), form["currency"]
        if amount < 1 or (currency in _ZERO_LAST_DIGIT and amount % 10):
            raise _invalid("parameter_invalid_integer", param="amount")
        method = form["payment_method"]
        if not re.fullmatch(r"pm_\w+", method) or method == "pm_gone":
            raise _invalid("resource_missing", param="payment_method")
        assert (form["capture_method"], form["allowed_payment_method_types[0]"]) == ("manual", "card")
        intent = {
            "id": self._new("pi"),
            "object": "payment_intent",
            "amount": amount,
            "currency": currency,
            "status": "requires_confirmation",
            "payment_method": method,
            "latest_charge": None,
            "last_payment_error": None,
            "metadata": {"attempt": form["metadata[attempt]"]},
        }
        self.intents[intent["id"]] = intent
        return intent

    def _get(self, path: dict[str, str]) -> dict[str, Any]:
        if path["id"] not in self.intents:
            raise StripeError(404, "invalid_request_error", "resource_missing", param="intent")
        return self.intents[path["id"]]

    def _retrieve(self, path: dict[str, str], _: Any) -> dict[str, Any]:
        return self._get(path)

    def _confirm(self, path: dict[str, str], form: dict[str, str]) -> dict[str, Any]:
        intent = self._in(path, "requires_confirmation")
        assert form["error_on_requires_action"] == "true"
        code, decline = DECLINES.get(intent["payment_method"], (None, None))
        if intent["payment_method"] == "pm_card_authenticate":
            code = "authentication_required"
        if code is not None:
            error = {"type": "card_error", "code": code, "decline_code": decline, "message": "No."}
            intent |= {
                "status": "requires_payment_method",
                "payment_method": None,
                "last_payment_error": error,
            }
            raise StripeError(402, "card_error", code, decline_code=decline)
        return self._set(intent, status="requires_capture", latest_charge=self._new("ch"))

    def _capture(self, path: dict[str, str], _: Any) -> dict[str, Any]:
        return self._set(self._in(path, "requires_capture"), status="succeeded")

    def _cancel(self, path: dict[str, str], _: Any) -> dict[str, Any]:
        cancellable = ("requires_confirmation", "requires_capture", "requires_payment_method")
        return self._set(self._in(path, *cancellable), status="canceled")

    def _in(self, path: dict[str, str], *statuses: str) -> dict[str, Any]:
        intent = self._get(path)
        if intent["status"] not in statuses:
            raise _invalid("payment_intent_unexpected_state", payment_intent=intent)
        return intent

    @staticmethod
    def _set(intent: dict[str, Any], **changes: Any) -> dict[str, Any]:
        intent |= changes
        return intent

    def _refund(self, _: Any, form: dict[str, str]) -> dict[str, Any]:
        intent, amount = self._in({"id": form["payment_intent"]}, "succeeded"), int(form["amount"])
        back = sum(r["amount"] for r in self.refunds.values() if r["payment_intent"] == intent["id"])
        if back + amount > intent["amount"]:
            raise _invalid("charge_already_refunded")
        refund = {
            "id": self._new("re"),
            "object": "refund",
            "amount": amount,
            "payment_intent": intent["id"],
            "status": "succeeded",
            "metadata": {"refund": form["metadata[refund]"]},
        }
        self.refunds[refund["id"]] = refund
        return refund

    def _list_refunds(self, _: Any, form: dict[str, str]) -> dict[str, Any]:
        """The newest first, in pages."""
        found = [r for r in reversed(self.refunds.values()) if r["payment_intent"] == form["payment_intent"]]
        if after := form.get("starting_after"):
            found = found[[r["id"] for r in found].index(after) + 1 :]
        limit = int(form["limit"])
        return {"object": "list", "url": "/v1/refunds", "data": found[:limit], "has_more": len(found) > limit}
