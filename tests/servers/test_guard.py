"""The guard that keeps tests on this machine, tested."""

import socket

import pytest

from servers.guard import NetworkForbiddenError, is_local, no_sockets


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost", "a.localhost", "", None, b"localhost"])
def test_loopback_is_local(host):
    assert is_local(host)


@pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1", "169.254.169.254", "example.org", b"example.org"])
def test_everything_else_is_not(host):
    assert not is_local(host)


def test_a_connection_to_elsewhere_is_stopped():
    with socket.socket() as client, pytest.raises(NetworkForbiddenError, match=r"192\.0\.2\.1"):
        client.connect(("192.0.2.1", 80))


def test_unit_tests_may_not_even_listen():
    with no_sockets(), socket.socket() as listener, pytest.raises(NetworkForbiddenError, match="unit"):
        listener.bind(("127.0.0.1", 0))
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))


def test_a_name_is_not_looked_up():
    with pytest.raises(socket.gaierror, match="example"):
        socket.getaddrinfo("example.org", 80)


@pytest.mark.parametrize("host", ["192.0.2.1", "0xc0.0.2.1", "2001:db8::1"])
def test_an_address_needs_no_name_server(host):
    assert socket.getaddrinfo(host, 80)
