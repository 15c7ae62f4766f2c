"""Whether an address is one that this machine alone reaches."""

from ipaddress import ip_address


def is_loopback(host: str) -> bool:
    """Of an IP address, in brackets or not, or a name: no name but `localhost` counts."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
