"""Does a calibration see what its cameras should? Beside the item's own cloud."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from libs.sensor import calibration, calibration_checks, point_clouds
from libs.sensor.calibration import Miscalibrated
from services.intake.probing import Finding

CODE = "miscalibrated"
# Points that are looked at: where a camera looks shows in few.
_SOME = 20_000


def findings(path: str, rig: Any, content: bytes, name: str) -> Iterator[Finding]:
    """Cameras of a checked rig (document) in whose image no point of the cloud falls. A cloud that
    cannot be read has its own finding."""
    if not rig:
        return
    try:
        points = point_clouds.read(content, name).points
        found = calibration.rig(rig)
    except (point_clouds.Unreadable, Miscalibrated):
        return
    placed = points[np.isfinite(points).all(axis=1)]
    step = max(1, len(placed) // _SOME)
    for where, reason in calibration_checks.unseen(found, placed[::step]):
        yield Finding(CODE, f"{path}.{where}: {reason}")
