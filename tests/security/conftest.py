"""Clients of the whole system, and every endpoint that checks a token."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.harness import launcher
from tests.security.endpoints import Endpoint, protected_endpoints
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
    async with httpx.AsyncClient(timeout=30, headers=launcher.AS_THE_ROUTER) as client:
        yield client


@pytest.fixture(scope="session")
def endpoints(supergraph: dict[str, Any], direct: httpx.AsyncClient) -> list[Endpoint]:
    return protected_endpoints(supergraph["addresses"], direct)
