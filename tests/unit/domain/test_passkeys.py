"""Where pages must stand for passkeys, and counters."""

import pytest

from watchbell.domain.passkeys import relying_party, went_on


@pytest.mark.parametrize(
    ("base_url", "host", "origin"),
    [
        ("https://watchbell.example.org", "watchbell.example.org", "https://watchbell.example.org"),
        ("https://Watchbell.example.org:443/", "watchbell.example.org", "https://watchbell.example.org"),
        ("https://watchbell.example.org:8443/x", "watchbell.example.org", "https://watchbell.example.org:8443"),
        ("https://wächter.example", "xn--wchter-bua.example", "https://xn--wchter-bua.example"),
        ("http://localhost:8080", "localhost", "http://localhost:8080"),
        ("http://app.localhost", "app.localhost", "http://app.localhost"),
        ("https://intranet", "intranet", "https://intranet"),
    ],
)
def test_the_address_of_the_pages_says_who_asks(base_url: str, host: str, origin: str):
    party = relying_party(base_url)
    assert (party.id, party.origin, party.missing) == (host, origin, "")


@pytest.mark.parametrize(
    ("base_url", "why"),
    [
        ("", "is not set"),
        ("http://watchbell.example.org", "must begin with https"),
        ("http://notlocalhost", "must begin with https"),
        ("ftp://localhost", "must begin with https"),
        ("http://127.0.0.1:8080", "a name"),
        ("https://192.0.2.7", "a name"),
        ("https://[2001:db8::1]", "a name"),
        ("https://", "a name"),
        ("watchbell", "a name"),
        ("https://watchbell:99999", "cannot be read"),
        ("https://a..example", "cannot be read"),
    ],
)
def test_without_a_fitting_one_there_are_no_passkeys(base_url: str, why: str):
    party = relying_party(base_url)
    assert (party.id, party.origin) == ("", "")
    assert "server.base_url" in party.missing
    assert why in party.missing


@pytest.mark.parametrize(
    ("before", "now", "good"), [(0, 0, True), (0, 1, True), (1, 2, True), (1, 1, False), (2, 1, False), (1, 0, False)]
)
def test_a_counter_goes_on_or_is_always_nothing(before: int, now: int, good: bool):
    assert went_on(before, now) is good
