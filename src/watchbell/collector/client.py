"""Who sent a request: the peer, or what trusted proxies say. Names are never looked up."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from watchbell.domain.errors import Invalid

Networks = Sequence[IPv4Network | IPv6Network]


def parse_networks(texts: Sequence[str]) -> Networks:
    """The networks that `texts` name; a plain address is a network of one.

    Raises:
        Invalid: one is no network; the field is `trusted_proxies`.
    """
    try:
        return [ip_network(text, strict=False) for text in texts]
    except ValueError as error:
        raise Invalid(str(error), "trusted_proxies") from error


def client_address(peer: str, hops: Sequence[str], trusted: Networks) -> str:
    """The nearest address that is not a trusted proxy, looking through what proxies wrote from the right.

    A peer that is not trusted is not believed. What is not an address ends the search.
    """
    if not _is_trusted(peer, trusted):
        return peer
    address = peer
    for hop in reversed(hops):
        parsed = _parse(hop)
        if parsed is None:
            break
        address = str(parsed)
        if not _is_trusted(address, trusted):
            break
    return address


def listed_hops(forwarded_for: str) -> list[str]:
    """The elements of `X-Forwarded-For`, several lines joined by commas."""
    return [hop.strip() for hop in forwarded_for.split(",") if hop.strip()]


def forwarded_hops(forwarded: str) -> list[str]:
    """What `for` says in each element of `Forwarded` (RFC 7239); an element without it is an empty text."""
    hops: list[str] = []
    for element in forwarded.split(","):
        hop = ""
        for pair in element.split(";"):
            name, _, value = pair.strip().partition("=")
            if name.lower() == "for":
                hop = value.strip().strip('"')
        hops.append(hop)
    return hops


def _parse(text: str) -> IPv4Address | IPv6Address | None:
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _is_trusted(text: str, trusted: Networks) -> bool:
    address = _parse(text)
    return address is not None and any(address.version == net.version and address in net for net in trusted)
