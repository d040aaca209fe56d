"""{root, version} -> {lidar file: [[class, x, y, z, width, length, height, w, x, y, z, attributes,
points]]}: boxes in the frame of LIDAR_TOP, as nuscenes-devkit brings them there."""

import json
import sys

from nuscenes.nuscenes import NuScenes


def main() -> None:
    asked = json.load(sys.stdin)
    tables = NuScenes(version=asked["version"], dataroot=asked["root"], verbose=False)
    found = {}
    for sample in tables.sample:
        token = sample["data"]["LIDAR_TOP"]
        _, boxes, _ = tables.get_sample_data(token)
        rows = []
        for box in boxes:
            record = tables.get("sample_annotation", box.token)
            names = [tables.get("attribute", t)["name"] for t in record["attribute_tokens"]]
            place, size = [float(v) for v in box.center], [float(v) for v in box.wlh]
            turn = [float(v) for v in box.orientation.elements]
            told = [sorted(names), record["num_lidar_pts"]]
            rows.append([box.name, *place, *size, *turn, *told])
        found[tables.get("sample_data", token)["filename"]] = sorted(rows)
    print(json.dumps(found))


main()
