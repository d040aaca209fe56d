"""REST client of the platform: errors as words, retries where the server asks for them."""

from __future__ import annotations

import hashlib
import time
import zipfile
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from libs.untrusted.entry_names import hidden

if TYPE_CHECKING:
    import httpx2

_CHUNK = 8_000_000
_BATCH = 1000
Progress = Callable[[int, int], None]


class Refused(Exception):
    """The platform said no; the message is its problem document in words."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Client:
    """One caller at one platform."""

    def __init__(self, url: str, key: str, timeout: float = 60.0) -> None:
        self.url, self._key, self._timeout = url, key, timeout

    @cached_property
    def _http(self) -> httpx2.Client:
        # Imported when it is needed: the program starts without.
        import httpx2

        headers = {"authorization": f"Bearer {self._key}"}
        # Certificates take a while to read, and http:// needs none.
        tls = self.url.lower().startswith("https:")
        return httpx2.Client(base_url=self.url, headers=headers, timeout=self._timeout, verify=tls)

    def close(self) -> None:
        self._http.close()

    def get(self, path: str, **query: Any) -> Any:
        return self._send("GET", path, params={k: v for k, v in query.items() if v})

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        return self._send("POST", path, json=body if body is not None else {}, headers=headers)

    def put(self, path: str, body: Any) -> Any:
        return self._send("PUT", path, json=body)

    def patch(self, path: str, body: Any) -> Any:
        return self._send("PATCH", path, json=body)

    def delete(self, path: str) -> Any:
        return self._send("DELETE", path)

    def pages(self, path: str, field: str, **query: Any) -> Iterator[Any]:
        """Every resource of a list, page by page."""
        token = ""
        while True:
            found = self.get(path, page_token=token, **query)
            yield from found[field]
            token = found.get("next_page_token", "")
            if not token:
                return

    def stream(self, path: str) -> Iterator[str]:
        """Data lines of server-sent events; raises `Refused` where the platform ends them, as it
        does when the key is revoked."""
        with self._http.stream("GET", f"/v1/{path}", timeout=None) as response:
            if response.status_code != 200:
                response.read()
                raise self._refused(response)
            event = ""
            for line in response.iter_lines():
                if line.startswith("event:"):
                    event = line[6:].strip()
                elif line.startswith("data:") and event == "end":
                    raise Refused(401, line[5:].strip())
                elif line.startswith("data:"):
                    yield line[5:].strip()

    def upload(self, tenant: str, path: Path, progress: Progress | None = None) -> str:
        """Uploads a file in chunks, going on where a broken connection left it; its name."""
        size = path.stat().st_size
        if size == 0:
            raise Refused(422, f"{path} is empty")
        import httpx2

        body = {"size": size, "filename": path.name, "sha256": _sha256(path)}
        upload = self.post(f"{tenant}/uploads", body)["name"]
        offset, failures = 0, 0
        with path.open("rb") as file:
            while offset < size:
                file.seek(offset)
                try:
                    offset = self._append(upload, offset, file.read(_CHUNK))
                    failures = 0
                except httpx2.TransportError as error:
                    failures += 1
                    if failures > 5:
                        raise Refused(503, f"upload broke off: {error}") from error
                    time.sleep(2.0**failures / 4)
                    offset = self.get(upload)["offset"]
                if progress is not None:
                    progress(offset, size)
        return upload

    def _append(self, upload: str, offset: int, chunk: bytes) -> int:
        headers = {"upload-offset": str(offset), "content-type": "application/offset+octet-stream"}
        return int(self._send("PATCH", upload, content=chunk, headers=headers)["offset"])

    def download(self, path: str, target: Path) -> None:
        """Writes a file of the platform to disk, whole or not at all."""
        part = target.with_suffix(target.suffix + ".part")
        target.parent.mkdir(parents=True, exist_ok=True)
        with self._http.stream("GET", f"/v1/{path}") as response:
            if response.status_code != 200:
                response.read()
                raise self._refused(response)
            with part.open("wb") as file:
                for block in response.iter_bytes():
                    file.write(block)
        part.replace(target)

    def _send(self, method: str, path: str, **how: Any) -> Any:
        for attempt in range(6):
            response = self._http.request(method, f"/v1/{path}", **how)
            if response.status_code != 503 or attempt == 5:
                break
            time.sleep(0.3 * 2**attempt)
        if response.status_code >= 300:
            raise self._refused(response)
        if not response.content:
            return None
        try:
            answer = response.json()
        except ValueError as error:
            raise self._foreign(response) from error
        if not isinstance(answer, dict):
            raise self._foreign(response)
        return answer

    def _refused(self, response: Any) -> Refused:
        status = response.status_code
        try:
            problem = response.json()
            said = f"{problem['title']}: {problem['detail']}"
            if status == 401:
                said = f"{self.url} does not take this key ({problem['detail']}); it may be revoked"
            return Refused(status, _with_fields(said, problem.get("errors", [])))
        except (ValueError, LookupError, TypeError, AttributeError):
            return self._foreign(response)

    def _foreign(self, response: Any) -> Refused:
        words = f"{self.url} answers HTTP {response.status_code}, and not as Labelmill does"
        return Refused(response.status_code, f"{words}; is the address right?")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def pack(folder: Path, target: Path) -> int:
    """Packs a folder into a zip, hidden files left out; the number of files."""
    files = sorted(
        p for p in folder.rglob("*") if p.is_file() and not hidden(p.relative_to(folder).as_posix())
    )
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for path in files:
            archive.write(path, path.relative_to(folder).as_posix())
    return len(files)


def _with_fields(said: str, errors: list[dict[str, str]]) -> str:
    """What was said with the field of each error: before its words, or in a line of its own."""
    for error in errors:
        field, message = error["field"], error["message"]
        if message not in said:
            said += f"\n  {field}: {message}"
        elif field not in said:
            said = said.replace(message, f"{field}: {message}", 1)
    return said
