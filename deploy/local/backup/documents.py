"""The document store to files and back: each collection as the BSON of its documents, one behind the other."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import bson
from bson.raw_bson import RawBSONDocument
from pymongo import MongoClient
from pymongo.database import Database

from deploy.local.backup.archive import ArchiveError

_BATCH = 200
_MIGRATIONS = "migrations"
Documents = Database[RawBSONDocument]


def opened(url: str) -> tuple[MongoClient[RawBSONDocument], Documents]:
    client: MongoClient[RawBSONDocument] = MongoClient(
        url, document_class=RawBSONDocument, directConnection=True, serverSelectionTimeoutMS=10_000
    )
    return client, client[urlsplit(url).path.lstrip("/")]


def save(database: Documents, folder: Path) -> int:
    """Every collection; returns how many. The pieces of files are read after the files that they are of."""
    folder.mkdir(parents=True)
    kept = {"type": "collection", "name": {"$not": {"$regex": "^system\\."}}}
    names = sorted(
        database.list_collection_names(filter=kept), key=lambda name: (name.endswith(".chunks"), name)
    )
    for name in names:
        with (folder / f"{name}.bson").open("wb") as file:
            for document in database[name].find(batch_size=_BATCH):
                file.write(document.raw)
    return len(names)


def load(database: Documents, folder: Path) -> int:
    """Put back what `save` wrote into a database that was just migrated; returns the number of collections.

    Raises ArchiveError where the archive is of other migrations.
    """
    there = {_plain(document)["_id"] for document in _read(folder / f"{_MIGRATIONS}.bson")}
    here = {_plain(document)["_id"] for document in database[_MIGRATIONS].find()}
    if there != here:
        raise ArchiveError(
            f"The archive was made with migrations up to {max(there, default=0)} of {folder.name}, and this version has "
            f"{max(here, default=0)}. Restore it with the version that made it, then update."
        )
    paths = sorted(folder.glob("*.bson"))
    for path in paths:
        collection = database[path.stem]
        collection.delete_many({})
        batch: list[RawBSONDocument] = []
        for document in _read(path):
            batch.append(document)
            if len(batch) == _BATCH:
                collection.insert_many(batch)
                batch = []
        if batch:
            collection.insert_many(batch)
    return len(paths)


def _read(path: Path) -> Iterator[RawBSONDocument]:
    with path.open("rb") as file:
        while head := file.read(4):
            yield RawBSONDocument(head + file.read(int.from_bytes(head, "little") - 4))


def _plain(document: RawBSONDocument) -> dict[str, Any]:
    found: dict[str, Any] = bson.decode(document.raw)
    return found
