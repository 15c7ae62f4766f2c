"""What a file of products says, line by line, and what becomes of each line."""

from dataclasses import dataclass
from enum import Enum

from subgraphs.kit.errors import DomainError
from subgraphs.products.domain.category_references import CategoryReference
from subgraphs.products.domain.products import ProductChanges


@dataclass(frozen=True, slots=True, kw_only=True)
class CategoryLine:
    """A category, known by its slug, or by its name beside its siblings; `parent` is a slug."""

    number: int
    slug: str
    name: str
    parent: str | None
    description: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnPicture:
    """The motif and the palette of the picture that a new product gets; names that `drawings` knows."""

    motif: str
    palette: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductLine:
    """A product, known by its SKU.

    `fields` are what else the line says, unchecked: an absent one stays as it is, None clears it. A category is in
    `category` instead, where `names_category` says that the line has one.
    """

    number: int
    sku: str
    fields: ProductChanges
    names_category: bool = False
    category: CategoryReference | None = None
    picture: DrawnPicture | None = None


class Outcome(Enum):
    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    PASSED_OVER = "passed over"
    """It is there already, and only what is missing was asked for."""
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class LineResult:
    """What became of a line, and why it was refused."""

    number: int
    outcome: Outcome
    sku: str | None = None
    fault: DomainError | None = None
