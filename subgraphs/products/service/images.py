"""Images of products: added, removed, read, and cleared away where that was left half done."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from subgraphs.kit.auth.viewer import Viewer
from subgraphs.kit.errors import Conflict, NotFound, ValidationFailed
from subgraphs.kit.ids import is_id, new_id
from subgraphs.kit.logs import get_logger
from subgraphs.products.domain.images import Image, ImageId, Rendering, clean_alt, served_width
from subgraphs.products.domain.permissions import Permission
from subgraphs.products.domain.products import Product, ProductId
from subgraphs.products.store.images import ImageStore, StoredFile
from subgraphs.products.store.products import ProductStore

log = get_logger(__name__)

BATCH = 100
_REVISION_TRIES = 8


class Upload(Protocol):
    """A file as it came in."""

    async def read(self, size: int = -1, /) -> bytes: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageService:
    """`render` checks a file and writes it anew; `after_write` is called with the name of each step."""

    products: ProductStore
    store: ImageStore
    render: Callable[[bytes], Awaitable[Rendering]]
    max_bytes: int
    per_product: int
    clock: Callable[[], datetime]
    after_write: Callable[[str], None] = lambda _: None

    async def add(
        self, viewer: Viewer, product_id: ProductId, *, upload: Upload, alt: str | None
    ) -> tuple[Product, Image]:
        """Put an image behind those that the product has.

        The files are written before the product shows them. Raises NotFound, ValidationFailed for what is no
        image that is taken, Conflict when the product has as many as it may, Unavailable when too many come at once.
        """
        actor = viewer.require(Permission.MANAGE_PRODUCTS)
        alt = clean_alt(alt)
        self._check_room(await self._current(product_id))
        rendering = await self.render(await self._read(upload))
        image = Image(id=ImageId(new_id()), alt=alt, width=rendering.width, height=rendering.height)
        await self.store.begin(image.id, product_id, at=self.clock())
        self.after_write("add.begun")
        await self.store.save(image.id, rendering)
        self.after_write("add.saved")

        def with_image(product: Product) -> Product:
            self._check_room(product)
            return replace(product, images=(*product.images, image))

        try:
            product = await self._revise(product_id, with_image, actor=actor)
        except (NotFound, Conflict):
            await self._forget(image.id)
            raise
        self.after_write("add.shown")
        await self.store.end([image.id])
        return product, image

    async def remove(self, viewer: Viewer, product_id: ProductId, image_id: ImageId) -> Product:
        """Take an image from its product, and delete its files. Raises NotFound, Conflict."""
        actor = viewer.require(Permission.MANAGE_PRODUCTS)

        def without_image(product: Product) -> Product:
            left = tuple(image for image in product.images if image.id != image_id)
            if len(left) == len(product.images):
                raise NotFound("The product has no such image.")
            return replace(product, images=left)

        without_image(await self._current(product_id))
        await self.store.begin(image_id, product_id, at=self.clock())
        self.after_write("remove.begun")
        product = await self._revise(product_id, without_image, actor=actor)
        self.after_write("remove.hidden")
        await self._forget(image_id)
        return product

    async def find(self, image_id: ImageId, *, width: int | None) -> StoredFile | None:
        """The file to show `width` pixels wide, or the full size. Raises ValidationFailed for an impossible width."""
        variant = None if width is None else served_width(width)
        return await self.store.find(image_id, variant) if is_id(image_id) else None

    async def sweep(self, *, abandoned_after: timedelta) -> int:
        """End what was left half done for so long; returns how many images that was.

        Files that a product shows stay, the others are deleted.
        """
        before = self.clock() - abandoned_after
        found = await self.store.list_unfinished(before=before, limit=BATCH)
        shown = await self.products.shown_images(found) if found else set()
        for image_id in found:
            if image_id not in shown:
                await self.store.delete(image_id)
                log.info("abandoned_image_deleted", image_id=image_id)
        await self.store.end(found, before=before)
        return len(found)

    async def _read(self, upload: Upload) -> bytes:
        data = await upload.read(self.max_bytes + 1)
        if len(data) > self.max_bytes:
            raise ValidationFailed(
                f"The file has more than {self.max_bytes // 1024} KiB; send a smaller one.", field="image"
            )
        return data

    async def _forget(self, image_id: ImageId) -> None:
        await self.store.delete(image_id)
        await self.store.end([image_id])

    def _check_room(self, product: Product) -> None:
        if len(product.images) >= self.per_product:
            raise Conflict(f"A product may have {self.per_product} images; remove one first.")

    async def _revise(
        self, product_id: ProductId, change: Callable[[Product], Product], *, actor: str
    ) -> Product:
        for _ in range(_REVISION_TRIES):
            current = await self._current(product_id)
            version = current.version + 1
            revised = replace(change(current), version=version, updated_at=self.clock())
            if (written := await self.products.replace(revised, read=current, actor=actor)) is not None:
                return written
        raise Conflict("The product changes too often at the moment; try again.")

    async def _current(self, product_id: ProductId) -> Product:
        current = await self.products.get(product_id)
        if current is None or current.deleted:
            raise NotFound("There is no such product.")
        return current
