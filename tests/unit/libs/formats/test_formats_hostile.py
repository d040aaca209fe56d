"""Files of images' labels that are broken or hostile: told by file and record, the rest goes on."""

from __future__ import annotations

import io
import json
import tracemalloc
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.formats import Broken, Doc, Fault, Sample
from libs.formats.image import shapes
from libs.formats.registry import format_of
from libs.formats.source import Source, of_file
from tests.unit.libs.formats.format_fixtures import (
    SCHEMA,
    files,
    job,
    png,
    read,
    row,
    source_of,
    written,
)

RECT = {"x": 1.0, "y": 2.0, "width": 10.0, "height": 20.0}
VALUE: Doc = {
    "objects": {
        "objects": [
            {"class": "cat", "rect": RECT, "attributes": {"colour": "red"}},
            {"class": "dog", "polygon": {"rings": [{"points": [1.0, 1.0, 9.0, 1.0, 9.0, 9.0]}]}},
        ]
    }
}
POSE: Doc = {
    "objects": {
        "objects": [
            {
                "class": "cat",
                "keypoints": {"points": [shapes.keypoint(3.0, 4.0, 2)] * 3, "rect": RECT},
            }
        ]
    }
}
JSON = ["coco", "coco-objects", "coco-keypoints", "labelme", "datumaro", "labelstudio"]
ENDS = {
    **dict.fromkeys(("yolo-detect", "yolo-segment", "yolo-pose", "yolo-obb", "mot"), "txt"),
    **dict.fromkeys(("voc", "cvat"), "xml"),
    **dict.fromkeys((*JSON, "coco-panoptic"), "json"),
}
JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([-1, 0, 1e308, -1e308, 2**70, "", "1,5", "NaN", [], {}, [[]], [None], "\x00"]),
    st.text(max_size=5),
    st.lists(st.integers(-3, 3), max_size=5),
)


def tried(format_: str, source: Source, schema: Doc = SCHEMA) -> list[Sample | Fault]:
    """What is read; a whole source that cannot be is one fault."""
    decode = format_of(format_).decode
    assert decode is not None
    try:
        found = list(decode(source, schema))
    except Broken as broken:
        return [Fault("source", str(broken))]
    for one in found:
        if isinstance(one, Fault):
            assert one.where and one.reason
    return found


@pytest.mark.parametrize("format_", ENDS)
@settings(max_examples=60)
@given(content=st.one_of(st.binary(max_size=200), st.text(max_size=200).map(str.encode)))
def test_any_bytes_are_told_not_raised(format_: str, content: bytes) -> None:
    tried(format_, of_file(f"labels/a.{ENDS[format_]}", content))


@pytest.mark.parametrize("format_", [f for f in ENDS if ENDS[f] == "txt"])
@settings(max_examples=80)
@given(
    lines=st.lists(
        st.lists(st.one_of(st.integers(-2, 3).map(str), st.sampled_from(
            ["0.5", "nan", "inf", "-inf", "1e999", "0,5", "x", "\u0661", "1e308", "-0.0"]
        )), max_size=12), max_size=5)
)  # fmt: skip
def test_any_numbers_in_lines_are_told(format_: str, lines: list[list[str]]) -> None:
    text = "\n".join(("," if format_ == "mot" else " ").join(one) for one in lines)
    source = files(labels__a_dot_txt=text, images__a_dot_png=png())
    for one in tried(format_, source):
        assert isinstance(one, Fault) or one.value is not None


