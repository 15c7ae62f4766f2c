"""Where a request came from, and what counts as one client."""

import pytest
from starlette.datastructures import Headers

from subgraphs.kit.http.client_address import client_address, network_of


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


@pytest.mark.parametrize(
    ("headers", "address"),
    [
        ({}, "10.0.0.9"),
        ({"x-client-address": "203.0.113.9"}, "203.0.113.9"),
        ({"x-client-address": " 2001:db8::1 "}, "2001:db8::1"),
        ({"x-client-address": "fe80::1%eth0"}, "fe80::1%eth0"),
        ({"x-client-address": "203.0.113.9, 198.51.100.1"}, "10.0.0.9"),
        ({"x-client-address": "unknown"}, "10.0.0.9"),
        ({"x-client-address": "fe80::1%" + "z" * 500}, "10.0.0.9"),
        ({"x-forwarded-for": "198.51.100.1"}, "10.0.0.9"),
        ({"x-forwarded-for": "198.51.100.1", "x-client-address": "203.0.113.9"}, "203.0.113.9"),
    ],
)
def test_the_client_is_whom_the_edge_names_and_else_the_peer(headers, address):
    scope = {"type": "http", "client": ("10.0.0.9", 1)}
    assert client_address(scope, Headers(headers)) == address


def test_a_request_over_a_unix_socket_has_no_address():
    assert client_address({"type": "http", "client": None}, Headers({})) == ""
