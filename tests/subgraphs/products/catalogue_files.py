"""Imports and exports through the commands themselves, over the database of the tests."""

import argparse
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from subgraphs.kit.mongo.client import Database
from subgraphs.products.app import build_export, build_import
from subgraphs.products.commands import exports, imports
from subgraphs.products.settings import ProductsSettings
from tests.subgraphs.products.conftest import MANAGER

SETTINGS = ProductsSettings()


class CatalogueFiles:
    """`products import` and `products export` with files in `folder`."""

    def __init__(self, database: Database, folder: Path) -> None:
        self._database = database
        self.folder = folder

    async def take(self, content: str | bytes, *, name: str, only_missing: bool = False) -> int:
        """Import a file of that content and name; returns the exit status. Refused lines are in `refused.csv`."""
        file = self.folder / name
        file.write_bytes(content if isinstance(content, bytes) else content.encode())

        @asynccontextmanager
        async def opened(_: ProductsSettings, only_missing: bool) -> AsyncIterator[imports.ProductImport]:  # noqa: FBT001 - the command's signature
            yield build_import(self._database, only_missing=only_missing)

        options = argparse.Namespace(
            file=file, format=None, refused=self.folder / "refused.csv", only_missing=only_missing
        )
        try:
            await imports.run(opened, SETTINGS, options, MANAGER)
        except SystemExit as ended:
            return int(str(ended.code))
        return 0

    @property
    def refused(self) -> list[str]:
        """The refused lines of the last import, without the head."""
        return (self.folder / "refused.csv").read_text().splitlines()[1:]

    async def written(self, name: str, *, active: bool | None = None) -> str:
        """The text of an export into a file of that name."""

        @asynccontextmanager
        async def opened(_: ProductsSettings) -> AsyncIterator[exports.ProductExport]:
            yield build_export(self._database)

        options = argparse.Namespace(file=self.folder / name, format=None, active=active)
        await exports.run(opened, SETTINGS, options, MANAGER)
        return (self.folder / name).read_bytes().decode()
