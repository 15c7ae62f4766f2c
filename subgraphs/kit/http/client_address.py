"""Where a request came from, and what tells one client from another."""

from ipaddress import IPv6Address, ip_address, ip_network

from starlette.datastructures import Headers
from starlette.types import Scope

HEADER = "x-client-address"
"""Set by the edge, over whatever the client sent, to the address that the edge trusts; passed on from there."""

_ADDRESS_MAX = 64  # an IPv6 address with its zone has less
_CUSTOMER_BITS = 64  # what a provider gives to one customer at the least (RFC 6177)


def network_of(address: str) -> str:
    """What tells one client from another: an IPv4 address, or the /64 of an IPv6 one.

    Whoever has one IPv6 address has 2^64 of them. What is no address stays as it is.
    """
    text = address.strip()[:_ADDRESS_MAX]
    try:
        parsed = ip_address(text.partition("%")[0])
    except ValueError:
        return text
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ip_network((parsed, _CUSTOMER_BITS), strict=False))


def client_address(scope: Scope, headers: Headers) -> str:
    """The client's address as the edge names it, else the peer's.

    A value that is no address is not the edge's, and does not count. `X-Forwarded-For` is not read: which of
    its hops may be believed depends on what stands before the edge, and only the edge is told.
    """
    named = headers.get(HEADER, "").strip()
    if _is_address(named):
        return named
    client = scope.get("client")
    return client[0] if client else ""


def _is_address(text: str) -> bool:
    try:
        ip_address(text.partition("%")[0])
    except ValueError:
        return False
    return len(text) <= _ADDRESS_MAX
