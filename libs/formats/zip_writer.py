"""A zip file that is written as it goes, for formats of many small files."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from typing import IO, Protocol

_TIME = (1980, 1, 1, 0, 0, 0)
_COPY = 1_000_000


class Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


class Chain:
    """Files, to be read one after the other from their starts."""

    def __init__(self, files: list[IO[bytes]]) -> None:
        self._files = files
        for file in files:
            file.seek(0)

    def read(self, size: int, /) -> bytes:
        while self._files:
            content = self._files[0].read(size)
            if content:
                return content
            del self._files[0]
        return b""


class ZipStream:
    """`put` files, take the bytes made so far; the same files make the same bytes."""

    def __init__(self, compress: bool = True) -> None:
        self._out = _Drain()
        self._zip = zipfile.ZipFile(self._out, "w", allowZip64=True)
        self._method = zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED

    def put(self, name: str, content: bytes) -> None:
        """One whole file; `name` must be unique."""
        entry = zipfile.ZipInfo(name, _TIME)
        entry.compress_type = self._method
        entry.external_attr = 0o644 << 16
        self._zip.writestr(entry, content)

    def put_file(self, name: str, file: Readable) -> Iterator[bytes]:
        """A file of any size, from where it stands; yields what was made meanwhile."""
        entry = zipfile.ZipInfo(name, _TIME)
        entry.compress_type = self._method
        entry.external_attr = 0o644 << 16
        with self._zip.open(entry, "w", force_zip64=True) as target:
            while block := file.read(_COPY):
                target.write(block)
                yield self.take()

    def take(self) -> bytes:
        """What was made since the last call."""
        return self._out.take()

    def close(self) -> bytes:
        """The rest, with the directory."""
        self._zip.close()
        return self._out.take()


class _Drain(io.RawIOBase):
    """A file that cannot be sought and forgets what was taken."""

    def __init__(self) -> None:
        self._kept = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, content: object) -> int:
        data = bytes(content)  # type: ignore[call-overload]
        self._kept += data
        return len(data)

    def take(self) -> bytes:
        taken = bytes(self._kept)
        self._kept.clear()
        return taken
