"""Facts of media as intake probes them, against soundfile, pyloudnorm, OpenCV and pypcd4."""

from __future__ import annotations

from pathlib import Path

from services.intake.probing import Corrupt, probe
from tests.interop import judges
from tests.interop.frame import Result, Row

_SUFFIXES = {
    "audio": (".wav", ".flac", ".mp3", ".ogg"),
    "video": (".mp4",),
    "image": (".jpg", ".jpeg", ".png"),
    "cloud": (".pcd",),
}
# Seconds, LUFS; everything else is equal.
_TOLERANCE = {"duration": 0.001, "loudness": 0.01, "fps": 1e-6}


def _row(kind: str) -> Row:
    def check(data: Path) -> Result:
        files = sorted(p for p in data.rglob("*") if p.suffix.lower() in _SUFFIXES[kind])
        result = Result(files=len(files))
        asked = {"files": [(kind, str(path)) for path in files]}
        told = judges.run("media", "media_facts", asked)
        result.judged = str(sum(facts is not None for facts in told))
        for path, facts in zip(files, told, strict=True):
            try:
                ours = probe(kind, path.read_bytes(), path.name).facts
            except Corrupt as corrupt:
                result.wrong.append(f"{path.name}: {corrupt}")
                continue
            # Not an `all`: every fact that is apart is told.
            alike = [
                result.same(f"{path.name}: {n}", ours.get(n), v, _TOLERANCE.get(n, 0.0))
                for n, v in (facts or {}).items()
            ]
            result.ours += all(alike)
        return result

    return Row(f"probing {kind}", ("media",), check)


ROWS = [_row(kind) for kind in _SUFFIXES]
