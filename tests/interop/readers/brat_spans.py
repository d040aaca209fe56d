"""{path} -> {name: [[[start, end, class]], [[class, head's start, tail's start]]]} by pybrat."""

import json
import sys
from pathlib import Path

from pybrat.parser import BratParser


def main() -> None:
    answer = {}
    # It stumbles where two spans are at one place, as in the corpora themselves.
    for one in BratParser(error="ignore").parse(json.load(sys.stdin)["path"]):
        spans = [[e.spans[0].start, e.spans[-1].end, e.type] for e in one.entities]
        relations = [[r.type, r.arg1.spans[0].start, r.arg2.spans[0].start] for r in one.relations]
        answer[Path(one.id).stem] = [sorted(spans), sorted(relations)]
    print(json.dumps(answer))


main()
