"""Resumable uploads in the manner of tus: POST, then PATCH with Upload-Offset until whole."""

from __future__ import annotations

import asyncio
import hashlib
import re
from dataclasses import replace
from typing import Any, Literal

from labelmill.intake.v1 import intake_pb2
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from libs.common import names
from libs.common.access import Caller, allow
from libs.common.codec import to_doc
from libs.common.errors import Invalid, NotFound
from libs.common.store import Unit
from services.gateway import domain, schema, store
from services.gateway.domain import Upload
from services.gateway.door import Door, answer
from services.gateway.problems import Problem
from services.gateway.routes.tenants import Strict, own_tenant, read

_SAFE = re.compile(r"[^A-Za-z0-9._-]+")
_BLOCK = 1_000_000
_CREATE = "labelmill.intake.v1.Intake/CreateImport"
_MEDIA = ("png", "jpg", "jpeg", "webp", "wav", "flac", "ogg", "mp3", "mp4")
_CLOUDS = ("pcd", "bin", "las", "ply", "npy")
# End of a file's name -> what it is imported as.
_FORMATS = {
    **{f".{name}": name for name in ("zip", "tar", "jsonl", "csv", "parquet")},
    **dict.fromkeys((".tar.gz", ".tgz"), "tar"),
    **{f".{name}": "file" for name in (*_MEDIA, *_CLOUDS, "txt")},
}
# What a file of such a name must begin with, from some byte on.
_STARTS = {
    ".zip": (0, b"PK"),
    ".gz": (0, b"\x1f\x8b"),
    ".tgz": (0, b"\x1f\x8b"),
    ".tar": (257, b"ustar"),
    ".parquet": (0, b"PAR1"),
    ".png": (0, b"\x89PNG"),
    ".jpg": (0, b"\xff\xd8\xff"),
    ".jpeg": (0, b"\xff\xd8\xff"),
    ".webp": (0, b"RIFF"),
    ".wav": (0, b"RIFF"),
    ".flac": (0, b"fLaC"),
    ".ogg": (0, b"OggS"),
    ".mp4": (4, b"ftyp"),
    ".las": (0, b"LASF"),
    ".ply": (0, b"ply"),
    ".npy": (0, b"\x93NUMPY"),
}
_TYPES = {
    "png": "image/png",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
    "jsonl": "application/jsonl",
    "json": "application/json",
    "wav": "audio/wav",
    "flac": "audio/flac",
    "ogg": "audio/ogg",
    "mp3": "audio/mpeg",
    "mp4": "video/mp4",
    "csv": "text/csv; charset=utf-8",
    "pem": "application/x-pem-file",
    "sig": "application/octet-stream",
    "html": "text/html; charset=utf-8",
}


class NewUpload(Strict):
    size: int = Field(ge=1, le=2**53)
    filename: str = Field(min_length=1, max_length=200)
    sha256: str = Field("", pattern=r"^([0-9a-f]{64})?$")


class NewImport(Strict):
    """An upload or a source; the format is told by the file's name where it is left out."""

    upload: str = Field("", max_length=300)
    source: str = Field("", max_length=2000)
    dataset: str = Field("", pattern=r"^([a-z0-9][a-z0-9-]{0,62})?$")
    format: str = Field("", pattern=r"^([a-z0-9][a-z0-9_-]{0,62})?$")
    labels_as: Literal["", "GOLD", "PREDICTIONS", "SETTLED"] = ""
    classes: dict[str, str] = Field({}, max_length=10_000)


