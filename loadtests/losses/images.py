"""How long it takes to compare two labels of an image, by loss, beside the judge on the same pairs.

    python -m loadtests.losses.images --pairs 100000

prints microseconds of one core for a pair of labels of five objects each. The judge is COCO's own
evaluation at one threshold where it has the geometry, and else shapely with scipy's matching, as
one would write it for the purpose; both begin with what a file holds.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import shapely
from pycocotools import mask as codec
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from scipy.optimize import linear_sum_assignment

from services.qc_scorer import losses
from services.qc_scorer.losses.space.lines import PLACES

Doc = dict[str, Any]
Box = tuple[float, float, float, float]
OBJECTS, SIDE, JOINTS = 5, 640, 17
SEED = 7


def _boxes(rng: np.random.Generator, apart: bool) -> Iterator[tuple[Box, Box]]:
    """A rectangle of the truth, and the label's of the same object. `apart`: each in a strip of its
    own, as segments of which every pixel belongs to one."""
    for number in range(OBJECTS):
        width, height = rng.uniform(20, 100, 2)
        x, y = rng.uniform(14, SIDE - 120, 2)
        if apart:
            x = SIDE / OBJECTS * number + 14
        moved = np.array([x, y, width, height]) + rng.normal(0, 4, 4)
        yield (x, y, width, height), tuple(np.abs(moved).tolist())


def _outline(box: Box) -> list[float]:
    """Twenty corners within a rectangle."""
    turn = np.linspace(0, 2 * np.pi, 20, endpoint=False)
    x, y, width, height = box
    across = x + width / 2 * (1 + np.cos(turn))
    down = y + height / 2 * (1 + np.sin(turn))
    return np.stack([across, down], axis=1).reshape(-1).tolist()


def _rect(box: Box) -> Doc:
    return dict(zip(("x", "y", "width", "height"), box, strict=True))


def _mask(box: Box) -> Doc:
    rle = codec.merge(codec.frPyObjects([_outline(box)], SIDE, SIDE))
    return {"height": SIDE, "width": SIDE, "counts": rle["counts"].decode()}


def _joints(box: Box) -> list[list[float]]:
    places = np.array(box[:2]) + np.linspace(0.1, 0.9, JOINTS)[:, None] * np.array(box[2:])
    return places.tolist()


def _keypoints(box: Box) -> Doc:
    points = [{"x": x, "y": y, "visibility": "VISIBLE"} for x, y in _joints(box)]
    return {"points": points, "rect": _rect(box)}


DRAWN: dict[str, Callable[[Box], Doc]] = {
    "boxes": lambda box: {"rect": _rect(box)},
    "rotated": lambda box: {"rotated": {**_rect(box), "angle": box[0] % 90}},
    "polygons": lambda box: {"polygon": {"rings": [{"points": _outline(box)}]}},
    "masks": lambda box: {"mask": _mask(box)},
    "panoptic": lambda box: {"mask": _mask(box)},
    "keypoints": lambda box: {"keypoints": _keypoints(box)},
    "lines": lambda box: {"polyline": {"points": _outline(box)}},
    "regions": lambda box: {
        "quad": {
            "points": shapely.get_coordinates(
                shapely.box(box[0], box[1], box[0] + box[2], box[1] + box[3])
            )[:4]
            .reshape(-1)
            .tolist()
        },
        "text": "Stop here",
    },
}


def _label(loss: str, boxes: list[Box]) -> Doc:
    return {"objects": {"objects": [{"class": "a", **DRAWN[loss](box)} for box in boxes]}}


def _coco(loss: str, pairs: list[tuple[Doc, Doc]]) -> Callable[[], object]:
    """COCO's evaluation of all pairs at one threshold."""
    kind = {"boxes": "bbox", "masks": "segm", "panoptic": "segm", "keypoints": "keypoints"}[loss]
    sets: tuple[list[Doc], list[Doc]] = ([], [])
    for number, pair in enumerate(pairs, 1):
        for side, label in zip(sets, pair, strict=True):
            for thing in label["objects"]["objects"]:
                one = {"id": len(side) + 1, "image_id": number, "category_id": 1, "iscrowd": 0}
                side.append({**one, "score": 0.9, "area": 1.0, **_record(thing)})
    images = [{"id": n, "height": SIDE, "width": SIDE} for n in range(1, len(pairs) + 1)]
    truth = {"images": images, "annotations": sets[0], "categories": [{"id": 1}], "info": {}}

    def evaluate() -> None:
        with contextlib.redirect_stdout(io.StringIO()):
            known = COCO()
            known.dataset = truth
            known.createIndex()
            judge = COCOeval(known, known.loadRes(sets[1]), kind)
            judge.params.iouThrs = np.array([0.5])
            judge.params.areaRng, judge.params.areaRngLbl = [[0, 1e10]], ["all"]
            judge.evaluate()

    return evaluate


