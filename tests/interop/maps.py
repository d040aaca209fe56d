"""Formats of ground maps and of labels of points: Lanelet2's own library, shapely, pypcd4."""

from __future__ import annotations

import json
import math
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from libs.formats import Doc, Sample
from libs.formats.source import of_folder
from libs.sensor import point_clouds
from tests.interop import judges
from tests.interop.frame import Result, Row, read, round_trip, write
from tests.interop.image_judges import unpacked

_KARLSRUHE = "media/bev_map/lanelet2_karlsruhe/mapping_example.osm"
_T4 = "interop/nuscenes_like/t4dataset/map/lanelet2_map.osm"
_KITTI = "media/pointcloud_3d/kitti_000001/velodyne/000001.bin"
_SUSTECH = "media/pointcloud_3d/sustech_000965/lidar/000965.pcd"
# UTM's scale beside metres on the ground, over a map of a kilometre.
_SCALE = 2e-3
_CLASSES = ("ground", "vehicle", "pole")


def lanelet2(data: Path) -> Result:
    result = Result()
    maps: list[Sample] = []
    for path in (_KARLSRUHE, _T4):
        samples, faults = read("lanelet2", data / path)
        result.read(1, samples, faults)
        maps += samples
    round_trip(result, "lanelet2", maps, {"shape": "map"}, tolerance=1e-6)
    origin = maps[0].metadata
    with unpacked(write("lanelet2", maps[:1], {"shape": "map"})) as made:
        (ours,) = made.rglob("*.osm")
        place = [float(origin["latitude"]), float(origin["longitude"])]
        files = [[str(data / _KARLSRUHE), *place], [str(ours), 0.0, 0.0]]
        theirs, again = judges.run("lanelet2", "lanelet2_lengths", {"files": files})
    elements = (maps[0].value or {})["map"]["elements"]
    lines = [_length(one["line"]["points"]) for one in elements if "line" in one]
    areas = [one for one in elements if "area" in one]
    # Rings of areas, and the way without a type, are linestrings of the judge's, too.
    _nearly(result, "lengths of the original", lines, theirs["lengths"])
    _nearly(result, "lengths of ours", lines, again["lengths"])
    result.judged = f"lanelet2: {len(lines)} lines as long, {len(areas)} areas"
    return result


def _length(points: list[float], axes: int = 3) -> float:
    places = np.array(points).reshape(-1, 3)[:, :axes]
    return float(np.linalg.norm(np.diff(places, axis=0), axis=1).sum())


def _nearly(result: Result, what: str, ours: list[float], theirs: list[float]) -> None:
    """Each of ours has one of theirs that is as long."""
    left = sorted(theirs)
    for length in sorted(ours):
        place = int(np.searchsorted(left, length * (1 - _SCALE) - 0.01))
        if place == len(left) or not math.isclose(
            left[place], length, rel_tol=2 * _SCALE, abs_tol=0.02
        ):
            result.wrong.append(f"{what}: none is {length:.3f} m long")
            return
        del left[place]


def geojson(data: Path) -> Result:
    """Maps read from Lanelet2, written as GeoJSON, read by shapely."""
    result = Result()
    maps = [sample for path in (_KARLSRUHE, _T4) for sample in read("lanelet2", data / path)[0]]
    # RFC 7946 says which way rings turn; what is drawn the other way comes back turned.
    maps = [_turned(sample) for sample in maps]
    written = round_trip(result, "geojson", maps, {"shape": "map"}, tolerance=1e-9)
    result.files = result.ours = len(maps)
    shown = 0
    with unpacked(written) as folder:
        files = sorted(folder.rglob("*.geojson"))
        found = [json.loads(file.read_text()) for file in files]
    features = [one for file in found for one in file["features"]]
    elements = [one for sample in maps for one in (sample.value or {})["map"]["elements"]]
    by_id = sorted(elements, key=str), sorted(features, key=str)
    result.same("elements", len(by_id[0]), len(by_id[1]))
    ours = sorted(_length(one["line"]["points"], 2) for one in elements if "line" in one)
    shapes = [shapely.from_geojson(json.dumps(one["geometry"])) for one in features]
    lines = sorted(s.length for s in shapes if s.geom_type == "LineString")
    result.same("lengths", ours, lines, 1e-6)
    invalid = sum(not s.is_valid for s in shapes)
    shown = len(shapes)
    result.judged = f"shapely: {shown} geometries, {invalid} crossing themselves as drawn"
    return result


def _turned(sample: Sample) -> Sample:
    """With the outlines of its areas anticlockwise, and their holes clockwise."""
    value = json.loads(json.dumps(sample.value))
    for one in value["map"]["elements"]:
        for ring, hole in _rings(one.get("area", {})):
            places = np.array(ring["points"]).reshape(-1, 3)
            if shapely.LinearRing(places[:, :2]).is_ccw == hole:
                ring["points"] = places[::-1].ravel().tolist()
    return replace(sample, value=value)


def _rings(area: Doc) -> list[tuple[Doc, bool]]:
    return [(area, False), *((hole, True) for hole in area.get("holes", []))] if area else []


def points(format_: str) -> Any:
    def check(data: Path) -> Result:
        """Real clouds with classes by height, out and in."""
        result = Result()
        samples = []
        for path in (_KITTI, _SUSTECH):
            file = data / path
            cloud = point_clouds.read(file.read_bytes(), file.name)
            samples.append(_labelled(file.name, cloud.points[:, 2]))
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            for path in (_KITTI, _SUSTECH):
                (folder / Path(path).name).write_bytes((data / path).read_bytes())
            source = of_folder(folder)
            schema = {"shape": "points", "classes": list(_CLASSES)}
            fields = ({"name": "cloud", "type": "cloud"},)
            written = round_trip(result, format_, samples, schema, source, fields)
            with unpacked(written) as out:
                made = sorted(out.rglob(f"*.{format_}"))
                result.files = result.ours = len(made)
                if format_ == "pcd":
                    _pypcd(result, made, samples)
        return result

    return check


def _labelled(name: str, heights: np.ndarray) -> Sample:
    numbers = np.digitize(np.nan_to_num(heights), [-1.4, 0.5])
    first = np.flatnonzero(np.diff(numbers, prepend=-1))
    lengths = np.diff([*first, len(numbers)])
    runs = np.stack([numbers[first] + 1, lengths], axis=1).ravel().tolist()
    value: Doc = {"count": len(numbers), "classes": list(_CLASSES), "class_runs": runs}
    return Sample(name, {"points": value}, media={"cloud": name})


def _pypcd(result: Result, files: list[Path], samples: list[Sample]) -> None:
    theirs = judges.run("media", "cloud_labels", {"files": [str(one) for one in files]})
    total = 0
    for sample in samples:
        runs = (sample.value or {})["points"]["class_runs"]
        counts = {str(n): 0 for n in runs[::2]}
        for number, length in zip(runs[::2], runs[1::2], strict=True):
            counts[str(number)] += length
        total += sum(counts.values())
        result.same(f"labels of {sample.key}", counts in [one["labels"] for one in theirs], True)
    result.judged = f"pypcd4: {total:,} labels alike"


ROWS = (
    Row("lanelet2", (_KARLSRUHE, _T4), lanelet2),
    Row("geojson", (_KARLSRUHE, _T4), geojson),
    Row("pcd", (_KITTI, _SUSTECH), points("pcd")),
    Row("las", (_KITTI, _SUSTECH), points("las")),
)
