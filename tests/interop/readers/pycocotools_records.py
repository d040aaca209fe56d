"""{path} -> {file name: [{class, bbox, area, counts, keypoints}]} as pycocotools reads a file."""

import contextlib
import io
import json
import sys

from pycocotools.coco import COCO


def main() -> None:
    question = json.load(sys.stdin)
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO(question["path"])
    answer = {}
    for image in coco.imgs.values():
        found = coco.loadAnns(coco.getAnnIds(imgIds=[image["id"]]))
        answer.setdefault(image["file_name"], []).extend(told(coco, one) for one in found)
    print(json.dumps(answer))


def told(coco, one):
    made = {"class": coco.cats[one["category_id"]]["name"], "bbox": one["bbox"]}
    made["area"], made["crowd"] = one["area"], one["iscrowd"]
    made["keypoints"] = one.get("keypoints", [])
    if one.get("segmentation"):
        runs = coco.annToRLE(one)
        counts = runs["counts"]
        made["counts"] = counts.decode() if isinstance(counts, bytes) else counts
    return made


main()
