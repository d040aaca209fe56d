"""{path} -> {columns: {name: type}, rows: [[...]]} sorted, as pandas reads a feather file."""

import json
import sys

import pandas


def main() -> None:
    table = pandas.read_feather(json.load(sys.stdin)["path"])
    table = table.sort_values(list(table.columns[:2])).reset_index(drop=True)
    columns = {name: str(kind) for name, kind in table.dtypes.items()}
    print(json.dumps({"columns": columns, "rows": table.to_numpy().tolist()}, default=float))


main()
