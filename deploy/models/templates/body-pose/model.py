"""People with the 33 points of BlazePose (Bazarevsky et al. 2020, Apache-2.0), in boxes that
YOLOX-nano finds.

{"value": {"objects": ...}, "points": names}, class "person". COCO's 17 points are among them.
Each person is looked at twice: in their box, and upright round the hips the first look found.
"""

from pathlib import Path

import detector
import numpy as np
import picture
import runtime

SIDE, LARGER, MOST = 256, 1.25, 50
LEAST, PRESENT, SEEN = 0.35, 0.5, 0.5
# Places among the network's 39: middle of the hips, and a point on the circle round the body.
HIPS, CIRCLE = 33, 34
_SIDES = ("left", "right")
POINTS = [
    "nose",
    *(f"{side}_eye{part}" for side in _SIDES for part in ("_inner", "", "_outer")),
    *(f"{side}_{part}" for part in ("ear",) for side in _SIDES),
    "mouth_left",
    "mouth_right",
    *(
        f"{side}_{part}"
        for part in ("shoulder", "elbow", "wrist", "pinky", "index", "thumb", "hip", "knee",
                     "ankle", "heel", "foot_index")
        for side in _SIDES
    ),
]  # fmt: skip


class TritonPythonModel:
    def initialize(self, args):
        folder = Path(__file__).parent
        self._detector = detector.Detector(folder)
        self._session = runtime.session_of(folder, "pose.onnx")
        self._input = self._session.get_inputs()[0].name
        self._person = runtime.labels_of(args).index("person")

    def execute(self, requests):
        return runtime.documents(requests, self._objects)

    def _objects(self, row):
        image = picture.rgb(row)
        found = self._detector(image, LEAST)
        people = [one for one in found if int(one[5]) == self._person and min(one[2:4] - one[:2]) >= 1]
        objects = [one for person in people[:MOST] if (one := self._pose(image, person))]
        return {"value": {"objects": {"objects": objects}}, "points": POINTS}

    def _pose(self, image, person):
        """The person with their points; None where the network sees none."""
        box, score = person[:4], float(person[4])
        centre, side, angle = (box[:2] + box[2:]) / 2, max(box[2:] - box[:2]) * LARGER, 0.0
        places, chances, present = self._look(image, centre, side, angle)
        if present >= PRESENT:
            away = places[CIRCLE] - places[HIPS]
            angle = float(np.arctan2(away[1], away[0]) + np.pi / 2)
            again = self._look(image, places[HIPS], 2 * np.hypot(*away) * LARGER, angle)
            places, chances, present = again
        if present < PRESENT:
            return None
        places, chances = places[:33], chances[:33]
        points = picture.points(places, image.size, chances[:, 0] >= SEEN)
        points = [point if there >= PRESENT else {} for point, there in zip(points, chances[:, 1])]
        return {
            "class": "person",
            "score": runtime.rounded(score * present, 4),
            "keypoints": {"rect": picture.rect(box), "points": points},
        }

    def _look(self, image, centre, side, angle):
        """((39, 2) places in the image's pixels, (39, 2) chances to be seen and to be there,
        chance that somebody is there) in a square."""
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * side / 2 @ turn.T + centre
        pixels = picture.cut(image, corners, (SIDE, SIDE)) / 255
        given = {self._input: pixels.transpose(2, 0, 1)[None].copy()}
        found, present = self._session.run(None, given)
        rows = found.reshape(39, 5).astype(float)
        places = (rows[:, :2] / SIDE - 0.5) * side @ turn.T + centre
        return places, 1 / (1 + np.exp(-rows[:, 3:].clip(-50, 50))), float(present[0, 0])
