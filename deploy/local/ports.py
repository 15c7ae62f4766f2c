"""Ports: free ones that stay ours until a child listens, and a taken one named with its owner."""

import errno
import random
import socket
import sys

import psutil

from deploy.local.errors import LaunchError

# Below the range from which the kernel takes ports for outgoing connections (32768 and up on Linux), so that
# none of those lands on a port between its choice and its child's first listen.
_FREE = range(20000, 32000)
_ATTEMPTS = 200

HIGHEST = 65535


class PortError(LaunchError):
    """A port cannot be had; the message names who has it and the way out."""


class Ports:
    """The ports of one launcher.

    On Linux a chosen port is held by a bound socket that never listens, with SO_REUSEADDR: servers (which set
    that too) may bind beside it, anyone who looks for a free port may not. So a port is still ours when a
    crashed child comes back for it.
    """

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.host = host
        self._held: list[socket.socket] = []

    def free(self) -> int:
        """Any free port."""
        for port in random.sample(_FREE, _ATTEMPTS):
            try:
                self._hold(self.host, port, exclusive=True)
            except OSError:
                continue
            return port
        raise PortError(
            f"No free port between {_FREE.start} and {_FREE.stop} on {self.host} in {_ATTEMPTS} attempts."
        )

    def exactly(self, port: int, *, what: str, option: str, host: str | None = None) -> int:
        """The port asked for. Raises PortError with the owner, and `option` as the way out."""
        try:
            self._hold(host or self.host, port, exclusive=False)
        except OSError as error:
            raise PortError(
                _refusal(error, port, what=what, option=option, host=host or self.host)
            ) from error
        return port

    def release(self) -> None:
        for held in self._held:
            held.close()
        self._held.clear()

    def _hold(self, host: str, port: int, *, exclusive: bool) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        held = socket.socket(family, socket.SOCK_STREAM)
        try:
            if not exclusive:
                held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            held.bind((host, port))
            held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        except OSError:
            held.close()
            raise
        if sys.platform == "linux":
            self._held.append(held)
        else:
            held.close()


def owner(port: int) -> str | None:
    """Who listens on a port, as `nginx (process 812)`, where the system lets us see it."""
    try:
        connections = psutil.net_connections("tcp")
    except psutil.AccessDenied:
        return None
    for connection in connections:
        if connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port:
            try:
                return (
                    f"{psutil.Process(connection.pid).name()} (process {connection.pid})"
                    if connection.pid
                    else None
                )
            except psutil.Error:
                return None
    return None


def _refusal(error: OSError, port: int, *, what: str, option: str, host: str) -> str:
    choose = f"or choose another for {what}: {option} PORT (0 = any free one)"
    if error.errno == errno.EADDRINUSE:
        who = owner(port) or "another program"
        return f"Port {port} is in use by {who}. Stop it, {choose}."
    if error.errno == errno.EACCES:
        return f"Port {port} is reserved for root. Run as root, {choose}."
    return (
        f"{what} cannot listen on {host}:{port}: {error.strerror}. Give an address of this machine, {choose}."
    )
