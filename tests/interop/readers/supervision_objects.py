"""{images, labels, yaml, kind} -> {image: [{class, box, pixels, corners}]}, YOLO by supervision."""

import json
import sys
import warnings
from pathlib import Path

import supervision


def main() -> None:
    warnings.simplefilter("ignore")
    question = json.load(sys.stdin)
    dataset = supervision.DetectionDataset.from_yolo(
        question["images"],
        question["labels"],
        question["yaml"],
        force_masks=question["kind"] == "segment",
        is_obb=question["kind"] == "obb",
    )
    answer = {}
    for path, _, found in dataset:
        answer[Path(path).name] = [told(dataset, found, i) for i in range(len(found))]
    print(json.dumps(answer))


def told(dataset, found, place):
    made = {"class": dataset.classes[int(found.class_id[place])]}
    made["box"] = [float(v) for v in found.xyxy[place]]
    if found.mask is not None:
        made["pixels"] = int(found.mask[place].sum())
    corners = found.data.get("xyxyxyxy")
    if corners is not None:
        made["corners"] = [float(v) for v in corners[place].ravel()]
    return made


main()
