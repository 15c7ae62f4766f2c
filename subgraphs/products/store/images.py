"""The files of images in GridFS, and what is under way with them.

    images.files, images.chunks   GridFS; a file for each size: _id "<image>" or "<image>:<width>",
                                  metadata {image, etag}
    image_intents                 _id is an image's, product_id, at

An image is shown by its product's document, and there is no transaction over the document and the files. So an
intent is written first and deleted last, whether the files come or go: an image with an intent that is old was
left half done, and whether its product shows it decides what becomes of the files.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from subgraphs.kit.mongo.client import Database, Document, FileBucket, FileReader
from subgraphs.products.domain.images import WIDTHS, ImageId, Rendering
from subgraphs.products.domain.products import ProductId


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One size of an image, whose bytes have not been read yet. `etag` is of its content."""

    size: int
    etag: str
    reader: FileReader

    async def read(self, start: int, length: int) -> bytes:
        """`length` bytes from `start`; only the chunks that hold them are fetched."""
        self.reader.seek(start)
        data: bytes = await self.reader.read(length)
        return data


class ImageStore:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._root = database["images"]
        self._files = database["images.files"]
        self._chunks = database["images.chunks"]
        self._intents = database["image_intents"]

    async def begin(self, image_id: ImageId, product_id: ProductId, *, at: datetime) -> None:
        """Say that files of the image come or go; before the first of them does."""
        intent = {"product_id": product_id, "at": at}
        await self._intents.update_one({"_id": image_id}, {"$set": intent}, upsert=True)

    async def end(self, image_ids: Sequence[ImageId], *, before: datetime | None = None) -> None:
        """Say that the files are as the product has them; only of what was begun `before`, where that is given."""
        query: Document = {"_id": {"$in": list(image_ids)}}
        await self._intents.delete_many(query if before is None else {**query, "at": {"$lt": before}})

    async def list_unfinished(self, *, before: datetime, limit: int) -> list[ImageId]:
        """Images that something was begun with before that time, oldest first."""
        cursor = self._intents.find({"at": {"$lt": before}}, {"_id": 1}).sort("at").limit(limit)
        return [d["_id"] async for d in cursor]

    async def save(self, image_id: ImageId, rendering: Rendering) -> None:
        bucket = FileBucket(self._database, bucket_name="images")
        for variant in rendering.variants:
            full = variant.width == rendering.width
            # Of the content, so that it stays the same wherever and however often the file is copied.
            etag = hashlib.sha256(variant.data).hexdigest()[:32]
            name = image_id if full else _variant(image_id, variant.width)
            metadata = {"image": image_id, "etag": etag}
            await bucket.upload_from_stream_with_id(name, name, variant.data, metadata=metadata)

    async def find(self, image_id: ImageId, width: int | None) -> StoredFile | None:
        """The variant of that width, or the full size where there is none."""
        names = [image_id] if width is None else [image_id, _variant(image_id, width)]
        found = {file["_id"]: file async for file in self._files.find({"_id": {"$in": names}})}
        file = found.get(names[-1], found.get(image_id))
        if file is None:
            return None
        reader = FileReader(self._root, file_document=file)
        return StoredFile(file["length"], file["metadata"]["etag"], reader)

    async def delete(self, image_id: ImageId) -> None:
        """All sizes, and what a save that broke off has left; whatever is gone already is no error."""
        names = [image_id, *(_variant(image_id, width) for width in WIDTHS)]
        await self._files.delete_many({"_id": {"$in": names}})
        await self._chunks.delete_many({"files_id": {"$in": names}})


def _variant(image_id: ImageId, width: int) -> str:
    return f"{image_id}:{width}"
