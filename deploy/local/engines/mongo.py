"""A server of MongoDB's wire protocol: the machine's own `mongod`, else SecantusDB on WiredTiger, as `mongod` is."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from deploy.local.engines.base import Engine, EngineError
from deploy.local.engines.mongo_servers import MongoServer, choose, others


class Mongo(Engine):
    """One server that presents itself as a replica set of one, so transactions and change streams work.

    What it acknowledged survives SIGKILL, whichever server it is. `server` chooses one by name; the default is the
    first that is there (see `mongo_servers`).
    """

    name = "mongo"
    # The death signal stays SIGKILL: a commit waits for the disk, so nothing is lost by it; and the server in Python,
    # asked with SIGTERM in its first moment, has been seen to lock up in its own handler and to stay.

    def __init__(
        self, data: Path, *, port: int | None = None, host: str = "127.0.0.1", server: str | None = None
    ) -> None:
        super().__init__(data, port=port, host=host)
        self._chosen = server

    @cached_property
    def server(self) -> MongoServer:
        """Raises EngineError where none is installed."""
        return choose(self._chosen)

    def url(self, database: str = "") -> str:
        return f"mongodb://{self.host}:{self.port}/{database}"

    def prepare(self) -> None:
        storage = self.data / self.server.storage
        self.refuse_files_of_another()
        storage.mkdir(parents=True, exist_ok=True)
        # Named on the command line, so that a secantusd.toml lying around in the current folder, the home
        # folder or /etc is not picked up.
        self._config.write_text("# The launcher sets everything on the command line.\n")

    def command(self) -> Sequence[str]:
        return self.server.command(
            host=self.host, port=self.port, storage=self.data / self.server.storage, config=self._config
        )

    def probe(self) -> None:
        self.server.probe(self.host, self.port)

    def refuse_files_of_another(self) -> None:
        """The two kinds of server keep different files. Nothing is deleted: both ways out are named.

        Raises EngineError.
        """
        if (self.data / self.server.storage).exists():
            return
        for other in others(self.server):
            if (self.data / other.storage).exists():
                raise EngineError(
                    f"The documents in {self.data / other.storage} were written by {other.maker}, and "
                    f"{self.server.label} cannot read them. They stay as they are. Go on with the server that wrote "
                    f"them (--mongo-server {other.name}), choose another folder (--data), or start afresh (--fresh)."
                )

    @property
    def _config(self) -> Path:
        return self.data / "secantusd.toml"
