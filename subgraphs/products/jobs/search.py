"""The background work on search: the index follows the catalogue, and the analyser when that has changed."""

from subgraphs.kit.background import Job, WakeUp
from subgraphs.products.metrics import SEARCH_DUE
from subgraphs.products.service.search_index import SearchIndexing

_EVERY = 1.0


def search_jobs(indexing: SearchIndexing, *, wake: WakeUp) -> tuple[Job, ...]:
    """Woken by each change of the catalogue in this process; those of others are seen within a second."""

    async def index() -> bool:
        SEARCH_DUE.set(await indexing.count_due())
        return await indexing.index_due()

    return (Job(name="search_index", run_once=index, every=_EVERY, wake=wake),)
