"""Cameras: what of a scene falls on which pixel, and back.

Pinhole with the distortion of Brown (1966) and Conrady (1919) as OpenCV numbers it, `k1, k2, p1,
p2, k3, k4, k5, k6` (the last three are the rational model's denominator); fisheye after Kannala
and Brandt (2006), `k1 .. k4`. Points are metres in the camera's frame: x right, y down, z forward.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

Array = np.ndarray
PINHOLE, FISHEYE = "pinhole", "fisheye"
COEFFICIENTS = {PINHOLE: 8, FISHEYE: 4}
# Nearer than this, metres, is no projection.
NEAR = 1e-6
_ROUNDS = 50
_EXACT = 1e-12


@dataclass(frozen=True)
class Camera:
    """`pose` (4, 4) brings points of the camera's frame into that of the rig (ego); lengths of
    the image in pixels, `focal` (fx, fy) and `centre` (cx, cy) too. `landmarks` (n, 5) are places
    of the lidar's frame that were measured to be seen at pixels: x, y, z, u, v."""

    name: str
    width: int
    height: int
    focal: tuple[float, float]
    centre: tuple[float, float]
    skew: float = 0.0
    model: str = PINHOLE
    distortion: tuple[float, ...] = ()
    pose: Array = field(default_factory=lambda: np.eye(4))
    time: float | None = None
    landmarks: Array = field(default_factory=lambda: np.empty((0, 5)))

    @property
    def matrix(self) -> Array:
        """(3, 3) intrinsics."""
        (fx, fy), (cx, cy) = self.focal, self.centre
        return np.array([[fx, self.skew, cx], [0, fy, cy], [0, 0, 1.0]])


def project(camera: Camera, points: ArrayLike) -> tuple[Array, Array, Array]:
    """((n, 2) pixels, (n,) depth in metres, (n,) bool: in front of the camera, within the image
    and where its distortion can be inverted) of points (n, 3) in the camera's frame."""
    p = np.asarray(points, dtype=np.float64).reshape(-1, 3)
    depth = p[:, 2]
    safe = np.where(depth > NEAR, depth, 1.0)
    flat = distort(camera, p[:, :2] / safe[:, None])
    pixels = flat @ camera.matrix[:2, :2].T + np.array(camera.centre)
    within = (pixels >= 0).all(axis=1) & (pixels < (camera.width, camera.height)).all(axis=1)
    radius = np.hypot(*(p[:, :2] / safe[:, None]).T)
    return pixels, depth, (depth > NEAR) & within & (radius <= reach(camera))


def distort(camera: Camera, flat: Array) -> Array:
    """(n, 2) where the lens puts directions (n, 2) = (x/z, y/z)."""
    if camera.model == FISHEYE:
        radius = np.hypot(flat[:, 0], flat[:, 1])
        angle = np.arctan(radius)
        bent = _fisheye(camera, angle)
        return (
            flat * np.divide(bent, radius, out=np.ones_like(radius), where=radius > _EXACT)[:, None]
        )
    if not camera.distortion:
        return flat
    k1, k2, p1, p2, k3, k4, k5, k6 = _padded(camera)
    x, y = flat[:, 0], flat[:, 1]
    square = x * x + y * y
    radial = (1 + square * (k1 + square * (k2 + square * k3))) / (
        1 + square * (k4 + square * (k5 + square * k6))
    )
    return np.stack(
        [
            x * radial + 2 * p1 * x * y + p2 * (square + 2 * x * x),
            y * radial + p1 * (square + 2 * y * y) + 2 * p2 * x * y,
        ],
        axis=1,
    )


def unproject(camera: Camera, pixels: ArrayLike, depth: ArrayLike) -> Array:
    """(n, 3) points in the camera's frame at depths (n,) metres (along z) behind pixels (n, 2);
    NaN where no direction is seen there."""
    p = np.asarray(pixels, dtype=np.float64).reshape(-1, 2) - np.array(camera.centre)
    bent = p @ np.linalg.inv(camera.matrix[:2, :2]).T
    flat = undistort(camera, bent)
    far = np.asarray(depth, dtype=np.float64)
    return np.concatenate([flat * far[:, None], far[:, None]], axis=1)


