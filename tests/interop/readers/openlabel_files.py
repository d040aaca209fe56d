"""{folder, schema} -> {file: {errors: [what the official JSON schema says], objects: [[name, type,
{kind: [val]}]], frames: how many}} as jsonschema and the vcd package read OpenLABEL files."""

import json
import sys
from pathlib import Path

import jsonschema
from vcd import core


def main() -> None:
    asked = json.load(sys.stdin)
    schema = json.loads(Path(asked["schema"]).read_text())
    validator = jsonschema.Draft7Validator(schema)
    folder, found = Path(asked["folder"]), {}
    for path in sorted(folder.rglob("*.json")):
        errors = [one.message[:300] for one in validator.iter_errors(json.loads(path.read_text()))]
        file = core.OpenLABEL()
        file.load_from_file(str(path))
        objects = []
        for uid in sorted(file.get_objects() or {}, key=int):
            known = file.get_object(uid)
            held = {
                k: [one["val"] for one in some] for k, some in known.get("object_data", {}).items()
            }
            objects.append([known["name"], known["type"], held])
        numbers = (file.data["openlabel"].get("frames") or {}).items()
        moving = [
            [
                int(n),
                uid,
                {k: [one["val"] for one in some] for k, some in one["object_data"].items()},
            ]
            for n, frame in numbers
            for uid, one in frame.get("objects", {}).items()
            if "object_data" in one
        ]
        name = str(path.relative_to(folder))
        found[name] = {"errors": errors, "objects": objects, "moving": moving}
    print(json.dumps(found))


main()
