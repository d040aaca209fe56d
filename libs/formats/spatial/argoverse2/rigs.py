"""Cameras and poses of Argoverse 2's logs: `calibration/` and `city_SE3_egovehicle.feather`.

`intrinsics.feather` has a row a camera (`fx_px`, `fy_px`, `cx_px`, `cy_px`, `k1`, `k2`, `k3`,
`height_px`, `width_px`), `egovehicle_SE3_sensor.feather` a pose in the vehicle a sensor. Clouds are
in the frame of the vehicle already, so that a log's `lidar` stands where the vehicle does.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.feather as feather

from libs.formats import Doc, Unfit
from libs.formats.decoding import number
from libs.sensor import poses, rotations
from libs.sensor.calibration import Rig
from libs.sensor.cameras import PINHOLE, Camera

Array = np.ndarray
CITY = "city_SE3_egovehicle.feather"
INTRINSICS = "calibration/intrinsics.feather"
MOUNTS = "calibration/egovehicle_SE3_sensor.feather"
POSES = ("qw", "qx", "qy", "qz", "tx_m", "ty_m", "tz_m")
_LENS = ("fx_px", "fy_px", "cx_px", "cy_px", "k1", "k2", "k3")
_SIDES = ("height_px", "width_px")
SECOND = 1_000_000_000
# Before and after the first moment: what 64 bits hold in nanoseconds, 292 years.
MOST_SECONDS = 9_223_372_036


def city(vehicle: Array, stamps: list[int]) -> bytes:
    """The table of poses (n, 4, 4) of the vehicle in the city at n times."""
    turns = rotations.quaternion(vehicle[:, :3, :3])
    columns: dict[str, Any] = {"timestamp_ns": pa.array(stamps, pa.int64())}
    columns |= zip(POSES, [*turns.T, *vehicle[:, :3, 3].T], strict=True)
    return packed(pa.table(columns))


def calibration_files(rig: Rig) -> Iterator[tuple[str, bytes]]:
    """(name, content) of `calibration/`; none where the rig has no camera that fits there."""
    held = [one for one in rig.cameras if _fits(one)]
    if not held:
        return
    names = pa.array([one.name for one in held], pa.string())
    lenses = np.array([[*one.focal, *one.centre, *_radial(one)] for one in held])
    lens: dict[str, Any] = {"sensor_name": names} | dict(zip(_LENS, lenses.T, strict=True))
    sides = ([one.height for one in held], [one.width for one in held])
    lens |= {k: pa.array(v, pa.int64()) for k, v in zip(_SIDES, sides, strict=True)}
    yield INTRINSICS, packed(pa.table(lens))
    placed = np.stack([one.pose for one in held])
    turns = rotations.quaternion(placed[:, :3, :3])
    mount: dict[str, Any] = {"sensor_name": names}
    mount |= zip(POSES, [*turns.T, *placed[:, :3, 3].T], strict=True)
    yield MOUNTS, packed(pa.table(mount))


def cameras(lenses: list[Doc], mounts: Mapping[str, Doc]) -> Iterator[Camera]:
    """Cameras of the rows of `INTRINSICS`, and of `MOUNTS` by name; raises `Unfit`."""
    for one in lenses:
        name = str(one.get("sensor_name"))
        if name not in mounts:
            raise Unfit(f"{MOUNTS}: there is no sensor {name[:100]}")
        mount = [number(mounts[name].get(k), k) for k in POSES]
        fx, fy, cx, cy, k1, k2, k3 = (number(one.get(k), k) for k in _LENS)
        height, width = (int(number(one.get(k), k)) for k in _SIDES)
        bent = (k1, k2, 0.0, 0.0, k3) if any((k1, k2, k3)) else ()
        try:
            pose = poses.pose(mount[4:], mount[:4])
        except ValueError as error:
            raise Unfit(f"{MOUNTS}: {name[:100]}: {error}") from error
        yield Camera(name, width, height, (fx, fy), (cx, cy), distortion=bent, pose=pose)


def packed(table: pa.Table) -> bytes:
    """The bytes of a Feather file."""
    out = io.BytesIO()
    feather.write_feather(table, out, compression="lz4")
    return out.getvalue()


def unheld(rig: Rig) -> list[str]:
    """Names of cameras whose lens Argoverse 2 has no place for."""
    return [one.name for one in rig.cameras if not _fits(one)]


def _fits(one: Camera) -> bool:
    k = (*one.distortion, *(0.0,) * 8)
    return one.model == PINHOLE and not one.skew and not any((k[2], k[3], *k[5:8]))


def _radial(one: Camera) -> tuple[float, float, float]:
    k = (*one.distortion, *(0.0,) * 8)
    return k[0], k[1], k[4]
