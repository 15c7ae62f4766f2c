"""Products from a file: created, changed or left alone, by SKU."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from subgraphs.kit.auth.viewer import Viewer
from subgraphs.kit.errors import Conflict, DomainError, ValidationFailed
from subgraphs.kit.ids import new_id
from subgraphs.products.domain.imports import CategoryLine, LineResult, Outcome, ProductLine
from subgraphs.products.domain.permissions import Permission
from subgraphs.products.domain.products import NewProduct, Product, ProductId, revise
from subgraphs.products.domain.text import clean_sku, sku_key
from subgraphs.products.service.category_resolution import CategoryResolution
from subgraphs.products.service.drawn_pictures import DrawnPictures, check_picture
from subgraphs.products.store.products import ProductStore

_TRIES = 8


@dataclass(frozen=True, slots=True)
class _Plan:
    """What a line makes of the product that was `read`, or of nothing."""

    line: ProductLine
    product: Product
    read: Product | None


@dataclass(slots=True, kw_only=True)
class ProductImport:
    """One run over one file, whose lines are taken in batches, in their order.

    Everything is known by its SKU and written whole with its event, so a run that breaks off is finished by another:
    lines that are in already change nothing. With `only_missing` a product that is there is passed over.
    """

    products: ProductStore
    categories: CategoryResolution
    pictures: DrawnPictures
    clock: Callable[[], datetime]
    only_missing: bool = False
    lines_by_sku: dict[str, int] = field(default_factory=dict)
    """The line of each SKU so far: what grows with the file, about 100 bytes a line."""

    async def take(self, viewer: Viewer, lines: Sequence[CategoryLine | ProductLine]) -> list[LineResult]:
        """Carry out `lines`; the results are in their order. Categories come before products.

        Raises Unauthenticated, or Forbidden without MANAGE_PRODUCTS; what is wrong with a line is in its result.
        """
        actor = viewer.require(Permission.MANAGE_PRODUCTS)
        results = [await self.categories.declare(line) for line in lines if isinstance(line, CategoryLine)]
        pending: list[ProductLine] = []
        for line in lines:
            if isinstance(line, ProductLine):
                fault = self._first_of_its_sku(line)
                if fault is None:
                    pending.append(line)
                else:
                    results.append(_refused(line, fault))
        for _ in range(_TRIES):
            if not pending:
                break
            done = await self._take_products(pending, actor=actor)
            results += done
            settled = {result.number for result in done}
            pending = [line for line in pending if line.number not in settled]
        overtaken = Conflict("The product changes too often at the moment; run the import again.")
        results += [_refused(line, overtaken) for line in pending]
        return sorted(results, key=lambda result: result.number)

    def _first_of_its_sku(self, line: ProductLine) -> DomainError | None:
        try:
            key = sku_key(clean_sku(line.sku))
        except ValidationFailed as error:
            return error
        first = self.lines_by_sku.setdefault(key or "", line.number)
        if first != line.number:
            return Conflict(f"Line {first} has this SKU already.")
        return None

    async def _take_products(self, lines: Sequence[ProductLine], *, actor: str) -> list[LineResult]:
        """Results of the lines that are settled; the others were overtaken by somebody else's write."""
        results, plans = self._plan(lines, await self.products.get_by_skus([line.sku for line in lines]))
        # Only now, so that a line that is refused leaves no new category behind.
        named = [plan.line.category for plan in plans if plan.line.category is not None]
        found = await self.categories.resolve(list(dict.fromkeys(named)))
        placed: list[_Plan] = []
        for plan in plans:
            category = found[plan.line.category] if plan.line.category is not None else None
            if isinstance(category, DomainError):
                results.append(_refused(plan.line, category))
            elif plan.line.names_category:
                placed.append(replace(plan, product=replace(plan.product, category_id=category)))
            else:
                placed.append(plan)
        return [*results, *await self._write(placed, actor=actor)]

    def _plan(
        self, lines: Sequence[ProductLine], present: Sequence[Product | None]
    ) -> tuple[list[LineResult], list[_Plan]]:
        settled: list[LineResult] = []
        plans: list[_Plan] = []
        for line, read in zip(lines, present, strict=True):
            if read is not None and self.only_missing:
                settled.append(_result(line, Outcome.PASSED_OVER))
                continue
            try:
                plans.append(_Plan(line, self._wanted(line, read), read))
            except DomainError as error:
                settled.append(_refused(line, error))
        return settled, plans

    def _wanted(self, line: ProductLine, read: Product | None) -> Product:
        """Raises ValidationFailed, and Conflict for a product that was deleted."""
        check_picture(line.picture)
        if read is None:
            return _new(line).product(ProductId(new_id()), at=self.clock())
        if read.deleted:
            raise Conflict("The SKU is that of a deleted product, and stays taken.")
        return revise(read, {**line.fields, "sku": line.sku})

    async def _write(self, plans: Sequence[_Plan], *, actor: str) -> list[LineResult]:
        results: list[LineResult] = []
        changed: list[_Plan] = []
        for plan in plans:
            if plan.product == plan.read:
                results.append(_result(plan.line, Outcome.UNCHANGED))
            elif plan.read is not None:
                changed.append(plan)
        results += await self._create([plan for plan in plans if plan.read is None], actor=actor)
        results += await self._change(changed, actor=actor)
        return results

    async def _create(self, plans: Sequence[_Plan], *, actor: str) -> list[LineResult]:
        if not plans:
            return []
        wanted = {plan.product.id: plan.line.picture for plan in plans if plan.line.picture is not None}
        products = await self.pictures.draw([plan.product for plan in plans], wanted)
        added = {product.id for product in await self.products.insert_missing(products, actor=actor)}
        await self.pictures.settle(products)
        return [_result(plan.line, Outcome.CREATED) for plan in plans if plan.product.id in added]

    async def _change(self, plans: Sequence[_Plan], *, actor: str) -> list[LineResult]:
        now = self.clock()
        revised = [
            (replace(plan.product, version=plan.read.version + 1, updated_at=now), plan.read)
            for plan in plans
            if plan.read is not None
        ]
        written = await self.products.replace_many(revised, actor=actor)
        return [
            _result(plan.line, Outcome.UPDATED)
            for plan, product in zip(plans, written, strict=True)
            if product is not None
        ]


def _new(line: ProductLine) -> NewProduct:
    """Raises ValidationFailed where what every product has is missing."""
    given: dict[str, Any] = {name: value for name, value in line.fields.items() if value is not None}
    for name in ("name", "price"):
        if name not in given:
            raise ValidationFailed(f"{name} is missing, and a new product needs it", field=name)
    return NewProduct(sku=line.sku, **given)


def _result(line: ProductLine, outcome: Outcome) -> LineResult:
    return LineResult(number=line.number, outcome=outcome, sku=line.sku)


def _refused(line: ProductLine, fault: DomainError) -> LineResult:
    return LineResult(number=line.number, outcome=Outcome.REFUSED, sku=line.sku, fault=fault)
