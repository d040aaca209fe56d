"""Judges of formats of images: what each reads of a part we wrote, against the samples in it."""

from __future__ import annotations

import json
import zipfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from libs.formats import Doc, Sample
from libs.formats.image import masks, shapes
from tests.interop import judges
from tests.interop.frame import Result, Written, stem

Judge = Callable[[Result, Written, list[Sample]], None]
Answer = dict[str, list[Any]]
# Pixels: what a judge's own arithmetic may be off by where places are shares of a side.
_NEAR = 0.01


def schema_of(samples: Sequence[Sample], schema: Doc | None) -> Doc:
    """A template that has what the samples have."""
    found = [one for sample in samples for one in objects_of(sample)]
    made: Doc = {"classes": sorted({one["class"] for one in found}), **(schema or {})}
    longest = max((len(_points(one)) for one in found), default=0)
    if longest > 1 and "skeleton" not in made:
        made["skeleton"] = {"points": [f"p{i}" for i in range(longest)]}
    return made


def _points(one: Doc) -> list[Doc]:
    drawn = one if "keypoints" in one else next(iter(one.get("frames", [{}])))
    points: list[Doc] = drawn.get("keypoints", {}).get("points", [])
    return points


def objects_of(sample: Sample) -> list[Doc]:
    value = sample.value or {}
    if "tracks" in value:
        tracks: list[Doc] = value["tracks"].get("tracks", [])
        return tracks
    if "choices" in value:
        return [{"class": name} for name in value["choices"].get("classes", [])]
    return shapes.objects_of(value)


@contextmanager
def unpacked(written: Written) -> Iterator[Path]:
    """A part's archive as a folder."""
    with TemporaryDirectory() as name:
        path = written.put(Path(name), "part.zip")
        folder = Path(name) / "part"
        with zipfile.ZipFile(path) as archive:
            archive.extractall(folder)
        yield folder


def _places(one: Doc) -> list[float]:
    """Numbers of a geometry, flat, as judges give them."""
    kind, shape = shapes.geometry(one)
    if kind in ("rect", "rotated"):
        x, y, width, height = shapes.xywh(shape)
        turned = kind == "rotated"
        return [x - width / 2 * turned, y - height / 2 * turned, width, height]
    if kind == "polygon":
        return [p for ring in shape["rings"] for p in ring["points"]]
    if kind == "keypoints":
        return shapes.flat((p.get("x", 0.0), p.get("y", 0.0)) for p in shape["points"])
    points: list[float] = shape.get("points", [])
    return points


def _ours(samples: Sequence[Sample]) -> Answer:
    """Class and places, or the pixels, of every object, by image without suffix."""
    return {
        stem(sample.key): sorted(
            [one["class"], one["mask"]["counts"] if "mask" in one else _places(one)]
            for one in objects_of(sample)
        )
        for sample in samples
    }


def _sorted(found: Answer) -> Answer:
    return {stem(key): sorted(ones, key=lambda one: json.dumps(one)) for key, ones in found.items()}


def _agree(result: Result, judge: str, theirs: Answer, ours: Answer, near: float = _NEAR) -> None:
    """The same images with the same objects; images without objects may be absent."""
    for key in sorted({*theirs, *ours}):
        mine = sorted(ours.get(key, []), key=rough)
        his = sorted(theirs.get(key, []), key=rough)
        result.same(f"{judge}: {key}", mine, his, near)


def rough(one: list[Any]) -> str:
    places = one[1] if isinstance(one[1], list) else one[1:]
    return f"{one[0]} {[round(p) if isinstance(p, float) else p for p in places]}"


