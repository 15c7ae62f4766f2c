"""Where a request came from, and what tells one client from another."""

from ipaddress import IPv6Address, ip_address, ip_network

from starlette.datastructures import Headers
from starlette.types import Scope

_ADDRESS_MAX = 64  # the header that an address comes from may hold anything
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
    """The client's address: the last hop that the edge recorded, else the peer."""
    forwarded = headers.get("x-forwarded-for")
    if forwarded:
        return forwarded.rsplit(",", 1)[-1].strip()
    client = scope.get("client")
    return client[0] if client else ""
