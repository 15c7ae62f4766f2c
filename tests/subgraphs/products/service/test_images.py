import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from subgraphs.kit.auth.viewer import Viewer
from subgraphs.kit.background import WakeUp
from subgraphs.kit.errors import Conflict, Forbidden, NotFound, Unauthenticated, ValidationFailed
from subgraphs.products.app import build_services
from subgraphs.products.domain.images import Image, Rendering, Variant
from subgraphs.products.service.images import ImageService
from subgraphs.products.settings import ImageSettings, StockSettings
from subgraphs.products.store.images import ImageStore
from subgraphs.products.store.products import ProductStore
from tests.subgraphs.products.picture_files import SVG, encoded, jpeg, painted

HOUR = timedelta(hours=1)
SIZES = Rendering(800, 600, (Variant(800, b"full" * 200_000), Variant(160, b"small")))


class File:
    """An upload of `data`."""

    def __init__(self, data: bytes = b"file") -> None:
        self.data = data

    async def read(self, size: int = -1, /) -> bytes:
        return self.data[:size]


class DiedError(Exception):
    """Stands for the end of the process."""


@pytest.fixture
async def images(database):
    """Makes the service; what a file is rendered to does not matter here. Nothing is left of other tests."""
    for name in ("images.files", "images.chunks", "image_intents"):
        await database[name].delete_many({})

    async def render(_: bytes) -> Rendering:
        return SIZES

    def make(
        *, dies_after: str | None = None, later: timedelta = timedelta(0), per_product: int = 3
    ) -> ImageService:
        def after_write(step: str) -> None:
            if step == dies_after:
                raise DiedError(step)

        return ImageService(
            products=ProductStore(database, wake_up=WakeUp()),
            store=ImageStore(database),
            render=render,
            max_bytes=1000,
            per_product=per_product,
            clock=lambda: datetime.now(UTC).replace(microsecond=0) + later,
            after_write=after_write,
        )

    return make


async def left(database) -> dict[str, int]:
    names = {"files": "images.files", "chunks": "images.chunks", "intents": "image_intents"}
    return {key: await database[name].count_documents({}) for key, name in names.items()}


NOTHING = {"files": 0, "chunks": 0, "intents": 0}
ONE_IMAGE = {"files": 2, "chunks": 5, "intents": 0}


async def test_an_added_image_is_shown_and_kept_in_each_size(
    database, images, manager, make, products
) -> None:
    product = await make()
    shown, image = await images().add(manager, product.id, upload=File(), alt="  A mug ")
    assert image == Image(id=image.id, alt="A mug", width=800, height=600)
    assert (shown.images, shown.version) == ((image,), 2)
    assert (await products.get_many([product.id]))[0] == shown
    assert await left(database) == ONE_IMAGE
    for width, variant in ((None, SIZES.variants[0]), (100, SIZES.variants[1]), (200, SIZES.variants[0])):
        file = await images().find(image.id, width=width)
        assert await file.read(0, file.size) == variant.data


async def test_a_part_of_a_file_is_read_across_its_chunks(images, manager, make) -> None:
    _, image = await images().add(manager, (await make()).id, upload=File(), alt=None)
    file = await images().find(image.id, width=None)
    assert file.size == 800_000
    assert await file.read(261_119, 4) == SIZES.variants[0].data[261_119:261_123]
    assert await file.read(799_998, 2) == b"ll"


async def test_a_changed_image_tells_others_of_its_product(database, images, manager, make) -> None:
    product = await make()
    _, image = await images().add(manager, product.id, upload=File(), alt=None)
    await images().remove(manager, product.id, image.id)
    document = await database["products"].find_one({"_id": product.id})
    assert [entry["type"] for entry in document["outbox"]] == ["ProductUpdated"] * 3
    assert '"version":3' in document["outbox"][-1]["envelope"].replace(" ", "")


async def test_images_survive_changes_of_their_product(images, manager, make, products) -> None:
    product = await make(stock=5)
    _, first = await images().add(manager, product.id, upload=File(), alt=None)
    _, second = await images().add(manager, product.id, upload=File(), alt=None)
    await products.update(manager, product.id, {"name": "Other", "tags": ["new"]})
    await products.adjust_stock(manager, product.id, delta=-1, reason=None)
    await products.delete(manager, product.id)
    (found,) = await products.get_many([product.id])
    assert found.images == (first, second)
    assert await images().find(first.id, width=None) is not None


async def test_changes_and_images_at_once_lose_nothing(images, manager, make, products) -> None:
    product = await make()
    service = images(per_product=9)
    await asyncio.gather(
        *(service.add(manager, product.id, upload=File(), alt=str(n)) for n in range(4)),
        *(products.update(manager, product.id, {"description": str(n)}) for n in range(3)),
    )
    (found,) = await products.get_many([product.id])
    assert {image.alt for image in found.images} == {"0", "1", "2", "3"}
    assert found.version == 8


async def test_a_removed_image_is_gone_with_its_files(database, images, manager, make) -> None:
    product = await make()
    _, kept = await images().add(manager, product.id, upload=File(), alt=None)
    _, image = await images().add(manager, product.id, upload=File(), alt=None)
    assert (await images().remove(manager, product.id, image.id)).images == (kept,)
    assert await left(database) == ONE_IMAGE
    assert await images().find(image.id, width=None) is None
    with pytest.raises(NotFound):
        await images().remove(manager, product.id, image.id)