class Uploads:
    """Routes of uploads and of what they become."""

    def __init__(self, door: Door) -> None:
        self._door = door

    async def create(self, request: Request) -> Response:
        tenant, _ = await self._lead(request)
        asked = await read(self._door, request, NewUpload)
        most = self._door.settings.max_upload_bytes
        if asked.size > most:
            raise Problem(413, f"size: uploads are at most {most} bytes")
        upload = Upload(
            f"{tenant}/uploads/{names.new_id()}",
            asked.size,
            _safe(asked.filename),
            asked.sha256,
            self._door.clock.now(),
        )
        await self._save(upload)
        return _shown(upload, 201)

    async def get(self, request: Request) -> Response:
        return _shown(await self._upload(request))

    async def append(self, request: Request) -> Response:
        """Takes the next bytes; what was taken is safe even if the next request never comes."""
        upload = await self._upload(request)
        text = request.headers.get("upload-offset", "")
        if not re.fullmatch(r"[0-9]{1,15}", text):
            raise Problem(422, "Upload-Offset: send the number of bytes already there")
        body = await self._door.body(request, self._door.settings.max_chunk_bytes)
        try:
            after = domain.take_chunk(upload, int(text), len(body))
        except domain.Wrong as wrong:
            errors = [{"field": wrong.field, "message": wrong.message}]
            headers = {"Upload-Offset": str(upload.offset)}
            raise Problem(wrong.status, wrong.message, errors, headers) from wrong
        await self._door.blobs.put(_chunk(upload, upload.chunks), body)
        if after.offset == after.size:
            after = await self._finish(after)
        await self._save(after)
        return _shown(after)

    async def create_import(self, request: Request) -> Response:
        """Hands a finished upload to intake."""
        tenant, who = await self._lead(request)
        asked = await read(self._door, request, NewImport)
        blob, filename = "", asked.source.partition("?")[0]
        if asked.upload:
            upload = await store.upload(self._door.store, asked.upload)
            if upload is None or names.tenant_of(upload.name) != tenant or not upload.done:
                raise Invalid("there is no such finished upload", field="upload")
            blob, filename = upload.blob, upload.filename
        kind = asked.format or _by_name(_FORMATS, filename, "")
        if not kind:
            raise Invalid(
                f"the file's name does not tell; say {', '.join(sorted(set(_FORMATS.values())))},"
                " objects or a format of labels",
                field="format",
            )
        key = request.headers.get("idempotency-key", "")
        message = intake_pb2.CreateImportRequest(
            parent=f"{tenant}/projects/{request.path_params['project']}",
            dataset=asked.dataset,
            blob=blob,
            source=asked.source,
            format=kind,
            labels_as=f"LABELS_AS_{asked.labels_as or 'UNSPECIFIED'}",
            classes=asked.classes,
            request_id=key[:200],
        )
        made = await self._door.peers["Intake"].call("CreateImport", message, who)
        return answer(schema.rest(made), 201)

    async def blob(self, request: Request) -> Response:
        """An image of the tenant's items."""
        who = await self._door.caller(request)
        tenant = own_tenant(request, who)
        return await self._stream(f"blobs/{tenant[8:]}/{request.path_params['path']}")

    async def delivery_file(self, request: Request) -> Response:
        """A file of a delivery, streamed."""
        who = await self._door.caller(request)
        allow("labelmill.delivery.v1.Deliveries/GetDelivery", who)
        own_tenant(request, who)
        params = request.path_params
        folder = f"deliveries/{params['tenant']}/{params['project']}/{params['delivery']}"
        return await self._stream(f"{folder}/{params['path']}", attach=True)

    async def _stream(self, path: str, *, attach: bool = False) -> Response:
        try:
            size = await self._door.blobs.size(path)
        except Invalid as odd:
            raise NotFound(f"{path[:200]} was not found", field="path") from odd
        file = await asyncio.to_thread(self._door.blobs.read, path)

        async def blocks():  # type: ignore[no-untyped-def]
            try:
                while block := await asyncio.to_thread(file.read, _BLOCK):
                    yield block
            finally:
                file.close()

        name = path.rsplit("/", 1)[-1]
        kind = _TYPES.get(name.rsplit(".", 1)[-1], "application/octet-stream")
        headers = {"Content-Length": str(size), "Content-Security-Policy": "sandbox"}
        if attach:
            headers["Content-Disposition"] = f'attachment; filename="{name}"'
        return StreamingResponse(blocks(), headers=headers, media_type=kind)

    async def _lead(self, request: Request) -> tuple[str, Caller]:
        who = await self._door.caller(request)
        allow(_CREATE, who)
        return own_tenant(request, who), who

    async def _upload(self, request: Request) -> Upload:
        tenant, _ = await self._lead(request)
        name = f"{tenant}/uploads/{request.path_params['upload']}"
        found = await store.upload(self._door.store, name)
        if found is None:
            raise NotFound(f"{name[:200]} was not found", field="name")
        return found

    async def _save(self, upload: Upload) -> None:
        async def work(unit: Unit) -> None:
            known = await store.upload(unit, upload.name)
            if known is not None and known.version != upload.version - 1:
                raise Problem(409, f"another request moved the upload to {known.offset}")
            unit.put(store.UPLOADS, to_doc(upload))

        await self._door.store.transact(work)

    async def _finish(self, upload: Upload) -> Upload:
        """Joins the chunks into one blob; refuses what is not what it says."""
        parts = upload.name.split("/")
        path = f"uploads/{parts[1]}/{parts[-1]}/{upload.filename}"
        digest, head = await asyncio.to_thread(self._join, upload, path)
        if upload.sha256 and digest != upload.sha256:
            raise Problem(422, "sha256: the bytes that came have another hash; upload again")
        at, start = _by_name(_STARTS, upload.filename, (0, b""))
        if not head.startswith(start, at):
            suffix = upload.filename.rpartition(".")[2]
            raise Problem(422, f"filename: says .{suffix}, but the bytes are no such file")
        return replace(upload, done=True, blob=path)

    def _join(self, upload: Upload, path: str) -> tuple[str, bytes]:
        digest, head = hashlib.sha256(), b""
        with self._door.blobs.write(path) as file:
            for number in range(upload.chunks):
                chunk = self._door.blobs.get_now(_chunk(upload, number))
                head = head or chunk[:4096]
                digest.update(chunk)
                file.write(chunk)
        return digest.hexdigest(), head


def _safe(filename: str) -> str:
    name = _SAFE.sub("-", filename.replace("\\", "/").rsplit("/", 1)[-1]).strip(".-")
    return name[-100:] or "file"


def _chunk(upload: Upload, number: int) -> str:
    parts = upload.name.split("/")
    return f"chunks/{parts[1]}/{parts[-1]}/{number:06d}"


def _by_name(table: dict[str, Any], name: str, other: Any) -> Any:
    """The entry for the end of a file's name."""
    return next((v for suffix, v in table.items() if name.lower().endswith(suffix)), other)


def _shown(upload: Upload, status: int = 200) -> Response:
    doc = to_doc(upload)
    shown = {k: doc[k] for k in ("name", "size", "offset", "filename", "done", "create_time")}
    response = answer(shown, status)
    response.headers["Upload-Offset"] = str(upload.offset)
    return response
