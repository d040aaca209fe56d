"""Checks a delivery offline: nothing is needed but its folder and, if wanted, a pinned public key.

What it shows: no byte of any file changed since it was signed, nothing is missing or was added,
the counts add up, every label says where it comes from, and the certificate is the signed one.
Without a pinned key it shows this only for whoever holds the key the delivery carries.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature

from libs.bundle.keys import key_id, public_key
from libs.bundle.label_set import LabelSet
from libs.bundle.proof import faults
from libs.formats import Fault
from libs.formats.source import Source
from libs.formats.tabular.csv_format import table_rows

Doc = dict[str, Any]
_UNLISTED = {"manifest.json", "manifest.sig", "public-key.pem"}
_BLOCK = 1_000_000
_SET = ("label_set_sha256", "edition_of")
_PLAIN = re.compile(r"[A-Za-z0-9_.-]+")


class Faulty(Exception):
    """The delivery is not what it says; names the file (and line) at fault."""


@dataclass(frozen=True)
class Check:
    """One thing that was checked, and what was found."""

    name: str
    found: str


def verify(folder: Path, pinned: bytes | None = None) -> Iterator[Check]:
    """Yields every check that holds, in order; raises `Faulty` at the first that does not."""
    manifest, check = _signature(folder, pinned)
    yield check
    yield _files(folder, manifest)
    yield _certificate(folder, manifest)
    yield _counts(manifest)
    tasks: dict[str, str] = {}
    for format_, count in (("jsonl", _jsonl), ("csv", _csv), ("coco", _coco)):
        if format_ in manifest["formats"]:
            tasks[format_] = count(folder, manifest)
            yield Check(f"{format_} content", f"{manifest['label_count']:,} labels accounted for")
    if len({tasks[f] for f in ("jsonl", "csv") if f in tasks}) > 1:
        raise Faulty("the CSV files do not hold the tasks of the JSONL files")
    yield _chain(folder, manifest)
    if manifest.get("edition_of"):
        words = f"of {manifest['edition_of']}, label set {manifest['label_set_sha256'][:16]}..."
        yield Check("edition", words)


def _signature(folder: Path, pinned: bytes | None) -> tuple[Doc, Check]:
    content, carried = _read(folder, "manifest.json"), _read(folder, "public-key.pem")
    try:
        key = public_key(carried)
        trusted = key if pinned is None else public_key(pinned)
    except ValueError as error:
        raise Faulty(f"the public key cannot be read: {error}") from error
    if key_id(trusted) != key_id(key):
        raise Faulty(
            f"public-key.pem: signed with another key ({key_id(key)[:16]}...)"
            f" than the pinned one ({key_id(trusted)[:16]}...)"
        )
    try:
        trusted.verify(_read(folder, "manifest.sig"), content)
    except InvalidSignature as error:
        raise Faulty(
            "manifest.json: the signature in manifest.sig is not of this content"
        ) from error
    manifest = _json(content, "manifest.json")
    if manifest.get("manifest_version") != 1:
        raise Faulty("manifest.json: a version this program does not know")
    if manifest["public_key_id"] != key_id(key):
        raise Faulty("manifest.json: names another public key than public-key.pem")
    whose = "the pinned key" if pinned else "the key carried by the delivery; pin it with --key"
    return manifest, Check("signature", f"Ed25519, {whose} ({key_id(key)[:16]}...)")


def _files(folder: Path, manifest: Doc) -> Check:
    listed = {entry["path"]: entry for entry in manifest["files"]}
    if len(listed) != len(manifest["files"]):
        raise Faulty("manifest.json: names a file twice")
    for path, entry in listed.items():
        if not _PLAIN.fullmatch(path) or path.startswith("."):
            raise Faulty(f"manifest.json: {path[:100]!r} is not a plain file name")
        size, digest = _digest(folder, path)
        if size != entry["size"]:
            raise Faulty(f"{path}: {size} bytes instead of {entry['size']}")
        if digest != entry["sha256"]:
            raise Faulty(f"{path}: its SHA-256 is not the one in the manifest")
    extra = sorted(p.name for p in folder.iterdir() if p.name not in listed.keys() | _UNLISTED)
    if extra:
        raise Faulty(f"{extra[0]}: is not named by the manifest")
    total = sum(entry["size"] for entry in listed.values())
    return Check("files", f"{len(listed)} files, {total:,} bytes, SHA-256 and size as signed")


def _certificate(folder: Path, manifest: Doc) -> Check:
    content = _read(folder, "certificate.json")
    if hashlib.sha256(content).hexdigest() != manifest["certificate_sha256"]:
        raise Faulty("certificate.json: is not the certificate the manifest names")
    proof = _json(content, "certificate.json")
    for name in ("delivery", "label_count", "sources", "template", "created", *_SET):
        if proof.get(name) != manifest.get(name):
            raise Faulty(f"certificate.json: {name} is not as in the manifest")
    for fault in faults(proof):
        raise Faulty(f"certificate.json: {fault}")
    return Check("certificate", proof["statement"])


def _counts(manifest: Doc) -> Check:
    total, sources = manifest["label_count"], manifest["sources"]
    if sum(sources.values()) != total:
        raise Faulty(f"manifest.json: sources add up to {sum(sources.values())}, not {total}")
    for format_ in manifest["formats"]:
        held = sum(e["labels"] for e in manifest["files"] if e.get("format") == format_)
        out = manifest["left_out"].get(format_, 0)
        if held + out != total:
            raise Faulty(
                f"manifest.json: {format_} files hold {held} + {out} left out, not {total}"
            )
    return Check("counts", ", ".join(f"{k} {v:,}" for k, v in sources.items()) + f" = {total:,}")


class _Tasks:
    """Names of tasks in order: none twice, none of another project."""

    def __init__(self, project: str) -> None:
        self._prefix, self._last = f"{project}/tasks/", ""
        self._sha = hashlib.sha256()

    def add(self, task: object, where: str) -> None:
        if not isinstance(task, str) or not task.startswith(self._prefix):
            raise Faulty(f"{where}: {str(task)[:200]!r} is not a task of the manifest's project")
        if task <= self._last:
            raise Faulty(f"{where}: {task} is out of order or there twice")
        self._last = task
        self._sha.update(task.encode() + b"\n")

    def digest(self) -> str:
        return self._sha.hexdigest()


def _parts(manifest: Doc, format_: str) -> list[Doc]:
    return [e for e in manifest["files"] if e.get("format") == format_]


def _jsonl(folder: Path, manifest: Doc) -> str:
    tasks, sources, labels = _Tasks(manifest["project"]), Counter[str](), LabelSet()
    for entry in _parts(manifest, "jsonl"):
        number = 0
        with (folder / entry["path"]).open("rb") as file:
            for number, line in enumerate(file, 1):
                where = f"{entry['path']}, line {number}"
                label = _json(line, where)
                tasks.add(label.get("task"), where)
                sources[_lineage(label, where)] += 1
                labels.add(label.get("task"), label.get("value"))
        _must_hold(entry, number, "lines")
    if dict(sources) != manifest["sources"]:
        raise Faulty(f"JSONL files: labels by source are {dict(sources)}, not as in the manifest")
    # Deliveries from before label sets were told name none.
    if labels.sha256 != manifest.get("label_set_sha256", labels.sha256):
        raise Faulty("JSONL files: not the set of labels that the manifest names")
    return tasks.digest()


def _joined(lineage: Doc) -> bool:
    """Was the label put together of those of its parts, whose projects have their lineage?"""
    return any(one.get("action") == "JOIN" for one in lineage.get("decisions") or [])


def _lineage(label: Doc, where: str) -> str:
    """The label's source; raises where the lineage does not bear it out."""
    source, lineage = label.get("label", {}).get("source"), label.get("lineage")
    if not isinstance(lineage, dict):
        raise Faulty(f"{where}: the label has no lineage")
    people = lineage.get("annotations") or lineage.get("reviews")
    made = lineage.get("prediction") if source == "MACHINE" else people
    if not (made or _joined(lineage)):
        raise Faulty(f"{where}: the lineage does not say where a label of {source} comes from")
    return str(source)


