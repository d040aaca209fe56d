"""A label of which something could not be read is no known answer: nobody may take what is left for
all there is."""

from __future__ import annotations

import io
import json
import math
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.formats import Fault, Sample, not_finite
from libs.formats.registry import format_of
from libs.formats.source import of_zip
from tests.unit.services.intake.test_intake_imports import zipped

BOXES = {"shape": "boxes", "classes": ["cat", "pedestrian"], "sizes": {"a.png": [64, 64]}}
CLOUD = {"shape": "cuboids"}
SOUND = {"shape": "segments", "classes": []}


def _coco(*boxes: Any) -> str:
    rows = [{"id": n, "image_id": 1, "category_id": 1, "bbox": b} for n, b in enumerate(boxes, 1)]
    images = [{"id": 1, "file_name": "a.png", "width": 64, "height": 64}]
    categories = [{"id": 1, "name": "cat"}]
    return json.dumps({"images": images, "categories": categories, "annotations": rows})


def _voc(*widths: str) -> str:
    made = "".join(
        f"<object><name>cat</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>{w}</xmax>"
        "<ymax>9</ymax></bndbox></object>"
        for w in widths
    )
    size = "<size><width>64</width><height>64</height></size>"
    return f"<annotation><filename>a.png</filename>{size}{made}</annotation>"


def _cvat(*lefts: str) -> str:
    made = "".join(f'<box label="cat" xtl="{x}" ytl="1" xbr="9" ybr="9"/>' for x in lefts)
    return f'<annotations><image name="a.png" width="64" height="64">{made}</image></annotations>'


def _labelme(*points: Any) -> str:
    made = [{"label": "cat", "points": p, "shape_type": "rectangle"} for p in points]
    return json.dumps({"shapes": made, "imagePath": "a.png", "imageWidth": 64, "imageHeight": 64})


def _datumaro(*labels: Any) -> str:
    made = [{"type": "bbox", "label_id": one, "bbox": [1, 2, 3, 4]} for one in labels]
    item = {"id": "a", "annotations": made, "image": {"path": "a.png", "size": [64, 64]}}
    categories = {"label": {"labels": [{"name": "cat"}]}}
    return json.dumps({"categories": categories, "items": [item]})


def _labelstudio(*widths: Any) -> str:
    made = [
        {
            "id": str(n), "type": "rectanglelabels", "from_name": "l", "to_name": "i",
            "original_width": 64, "original_height": 64,
            "value": {"x": 1, "y": 1, "width": w, "height": 5, "rectanglelabels": ["cat"]},
        }
        for n, w in enumerate(widths)
    ]  # fmt: skip
    return json.dumps([{"id": 1, "data": {"image": "a.png"}, "annotations": [{"result": made}]}])


RTTM = "SPEAKER talk 1 {} 1.0 <NA> <NA> ann <NA> <NA>\n"
SRT = "1\n00:00:01,000 --> 00:00:02,000\nhello\n\n2\n00:00:0{} --> 00:00:04,000\nthere\n"
CAR = "Car 0.00 0 0.0 1 1 9 9 1.5 1.6 3.9 {} 1.0 9.0 0.0\n"

