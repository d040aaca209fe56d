"""What URLs lead to: https:// through one guard, s3:// with the operator's keys.

A host's name is resolved once, private addresses are refused unless the operator allows the host,
and the connection goes to the address that was checked, so that a name that changes its mind in
between gains nothing. Redirects are followed a few times, each through the same guard. A bucket is
open to a tenant only where the operator says so. Size and time are bounded.
"""

from __future__ import annotations

import ipaddress
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import IO, Any
from urllib.parse import urljoin, urlsplit

import httpx2
import s3fs
from botocore.exceptions import BotoCoreError, ClientError

from services.intake.config import IntakeSettings
from services.intake.domain import Refused
from services.intake.sources import media

_REDIRECTS = 5
_COPY = 1_000_000
_TIMEOUT = 30.0
MAX_OBJECTS = 1_000_000


@dataclass(frozen=True)
class Object:
    """One object of a bucket; `stamp` changes with its content."""

    key: str
    url: str
    size: int
    stamp: str


class Remote:
    """Reads URLs for one tenant after the other; raises `Refused`."""

    def __init__(self, settings: IntakeSettings) -> None:
        self._settings = settings
        self._allowed = {h.strip().lower() for h in settings.allow_hosts.split(",") if h.strip()}
        self._client = httpx2.Client(timeout=_TIMEOUT, follow_redirects=False, trust_env=False)

    def read(self, url: str, tenant: str) -> bytes:
        """All of a file of at most `media.MAX_BYTES`."""
        content = bytearray()
        for block in self.blocks(url, tenant, media.MAX_BYTES):
            content += block
        return bytes(content)

    def blocks(self, url: str, tenant: str, limit: int = 0) -> Iterator[bytes]:
        """The file's bytes, piece by piece; `Refused` beyond the limit."""
        most = limit or self._settings.max_fetch_bytes
        ends, size = time.monotonic() + self._settings.fetch_seconds, 0
        with self._open(url, tenant) as pieces:
            for block in pieces:
                size += len(block)
                if size > most:
                    raise Refused(f"{_shown(url)}: larger than {most} bytes")
                if time.monotonic() > ends:
                    raise Refused(f"{_shown(url)}: took over {self._settings.fetch_seconds:.0f} s")
                yield block

    def check(self, url: str, tenant: str) -> None:
        """Raises `Refused` for a URL that would not be read; opens nothing."""
        parts = urlsplit(url)
        if parts.scheme == "s3":
            self._check_bucket(url, tenant)
        elif parts.scheme not in ("https", "http") or not parts.hostname:
            raise Refused("must be an https:// or s3:// URL")
        elif parts.username is not None or parts.password is not None:
            raise Refused("must not hold a user or a password")
        elif parts.scheme == "http" and parts.hostname.lower() not in self._allowed:
            raise Refused("must be https; http only for hosts that the operator allows")

    @contextmanager
    def _open(self, url: str, tenant: str) -> Iterator[Iterator[bytes]]:
        self.check(url, tenant)
        if url.startswith("s3://"):
            with _faults(url), self._s3.open(url.removeprefix("s3://"), "rb") as file:
                yield iter(lambda: file.read(_COPY), b"")
            return
        with _faults(url):
            for _ in range(_REDIRECTS + 1):
                target, host = self._resolved(url)
                extensions = {"sni_hostname": host.rsplit(":", 1)[0]}
                request = self._client.build_request(
                    "GET", target, headers={"host": host}, extensions=extensions
                )
                response = self._client.send(request, stream=True)
                try:
                    if not response.is_redirect:
                        _check_status(url, response.status_code)
                        yield response.iter_bytes(_COPY)
                        return
                    url = urljoin(url, response.headers.get("location", ""))
                    self.check(url, tenant)
                    if url.startswith("s3://"):
                        raise Refused("a redirect to s3:// is not followed")
                finally:
                    response.close()
        raise Refused(f"{_shown(url)}: more than {_REDIRECTS} redirects")

    def _resolved(self, url: str) -> tuple[str, str]:
        """(URL with the checked address in place of the host, Host header)."""
        parts = urlsplit(url)
        host = parts.hostname or ""
        port = parts.port or (443 if parts.scheme == "https" else 80)
        found = addresses(host, port)
        if not found:
            raise Refused(f"{_shown(url)}: the host's name cannot be resolved")
        if host.lower() not in self._allowed and any(map(_private, found)):
            raise Refused(f"{_shown(url)}: leads to an address that is not public")
        address = f"[{found[0]}]" if ":" in found[0] else found[0]
        path = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
        named = host if parts.port is None else f"{host}:{parts.port}"
        return f"{parts.scheme}://{address}:{port}{path}", named

    # -- buckets -----------------------------------------------------------------------------

    def objects(self, url: str, tenant: str) -> Iterator[Object]:
        """Objects below a prefix, in the order of their keys."""
        self._check_bucket(url, tenant)
        prefix = url.removeprefix("s3://").rstrip("/")
        with _faults(url):
            # A listing of an earlier sync would hide what is new.
            self._s3.invalidate_cache()
            found = self._s3.find(prefix, detail=True)
        if len(found) > MAX_OBJECTS:
            raise Refused(f"more than {MAX_OBJECTS} objects; import them by parts")
        for path, about in sorted(found.items()):
            if about.get("size"):
                stamp = str(about.get("ETag", "")).strip('"') or str(about.get("LastModified", ""))
                key = path.removeprefix(prefix).lstrip("/") or path.rsplit("/", 1)[-1]
                yield Object(key, f"s3://{path}", int(about["size"]), stamp)

    def _check_bucket(self, url: str, tenant: str) -> None:
        path = url.removeprefix("s3://")
        for rule in filter(None, map(str.strip, self._settings.s3_buckets.split(","))):
            who, _, where = rule.partition("=")
            inside = path == where or path.startswith(where.rstrip("/") + "/")
            if who in (tenant, "*") and where and inside and ".." not in path.split("/"):
                return
        raise Refused("this bucket is not open to the tenant; the operator sets INTAKE_S3_BUCKETS")

    @cached_property
    def _s3(self) -> Any:
        settings = self._settings
        return s3fs.S3FileSystem(
            key=settings.s3_key.get_secret_value() or None,
            secret=settings.s3_secret.get_secret_value() or None,
            endpoint_url=settings.s3_endpoint or None,
            skip_instance_cache=True,
        )


@contextmanager
def _faults(url: str) -> Iterator[None]:
    """What transports raise, as `Refused`, without what they know of keys."""
    try:
        yield
    except (httpx2.HTTPError, httpx2.InvalidURL, BotoCoreError, ClientError) as error:
        raise Refused(f"{_shown(url)}: cannot be read ({type(error).__name__})") from error
    except (OSError, ValueError) as error:
        raise Refused(f"{_shown(url)}: cannot be read ({type(error).__name__})") from error


def _check_status(url: str, status: int) -> None:
    if status != 200:
        raise Refused(f"{_shown(url)}: HTTP {status}")


def _shown(url: str) -> str:
    """Without the query, which may hold a signature."""
    return url.partition("?")[0][:300]


def addresses(host: str, port: int) -> list[str]:
    """Addresses of a host name; none where it cannot be resolved."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError):
        return []
    return [str(entry[4][0]) for entry in found]


def _private(address: str) -> bool:
    found = ipaddress.ip_address(address.partition("%")[0])
    inside = getattr(found, "ipv4_mapped", None) or found
    return not inside.is_global or inside.is_multicast


def copy(blocks: Iterator[bytes], file: IO[bytes]) -> None:
    for block in blocks:
        file.write(block)