def undistort(camera: Camera, bent: Array) -> Array:
    """(n, 2) directions that the lens puts at (n, 2), by Newton's method; NaN where none is."""
    if camera.model == FISHEYE:
        return _fisheye_back(camera, bent)
    if not camera.distortion:
        return bent
    flat = bent.copy()
    for _ in range(_ROUNDS):
        off = distort(camera, flat) - bent
        if np.abs(off).max(initial=0) < _EXACT:
            break
        flat = flat - np.linalg.solve(_slopes(camera, flat), off[..., None])[..., 0]
    wrong = np.abs(distort(camera, flat) - bent).max(axis=1, initial=0) > 1e-9
    wrong |= np.hypot(flat[:, 0], flat[:, 1]) > reach(camera)
    return np.where(wrong[:, None], np.nan, flat)


def reach(camera: Camera) -> float:
    """Largest radius of a direction (x/z, y/z) up to which the distortion still grows: beyond it
    the lens would fold the scene over itself; infinite where it never does."""
    if not camera.distortion:
        return np.inf
    if camera.model == FISHEYE:
        angles = np.linspace(0, np.pi / 2, 2000)[:-1]
        radii, bent = np.tan(angles), _fisheye(camera, angles)
    else:
        radii = np.linspace(0, 10, 4001)
        bent = distort(camera, np.stack([radii, np.zeros_like(radii)], axis=1))[:, 0]
    falls = np.flatnonzero(np.diff(bent) <= 0)
    return float(radii[falls[0]]) if len(falls) else np.inf


def rays(camera: Camera, pixels: ArrayLike) -> Array:
    """(n, 3) directions of length 1 in the camera's frame."""
    p = np.asarray(pixels, dtype=np.float64).reshape(-1, 2)
    found = unproject(camera, p, np.ones(len(p)))
    return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True))


def _padded(camera: Camera) -> tuple[float, ...]:
    return (*camera.distortion, *(0.0,) * (8 - len(camera.distortion)))


def _fisheye(camera: Camera, angle: Array) -> Array:
    k = (*camera.distortion, *(0.0,) * (4 - len(camera.distortion)))
    square = angle * angle
    sum_ = 1 + square * (k[0] + square * (k[1] + square * (k[2] + square * k[3])))
    return np.asarray(angle * sum_)


def _fisheye_back(camera: Camera, bent: Array) -> Array:
    radius = np.hypot(bent[:, 0], bent[:, 1])
    angle, step = radius.copy(), 1e-7
    for _ in range(_ROUNDS):
        off = _fisheye(camera, angle) - radius
        slope = (_fisheye(camera, angle + step) - _fisheye(camera, angle - step)) / (2 * step)
        angle = angle - off / np.where(np.abs(slope) > 1e-6, slope, 1e-6)
        if np.abs(off).max(initial=0) < _EXACT:
            break
    good = np.abs(_fisheye(camera, angle) - radius) < 1e-9
    good &= (angle >= 0) & (angle < np.pi / 2) & (np.tan(angle) <= reach(camera))
    length = np.where(good, np.tan(np.where(good, angle, 0)), np.nan)
    share = np.divide(length, radius, out=np.ones_like(radius), where=radius > _EXACT)
    return bent * share[:, None]


def _slopes(camera: Camera, flat: Array) -> Array:
    """(n, 2, 2) how the bent direction changes with the straight one."""
    step, columns = 1e-7, []
    for axis in np.eye(2):
        ahead, behind = distort(camera, flat + step * axis), distort(camera, flat - step * axis)
        columns.append((ahead - behind) / (2 * step))
    return np.stack(columns, axis=-1)
