"""What soundfile, pyloudnorm and OpenCV say of media files; clouds by pypcd4."""

import json
import sys

import cv2
import numpy as np
import pyloudnorm
import soundfile
from pypcd4 import PointCloud


def sound(path):
    samples, rate = soundfile.read(path)
    # The filters of the standard; the library's own default is a little beside them. It rounds the
    # number of blocks, so that the last may be cut off and quiet; the standard has none such.
    whole = samples[: len(samples) // (rate // 10) * (rate // 10)]
    loudness = pyloudnorm.Meter(rate, filter_class="DeMan").integrated_loudness(whole)
    channels = 1 if samples.ndim == 1 else samples.shape[1]
    return {
        "duration": len(samples) / rate,
        "rate": rate,
        "channels": channels,
        "loudness": loudness if np.isfinite(loudness) else None,
    }


def video(path):
    capture, frames = cv2.VideoCapture(path), 0
    while capture.grab():
        frames += 1
    width, height = capture.get(cv2.CAP_PROP_FRAME_WIDTH), capture.get(cv2.CAP_PROP_FRAME_HEIGHT)
    fps = capture.get(cv2.CAP_PROP_FPS)
    return {"frames": frames, "fps": fps, "width": int(width), "height": int(height)}


def image(path):
    height, width = cv2.imread(path, cv2.IMREAD_UNCHANGED | cv2.IMREAD_IGNORE_ORIENTATION).shape[:2]
    return {"width": width, "height": height}


def cloud(path):
    try:
        points = PointCloud.from_path(path).numpy(("x", "y", "z"))
    except ValueError:
        # It takes no fields of COUNT 0, which recorders write.
        return None
    placed = points[np.isfinite(points).all(axis=1)]
    reach = [*placed.min(axis=0), *placed.max(axis=0)]
    return {"points": len(points), "extent": " ".join(f"{float(v):.3f}" for v in reach)}


KINDS = {"audio": sound, "video": video, "image": image, "cloud": cloud}
asked = json.load(sys.stdin)
print(json.dumps([KINDS[kind](path) for kind, path in asked["files"]]))
