"""{reader, path, images} -> {image: [[class, x, y, width, height]]} as globox reads boxes."""

import json
import sys

from globox import AnnotationSet


def main() -> None:
    question = json.load(sys.stdin)
    path, images = question["path"], question.get("images")
    reader = getattr(AnnotationSet, question["reader"])
    options = {"recursive": True} if question.get("recursive") else {}
    if images:
        options |= {"image_folder": images, "image_extension": question["suffix"]}
    answer = {}
    for one in reader(path, **options):
        found = [
            [str(b.label), float(b.xmin), float(b.ymin), float(b.width), float(b.height)]
            for b in one.boxes
        ]
        answer[str(one.image_id)] = found
    print(json.dumps(answer))


main()
