"""{files: [path, ...]} -> [[[4 x 4]], ...]: poses of the packets of a KITTI drive by pykitti."""

import json
import sys

from pykitti.utils import load_oxts_packets_and_poses


def main() -> None:
    asked = json.load(sys.stdin)
    found = load_oxts_packets_and_poses(asked["files"])
    print(json.dumps([one.T_w_imu.tolist() for one in found]))


main()
