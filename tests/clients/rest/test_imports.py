"""What the process loads."""

import subprocess
import sys

# Packages that only subgraphs need; each costs memory, start time and a reason to update a process that has no use for it.
OF_SUBGRAPHS = {"strawberry", "sqlalchemy", "asyncpg", "motor", "pymongo", "redis", "grpc", "argon2", "jwt"}


def test_the_rest_layer_loads_no_package_of_the_subgraphs() -> None:
    code = (
        "import sys, clients.rest.__main__; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert "fastapi" in loaded.split()
    assert OF_SUBGRAPHS.isdisjoint(loaded.split())
