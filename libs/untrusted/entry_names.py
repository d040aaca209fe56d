"""Names of files in archives and folders as archivers and systems write them.

Zip files without the flag for UTF-8 hold names in whatever code page their writer used. All names
of an archive are read in one encoding: UTF-8 where that suits them, else the declared one, else GB
18030 where they read as Chinese (Windows), else code page 437, as the format's appendix D has it.
Back slashes are slashes (.NET before 4.6.1), and names are in NFC, as macOS writes decomposed ones.
"""

from __future__ import annotations

import posixpath
import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from string import ascii_letters

NAME_LIMIT = 1000
_DEFAULT = "cp437"
# Runs of bytes above ASCII that are pairs of GB 2312's rows of Chinese characters.
_HIGH = re.compile(rb"[\x80-\xff]+")
_CHINESE = re.compile(rb"(?:[\xb0-\xf7][\xa1-\xfe])+")
# Letters that hardly any name of a file has, which Chinese in GB 2312 reads as in UTF-8 (the word
# for "picture" as U+037C U+01AC). Those of Vietnamese, pinyin and Romanian are not among them.
_RARE = re.compile(
    "[\u0180-\u019f\u01a2-\u01ae\u01b1-\u01cc\u01dd-\u0217\u021c-\u02af"
    "\u0370-\u0385\u03cf-\u03ff\u0460-\u0489\u0500-\u052f]"
)
_HIDDEN = frozenset({"__macosx", "thumbs.db", "ehthumbs.db", "desktop.ini", "$recycle.bin"})


def read_names(names: Sequence[bytes | str], encoding: str = "") -> list[str]:
    """Return names as text, those that are bytes in the one encoding that suits them all."""
    raw = [one for one in names if isinstance(one, bytes) and not one.isascii()]
    found = _encoding_of(raw, encoding)
    return [one if isinstance(one, str) else one.decode(found, "replace") for one in names]


def _encoding_of(names: Sequence[bytes], declared: str) -> str:
    utf8 = _all_read(names, "utf-8")
    if utf8 and not any(_RARE.search(one.decode()) for one in names):
        return "utf-8"
    if declared and _all_read(names, declared):
        return declared
    if _chinese(names):
        return "gb18030"
    return "utf-8" if utf8 else _DEFAULT


def _chinese(names: Sequence[bytes]) -> bool:
    """Whether all that is not ASCII is Chinese in GB 2312, most of it of the common half."""
    runs = [run for one in names for run in _HIGH.findall(one)]
    if not all(_CHINESE.fullmatch(run) for run in runs):
        return False
    leads = b"".join(run[::2] for run in runs)
    return 2 * sum(lead < 0xD8 for lead in leads) > len(leads)


def _all_read(names: Sequence[bytes], encoding: str) -> bool:
    try:
        for one in names:
            one.decode(encoding)
    except (UnicodeDecodeError, LookupError):
        return False
    return True


def normal(name: str) -> str:
    """Return a name as it is compared: NFC, slashes, no `.` parts."""
    plain = posixpath.normpath(name.replace("\\", "/"))
    return unicodedata.normalize("NFC", plain)


def bad_name(name: str) -> str:
    """Return why no entry may be called so, to follow its name; empty where it may."""
    plain = name.replace("\\", "/")
    rooted = plain.startswith("/") or (plain[1:2] == ":" and plain[0] in ascii_letters)
    if rooted or (".." in plain and ".." in plain.split("/")):
        return "names a place outside the archive"
    if len(plain) > NAME_LIMIT:
        return f"is a name of {len(plain)} characters; {NAME_LIMIT} at most"
    return "is a name with characters that are none" if "\x00" in plain or _lone(plain) else ""


def _lone(name: str) -> bool:
    return not name.isascii() and any("\ud800" <= c <= "\udfff" for c in name)


def hidden(name: str) -> bool:
    """Return whether a file is what systems leave behind: `.DS_Store`, `._x`, `__MACOSX`,
    `Thumbs.db`, or in a hidden folder."""
    folder, _, base = name.replace("\\", "/").rpartition("/")
    return _hides(base) or (folder != "" and _hidden_folder(folder))


@lru_cache(maxsize=4096)
def _hidden_folder(folder: str) -> bool:
    """The same few, file after file."""
    return any(map(_hides, folder.split("/")))


def _hides(part: str) -> bool:
    if part.startswith("."):
        return part not in (".", "..")
    return part.casefold() in _HIDDEN
