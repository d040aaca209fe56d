"""Small drives as KITTI, nuScenes and Argoverse 2 lay them out, made in code, and the way of an
item from the door to a delivery."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.feather as feather

from libs import label_validation
from libs.common.blobs import Blobs
from libs.formats import Doc, Job
from libs.formats.registry import format_of
from libs.formats.source import Source, of_zip
from services.intake import cleaning, domain
from services.intake.domain import DataField, Import, ImportState, LabelsAs, NewItem, Project
from services.intake.sources import entries
from tests.unit.libs.formats.format_fixtures import png

PROJECT = "tenants/t/projects/p"
CLASSES = ["car", "cyclist"]
RINGS = {
    "cuboid_tracks": ("sweeps", "calibration"),
    "cuboids": ("cloud", "calibration"),
    "fusion": ("cloud", "cameras", "calibration"),
}
NUMBERS = [{"name": one, "type": "number"} for one in ("truncated", "occluded")]
ATTRIBUTES = [*NUMBERS, {"name": "vehicle", "type": "choice", "choices": ["moving", "parked"]}]
ATTRIBUTES += [{"name": "visibility", "type": "choice", "choices": ["v80-100", "v0-40"]}]


def project(shape: str, frame: str = "lidar", fields: tuple[str, ...] = ()) -> Project:
    schema: Doc = {"shape": shape, "classes": CLASSES, "frame": frame, "attributes": ATTRIBUTES}
    held = tuple(DataField(one, one) for one in fields or RINGS[shape])
    first = replace(held[0], required=True)
    return Project(PROJECT, 1, (first, *held[1:]), schema)


@dataclass(frozen=True)
class Came:
    """What came in by the door: items as they are admitted, and the reasons of others."""

    items: list[NewItem]
    data: list[Doc]
    reasons: list[str]
    project: Project

    def delivered(self, format_: str) -> tuple[Source, list[str]]:
        """The items' labels as a delivery of the format, and what it told."""
        fields = tuple({"name": f.name, "type": f.type} for f in self.project.data_fields)
        made = format_of(format_).encoder
        assert made is not None
        encoder = made(Job("p", "t", self.project.label_schema, fields, _no_blob))
        rows = [self._row(place) for place in range(len(self.items))]
        content = encoder.begin() + encoder.add(rows) + b"".join(encoder.end())
        return of_zip(io.BytesIO(content)), [one.reason for one in encoder.problems]

    def _row(self, place: int) -> Doc:
        one = self.items[place]
        return {
            **{"name": f"{PROJECT}/tasks/t-{place}", "item": f"{PROJECT}/items/i-{place}"},
            **{"project": PROJECT, "source_key": one.source_key, "data": one.data},
            **{"value": one.label, "source": "HUMAN", "score": 1.0, "lineage": "{}"},
            "accept_time": "2026-01-01T00:00:00Z",
        }


def _no_blob(path: str) -> Any:
    raise FileNotFoundError(path)


def imported(format_: str, files: dict[str, bytes], to: Project, folder: Path) -> Came:
    """Through intake's door as settled labels: read, checked, opened and looked at."""
    now = datetime(2026, 1, 1, tzinfo=UTC)
    asked = Import(PROJECT, "", "b", format_, ImportState.RUNNING, now, now, filename="f.zip")
    asked = replace(asked, labels_as=LabelsAs.SETTLED)
    blobs = Blobs(f"file://{folder}")
    found = list(entries(io.BytesIO(packed(files)), asked, to, blobs))
    reasons = [one.reason for one in found if one.item is None]
    items = [one.item for one in found if one.item is not None]
    data = [domain.check_item(to, one, json.loads, "t") for one in items]
    for item, held in zip(items, data, strict=True):
        assert item.label is not None
        label_validation.check(item.label, to.label_schema, "label", "", ())
        refused = [one for one in cleaning.look(to, held, blobs).findings if one.code != "blank"]
        assert not refused
    return Came(items, data, reasons, to)


