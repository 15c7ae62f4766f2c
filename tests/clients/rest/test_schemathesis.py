"""The OpenAPI document and the REST layer say the same: schemathesis sends what the one allows and forbids to the other.

All of its checks and phases, the sequences of linked operations included.
"""

from pathlib import Path

import httpx
import pytest

from tests.clients.rest import sample_objects
from tests.clients.rest.conftest import SIGNED_IN
from tests.clients.rest.schemathesis_cli import run_schemathesis
from tests.clients.rest.stub_router import StubRouter, events

_, TOKEN = SIGNED_IN["authorization"].split()


def _success(mutation: str, **fields: object) -> dict[str, object]:
    return {"__typename": f"{mutation}Success", **fields}


def _answer_everything(router: StubRouter) -> None:
    category = {
        "id": "c1",
        "name": "Home",
        "slug": "home",
        "description": None,
        "parent": None,
        "children": [],
    }
    user, order, product = sample_objects.user(), sample_objects.order(), sample_objects.product()
    router.accepted = SIGNED_IN["authorization"]
    router.roots = {
        "register": _success("Register", auth=sample_objects.auth()),
        "login": _success("Login", auth=sample_objects.auth()),
        "refreshToken": _success("Refresh", auth=sample_objects.auth()),
        "logout": _success("Logout"),
        "me": user,
        "user": user,
        "updateProfile": _success("UpdateProfile", user=user),
        "confirmEmail": _success("ConfirmEmail", user=user),
        "products": sample_objects.connection([product], after=None, first=1),
        "searchProducts": sample_objects.search_connection([product], after=None, first=1),
        "product": product,
        "createProduct": _success("CreateProduct", product=product),
        "addProductImage": _success("AddProductImage", image=sample_objects.image()),
        "updateProduct": _success("UpdateProduct", product=product),
        "deleteProduct": _success("DeleteProduct", id="p1"),
        "categories": [category],
        "category": category,
        "orders": sample_objects.connection([order], after=None, first=1),
        "order": order,
        "orderState": {"id": "o1", "status": "AWAITING_PAYMENT", "version": 2, "settled": True},
        "createOrder": _success("CreateOrder", order=order),
        "updateOrder": _success("UpdateOrder", order=order),
        "payOrder": _success("PayOrder", order=order),
        "cancelOrder": _success("CancelOrder", order=order),
        "orderStatus": events("PAID"),
        "orderReport": sample_objects.order_report(),
    }


@pytest.mark.timeout(600)
@pytest.mark.parametrize("examples", [4, pytest.param(60, marks=pytest.mark.long)])
async def test_schemathesis_has_no_findings(
    anonymous: httpx.AsyncClient, router: StubRouter, tmp_path: Path, examples: int
) -> None:
    _answer_everything(router)
    report = await run_schemathesis(str(anonymous.base_url), token=TOKEN, examples=examples, folder=tmp_path)
    assert "Selected: 29/29" in report
    assert "Tested: 29" in report
    operations = {sent.operation for sent in router.sent}
    assert {
        "CreateOrder",
        "UpdateOrder",
        "PayOrder",
        "CancelOrder",
        "OrderStatus",
        "OrderReport",
        "Register",
        "Products",
        "SearchProducts",
        "AddProductImage",
    } <= operations
