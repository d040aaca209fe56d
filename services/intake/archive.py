"""Reads uploaded files, all of them hostile until proven otherwise.

Nothing is ever extracted to a path of the archive's choosing: entries are read into memory
one by one under caps, images become blobs named by their content. Every entry that cannot be
used is told with its reason; a file that cannot be read at all raises `Broken`.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import IO, Any

from google.protobuf.json_format import ParseDict, ParseError
from labelmill.annotation.v1.annotation_pb2 import Value
from PIL import Image

from libs.common.blobs import Blobs
from libs.common.codec import Doc, message_to_doc
from libs.common.errors import Invalid
from libs.common.rpc import validate
from services.intake.domain import (
    INLINE_IMAGE_LIMIT,
    DataField,
    NewItem,
    Project,
    Refused,
    entry_of_line,
)

MAX_ENTRIES = 1_000_000
MAX_ENTRY_BYTES = 50_000_000
MAX_RATIO = 200
MAX_LINE_BYTES = 2_000_000
MAX_PIXELS = 100_000_000
_IMAGE = re.compile(r"\.(png|jpe?g|webp)$", re.IGNORECASE)
# Columns that are no data, unless the template has a data field of that name.
_BESIDE = {"source_key", "group"}
_FORMATS = {"PNG": "png", "JPEG": "jpeg", "WEBP": "webp"}


class Broken(Exception):
    """The file as a whole cannot be imported; the message says what to do."""


@dataclass(frozen=True)
class Entry:
    """One entry of a file: an item, or why it is none."""

    key: str
    item: NewItem | None = None
    reason: str = ""


def entries(file: IO[bytes], format_: str, project: Project, blobs: Blobs) -> Iterator[Entry]:
    """Entries of a zip, JSONL or CSV file in order; raises `Broken`."""
    if format_ == "zip":
        return _zip_entries(file, project, blobs)
    if format_ == "csv":
        return _csv_entries(file, project)
    return _jsonl_entries(file)


def _jsonl_entries(file: IO[bytes]) -> Iterator[Entry]:
    number = 0
    while line := file.readline(MAX_LINE_BYTES + 1):
        number += 1
        if len(line) > MAX_LINE_BYTES:
            raise Broken(f"line {number} is longer than {MAX_LINE_BYTES} bytes; split the file")
        if line.strip():
            yield _line_entry(number, line.lstrip(b"\xef\xbb\xbf") if number == 1 else line)


def _line_entry(number: int, line: bytes) -> Entry:
    try:
        item = entry_of_line(line)
        if item.gold is not None:
            item = replace(item, gold=known_answer(item.gold))
        return Entry(f"line {number}", item)
    except Refused as refused:
        return Entry(f"line {number}", reason=str(refused))


def known_answer(raw: Any) -> Doc:
    """Plain data of a value as a file has it; raises `Refused` unless it keeps the rules of the
    message, which only calls are checked for elsewhere."""
    if not isinstance(raw, dict):
        raise Refused('gold: must be an object such as {"choices": {"classes": ["..."]}}')
    try:
        value = ParseDict(raw, Value())
        validate(value)
    except (ParseError, RecursionError) as error:
        raise Refused(f"gold: not readable as a label: {str(error)[:500]}") from error
    except Invalid as error:
        raise Refused(f"gold.{error.field}: {error.message}") from error
    return message_to_doc(value)


def _csv_entries(file: IO[bytes], project: Project) -> Iterator[Entry]:
    text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
    csv.field_size_limit(MAX_LINE_BYTES)
    try:
        reader = csv.DictReader(text, strict=True)
        names = {f.name for f in project.data_fields}
        unknown = [n for n in reader.fieldnames or [] if n not in names | _BESIDE]
        if not reader.fieldnames or unknown:
            raise Broken(
                f"the first line must name the columns {', '.join(sorted(names))} and, if wanted,"
                f" source_key and group; unknown:"
                f" {', '.join(map(str, unknown))[:500] or 'no header'}"
            )
        for row in reader:
            yield _row_entry(reader.line_num, row, names)
    except UnicodeDecodeError as error:
        raise Broken(f"the file is not UTF-8 ({error.reason}); save it as UTF-8") from error
    except csv.Error as error:
        raise Broken(f"line {reader.line_num}: {error}") from error


def _row_entry(number: int, row: dict[Any, Any], names: set[str]) -> Entry:
    key = f"line {number}"
    if None in row or None in row.values():
        return Entry(key, reason="has another number of columns than the header")
    data = {name: row[name] for name in names if row.get(name)}
    source = row.get("source_key") or ""
    group = "" if "group" in names else row.get("group", "")
    text = json.dumps(data, ensure_ascii=False)
    return Entry(key, NewItem(text, source_key=source[:500], group=group))


def _zip_entries(file: IO[bytes], project: Project, blobs: Blobs) -> Iterator[Entry]:
    try:
        archive = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise Broken(f"not a readable zip file: {error}") from error
    with archive:
        members = [m for m in archive.infolist() if not m.is_dir()]
        if len(members) > MAX_ENTRIES:
            raise Broken(f"more than {MAX_ENTRIES} files; split the archive")
        for member in members:
            if member.filename.startswith("__MACOSX/") or "/." in f"/{member.filename}":
                continue
            yield _member_entry(archive, member, project, blobs)


def _member_entry(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, project: Project, blobs: Blobs
) -> Entry:
    key = member.filename[:500]
    try:
        content = _content(archive, member)
        return Entry(key, _item_of(key, content, project, blobs))
    except Refused as refused:
        return Entry(key, reason=str(refused))
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        return Entry(key, reason=f"broken in the archive: {error}")


def _content(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    if member.flag_bits & 1:
        raise Refused("encrypted; put it in without a password")
    if member.file_size > MAX_ENTRY_BYTES:
        raise Refused(f"larger than {MAX_ENTRY_BYTES} bytes")
    if member.file_size > 100_000 and member.file_size > MAX_RATIO * max(1, member.compress_size):
        raise Refused(f"compressed more than {MAX_RATIO} times; that looks like a zip bomb")
    with archive.open(member) as file:
        content = file.read(MAX_ENTRY_BYTES + 1)
    if len(content) > member.file_size:
        raise Refused("larger than the archive says")
    return content


def _item_of(key: str, content: bytes, project: Project, blobs: Blobs) -> NewItem:
    if _IMAGE.search(key):
        field = _first(project, "image")
        value = image_value(content, project.name.split("/")[1], blobs)
        return NewItem(json.dumps({field.name: value}), source_key=key)
    if key.lower().endswith(".txt"):
        field = _first(project, "text")
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise Refused(f"not UTF-8 text: {error.reason}") from error
        return NewItem(json.dumps({field.name: text}, ensure_ascii=False), source_key=key)
    raise Refused("not a .png, .jpg, .webp or .txt file")


def _first(project: Project, kind: str) -> DataField:
    for field in project.data_fields:
        if field.type == kind:
            return field
    raise Refused(f"the template has no data field of type {kind}")


def image_value(content: bytes, tenant: str, blobs: Blobs) -> str:
    """A data: URI for a small image, else a blob: reference; raises `Refused` for what is no
    image or too large to decode."""
    try:
        with Image.open(io.BytesIO(content)) as image:
            kind, (width, height) = _FORMATS.get(image.format or ""), image.size
            image.verify()
    except Exception as error:
        # Pillow raises whatever its decoders do on hostile bytes.
        raise Refused(f"not a readable image: {type(error).__name__}") from error
    if kind is None:
        raise Refused("must be a PNG, JPEG or WebP image")
    if width * height > MAX_PIXELS:
        raise Refused(f"{width} x {height} pixels are more than {MAX_PIXELS}")
    if len(content) <= INLINE_IMAGE_LIMIT // 4:
        return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
    path = f"blobs/{tenant}/{hashlib.sha256(content).hexdigest()}.{kind}"
    blobs.put_now(path, content)
    return f"blob:{path}"
