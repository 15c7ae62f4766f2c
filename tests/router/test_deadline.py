"""A query or mutation ends at its deadline, or with its client, and so does what it waits for."""

import time

import httpx
import pytest

from tests.router.processes import Execute, Process, Starter, WaitUntil
from tests.router.recording_subgraphs import SEEN

SLOW = "query ($seconds: Float!) { slow(seconds: $seconds) }"


@pytest.fixture(scope="module")
def hasty_router(start_router: Starter) -> Process:
    return start_router(ROUTER_DEADLINE="500ms", ROUTER_TIMEOUT="8s")


async def test_past_the_deadline_the_client_gets_an_error_and_the_subgraph_is_left(
    hasty_router: Process, execute: Execute, wait_until: WaitUntil
) -> None:
    began = time.monotonic()
    response = execute(hasty_router, SLOW, variables={"seconds": 5}, headers={"x-request-id": "r-1"})
    assert time.monotonic() - began < 4
    assert response.status_code == 504
    assert response.json() == {
        "errors": [
            {
                "message": "The operation took longer than 0.5 s; ask for less, or try again.",
                "extensions": {"code": "TIMEOUT", "requestId": "r-1"},
            }
        ]
    }
    await wait_until(lambda: SEEN["users"].abandoned == 1)
    # The plan of the document outlives the request that was given up.
    assert execute(hasty_router, SLOW, variables={"seconds": 0}).json() == {"data": {"slow": "done"}}
    assert len(SEEN["users"].requests) == 2


async def test_who_sent_a_mutation_is_told_that_it_may_have_been_carried_out(
    hasty_router: Process, execute: Execute, wait_until: WaitUntil
) -> None:
    (error,) = execute(hasty_router, "mutation { dawdle(seconds: 5) }").json()["errors"]
    assert error["message"] == (
        "The operation took longer than 0.5 s; it may have been carried out all the same."
    )
    assert error["extensions"]["code"] == "TIMEOUT"
    await wait_until(lambda: SEEN["users"].abandoned == 1)


async def test_when_the_client_leaves_the_subgraph_is_left_too(
    start_router: Starter, wait_until: WaitUntil
) -> None:
    router = start_router(ROUTER_TIMEOUT="8s")
    async with httpx.AsyncClient(timeout=0.5) as client:
        with pytest.raises(httpx.ReadTimeout):
            await client.post(f"{router.url}/graphql", json={"query": "{ slow(seconds: 6) }"})
    await wait_until(lambda: SEEN["users"].abandoned == 1)
    router.stop()
