import socket

import pytest

from watchbell.domain.errors import Invalid
from watchbell.toolkit.egress import Egress, EgressDenied, EgressPolicy


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.255.0.3",
        "::1",
        "0.0.0.0",
        "0.1.2.3",
        "::",
        "169.254.169.254",
        "169.254.1.1",
        "fe80::1",
        "fe80::1%eth0",
        "100.100.100.200",
        "168.63.129.16",
        "fd00:ec2::254",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "::127.0.0.1",
        "::169.254.169.254",
        "64:ff9b::169.254.169.254",
        "2002:a9fe:a9fe::1",
        "2002:7f00:1::",
        "2001:0:a9fe:a9fe::1",
        "224.0.0.1",
        "ff02::1",
        "255.255.255.255",
        "240.0.0.1",
        "not an address",
        "2130706433",
        "0x7f.1",
        "",
    ],
)
def test_refused_without_any_setting(address):
    assert EgressPolicy().refusal(address)


@pytest.mark.parametrize(
    "address",
    ["10.0.0.1", "192.168.1.1", "172.16.0.1", "100.64.0.1", "8.8.8.8", "2606:4700::1111", "fd12::1", "::ffff:8.8.8.8"],
)
def test_permitted_without_any_setting(address):
    """Private networks included: watching them is the purpose."""
    assert EgressPolicy().refusal(address) == ""


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
def test_loopback_can_be_allowed_and_nothing_else_with_it(address):
    policy = EgressPolicy(Egress(allow_loopback=True))
    assert policy.refusal(address) == ""
    assert policy.refusal("169.254.169.254")


def test_a_network_can_be_allowed():
    policy = EgressPolicy(Egress(allow=["169.254.7.0/24"]))
    assert policy.refusal("169.254.7.9") == ""
    assert policy.refusal("169.254.8.9")


def test_deny_wins_over_allow_and_sees_through_mapped_addresses():
    policy = EgressPolicy(Egress(allow=["10.0.0.0/8"], deny=["10.1.0.0/16"]))
    assert policy.refusal("10.2.0.1") == ""
    assert "deny" in policy.refusal("10.1.0.1")
    assert "deny" in policy.refusal("::ffff:10.1.0.1")


def test_a_network_that_cannot_be_read_names_its_setting():
    with pytest.raises(Invalid, match="deny"):
        EgressPolicy(Egress(deny=["10.0.0.0/99"]))


def test_no_socket_is_made_for_a_refused_address():
    with pytest.raises(EgressDenied, match="metadata"):
        EgressPolicy().socket((socket.AF_INET, socket.SOCK_STREAM, 6, "", ("169.254.169.254", 80)))


def test_many_addresses_are_not_remembered_for_ever():
    policy = EgressPolicy()
    for number in range(20_050):
        policy.refusal(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")
    assert len(policy._known) <= 20_000