def _csv(folder: Path, manifest: Doc) -> str:
    tasks, sources = _Tasks(manifest["project"]), Counter[str]()
    for entry in _parts(manifest, "csv"):
        number, name = 0, entry["path"]
        size = (folder / name).stat().st_size
        source = Source({name: size}, lambda one: (folder / one).open("rb"))
        for number, row in enumerate(table_rows(source, name), 1):
            if isinstance(row, Fault):
                raise Faulty(f"{row.where}: {row.reason}")
            tasks.add(row.cells.get("task"), f"{entry['path']}, row {number}")
            sources[str(row.cells.get("source"))] += 1
        _must_hold(entry, number, "rows")
    if dict(sources) != manifest["sources"]:
        raise Faulty(f"CSV files: labels by source are {dict(sources)}, not as in the manifest")
    return tasks.digest()


def _coco(folder: Path, manifest: Doc) -> str:
    tasks = _Tasks(manifest["project"])
    for entry in _parts(manifest, "coco"):
        doc = _json(_read(folder, entry["path"]), entry["path"])
        for image in doc["images"]:
            tasks.add(image.get("task"), f"{entry['path']}, image {image.get('id')}")
        _must_hold(entry, len(doc["images"]), "images")
        images = {image["id"] for image in doc["images"]}
        categories = {category["id"] for category in doc["categories"]}
        for one in doc["annotations"]:
            if one["image_id"] not in images or one["category_id"] not in categories:
                raise Faulty(f"{entry['path']}, annotation {one['id']}: no such image or category")
    return tasks.digest()


def _must_hold(entry: Doc, found: int, what: str) -> None:
    if found != entry["labels"]:
        raise Faulty(f"{entry['path']}: {found} {what} instead of {entry['labels']}")


def _chain(folder: Path, manifest: Doc) -> Check:
    """The manifest before this one, where its folder lies beside this one."""
    previous = manifest["previous"]
    if previous is None:
        return Check("hash chain", "first delivery of the project")
    before = folder.absolute().parent / previous["delivery"].rsplit("/", 1)[-1]
    if not (before / "manifest.json").is_file():
        return Check("hash chain", f"follows {previous['delivery']}, which is not at hand")
    if _digest(before, "manifest.json")[1] != previous["manifest_sha256"]:
        raise Faulty(f"hash chain: {before.name}/manifest.json is not the one this follows")
    return Check("hash chain", f"follows {previous['delivery']}")


def _read(folder: Path, path: str) -> bytes:
    try:
        return (folder / path).read_bytes()
    except OSError as error:
        raise Faulty(f"{path}: {error.strerror or 'cannot be read'}") from error


def _digest(folder: Path, path: str) -> tuple[int, str]:
    sha, size = hashlib.sha256(), 0
    try:
        with (folder / path).open("rb") as file:
            while block := file.read(_BLOCK):
                sha.update(block)
                size += len(block)
    except OSError as error:
        raise Faulty(f"{path}: {error.strerror or 'cannot be read'}") from error
    return size, sha.hexdigest()


def _json(content: bytes, where: str) -> Doc:
    try:
        doc = json.loads(content)
    except ValueError as error:
        raise Faulty(f"{where}: not readable as JSON: {error}") from error
    if not isinstance(doc, dict):
        raise Faulty(f"{where}: not a JSON object")
    return doc
