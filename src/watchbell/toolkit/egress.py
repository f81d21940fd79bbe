"""Where checks and webhooks may connect to.

Refused unless the configuration allows it: loopback, link-local, cloud metadata services, unspecified, multicast and
reserved addresses, and every IPv6 form that carries such an IPv4 address (mapped, compatible, NAT64, 6to4, Teredo).
Private networks are allowed: watching them is the purpose. An address is judged after it was resolved, and exactly that
address is connected to; so a name that resolves to something else a moment later, or an address in decimal, octal or
hexadecimal, gains nothing.
"""

import socket
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from watchbell.domain.errors import Invalid
from watchbell.toolkit.settings import Settings

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_METADATA: tuple[Network, ...] = (
    ip_network("169.254.169.254/32"),
    ip_network("169.254.170.2/32"),  # container credentials
    ip_network("100.100.100.200/32"),
    ip_network("168.63.129.16/32"),
    ip_network("192.0.0.192/32"),
    ip_network("fd00:ec2::254/128"),
    ip_network("fd20:ce::254/128"),
)
_NAT64 = ip_network("64:ff9b::/96")
_COMPATIBLE = ip_network("::/96")
_THIS_NETWORK = ip_network("0.0.0.0/8")
_REMEMBERED = 20_000


class Egress(Settings, frozen=True, kw_only=True):
    """Which addresses checks and webhooks may reach, beside the built-in rules."""

    allow_loopback: bool = False
    """Whether addresses of this machine itself (127.0.0.0/8, ::1) may be reached."""
    allow: list[str] = []
    """Networks that may be reached although the built-in rules refuse them, such as `169.254.7.0/24`."""
    deny: list[str] = []
    """Networks that may not be reached, whatever else is allowed."""


class EgressDenied(OSError):
    """The policy refuses an address."""


class EgressPolicy:
    """Judges addresses. Raises `Invalid` when a network in the settings cannot be read."""

    def __init__(self, settings: Egress | None = None) -> None:
        settings = settings or Egress()
        self._allow_loopback = settings.allow_loopback
        self._allow = _networks("allow", settings.allow)
        self._deny = _networks("deny", settings.deny)
        self._known: dict[str, str] = {}

    def refusal(self, address: str) -> str:
        """Why this numeric address may not be reached; empty when it may."""
        reason = self._known.get(address)
        if reason is None:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            reason = self._known[address] = self._judge(address)
        return reason

    def require(self, address: str) -> None:
        """Raise `EgressDenied` unless the address may be reached."""
        reason = self.refusal(address)
        if reason:
            raise EgressDenied(reason)

    def socket(self, info: tuple[int, int, int, str, tuple[object, ...]]) -> socket.socket:
        """Make the socket for one resolved address, of `getaddrinfo`'s shape: the last gate before every connection."""
        family, kind, protocol, _, address = info
        self.require(str(address[0]))
        return socket.socket(family, kind, protocol)

    def _judge(self, text: str) -> str:
        try:
            address = ip_address(text)
        except ValueError:
            return f"{text} is not a numeric address"
        forms = [address, *_carried(address)]
        if _within(forms, self._deny):
            return f"{text} is refused by the setting `deny`"
        if _within([address], self._allow):
            return ""
        for form in forms:
            reason = self._builtin(form)
            if reason:
                return f"{text} is {reason}, which checks may not reach (the setting `allow` can permit it)"
        return ""

    def _builtin(self, address: Address) -> str:
        rules = (
            (_within([address], _METADATA), "a cloud metadata address"),
            (address.is_loopback and not self._allow_loopback, "a loopback address"),
            (address.is_link_local, "a link-local address"),
            (address.is_unspecified or _within([address], (_THIS_NETWORK,)), "an unspecified address"),
            (address.is_multicast, "a multicast address"),
            (address.is_reserved and not address.is_loopback and not _carried(address), "a reserved address"),
        )
        return next((reason for applies, reason in rules if applies), "")


def _networks(field: str, texts: Iterable[str]) -> tuple[Network, ...]:
    found: list[Network] = []
    for text in texts:
        try:
            found.append(ip_network(text, strict=False))
        except ValueError as error:
            raise Invalid(str(error), field) from error
    return tuple(found)


def _within(addresses: Iterable[Address], networks: Iterable[Network]) -> bool:
    return any(a.version == n.version and a in n for a in addresses for n in networks)


def _carried(address: Address) -> list[Address]:
    """The IPv4 addresses that an IPv6 address stands for."""
    if isinstance(address, IPv4Address):
        return []
    found: list[Address] = []
    if address.ipv4_mapped is not None:
        found.append(address.ipv4_mapped)
    if address.sixtofour is not None:
        found.append(address.sixtofour)
    if address.teredo is not None:
        found.extend(address.teredo)
    if address in _NAT64 or (address in _COMPATIBLE and int(address) > 0xFFFF):
        found.append(IPv4Address(int(address) & 0xFFFFFFFF))
    return found
