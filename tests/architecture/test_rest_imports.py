"""The REST layer stands on the kit without what only subgraphs need."""

import subprocess
import sys

from tests.harness.launcher import ROOT

_SUBGRAPHS_ONLY = (
    "strawberry",
    "sqlalchemy",
    "motor",
    "pymongo",
    "redis",
    "grpc",
    "alembic",
    "asyncpg",
    "argon2",
    "jwt",
)


def test_the_rest_layer_loads_neither_strawberry_nor_a_driver() -> None:
    code = (
        "import sys; import clients.rest.__main__, clients.rest.app; "
        f"print(*[name for name in {_SUBGRAPHS_ONLY!r} if name in sys.modules])"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert loaded.stdout.split() == []
