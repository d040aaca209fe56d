"""URLs and buckets: one guard, a real server on loopback, a real S3 server in this process."""

from __future__ import annotations

import contextlib
import http.server
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from moto.server import ThreadedMotoServer

from libs.common import outbound
from libs.common.blobs import Blobs
from libs.common.clock import FakeClock
from libs.common.errors import Invalid
from libs.common.store.sqlite import SqliteStore
from services.intake import store as intake_store
from services.intake.config import IntakeSettings
from services.intake.domain import DataField, Import, ImportState, Project, Refused
from services.intake.service import Intake
from services.intake.sources.remote import Remote

NAME = "tenants/acme/projects/p"
NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Site(http.server.BaseHTTPRequestHandler):
    """A few pages; what they hold is set by the test."""

    pages: dict[str, bytes] = {}  # noqa: RUF012

    def do_GET(self) -> None:
        if self.path.startswith("/to/"):
            self.send_response(302)
            self.send_header("Location", self.path.removeprefix("/to/"))
            self.end_headers()
            return
        content = self.pages.get(self.path.partition("?")[0])
        self.send_response(404 if content is None else 200)
        self.end_headers()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.wfile.write(content or b"")

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def site() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    Site.pages = {"/a.txt": b"hello", "/big.txt": b"x" * 5_000_000}
    yield f"http://localhost:{server.server_port}"
    server.shutdown()
    server.server_close()


def guarded(**settings: Any) -> Remote:
    return Remote(IntakeSettings(**settings))


def test_a_host_the_operator_allows_is_read(site: str) -> None:
    reader = guarded(allow_hosts="localhost")
    assert reader.read(f"{site}/a.txt", "acme") == b"hello"
    assert reader.read(f"{site}/to/{site}/a.txt", "acme") == b"hello"


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("{site}/a.txt", "must be https"),
        ("https://localhost/a.txt", "not public"),
        ("https://127.0.0.1/a.txt", "not public"),
        ("https://[::1]/a.txt", "not public"),
        ("https://169.254.169.254/latest/meta-data", "not public"),
        ("https://user:secret@example.org/", "user or a password"),
        ("file:///etc/passwd", "https:// or s3://"),
        ("https://name.invalid/", "cannot be resolved"),
        ("s3://bucket/x", "not open to the tenant"),
    ],
)
def test_what_the_guard_refuses(site: str, url: str, words: str) -> None:
    with pytest.raises(Refused, match=words):
        guarded().read(url.format(site=site), "acme")


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/to/https://127.0.0.1/secret", "not public"),
        ("/to/file:///etc/passwd", "https:// or s3://"),
        ("/to/s3://bucket/x", "not open"),
        ("/none.txt", "HTTP 404"),
    ],
)
def test_redirects_go_through_the_same_guard(site: str, path: str, words: str) -> None:
    with pytest.raises(Refused, match=words):
        guarded(allow_hosts="localhost").read(f"{site}{path}", "acme")


def test_a_ring_of_redirects_and_a_large_file_end(site: str) -> None:
    reader = guarded(allow_hosts="localhost")
    with pytest.raises(Refused, match="redirects"):
        reader.read(f"{site}/to/{site}/to/{site}/to/{site}/to/{site}/to/{site}/to/{site}/x", "acme")
    with pytest.raises(Refused, match="larger than 1000 bytes"):
        list(reader.blocks(f"{site}/big.txt", "acme", 1000))


def test_the_name_is_resolved_once(site: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that changes its mind between check and connection gains nothing."""
    answers = iter([["93.184.216.34"], ["127.0.0.1"]])
    monkeypatch.setattr(outbound, "resolved", lambda address: next(answers))
    target, address = guarded()._resolved("https://rebinding.example:8443/x?sig=1")
    assert target == "https://93.184.216.34:8443/x?sig=1"
    assert address.host_header == "rebinding.example:8443"


def test_signatures_are_not_repeated(site: str) -> None:
    with pytest.raises(Refused) as refused:
        guarded(allow_hosts="localhost").read(f"{site}/none?signature=secret", "acme")
    assert "secret" not in str(refused.value)


# -- imports of URLs and buckets -------------------------------------------------------------


class Desk:
    """An intake whose imports come from URLs."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.store = SqliteStore(f"sqlite:///{folder}", "intake")
        blobs = Blobs(f"file://{folder}/blobs")
        self.intake = Intake(
            self.store, FakeClock(), blobs, orjson.loads, IntakeSettings(**settings)
        )

    async def open(self, field: DataField) -> None:
        await self.store.open(intake_store.COLLECTIONS)
        project = Project(NAME, 1, (field,), {"shape": "choice", "classes": ["a", "b"]})
        await self.intake.remember_projects([project])

    async def bring(self, url: str, format_: str) -> Import:
        source = url.partition("?")[0]
        asked = Import(NAME, "", "", format_, ImportState.PENDING, NOW, NOW, source=source, url=url)
        made = await self.intake.create_import(asked, "")
        await self.intake.run_imports()
        return await self.intake.import_(made.name)


async def test_an_import_of_a_url_reads_rows_and_the_files_they_name(
    tmp_path: Path, site: str
) -> None:
    desk = Desk(tmp_path, allow_hosts="localhost")
    await desk.open(DataField("sound", "audio"))
    flac = b"fLaC" + bytes(50)
    rows = [{"sound": f"{site}/a.flac"}, {"sound": "https://127.0.0.1/b.flac"}]
    Site.pages["/m.jsonl"] = "\n".join(map(json.dumps, rows)).encode()
    Site.pages["/a.flac"] = flac
    made = await desk.bring(f"{site}/m.jsonl?signature=secret", "jsonl")
    assert made.state == "SUCCEEDED" and made.source == f"{site}/m.jsonl"
    reasons = {r["code"]: r["reason"] for r in await desk.intake.refusals(NAME, 9, "")}
    assert "not readable as audio" in reasons["corrupt"]
    assert "not public" in reasons["malformed"]
    await desk.store.close()


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


async def test_a_bucket_is_synced_again_and_again(tmp_path: Path, s3: str) -> None:
    keys: dict[str, Any] = {"s3_key": "key", "s3_secret": "not-told"}
    settings = {"s3_endpoint": s3, "s3_buckets": "acme=texts/in", **keys}
    desk = Desk(tmp_path, **settings)
    await desk.open(DataField("text", "text"))
    files = desk.intake._remote._s3
    files.mkdir("texts")
    for name in ("a", "b", "c"):
        files.pipe_file(f"texts/in/{name}.txt", f"text {name}".encode())
    first = await desk.bring("s3://texts/in", "objects")
    assert (first.state, first.admitted_count) == ("SUCCEEDED", 3), first
    files.pipe_file("texts/in/b.txt", b"text b, changed")
    files.pipe_file("texts/in/d.txt", b"text d")
    files.rm_file("texts/in/c.txt")
    second = await desk.bring("s3://texts/in", "objects")
    assert (second.admitted_count, second.duplicate_count) == (2, 1), second
    assert second.report and second.report["missing"] == ["c.txt"]
    keys_of = {i["source_key"].partition("@")[0] for i in await desk.intake.items(NAME, 9, "")}
    assert keys_of == {"a.txt", "b.txt", "c.txt", "d.txt"}
    with pytest.raises(Invalid, match="not open to the tenant"):
        await desk.bring("s3://other/in", "objects")
    told = [str(e.message()) for e in await desk.store.pending_events(100)]
    assert not any("not-told" in one for one in told)
    await desk.store.close()