@pytest.mark.parametrize(
    ("viewer", "error"), [(Viewer(), Unauthenticated), (Viewer(user_id="u1", role="USER"), Forbidden)]
)
async def test_only_managers_change_images(images, make, viewer, error) -> None:
    product = await make()
    with pytest.raises(error):
        await images().add(viewer, product.id, upload=File(), alt=None)
    with pytest.raises(error):
        await images().remove(viewer, product.id, "x")


async def test_what_is_refused_leaves_nothing(database, images, manager, make, products) -> None:
    product = await make()
    for _ in range(2):
        await images(per_product=2).add(manager, product.id, upload=File(), alt=None)
    before = await left(database)
    deleted = await make()
    await products.delete(manager, deleted.id)
    with pytest.raises(Conflict, match="A product may have 2 images; remove one first"):
        await images(per_product=2).add(manager, product.id, upload=File(), alt=None)
    with pytest.raises(ValidationFailed, match="more than 0 KiB") as refused:
        await images().add(manager, product.id, upload=File(bytes(1001)), alt=None)
    assert refused.value.field == "image"
    with pytest.raises(ValidationFailed) as refused:
        await images().add(manager, product.id, upload=File(), alt="x" * 501)
    assert refused.value.field == "alt"
    for missing in (deleted.id, "nothing"):
        with pytest.raises(NotFound):
            await images().add(manager, missing, upload=File(), alt=None)
    assert await left(database) == before


async def test_uploads_at_once_do_not_pass_the_limit(database, images, manager, make, products) -> None:
    product = await make()
    service = images(per_product=2)
    results = await asyncio.gather(
        *(service.add(manager, product.id, upload=File(), alt=None) for _ in range(5)), return_exceptions=True
    )
    assert sum(isinstance(result, Conflict) for result in results) == 3
    assert len((await products.get_many([product.id]))[0].images) == 2
    assert (await left(database)) == {"files": 4, "chunks": 10, "intents": 0}


@pytest.mark.parametrize(
    ("step", "expected"), [("add.begun", NOTHING), ("add.saved", NOTHING), ("add.shown", ONE_IMAGE)]
)
async def test_an_upload_that_broke_off_leaves_no_orphan(  # noqa: PLR0917 - fixtures and the cases
    database, images, manager, make, step, expected
) -> None:
    product = await make()
    with pytest.raises(DiedError):
        await images(dies_after=step).add(manager, product.id, upload=File(), alt=None)
    assert (await left(database))["intents"] == 1
    assert await images().sweep(abandoned_after=HOUR) == 0  # it may still be under way
    assert await images(later=2 * HOUR).sweep(abandoned_after=HOUR) == 1
    document = await database["products"].find_one({"_id": product.id})
    assert len(document["images"]) == expected["files"] // 2
    assert await left(database) == expected


async def test_chunks_without_a_file_are_swept_too(database, images, manager, make) -> None:
    with pytest.raises(DiedError):
        await images(dies_after="add.saved").add(manager, (await make()).id, upload=File(), alt=None)
    await database["images.files"].delete_many({})  # GridFS writes the chunks first
    await images(later=2 * HOUR).sweep(abandoned_after=HOUR)
    assert await left(database) == NOTHING


@pytest.mark.parametrize(("step", "expected"), [("remove.begun", ONE_IMAGE), ("remove.hidden", NOTHING)])
async def test_a_removal_that_broke_off_is_finished_or_forgotten(  # noqa: PLR0917 - fixtures and the cases
    database, images, manager, make, step, expected
) -> None:
    product = await make()
    _, image = await images().add(manager, product.id, upload=File(), alt=None)
    with pytest.raises(DiedError):
        await images(dies_after=step).remove(manager, product.id, image.id)
    assert await images(later=2 * HOUR).sweep(abandoned_after=HOUR) == 1
    document = await database["products"].find_one({"_id": product.id})
    assert len(document["images"]) == expected["files"] // 2
    assert await left(database) == expected


async def test_a_sweep_leaves_what_was_begun_again_meanwhile(database, images, manager, make) -> None:
    product = await make()
    store = ImageStore(database)
    _, image = await images().add(manager, product.id, upload=File(), alt=None)
    await store.begin(image.id, product.id, at=datetime.now(UTC))
    await store.end([image.id], before=datetime.now(UTC) - HOUR)
    assert (await left(database))["intents"] == 1


async def test_the_real_renderer_stands_behind_the_service(database, images, manager, make) -> None:
    images()
    services = build_services(
        database, settings=StockSettings(), images=ImageSettings(max_bytes=50_000), wake_up=WakeUp()
    )
    product = await make()
    _, image = await services.images.add(manager, product.id, upload=File(jpeg()), alt=None)
    assert (image.width, image.height) == (800, 600)
    assert (await left(database))["files"] == 4
    with pytest.raises(ValidationFailed, match="SVG"):
        await services.images.add(manager, product.id, upload=File(SVG), alt=None)
    noise = encoded("PNG", painted().effect_spread(400))
    with pytest.raises(ValidationFailed, match="more than 48 KiB"):
        await services.images.add(manager, product.id, upload=File(noise), alt=None)
