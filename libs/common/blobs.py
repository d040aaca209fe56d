"""Large objects behind an address: `file:///...` on a laptop, `s3://...` in a cluster.

Paths are relative to the address and checked, so that no name leads out of it. A file
appears whole or not at all.
"""

from __future__ import annotations

import asyncio
import re
from typing import IO, Any

import fsspec

from libs.common.errors import Invalid, NotFound
from libs.common.names import new_id

_PATH = re.compile(r"[A-Za-z0-9_.~@-]+(/[A-Za-z0-9_.~@-]+)*")


class Blobs:
    """Reads and writes run in threads; one call is one object."""

    def __init__(self, url: str) -> None:
        self._fs, self._root = fsspec.core.url_to_fs(url)

    async def put(self, path: str, content: bytes) -> None:
        await asyncio.to_thread(self.put_now, path, content)

    async def get(self, path: str) -> bytes:
        return await asyncio.to_thread(self.get_now, path)

    async def exists(self, path: str) -> bool:
        return await asyncio.to_thread(self._fs.exists, self._full(path))

    async def size(self, path: str) -> int:
        try:
            return int(await asyncio.to_thread(self._fs.size, self._full(path)))
        except FileNotFoundError as error:
            raise NotFound(f"{path} is not in the blob store") from error

    async def list(self, prefix: str) -> list[str]:
        """Paths below a folder, sorted."""
        found = await asyncio.to_thread(self._fs.find, self._full(prefix))
        root = self._full("x")[:-1]
        return sorted(f[len(root) :] for f in found)

    async def delete(self, path: str) -> None:
        """Removes an object or a folder; nothing happens where there is none."""
        full = self._full(path)
        if await asyncio.to_thread(self._fs.exists, full):
            await asyncio.to_thread(self._fs.rm, full, recursive=True)

    def put_now(self, path: str, content: bytes) -> None:
        with self.write(path) as file:
            file.write(content)

    def get_now(self, path: str) -> bytes:
        try:
            content: bytes = self._fs.cat_file(self._full(path))
        except FileNotFoundError as error:
            raise NotFound(f"{path} is not in the blob store") from error
        return content

    def read(self, path: str) -> IO[bytes]:
        """An open file to read in blocks; the caller closes it."""
        try:
            return self._fs.open(self._full(path), "rb")
        except FileNotFoundError as error:
            raise NotFound(f"{path} is not in the blob store") from error

    def write(self, path: str) -> Writing:
        """`with blobs.write(path) as file:`; the object appears when the block ends well."""
        full = self._full(path)
        self._fs.makedirs(full.rsplit("/", 1)[0], exist_ok=True)
        return Writing(self._fs, full)

    def _full(self, path: str) -> str:
        if not _PATH.fullmatch(path) or ".." in path.split("/"):
            raise Invalid(f"{path[:200]!r} is not a path in the blob store", field="blob")
        return f"{self._root}/{path}"


class Writing:
    """A file that is moved to its place when it is complete."""

    def __init__(self, fs: Any, path: str) -> None:
        self._fs, self._path = fs, path
        self._part = f"{path}.{new_id()}.part"

    def __enter__(self) -> IO[bytes]:
        self._file = self._fs.open(self._part, "wb")
        return self._file

    def __exit__(self, kind: object, *_: object) -> None:
        self._file.close()
        if kind is None:
            self._fs.mv(self._part, self._path)
        else:
            self._fs.rm(self._part)
