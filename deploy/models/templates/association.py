"""Boxes of single frames become tracks: each box goes to the track whose predicted place it
overlaps most, sure boxes first, doubtful ones for what is left (after Zhang et al. 2022)."""

import numpy as np
from scipy.optimize import linear_sum_assignment

# Sure boxes begin tracks; doubtful ones only carry them on.
SURE = 0.45
# Least overlap (IoU) with the predicted place; the second time it must be plainer.
NEAR, PLAIN = 0.2, 0.4
# Frames that a track waits for its object.
PATIENCE = 15
# How much of a new speed counts.
FRESH = 0.4


class Track:
    def __init__(self, frame, box, score, name):
        self.name, self.boxes, self.scores = name, {frame: box}, [score]
        self.last, self.speed = frame, np.zeros(4)

    def at(self, frame):
        """Where it should be, (4,) x1, y1, x2, y2."""
        return self.boxes[self.last] + self.speed * (frame - self.last)

    def add(self, frame, box, score):
        moved = (box - self.boxes[self.last]) / (frame - self.last)
        known = FRESH if len(self.boxes) > 1 else 1.0
        self.speed = (1 - known) * self.speed + known * moved
        self.boxes[frame], self.last = box, frame
        self.scores.append(score)


class Association:
    """`see` the frames' boxes in order; `tracks` holds what came of them."""

    def __init__(self):
        self.tracks = []

    def see(self, frame, rows):
        """Rows (n, 6) x1, y1, x2, y2, score, class of one frame."""
        rows = np.asarray(rows, float).reshape(-1, 6)
        open_ = [track for track in self.tracks if frame - track.last <= PATIENCE]
        sure, doubtful = rows[rows[:, 4] >= SURE], rows[rows[:, 4] < SURE]
        left, fresh = self._match(frame, open_, sure, NEAR)
        seen_before = [track for track in left if track.last == frame - 1]
        self._match(frame, seen_before, doubtful, PLAIN)
        for row in fresh:
            self.tracks.append(Track(frame, row[:4], row[4], int(row[5])))

    def _match(self, frame, tracks, rows, least):
        """(tracks without a box, rows without a track)."""
        if not tracks or not len(rows):
            return tracks, rows
        overlaps = overlap(np.stack([track.at(frame) for track in tracks]), rows[:, :4])
        alike = np.array([track.name for track in tracks])[:, None] == rows[:, 5]
        overlaps = np.where(alike, overlaps, 0)
        taken, used = set(), set()
        for i, j in zip(*linear_sum_assignment(-overlaps)):
            if overlaps[i, j] >= least:
                tracks[i].add(frame, rows[j, :4], rows[j, 4])
                taken.add(i)
                used.add(j)
        left = [track for i, track in enumerate(tracks) if i not in taken]
        return left, rows[[j for j in range(len(rows)) if j not in used]]


def overlap(a, b):
    """(n, m) IoU of boxes (n, 4) and (m, 4)."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    both = (high - low).clip(0).prod(2)
    areas = [(one[:, 2:] - one[:, :2]).clip(0).prod(1) for one in (a, b)]
    return both / np.maximum(areas[0][:, None] + areas[1][None] - both, 1e-9)


def key_frames(boxes, close):
    """Frame numbers of {frame: box} between which the boxes are interpolated to within `close`
    pixels (the longest way first, after Douglas and Peucker)."""
    frames = sorted(boxes)
    places = np.array([boxes[frame] for frame in frames])
    kept, open_ = {0, len(frames) - 1}, [(0, len(frames) - 1)]
    while open_:
        first, last = open_.pop()
        if last - first < 2:
            continue
        part = (np.array(frames[first : last + 1]) - frames[first]) / (frames[last] - frames[first])
        line = places[first] + part[:, None] * (places[last] - places[first])
        off = np.abs(places[first : last + 1] - line).max(1)
        if off.max() > close:
            worst = first + int(off.argmax())
            kept.add(worst)
            open_ += [(first, worst), (worst, last)]
    return [frames[i] for i in sorted(kept)]
