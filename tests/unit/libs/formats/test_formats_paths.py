"""Which file a path means: the one of its name with the longest common tail, or none."""

from __future__ import annotations

import io
import json
import unicodedata
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.formats import Unfit
from libs.formats.paths import Files
from libs.formats.source import Source
from tests.unit.libs.formats.format_fixtures import files, png, read

SUFFIXES = (".png", ".jpg")


def of(*names: str, asked: list[str] | None = None) -> Files:
    source = Source(dict.fromkeys(names, 1), lambda _: io.BytesIO(b"x"))
    return Files.of(source, SUFFIXES, (lambda: asked) if asked else None)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("cam1/1.png", "images/cam1/1.png"),
        ("/mnt/disk/cam1/1.png", "images/cam1/1.png"),
        ("s3://bucket/set/cam2/1.png", "images/cam2/1.png"),
        ("file:///home/me/cam2/1.png", "images/cam2/1.png"),
        ("https://host/cam2/1.png?X-Amz-Date=1&b=2", "images/cam2/1.png"),
        ("/data/local-files/?d=cam1%2F1.png", "images/cam1/1.png"),
        ("/data/upload/3/2.png", "images/2.png"),
        ("/tasks/1/resolve/?fileuri=czM6Ly9iL2NhbTEvMS5wbmc=", "images/cam1/1.png"),
        (r"C:\photos\cam1\1.png", "images/cam1/1.png"),
        (r"cam1\1.png", "images/cam1/1.png"),
        ("./cam1/1.png", "images/cam1/1.png"),
        ("../cam1/1.png", "images/cam1/1.png"),
        ("CAM1/1.PNG", "images/cam1/1.png"),
        ("cam1/1", "images/cam1/1.png"),
        ("my%20file.png", "images/my file.png"),
        ("my_file", "images/my file.png"),
        ("50%.png", "images/50%.png"),
        ("caf%C3%A9.png", "images/cafe\u0301.png"),
        ("2.png", "images/2.png"),
        ("other/2.png", "images/2.png"),
    ],
)
def test_a_path_is_read_as_other_tools_write_it(path: str, name: str) -> None:
    there = ("images/cam1/1.png", "images/cam2/1.png", "images/2.png", "images/my file.png")
    found = of(*there, "images/50%.png", "images/cafe\u0301.png", "labels/a.json")
    assert found.find(path, "labels/a.json").name == name


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("cam3/1.png", "another folder"),
        ("s3://bucket/cam3/1.png", "another folder"),
        ("/mnt/day2/cam1/1.png", "another folder"),
        ("cam1/1.jpg", "another suffix"),
        ("images/2.png", "another folder"),
        ("9.png", ""),
    ],
)
def test_a_file_of_another_folder_or_suffix_is_none(path: str, reason: str) -> None:
    found = of("day1/cam1/1.png", "day1/cam2/1.png", "masks/2.png", "a.json").find(path, "a.json")
    assert not found.name
    assert reason in found.why


@pytest.mark.parametrize("path", ["1.png", "1", "s3://b/1.png"])
def test_where_several_may_be_meant_the_record_is_refused_and_says_which(path: str) -> None:
    with pytest.raises(Unfit, match=r"cam1/1\.png' and 'cam2/1\.png"):
        of("cam1/1.png", "cam2/1.png").find(path)


def test_a_file_is_not_taken_for_two_paths() -> None:
    one = of("1.png")
    assert one.find("cam1/1.png").name == "1.png"
    with pytest.raises(Unfit, match="another folder"):
        one.find("cam2/1.png")
    with pytest.raises(Unfit, match="another folder"):
        of("1.png", asked=["cam1/1.png", "cam2/1.png"]).find("cam1/1.png")


def test_letters_that_differ_in_case_alone_tell_files_apart() -> None:
    assert of("a/P.png", "b/p.png").find("P.png").name == "a/P.png"
    assert of("a/P.png", "b/p.png").find("p").name == "b/p.png"


def test_beside_the_labels_goes_before_the_root_and_subsets_stay_apart() -> None:
    assert of("1.png", "set/1.png").find("1.png", "set/a.json").name == "set/1.png"
    images = of("images/train2017/1.png", "images/val2017/1.png", "images/val2017/2.png")
    assert images.find("1.png", subset="val2017").name == "images/val2017/1.png"
    assert not images.find("2.png", subset="train2017").name