def places(doc: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a JSON document."""
    yield path
    inside = doc.items() if isinstance(doc, dict) else enumerate(doc) if _is(doc) else ()
    for key, value in inside:
        yield from places(value, (*path, key))


def _is(doc: Any) -> bool:
    return isinstance(doc, list)


def replaced(doc: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    made = dict(doc) if isinstance(doc, dict) else list(doc)
    made[path[0]] = replaced(doc[path[0]], path[1:], value)
    return made


def files_of(format_: str) -> dict[str, bytes]:
    """A good part, as files."""
    value = POSE if "keypoints" in format_ or "pose" in format_ else VALUE
    content, _ = written(format_, [value, value])
    source = source_of(format_, content)
    return {name: source.read(name) for name in source.names}


def sourced(held: dict[str, bytes]) -> Source:
    sizes = {name: len(content) for name, content in held.items()}
    return Source(sizes, lambda name: io.BytesIO(held[name]))


@pytest.mark.fuzz
@pytest.mark.parametrize("format_", [*JSON, "coco-panoptic"])
@settings(max_examples=150)
@given(data=st.data())
def test_junk_at_any_place_of_a_file_is_told(format_: str, data: st.DataObject) -> None:
    held = files_of(format_)
    name = data.draw(st.sampled_from([n for n in held if n.endswith(".json")]))
    doc = json.loads(held[name])
    path = data.draw(st.sampled_from(list(places(doc))))
    broken = replaced(doc, path, data.draw(JUNK))
    held[name] = json.dumps(broken).encode()
    tried(format_, sourced(held))


@pytest.mark.parametrize("format_", ["voc", "cvat"])
@settings(max_examples=150)
@given(data=st.data())
def test_junk_in_any_text_of_xml_is_told(format_: str, data: st.DataObject) -> None:
    held = files_of(format_)
    name = next(n for n in held if n.endswith(".xml"))
    text = held[name].decode()
    start = data.draw(st.integers(0, len(text)))
    end = min(len(text), start + data.draw(st.integers(0, 9)))
    junk = data.draw(
        st.one_of(st.text(max_size=4), st.sampled_from(["-1", "1,5", "nan", "<", "&x;"]))
    )
    held[name] = (text[:start] + junk + text[end:]).encode()
    tried(format_, sourced(held))


LAUGHS = (
    '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>'
    "<annotation><filename>&b;</filename></annotation>"
)


@pytest.mark.parametrize("format_", ["voc", "cvat"])
@pytest.mark.parametrize(
    "text",
    [LAUGHS, LAUGHS.replace('"ha"', 'SYSTEM "file:///etc/passwd"'),
     LAUGHS.replace("annotation", "annotations")],
)  # fmt: skip
def test_entities_of_xml_are_refused(format_: str, text: str) -> None:
    samples, faults = read(format_, files(a_dot_xml=text))
    assert not samples and "refused" in faults[0].reason and faults[0].where == "a.xml"


def coco(annotation: Doc, **image: object) -> Source:
    good = {"id": 2, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4]}
    doc = {
        "images": [{"id": 1, "file_name": "a.png", "width": 64, "height": 48, **image}],
        "categories": [{"id": 1, "name": "cat"}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, **annotation}, good],
    }
    return of_file("c.json", json.dumps(doc).encode())


@pytest.mark.parametrize(
    ("annotation", "reason"),
    [
        ({"bbox": [1, 2, -3, 4]}, "a box of -3 x 4 pixels; both must be above zero"),
        ({"bbox": [1, 2, 3]}, "bbox: 4 numbers wanted"),
        ({"bbox": ["1,5", 2, 3, 4]}, "write a decimal point, not a comma"),
        ({"bbox": [1, 2, 3, 4], "category_id": 9}, "category_id 9 is not among the categories"),
        ({"segmentation": [[1, 2, 3, 4]]}, "a polygon of 4 coordinates"),
        (
            {"segmentation": {"size": [9, 9], "counts": [1, 2]}},
            "runs of 3 pixels in a mask of 9 x 9",
        ),
        ({"segmentation": {"size": [9, 9], "counts": "!"}}, "counts"),
        ({"segmentation": {"size": [10**6, 10**6], "counts": [10**12]}}, "a mask of 1000000 x"),
        ({"bbox": [1, 2, 3, 4], "image_id": 7}, "not among the images"),
    ],
)
def test_a_broken_annotation_of_coco_is_told_and_the_others_stay(
    annotation: Doc, reason: str
) -> None:
    samples, faults = read("coco-objects", coco(annotation))
    assert len(faults) == 1 and reason in faults[0].reason and "c.json" in faults[0].where
    assert len((samples[0].value or {})["objects"]["objects"]) == 1


def test_detections_may_be_a_list_or_a_dictionary() -> None:
    one = {"image_id": 5, "category_id": 2, "bbox": [1, 2, 3, 4], "score": 0.5}
    samples, faults = read("coco", of_file("d.json", json.dumps([one]).encode()))
    assert samples[0].key == "5" and not faults
    found = (samples[0].value or {})["objects"]["objects"]
    assert found == [
        {"class": "dog", "score": 0.5, "rect": {"x": 1, "y": 2, "width": 3, "height": 4}}
    ]
    as_dict = coco({"bbox": [1, 2, 3, 4], "score": 0.25})
    samples, faults = read("coco", as_dict)
    assert (samples[0].value or {})["objects"]["objects"][0]["score"] == 0.25 and not faults


@pytest.mark.parametrize(
    ("format_", "line", "reason"),
    [
        ("yolo-detect", "0 0,5 0.5 0.1 0.1", "write a decimal point, not a comma"),
        ("yolo-detect", "7 0.5 0.5 0.1 0.1", "class 7; there are 3 names of classes"),
        ("yolo-detect", "0 0.5 0.5 0.1", "3 numbers after the class"),
        ("yolo-detect", "0 nan 0.5 0.1 0.1", "not finite"),
        ("yolo-detect", "0 0.5 0.5 -0.1 0.1", "must be above zero"),
        ("yolo-segment", "0 0.1 0.1 0.2 0.2 0.3", "3 corners of x, y at least"),
        ("yolo-pose", "0 0.5 0.5 0.1 0.1 0.2 0.2 3", "visibility 3"),
        ("yolo-obb", "0 0.1 0.1 0.2 0.2", "four corners have 8"),
    ],
)
def test_a_broken_line_of_yolo_is_told_and_the_others_stay(
    format_: str, line: str, reason: str
) -> None:
    source = files(labels__a_dot_txt=f"\n{line}\n", images__a_dot_png=png())
    samples, faults = read(format_, source)
    assert len(samples) == 1 and faults[0].where == "labels/a.txt line 2"
    assert reason in faults[0].reason


@pytest.mark.parametrize("format_", ["yolo-detect", "labelstudio"])
def test_a_size_that_nobody_tells_is_a_fault_unless_the_caller_does(format_: str) -> None:
    value = {"x": 10, "y": 10, "width": 50, "height": 50, "rectanglelabels": ["cat"]}
    result = [{"id": "q", "type": "rectanglelabels", "value": value}]
    task = [{"id": 1, "data": {"image": "a.png"}, "annotations": [{"result": result}]}]
    source = {
        "yolo-detect": files(a_dot_txt="0 0.35 0.35 0.5 0.5"),
        "labelstudio": of_file("a.json", json.dumps(task).encode()),
    }[format_]
    _, faults = read(format_, source)
    assert "put the image file beside the labels" in faults[0].reason
    samples, faults = read(format_, source, {**SCHEMA, "sizes": {"a.png": (100, 200)}})
    box = (samples[0].value or {})["objects"]["objects"][0]["rect"]
    assert box == {"x": 10.0, "y": 20.0, "width": 50.0, "height": 100.0} and not faults


def test_a_turned_rectangle_of_label_studio_turns_round_its_top_left_corner() -> None:
    value = {
        "x": 50,
        "y": 50,
        "width": 20,
        "height": 10,
        "rotation": 90,
        "rectanglelabels": ["cat"],
    }
    result = [{"id": "q", "type": "rectanglelabels", "value": value, "original_width": 200,
               "original_height": 100}]  # fmt: skip
    task = [{"id": 1, "data": {"image": "a.png"}, "annotations": [{"result": result}]}]
    samples, _ = read("labelstudio", of_file("a.json", json.dumps(task).encode()))
    turned = (samples[0].value or {})["objects"]["objects"][0]["rotated"]
    assert turned == {"x": 95.0, "y": 70.0, "width": 40.0, "height": 10.0, "angle": 90.0}


def test_text_that_is_not_utf8_is_told_with_its_place() -> None:
    source = files(labels__a_dot_txt=b"0 0.5 \xff", labels__b_dot_txt="", images__a_dot_png=png())
    samples, faults = read("yolo-detect", source)
    assert "not UTF-8 at byte 6" in faults[0].reason and [s.key for s in samples] == ["b"]


def test_names_in_yaml_that_refer_to_themselves_are_refused() -> None:
    bomb = "a: &a [x, x]\nb: &b [*a, *a]\nnames: [*b, *b]\n"
    source = files(data_dot_yaml=bomb, labels__a_dot_txt="0 1 1 1 1")
    assert "names" in tried("yolo-detect", source)[0].reason  # type: ignore[union-attr]


def test_rows_of_mot_are_told_one_by_one() -> None:
    rows = ["1,1,1,1,9,9,1,1,1", "1,1,2,2,9,9,1,1,1", "-1,2,1,1,9,9,1,1,1", "2,3,1,1,9,9,0,1,1",
            "3,4,1,1,9,9,1,77,1", "3,-1,1,1,9,9,1,1,1", "x"]  # fmt: skip
    samples, faults = read("mot", files(s__gt__gt_dot_txt="\n".join(rows)), {})
    assert [f.where for f in faults] == [f"s/gt/gt.txt line {i}" for i in (2, 3, 5, 7)]
    assert samples[0].left_out == (
        "flag 0, to be ignored: 1 rows",
        "detections without a track: 1 rows",
    )
    assert len((samples[0].value or {})["tracks"]["tracks"]) == 1


def test_shapes_of_labelme_that_we_lack_are_left_out_and_said() -> None:
    points = [[1, 2], [5, 6]]
    shapes_ = [
        {"label": "cat", "shape_type": "circle", "points": points},
        {"label": "cat", "shape_type": "wave", "points": points},
        {"label": "__ignore__", "shape_type": "rectangle", "points": points},
        {"label": "cat", "shape_type": "rectangle", "points": [[9, 9], [1, 2]]},
    ]
    doc = {"shapes": shapes_, "imagePath": "a.png", "imageData": None}
    samples, faults = read("labelme", of_file("a.json", json.dumps(doc).encode()))
    assert not faults and len(samples[0].left_out) == 3
    found = (samples[0].value or {})["objects"]["objects"]
    assert found[1]["rect"] == {"x": 1.0, "y": 2.0, "width": 8.0, "height": 7.0}


def peak_of(format_: str, images: int) -> int:
    """Most memory while a part with 100 boxes an image is written, in bytes."""
    encoder_of = format_of(format_).encoder
    assert encoder_of is not None
    tracemalloc.start()
    encoder = encoder_of(job())
    encoder.begin()
    for number in range(images):
        value = {"boxes": {"boxes": [{"class": "cat", **RECT} for _ in range(100)]}}
        encoder.add([row(number, value)])
    for _ in encoder.end():
        pass
    found = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return found


@pytest.mark.statistical
@pytest.mark.parametrize(
    ("format_", "images"),
    [("coco", 400), ("cvat", 100), ("datumaro", 100), ("labelstudio", 100), ("voc", 60)],
)
def test_memory_is_flat_for_many_boxes_out(format_: str, images: int) -> None:
    assert peak_of(format_, images) < 3 * peak_of(format_, images // 4) + 300_000


@pytest.mark.statistical
def test_memory_is_flat_for_30_000_boxes_in() -> None:
    def source(images: int) -> Source:
        out = io.BytesIO()
        box = {"category_id": 1, "bbox": [1, 2, 3, 4], "iscrowd": 0}
        doc = {
            "images": [{"id": i, "file_name": f"{i}.png"} for i in range(images)],
            "categories": [{"id": 1, "name": "cat"}],
            "annotations": [{"image_id": i % images, **box} for i in range(images * 100)],
        }
        with zipfile.ZipFile(out, "w") as archive:
            archive.writestr("c.json", json.dumps(doc))
        held = out.getvalue()
        return Source({"c.json": 1}, lambda _: zipfile.ZipFile(io.BytesIO(held)).open("c.json"))  # type: ignore[return-value]

    def peak_in(images: int) -> int:
        decode, held = format_of("coco").decode, source(images)
        assert decode is not None
        tracemalloc.start()
        count = sum(isinstance(one, Sample) for one in decode(held, {"shape": "boxes"}))
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert count == images
        return found

    assert peak_in(300) < 2 * peak_in(75)
