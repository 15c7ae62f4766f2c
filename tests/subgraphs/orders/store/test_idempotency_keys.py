import asyncio

import pytest

from subgraphs.kit.errors import Conflict
from subgraphs.kit.postgres.engine import Postgres
from subgraphs.orders.store.idempotency_keys import IdempotencyKeyStore


async def test_fifty_claims_of_one_key_have_one_winner_whose_resource_all_get(postgres: Postgres):
    async def claim(resource: str) -> str | None:
        async with postgres.unit_of_work() as connection:
            return await IdempotencyKeyStore(connection).claim(
                "ann", "createOrder", "k", request_hash="h", resource_id=resource
            )

    resources = [f"r{i}" for i in range(50)]
    answers = await asyncio.gather(*(claim(r) for r in resources))
    winners = [r for r, answer in zip(resources, answers, strict=True) if answer is None]
    assert len(winners) == 1
    assert {answer for answer in answers if answer is not None} == set(winners)


async def test_a_key_for_another_request_is_a_conflict_and_keeps_its_resource(postgres: Postgres):
    async def claim(digest: str, *, user: str = "ann", operation: str = "createOrder") -> str | None:
        async with postgres.unit_of_work() as connection:
            return await IdempotencyKeyStore(connection).claim(
                user, operation, "k", request_hash=digest, resource_id=f"of {digest}"
            )

    assert await claim("one") is None
    with pytest.raises(Conflict):
        await claim("two")
    assert await claim("one") == "of one"
    assert await claim("two", user="bob") is None
    assert await claim("two", operation="payOrder") is None


async def test_a_key_of_a_transaction_that_rolled_back_is_free(postgres: Postgres):
    taken = asyncio.Event()

    async def lose() -> None:
        async with postgres.unit_of_work() as connection:
            await IdempotencyKeyStore(connection).claim(
                "ann", "op", "k", request_hash="h", resource_id="lost"
            )
            taken.set()
            await asyncio.sleep(0.05)
            raise ZeroDivisionError

    async def wait_then_claim() -> str | None:
        await taken.wait()
        async with postgres.unit_of_work() as connection:
            return await IdempotencyKeyStore(connection).claim(
                "ann", "op", "k", request_hash="h", resource_id="r"
            )

    lost, claimed = await asyncio.gather(lose(), wait_then_claim(), return_exceptions=True)
    assert isinstance(lost, ZeroDivisionError)
    assert claimed is None
