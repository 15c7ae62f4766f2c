"""The background work on categories: changes that their processes did not finish."""

from subgraphs.kit.background import Job
from subgraphs.products.service.category_tree import CategoryTree

_EVERY = 2.0


def category_jobs(tree: CategoryTree) -> tuple[Job, ...]:
    return (Job(name="categories", run_once=tree.settle, every=_EVERY),)
