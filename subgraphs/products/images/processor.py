"""Uploaded files, each rendered by a process of its own, a few at a time."""

import asyncio
import json
import os
import sys
from contextlib import suppress

from subgraphs.kit.errors import Unavailable, ValidationFailed
from subgraphs.kit.logs import get_logger
from subgraphs.products.domain.images import Rendering, Variant
from subgraphs.products.settings import ImageSettings

log = get_logger(__name__)

FIELD = "image"
"""The argument that the faults of a file are reported of."""

_WAITING_PER_WORKER = 8
_WORKER = "subgraphs.products.images.worker"  # not imported: what it loads belongs into its own process


class ImageProcessor:
    """Renders at most `workers` files at once; a few more wait, and what comes on top is refused."""

    def __init__(self, settings: ImageSettings) -> None:
        self._settings = settings
        self._free = asyncio.Semaphore(settings.workers)
        self._present = 0

    async def render(self, data: bytes) -> Rendering:
        """Raises ValidationFailed for a file that is not taken, Unavailable when there are too many at once."""
        if self._present >= self._settings.workers * (1 + _WAITING_PER_WORKER):
            raise Unavailable("Too many images are being processed at the moment; try again shortly.")
        self._present += 1
        try:
            async with self._free:
                answer = await self._run(data)
        finally:
            self._present -= 1
        return _read(answer)

    async def _run(self, data: bytes) -> bytes:
        """What the process wrote. It is killed at the end of its time, and when the caller goes away."""
        settings = self._settings
        seconds = settings.timeout.total_seconds()
        limits = [settings.max_pixels, settings.max_memory_bytes, max(1, round(seconds))]
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            _WORKER,
            *map(str, limits),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            # It finds its modules where we do, and none of our secrets.
            env={"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        try:
            async with asyncio.timeout(seconds):
                answer, errors = await process.communicate(data)
        except TimeoutError:
            raise ValidationFailed(
                "The image takes too long to decode; send a smaller or simpler one.", field=FIELD
            ) from None
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        if process.returncode != 0 or b"\n" not in answer:
            log.warning(
                "image_worker_died", status=process.returncode, errors=errors[-2000:].decode(errors="replace")
            )
            raise ValidationFailed("The image cannot be decoded; save it anew and send that.", field=FIELD)
        return answer


def _read(answer: bytes) -> Rendering:
    head, _, files = answer.partition(b"\n")
    found = json.loads(head)
    if "refused" in found:
        raise ValidationFailed(found["refused"], field=FIELD)
    variants: list[Variant] = []
    for width, size in found["variants"]:
        variants.append(Variant(width, files[:size]))
        files = files[size:]
    return Rendering(found["width"], found["height"], tuple(variants))
