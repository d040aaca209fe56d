"""{scenes: [[truth, label]], still, classes} -> mAP by class, errors, NDS of nuscenes-devkit's own
algorithm. A box is {class, centre, size (width, length, height), rotation, velocity, score}."""

import json
import sys

import numpy as np
from nuscenes.eval.common.data_classes import EvalBoxes
from nuscenes.eval.common.utils import center_distance
from nuscenes.eval.detection.algo import accumulate, calc_ap, calc_tp
from nuscenes.eval.detection.data_classes import DetectionBox

NAMES = {"trans_err": "translation", "scale_err": "scale", "orient_err": "orientation"}
NAMES |= {"vel_err": "velocity", "attr_err": "attribute"}


def boxes(scenes: list, side: int) -> EvalBoxes:
    made = EvalBoxes()
    for number, scene in enumerate(scenes):
        made.add_boxes(
            str(number),
            [
                DetectionBox(
                    sample_token=str(number),
                    translation=tuple(one["centre"]),
                    size=tuple(one["size"]),
                    rotation=tuple(one["rotation"]),
                    velocity=tuple(one["velocity"]),
                    detection_name=one["class"],
                    detection_score=one["score"] if side else -1.0,
                    attribute_name=one["attribute"],
                )
                for one in scene[side]
            ],
        )
    return made


def main() -> None:
    asked = json.load(sys.stdin)
    truth, label = boxes(asked["scenes"], 0), boxes(asked["scenes"], 1)
    aps, errors = {}, {name: [] for name in NAMES}
    for name in asked["classes"]:
        curves = {
            d: accumulate(truth, label, name, center_distance, d) for d in (0.5, 1.0, 2.0, 4.0)
        }
        aps[name] = float(np.mean([calc_ap(c, 0.1, 0.1) for c in curves.values()]))
        for error in NAMES:
            skipped = name in asked["still"] and error in ("vel_err", "attr_err")
            value = np.nan if skipped else calc_tp(curves[2.0], 0.1, error)
            errors[error].append(value)
    means = {NAMES[e]: float(np.nanmean(v)) for e, v in errors.items()}
    mean_ap = float(np.mean(list(aps.values())))
    nds = (5 * mean_ap + sum(1 - min(1.0, v) for v in means.values())) / 10
    print(json.dumps({"ap": aps, "errors": means, "mean_ap": mean_ap, "nds": nds}))


main()