def datumaro(format_: str, *types: str) -> Judge:
    """Annotations of these types as Datumaro reads them."""

    def judge(result: Result, written: Written, samples: list[Sample]) -> None:
        if written.content[:2] != b"PK":
            with TemporaryDirectory() as name:
                folder = Path(name) / "annotations"
                folder.mkdir()
                (Path(name) / "images").mkdir()
                written.put(folder, _COCO_NAMES[format_])
                _ask(result, name, samples)
            return
        with unpacked(written) as folder:
            _ask(result, str(folder), samples)

    def _ask(result: Result, path: str, samples: list[Sample]) -> None:
        answer = judges.run("datumaro", "datumaro_items", {"format": format_, "path": path})
        theirs = {
            key: [
                [one["class"], one["counts"] if one["type"] == "mask" else one["places"]]
                for one in found
                if one["type"] in types
            ]
            for key, found in answer.items()
        }
        kinds = {_KINDS[kind] for kind in types}
        # Boxes of COCO's instances have their corners as an outline.
        kinds |= {"rect"} if "polygon" in types and format_ == "coco_instances" else set()
        ours = {
            stem(s.key): [
                [one["class"], one["mask"]["counts"] if "mask" in one else places]
                for one in objects_of(s)
                if shapes.geometry(one)[0] in kinds or "rotated" in one
                for places in _parts(one, "bbox" not in types)
            ]
            for s in samples
        }
        _agree(result, "datumaro", _sorted(theirs), ours)

    return judge


def _parts(one: Doc, cornered: bool) -> list[list[float]]:
    """Datumaro has a polygon a ring; boxes may be `cornered`."""
    if "rect" in one and cornered:
        return [shapes.box_corners(one["rect"])]
    if "polygon" in one:
        return [ring["points"] for ring in one["polygon"]["rings"]]
    return [_places(one)]


_KINDS = {
    "bbox": "rect",
    "polygon": "polygon",
    "mask": "mask",
    "points": "keypoints",
    "polyline": "polyline",
}
_COCO_NAMES = {
    "coco_instances": "instances_default.json",
    "coco_person_keypoints": "person_keypoints_default.json",
}


def pycocotools(result: Result, written: Written, samples: list[Sample]) -> None:
    """Boxes, key points and pixels of outlines as pycocotools reads them."""
    with TemporaryDirectory() as name:
        path = written.put(Path(name), "part.json")
        answer = judges.run("pycocotools", "pycocotools_records", {"path": str(path)})
    by_key: dict[str, list[Doc]] = defaultdict(list)
    for sample in samples:
        by_key[sample.key] += objects_of(sample)
    for key, objects in by_key.items():
        theirs = sorted([one["class"], one["bbox"]] for one in answer[key])
        ours = sorted([one["class"], _around(one)] for one in objects)
        result.same(f"pycocotools: {key}", ours, theirs)
        drawn = sorted(one["counts"] for one in answer[key] if "counts" in one)
        runs = sorted(one["mask"]["counts"] for one in objects if "mask" in one)
        # Boxes of `coco-objects` have their corners as an outline, those of `coco` have none.
        boxes = (
            sum("rect" in one for one in objects) if b'"segmentation":' in written.content else 0
        )
        polygons = sum("polygon" in one for one in objects) + boxes
        result.same(f"pycocotools: masks of {key}", len(runs) + polygons, len(drawn))
        result.same(f"pycocotools: pixels of {key}", Counter(runs) - Counter(drawn), {})
        seen = sorted(one["keypoints"] for one in answer[key] if one["keypoints"])
        result.same(f"pycocotools: points of {key}", _seen(objects), seen)


def _around(one: Doc) -> list[float]:
    if "mask" in one:
        return masks.bounds(one["mask"])
    return list(shapes.bounds(one))


def _seen(objects: list[Doc]) -> list[list[float]]:
    return sorted(
        shapes.flat(
            (p.get("x", 0.0), p.get("y", 0.0), float(shapes.visibility(p))) for p in _points(one)
        )
        for one in objects
        if "keypoints" in one
    )


def globox(reader: str, inside: str = "", images: str = "") -> Judge:
    """Boxes as globox reads them."""

    def judge(result: Result, written: Written, samples: list[Sample]) -> None:
        with unpacked(written) as folder:
            question: Doc = {"reader": reader, "path": str(folder / inside)}
            if images:
                suffix = Path(samples[0].key).suffix or ".png"
                question |= {"images": str(folder / images), "suffix": suffix}
            if reader != "from_cvat":
                question["recursive"] = True
            answer = judges.run("globox", "globox_boxes", question)
            names = _names(folder)
        theirs = {
            stem(key): [[names.get(name, name), places] for name, *places in found]
            for key, found in answer.items()
        }
        _agree(result, "globox", theirs, _ours(samples))

    return judge


