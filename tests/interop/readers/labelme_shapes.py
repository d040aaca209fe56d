"""{folder} -> {file: [{label, shape_type, points, group_id, pixels}]} as labelme reads it."""

import json
import sys
from pathlib import Path

from labelme._label_file import read_label_file


def main() -> None:
    folder = Path(json.load(sys.stdin)["folder"])
    answer = {}
    for path in sorted(folder.rglob("*.json")):
        found = read_label_file(str(path))
        shapes = [told(one) for one in found.shapes]
        answer[path.relative_to(folder).as_posix()] = shapes
    print(json.dumps(answer))


def told(one):
    made = {key: one[key] for key in ("label", "shape_type", "points", "group_id")}
    made["pixels"] = int(one["mask"].sum()) if one["mask"] is not None else 0
    return made


main()
