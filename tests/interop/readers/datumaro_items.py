"""{format, path} -> {item id: [annotation]} as Datumaro reads the dataset."""

import json
import logging
import sys

import datumaro
import numpy as np
from pycocotools import mask as codec


def main() -> None:
    logging.disable(logging.WARNING)
    question = json.load(sys.stdin)
    dataset = datumaro.Dataset.import_from(question["path"], question["format"])
    categories = dataset.categories()
    labels = categories.get(datumaro.AnnotationType.label)
    names = [label.name for label in labels.items] if labels else []
    answer = {}
    for item in dataset:
        found = [told(one, names) for one in item.annotations]
        answer.setdefault(item.id, []).extend(found)
    print(json.dumps(answer))


def told(one, names):
    """Type, class and geometry of an annotation; pixels are x, y."""
    label = getattr(one, "label", None)
    made = {
        "type": one.type.name,
        "class": names[label] if label is not None and label < len(names) else "",
        "group": one.group,
        "attributes": {k: str(v) for k, v in one.attributes.items()},
    }
    if one.type.name == "bbox":
        made["places"] = [float(v) for v in one.get_bbox()]
    elif one.type.name == "mask":
        runs = codec.encode(np.asfortranarray(one.image.astype(np.uint8)))
        made["counts"] = runs["counts"].decode()
    elif one.type.name == "skeleton":
        made["places"] = [float(v) for part in one.elements for v in part.points]
    elif hasattr(one, "points"):
        made["places"] = [float(v) for v in np.asarray(one.points).ravel()]
    if one.type.name == "points":
        made["visibility"] = [int(getattr(v, "value", v)) for v in one.visibility]
    return made


main()
