"""The last files of a delivery: report, certificate, manifest, signature.

The manifest names every file with its SHA-256, the counts, the certificate's hash and the
manifest before it (a hash chain per project); `manifest.sig` is the Ed25519 signature of its bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import orjson

from libs.common.codec import time_text
from libs.common.names import project_of
from services.delivery.certificate.content import certificate
from services.delivery.certificate.html import page
from services.delivery.domain import Delivery, Doc, File
from services.delivery.signing import Signer

VERSION = 1


def canonical(doc: Doc) -> bytes:
    """JSON with sorted keys, no spaces, UTF-8, one newline at the end."""
    return orjson.dumps(doc, option=orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)


def closing_files(delivery: Delivery, previous: Doc | None, signer: Signer) -> dict[str, bytes]:
    """Content by path, in the order to write; `manifest.json` decides over all others."""
    proof = certificate(delivery)
    files = {
        "certificate.html": page(proof).encode(),
        "certificate.json": canonical(proof),
        "report.json": canonical(_report(delivery)),
    }
    listed = [*delivery.files, *(file_of(path, content) for path, content in files.items())]
    manifest = canonical(
        {
            "manifest_version": VERSION,
            "delivery": delivery.name,
            "project": project_of(delivery.name),
            "template": delivery.template,
            "created": time_text(delivery.create_time),
            "formats": list(delivery.formats),
            "label_count": delivery.label_count,
            "label_set_sha256": delivery.label_set_sha256,
            "edition_of": delivery.edition_of,
            "sources": dict(delivery.sources),
            "left_out": {f: delivery.left_out.get(f, 0) for f in delivery.formats},
            "files": [_entry(f) for f in sorted(listed, key=lambda f: f.path)],
            "previous": previous,
            "certificate_sha256": hashlib.sha256(files["certificate.json"]).hexdigest(),
            "public_key_id": signer.key_id,
        }
    )
    return {
        **files,
        "public-key.pem": signer.public_pem,
        "manifest.sig": signer.sign(manifest),
        "manifest.json": manifest,
    }


def file_of(path: str, content: bytes) -> File:
    return File(path, len(content), hashlib.sha256(content).hexdigest())


def listed_files(contents: dict[str, bytes]) -> Sequence[File]:
    return [file_of(path, content) for path, content in sorted(contents.items())]


def _entry(file: File) -> Doc:
    doc: Doc = {"path": file.path, "size": file.size, "sha256": file.sha256}
    return {**doc, "format": file.format, "labels": file.labels} if file.format else doc


def _report(delivery: Delivery) -> Doc:
    """What a format cannot hold; the report-NNNNN.jsonl files have one line for each case."""
    return {
        "delivery": delivery.name,
        "left_out": {f: delivery.left_out.get(f, 0) for f in delivery.formats},
        "problems": dict(delivery.problems),
        "examples": list(delivery.examples),
        "files": [f.path for f in delivery.files if f.format == "report"],
    }
