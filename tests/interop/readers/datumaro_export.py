"""{count} -> seconds of CPU and peak MB that Datumaro takes to write so many boxes as COCO, five an
image, beside an in-memory dataset made before the clock starts."""

import json
import logging
import resource
import sys
import tempfile
import time

import datumaro as dm
import numpy as np


def main() -> None:
    logging.disable(logging.WARNING)
    count = json.load(sys.stdin)["count"]
    rng = np.random.default_rng(7)
    places = rng.uniform(5, 300, (count, 4)).round(2)
    items = [
        dm.DatasetItem(
            id=str(i),
            subset="train",
            annotations=[
                dm.Bbox(*places[k].tolist(), label=k % 3) for k in range(5 * i, 5 * i + 5)
            ],
            attributes={"id": i + 1},
        )
        for i in range(count // 5)
    ]
    dataset = dm.Dataset.from_iterable(items, categories=["a", "b", "c"])
    with tempfile.TemporaryDirectory() as folder:
        before = time.process_time()
        dataset.export(folder, "coco_instances", save_media=False)
        taken = time.process_time() - before
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    print(json.dumps({"seconds": taken, "peak_mb": peak}))


main()
