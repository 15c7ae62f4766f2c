"""The catalogue as JSON Lines: an object a line, first categories (`"type": "category"`), then products."""

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import IO, Any

from subgraphs.kit.errors import ValidationFailed
from subgraphs.products.commands.catalogue_entries import CategoryEntry, ProductEntry, line_of
from subgraphs.products.domain.categories import Category
from subgraphs.products.domain.category_references import CategoryReference
from subgraphs.products.domain.imports import CategoryLine, LineResult, Outcome, ProductLine
from subgraphs.products.domain.products import Product


def read(lines: Iterator[str]) -> Iterator[CategoryLine | ProductLine | LineResult]:
    """What each line says, or a refusal for one that cannot be read; empty lines are passed over."""
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            yield line_of(_object(line), number)
        except ValidationFailed as error:
            yield LineResult(number=number, outcome=Outcome.REFUSED, fault=error)


def _object(line: str) -> dict[str, Any]:
    try:
        # Numbers as they are written: 99.99 is no float.
        value = json.loads(line, parse_float=Decimal, parse_constant=_refuse_constant)
        if "\\u" in line:  # half a surrogate pair is no text that could be stored
            json.dumps(value, ensure_ascii=False, default=str).encode()
    except (ValueError, RecursionError) as error:
        raise ValidationFailed(f"this is no JSON: {error}") from error
    if not isinstance(value, dict):
        raise ValidationFailed("this is no JSON object")
    return value


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


class Writer:
    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def category(self, category: Category, parent: Category | None) -> None:
        self._write(CategoryEntry.of(category, parent))

    def product(self, product: Product, category: CategoryReference | None) -> None:
        self._write(ProductEntry.of(product, category))

    def _write(self, entry: CategoryEntry | ProductEntry) -> None:
        values = entry.model_dump(mode="json", exclude={"drawing"})
        self._file.write(json.dumps(values, ensure_ascii=False) + "\n")
