"""Addresses that strangers give: what of them may be called, one rule for imports and webhooks.

A URL is taken apart strictly, its host's name is resolved once, every address that is found must be
public, and the connection goes to the address that was checked: a name that changes its mind in
between gains nothing. What is public follows the special-purpose registries of IANA (RFC 6890);
forms of IPv6 that carry an IPv4 address are judged by what they carry.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

_PORTS = {"https": 443, "http": 80}
_UNICAST = ipaddress.IPv6Network("2000::/3")
# Last 32 bits are an IPv4 address that the packet ends at: mapped (RFC 4291), NAT64 (RFC 6052).
_CARRIERS = tuple(map(ipaddress.IPv6Network, ("::ffff:0:0/96", "64:ff9b::/96")))
# Within unicast: protocol assignments with Teredo, documentation, 6to4.
_CLOSED_6 = tuple(
    map(ipaddress.IPv6Network, ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"))
)
# Beside what `is_global` knows: protocol assignments whole, relays of 6to4.
_CLOSED_4 = tuple(map(ipaddress.IPv4Network, ("192.0.0.0/24", "192.88.99.0/24")))
# Interface identifiers of ISATAP (RFC 5214), with the u bit and without.
_ISATAP = (0x00005EFE, 0x02005EFE)


class NotAllowed(Exception):
    """The address must not be called; the message says why."""


@dataclass(frozen=True)
class Address:
    """A URL that was taken apart: `host` in ASCII, lower case, an IPv6 address without brackets;
    `path` with its query."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def host_header(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    def at(self, address: str) -> str:
        """Return the URL with a checked address in place of the host."""
        host = f"[{address}]" if ":" in address else address
        return f"{self.scheme}://{host}:{self.port}{self.path}"


def taken_apart(url: str, schemes: Collection[str] = ("https",)) -> Address:
    """Return the parts of an http(s) URL; raise `NotAllowed` for whatever is none."""
    if any(c <= " " or c == "\x7f" or c == "\\" or "\ud800" <= c <= "\udfff" for c in url):
        raise NotAllowed("must be a URL without blanks, back slashes and control characters")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise NotAllowed(f"is no URL: {error}") from error
    if parts.scheme not in schemes or not host:
        raise NotAllowed(f"must be an {' or '.join(f'{one}://' for one in schemes)} URL")
    if "[" in parts.netloc and ":" not in host:
        raise NotAllowed("its host is no IPv6 address")
    if parts.username is not None or parts.password is not None:
        raise NotAllowed("must not hold a user or a password")
    if port == 0:
        raise NotAllowed("is no URL: port 0")
    path = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
    return Address(parts.scheme, _host(host), port or _PORTS[parts.scheme], path)


def _host(host: str) -> str:
    """A name in ASCII, or an address in its one form; raises `NotAllowed`."""
    if ":" in host:
        try:
            # A zone names an interface of this machine: such an address is nobody else's.
            return str(ipaddress.IPv6Address("" if "%" in host else host))
        except ValueError as error:
            raise NotAllowed("its host is no IPv6 address (zones are not allowed)") from error
    try:
        named = host.encode("idna").decode("ascii").lower().removesuffix(".")
    except UnicodeError as error:
        raise NotAllowed("its host is no name") from error
    last = named.rpartition(".")[2]
    if not named or last.isdigit() or last.startswith("0x"):
        # Such hosts are numbers to resolvers: 2130706433, 0x7f.1 and 0177.0.0.1 are 127.0.0.1.
        try:
            return str(ipaddress.IPv4Address(named))
        except ValueError as error:
            raise NotAllowed("its host is no IPv4 address of four decimal numbers") from error
    return named


def public(address: str) -> bool:
    """Return whether an IP address leads to the public internet and to one host of it."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        if any(ip in one for one in _CARRIERS):
            return public(str(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)))
        if ip not in _UNICAST or any(ip in one for one in _CLOSED_6) or ip.scope_id:
            return False
        return (int(ip) >> 32) & 0xFFFFFFFF not in _ISATAP
    closed = any(ip in one for one in _CLOSED_4) or ip.is_multicast or ip.is_reserved
    return ip.is_global and not closed


def checked(address: Address, found: Sequence[str], private: bool = False) -> str:
    """Return the one of the resolved addresses to connect to; raise `NotAllowed` where there is
    none or, unless `private` addresses are allowed, any of them is not public."""
    if not found:
        raise NotAllowed("the host's name cannot be resolved")
    if not private and not all(map(public, found)):
        raise NotAllowed("leads to an address that is not public")
    return found[0]


def resolved(address: Address) -> list[str]:
    """Return the addresses of a host, none where it has none; blocks."""
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))
