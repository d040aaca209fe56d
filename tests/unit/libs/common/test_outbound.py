"""Addresses that strangers give: what is public, and what is an address at all."""

from __future__ import annotations

import contextlib
import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common import outbound
from libs.common.outbound import NotAllowed, checked, public, taken_apart

# Every one leads to this machine, a neighbour, or nobody.
CLOSED_4 = [
    *("0.0.0.0", "0.1.2.3", "10.1.2.3", "100.64.0.1", "100.127.255.254", "127.0.0.1"),
    *("169.254.169.254", "172.16.0.1", "192.0.0.8", "192.0.0.10", "192.0.2.1", "192.88.99.1"),
    *("192.168.0.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "240.0.0.1"),
    "255.255.255.255",
]
CLOSED_6 = [
    *("::", "::1", "::127.0.0.1", "::8.8.8.8", "64:ff9b:1::1", "100::1", "2001::1", "2001:db8::1"),
    *("2001:20::1", "2002:7f00:1::", "2002:808:808::1", "3fff::1", "5f00::1", "fc00::1", "fd00::1"),
    *("fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "2600::5efe:127.0.0.1", "4000::1"),
    "2600:1::200:5efe:10.0.0.1",
]


@pytest.mark.parametrize("address", [*CLOSED_4, *CLOSED_6, "", "name", "1.2.3", "0x7f000001"])
def test_what_is_not_public(address: str) -> None:
    assert not public(address)


@pytest.mark.parametrize("prefix", ["::ffff:", "64:ff9b::"])
@pytest.mark.parametrize("address", CLOSED_4)
def test_an_address_in_an_address_is_judged_by_what_it_carries(prefix: str, address: str) -> None:
    assert not public(f"{prefix}{address}") and public(f"{prefix}93.184.216.34")


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946"])
def test_what_is_public(address: str) -> None:
    assert public(address)


@pytest.mark.parametrize(
    "host",
    ["2130706433", "017700000001", "0x7f000001", "0x7f.1", "127.1", "127.0.1", "0177.0.0.1",
     "127.0.0.1.5", "256.1.1.1", "[fe80::1%25eth0]", "[::1", "[v1.fe80]", "[1.2.3.4]", ".", "..",
     "a..b", "a" * 64 + ".org", "a:99999", "a:-1", "a:0", "a:x", "u@a", "u:p@a", "", "a\\b", "a\tb",
     "a b", "a\x00b", "\ud800.org", "１２７.１"],
)  # fmt: skip
def test_what_is_no_address(host: str) -> None:
    with pytest.raises(NotAllowed):
        taken_apart(f"https://{host}/x")


@pytest.mark.parametrize("url", ["ftp://a/", "http://a/", "file:///etc/passwd", "//a/", "a", ""])
def test_other_schemes_are_none(url: str) -> None:
    with pytest.raises(NotAllowed, match="https://"):
        taken_apart(url)


@pytest.mark.parametrize(
    ("url", "host", "header", "target"),
    [
        ("https://Example.ORG/a?b=1#c", "example.org", "example.org", "https://9.9.9.9:443/a?b=1"),
        ("https://example.org.:8443", "example.org", "example.org:8443", "https://9.9.9.9:8443/"),
        ("https://bücher.de/", "xn--bcher-kva.de", "xn--bcher-kva.de", "https://9.9.9.9:443/"),
        ("https://[2606:0::1]/", "2606::1", "[2606::1]", "https://9.9.9.9:443/"),
        ("https://①②⑦.⓪.⓪.①/", "127.0.0.1", "127.0.0.1", "https://9.9.9.9:443/"),
    ],
)
def test_the_parts_of_an_address(url: str, host: str, header: str, target: str) -> None:
    found = taken_apart(url)
    assert (found.host, found.host_header, found.at("9.9.9.9")) == (host, header, target)


def test_one_closed_address_of_several_closes_the_name() -> None:
    """Who answers with two addresses hopes that the second is not looked at."""
    address = taken_apart("https://example.org/")
    assert checked(address, ["9.9.9.9", "1.1.1.1"]) == "9.9.9.9"
    for found in (["9.9.9.9", "127.0.0.1"], ["::1"], []):
        with pytest.raises(NotAllowed):
            checked(address, found)
    assert checked(address, ["127.0.0.1"], private=True) == "127.0.0.1"


def test_localhost_resolves_to_what_is_not_public() -> None:
    found = outbound.resolved(taken_apart("https://localhost/"))
    assert found and not any(map(public, found))


@given(st.integers(0, 2**32 - 1))
def test_what_carries_an_address_is_never_more_public_than_it(number: int) -> None:
    inner = ipaddress.IPv4Address(number)
    for outer in (f"::ffff:{inner}", f"64:ff9b::{inner}", f"::{inner}", f"2600::5efe:{inner}"):
        assert public(str(inner)) or not public(outer)


@given(st.text())
def test_any_text_is_an_address_or_told(text: str) -> None:
    for url in (text, f"https://{text}", f"https://a{text}/"):
        with contextlib.suppress(NotAllowed):
            found = taken_apart(url)
            assert found.host and 0 < found.port < 65_536
