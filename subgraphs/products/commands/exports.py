"""`products export FILE`."""

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager, suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO

from subgraphs.kit.auth.viewer import Viewer
from subgraphs.kit.errors import StartError
from subgraphs.products.commands.catalogue_formats import format_of
from subgraphs.products.domain.category_references import CategoryReference
from subgraphs.products.service.exports import ProductExport
from subgraphs.products.settings import ProductsSettings

OpenExport = Callable[[ProductsSettings], AbstractAsyncContextManager[ProductExport]]


async def run(
    open_export: OpenExport, settings: ProductsSettings, options: argparse.Namespace, operator: Viewer
) -> None:
    """Raises StartError for a file that cannot be written."""
    write = format_of(options.file, options.format).writer
    count = 0
    with _written(options.file) as file:
        async with open_export(settings) as service:
            writer = write(file)
            categories = await service.list_categories(operator)
            references = {i: CategoryReference.of(c, categories) for i, c in categories.items()}
            for category in categories.values():
                writer.category(category, categories.get(category.parent_id) if category.parent_id else None)
            async for product in service.stream_products(operator, active=options.active):
                writer.product(product, references.get(product.category_id) if product.category_id else None)
                count += 1
    sys.stderr.write(f"{count:,} products\n")


@contextmanager
def _written(file: Path | None) -> Iterator[IO[str]]:
    """Where to write; the file appears, or replaces what was there, when it is whole."""
    if file is None:
        with open(sys.stdout.fileno(), "w", encoding="utf-8", newline="", closefd=False) as stdout:
            try:
                yield stdout
                stdout.flush()
            except BrokenPipeError:  # who reads has seen enough
                os.dup2(os.open(os.devnull, os.O_WRONLY), stdout.fileno())
                sys.exit(1)
        return
    try:
        part = NamedTemporaryFile(  # noqa: SIM115 - it outlives this block
            "w", encoding="utf-8", newline="", dir=file.parent, prefix=f".{file.name}.", delete=False
        )
    except OSError as error:
        raise StartError(f"{file}: {error.strerror}") from error
    try:
        with part:
            yield part.file
        Path(part.name).chmod(0o666 & ~_umask())
        Path(part.name).replace(file)
    finally:
        with suppress(FileNotFoundError):
            Path(part.name).unlink()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
