"""Why the catalogue refuses a change: what must be unique is taken. Each is a Conflict to clients."""

from subgraphs.kit.errors import Conflict


class SkuTaken(Conflict):
    def __init__(self, sku: str) -> None:
        super().__init__(f"The SKU {sku!r} is taken; choose another.")


class SlugTaken(Conflict):
    def __init__(self, slug: str) -> None:
        super().__init__(f"The slug {slug!r} is taken; choose another.")


class SiblingNameTaken(Conflict):
    def __init__(self, name: str) -> None:
        super().__init__(f"There is a category {name!r} beside it already.")
