"""Large objects behind an address: `file:///...` on a laptop, `s3://...` in a cluster.

Paths are relative to the address and checked, so that no name leads out of it. A file
appears whole or not at all.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import functools
import re
from datetime import datetime
from pathlib import Path
from typing import IO, Any

import fsspec

from libs.common.errors import Invalid, NotFound, Unavailable
from libs.common.files import private_folder
from libs.common.names import new_id

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)
# What a network file system, or S3 through its client, says where it cannot be reached.
_AWAY = (errno.EIO, errno.EBUSY, errno.ETIMEDOUT, errno.EHOSTUNREACH, errno.ENETUNREACH)
# Each try moves on by what it removed; who writes without end is another's fault.
_TRIES = 100
_PATH = re.compile(r"[A-Za-z0-9_.~@-]+(/[A-Za-z0-9_.~@-]+)*")


class Blobs:
    """Reads and writes run in threads; one call is one object."""

    def __init__(self, url: str) -> None:
        fs, self._root = fsspec.core.url_to_fs(url, **_options(url))
        self._fs = _Answering(fs)
        if "file" in fs.protocol:
            private_folder(Path(self._root))

    async def put(self, path: str, content: bytes) -> None:
        await asyncio.to_thread(self.put_now, path, content)

    async def get(self, path: str) -> bytes:
        return await asyncio.to_thread(self.get_now, path)

    async def exists(self, path: str) -> bool:
        return await asyncio.to_thread(self._fs.exists, self._full(path))

    async def is_file(self, path: str) -> bool:
        """Whether there is an object, and no folder, of that name."""
        return await asyncio.to_thread(self._fs.isfile, self._full(path))

    async def size(self, path: str) -> int:
        try:
            return int(await asyncio.to_thread(self._fs.size, self._full(path)))
        except FileNotFoundError as error:
            raise NotFound(f"{path} is not in the blob store") from error

    async def folders(self, prefix: str) -> list[str]:
        """Names of the folders right below one, sorted."""
        return await asyncio.to_thread(self._folders, self._full(prefix))

    def _folders(self, full: str) -> list[str]:
        try:
            found = self._fs.ls(full, detail=True)
        except FileNotFoundError:
            return []
        return sorted(f["name"].rsplit("/", 1)[-1] for f in found if f["type"] == "directory")

    async def older(self, prefix: str, before: datetime) -> list[str]:
        """Paths below a folder that were written before a moment, sorted."""
        found = await asyncio.to_thread(self._fs.find, self._full(prefix), detail=True)
        root, least = len(self._full("x")) - 1, before.timestamp()
        return sorted(path[root:] for path, about in found.items() if _written(about) < least)

    async def delete(self, path: str) -> None:
        """Removes an object or a folder; nothing happens where there is none."""
        await asyncio.to_thread(self._delete, self._full(path))

    def _delete(self, full: str) -> None:
        # What others remove or write in a folder meanwhile ends its removal half-way.
        for _ in range(_TRIES):
            if not self._fs.exists(full):
                return
            try:
                self._fs.rm(full, recursive=True)
            except FileNotFoundError:
                continue
            except OSError as error:
                if error.errno != errno.ENOTEMPTY:
                    raise

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
        return Writing(self._fs, self._full(path))

    async def list(self, prefix: str) -> list[str]:
        """Paths below a folder, sorted."""
        found = await asyncio.to_thread(self._fs.find, self._full(prefix))
        root = self._full("x")[:-1]
        return sorted(f[len(root) :] for f in found)

    def _full(self, path: str) -> str:
        if not _PATH.fullmatch(path) or ".." in path.split("/"):
            raise Invalid(f"{path[:200]!r} is not a path in the blob store", field="blob")
        return f"{self._root}/{path}"


def _options(url: str) -> dict[str, Any]:
    """Deadlines of a store over the network: the defaults wait for minutes."""
    if not url.startswith("s3:"):
        return {}
    waits = {"connect_timeout": 5, "read_timeout": 30, "retries": {"max_attempts": 3}}
    return {"config_kwargs": waits}


class _Answering:
    """A file system whose calls raise `Unavailable` where it is away."""

    def __init__(self, fs: Any) -> None:
        self._fs = fs

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._fs, name)

        @functools.wraps(call)
        def answered(*given: Any, **named: Any) -> Any:
            try:
                return call(*given, **named)
            except Exception as error:
                if _is_away(error):
                    words = f"the blob store (BLOB_URL) does not answer: {type(error).__name__}"
                    raise Unavailable(words) from error
                raise

        return answered


def _is_away(error: Exception) -> bool:
    if isinstance(error, OSError):
        return isinstance(error, (ConnectionError, TimeoutError)) or error.errno in _AWAY
    # Of the client of S3, which is only loaded where it is used.
    return type(error).__module__.split(".")[0] in ("botocore", "aiobotocore", "aiohttp")


def _written(about: dict[str, Any]) -> float:
    """Seconds since 1970 at which a file was written, as its file system says it."""
    for key in ("LastModified", "mtime", "created"):
        if (moment := about.get(key)) is not None:
            return float(moment.timestamp() if isinstance(moment, datetime) else moment)
    raise ValueError("the blob store does not say when its files were written")


class Writing:
    """A file that is moved to its place when it is complete; `Unavailable` without room for it."""

    def __init__(self, fs: Any, path: str) -> None:
        self._fs, self._path = fs, path
        self._part = f"{path}.{new_id()}.part"

    def rename(self, name: str) -> None:
        """Give the file another name in its folder, told by what was written."""
        self._path = f"{self._path.rsplit('/', 1)[0]}/{name}"

    def __enter__(self) -> IO[bytes]:
        try:
            self._fs.makedirs(self._path.rsplit("/", 1)[0], exist_ok=True)
            self._file = self._fs.open(self._part, "wb")
        except OSError as error:
            _refuse(error)
            raise
        return self._file

    def __exit__(self, kind: object, fault: object, _: object) -> None:
        try:
            self._file.close()
            if kind is None:
                self._fs.mv(self._part, self._path)
                return
        except OSError as error:
            self._drop()
            _refuse(error)
            raise
        self._drop()
        if isinstance(fault, OSError):
            _refuse_full(fault)

    def _drop(self) -> None:
        with contextlib.suppress(OSError):
            self._fs.rm(self._part)


def _refuse_full(error: OSError) -> None:
    """Raise `Unavailable` where the error says that the blob store takes nothing more."""
    if error.errno in _NO_ROOM:
        raise Unavailable(
            f"nothing was written: {error.strerror} (blob store); make room on the disk"
        ) from error


def _refuse(error: OSError) -> None:
    """As `_refuse_full`, and where somebody removed the folder while it was written to: the next
    try makes it again."""
    _refuse_full(error)
    if isinstance(error, FileNotFoundError):
        raise Unavailable(
            "nothing was written: its folder was removed meanwhile (blob store); send it again"
        ) from error
