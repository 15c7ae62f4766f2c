"""A RabbitMQ node of the tests' own: the machine's program, with a folder, ports and a port mapper that are its own."""

import shutil
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path

from deploy.local.engines.base import Engine
from deploy.local.process.parent_death import with_parent_death_signal
from deploy.local.process.probes import NotReady

# Debian's program on PATH is a wrapper that runs as another user in another folder.
_PROGRAMS = ("/usr/lib/rabbitmq/bin/rabbitmq-server", shutil.which("rabbitmq-server") or "")
PROGRAM = next((program for program in _PROGRAMS if program and Path(program).exists()), None)
MISSING = "no rabbitmq-server on this machine; install it with: apt-get install rabbitmq-server"

_HELLO = b"AMQP\x00\x00\x09\x01"
_METHOD_FRAME = b"\x01"


class RabbitMqNode(Engine):
    name = "rabbitmq"

    def __init__(self, data: Path) -> None:
        super().__init__(data)
        self._distribution, self._mapper = self._ports.free(), self._ports.free()
        self._epmd: subprocess.Popen[bytes] | None = None

    def url(self, database: str = "") -> str:
        return f"amqp://guest:guest@{self.host}:{self.port}/{database}"

    def prepare(self) -> None:
        """Start the port mapper in the foreground: the node would leave one behind that outlives it."""
        if self._epmd is not None:
            return
        epmd = shutil.which("epmd")
        assert epmd is not None, "Erlang comes with epmd"
        self._epmd = subprocess.Popen(
            with_parent_death_signal([epmd, "-port", str(self._mapper), "-address", self.host]),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def command(self) -> Sequence[str]:
        assert PROGRAM is not None, MISSING
        settings = {
            "HOME": self.data,
            "ERL_EPMD_PORT": self._mapper,
            "RABBITMQ_NODENAME": f"tests-{self.port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": self.host,
            "RABBITMQ_NODE_PORT": self.port,
            "RABBITMQ_DIST_PORT": self._distribution,
            "RABBITMQ_MNESIA_BASE": self.data / "mnesia",
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_CONFIG_FILE": self.data / "rabbitmq",
            "RABBITMQ_CONF_ENV_FILE": self.data / "rabbitmq-env.conf",
            "RABBITMQ_ENABLED_PLUGINS_FILE": self.data / "enabled_plugins",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1 +sbwt none",
            "RUNNING_UNDER_SYSTEMD": "true",  # the script becomes the node, with no shell in between
        }
        return ["/usr/bin/env", *(f"{key}={value}" for key, value in settings.items()), PROGRAM]

    def probe(self) -> None:
        try:
            with socket.create_connection((self.host, self.port), timeout=1) as connection:
                connection.settimeout(5)
                connection.sendall(_HELLO)
                answer = connection.recv(1)
        except OSError as error:
            raise NotReady(str(error)) from error
        if answer != _METHOD_FRAME:
            raise NotReady(f"it answers {answer!r}")

    def stop(self, timeout: float = 20.0) -> None:
        super().stop(timeout)
        if self._epmd is not None:
            self._epmd.kill()
            self._epmd.wait()
            self._epmd = None
