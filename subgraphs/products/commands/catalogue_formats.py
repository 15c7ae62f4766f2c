"""The formats of a catalogue's file, and the one that a file has."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO, Protocol

from subgraphs.kit.errors import StartError
from subgraphs.products.commands import catalogue_csv, catalogue_json
from subgraphs.products.domain.categories import Category
from subgraphs.products.domain.category_references import CategoryReference
from subgraphs.products.domain.imports import CategoryLine, LineResult, ProductLine
from subgraphs.products.domain.products import Product

_SUFFIXES = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}
_LONGEST_LINE = 1024 * 1024

Line = CategoryLine | ProductLine | LineResult
"""What a line says, or that it cannot be read."""


class Writer(Protocol):
    def category(self, category: Category, parent: Category | None) -> None: ...

    def product(self, product: Product, category: CategoryReference | None) -> None: ...


@dataclass(frozen=True, slots=True)
class Format:
    read: Callable[[Iterator[str]], Iterator[Line]]
    writer: Callable[[IO[str]], Writer]


FORMATS = {
    "csv": Format(catalogue_csv.read, catalogue_csv.Writer),
    "jsonl": Format(catalogue_json.read, catalogue_json.Writer),
}


def format_of(file: Path | None, named: str | None) -> Format:
    """The format that is `named`, or that the suffix says. Raises StartError where neither does."""
    suffix = "" if file is None else file.suffix.lower()
    name = named or _SUFFIXES.get(suffix)
    if name is None:
        raise StartError(
            f"say which format: --format {' or '.join(FORMATS)} (known by suffix: {', '.join(_SUFFIXES)})"
        )
    return FORMATS[name]


def text_lines(file: BinaryIO) -> Iterator[str]:
    """The lines of `file` with their ends. Raises StartError for what is not UTF-8, or longer than a megabyte."""
    number = 0
    while line := file.readline(_LONGEST_LINE + 1):
        number += 1
        if len(line) > _LONGEST_LINE:
            raise StartError(f"line {number} is longer than a megabyte: this is no file of products")
        try:
            # Spreadsheets put a byte order mark in front.
            yield line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise StartError(f"line {number} is not UTF-8; save the file as UTF-8") from error
