import pytest

from watchbell.collector.client import client_address, forwarded_hops, listed_hops, parse_networks
from watchbell.domain.errors import Invalid
from watchbell.domain.events.raw import peer_address

TRUSTED = parse_networks(["10.0.0.0/8", "192.0.2.1", "2001:db8::/32"])


def test_forwarded_for_of_the_vectors(vectors):
    for case in vectors["x_forwarded_for"]["cases"]:
        assert client_address("192.0.2.1", listed_hops(",".join(case["headers"])), TRUSTED) == case["remoteHost"]


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "client"),
    [
        ("198.51.100.1", "203.0.113.9", "198.51.100.1"),
        ("10.1.2.3", "", "10.1.2.3"),
        ("10.1.2.3", "203.0.113.9, 10.9.9.9", "203.0.113.9"),
        ("10.1.2.3", "1.1.1.1, 203.0.113.9 , 10.9.9.9", "203.0.113.9"),
        ("10.1.2.3", "host.example, 10.9.9.9", "10.9.9.9"),
        ("10.1.2.3", "203.0.113.9:1234", "203.0.113.9"),
        ("10.1.2.3", "[2001:db9::1]:1234", "2001:db9::1"),
        ("10.1.2.3", "10.0.0.1, 10.0.0.2", "10.0.0.1"),
        ("2001:db8::1", "203.0.113.9", "203.0.113.9"),
        ("::ffff:10.1.2.3", "203.0.113.9", "203.0.113.9"),
    ],
)
def test_the_nearest_address_that_is_not_trusted(peer, forwarded_for, client):
    assert client_address(peer, listed_hops(forwarded_for), TRUSTED) == client


@pytest.mark.parametrize(
    ("forwarded", "client"),
    [
        ("for=203.0.113.9;proto=https", "203.0.113.9"),
        ('proto=https;For="[2001:db9::7]:80", for=10.0.0.5', "2001:db9::7"),
        ("for=unknown", "10.1.2.3"),
        ("for=1.1.1.1, proto=https", "10.1.2.3"),
        ('for="1.1.1.1, for=203.0.113.9', "203.0.113.9"),
        ("", "10.1.2.3"),
    ],
)
def test_the_same_in_the_standard_header(forwarded, client):
    assert client_address("10.1.2.3", forwarded_hops(forwarded), TRUSTED) == client


@pytest.mark.parametrize(("client", "address"), [("127.0.0.1:80", "127.0.0.1"), ("[::1]:80", "::1")])
def test_the_peer(client, address):
    assert peer_address(client) == address


def test_what_is_no_network_is_named():
    with pytest.raises(Invalid, match="trusted_proxies"):
        parse_networks(["10.0.0.0/8", "proxy.example"])