def packed(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def cloud(columns: int = 4, number: int = 0) -> bytes:
    """Points ahead and all around, of so many float32."""
    points = np.random.default_rng(number).uniform(-30, 30, (300, columns)).astype("<f4")
    points[:, 2] /= 15
    return points.tobytes()


# -- KITTI ---------------------------------------------------------------------------------------

# As the recording of 26 September 2011 has it: a rectification that is no identity.
CALIBRATION = """P0: {0} 0 6.095593e+02 0 0 {0} 1.728540e+02 0 0 0 1 0
P1: {0} 0 6.095593e+02 -3.875744e+02 0 {0} 1.728540e+02 0 0 0 1 0
P2: {0} 0 6.095593e+02 4.485728e+01 0 {0} 1.728540e+02 2.163791e-01 0 0 1 2.745884e-03
P3: {0} 0 6.095593e+02 -3.395242e+02 0 {0} 1.728540e+02 2.199936e+00 0 0 1 2.729905e-03
R0_rect: 9.999239e-01 9.837760e-03 -7.445048e-03 -9.869795e-03 9.999421e-01 -4.278459e-03 \
7.402527e-03 4.351614e-03 9.999631e-01
Tr_velo_to_cam: 7.533745e-03 -9.999714e-01 -6.166020e-04 -4.069766e-03 1.480249e-02 \
7.280733e-04 -9.998902e-01 -7.631618e-02 9.998621e-01 7.523790e-03 1.480755e-02 -2.717806e-01
Tr_imu_to_velo: 9.999976e-01 7.553071e-04 -2.035826e-03 -8.086759e-01 -7.854027e-04 \
9.998898e-01 -1.482298e-02 3.195559e-01 2.024406e-03 1.482454e-02 9.998881e-01 -7.997231e-01
""".format("7.215377e+02")
OF_TRACKS = {
    "R0_rect:": "R_rect",
    "Tr_velo_to_cam:": "Tr_velo_cam",
    "Tr_imu_to_velo:": "Tr_imu_velo",
}
BOX = "387.63 181.54 423.81 203.12 1.67 1.87 3.69 -16.53 2.39 58.49 1.57"


def printed(text: str) -> str:
    """A calibration with its numbers as KITTI prints them."""
    lines = []
    for line in text.splitlines():
        name, *numbers = line.split()
        lines.append(" ".join([name, *(f"{float(one):.12e}" for one in numbers)]) + "\n")
    return "".join(lines)


def kitti(name: str = "training") -> dict[str, bytes]:
    """An object scene: two boxes, an area to be ignored."""
    rows = [
        f"car 0.00 0 1.85 {BOX}",
        "cyclist 0.00 3 -1.65 676.6 163.95 688.98 193.93 1.86 0.6 2.02 4.59 1.32 45.84 -1.55",
        "DontCare -1 -1 -10 503.89 169.71 590.61 190.13 -1 -1 -1 -1000 -1000 -1000 -10",
    ]
    return {
        f"{name}/label_2/000001.txt": "".join(f"{one}\n" for one in rows).encode(),
        f"{name}/calib/000001.txt": printed(CALIBRATION).encode(),
        f"{name}/velodyne/000001.bin": cloud(),
        f"{name}/image_2/000001.png": png(1242, 375),
    }


def kitti_tracks(frames: int = 3) -> dict[str, bytes]:
    """A sequence with both colour cameras and the way of the IMU."""
    rows = [f"{n} 7 car 0 {n % 2} 1.85 {BOX}\n" for n in range(frames)]
    rows += [
        "1 12 cyclist 0 3 -1.65 676.6 163.95 688.98 193.93 1.86 0.6 2.02 4.59 1.32 45.84 -1.55\n"
    ]
    named = printed(CALIBRATION)
    for old, new in OF_TRACKS.items():
        named = named.replace(old, new)
    way = "".join(f"49.01{n} 8.43 112.8 0.03 0.01 {0.1 * n} {' 0' * 24}\n" for n in range(frames))
    made = {
        "training/label_02/0000.txt": "".join(sorted(rows, key=lambda one: int(one.split()[0]))),
        "training/calib/0000.txt": named,
        "training/oxts/0000.txt": way,
    }
    files = {name: text.encode() for name, text in made.items()}
    for n in range(frames):
        files[f"training/velodyne/0000/{n:06}.bin"] = cloud(number=n)
        files[f"training/image_02/0000/{n:06}.png"] = png(1242, 375)
        files[f"training/image_03/0000/{n:06}.png"] = png(1242, 375)
    return files


# -- nuScenes ------------------------------------------------------------------------------------

START = 1532402927647951


def nuscenes(frames: int = 3) -> dict[str, bytes]:
    """A scene of a lidar and a camera that look 25 ms apart, each with its ego pose."""
    tables: dict[str, list[Doc]] = {
        "category": [{"token": "c1", "name": "car"}],
        "attribute": [{"token": "a1", "name": "vehicle.moving"}],
        "visibility": [{"token": "4", "level": "v80-100"}],
        "instance": [{"token": "i1", "category_token": "c1"}],
        "sensor": [
            {"token": "s1", "channel": "LIDAR_TOP", "modality": "lidar"},
            {"token": "s2", "channel": "CAM_FRONT", "modality": "camera"},
        ],
        "calibrated_sensor": [
            {
                **{"token": "m1", "sensor_token": "s1", "translation": [0.94, 0.0, 1.84]},
                **{"rotation": [0.7077955, -0.006492, 0.0106462, -0.7063073]},
                "camera_intrinsic": [],
            },
            {
                **{"token": "m2", "sensor_token": "s2", "translation": [1.7, 0.01, 1.51]},
                "rotation": [0.4998015, -0.5030316, 0.4997798, -0.4973709],
                "camera_intrinsic": [[1266.4, 0, 816.3], [0, 1266.4, 491.5], [0, 0, 1]],
            },
        ],
        "scene": [{"token": "x1", "name": "scene-0001"}],
    }
    tables |= {name: [] for name in ("sample", "sample_data", "ego_pose", "sample_annotation")}
    files = {}
    for n in range(frames):
        time = START + n * 500_123
        tables["sample"].append({"token": f"p{n}", "timestamp": time, "scene_token": "x1"})
        for channel, mount, when in (("LIDAR_TOP", "m1", time), ("CAM_FRONT", "m2", time - 25_001)):
            suffix = "pcd.bin" if mount == "m1" else "jpg"
            file = f"samples/{channel}/{when}.{suffix}"
            tables["ego_pose"].append(
                {
                    **{
                        "token": f"e{when}",
                        "timestamp": when,
                        "rotation": [0.572, 0, 0, 0.8202536],
                    },
                    "translation": [411.3 + (when - START) / 2e5, 1180.89, 0.0],
                }
            )
            tables["sample_data"].append(
                {
                    **{"token": f"d{when}", "sample_token": f"p{n}", "ego_pose_token": f"e{when}"},
                    **{"calibrated_sensor_token": mount, "timestamp": when, "is_key_frame": True},
                    **{"filename": file, "width": 1600 * (mount == "m2")},
                    "height": 900 * (mount == "m2"),
                }
            )
            files[file] = cloud(5, n) if mount == "m1" else png(1600, 900)
        tables["sample_annotation"].append(
            {
                **{"token": f"n{n}", "sample_token": f"p{n}", "instance_token": "i1"},
                **{"attribute_tokens": ["a1"], "visibility_token": "4", "num_lidar_pts": 0},
                **{"translation": [420.5 + n, 1190.25, 0.875], "size": [1.95, 4.62, 1.73]},
                "rotation": [0.9659258, 0, 0, 0.2588190],
            }
        )
    named = {f"v1.0-mini/{name}.json": json.dumps(rows).encode() for name, rows in tables.items()}
    return files | named


# -- Argoverse 2 ---------------------------------------------------------------------------------

FIRST = 315973157959879001


def argoverse2(frames: int = 3, log: str = "adcf7d18") -> dict[str, bytes]:
    """A log with a camera that looks twice a sweep, calibration, and the way at every moment."""
    stamps = [FIRST + n * 99_999_999 for n in range(frames)]
    boxes: dict[str, Any] = {
        "timestamp_ns": pa.array(stamps, pa.int64()),
        "track_uuid": ["t1"] * frames,
        "category": ["car"] * frames,
        **dict(zip(("length_m", "width_m", "height_m"), ([4.5], [1.9], [1.6]), strict=True)),
        **{"qw": [0.8], "qx": [0.0], "qy": [0.0], "qz": [0.6], "ty_m": [-2.125], "tz_m": [0.5]},
        "tx_m": [10.0 + n / 3 for n in range(frames)],
        "num_interior_pts": pa.array([0] * frames, pa.int64()),
    }
    columns = {k: v if len(v) == frames else v * frames for k, v in boxes.items()}
    moments = sorted({*stamps, *(one + 30_000_003 for one in stamps)})
    way: dict[str, Any] = {
        "timestamp_ns": pa.array(moments, pa.int64()),
        **{k: [v] * len(moments) for k, v in (("qw", 0.6), ("qx", 0.0), ("qy", 0.0), ("qz", 0.8))},
        "tx_m": [1468.87 + n for n in range(len(moments))],
        **{k: [v] * len(moments) for k, v in (("ty_m", 211.51), ("tz_m", 13.14))},
    }
    lens = {
        **{"sensor_name": ["ring_front_center"], "fx_px": [1686.36], "fy_px": [1686.36]},
        **{"cx_px": [775.33], "cy_px": [1020.79], "k1": [-0.2432], "k2": [-0.1941], "k3": [0.0327]},
        **{"height_px": [2048], "width_px": [1550]},
    }
    mounts: dict[str, Any] = {
        "sensor_name": ["ring_front_center", "up_lidar"],
        **{"qw": [0.5, 1.0], "qx": [-0.5, 0.0], "qy": [0.5, 0.0], "qz": [-0.5, 0.0]},
        **{"tx_m": [1.6335, 1.35], "ty_m": [-0.0009, 0.0], "tz_m": [1.36, 1.64]},
    }
    files = {
        f"{log}/annotations.feather": table(columns),
        f"{log}/city_SE3_egovehicle.feather": table(way),
        f"{log}/calibration/intrinsics.feather": table(lens),
        f"{log}/calibration/egovehicle_SE3_sensor.feather": table(mounts),
    }
    for n, stamp in enumerate(stamps):
        points = np.frombuffer(cloud(number=n), "<f4").reshape(-1, 4)
        files[f"{log}/sensors/lidar/{stamp}.feather"] = table(
            {axis: points[:, i].astype(np.float16) for i, axis in enumerate("xyz")}
            | {"intensity": np.full(len(points), 7, np.uint8)}
        )
        for when in (stamp + 30_000_003, stamp - 70_000_000):
            files[f"{log}/sensors/cameras/ring_front_center/{when}.png"] = png(1550, 2048)
    return files


def table(columns: dict[str, Any]) -> bytes:
    out = io.BytesIO()
    feather.write_feather(pa.table(columns), out, compression="lz4")
    return out.getvalue()


def rows_of(source: Source, name: str) -> list[Doc]:
    rows: list[Doc] = feather.read_table(io.BytesIO(source.read(name))).to_pylist()
    return rows
