"""Files of any Unicode encoding as UTF-8 without a byte order mark, and XML in what it declares.

Notepad, PowerShell and .NET write marks; JSON without one is told by its zeros, as RFC 4627,
section 3, does it.
"""

from __future__ import annotations

import codecs
import io
import re
from typing import IO, Any

from libs.formats.source import Source, Unreadable, marked

# Which of the first four bytes of a JSON text are zero.
_ZEROS = {
    (True, True, True, False): "utf-32-be",
    (False, True, True, True): "utf-32-le",
    (True, False, True, False): "utf-16-be",
    (False, True, False, True): "utf-16-le",
    (True, False): "utf-16-be",
    (False, True): "utf-16-le",
}
_DECLARED = re.compile(rb"""<\?xml[^>]{0,100}?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""")
# Those that expat reads itself.
_OF_EXPAT = frozenset(("utf-8", "utf-8-sig", "ascii", "iso8859-1", "utf-16"))
_CHUNK = 65_536


def encoding_of(head: bytes, declared: str = "utf-8") -> str:
    """Return the encoding that the first bytes of a JSON text tell, else what is declared."""
    return marked(head) or _ZEROS.get(tuple(not one for one in head[:4]), declared)


def opened(source: Source, name: str) -> IO[bytes]:
    """Open a JSON file as UTF-8; it and what is read of it raise `Unreadable`."""
    file = source.open(name)
    head = file.read(4)
    file.seek(0)
    encoding = encoding_of(head, source.encoding)
    if encoding == "utf-8-sig":
        file.seek(len(codecs.BOM_UTF8))
    elif encoding != "utf-8":
        return io.BufferedReader(_Recoded(name, file, encoding), _CHUNK)
    return file


def utf8(name: str, content: bytes, declared: str = "utf-8") -> bytes:
    """Return the content of a JSON file as UTF-8; raise `Unreadable`."""
    encoding = encoding_of(content[:4], declared)
    if encoding == "utf-8":
        return content
    if encoding == "utf-8-sig":
        return content.removeprefix(codecs.BOM_UTF8)
    try:
        return content.decode(encoding).encode()
    except UnicodeError as error:
        raise Unreadable(f"{name[:200]}: {_not(encoding)}") from error


def xml_text(file: IO[bytes], declared: str = "utf-8") -> IO[Any]:
    """Return a seekable XML file for expat: as it is, or as text where its declaration, its mark or
    else the source names an encoding that expat does not know, as GB 18030. Raise LookupError,
    ValueError."""
    head = file.read(200)
    file.seek(0)
    said = _DECLARED.match(head.removeprefix(codecs.BOM_UTF8))
    encoding = codecs.lookup(said[1].decode() if said else marked(head) or declared).name
    if marked(head) == "utf-32":
        encoding = "utf-32"
    if encoding in _OF_EXPAT:
        return file
    return io.TextIOWrapper(file, encoding)


class _Recoded(io.RawIOBase):
    """UTF-8 of a file in another encoding, as it is read."""

    def __init__(self, name: str, file: IO[bytes], encoding: str) -> None:
        self._name, self._file, self._encoding = name, file, encoding
        self._decoder = codecs.getincrementaldecoder(encoding)()
        self._left = b""

    def readable(self) -> bool:
        return True

    def readinto(self, target: Any) -> int:
        while not self._left:
            content = self._file.read(_CHUNK)
            try:
                self._left = self._decoder.decode(content, final=not content).encode()
            except UnicodeError as error:
                raise Unreadable(f"{self._name[:200]}: {_not(self._encoding)}") from error
            if not content:
                break
        count = min(len(target), len(self._left))
        target[:count], self._left = self._left[:count], self._left[count:]
        return count

    def close(self) -> None:
        self._file.close()
        super().close()


def _not(encoding: str) -> str:
    return f"not {encoding.upper()}, as which it is marked or declared; save it as UTF-8"
