"""{files: [path]} -> {number of points by label} of PCD files as pypcd4 reads them."""

import json
import sys

import numpy as np
from pypcd4 import PointCloud


def main() -> None:
    answers = []
    for path in json.load(sys.stdin)["files"]:
        cloud = PointCloud.from_path(path)
        labels = cloud.numpy(("label",)).ravel().astype(int)
        places = cloud.numpy(("x", "y", "z")).astype(float).sum(axis=0)
        numbers, counts = np.unique(labels, return_counts=True)
        told = {str(n): int(c) for n, c in zip(numbers, counts, strict=True)}
        answers.append({"labels": told, "sum": places.tolist()})
    print(json.dumps(answers))


main()
