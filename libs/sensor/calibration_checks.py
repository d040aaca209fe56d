"""What is wrong with a rig of sensors, in words that say what to look at. Nothing here guesses: a
calibration is refused for what cannot be, and doubted for what is measured beside real data."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from libs.sensor import cameras, poses
from libs.sensor.calibration import Rig
from libs.sensor.cameras import FISHEYE, Camera

Array = np.ndarray
# Sensors of one car are nearer to each other than this, metres.
MOST_APART = 20.0
# Cameras and lidars of one scene look within this many seconds of each other.
MOST_SKEW = 0.2
# Faster than any car on a road, metres per second.
FASTEST = 100.0
# Of how far the principal point may be from the middle, the width or height.
_OFF_CENTRE = 0.5
# Fields of view (degrees) that lenses have.
_NARROWEST, _WIDEST = 1.0, {cameras.PINHOLE: 170.0, FISHEYE: 360.0}
_SQUARE = 0.2
# Pixels that landmarks may be from where a camera puts them, in the middle of all.
MOST_OFF = 5.0
Fault = tuple[str, str]


def faults(rig: Rig) -> Iterator[Fault]:
    """(path, reason) of everything that cannot be; none for a rig that may be right."""
    for i, camera in enumerate(rig.cameras):
        path = f"cameras[{i}]"
        yield from _lens(camera, path)
        yield from _place(camera.pose, f"{path}.pose")
        yield from _skew(camera.time, rig.lidar_time, f"{path}.time")
    yield from _place(rig.lidar, "lidar.pose")
    yield from _ways(rig)
    yield from _covered(rig)
    for camera in rig.cameras:
        yield from misaligned(rig, camera.name)


def _lens(camera: Camera, path: str) -> Iterator[Fault]:
    (fx, fy), (cx, cy) = camera.focal, camera.centre
    if fx <= 0 or fy <= 0:
        yield f"{path}.focal", "must be above zero, in pixels"
        return
    if abs(fx - fy) > _SQUARE * max(fx, fy):
        yield f"{path}.focal", f"{fx:g} and {fy:g} differ by a fifth: pixels are square"
    width, height = camera.width, camera.height
    if not (
        abs(cx - width / 2) <= _OFF_CENTRE * width and abs(cy - height / 2) <= _OFF_CENTRE * height
    ):
        words = f"({cx:g}, {cy:g}) lies outside of an image of {width} x {height} pixels"
        yield f"{path}.centre", f"{words}; is the size that of another scale?"
    view = float(np.degrees(2 * np.arctan(width / 2 / fx)))
    if camera.model == FISHEYE:
        view = float(np.degrees(width / fx))
    if not _NARROWEST <= view <= _WIDEST[camera.model]:
        yield f"{path}.focal", f"would see {view:.3g} degrees; are these pixels, not millimetres?"
    yield from _folds(camera, path)


def _folds(camera: Camera, path: str) -> Iterator[Fault]:
    """A lens does not show the same pixel twice."""
    if not camera.distortion:
        return
    width, height = camera.width, camera.height
    corners = np.array([[0, 0], [width, 0], [0, height], [width, height]], dtype=np.float64)
    # Halfway to the corners: at the very edge many calibrations are made up.
    bent = (corners - np.array(camera.centre)) @ np.linalg.inv(camera.matrix[:2, :2]).T / 2
    with np.errstate(all="ignore"):
        seen = cameras.undistort(camera, bent)
        # A stretch on which the pixels come back to where they were is a fold, too.
        shares = np.linspace(0, 1, 200)[:, None, None]
        there = cameras.distort(camera, (shares * seen[None]).reshape(-1, 2)).reshape(200, -1, 2)
        outward = np.diff(np.linalg.norm(there, axis=2), axis=0)
    if not np.isfinite(seen).all() or not (outward > 0).all():
        words = "folds the image over itself halfway to its corners; is their order k1, k2, p1, p2?"
        if camera.model == FISHEYE:
            words = "folds the image over itself halfway to its corners; is it a pinhole's?"
        yield f"{path}.distortion", words


def _place(pose: Array, path: str) -> Iterator[Fault]:
    turn = pose[:3, :3]
    if np.linalg.det(turn) < 0.5 or np.abs(turn @ turn.T - np.eye(3)).max() > 1e-3:
        yield path, "is no rotation: its determinant must be 1"
    far = float(np.linalg.norm(pose[:3, 3]))
    if far > MOST_APART:
        yield path, f"stands {far:.0f} m from the rig; are these metres, and not millimetres?"


def _skew(time: float | None, other: float | None, path: str) -> Iterator[Fault]:
    if time is not None and other is not None and abs(time - other) > MOST_SKEW:
        words = (
            f"is {abs(time - other):.3g} s from the lidar's; at most {MOST_SKEW} s are one scene"
        )
        yield path, f"{words}: are these seconds?"


def _ways(rig: Rig) -> Iterator[Fault]:
    """No car flies, and what is looked at lies between known poses."""
    for i, ((t0, a), (t1, b)) in enumerate(pairwise(zip(rig.times, rig.ego, strict=True)), 1):
        speed = float(np.linalg.norm(b[:3, 3] - a[:3, 3])) / (t1 - t0)
        if speed > FASTEST:
            yield f"ego[{i}].pose", f"would be {speed:.0f} m/s: are these metres and seconds?"
            return
    if not rig.times:
        return
    for path, time in [
        ("lidar.time", rig.lidar_time),
        *((f"cameras[{i}].time", one.time) for i, one in enumerate(rig.cameras)),
    ]:
        if time is not None and not rig.times[0] <= time <= rig.times[-1]:
            yield (
                path,
                f"{time:g} s is outside of the ego poses, {rig.times[0]:g} to {rig.times[-1]:g}",
            )


def _covered(rig: Rig) -> Iterator[Fault]:
    """A camera that looks into the sky or the ground has its axes in another order."""
    for i, camera in enumerate(rig.cameras):
        ahead = camera.pose[:3, 2]
        if abs(ahead[2]) > np.sin(np.radians(80)):
            words = "looks straight " + ("up" if ahead[2] > 0 else "down")
            yield (
                f"cameras[{i}].pose",
                f"{words}: the camera's axes are x right, y down, z forward, the rig's x forward,"
                " y left, z up",
            )
        elif camera.pose[2, 1] > np.sin(np.radians(80)):
            yield f"cameras[{i}].pose", "holds the image upside down: the camera's y goes down"


# -- beside data -----------------------------------------------------------------------------


def unseen(rig: Rig, points: Array) -> Iterator[Fault]:
    """Cameras in whose image no point of the lidar (n, 3) falls, though all around are some: axes
    in another order, or the inverse of the pose."""
    for i, camera in enumerate(rig.cameras):
        if len(points) and not rig.project(points, camera.name)[2].any():
            words = "no point of the cloud falls into its image"
            inverse = poses.inverse(rig.to_camera_pose(camera.name))
            turned = cameras.project(camera, poses.apply(inverse, points))[2]
            hint = "; the pose seems to be the inverse one" if turned.mean() > 0.01 else ""
            yield f"cameras[{i}].pose", words + hint


def reprojection(rig: Rig, name: str, points: Array, pixels: Array) -> Array:
    """(n,) pixels between where points (n, 3) of the lidar should be seen (n, 2) and where the
    calibration puts them; infinite for those behind the camera."""
    found, depth, _ = rig.project(points, name)
    off = np.linalg.norm(found - pixels, axis=1)
    return np.where(depth > cameras.NEAR, off, np.inf)


def misaligned(rig: Rig, name: str) -> Iterator[Fault]:
    """A camera that puts its landmarks more than `MOST_OFF` pixels (median) from where they were
    seen."""
    marks = rig.camera(name).landmarks
    off = float(np.median(reprojection(rig, name, marks[:, :3], marks[:, 3:]))) if len(marks) else 0
    if off > MOST_OFF:
        place = [one.name for one in rig.cameras].index(name)
        most = f"at most {MOST_OFF:g} will do"
        said = "behind it" if np.isinf(off) else f"{off:.1f} pixels off"
        yield f"cameras[{place}].landmarks", f"this camera puts them {said} (median); {most}"
