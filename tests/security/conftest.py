"""The people of the whole system, and every place where a token may be shown."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.security.places import Place, places_of
from tests.supergraph.conftest import (  # noqa: F401 - fixtures of this folder, too
    admin,
    customer,
    edge,
    http,
    new_customer,
    new_product,
)


@pytest.fixture(scope="session")
async def direct() -> AsyncIterator[httpx.AsyncClient]:
    """A client for processes behind the edge."""
    async with httpx.AsyncClient(timeout=30) as client:
        yield client


@pytest.fixture(scope="session")
def places(supergraph: dict[str, Any], direct: httpx.AsyncClient) -> list[Place]:
    return places_of(supergraph["addresses"], direct)
