from typing import Any

import pytest

from tests.harness import launcher
from tests.harness.engines import Engines


def test_an_engine_is_started_by_its_first_use_and_no_other_with_it(monkeypatch: pytest.MonkeyPatch):
    started: list[tuple[str, list[str]]] = []

    def shared(name: str, arguments: list[str]) -> dict[str, Any]:
        started.append((name, arguments))
        return {"addresses": {"users_redis": "redis://r/0", "products_database": "mongodb://m/products"}}

    monkeypatch.setattr(launcher, "shared", shared)
    engines = Engines()
    assert started == []
    assert engines.redis_url.startswith("redis://r/")
    assert engines.redis == "redis://r/0"
    assert started == [("redis", ["--only", "redis"])]
    assert engines.mongo_url("shop").startswith("mongodb://m/shop_")
    assert started[1:] == [("mongo", ["--only", "mongo"])]
