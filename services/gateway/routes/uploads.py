"""Resumable uploads in the manner of tus: POST, then PATCH with Upload-Offset until whole."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from labelmill.intake.v1 import intake_pb2
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from libs.common import names
from libs.common.access import Caller
from libs.common.codec import Doc, to_doc
from libs.common.errors import Invalid, NotFound
from libs.common.store import Unit
from services.gateway import domain, store
from services.gateway.domain import Upload
from services.gateway.http import schema
from services.gateway.http.problems import Problem
from services.gateway.request_context import Door, answer
from services.gateway.routes.tenants import Strict, own_tenant, read
from services.gateway.uploads import files

_SAFE = re.compile(r"[^A-Za-z0-9._-]+")
_BLOCK = 1_000_000
_MEDIA = ("png", "jpg", "jpeg", "webp", "wav", "flac", "ogg", "mp3", "mp4")
_CLOUDS = ("pcd", "bin", "las", "laz", "ply", "npy")
# What items show; "jpg" is kept as "jpeg".
_SHOWN = tuple(f".{name}" for name in (*_MEDIA, *_CLOUDS))
# End of a file's name -> what it is imported as.
# Kinds that intake makes PNG and WAV of.
_FOREIGN = ("gif", "bmp", "tif", "tiff", "aif", "aiff", "aifc")
_FORMATS = {
    **{f".{name}": name for name in ("zip", "tar", "jsonl", "csv", "parquet")},
    **dict.fromkeys((".tar.gz", ".tgz"), "tar"),
    **{f".{name}": "file" for name in (*_MEDIA, *_CLOUDS, *_FOREIGN, "txt")},
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
    encoding: str = Field("", max_length=40)


class Uploads:
    """Routes of uploads and of what they become."""

    def __init__(self, door: Door) -> None:
        self._door = door

    async def create(self, request: Request) -> Response:
        tenant, _ = await self._tenant(request)
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
        # Refused before its bytes are read, and before they are written over anything.
        self._take(upload, int(text), 0)
        body = await self._door.content(request, self._door.settings.max_chunk_bytes)
        after = self._take(upload, int(text), len(body))
        return _shown(upload if not body else await self._add(after, body))

    def _take(self, upload: Upload, offset: int, size: int) -> Upload:
        try:
            return domain.take_chunk(upload, offset, size, self._door.clock.now())
        except domain.Wrong as wrong:
            errors = [{"field": wrong.field, "message": wrong.message}]
            headers = {"Upload-Offset": str(upload.offset)}
            raise Problem(wrong.status, wrong.message, errors, headers) from wrong

    async def _add(self, after: Upload, body: bytes) -> Upload:
        """Keeps the next bytes, each chunk under a name of its own: of two that come at once one
        is acknowledged, and the other one's bytes are nowhere."""
        number = after.chunks - 1
        blob = f"{files.chunk_folder(after.name)}/{number:06d}-{names.new_id()}"
        await self._door.blobs.put(blob, body)
        chunks = [blob]
        try:
            if after.offset == after.size:
                chunks = [*await self._placed(after), blob]
                after = await self._finish(after, chunks)
            await self._save(after, {"name": f"{after.name}/chunks/{number:06d}", "blob": blob})
        except Problem:
            # Of any other end nobody knows whether the chunk was noted; the sweep finds out.
            await self._door.blobs.delete(blob)
            raise
        if after.done:
            await files.drop_chunks(self._door.store, self._door.blobs, after.name, chunks)
        return after

    async def create_import(self, request: Request) -> Response:
        """Hands a finished upload to intake."""
        tenant, who = await self._tenant(request)
        asked = await read(self._door, request, NewImport)
        blob, filename = "", asked.source.partition("?")[0]
        if asked.upload:
            upload = await store.upload(self._door.store, asked.upload)
            if upload is None or names.tenant_of(upload.name) != tenant or not upload.done:
                raise Invalid(
                    "there is no such finished upload; they are kept for"
                    f" {self._door.upload_days:g} days",
                    field="upload",
                )
            blob, filename = upload.blob, upload.filename
        kind = asked.format or files.by_name(_FORMATS, filename, "")
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
            filename=filename if blob else "",
            source=asked.source,
            format=kind,
            labels_as=f"LABELS_AS_{asked.labels_as or 'UNSPECIFIED'}",
            classes=asked.classes,
            encoding=asked.encoding,
            request_id=names.content_id(who.subject, key) if key else "",
        )
        made = await self._door.peers["Intake"].call("CreateImport", message, who)
        return answer(schema.rest(made), 201)

    async def blob(self, request: Request) -> Response:
        """A medium of the tenant's items; archives and tables, which may hold the answers, are
        not shown."""
        who = await self._door.caller(request)
        tenant, path = own_tenant(request, who), request.path_params["path"]
        if not path.endswith(_SHOWN):
            raise NotFound(f"{path[:200]} was not found", field="path")
        return await self._stream(f"blobs/{tenant[8:]}/{path}")

    async def delivery_file(self, request: Request) -> Response:
        """A file of a delivery, streamed."""
        own_tenant(request, await self._door.caller(request))
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

    async def _tenant(self, request: Request) -> tuple[str, Caller]:
        who = await self._door.caller(request)
        return own_tenant(request, who), who

    async def _upload(self, request: Request) -> Upload:
        tenant, _ = await self._tenant(request)
        name = f"{tenant}/uploads/{request.path_params['upload']}"
        found = await store.upload(self._door.store, name)
        if found is None:
            raise NotFound(f"{name[:200]} was not found", field="name")
        return found

    async def _save(self, upload: Upload, chunk: Doc | None = None) -> None:
        async def work(unit: Unit) -> None:
            known = await store.upload(unit, upload.name)
            if known is not None and known.version != upload.version - 1:
                headers = {"Upload-Offset": str(known.offset)}
                detail = f"another request moved the upload to {known.offset}"
                raise Problem(409, detail, headers=headers)
            unit.put(store.UPLOADS, to_doc(upload))
            if chunk is not None:
                unit.put(store.CHUNKS, chunk)

        await self._door.store.transact(work)

    async def _placed(self, upload: Upload) -> list[str]:
        """Return where the chunks before the last one lie."""
        return files.placed(upload, await store.chunks(self._door.store, upload.name))

    async def _finish(self, upload: Upload, chunks: Sequence[str]) -> Upload:
        """Joins the chunks into the one blob of their digest; refuses what is not what it says."""
        try:
            blob = await asyncio.to_thread(files.join, self._door.blobs, upload, chunks)
        except NotFound as gone:
            raise Problem(409, "another request finished the upload; ask where it stands") from gone
        except files.NotAsSaid as wrong:
            errors = [{"field": wrong.field, "message": str(wrong)}]
            raise Problem(422, f"{wrong.field}: {wrong}", errors) from wrong
        return replace(upload, done=True, blob=blob)


def _safe(filename: str) -> str:
    name = _SAFE.sub("-", filename.replace("\\", "/").rsplit("/", 1)[-1]).strip(".-")
    return name[-100:] or "file"


def _shown(upload: Upload, status: int = 200) -> Response:
    doc = to_doc(upload)
    shown = {k: doc[k] for k in ("name", "size", "offset", "filename", "done", "create_time")}
    response = answer(shown, status)
    response.headers["Upload-Offset"] = str(upload.offset)
    return response
