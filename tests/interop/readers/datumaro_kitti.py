"""{path} -> {item: [[label, numbers of its geometry, attributes]]} as datumaro reads KITTI 3D."""

import json
import sys

import datumaro as dm


def main() -> None:
    path = json.load(sys.stdin)["path"]
    found = {}
    for item in dm.Dataset.import_from(path, "kitti3d"):
        rows = []
        for one in item.annotations:
            held = vars(one) if hasattr(one, "__dict__") else {}
            names = [
                n
                for n in ("x", "y", "w", "h", "position", "rotation", "scale", "_points")
                if hasattr(one, n)
            ]
            numbers = {n: [float(v) for v in _flat(getattr(one, n))] for n in names}
            attributes = {k: str(v) for k, v in one.attributes.items()}
            rows.append([type(one).__name__, one.label, numbers, attributes, sorted(held)[:0]])
        found[item.id] = rows
    print(json.dumps(found))


def _flat(value):
    return value if isinstance(value, (list, tuple)) else [value]


main()
