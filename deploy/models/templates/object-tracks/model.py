"""Objects of the 80 COCO classes followed over frames: YOLOX-nano on each frame, boxes joined by
overlap with where they should be.

INPUT is a zip archive of the frames' images in the order of its entries.
{"value": {"tracks": ...}}: rectangles at key frames.
"""

import io
import zipfile
from pathlib import Path

import association
import detector
import numpy as np
import picture
import runtime

MOST_FRAMES, MOST_BYTES = 600, 2**28
# Boxes below this are nothing; tracks of fewer boxes are chance, where there are more frames.
LEAST_SCORE, LEAST_BOXES = 0.2, 3
# Pixels that an interpolated box may be off, and share of its shorter side.
CLOSE, CLOSE_SHARE = 2.0, 0.05


class TritonPythonModel:
    def initialize(self, args):
        self._detector = detector.Detector(Path(__file__).parent)
        self._classes = runtime.labels_of(args)

    def execute(self, requests):
        return runtime.documents(requests, self._tracks)

    def _tracks(self, row):
        followed, count, size = association.Association(), 0, (0, 0)
        for content in frames_of(row):
            image = picture.rgb(content)
            rows = self._detector(image, LEAST_SCORE)
            followed.see(count, rows[(rows[:, 2:4] - rows[:, :2]).min(1, initial=np.inf) >= 1])
            count, size = count + 1, image.size
        least = min(LEAST_BOXES, (count + 1) // 2)
        tracks = [track for track in followed.tracks if len(track.boxes) >= least]
        documents = [self._document(n, track, count, size) for n, track in enumerate(tracks, 1)]
        return {"value": {"tracks": {"tracks": documents}}}

    def _document(self, number, track, count, size):
        boxes = {frame: box.clip(0, [*size, *size]) for frame, box in track.boxes.items()}
        close = max(CLOSE, *(CLOSE_SHARE * min(box[2:] - box[:2]) for box in boxes.values()))
        frames = [
            {"frame": frame, "rect": picture.rect(boxes[frame])}
            for frame in association.key_frames(boxes, close)
        ]
        if frames and frames[-1]["frame"] + 1 < count:
            frames.append({**frames[-1], "frame": frames[-1]["frame"] + 1, "outside": True})
        return {
            "id": f"t{number}",
            "class": self._classes[track.name],
            "score": runtime.rounded(sum(track.scores) / len(track.scores), 4),
            "frames": [{k: v for k, v in one.items() if k != "frame" or v} for one in frames],
        }


def frames_of(packed):
    """The bytes of each frame's file."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(packed))
    except zipfile.BadZipFile as error:
        raise runtime.Unreadable("the frames are no zip archive") from error
    with archive:
        entries = archive.infolist()
        if len(entries) > MOST_FRAMES:
            raise runtime.Unreadable(f"more than {MOST_FRAMES} frames")
        if sum(one.file_size for one in entries) > MOST_BYTES:
            raise runtime.Unreadable(f"frames of more than {MOST_BYTES} bytes")
        for one in entries:
            yield archive.read(one)
