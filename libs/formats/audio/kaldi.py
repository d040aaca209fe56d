"""A Kaldi data directory as a zip: `wav.scp`, `segments`, `text`, `utt2spk`, `spk2utt`, each
sorted by its first field byte by byte, as Kaldi's tools want it.

An utterance is a segment; its id begins with its speaker, or is the speaker's where none is known.
Transcripts are one line; times have microseconds. Read, a `text` without `segments` is a text of
whole recordings.
"""

from __future__ import annotations

import posixpath
import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace

from libs.formats import Doc, Fault, Job, Sample, Unfit
from libs.formats.audio.recordings import (
    BLANK_IN_NAME,
    audio_file,
    labelled,
    milliseconds,
    one_line,
    recorded,
    recording,
    seconds,
    segment,
    segments_of,
    spaceless,
    span,
    table,
    tell_unheld,
)
from libs.formats.encoding import ZipEncoder, spool
from libs.formats.records import Line, fields, files, lines
from libs.formats.source import Source

_HELD = frozenset({"text", "speaker"})
_TABLES = ("wav.scp", "segments", "text", "utt2spk")


class KaldiEncoder(ZipEncoder):
    """Keeps the lines in a table on disk, as they go out sorted."""

    format = "kaldi"

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        # A database without a name lies in a temporary file once it grows.
        self._lines = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._lines.execute("create table lines (file, key, line, primary key (file, key))")

    def write(self, row: Doc) -> None:
        name, media = recording(self.job, row), audio_file(self.job, row)
        whole = "text" in row["value"]
        text = row["value"].get("text", {}).get("text", "")
        found = [{"text": text}] if whole else segments_of(self.job, row)
        content = recorded(self.job, row) if self.job.media else b""
        self._put("wav.scp", name, media)
        tell_unheld(self, row, found, _HELD)
        for one in found:
            self._utterance(row, name, one, whole)
        if self.job.media:
            self.zip.put(self.unique(media), content)
        self.objects += len(found)

    def closing(self) -> Iterator[bytes]:
        for name in _TABLES:
            query = "select key || ' ' || line from lines where file = ? order by key"
            yield from self._table(name, query, (name,))
        # Utterances of a speaker stand together and sorted, as the query groups sorted rows.
        query = (
            "select line || ' ' || group_concat(key, ' ') from"
            " (select key, line from lines where file = 'utt2spk' order by line, key)"
            " group by line order by line"
        )
        yield from self._table("spk2utt", query, ())
        self._lines.close()

    def _table(self, name: str, query: str, values: tuple[str, ...]) -> Iterator[bytes]:
        with spool() as file:
            for (line,) in self._lines.execute(query, values):
                file.write(f"{line}\n".encode())
            if file.tell():
                file.seek(0)
                yield from self.zip.put_file(name, file)

    def _utterance(self, row: Doc, name: str, one: Doc, whole: bool) -> None:
        start, end = span(one)
        speaker = spaceless(self, row, one.get("speaker", ""))
        text = one_line(one.get("text", ""))
        if text != one.get("text", ""):
            self.tell(row, "line breaks and doubled spaces are written as one space")
        if whole:
            key = name
        else:
            times = f"{milliseconds(start):09}-{milliseconds(end):09}"
            key = self.unique(f"{speaker}-{name}-{times}" if speaker else f"{name}-{times}")
            self._put("segments", key, f"{name} {seconds(start)} {seconds(end)}")
        if text:
            self._put("text", key, text)
        self._put("utt2spk", key, speaker or key)

    def _put(self, file: str, key: str, line: str) -> None:
        values = (file, key, line)
        try:
            self._lines.execute("insert into lines values (?, ?, ?)", values)
        except sqlite3.IntegrityError:
            raise Unfit(f"another label is about the recording {key[:200]}") from None


def decode(source: Source, schema: Doc) -> Iterator[Sample | Fault]:
    """Every folder with a file `text`, `segments` or `utt2spk`."""
    known = ("text", "segments", "utt2spk")
    names = [n for n in source.names if posixpath.basename(n) in known]
    folders = dict.fromkeys(posixpath.dirname(name) for name in names)
    if not folders:
        files(source, "/text", "/segments")
    for folder in folders:
        yield from _folder(source, folder, schema)


def _folder(source: Source, folder: str, schema: Doc) -> Iterator[Sample | Fault]:
    found: dict[str, dict[str, Line]] = {}
    partial = False
    for table_name in _TABLES:
        path = posixpath.join(folder, table_name)
        faults, found[table_name] = _table(source, path)
        partial = partial or bool(faults)
        yield from faults
    texts, speakers, segments = found["text"], found["utt2spk"], found["segments"]
    if not segments:
        yield from _whole(source, folder, found, partial)
        return
    by_recording: dict[str, list[Doc]] = defaultdict(list)
    path = posixpath.join(folder, "segments")
    for key, line in segments.items():
        try:
            name, made = _segment(key, line, texts, speakers)
            by_recording[name].append(made)
        except Unfit as unfit:
            partial = True
            yield Fault(f"{path} line {line.place}", str(unfit))
    for key, line in texts.items():
        if key not in segments:
            partial = True
            where = f"{posixpath.join(folder, 'text')} line {line.place}"
            yield Fault(where, f"utterance {key[:200]} is not in the file segments")
    for name, made_ones in by_recording.items():
        yield labelled(path, _file_of(name, found), made_ones, source, schema, partial=partial)


def _whole(
    source: Source, folder: str, found: dict[str, dict[str, Line]], partial: bool
) -> Iterator[Sample | Fault]:
    path = posixpath.join(folder, "text")
    for key, line in found["text"].items():
        text = {"text": {"text": line.text} if line.text else {}}
        made = labelled(path, _file_of(key, found), (), source, {}, partial=partial)
        yield replace(made, value=text) if isinstance(made, Sample) else made


def _file_of(name: str, found: dict[str, dict[str, Line]]) -> str:
    """The recording's file as wav.scp has it; commands there are not run and not names."""
    path = found["wav.scp"].get(name)
    if path is None or path.text.endswith("|") or not path.text:
        return name
    return path.text


def _segment(
    key: str, line: Line, texts: dict[str, Line], speakers: dict[str, Line]
) -> tuple[str, Doc]:
    cells = fields(line.text)
    if len(cells) not in (3, 4):
        words = f"utterance, recording, start and end wanted, {BLANK_IN_NAME}"
        raise Unfit(f"{len(cells) + 1} fields; {words}")
    text = texts[key].text if key in texts else ""
    speaker = speakers[key].text if key in speakers else ""
    name, start, end = cells[:3]
    return name, segment(start, end, text=text, speaker="" if speaker == key else speaker)


def _table(source: Source, path: str) -> tuple[list[Fault], dict[str, Line]]:
    found: dict[str, Line] = {}
    faults = []
    for line in lines(source, path) if path in source else ():
        if isinstance(line, Fault):
            faults.append(line)
            continue
        key, rest = (*fields(line.text, 2), "", "")[:2]
        if key in found:
            faults.append(Fault(f"{path} line {line.place}", f"{key[:200]} is there twice"))
        elif posixpath.basename(path) == "utt2spk" and key and len(fields(rest)) != 1:
            words = f"utterance and speaker wanted, {BLANK_IN_NAME}"
            faults.append(Fault(f"{path} line {line.place}", words))
        elif key:
            found[key] = Line(line.place, rest)
    return faults, found


FORMATS = table("kaldi", "kaldi-{:05}.zip", KaldiEncoder, decode)
