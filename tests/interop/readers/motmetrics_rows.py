"""{path} -> [[frame, id, left, top, width, height, class, visibility]] as motmetrics reads MOT."""

import json
import sys

import motmetrics


def main() -> None:
    path = json.load(sys.stdin)["path"]
    table = motmetrics.io.loadtxt(path, fmt="mot16", min_confidence=1).reset_index()
    columns = ["FrameId", "Id", "X", "Y", "Width", "Height", "ClassId", "Visibility"]
    print(json.dumps([[float(v) for v in row] for row in table[columns].to_numpy()]))


main()
