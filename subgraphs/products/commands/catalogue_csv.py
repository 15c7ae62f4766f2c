"""The catalogue as CSV (RFC 4180): a head with the names of the fields, then a product a row.

An empty cell clears description, category and tags, and says nothing of another field. Tags stand between commas, a
category after those above it: `Home > Lighting`. Texts are safe to open in a spreadsheet; see `kit/spreadsheets.py`.
"""

import csv
from collections.abc import Iterator
from typing import IO, Any

from subgraphs.kit.errors import StartError, ValidationFailed
from subgraphs.kit.spreadsheets import cell_of, text_of
from subgraphs.products.commands.catalogue_entries import PRODUCT_FIELDS, line_of
from subgraphs.products.domain.categories import Category
from subgraphs.products.domain.category_references import CategoryReference, escape, split
from subgraphs.products.domain.imports import CategoryLine, LineResult, Outcome, ProductLine
from subgraphs.products.domain.products import Product

_CLEARED_WHEN_EMPTY = ("description", "category", "tags")
_TAG_SEPARATOR = ","


def read(lines: Iterator[str]) -> Iterator[CategoryLine | ProductLine | LineResult]:
    """The rows below the head, each with the number of the line that it begins on; a refusal for one that is none.

    Raises StartError for a head that cannot be used.
    """
    head = next(lines, "")
    delimiter = max(",;\t", key=head.count)  # a spreadsheet of half of Europe writes semicolons
    names = [name.strip().lower() for name in next(csv.reader([head], delimiter=delimiter), [])]
    _check_head(names)
    rows = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        number = rows.line_num + 2  # of the line after those that are read, and the head
        try:
            row = next(rows)
            if row:
                yield line_of(_values(names, row), number)
        except StopIteration:
            return
        except csv.Error as error:
            yield _refused(number, ValidationFailed(f"this is no row of CSV: {error}"))
        except ValidationFailed as error:
            yield _refused(number, error)


def _check_head(names: list[str]) -> None:
    if "sku" not in names:
        raise StartError(
            f"the first line must name the columns, `sku` among them; they are {', '.join(PRODUCT_FIELDS)}"
        )
    for name in names:
        if name not in PRODUCT_FIELDS:
            raise StartError(f"there is no field {name!r}; the columns are {', '.join(PRODUCT_FIELDS)}")
        if names.count(name) > 1:
            raise StartError(f"the column {name!r} is there twice")


def _values(names: list[str], row: list[str]) -> dict[str, Any]:
    if len(row) != len(names):
        raise ValidationFailed(f"the row has {len(row)} cells, and the head {len(names)}")
    values: dict[str, Any] = {}
    for name, cell in zip(names, row, strict=True):
        if cell.strip():
            values[name] = split(text_of(cell), _TAG_SEPARATOR) if name == "tags" else text_of(cell)
        elif name in _CLEARED_WHEN_EMPTY:
            values[name] = None
    return {"sku": "", **values}


def _refused(number: int, fault: ValidationFailed) -> LineResult:
    return LineResult(number=number, outcome=Outcome.REFUSED, fault=fault)


class Writer:
    """Writes rows to `file`, which must leave line breaks alone (`newline=""`)."""

    def __init__(self, file: IO[str]) -> None:
        self._rows = csv.writer(file)
        self._rows.writerow(PRODUCT_FIELDS)

    def category(self, category: Category, parent: Category | None) -> None:
        """Nothing: a row is a product, and names its category."""

    def product(self, product: Product, category: CategoryReference | None) -> None:
        self._rows.writerow(_row(product, category))


def _row(product: Product, category: CategoryReference | None) -> list[str]:
    tags = f"{_TAG_SEPARATOR} ".join(escape(tag, _TAG_SEPARATOR) for tag in product.tags)
    texts = [product.sku, product.name, product.description or ""]
    price = [str(product.price.decimal()), product.price.currency, str(product.available)]
    labels = [str(category) if category else "", tags]
    return [*map(cell_of, texts), *price, *map(cell_of, labels), "true" if product.active else "false"]
