"""Layouts of pictures' labels that other tools write: marks, ids, turned boxes, frames from 0."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.formats import Doc, Fault, Sample
from libs.formats.image import shapes
from libs.formats.source import of_file
from tests.unit.libs.formats.format_fixtures import files, png, read, source_of, written


def objects(samples: list[Sample]) -> list[Doc]:
    found: list[Doc] = (samples[0].value or {})["objects"].get("objects", [])
    return found


def voc(*parts: str) -> tuple[list[Sample], list[Fault]]:
    box = "<xmin>1</xmin><ymin>2</ymin><xmax>11</xmax><ymax>22</ymax>"
    body = f"<object><name>cat</name><bndbox>{box}</bndbox>{''.join(parts)}</object>"
    return read("voc", of_file("a.xml", f"<annotation>{body}</annotation>".encode()))


def coco(annotation: Doc, format_: str = "coco", **ids: Any) -> tuple[list[Sample], list[Fault]]:
    one = {"image_id": 1, "category_id": 1, "bbox": [1, 2, 10, 20], **annotation}
    doc = {
        "images": [{"id": ids.get("image", 1), "file_name": "a.png"}],
        "categories": [{"id": ids.get("category", 1), "name": "cat"}],
        "annotations": [one],
    }
    return read(format_, of_file("a.json", json.dumps(doc).encode()))


def datumaro(annotation: Doc) -> tuple[list[Sample], list[Fault]]:
    one = {"type": "bbox", "label_id": 0, "bbox": [1, 2, 10, 20], **annotation}
    doc = {
        "categories": {"label": {"labels": [{"name": "cat"}]}},
        "items": [{"id": "a", "annotations": [one]}],
    }
    return read("datumaro", of_file("default.json", json.dumps(doc).encode()))


def cvat(shape: str) -> tuple[list[Sample], list[Fault]]:
    text = f"<annotations><image name='a.png'>{shape}</image></annotations>"
    return read("cvat", of_file("a.xml", text.encode()))


def labelme(**shape: Any) -> tuple[list[Sample], list[Fault]]:
    doc = {"imagePath": "a.png", "shapes": [{"label": "cat", **shape}]}
    return read("labelme", of_file("a.json", json.dumps(doc).encode()))


# -- marks ------------------------------------------------------------------------------------

BOX = "xtl='1' ytl='2' xbr='11' ybr='22' label='cat'"
MARKED = {
    "voc": lambda m: voc(f"<difficult>{json.dumps(m).strip(chr(34))}</difficult>"),
    "coco": lambda m: coco({"iscrowd": m}),
    "datumaro": lambda m: datumaro({"attributes": {"is_crowd": m}}),
    "labelme": lambda m: labelme(points=[[1, 2], [3, 4], [5, 1]], difficult=m),
    "cvat": lambda m: cvat(f"<box {BOX} occluded='{json.dumps(m).strip(chr(34))}'/>"),
}
YES = [1, True, "1", "true", "True"]
NO = [0, False, "0", "false", "False"]


@pytest.mark.parametrize("format_", sorted(MARKED))
@pytest.mark.parametrize("mark", [*YES, *NO, "maybe", 2])
def test_a_mark_is_never_read_as_its_opposite(format_: str, mark: object) -> None:
    samples, faults = MARKED[format_](mark)  # type: ignore[no-untyped-call]
    if mark in ("maybe", 2):
        assert faults and not objects(samples)
        return
    assert not faults
    (one,) = objects(samples)
    held = {"crowd"} & one.keys() or one.get("attributes", {}).keys()
    assert bool(held) == (mark in YES)


# -- ids --------------------------------------------------------------------------------------


@given(st.sampled_from([1, 1.0, "1"]), st.sampled_from([1, 1.0, "1"]))
def test_an_id_is_the_same_however_its_number_is_written(ours: object, theirs: object) -> None:
    annotation = {"image_id": theirs, "category_id": theirs}
    samples, faults = coco(annotation, image=ours, category=ours)
    assert not faults
    assert [one["class"] for one in objects(samples)] == ["cat"]


# -- turned boxes -----------------------------------------------------------------------------

TURNED = {"x": 6.0, "y": 12.0, "width": 10.0, "height": 20.0, "angle": 30.0}


@pytest.mark.parametrize(
    "found",
    [
        voc(
            "<attributes><attribute><name>rotation</name><value>30.0</value></attribute></attributes>"
        ),
        coco({"attributes": {"rotation": 30.0}}),
        coco({"attributes": {"rotation": 30.0}, "segmentation": []}, "coco-objects"),
        datumaro({"attributes": {"rotation": 30.0}}),
        cvat(f"<box {BOX} rotation='30.0'/>"),
        voc(
            "<robndbox><cx>6</cx><cy>12</cy><w>10</w><h>20</h><angle>0.5235987755983</angle></robndbox>"
        ),
        labelme(
            shape_type="rotation",
            points=[list(p) for p in shapes.pairs(shapes.corners(TURNED))],
        ),
    ],
)
def test_a_turned_box_is_one_however_the_turn_is_written(
    found: tuple[list[Sample], list[Fault]],
) -> None:
    samples, faults = found
    assert not faults
    (one,) = objects(samples)
    assert one["rotated"] == pytest.approx(TURNED)
    assert "attributes" not in one


def test_no_turn_is_no_attribute_and_a_template_may_have_one_of_that_name() -> None:
    text = "<attributes><attribute><name>rotation</name><value>{}</value></attribute></attributes>"
    samples, _ = voc(text.format("0.0"))
    assert "attributes" not in objects(samples)[0] and "rect" in objects(samples)[0]
    body = f"<object><name>cat</name><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>3</xmax><ymax>4</ymax></bndbox>{text.format('30')}</object>"  # noqa: E501
    schema = {"attributes": [{"name": "rotation", "type": "number"}]}
    samples, _ = read("voc", of_file("a.xml", f"<annotation>{body}</annotation>".encode()), schema)
    assert objects(samples)[0]["attributes"] == {"rotation": "30"}


@pytest.mark.parametrize("turn", range(4))
def test_four_corners_of_labelme_are_a_rectangle_from_whichever_they_begin(turn: int) -> None:
    corners = [[1, 2], [10, 2], [10, 12], [1, 12]]
    for order in (corners, corners[::-1]):
        samples, faults = labelme(shape_type="rectangle", points=order[turn:] + order[:turn])
        assert not faults
        assert objects(samples)[0]["rect"] == {"x": 1, "y": 2, "width": 9, "height": 10}
    samples, _ = labelme(shape_type="rectangle", points=[[1, 2], [10, 2], [10, 12], [1, 14]])
    assert "quad" in objects(samples)[0]


def test_boxes_of_coco_have_corners_and_come_back_as_boxes() -> None:
    value = {
        "objects": {"objects": [{"class": "cat", "rect": {"x": 1.5, "width": 3, "height": 4}}]}
    }
    content, _ = written("coco-objects", [value])
    (annotation,) = json.loads(content)["annotations"]
    assert annotation["segmentation"] == [[1.5, 0, 4.5, 0, 4.5, 4, 1.5, 4]]
    samples, _ = read("coco-objects", source_of("coco-objects", content))
    assert objects(samples)[0]["rect"] == value["objects"]["objects"][0]["rect"]
    schema = {"classes": ["cat"], "geometries": ["polygon"]}
    samples, _ = read("coco-objects", source_of("coco-objects", content), schema)
    assert "polygon" in objects(samples)[0]


@pytest.mark.parametrize(
    "found",
    [
        cvat("<ellipse label='cat' cx='10' cy='20' rx='5' ry='9'/>"),
        datumaro({"type": "ellipse", "points": [5, 11, 15, 29], "bbox": None}),
    ],
)
def test_an_ellipse_is_a_polygon_and_told(found: tuple[list[Sample], list[Fault]]) -> None:
    samples, faults = found
    assert not faults
    assert shapes.bounds(objects(samples)[0]) == pytest.approx((5, 11, 10, 18))
    assert shapes.ROUND in samples[0].left_out


# -- films ------------------------------------------------------------------------------------


def mot(text: str, **more: str | bytes) -> tuple[list[int], list[Fault], list[Doc]]:
    samples, faults = read("mot", files(s__gt__gt_dot_txt=text, **more), {})
    tracks = (samples[0].value or {})["tracks"].get("tracks", [])
    frames = [f.get("frame", 0) for t in tracks for f in t["frames"] if not f.get("outside")]
    return frames, faults, tracks


def test_frames_of_mot_from_0_are_all_shifted() -> None:
    assert mot("0,1,1,1,5,5,1,1,1\n1,1,2,1,5,5,1,1,1\n")[:2] == ([0, 1], [])
    assert mot("1,1,1,1,5,5,1,1,1\n2,1,2,1,5,5,1,1,1\n")[:2] == ([0, 1], [])
    assert mot("1,1,1,1,5,5,1,1,1\n", s__img1__000000_dot_png=png())[:2] == ([1], [])
    frames, faults, _ = mot("-1,1,1,1,5,5,1,1,1\n1,1,1,1,5,5,1,1,1\n")
    assert frames == [0] and "frame -1" in faults[0].reason


def test_what_rows_of_mot_do_not_know_is_no_class_and_no_visibility() -> None:
    for row in ("1,1,1,1,5,5,-1,-1,-1,-1", "1,1,1,1,5,5,1,-7.2,3.4,0", "1,1,1,1,5,5,1,-1,-1"):
        frames, faults, tracks = mot(row)
        assert (frames, faults) == ([0], [])
        assert tracks[0]["class"] == "pedestrian" and "attributes" not in tracks[0]["frames"][0]
    _, faults, _ = mot("1,1,1,1,5,5,1,-1,-1", s__gt__labels_dot_txt="cat\ndog\n")
    assert "no class" in faults[0].reason


def frame(number: int, key: int, points: str) -> str:
    return f"<polygon frame='{number}' keyframe='{key}' outside='0' points='{points}'/>"


def test_frames_of_cvat_that_lie_elsewhere_than_ours_are_kept() -> None:
    square, five = "0,0;10,0;10,10;0,10", "10,0;20,0;20,10;15,11;10,10"
    shapes_ = [frame(0, 1, square), frame(1, 0, "5,0;15,0;15,10;5,10"), frame(2, 1, five)]
    shapes_ += [frame(3, 0, five), frame(4, 1, five)]
    track = f"<track id='0' label='car'>{''.join(shapes_)}</track>"
    meta = "<meta><source>film.mp4</source></meta>"
    text = f"<annotations>{meta}{track}</annotations>"
    source = files(annotations_dot_xml=text, images__frame_000000_dot_png=png())
    samples, faults = read("cvat", source)
    assert not faults
    assert samples[0].media == {"frames": "images/frame_000000.png"}
    (found,) = (samples[0].value or {})["tracks"]["tracks"]
    assert [one.get("frame", 0) for one in found["frames"]] == [0, 1, 2, 4]
    samples, _ = read("cvat", files(annotations_dot_xml=text, film_dot_mp4="x"))
    assert samples[0].media == {"video": "film.mp4"}


def test_tracks_and_images_of_two_tasks_of_a_project_stay_apart() -> None:
    tasks = "".join(f"<task><id>{i}</id><name>day{i}</name></task>" for i in (1, 2))
    images = "".join(
        f"<image name='1.png' task_id='{i}'><tag label='cat'/></image>" for i in (1, 2)
    )
    tracks = "".join(
        f"<track id='0' label='car' task_id='{i}'>{frame(0, 1, '0,0;1,0;1,1')}</track>"
        for i in (1, 2)
    )
    head = f"<annotations><meta><project><tasks>{tasks}</tasks></project></meta>"
    source = files(
        a_dot_xml=f"{head}{images}{tracks}</annotations>",
        images__1_dot_png=png(),
        images__day2__1_dot_png=png(),
    )
    samples, _ = read("cvat", source)
    assert [one.key for one in samples] == ["day1/1.png", "day2/1.png", "day1", "day2"]
    assert [one.media for one in samples[1::2]] == [
        {"image": "images/day2/1.png"},
        {"frames": "images/day2/1.png"},
    ]


@pytest.mark.parametrize("format_", ["coco", "coco-objects", "coco-keypoints", "coco-panoptic"])
def test_a_cut_file_of_coco_gives_no_image_without_its_objects(format_: str) -> None:
    images = [{"id": n, "file_name": f"{n}.png"} for n in (1, 2)]
    one = {"category_id": 1, "bbox": [1, 2, 3, 4]}
    doc = {
        "images": images,
        "categories": [{"id": 1, "name": "cat"}],
        "annotations": [{**one, "image_id": n} for n in (1, 2)],
    }
    samples, faults = read(format_, of_file("a.json", json.dumps(doc).encode()[:-50]))
    assert not samples
    assert len(faults) == 1 and "none is read" in faults[0].reason


def test_a_cut_list_of_detections_gives_no_image() -> None:
    one = {"image_id": 5, "category_id": 1, "bbox": [1, 2, 3, 4]}
    samples, faults = read("coco", of_file("a.json", json.dumps([one, one]).encode()[:-9]))
    assert not samples
    assert len(faults) == 1 and "none is read" in faults[0].reason


def test_a_cut_file_of_cvat_gives_no_film_without_its_tracks() -> None:
    box = '<box frame="0" outside="0" occluded="0" xtl="1" ytl="2" xbr="10" ybr="20"/>'
    tracks = "".join(f'<track id="{n}" label="cat">{box}</track>' for n in range(2))
    text = f"<annotations>{tracks}</annotations>"
    samples, faults = read("cvat", of_file("a.xml", text.encode()[:-40]))
    assert not samples
    assert len(faults) == 1 and "tracks are not" in faults[0].reason
