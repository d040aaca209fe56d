"""Point clouds: how many points, how far they reach, how many are nowhere."""

from __future__ import annotations

import numpy as np

from libs.sensor import point_clouds
from services.intake.probing.finding import Corrupt, Finding, Probe


def probe(content: bytes, name: str) -> Probe:
    """points, extent ("x0 y0 z0 x1 y1 z1", metres), nan (share of points without a place)."""
    try:
        points = point_clouds.read(content, name).points
    except point_clouds.Unreadable as error:
        raise Corrupt(str(error)) from error
    placed = points[np.isfinite(points).all(axis=1)]
    nowhere = 1 - len(placed) / len(points)
    facts: dict[str, float | int | str] = {"points": len(points), "nan": round(nowhere, 4)}
    if not len(placed):
        return Probe(facts, (Finding("blank", "no point has a place"),))
    reach = [*placed.min(axis=0), *placed.max(axis=0)]
    facts["extent"] = " ".join(f"{float(v):.3f}" for v in reach)
    odd = (Finding("nan_points", f"{nowhere:.1%} of the points have no place"),)
    return Probe(facts, odd if nowhere else ())
