"""Which addresses of the internet a request may go to that somebody else has chosen."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

# The special-purpose registries of IANA (RFC 6890) as a list of our own: Python's differs from version to version.
_NOT_PUBLIC = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",  # between a provider and its customers; metadata of a cloud
            "127.0.0.0/8",
            "168.63.129.16/32",  # no special address, but a cloud serves there what its machines may know
            "169.254.0.0/16",  # this link; metadata of most clouds
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.88.99.0/24",
            "192.168.0.0/16",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/3",  # multicast, reserved, broadcast
        ),
    )
)
# All that is given out of IPv6 lies in here; the rest is unassigned, private, of a link, or multicast.
_GLOBAL_UNICAST = IPv6Network("2000::/3")
_NOT_PUBLIC_6 = tuple(
    map(
        IPv6Network,
        (
            "2001::/23",  # protocols, Teredo among them, which carries any IPv4 address
            "2001:db8::/32",
            "2002::/16",  # 6to4, likewise
            "3fff::/20",
        ),
    )
)
# RFC 6052: behind a translator, an IPv4 address is the last 32 bits.
_TRANSLATED = IPv6Network("64:ff9b::/96")


def is_public(text: str) -> bool:
    """Whether `text` is an address of the public internet, and no other in disguise.

    Not those of private networks, this machine, this link, multicast, shared and reserved ranges. An IPv6 address
    that stands for an IPv4 one is judged as that one.
    """
    try:
        address = ip_address(text)
    except ValueError:
        return False
    if isinstance(address, IPv6Address):
        inner = IPv4Address(int(address) & 0xFFFFFFFF) if address in _TRANSLATED else address.ipv4_mapped
        if address.scope_id is not None:
            return False  # it names an interface of this machine
        if inner is None:
            return address in _GLOBAL_UNICAST and not any(address in network for network in _NOT_PUBLIC_6)
        address = inner
    return not any(address in network for network in _NOT_PUBLIC)
