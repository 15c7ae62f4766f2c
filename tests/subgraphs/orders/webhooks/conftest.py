from collections.abc import AsyncIterator

import pytest

from tests.subgraphs.orders.webhook_receiver import Receiver, receiving


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver
