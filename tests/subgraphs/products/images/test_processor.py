import asyncio
import contextlib
import os
from datetime import timedelta

import psutil
import pytest

from subgraphs.kit.errors import Unavailable, ValidationFailed
from subgraphs.products.images.processor import ImageProcessor
from subgraphs.products.settings import ImageSettings
from tests.subgraphs.products.picture_files import SVG, bomb, encoded, jpeg, painted


def workers() -> list[psutil.Process]:
    found = []
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            if "images.worker" in " ".join(process.cmdline()):
                found.append(process)
    return found


async def test_a_file_comes_back_in_all_sizes() -> None:
    rendering = await ImageProcessor(ImageSettings()).render(encoded("PNG", painted(400, 300)))
    assert (rendering.width, rendering.height) == (400, 300)
    assert [variant.width for variant in rendering.variants] == [400, 160, 320]
    assert all(variant.data[:4] == b"RIFF" for variant in rendering.variants)
    assert [len(v.data) for v in rendering.variants] == [
        8 + int.from_bytes(v.data[4:8], "little") for v in rendering.variants
    ]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (SVG, "An SVG, or a page, may hold scripts"),
        (bomb(7000, 7000), "more than 40 million pixels"),
        (encoded("PNG")[:40] + b"\xff" + encoded("PNG")[41:], "is damaged and cannot be read"),
    ],
)
async def test_a_refusal_says_why_and_names_the_argument(data: bytes, reason: str) -> None:
    with pytest.raises(ValidationFailed, match=reason) as refused:
        await ImageProcessor(ImageSettings()).render(data)
    assert refused.value.field == "image"


async def test_a_decoder_that_takes_too_long_is_ended() -> None:
    processor = ImageProcessor(ImageSettings(timeout=timedelta(milliseconds=20)))
    with pytest.raises(ValidationFailed, match="takes too long"):
        await processor.render(jpeg())
    assert workers() == []


async def test_a_decoder_that_needs_too_much_memory_is_refused() -> None:
    # The pixels alone would have 500 MB.
    settings = ImageSettings(max_pixels=200_000_000, max_memory_bytes=256 * 1024**2)
    with pytest.raises(ValidationFailed, match="needs too much memory"):
        await ImageProcessor(settings).render(bomb(14_000, 12_000))


async def test_nobody_waits_for_a_decoder_whose_caller_has_gone() -> None:
    processor = ImageProcessor(ImageSettings(workers=1))
    task = asyncio.create_task(processor.render(jpeg(picture=painted(4000, 3000))))
    async with asyncio.timeout(60):
        while not workers():  # noqa: ASYNC110 - another process; nothing tells of it
            await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert workers() == []
    assert (await processor.render(jpeg())).width == 800


async def test_only_so_many_run_and_wait_at_once() -> None:
    processor = ImageProcessor(ImageSettings(workers=1, timeout=timedelta(seconds=60)))
    data = encoded("PNG", painted(30, 20))
    most = 0
    tasks = [asyncio.create_task(processor.render(data)) for _ in range(9)]
    await asyncio.sleep(0)
    with pytest.raises(Unavailable, match="Too many images"):
        await processor.render(data)
    while not all(task.done() for task in tasks):
        most = max(most, len(workers()))
        await asyncio.sleep(0.01)
    assert [task.result().width for task in tasks] == [30] * 9
    assert most == 1


async def test_a_decoder_knows_no_secret_and_cannot_write(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRODUCTS_SERVICES_TOKEN", "secret-of-the-service")
    processor = ImageProcessor(ImageSettings(workers=1))
    task = asyncio.create_task(processor.render(jpeg(picture=painted(4000, 3000))))
    seen: dict[str, str] = {}
    limits: tuple[int, int] | None = None
    while not task.done():
        for process in workers():
            try:
                environment = process.environ()
                limit = process.rlimit(psutil.RLIMIT_FSIZE)
            except psutil.NoSuchProcess:
                continue
            if limit == (0, 0):
                seen, limits = environment, limit
        await asyncio.sleep(0.01)
    assert (await task).width == 2048
    assert limits == (0, 0)
    assert "secret-of-the-service" not in "".join(seen.values())
    assert os.environ["PRODUCTS_SERVICES_TOKEN"] == "secret-of-the-service"
