"""A server of MongoDB's wire protocol: SecantusDB, on WiredTiger as `mongod` is.

It is GPL, so it is only ever run, never imported: even its program is found by name.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from deploy.local.engines.base import Engine, EngineError
from deploy.local.process.probes import mongo_hello

_PROGRAM = "secantusd-py"


class Mongo(Engine):
    """One server that presents itself as a replica set of one, so transactions and change streams work.

    Killed, it loses what it acknowledged in the last tenth of a second, write concern or not: the log is written
    in intervals. `durable` has every commit wait for the disk, at a fourteenth of the speed (71 inserts/s by one
    client instead of 965, measured on two cores): for tests of what survives a crash.
    """

    name = "mongo"
    # The death signal stays SIGKILL, at that cost: asked with SIGTERM in its first moment, it has been seen to
    # lock up in its own handler (which sets an event that the main thread is about to wait for) and to stay.

    def __init__(
        self, data: Path, *, port: int | None = None, host: str = "127.0.0.1", durable: bool = False
    ) -> None:
        super().__init__(data, port=port, host=host)
        self.durable = durable

    def url(self, database: str = "") -> str:
        return f"mongodb://{self.host}:{self.port}/{database}"

    def prepare(self) -> None:
        program = self._program
        if not program.exists():
            raise EngineError(f"{program} is missing. Install the embedded engines: make install")
        self.data.mkdir(parents=True, exist_ok=True)
        # Named on the command line, so that a secantusd.toml lying around in the current folder, the home
        # folder or /etc is not picked up.
        self._config.write_text("# The launcher sets everything on the command line.\n")

    def command(self) -> Sequence[str]:
        settings = {
            "config": str(self._config),
            "host": self.host,
            "port": str(self.port),
            "storage-path": str(self.data / "wiredtiger"),
            "cache-size": "128M",
            "log-level": "WARNING",
        }
        # Through this interpreter rather than the script's first line, which cannot name a long path.
        return [
            sys.executable,
            str(self._program),
            *(argument for key, value in settings.items() for argument in (f"--{key}", value)),
            *(["--sync-on-commit"] if self.durable else []),
        ]

    def probe(self) -> None:
        mongo_hello(self.host, self.port)

    @property
    def _program(self) -> Path:
        return Path(sys.executable).with_name(_PROGRAM)

    @property
    def _config(self) -> Path:
        return self.data / "secantusd.toml"
