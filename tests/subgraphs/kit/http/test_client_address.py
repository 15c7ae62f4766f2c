"""What counts as one client."""

import pytest

from subgraphs.kit.http.client_address import network_of


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2::9", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("", ""),
        ("unknown", "unknown"),
        ("x" * 500, "x" * 64),
    ],
)
def test_network_of_an_address(address, network):
    assert network_of(address) == network