NAMES = st.text(st.sampled_from("ab1 é%?#ü中"), min_size=1, max_size=4).map(str.strip).filter(bool)
PATHS = st.lists(NAMES, min_size=1, max_size=4).map("/".join).map(lambda one: f"{one}.png")
WRITTEN = st.sampled_from(
    [
        lambda p: p,
        lambda p: p.replace("/", "\\"),
        lambda p: quote(p),
        lambda p: f"s3://bucket/{quote(p)}?version=1",
        lambda p: f"file:///home/me/{quote(p)}",
        lambda p: f"/data/local-files/?d={quote(p, safe='')}",
        lambda p: f"C:\\data\\{p}",
        lambda p: unicodedata.normalize("NFD", p),
        lambda p: p.upper(),
    ]
)


def _key(text: str) -> str:
    return unicodedata.normalize("NFC", text).casefold().replace(" ", "_")


@given(st.lists(PATHS, min_size=1, max_size=6, unique_by=_key), WRITTEN, st.data())
def test_a_file_that_is_there_is_found_however_its_path_is_written(
    names: list[str], written: object, data: st.DataObject
) -> None:
    path = data.draw(st.sampled_from(names))
    assert callable(written)
    try:
        found = of(*(f"images/{one}" for one in names)).find(written(path))
    except Unfit:
        return  # Several end so; a wrong one is never taken.
    assert found.name == f"images/{path}"


@given(st.lists(PATHS, min_size=1, max_size=6, unique_by=_key), PATHS)
def test_a_file_whose_folders_contradict_is_never_taken(names: list[str], path: str) -> None:
    try:
        found = of(*names).find(path).name
    except Unfit:
        return
    if found:
        ours, theirs = _key(found).split("/"), _key(path).split("/")
        shorter = min(len(ours), len(theirs))
        assert ours[-shorter:] == theirs[-shorter:]


ONE = {"label": "cat", "shape_type": "point", "points": [[1, 1]]}
XML = "<annotation><filename>1.png</filename></annotation>"
BOXED = {"type": "bbox", "label_id": 0, "bbox": [1, 1, 2, 2]}
CATEGORIES = {"label": {"labels": [{"name": "cat"}]}}


def coco(path: str) -> str:
    return json.dumps({"images": [{"id": 1, "file_name": path}], "categories": []})


def labelstudio(path: str) -> str:
    result = [{"type": "choices", "value": {"choices": ["cat"]}}]
    return json.dumps([{"data": {"image": path}, "annotations": [{"result": result}]}])


def datumaro(path: str) -> str:
    return json.dumps({"categories": CATEGORIES, "items": [{"id": path, "annotations": [BOXED]}]})


# Label files of two pictures of one name, by format: each means the one of its own folder.
TWINS = {
    "yolo-detect": {"labels/{}/1.txt": "0 .5 .5 .1 .1", "classes.txt": "cat"},
    "voc": {"Annotations/{}/1.xml": XML},
    "labelme": {"{}/1.json": json.dumps({"imagePath": "1.png", "shapes": [ONE]})},
    "coco": {"annotations/instances_{}.json": coco("1.png")},
    "datumaro": {"annotations/{}.json": datumaro("1")},
    "labelstudio": {"{}.json": labelstudio("s3://bucket/{}/1.png")},
    "cvat": {
        "{}.xml": "<annotations><image name='1.png' subset='{}' width='2' height='2'/>"
        "</annotations>"
    },
}


@pytest.mark.parametrize("format_", sorted(TWINS))
@pytest.mark.parametrize("present", [("train", "val"), ("train",)])
def test_pictures_of_one_name_in_two_folders_stay_two(
    format_: str, present: tuple[str, ...]
) -> None:
    contents: dict[str, str | bytes] = {
        name.replace("{}", part): text.replace("{}", part)
        for name, text in TWINS[format_].items()
        for part in ("train", "val")
    }
    contents |= {
        (f"{part}/1.png" if format_ == "labelme" else f"images/{part}/1.png"): png()
        for part in present
    }
    samples, faults = read(format_, files(**contents))
    got = {one.key: one.media.get("image", "") for one in samples}
    assert len(got) == len(samples)
    assert sorted(filter(None, got.values())) == sorted(
        name for name in contents if name.endswith(".png")
    )
    assert len(samples) + len(faults) == 2, faults
