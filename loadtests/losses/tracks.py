"""How long it takes to compare two labels that are tracks, points or ground maps, by loss, beside
the field's own tool on the same labels.

    python -m loadtests.losses.tracks --pairs 100000

prints microseconds of one core for a pair: five tracks over ten frames, 1,000 points in runs of 20,
ten lines, areas and boxes. Judges: TrackEval (HOTA, CLEAR and identity; in an environment of its
own), scikit-learn's mean IoU of the points, GEOS with a table of all pairs.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import shapely
from scipy.optimize import linear_sum_assignment
from sklearn.metrics import jaccard_score

from libs.sensor import image_tracks
from services.qc_scorer import losses
from tests.interop import judges

Doc = dict[str, Any]
Pair = tuple[Doc, Doc]
SEED, TRACKS, FRAMES, POINTS, RUN, ELEMENTS, PLACES = 7, 5, 10, 1000, 20, 10, 64
CLASSES = ["car", "road", "tree"]


def _tracks(rng: np.random.Generator) -> Doc:
    tracks = []
    for place in range(TRACKS):
        frames = []
        for frame in (0, FRAMES // 2, FRAMES - 1):
            x, y = rng.normal((200.0 * place + 5.0 * frame, 100.0), 3.0).tolist()
            rect = {"x": x, "y": y, "width": 80.0, "height": 60.0}
            frames.append({"frame": frame, "rect": rect})
        tracks.append({"class": "car", "id": str(place + 1), "frames": frames})
    return {"tracks": {"tracks": tracks}}


def _points(rng: np.random.Generator) -> Doc:
    numbers = np.arange(POINTS // RUN) % (len(CLASSES) + 1)
    edges = RUN * np.arange(1, len(numbers) + 1) + rng.integers(-5, 6, len(numbers))
    edges[-1] = POINTS
    flat = np.stack([numbers, np.diff(edges, prepend=0)], axis=1).reshape(-1).tolist()
    return {"points": {"count": POINTS, "classes": CLASSES, "class_runs": flat}}


def _map(rng: np.random.Generator) -> Doc:
    elements: list[Doc] = []
    for place in range(ELEMENTS):
        x, y = rng.normal((0.0, 8.0 * place), 0.3).tolist()
        if place % 2:
            ring = [x, y, 0.0, x + 6, y, 0.0, x + 6, y + 4, 0.0, x, y + 4, 0.0]
            elements.append({"class": "crossing", "area": {"points": ring}})
        else:
            line = [v for i in range(8) for v in (x + 5.0 * i, y + (i % 2) / 2, 0.0)]
            elements.append({"class": "lane", "line": {"points": line}})
    return {"map": {"frame": "ego", "elements": elements}}


def _trackeval(pairs: Sequence[Pair]) -> float:
    """Its own processor time: it is not in this environment."""
    videos = [{"truth": _rows(a), "label": _rows(b)} for a, b in pairs[:1000]]
    answer = judges.run("tracking", "tracking", {"videos": videos, "motmetrics": False})
    return float(answer["seconds"]) / len(videos)


def _rows(label: Doc) -> list[list[float]]:
    keys = image_tracks.keys_of(label["tracks"]["tracks"], FRAMES)
    at, key = image_tracks.shown(keys)
    sides = image_tracks.rectangles(keys, at, key)
    return np.column_stack([at, keys.of[key], sides]).tolist()


def _jaccard(pairs: Sequence[Pair]) -> float:
    def one(a: Doc, b: Doc) -> None:
        flat = [np.reshape(side["points"]["class_runs"], (-1, 2)) for side in (a, b)]
        classes = [np.repeat(side[:, 0], side[:, 1]) for side in flat]
        jaccard_score(*classes, labels=[1, 2, 3], average="macro", zero_division=1.0)

    return _timed(pairs[:2000], one)


def _geos(pairs: Sequence[Pair]) -> float:
    share = (np.arange(PLACES) + 0.5) / PLACES

    def path(element: Doc) -> shapely.Geometry:
        kind = "line" if "line" in element else "area"
        flat = np.reshape(element[kind]["points"], (-1, 3))[:, :2]
        return shapely.LineString(flat) if kind == "line" else shapely.LinearRing(flat)

    def to(a: shapely.Geometry, b: shapely.Geometry) -> float:
        places = shapely.line_interpolate_point(a, share, normalized=True)
        return float(shapely.distance(places, b).mean())

    def one(a: Doc, b: Doc) -> None:
        sides = [[path(element) for element in side["map"]["elements"]] for side in (a, b)]
        table = [[to(x, y) + to(y, x) for y in sides[1]] for x in sides[0]]
        linear_sum_assignment(np.array(table))

    return _timed(pairs[:500], one)


def _timed(pairs: Sequence[Pair], call: Callable[[Doc, Doc], object]) -> float:
    """Seconds a pair."""
    began = time.process_time()
    for a, b in pairs:
        call(a, b)
    return (time.process_time() - began) / len(pairs)


MADE = {
    "tracks": (_tracks, "TrackEval", _trackeval),
    "points": (_points, "scikit-learn", _jaccard),
    "map": (_map, "shapely", _geos),
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m loadtests.losses.tracks")
    parser.add_argument("--pairs", type=int, default=100_000)
    parser.add_argument("--loss", action="append", choices=sorted(MADE))
    given = parser.parse_args()
    print("| loss | us a pair | judge | us a pair |\n|---|---|---|---|")
    for loss in given.loss or MADE:
        make, name, judge = MADE[loss]
        rng = np.random.default_rng(SEED)
        pairs = [(make(rng), make(rng)) for _ in range(given.pairs)]

        def ours(a: Doc, b: Doc, loss: str = loss) -> bool:
            return losses.differs(a, b, loss)

        mine, other = 1e6 * _timed(pairs, ours), 1e6 * judge(pairs)
        print(f"| `{loss}` | {mine:.0f} | {name} | {other:.0f} |", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
