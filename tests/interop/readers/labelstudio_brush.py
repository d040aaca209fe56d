"""{masks: [{rle, pixels}]} -> [{same, rle}]: our run as Label Studio reads it, and its own run."""

import json
import sys

import numpy as np
from label_studio_sdk.converter import brush


def main() -> None:
    answer = []
    for one in json.load(sys.stdin)["masks"]:
        pixels = np.array(one["pixels"], dtype=np.uint8)
        read = brush.decode_rle(one["rle"]).reshape(*pixels.shape, 4)[:, :, 3] > 0
        made = brush.mask2rle(pixels * 255)
        answer.append({"same": bool((read == (pixels > 0)).all()), "rle": [int(v) for v in made]})
    print(json.dumps(answer))


main()
