"""The way of KITTI's raw recordings: what its OXTS 3003 unit measured, as ego poses.

After the raw data's devkit (`dataformat.txt`, `convertOxtsToPose`): latitude, longitude, altitude,
roll, pitch and yaw begin a packet; places are Mercator's at the scale of the first packet.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np

from libs.sensor import poses, rotations
from libs.sensor.calibration import MOST_POSES, Miscalibrated

Array = np.ndarray
# Metres: the earth's radius as the devkit has it.
_EARTH = 6378137.0
# Mercator's places leave all bounds towards the poles; degrees.
_MOST_LATITUDE = 85.0
_FIELDS, _USED = 30, 6
_STAMP = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)(\.\d{1,9})?")
STAMPS = "oxts/timestamps.txt"


def way(stamps: str, packets: Sequence[tuple[str, str]]) -> tuple[Array, tuple[float, ...]]:
    """((n, 4, 4) poses of the IMU in a world that begins where it did: x east, y north, z up;
    their times in seconds since 1970 by the recording's clock) of the text of `timestamps.txt` and
    of the packets, (name of the file, text), in order. Raises `Miscalibrated`."""
    lines = [line.strip() for line in stamps.splitlines() if line.strip()]
    if len(lines) != len(packets):
        words = f"has {len(lines)} times for {len(packets)} packets of oxts/data"
        raise Miscalibrated(STAMPS, words)
    if not 0 < len(lines) <= MOST_POSES:
        raise Miscalibrated(STAMPS, f"must have 1 to {MOST_POSES} times")
    times = tuple(_seconds(line, f"{STAMPS}:{i}") for i, line in enumerate(lines, 1))
    for i in range(1, len(times)):
        if times[i] <= times[i - 1]:
            raise Miscalibrated(f"{STAMPS}:{i + 1}", "must be after the time ahead of it")
    return placed(packets), times


def placed(packets: Sequence[tuple[str, str]]) -> Array:
    """Return the (n, 4, 4) poses of `way`, whose times nothing tells; raise `Miscalibrated`."""
    rows = np.array([_packet(text, name) for name, text in packets])
    return poses.pose(_places(rows), _turns(rows))


def _places(rows: Array) -> Array:
    """(n, 3) metres from the first packet's place."""
    latitude, longitude = np.radians(rows[:, 0]), np.radians(rows[:, 1])
    scale = np.cos(latitude[0]) * _EARTH
    north = np.log(np.tan(np.pi / 4 + latitude / 2))
    places = np.stack([scale * longitude, scale * north, rows[:, 2]], axis=1)
    return np.asarray(places - places[0])


def _turns(rows: Array) -> Array:
    """(n, 4) quaternions: roll about x first, then pitch about y, then yaw about z."""
    made = np.zeros((3, len(rows), 4))
    for axis in range(3):
        made[axis, :, 0] = np.cos(rows[:, 3 + axis] / 2)
        made[axis, :, 1 + axis] = np.sin(rows[:, 3 + axis] / 2)
    roll, pitch, yaw = made
    return rotations.multiply(yaw, rotations.multiply(pitch, roll))


def _packet(text: str, name: str) -> list[float]:
    """Latitude, longitude (degrees), altitude (metres), roll, pitch, yaw (radians)."""
    words = text.split()
    if len(words) != _FIELDS:
        raise Miscalibrated(name, f"a packet has {_FIELDS} numbers, not {len(words)}")
    try:
        numbers = [float(word) for word in words[:_USED]]
    except ValueError as error:
        raise Miscalibrated(name, f"must be numbers: {error}") from error
    if not np.isfinite(numbers).all():
        raise Miscalibrated(name, "must be finite numbers")
    if abs(numbers[0]) > _MOST_LATITUDE or abs(numbers[1]) > 180:
        words_ = f"latitude {numbers[0]:g}, longitude {numbers[1]:g} degrees are no place to drive"
        raise Miscalibrated(name, words_)
    return numbers


def _seconds(line: str, where: str) -> float:
    found = _STAMP.fullmatch(line)
    try:
        if found:
            whole = datetime.strptime(found[1], "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
            return whole.timestamp() + float(found[2] or 0)
    except ValueError:
        pass
    raise Miscalibrated(where, f"{line[:50]!r} is no time such as 2011-09-26 13:02:25.594360375")
