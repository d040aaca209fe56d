"""{path, config, folder} -> Label Studio's own conversion of its JSON to COCO."""

import contextlib
import io
import json
import logging
import sys
from pathlib import Path

from label_studio_sdk.converter import Converter


def main() -> None:
    logging.disable(logging.ERROR)
    question = json.load(sys.stdin)
    folder = question["folder"]
    with contextlib.redirect_stdout(io.StringIO()):
        converter = Converter(question["config"], folder, download_resources=False)
        converter.convert_to_coco(question["path"], folder, is_dir=False)
    print(json.dumps(json.loads((Path(folder) / "result.json").read_text())))


main()
