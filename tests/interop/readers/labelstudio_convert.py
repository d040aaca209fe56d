"""{file, config} -> seconds of CPU and peak MB that Label Studio's converter takes from its JSON to
COCO, and how many boxes it wrote."""

import contextlib
import io
import json
import logging
import resource
import sys
import tempfile
import time
from pathlib import Path

from label_studio_sdk.converter import Converter


def main() -> None:
    logging.disable(logging.ERROR)
    question = json.load(sys.stdin)
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        before = time.process_time()
        converter = Converter(question["config"], folder, download_resources=False)
        converter.convert_to_coco(question["file"], folder, is_dir=False)
        taken = time.process_time() - before
        found = len(json.loads((Path(folder) / "result.json").read_text())["annotations"])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    print(json.dumps({"seconds": taken, "peak_mb": peak, "boxes": found}))


main()
