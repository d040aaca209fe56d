"""{path} -> [[[type, first token, last token]]] of a BIO file, a list a text, as seqeval has it."""

import json
import sys
from pathlib import Path

from seqeval.metrics.sequence_labeling import get_entities


def main() -> None:
    text = Path(json.load(sys.stdin)["path"]).read_text(encoding="utf-8")
    groups = [block.splitlines() for block in text.split("\n\n") if block.strip()]
    tags = [[line.split("\t")[1] for line in group if line] for group in groups]
    print(json.dumps([[list(found) for found in get_entities(one)] for one in tags]))


main()
