"""{reader, path} -> rows, each a dictionary, as pandas, DuckDB, datasets or WebDataset has them."""

import json
import sys
import tempfile


def pandas(path):
    import pandas as reader

    return json.loads(reader.read_parquet(path).to_json(orient="records"))


def duckdb(path):
    import duckdb as reader

    found = reader.sql(f"select * from read_parquet('{path}')")
    return [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]


def datasets(path):
    import datasets as reader

    reader.disable_progress_bars()
    with tempfile.TemporaryDirectory() as cache:
        if path.endswith(".jsonl"):
            return list(reader.load_dataset("json", data_files=path, cache_dir=cache)["train"])
        return list(reader.load_dataset(path, cache_dir=cache)["train"])


def webdataset(path):
    import webdataset as reader

    return [one["json"] for one in reader.WebDataset(path, shardshuffle=False).decode()]


def main() -> None:
    question = json.load(sys.stdin)
    print(json.dumps(globals()[question["reader"]](question["path"])))


main()
