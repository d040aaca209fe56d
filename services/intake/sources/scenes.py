"""What labels of space say of their item beside the labels: calibration, sweeps, poses, times."""

from __future__ import annotations

from collections.abc import Callable

from libs.formats import Sample
from services.intake.domain import Doc, Project

# Of a sample's data what is asked for by type, and what a template without such a field lacks.
OF_SCENE = {
    "calibration": "calibration: the template has no data field of this type, so that deliveries"
    " cannot say it",
    "sweeps": "sweeps: the template has no data field of this type",
}
_TAKEN = ("data:", "blob:")
# Reads a file of a kind: the reference to it.
Take = Callable[[str, str], str]


class Scene:
    """Calibration and sweeps of a sample as data of an item; files are taken in one by one."""

    def __init__(self, sample: Sample, project: Project, take: Take) -> None:
        self._sample, self._take = sample, take
        self._fields = {one.type: one.name for one in reversed(project.data_fields)}
        given = [name for name in OF_SCENE if sample.data.get(name)]
        self._given = [name for name in given if name in self._fields]
        self.left_out = [OF_SCENE[name] for name in given if name not in self._fields]

    def data(self) -> Doc:
        """Return the data by field; raise `Refused` for a file that is not what it should be."""
        made: Doc = {}
        for name in self._given:
            value = self._sample.data[name]
            if name == "sweeps" and isinstance(value, list):
                value = [self._sweep(one) if isinstance(one, dict) else one for one in value]
            made[self._fields[name]] = value
        return made

    def time_of(self, camera: str) -> float:
        """Return when a camera looked, in seconds; 0 where its calibration does not tell."""
        rig = self._sample.data.get("calibration") or {}
        times = (one.get("time", 0) for one in rig.get("cameras", []) if one.get("name") == camera)
        return float(next(times, 0))

    def _sweep(self, one: Doc) -> Doc:
        made = self._taken(one, "cloud")
        if isinstance(one.get("cameras"), list):
            made["cameras"] = [self._taken(side, "image") for side in one["cameras"]]
        return made

    def _taken(self, one: Doc, kind: str) -> Doc:
        """An entry with its file taken in; our own labels bring references, which stay."""
        named = one.get(kind)
        if not isinstance(named, str) or named.startswith(_TAKEN):
            return dict(one)
        return {**one, kind: self._take(kind, named)}
