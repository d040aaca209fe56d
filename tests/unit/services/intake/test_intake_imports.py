"""Imports of every source: what comes in, what is refused with which words, what is said of it."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import zipfile
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from libs.common.access import Caller
from libs.common.blobs import Blobs
from libs.common.clock import FakeClock
from libs.common.errors import Invalid, OutOfTurn
from libs.common.store.sqlite import SqliteStore
from services.intake import store as intake_store
from services.intake.domain import (
    DataField,
    Import,
    ImportState,
    LabelsAs,
    Outcome,
    Project,
    RefusalState,
    Refused,
)
from services.intake.service import Intake
from services.intake.sources import archives, entries
from services.intake.sources.manifests import read_value

NAME = "tenants/acme/projects/p"
LEAD = Caller("ada", "tenants/acme", "manager")
SCHEMA = {"shape": "choice", "classes": ["cat", "dog"]}
LONG = "the quick brown fox jumps over the lazy dog while the farmer is asleep in the barn"


def png(seed: int = 0, size: int = 64) -> bytes:
    image = Image.linear_gradient("L").resize((size, size)).rotate(seed * 37)
    return saved(image.convert("RGB"))


def saved(image: Image.Image, kind: str = "PNG") -> bytes:
    out = io.BytesIO()
    image.save(out, kind)
    return out.getvalue()


def zipped(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def tarred(files: dict[str, bytes], pack: bool = False) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return gzip.compress(out.getvalue()) if pack else out.getvalue()


def parquet(rows: list[dict[str, Any]]) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), out)
    return out.getvalue()


class Desk:
    """An intake with a project, and imports in one call."""

    def __init__(self, intake: Intake, blobs: Blobs, clock: FakeClock) -> None:
        self.intake, self.blobs, self.clock, self.count = intake, blobs, clock, 0

    async def project(self, *fields: str, **more: Any) -> None:
        self.count += 1
        kinds = tuple(DataField(one.split(":")[0], one.split(":")[-1]) for one in fields)
        made = Project(NAME, self.count, kinds, more.pop("schema", SCHEMA), **more)
        await self.intake.remember_projects([made])

    async def bring(self, content: bytes, format_: str, name: str = "f", **more: Any) -> Import:
        self.count += 1
        blob = f"uploads/acme/{self.count}/{name}"
        await self.blobs.put(blob, content)
        now = self.clock.now()
        asked = Import(NAME, "", blob, format_, ImportState.PENDING, now, now)
        made = await self.intake.create_import(replace(asked, **more), "")
        await self.intake.run_imports()
        return await self.intake.import_(made.name)

    async def refusals(self) -> list[dict[str, Any]]:
        return await self.intake.refusals(NAME, 100, "")

    async def items(self) -> list[dict[str, Any]]:
        return await self.intake.items(NAME, 100, "")


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    store, clock = SqliteStore(f"sqlite:///{tmp_path}", "intake"), FakeClock()
    await store.open(intake_store.COLLECTIONS)
    blobs = Blobs(f"file://{tmp_path}/blobs")
    yield Desk(Intake(store, clock, blobs, orjson.loads), blobs, clock)
    await store.close()


MANIFEST = b'{"image": "pictures/a.png"}\n{"image": "pictures/none.png"}\n{"image": "../a.png"}\n'


@pytest.mark.parametrize("pack", ["zip", "tar", "tgz"])
async def test_rows_of_a_manifest_name_files_beside_it(desk: Desk, pack: str) -> None:
    await desk.project("image")
    files = {"x/manifest.jsonl": MANIFEST, "x/pictures/a.png": png()}
    content = zipped(files) if pack == "zip" else tarred(files, pack == "tgz")
    made = await desk.bring(content, "zip" if pack == "zip" else "tar")
    assert (made.state, made.admitted_count, made.refused_count) == ("SUCCEEDED", 1, 2)
    assert {r["source_key"] for r in await desk.refusals()} == {"line 2", "line 3"}
    (item,) = await desk.items()
    assert item["metadata"] == {"probe.image.width": "64", "probe.image.height": "64"}
    assert item["import_id"] == made.id


async def test_a_folder_of_frames_is_one_item(desk: Desk) -> None:
    await desk.project("clip:frames")
    files = {f"one/{i}.png": png(i) for i in (2, 0, 1)} | {"two/0.png": png(5)}
    files |= {"three/readme.md": b"x"}
    made = await desk.bring(zipped(files), "zip")
    assert (made.admitted_count, made.refused_count) == (2, 1)
    one = next(i for i in await desk.items() if i["source_key"] == "one")
    assert len(json.loads(one["data"])["clip"]) == 3


async def test_parquet_and_csv_rows_hold_labels_and_lists(desk: Desk) -> None:
    await desk.project("text", "talk:conversation")
    talk = [{"role": "user", "content": "hello"}]
    label = {"choices": {"classes": ["feline"]}}
    rows = [{"text": LONG, "talk": talk, "label": json.dumps(label), "source_key": "a"}]
    made = await desk.bring(
        parquet(rows), "parquet", labels_as=LabelsAs.GOLD, classes={"feline": "cat"}
    )
    assert made.admitted_count == 1, await desk.refusals()
    (item,) = await desk.items()
    assert item["gold"] == {"choices": {"classes": ["cat"]}}
    cell = json.dumps(talk).replace('"', '""')
    made = await desk.bring(f'text,talk\nmore,"{cell}"\nmore,[\n'.encode(), "csv")
    assert (made.admitted_count, made.refused_count) == (1, 1)
    assert "talk: not readable as JSON" in (await desk.refusals())[0]["reason"]


@pytest.mark.parametrize("as_", [LabelsAs.GOLD, LabelsAs.PREDICTIONS, LabelsAs.SETTLED])
async def test_labels_go_where_the_request_wants_them(desk: Desk, as_: LabelsAs) -> None:
    await desk.project("text")
    lines = [
        {"data": {"text": "a cat"}, "label": {"choices": {"classes": ["cat"]}}},
        {"data": {"text": "a cow"}, "label": {"choices": {"classes": ["cow"]}}},
    ]
    content = "\n".join(map(json.dumps, lines)).encode()
    made = await desk.bring(content, "jsonl", labels_as=as_)
    assert (made.admitted_count, made.refused_count) == (1, 1)
    assert "unknown class 'cow'" in (await desk.refusals())[0]["reason"]
    (item,) = await desk.items()
    field = {"GOLD": "gold", "PREDICTIONS": "prediction", "SETTLED": "label"}[as_]
    assert item[field] == {"choices": {"classes": ["cat"]}}


async def test_labels_of_another_tool_need_to_be_called_something(desk: Desk) -> None:
    await desk.project("image", schema={"shape": "boxes", "classes": ["cat"]})
    coco = {
        "images": [{"id": 1, "file_name": "a.png", "width": 64, "height": 64}],
        "categories": [{"id": 1, "name": "Katze"}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4]}],
    }
    content = zipped({"labels.json": json.dumps(coco).encode(), "a.png": png()})
    with pytest.raises(Invalid, match="what the labels are"):
        await desk.bring(content, "coco")
    made = await desk.bring(
        content, "coco", labels_as=LabelsAs.PREDICTIONS, classes={"Katze": "cat"}
    )
    assert (made.state, made.admitted_count) == ("SUCCEEDED", 1), await desk.refusals()
    (item,) = await desk.items()
    (box,) = item["prediction"]["boxes"]["boxes"]
    assert (box["class"], box["width"]) == ("cat", 3.0)


@pytest.mark.parametrize(
    ("content", "format_", "words"),
    [
        (b"PK\x03\x04 nothing", "zip", "not a readable zip file"),
        (gzip.compress(b"\x00" * 20_000_000), "tar", "bomb"),
        (gzip.compress(b"x", mtime=0)[:-4], "tar", "not a readable gzip"),
        (b"not a tar", "tar", "not a readable tar"),
        (b"PAR1 nothing PAR1", "parquet", "not a readable Parquet"),
        (b"colour\nred\n", "csv", "unknown: colour"),
    ],
)
async def test_a_file_that_cannot_be_read_fails_with_words(
    desk: Desk, content: bytes, format_: str, words: str
) -> None:
    await desk.project("text")
    made = await desk.bring(content, format_)
    assert made.state == "FAILED" and words in made.reason


async def test_hostile_members_are_refused_one_by_one(desk: Desk) -> None:
    await desk.project("text")
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.txt", b"0" * 5_000_000)
        archive.writestr("../outside.txt", b"outside")
        archive.writestr("latin.txt", "fü".encode("latin-1"))
        archive.writestr("virus.exe", b"MZ")
        archive.writestr("good.txt", b"good")
    made = await desk.bring(out.getvalue(), "zip")
    assert (made.admitted_count, made.refused_count) == (1, 4)
    reasons = " | ".join(r["reason"] for r in await desk.refusals())
    for words in ("zip bomb", "outside the archive", "not UTF-8", "known kind"):
        assert words in reasons


def test_links_of_a_tar_file_are_left_out() -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        link = tarfile.TarInfo("link.txt")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    assert archives.of_tar(io.BytesIO(out.getvalue())).members == []


async def test_the_same_file_again_admits_nothing(desk: Desk) -> None:
    await desk.project("image")
    content = zipped({"a.png": png(), "b.png": png(3)})
    assert (await desk.bring(content, "zip")).admitted_count == 2
    again = await desk.bring(content, "zip")
    assert (again.admitted_count, again.duplicate_count, again.refused_count) == (0, 2, 0)


# -- cleaning and appeals --------------------------------------------------------------------


async def test_the_report_counts_what_was_found(desk: Desk) -> None:
    await desk.project("image", cleaning={"min_pixels": 32})
    image = Image.open(io.BytesIO(png(1)))
    files = {
        "good.png": png(1),
        "again.jpg": saved(image, "JPEG"),
        "blank.png": saved(Image.new("RGB", (64, 64), "white")),
        "cut.png": png(2, 256)[:-200],
        "small.png": png(3, 16),
        "fake.png": b"\x89PNG\r\n\x1a\n nothing",
    }
    made = await desk.bring(zipped(files), "zip")
    report = made.report or {}
    assert report["flagged"] == {"near_duplicate": 1, "blank": 1}
    assert report["refused"] == {"truncated": 1, "too_small": 1, "corrupt": 1}
    assert (report["checked_count"], report["near_duplicate_pair_count"]) == (6, 1)
    near = next(e for e in report["examples"] if e["reason"] == "near_duplicate")
    good = next(i for i in await desk.items() if i["source_key"] == "good.png")
    assert near["key"] == "again.jpg" and near["other"] == good["name"]
    again = next(i for i in await desk.items() if i["source_key"] == "again.jpg")
    assert again["metadata"]["cleaning.flags"] == "near_duplicate"


async def test_near_duplicates_of_earlier_imports_can_be_refused(desk: Desk) -> None:
    await desk.project("text", cleaning={"near_duplicates": "REFUSE", "personal_data": "OFF"})
    assert (await desk.bring(f"text\n{LONG}\n".encode(), "csv")).admitted_count == 1
    made = await desk.bring(f"text\n{LONG}!\nsomething else altogether and long\n".encode(), "csv")
    assert (made.admitted_count, made.refused_count) == (1, 1)
    (refusal,) = await desk.refusals()
    assert refusal["code"] == "near_duplicate" and refusal["appealable"]


async def test_an_appeal_admits_the_item_with_its_reason(desk: Desk) -> None:
    await desk.project("text", cleaning={"languages": ["de"]})
    made = await desk.bring(f"text\n{LONG}\n".encode(), "csv")
    assert made.refused_count == 1
    (refusal,) = await desk.refusals()
    name = refusal["name"]
    with pytest.raises(OutOfTurn, match="appeal it first"):
        await desk.intake.resolve(name, RefusalState.ADMITTED, "why not", LEAD)
    appealed = await desk.intake.appeal(name, "a pangram is fine", LEAD)
    assert appealed["state"] == "APPEALED"
    decided = await desk.intake.resolve(name, RefusalState.ADMITTED, "agreed", LEAD)
    assert (decided["state"], decided["resolver"]) == ("ADMITTED", "ada")
    (item,) = await desk.items()
    assert item["name"] == decided["item"]
    assert item["metadata"]["cleaning.admitted"].startswith("language: looks like en")
    with pytest.raises(OutOfTurn, match="ADMITTED"):
        await desk.intake.resolve(name, RefusalState.UPHELD, "no", LEAD)


async def test_what_could_not_be_read_cannot_be_appealed(desk: Desk) -> None:
    await desk.project("text")
    await desk.bring(b"{broken\n", "jsonl")
    (refusal,) = await desk.refusals()
    assert (refusal["code"], refusal["appealable"]) == ("malformed", False)
    with pytest.raises(OutOfTurn, match="could not be read"):
        await desk.intake.appeal(refusal["name"], "please", LEAD)


async def test_calls_are_cleaned_only_where_the_project_says_how(desk: Desk) -> None:
    from services.intake.domain import NewItem

    item = NewItem(json.dumps({"text": "write to ada@example.org"}))
    await desk.project("text")
    ((first, *_),) = await desk.intake.admit(NAME, "", [item])
    await desk.project("text", cleaning={"personal_data": "REFUSE"})
    other = NewItem(json.dumps({"text": "write to bob@example.org"}))
    ((second, _, reason),) = await desk.intake.admit(NAME, "", [other])
    assert (first, second) == (Outcome.ADMITTED, Outcome.REFUSED)
    assert "1 in the text" in reason


@pytest.mark.parametrize("name", ["VISIBLE", "VISIBILITY_VISIBLE"])
def test_values_of_files_name_enumerations_as_rest_does(name: str) -> None:
    point = {"x": 1, "y": 2, "visibility": name}
    raw = {"objects": {"objects": [{"class": "cat", "keypoints": {"points": [point]}}]}}
    (one,) = read_value(raw)["objects"]["objects"]
    assert one["keypoints"]["points"][0]["visibility"] == "VISIBLE"
    point["visibility"] = "SOMEWHERE"
    with pytest.raises(Refused, match="not readable as a label"):
        read_value(raw)


async def test_images_of_a_track_are_the_frames_of_one_item(desk: Desk) -> None:
    schema = {"shape": "tracks", "classes": ["person"]}
    await desk.project("clip:frames", schema=schema)
    rows = "".join(f"{i},7,5,5,20,20,1,1,1\n" for i in (1, 2))
    files = {f"img1/{i:06}.png": png(i) for i in (1, 2)} | {"gt/gt.txt": rows.encode()}
    asked = Import(
        NAME,
        "",
        "uploads/acme/1/mot.zip",
        "mot",
        ImportState.PENDING,
        desk.clock.now(),
        desk.clock.now(),
        labels_as=LabelsAs.GOLD,
    )
    known = Project(NAME, 1, (DataField("clip", "frames"),), schema)
    (entry,) = entries(io.BytesIO(zipped(files)), asked, known, desk.blobs)
    assert entry.item is not None, entry.reason
    assert len(json.loads(entry.item.data)["clip"]) == 2
    assert entry.item.gold is not None and "tracks" in entry.item.gold


KITTI = "car 0 0 0 1 1 9 9 1.5 2 4 1 2 20 0.5\n"
CALIBRATION = (
    "P2: 700 0 32 0 0 700 32 0 0 0 1 0\nR0_rect: 1 0 0 0 1 0 0 0 1\n"
    "Tr_velo_to_cam: 0 -1 0 0 0 0 -1 0 1 0 0 0\n"
)


@pytest.mark.parametrize("shape", ["cuboids", "fusion"])
async def test_boxes_in_space_come_with_cloud_and_camera(desk: Desk, shape: str) -> None:
    schema = {"shape": shape, "classes": ["car"], "frame": "lidar", "geometries": ["rect"]}
    await desk.project("cloud", *(["cameras"] if shape == "fusion" else []), schema=schema)
    cloud = np.arange(40, dtype=np.float32).tobytes()
    content = zipped(
        {
            "label_2/1.txt": KITTI.encode(),
            "calib/1.txt": CALIBRATION.encode(),
            "velodyne/1.bin": cloud,
            "image_2/1.png": png(),
        }
    )
    made = await desk.bring(content, "kitti", labels_as=LabelsAs.GOLD)
    assert made.admitted_count == 1, await desk.refusals()
    (item,) = await desk.items()
    held = item["gold"][shape]
    cuboids = held["cuboids"] if shape == "cuboids" else held["cuboids"]["cuboids"]
    assert cuboids[0]["centre"]["x"] == pytest.approx(20) and "attributes" not in cuboids[0]
    # KITTI tells them of every box; this template does not ask.
    assert "attribute truncated; attribute occluded" in item["metadata"]["import.left_out"]
    assert ("cameras" in json.loads(item["data"])) == (shape == "fusion")


async def test_an_import_says_what_its_texts_are_in(desk: Desk) -> None:
    await desk.project("text")
    content = f"text,label\n{LONG} 好,cat\n".encode("gb18030")
    made = await desk.bring(content, "csv", labels_as=LabelsAs.GOLD, encoding="gb18030")
    assert (made.admitted_count, made.encoding) == (1, "gb18030"), await desk.refusals()
    (item,) = await desk.items()
    assert json.loads(item["data"])["text"].endswith("好")
    with pytest.raises(Invalid, match="'utf-9' is not known"):
        await desk.bring(content, "csv", encoding="utf-9")
