"""{files: [[path, latitude, longitude]]} -> for each the sorted lengths (metres) of its
linestrings, as the Lanelet2 library projects them there, and how many errors it told."""

import json
import sys

import lanelet2
from lanelet2.io import Origin
from lanelet2.projection import UtmProjector


def main() -> None:
    answers = []
    for path, latitude, longitude in json.load(sys.stdin)["files"]:
        projector = UtmProjector(Origin(latitude, longitude))
        found, errors = lanelet2.io.loadRobust(path, projector)
        lengths = sorted(lanelet2.geometry.length(line) for line in found.lineStringLayer)
        kinds = sorted(
            line.attributes["type"] for line in found.lineStringLayer if "type" in line.attributes
        )
        answers.append({"lengths": lengths, "types": kinds, "errors": len(errors)})
    print(json.dumps(answers))


main()