def _names(folder: Path) -> dict[str, str]:
    """Classes by number where a YOLO folder says them."""
    path = folder / "data.yaml"
    if not path.exists():
        return {}
    found = path.read_text().partition("names:\n")[2].splitlines()
    return {line.split(":")[0].strip(): json.loads(line.partition(": ")[2]) for line in found}


def supervision(kind: str) -> Judge:
    """Outlines or turned boxes of YOLO as supervision reads them."""

    def judge(result: Result, written: Written, samples: list[Sample]) -> None:
        with unpacked(written) as folder:
            places = {k: str(folder / k / "train") for k in ("images", "labels")}
            question = {**places, "yaml": str(folder / "data.yaml"), "kind": kind}
            answer = judges.run("supervision", "supervision_objects", question)
        for key, found in answer.items():
            sample = next(one for one in samples if stem(one.key) == stem(key))
            mine = objects_of(sample)
            result.same(f"supervision: {key}", len(mine), len(found))
            for one, his in zip(mine, found, strict=False):
                result.same(f"supervision: class in {key}", one["class"], his["class"])
                if kind == "obb":
                    corners = shapes.corners(one["rotated"])
                    result.same(f"supervision: {key}", corners, his["corners"], 0.5)
                else:
                    x, y, width, height = shapes.bounds(one)
                    box = [x, y, x + width, y + height]
                    result.same(f"supervision: {key}", box, his["box"], 1.0)

    return judge


def labelme(result: Result, written: Written, samples: list[Sample]) -> None:
    """Shapes as labelme reads them."""
    with unpacked(written) as folder:
        answer = judges.run("labelme", "labelme_shapes", {"folder": str(folder)})
    found = {stem(key): shapes_ for key, shapes_ in answer.items()}
    for sample in samples:
        theirs = Counter(one["label"] for one in found[stem(sample.key)])
        drawn: Counter[str] = Counter()
        for one in objects_of(sample):
            parts = len(one["polygon"]["rings"]) if "polygon" in one else 1
            drawn[one["class"]] += parts
        result.same(f"labelme: {sample.key}", dict(drawn), dict(theirs))
        pixels = sorted(one["pixels"] for one in found[stem(sample.key)] if one["pixels"])
        ours = sorted(masks.area(one["mask"]) for one in objects_of(sample) if "mask" in one)
        result.same(f"labelme: pixels of {sample.key}", ours, pixels)
        flat = sorted(shapes.flat(one["points"]) for one in found[stem(sample.key)])
        result.same(f"labelme: points of {sample.key}", len(flat), sum(drawn.values()))


def label_studio(result: Result, written: Written, samples: list[Sample]) -> None:
    """Boxes and polygons in pixels as Label Studio's own converter makes COCO of our file."""
    schema = schema_of(samples, None)
    control = "".join(f'<Label value="{name}"/>' for name in schema["classes"])
    tags = ("RectangleLabels", "PolygonLabels", "KeyPointLabels", "BrushLabels")
    controls = "".join(f'<{tag} name="label" toName="image">{control}</{tag}>' for tag in tags[:2])
    config = f'<View><Image name="image" value="$image"/>{controls}</View>'
    with TemporaryDirectory() as name:
        path = written.put(Path(name), "part.json")
        question = {"path": str(path), "config": config, "folder": name}
        coco = judges.run("label-studio-sdk", "labelstudio_coco", question)
    names = {one["id"]: one["name"] for one in coco["categories"]}
    boxes = [[names[one["category_id"]], *one["bbox"]] for one in coco["annotations"]]
    ours = [
        [one["class"], *shapes.bounds(one)]
        for sample in samples
        for one in objects_of(sample)
        if shapes.geometry(one)[0] in ("rect", "polygon")
    ]
    result.same("label-studio-sdk", sorted(ours, key=rough), sorted(boxes, key=rough), 1.0)
