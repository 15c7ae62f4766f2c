"""The background work on images: files of uploads and removals that were left half done."""

from subgraphs.kit.background import Job
from subgraphs.products.service.images import BATCH, ImageService
from subgraphs.products.settings import ImageSettings


def image_jobs(images: ImageService, settings: ImageSettings) -> tuple[Job, ...]:
    async def sweep() -> bool:
        return await images.sweep(abandoned_after=settings.abandoned_after) >= BATCH

    return (Job(name="image_sweep", run_once=sweep, every=settings.sweep_every.total_seconds()),)
