"""A product or a category as a line of a file has it."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from subgraphs.kit.errors import ValidationFailed
from subgraphs.products.domain.categories import Category
from subgraphs.products.domain.category_references import CategoryReference
from subgraphs.products.domain.imports import CategoryLine, DrawnPicture, ProductLine
from subgraphs.products.domain.products import Product

PRODUCT_FIELDS = ("sku", "name", "description", "price", "currency", "stock", "category", "tags", "active")


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid")


class DrawingEntry(_Entry):
    motif: str
    palette: str


class ProductEntry(_Entry):
    """What is left out stays as it is; null takes away, where that is possible."""

    sku: str
    name: str | None = None
    description: str | None = None
    price: Decimal | None = None
    currency: str | None = None
    stock: int | None = None
    category: str | list[str] | None = None
    tags: list[str] | None = None
    active: bool | None = None
    drawing: DrawingEntry | None = None

    @classmethod
    def of(cls, product: Product, category: CategoryReference | None) -> "ProductEntry":
        return cls(
            sku=product.sku,
            name=product.name,
            description=product.description,
            price=product.price.decimal(),
            currency=product.price.currency,
            stock=product.available,
            category=None if category is None else list(category.names),
            tags=list(product.tags),
            active=product.active,
        )

    def to_line(self, number: int) -> ProductLine:
        """Raises ValidationFailed for a category that cannot be one."""
        drawing = self.drawing
        return ProductLine(
            number=number,
            sku=self.sku,
            fields=self.model_dump(exclude={"sku", "category", "drawing"}, exclude_unset=True),  # type: ignore[arg-type] # the names are those of ProductChanges
            names_category="category" in self.model_fields_set,
            category=self._category(),
            picture=None if drawing is None else DrawnPicture(motif=drawing.motif, palette=drawing.palette),
        )

    def _category(self) -> CategoryReference | None:
        if isinstance(self.category, list):
            return CategoryReference.path(self.category)
        return None if self.category is None else CategoryReference.parse(self.category)


class CategoryEntry(_Entry):
    type: Literal["category"] = "category"
    slug: str
    name: str
    parent: str | None = None
    description: str | None = None

    @classmethod
    def of(cls, category: Category, parent: Category | None) -> "CategoryEntry":
        return cls(
            slug=category.slug,
            name=category.name,
            parent=None if parent is None else parent.slug,
            description=category.description,
        )

    def to_line(self, number: int) -> CategoryLine:
        return CategoryLine(number=number, **self.model_dump(exclude={"type"}))


def line_of(values: Mapping[str, Any], number: int) -> CategoryLine | ProductLine:
    """Raises ValidationFailed, naming the first field that is not what it should be."""
    entry = CategoryEntry if values.get("type") == "category" else ProductEntry
    try:
        return entry.model_validate(values).to_line(number)
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        place = ".".join(map(str, fault["loc"][:1]))
        raise ValidationFailed(f"{place}: {fault['msg']}", field=place) from error