def _record(thing: Doc) -> Doc:
    if "rect" in thing:
        return {"bbox": list(thing["rect"].values())}
    if "mask" in thing:
        mask = thing["mask"]
        rle = {"size": [mask["height"], mask["width"]], "counts": mask["counts"]}
        return {"segmentation": rle}
    points = [v for p in thing["keypoints"]["points"] for v in (p["x"], p["y"], 2)]
    box = list(thing["keypoints"]["rect"].values())
    return {"keypoints": points, "bbox": box, "num_keypoints": JOINTS}


def _to(a: shapely.Geometry, b: shapely.Geometry) -> float:
    """Mean distance from places of a line to another."""
    share = (np.arange(PLACES) + 0.5) / PLACES
    places = shapely.line_interpolate_point(a, share, normalized=True)
    return float(shapely.distance(places, b).mean())


def _shapely(loss: str, pairs: list[tuple[Doc, Doc]]) -> Callable[[], object]:
    def shape(thing: Doc) -> shapely.Geometry:
        if "polyline" in thing:
            return shapely.LineString(np.reshape(thing["polyline"]["points"], (-1, 2)))
        if "polygon" in thing:
            return shapely.Polygon(np.reshape(thing["polygon"]["rings"][0]["points"], (-1, 2)))
        if "quad" in thing:
            return shapely.Polygon(np.reshape(thing["quad"]["points"], (-1, 2)))
        r = thing["rotated"]
        half = r["width"] / 2, r["height"] / 2
        turned = shapely.affinity.rotate(shapely.box(-half[0], -half[1], *half), r["angle"])
        return shapely.affinity.translate(turned, r["x"], r["y"])

    def alike(a: shapely.Geometry, b: shapely.Geometry) -> float:
        if loss == "lines":
            return 1.0 / (1.0 + (_to(a, b) + _to(b, a)) / 2.0)
        return float(a.intersection(b).area / a.union(b).area)

    def evaluate() -> None:
        for pair in pairs:
            sides = [[shape(thing) for thing in label["objects"]["objects"]] for label in pair]
            table = np.array([[alike(a, b) for b in sides[1]] for a in sides[0]])
            linear_sum_assignment(-table)

    return evaluate


def _spent(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m loadtests.losses.images")
    parser.add_argument("--pairs", type=int, default=100_000)
    parser.add_argument("--loss", action="append", choices=sorted(DRAWN))
    given = parser.parse_args()
    print("| loss | us a pair | judge | us a pair |\n|---|---|---|---|")
    for loss in given.loss or DRAWN:
        rng = np.random.default_rng(SEED)
        drawn = [
            list(zip(*_boxes(rng, loss == "panoptic"), strict=True)) for _ in range(given.pairs)
        ]
        pairs = [(_label(loss, list(a)), _label(loss, list(b))) for a, b in drawn]
        coco = loss in ("boxes", "masks", "panoptic", "keypoints")
        judge = (_coco if coco else _shapely)(loss, pairs)

        def ours(pairs: list[tuple[Doc, Doc]] = pairs, loss: str = loss) -> None:
            for a, b in pairs:
                losses.differs(a, b, loss)

        mine, other = (_spent(work) / given.pairs * 1e6 for work in (ours, judge))
        print(f"| {loss} | {mine:.0f} | {'pycocotools' if coco else 'shapely'} | {other:.0f} |")


if __name__ == "__main__":
    main()
