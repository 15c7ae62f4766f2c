"""Pictures of products that this project draws itself, for the demo catalogue."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from subgraphs.kit.errors import ValidationFailed
from subgraphs.kit.ids import new_id
from subgraphs.products.domain.images import Image, ImageId
from subgraphs.products.domain.imports import DrawnPicture
from subgraphs.products.domain.products import Product, ProductId
from subgraphs.products.drawings.drawing import MOTIFS, Drawing, draw
from subgraphs.products.drawings.palettes import PALETTES
from subgraphs.products.images.rendering import encode
from subgraphs.products.store.images import ImageStore
from subgraphs.products.store.products import ProductStore


def check_picture(picture: DrawnPicture | None) -> None:
    """Raises ValidationFailed for a motif or a palette that there is not."""
    if picture is not None:
        _check_known(picture.motif, MOTIFS)
        _check_known(picture.palette, PALETTES)


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnPictures:
    products: ProductStore
    images: ImageStore
    clock: Callable[[], datetime]

    async def draw(
        self, products: Sequence[Product], pictures: Mapping[ProductId, DrawnPicture]
    ) -> list[Product]:
        """New products with their pictures, whose files are there before a product shows them; see `store/images.py`."""
        return [await self._with_picture(product, pictures.get(product.id)) for product in products]

    async def settle(self, products: Sequence[Product]) -> None:
        """Once the products are written: forget the files of those whose place another has taken."""
        drawn = [image.id for product in products for image in product.images]
        if not drawn:
            return
        shown = await self.products.shown_images(drawn)
        for image_id in drawn:
            if image_id not in shown:
                await self.images.delete(image_id)
        await self.images.end(drawn)

    async def _with_picture(self, product: Product, picture: DrawnPicture | None) -> Product:
        if picture is None:
            return product
        drawing = Drawing(picture.motif, picture.palette, product.sku)
        rendering = await asyncio.to_thread(lambda: encode(draw(drawing)))
        image = Image(id=ImageId(new_id()), alt=product.name, width=rendering.width, height=rendering.height)
        await self.images.begin(image.id, product.id, at=self.clock())
        await self.images.save(image.id, rendering)
        return replace(product, images=(image,))


def _check_known(name: str, names: Collection[str]) -> None:
    if name not in names:
        raise ValidationFailed(f"{name!r} is none of {', '.join(sorted(names))}", field="drawing")
