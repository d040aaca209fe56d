"""Do other tools read what we write, and do we read what they write?

    python -m tests.interop --data PATH [--only NAME]

prints one line a format: files tried, how many we read with the content they should have, how many
of ours the judge (the field's own reader, in an environment of its own) reads with that content,
what a round trip loses, and what was left out and said. `LABELMILL_INTEROP_DATA` stands for
`--data`. It ends with 1 where something is wrong; rows whose data are absent are named as skipped.

**Adding rows.** Each family has a module here (`images`, `language`, `sound`, `models`, `space`,
`argoverse`, `maps`) with a tuple `ROWS` of `frame.Row(name, needs, check)`:

* `name` of the format, with a word in brackets where several rows test it;
* `needs`: folders below the data path; the row is skipped, and says so, without them;
* `check(data) -> frame.Result`; count files with `result.read(...)`, say every disagreement with
  `result.wrong.append(...)`, and add what was left out to `result.left_out`.

`frame` also reads (`read`), writes (`write`) and compares a round trip (`round_trip`). A judge is
an entry of `judges.toml` (python and pinned packages) and a script in `readers/` that takes one
JSON document on standard input and prints one: `judges.run("datumaro", "datumaro_boxes", {...})`.
"""