# Format, schema, a file that is whole, and one of whose objects cannot be read.
CASES = [
    ("coco", BOXES, "labels.json", _coco([1, 2, 3, 4]), _coco([1, 2, 3, 4], [1, 2, -3, 4])),
    ("coco", BOXES, "labels.json", _coco([1, 2, 3, 4]), _coco([1, 2, 3, 4], "x")),
    ("voc", BOXES, "a.xml", _voc("9"), _voc("9", "wide")),
    ("cvat", BOXES, "labels.xml", _cvat("1"), _cvat("1", "left")),
    ("labelme", BOXES, "a.json", _labelme([[1, 1], [9, 9]]), _labelme([[1, 1], [9, 9]], [[1]])),
    ("datumaro", BOXES, "default.json", _datumaro(0), _datumaro(0, 7)),
    ("labelstudio", BOXES, "tasks.json", _labelstudio(5), _labelstudio(5, "wide")),
    ("yolo-detect", BOXES, "a.txt", "0 0.5 0.5 0.2 0.2\n", "0 0.5 0.5 0.2 0.2\n9 0.5 0.5 1 1\n"),
    ("mot", BOXES, "gt.txt", "1,1,1,1,5,5,1,1,1\n", "1,1,1,1,5,5,1,1,1\n2,1,x,1,5,5,1,1,1\n"),
    ("rttm", SOUND, "a.rttm", RTTM.format("0.5"), RTTM.format("0.5") + RTTM.format("late")),
    ("ctm", SOUND, "a.ctm", "talk 1 0.5 0.2 hi\n", "talk 1 0.5 0.2 hi\ntalk 1 x 0.2 all\n"),
    ("stm", SOUND, "a.stm", "talk 1 ann 0 1 hi\n", "talk 1 ann 0 1 hi\ntalk 1 ann 2 1 all\n"),
    ("srt", SOUND, "a.srt", SRT.format("3,000"), SRT.format("x")),
    ("kitti", CLOUD, "label_2/1.txt", CAR.format(1), CAR.format(1) + CAR.format("x")),
]  # fmt: skip


def _decoded(format_: str, schema: Any, name: str, content: str) -> tuple[list[Sample], int]:
    packed = io.BytesIO(zipped({name: content.encode()}))
    decode = format_of(format_).decode
    assert decode is not None
    found = list(decode(of_zip(packed), schema))
    return [s for s in found if isinstance(s, Sample)], sum(isinstance(f, Fault) for f in found)


@pytest.mark.parametrize(("format_", "schema", "name", "good", "bad"), CASES)
def test_what_is_left_of_a_label_says_so(
    format_: str, schema: Any, name: str, good: str, bad: str
) -> None:
    samples, faults = _decoded(format_, schema, name, good)
    assert (faults, [one.partial for one in samples]) == (0, [False])
    samples, faults = _decoded(format_, schema, name, bad)
    assert (faults, [one.partial for one in samples]) == (1, [True])
    assert samples[0].value != {}


def test_of_two_forms_of_one_name_neither_is_taken() -> None:
    label = _voc("9").encode()
    names = [unicodedata.normalize(form, "caf\u00e9.xml") for form in ("NFC", "NFD")]
    decode = format_of("voc").decode
    assert decode is not None
    found = list(decode(of_zip(io.BytesIO(zipped(dict.fromkeys(names, label)))), BOXES))
    assert [isinstance(one, Fault) and "two forms" in one.reason for one in found] == [True], found


def test_items_of_files_of_one_name_are_not_each_others() -> None:
    files = {f"{part}/annotations/default.json": _datumaro(0).encode() for part in ("a", "b")}
    decode = format_of("datumaro").decode
    assert decode is not None
    found = list(decode(of_zip(io.BytesIO(zipped(files))), BOXES))
    assert len({one.key for one in found if isinstance(one, Sample)}) == 2, found


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity"])
def test_a_number_that_is_not_finite_costs_its_own_annotation(word: str) -> None:
    content = _coco([1, 2, 3, 4], [1, 2, 3, 5]).replace("[1, 2, 3, 5]", f"[1, 2, 3, {word}]")
    content = content.replace("a.png", f"{word}.png")
    samples, faults = _decoded("coco", BOXES, "labels.json", content)
    assert faults == 1 and samples[0].key == f"{word}.png" and samples[0].partial
    assert len(samples[0].value["boxes"]["boxes"]) == 1  # type: ignore[index]


@given(
    st.recursive(
        st.text() | st.sampled_from([float("nan"), float("inf"), -float("inf"), 1.5, None]),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    ),
    st.integers(1, 9),
)
def test_words_in_strings_and_at_any_cut_stay_what_they_are(value: Any, size: int) -> None:
    file = io.BytesIO(json.dumps(value).encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(not_finite, "_CHUNK", size)
        made = io.BufferedReader(not_finite.AsTexts("a.json", file)).read()
    assert json.loads(made) == _named(value)


def _named(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return json.dumps(value)
    if isinstance(value, list):
        return [_named(one) for one in value]
    return {k: _named(v) for k, v in value.items()} if isinstance(value, dict) else value
