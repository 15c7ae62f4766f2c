"""Is it ready? One short question to one process; the answer is silence, or NotReady with the reason.

Small enough to need no client library: the launcher asks every child many times a second while it starts.
"""

import http.client
import socket
import struct
from collections.abc import Callable

_TIMEOUT = 2.0
_BODY_SHOWN = 200
_OP_MSG = 2013
_HEAD = 16
# {hello: 1, $db: "admin"} in BSON.
_HELLO = b"\x1f\x00\x00\x00\x10hello\x00\x01\x00\x00\x00\x02$db\x00\x06\x00\x00\x00admin\x00\x00"


class NotReady(Exception):
    """The process does not serve yet; the message says what it answered."""


def http_ok(host: str, port: int, path: str) -> None:
    """GET `path` answers 2xx."""
    connection = http.client.HTTPConnection(host, port, timeout=_TIMEOUT)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        body = response.read(_BODY_SHOWN).decode(errors="replace").strip()
    except (OSError, http.client.HTTPException) as error:
        raise NotReady(f"GET http://{host}:{port}{path}: {_reason(error)}") from error
    finally:
        connection.close()
    if response.status // 100 != 2:  # noqa: PLR2004 - 2xx
        raise NotReady(f"GET http://{host}:{port}{path} answered {response.status} {body}".rstrip())


def redis_pong(host: str, port: int) -> None:
    """PING answers PONG; while it loads its file a server answers LOADING."""
    answer = _ask(host, port, b"PING\r\n", least=5)
    if not answer.startswith(b"+PONG"):
        raise NotReady(f"redis answered {answer.decode(errors='replace').strip()!r}")


def mongo_hello(host: str, port: int) -> None:
    """`hello` answers over OP_MSG, the wire protocol's only request."""
    mongo_command(host, port, _HELLO)


def mongo_command(host: str, port: int, command: bytes) -> bytes:
    """The answer to one command, both in BSON."""
    message = struct.pack("<I", 0) + b"\x00" + command
    head = struct.pack("<iiii", _HEAD + len(message), 1, 0, _OP_MSG)
    answer = _ask(
        host, port, head + message, least=_HEAD, length=lambda got: struct.unpack_from("<i", got)[0]
    )
    if struct.unpack_from("<i", answer, 12)[0] != _OP_MSG:
        raise NotReady("the server does not speak MongoDB's wire protocol")
    return answer[_HEAD + 5 :]  # behind flags and the kind of the only section


def _ask(
    host: str, port: int, request: bytes, *, least: int, length: Callable[[bytes], int] | None = None
) -> bytes:
    """At least so many bytes of the answer, or as many as the first of them say by `length`."""
    try:
        with socket.create_connection((host, port), timeout=_TIMEOUT) as connection:
            connection.sendall(request)
            answer = b""
            while len(answer) < least and (more := connection.recv(4096)):
                answer += more
                if length and len(answer) >= least:
                    least = length(answer)
    except OSError as error:
        raise NotReady(f"{host}:{port}: {_reason(error)}") from error
    if len(answer) < least:
        raise NotReady(f"{host}:{port} closed the connection")
    return answer


def _reason(error: Exception) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "nobody listens yet"
    if isinstance(error, TimeoutError):
        return f"no answer within {_TIMEOUT:g} s"
    return str(error) or type(error).__name__
