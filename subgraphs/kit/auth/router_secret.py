"""The secret that the router shows to subgraphs, which answer GraphQL to nobody else.

Entities are resolved by key (`_entities`), below the checks that a root field makes, and limits and rate limits stand
before the router. Health, metrics and what the edge itself fetches stay open.
"""

import hmac
from typing import Self

from starlette.datastructures import Headers

from subgraphs.kit.errors import StartError
from subgraphs.kit.loopback import is_loopback
from subgraphs.kit.settings import ServerSettings

HEADER = "x-router-secret"


class RouterSecret:
    """What is accepted: several secrets while one replaces another; without any, everybody is admitted."""

    def __init__(self, *accepted: str) -> None:
        self._accepted = [secret.encode() for secret in accepted if secret]

    @classmethod
    def of(cls, settings: ServerSettings) -> Self:
        """Raises StartError where other machines reach the service and there is no secret."""
        secret = settings.router_secret.get_secret_value()
        if not secret and not is_loopback(settings.host):
            raise StartError(
                f"GraphQL on {settings.host!r} would be open to whoever reaches it; set ROUTER_SECRET, or ROUTER_SECRET_FILE, "
                "to what the router has"
            )
        return cls(secret, settings.router_secret_previous.get_secret_value())

    def admits(self, headers: Headers) -> bool:
        """Whether a request shows one of the secrets."""
        if not self._accepted:
            return True
        given = headers.get(HEADER, "").encode()
        return any(hmac.compare_digest(given, secret) for secret in self._accepted)
