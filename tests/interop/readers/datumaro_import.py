"""{file} -> seconds of CPU and peak MB that Datumaro takes to read a COCO file of boxes, and how
many there are."""

import json
import logging
import resource
import sys
import tempfile
import time
from pathlib import Path

import datumaro as dm


def main() -> None:
    logging.disable(logging.WARNING)
    given = Path(json.load(sys.stdin)["file"])
    with tempfile.TemporaryDirectory() as name:
        home = Path(name) / "annotations"
        home.mkdir()
        (Path(name) / "images").mkdir()
        (home / "instances_train.json").symlink_to(given.absolute())
        before = time.process_time()
        found = sum(
            len(item.annotations) for item in dm.Dataset.import_from(name, "coco_instances")
        )
        taken = time.process_time() - before
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    print(json.dumps({"seconds": taken, "peak_mb": peak, "boxes": found}))


main()
