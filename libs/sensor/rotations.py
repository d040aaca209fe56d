"""Rotations as unit quaternions (w, x, y, z) and matrices, many at once.

Quaternions after Sola (2017), "Quaternion kinematics for the error-state Kalman filter"
(Hamilton's convention, active: they turn the object's own axes into those of the frame).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

Array = np.ndarray
_SMALL = 1e-12
# Closer than this, slerp's sines are too small to divide by.
_CLOSE = 0.9995


def _products() -> Array:
    """(9, 16): a matrix, flat, times this is four times the products of its quaternion's parts,
    (4, 4), flat, less 1 on the diagonal."""
    made = np.zeros((3, 3, 4, 4))
    for i in range(3):
        j, k = (i + 1) % 3, (i + 2) % 3
        made[i, i] = np.diag([1, *(1 if one == i else -1 for one in range(3))])
        made[k, j, [0, 1 + i], [1 + i, 0]] = 1
        made[j, k, [0, 1 + i], [1 + i, 0]] = -1
        for row, column in ((j, k), (k, j)):
            made[row, column, [1 + j, 1 + k], [1 + k, 1 + j]] = 1
    return made.reshape(9, 16)


_PRODUCTS = _products()


def unit(quaternions: ArrayLike) -> Array:
    """(..., 4) of length 1; ValueError where one has no length."""
    q = np.asarray(quaternions, dtype=np.float64)
    length = np.sqrt((q * q).sum(axis=-1, keepdims=True))
    if not ((length >= _SMALL) & (length < np.inf)).all():
        raise ValueError("a rotation of no length")
    return q / length


def matrix(quaternions: ArrayLike) -> Array:
    """(..., 3, 3) of (..., 4)."""
    q = unit(quaternions)
    made = np.empty((*q.shape[:-1], 3, 3))
    w, x, y, z = np.moveaxis(q, -1, 0)
    # Written in place: stacking takes longer than all that is computed.
    made[..., 0, 0] = 1 - 2 * (y * y + z * z)
    made[..., 0, 1] = 2 * (x * y - w * z)
    made[..., 0, 2] = 2 * (x * z + w * y)
    made[..., 1, 0] = 2 * (x * y + w * z)
    made[..., 1, 1] = 1 - 2 * (x * x + z * z)
    made[..., 1, 2] = 2 * (y * z - w * x)
    made[..., 2, 0] = 2 * (x * z - w * y)
    made[..., 2, 1] = 2 * (y * z + w * x)
    made[..., 2, 2] = 1 - 2 * (x * x + y * y)
    return made


def quaternion(matrices: ArrayLike) -> Array:
    """(..., 4) with w >= 0 of rotation matrices (..., 3, 3): the largest of the four squared parts
    is taken first, so that nothing small is divided by."""
    m = np.asarray(matrices, dtype=np.float64)
    products = (m.reshape(-1, 9) @ _PRODUCTS).reshape(-1, 4, 4)
    first = products.diagonal(axis1=1, axis2=2).argmax(axis=1)
    every = np.arange(len(first))
    # The products with one part are the quaternion times that part.
    out = products[every, first]
    out[every, first] += 1
    out = unit(out)
    out[out[:, 0] < 0] *= -1
    return out.reshape((*m.shape[:-2], 4))


def multiply(q: ArrayLike, r: ArrayLike) -> Array:
    """(..., 4): first `r`, then `q`."""
    a, b = np.asarray(q, dtype=np.float64), np.asarray(r, dtype=np.float64)
    w = a[..., 0] * b[..., 0] - (a[..., 1:] * b[..., 1:]).sum(axis=-1)
    xyz = a[..., :1] * b[..., 1:] + b[..., :1] * a[..., 1:] + np.cross(a[..., 1:], b[..., 1:])
    return np.concatenate([w[..., None], xyz], axis=-1)


def inverse(quaternions: ArrayLike) -> Array:
    """(..., 4) that turn back."""
    return unit(quaternions) * np.array([1.0, -1.0, -1.0, -1.0])


def yaw(quaternions: ArrayLike) -> Array:
    """(...,) radians, -pi to pi: where the object's own x axis points on the ground, anticlockwise
    from x."""
    w, x, y, z = np.moveaxis(unit(quaternions), -1, 0)
    return np.asarray(np.arctan2(2 * (x * y + w * z), 1 - 2 * (y * y + z * z)))


def of_yaw(yaws: ArrayLike) -> Array:
    """(..., 4) of turns (...,) about the z axis, w >= 0."""
    half = wrap(yaws) / 2
    zero = np.zeros_like(half)
    return np.stack([np.cos(half), zero, zero, np.sin(half)], axis=-1)


def slerp(q0: ArrayLike, q1: ArrayLike, t: ArrayLike) -> Array:
    """(..., 4) at the parts `t` (...,) of the way, the short way round (Shoemake 1985)."""
    a, b = unit(q0), unit(q1)
    part = np.asarray(t, dtype=np.float64)[..., None]
    dot = (a * b).sum(axis=-1, keepdims=True)
    b, dot = np.where(dot < 0, -b, b), np.abs(dot)
    angle = np.arccos(np.clip(dot, -1, 1))
    close = dot > _CLOSE
    sine = np.where(close, 1.0, np.sin(angle))
    first = np.where(close, 1 - part, np.sin((1 - part) * angle) / sine)
    second = np.where(close, part, np.sin(part * angle) / sine)
    return unit(first * a + second * b)


def mean(quaternions: ArrayLike, weights: ArrayLike) -> Array:
    """(4,) of (n, 4) weighted (n,): the rotation with the least squared distance to all of them
    (Markley et al. 2007, "Averaging quaternions"), w >= 0."""
    q, w = unit(quaternions), np.asarray(weights, dtype=np.float64)
    _, vectors = np.linalg.eigh(np.einsum("n,ni,nj->ij", w, q, q))
    found = vectors[:, -1]
    return np.asarray(found if found[0] >= 0 else -found)


def wrap(angles: ArrayLike, period: float = 2 * np.pi) -> Array:
    """(...,) the same angles within half a period of 0."""
    half = period / 2
    return np.asarray((np.asarray(angles, dtype=np.float64) + half) % period - half)


def difference(yaw_a: ArrayLike, yaw_b: ArrayLike, period: float = 2 * np.pi) -> Array:
    """(...,) radians from `yaw_b` to `yaw_a`, the short way; `period` pi where front and back look
    alike."""
    return wrap(np.asarray(yaw_a, dtype=np.float64) - np.asarray(yaw_b, dtype=np.float64), period)
