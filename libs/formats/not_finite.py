"""JSON with NaN and Infinity, which Python's and others' writers make and JSON does not know (RFC
8259, section 6): they are read as texts, so that they cost their own record and not the file."""

from __future__ import annotations

import io
import re
from typing import IO, Any

from libs.formats.source import Unreadable

_CHUNK = 1 << 20
# A string that does not end is looked through again with each chunk.
_MOST = 16_000_000
_WORDS = (b"NaN", b"Infinity")
_LONGEST = len(b"-Infinity")
# Strings are passed over, so that what stands in one is left alone; one that goes on has no `end`.
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*(?P<end>")?|-?(?P<word>NaN|Infinity)', re.DOTALL)


def has_words(file: IO[bytes]) -> bool:
    """Does the file hold such a word anywhere, be it in a string? Reads it through, and goes back
    to where it was."""
    start, tail = file.tell(), b""
    try:
        while chunk := file.read(_CHUNK):
            if any(word in tail + chunk for word in _WORDS):
                return True
            tail = chunk[-_LONGEST:]
        return False
    finally:
        file.seek(start)


class AsTexts(io.RawIOBase):
    """The JSON of a file in UTF-8, its numbers that are not finite as the texts of their names.
    Reading it raises `Unreadable`."""

    def __init__(self, name: str, file: IO[bytes]) -> None:
        self._name, self._file, self._left, self._open = name, file, b"", b""

    def readable(self) -> bool:
        return True

    def readinto(self, target: Any) -> int:
        while not self._left:
            content = self._file.read(_CHUNK)
            self._left = self._rewritten(self._open + content, final=not content)
            if not content:
                break
        count = min(len(target), len(self._left))
        target[:count], self._left = self._left[:count], self._left[count:]
        return count

    def _rewritten(self, text: bytes, final: bool) -> bytes:
        """What is whole of the text; the rest, a string or word that goes on, waits."""
        made, at = [], 0
        end = len(text) if final else max(0, len(text) - _LONGEST)
        for found in _TOKEN.finditer(text):
            if not (found["end"] or found["word"]):
                end = len(text) if final else found.start()
                break
            token = found[0] if found["end"] else b'"%b"' % found[0]
            made += [text[at : found.start()], token]
            at = found.end()
        end = max(at, end)
        self._open = text[end:]
        if len(self._open) > _MOST:
            raise Unreadable(f"{self._name[:200]}: a string of over {_MOST} bytes beside NaN")
        return b"".join([*made, text[at:end]])

    def close(self) -> None:
        self._file.close()
        super().close()
