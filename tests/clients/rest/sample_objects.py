"""Complete GraphQL objects for the stub router to answer with."""

from typing import Any

TIMES = {"createdAt": "2026-01-05T10:00:00Z", "updatedAt": "2026-01-05T10:00:00.250000Z"}


def money(amount: str, currency: str = "USD") -> dict[str, str]:
    return {"amount": amount, "currency": currency}


def user(**changes: Any) -> dict[str, Any]:
    return {
        "id": "u1", "username": "ada", "email": "ada@example.com", "firstName": "Ada", "lastName": None,
        "phone": None, "address": None, "role": "ADMIN", "active": True, **TIMES, **changes,
    }  # fmt: skip


def auth() -> dict[str, Any]:
    return {"accessToken": "a.b.c", "refreshToken": "r1", "expiresAt": "2026-01-05T10:15:00Z", "user": user()}


def product(**changes: Any) -> dict[str, Any]:
    return {
        "id": "p1", "name": "Laptop", "description": None, "price": money("99.90"), "stock": 7,
        "category": {"name": "Electronics"}, "sku": "LAP-1",
        "images": [], "tags": ["new"], "active": True, "version": 3, **TIMES, **changes,
    }  # fmt: skip


def image(**changes: Any) -> dict[str, Any]:
    return {"id": "i1", "url": "/api/v1/images/i1", "alt": None, "width": 800, "height": 600, **changes}


def order(**changes: Any) -> dict[str, Any]:
    item = {
        "product": {"id": "p1"}, "productName": "Laptop", "sku": "LAP-1", "quantity": 2,
        "price": money("99.90"), "total": money("199.80"),
    }  # fmt: skip
    return {
        "id": "o1", "number": "2026-000001", "user": {"id": "u1"}, "items": [item], "subtotal": money("199.80"),
        "total": money("204.80"), "status": "AWAITING_PAYMENT", "shipping": None, "payment": None,
        "version": 2, **TIMES, **changes,
    }  # fmt: skip


def connection(nodes: list[dict[str, Any]], *, after: str | None, first: int) -> dict[str, Any]:
    """The stretch of `nodes` behind the cursor `after`, which is an index here."""
    start = 0 if after is None else int(after)
    stretch = nodes[start : start + first]
    end = start + len(stretch)
    page_info = {
        "hasNextPage": end < len(nodes), "hasPreviousPage": start > 0, "startCursor": None,
        "endCursor": str(end) if stretch else None,
    }  # fmt: skip
    return {
        "edges": [{"cursor": str(start + i), "node": n} for i, n in enumerate(stretch, 1)],
        "pageInfo": page_info,
    }


FACETS = {
    "categories": [
        {"count": 2, "category": {"id": "c1", "name": "Computing", "slug": "computing"}},
        {"count": 1, "category": None},
    ],
    "tags": [{"tag": "new", "count": 3}],
    "priceRanges": [{"min": "50", "max": "100", "count": 2}, {"min": "500", "max": None, "count": 1}],
}


def search_connection(nodes: list[dict[str, Any]], *, after: str | None, first: int) -> dict[str, Any]:
    """The stretch of found products, each worth 10 less than the one before. One category is gone by now."""
    found = connection(nodes, after=after, first=first)
    edges = [{**edge, "score": 100.5 - 10 * number} for number, edge in enumerate(found["edges"])]
    return {**found, "edges": edges, "totalCount": len(nodes), "facets": FACETS}


def order_report() -> dict[str, Any]:
    totals = {
        "currency": "USD",
        "orders": 2,
        "units": 3,
        "sales": _money("25.00"),
        "refunds": 1,
        "refunded": _money("30.50"),
        "net": _money("-5.50"),
    }
    return {
        "from": "2026-01-01T00:00:00Z",
        "to": "2026-01-03T00:00:00Z",
        "interval": "DAY",
        "timezone": "UTC",
        "totals": [totals],
        "series": [
            {"start": "2026-01-01T00:00:00Z", "end": "2026-01-02T00:00:00Z", "totals": [totals]},
            {"start": "2026-01-02T00:00:00Z", "end": "2026-01-03T00:00:00Z", "totals": []},
        ],
        "topProducts": [
            {
                "product": {"id": "p1"},
                "productName": "Mug",
                "sku": "MUG-1",
                "orders": 2,
                "units": 3,
                "sales": [_money("25.00")],
            }
        ],
        "byStatus": [{"status": "AWAITING_PAYMENT", "orders": 1, "totals": [_money("9.90")]}],
    }


def _money(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "USD"}
