"""{file} -> what datasketch (texts of a JSONL manifest) or imagehash (pictures of a zip) takes to
find near-duplicates: seconds of CPU, peak MB, how many were found."""

import io
import json
import resource
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import imagehash
from datasketch import MinHash, MinHashLSH
from PIL import Image

PERMUTATIONS, ALIKE, GRAM = 64, 0.8, 5


def texts(file: Path) -> Iterator[bool]:
    """Of each text: is one before it nearly the same?"""
    index = MinHashLSH(threshold=ALIKE, num_perm=PERMUTATIONS)
    with file.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines):
            text = " ".join(json.loads(line)["data"]["text"].lower().split())
            grams = {text[i : i + GRAM].encode() for i in range(len(text) - GRAM + 1)}
            made = MinHash(num_perm=PERMUTATIONS)
            made.update_batch(list(grams))
            yield bool(index.query(made))
            index.insert(number, made)


def pictures(file: Path) -> Iterator[bool]:
    """Of each picture: has one before it the same hash?"""
    seen = set()
    with zipfile.ZipFile(file) as packed:
        for name in packed.namelist():
            made = str(imagehash.dhash(Image.open(io.BytesIO(packed.read(name)))))
            yield made in seen
            seen.add(made)


def main() -> None:
    file = Path(json.load(sys.stdin)["file"])
    before = time.process_time()
    found = sum(pictures(file) if zipfile.is_zipfile(file) else texts(file))
    taken = time.process_time() - before
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    print(json.dumps({"seconds": taken, "peak_mb": peak, "found": found}))


main()
