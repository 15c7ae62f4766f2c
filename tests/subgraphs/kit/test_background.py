import asyncio

import pytest

from subgraphs.kit import background
from subgraphs.kit.background import running


async def test_tasks_live_as_long_as_the_body_and_clean_up():
    passed: list[str] = []

    async def work(name: str) -> None:
        passed.append(f"{name} begins")
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.01)
            passed.append(f"{name} ends")

    async with running(work("one"), work("two")):
        await asyncio.sleep(0)
        assert passed == ["one begins", "two begins"]
    assert sorted(passed[2:]) == ["one ends", "two ends"]


async def test_a_task_that_fails_leaves_the_others_and_the_body_alone():
    async def fail() -> None:
        raise KeyError("a fault of ours")

    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            ticks += 1
            await asyncio.sleep(0)

    async with running(fail(), tick()):
        await asyncio.sleep(0.01)
        before = ticks
        await asyncio.sleep(0.01)
    assert ticks > before > 0


async def test_a_task_whose_library_forgets_a_cancellation_is_ended_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(background, "_PATIENCE", 0.01)
    forgotten = 0

    async def stubborn() -> None:
        nonlocal forgotten
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                forgotten += 1
                if forgotten == 3:
                    raise

    async with asyncio.timeout(5), running(stubborn()):
        await asyncio.sleep(0)
    assert forgotten == 3
