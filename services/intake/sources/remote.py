"""What URLs lead to: https:// through one guard, s3:// with the operator's keys.

A host's name is resolved once, private addresses are refused unless the operator allows the host,
and the connection goes to the address that was checked, so that a name that changes its mind in
between gains nothing. Redirects are followed a few times, each through the same guard. A bucket is
open to a tenant only where the operator says so. Size and time are bounded.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import IO, Any
from urllib.parse import urljoin

import httpx2
from botocore.exceptions import BotoCoreError, ClientError

from libs.common import outbound
from libs.common.outbound import Address, NotAllowed
from services.intake.config import IntakeSettings
from services.intake.domain import Refused, readable
from services.intake.imports.stopping import Stop
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

    def read(self, url: str, tenant: str, stop: Stop | None = None) -> bytes:
        """All of a file of at most `media.MAX_BYTES`; ends with `Stopped` where that is set."""
        content = bytearray()
        for block in (stop or Stop()).watched(self.blocks(url, tenant, media.MAX_BYTES)):
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
        if url.startswith("s3://"):
            self._check_bucket(url, tenant)
        else:
            self._address(url)

    def _address(self, url: str) -> Address:
        """The URL taken apart; http only to hosts that the operator allows. Raises `Refused`."""
        try:
            address = outbound.taken_apart(url, ("https", "http"))
        except NotAllowed as error:
            words = str(error).replace("https:// or http://", "https:// or s3://")
            raise Refused(f"{_shown(url)}: {words}") from error
        if address.scheme == "http" and address.host not in self._allowed:
            raise Refused("must be https; http only for hosts that the operator allows")
        return address

    @contextmanager
    def _open(self, url: str, tenant: str) -> Iterator[Iterator[bytes]]:
        self.check(url, tenant)
        if url.startswith("s3://"):
            with _faults(url), self._s3.open(url.removeprefix("s3://"), "rb") as file:
                yield iter(lambda: file.read(_COPY), b"")
            return
        with _faults(url):
            for _ in range(_REDIRECTS + 1):
                target, address = self._resolved(url)
                request = self._client.build_request(
                    "GET",
                    target,
                    headers={"host": address.host_header},
                    extensions={"sni_hostname": address.host},
                )
                response = self._client.send(request, stream=True)
                try:
                    if not response.is_redirect:
                        _check_status(url, response.status_code)
                        yield response.iter_bytes(_COPY)
                        return
                    url = _joined(url, response.headers.get("location", ""))
                    self.check(url, tenant)
                    if url.startswith("s3://"):
                        raise Refused("a redirect to s3:// is not followed")
                finally:
                    response.close()
        raise Refused(f"{_shown(url)}: more than {_REDIRECTS} redirects")

    def _resolved(self, url: str) -> tuple[str, Address]:
        """(URL with the checked address in place of the host, the address); raises `Refused`."""
        address = self._address(url)
        try:
            found = outbound.resolved(address)
            return address.at(
                outbound.checked(address, found, address.host in self._allowed)
            ), address
        except NotAllowed as error:
            raise Refused(f"{_shown(url)}: {error}") from error

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
        # Most platforms read no bucket, and it is a second of computing to load.
        import s3fs

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
    return readable(url.partition("?")[0], 300)


def _joined(url: str, location: str) -> str:
    """Where a redirect leads to; raises `Refused`."""
    try:
        return urljoin(url, location)
    except ValueError as error:
        raise Refused(f"{_shown(url)}: redirects to what is no URL") from error


def copy(blocks: Iterator[bytes], file: IO[bytes]) -> None:
    for block in blocks:
        file.write(block)
