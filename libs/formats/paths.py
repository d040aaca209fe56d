"""Which file of a source a label file means by a path: one rule for pictures, recordings, clouds.

The path beside the label file, then from the root of the source, is taken as it is written. Else
it is read as other tools write it: back slashes, `%20`, a query, a scheme and host, Label Studio's
storage. Of the files of that name the one with the longest common tail of folders is meant. One
whose folders contradict the path is none: where both still have folders before the common tail, or
where it lies in another subset. A path without suffix fits any. Letters are compared in NFC,
first with their case, then without; white space may stand as `_` in a name.
"""

from __future__ import annotations

import base64
import binascii
import posixpath
import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import parse_qs, unquote
from weakref import WeakKeyDictionary

from libs.formats import Unfit
from libs.formats.source import Source

# Folders that only say what kind of file is in them.
LAYOUT = frozenset(
    (
        *("images", "image", "img", "imgs", "img1", "jpegimages", "pictures", "photos", "frames"),
        *("audio", "audios", "wav", "wavs", "clips", "sounds", "recordings", "clouds", "default"),
        *("data", "media", "files", "upload", "uploads", "obj_train_data", "obj_valid_data"),
    )
)
_SUBSET = re.compile(r"(train|val|test)(ing|id|idation)?[0-9]*")
_OF_LABELS = re.compile(r"(annotation|label|anno?|gt|xml|json|txt)s?[0-9]*$")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+:)?//[^/]*/?|[A-Za-z]:(?=/)")
_STORED = re.compile(r"^/?data/upload/([0-9]+/)?")
# Most paths: relative, and nothing in them to be read in another way.
_PLAIN = re.compile(r"(?!data/upload/)[\w-][^%?:\\/]*(/[\w-][^%?:\\/]*)*")
_SPACE = re.compile(r"\s")
_SHOWN = 200


class Found(NamedTuple):
    """The file that is meant, or `why` it is none though there is one of that name."""

    name: str = ""
    why: str = ""

    def media(self, type_: str) -> dict[str, str]:
        """As `Sample.media` of a file that may be absent."""
        return {type_: self.name} if self.name else {}


@dataclass(frozen=True)
class _Wanted:
    """A path as it may be read. `foreign` ones begin at the root of another machine."""

    folders: tuple[str, ...]
    base: str
    foreign: bool


@dataclass(frozen=True)
class _Fit:
    """How well a file fits a path: `tail` folders in common; `whole` if that is all of the path."""

    name: str
    tail: int
    whole: bool
    # Folders before the tail that say more than what kind of file it is.
    strange: bool


class Files:
    """Files of a source that end in certain suffixes. `asked` gives the paths of all its label
    files again, for the case that one would have to be told from the others by its folders."""

    def __init__(
        self,
        names: Iterable[str],
        suffixes: tuple[str, ...],
        *,
        root: str = "",
        asked: Callable[[], Iterable[str]] | None = None,
    ) -> None:
        self._suffixes, self._root, self._asked = suffixes, root, asked
        self._names = dict.fromkeys(names)
        self._by_stem: dict[str, list[str]] | None = None
        self._shared: set[str] | None = None
        # Files that were taken for a path with folders which they do not lie in, by that path.
        self._taken: dict[str, str] = {}

    @classmethod
    def of(
        cls,
        source: Source,
        suffixes: tuple[str, ...],
        asked: Callable[[], Iterable[str]] | None = None,
    ) -> Files:
        """Those of a source; made once where no `asked` is its own."""
        kept = _KEPT.setdefault(source, {})
        if asked is not None or suffixes not in kept:
            names, root = source.ending(*suffixes), _root(source.names)
            made = cls(names, suffixes, root=root, asked=asked)
            if asked is not None:
                return made
            kept[suffixes] = made
        return kept[suffixes]

    def __contains__(self, name: str) -> bool:
        return name in self._names

    def find(self, path: str, near: str = "", subset: str = "") -> Found:
        """The file that a label file `near` means by a path, of this subset where it says so.
        Raise `Unfit` where several may be meant."""
        if not self._names:
            return Found()
        if beside := self._exact(path, near):
            return Found(beside)
        if sole := self._sole(path, subset):
            return Found(sole)
        aside: dict[str, str] = {}
        best: tuple[int, list[_Fit], _Wanted] | None = None
        for wanted in _readings(path):
            fits = self._fits(wanted, subset, aside)
            longest = max((fit.tail for fit in fits), default=-1)
            if fits and (best is None or longest > best[0]):
                best = longest, [fit for fit in fits if fit.tail == longest], wanted
        if best is None:
            return Found(why=_why(path, aside))
        _, fits, wanted = best
        return Found(self._chosen(fits, wanted, path, f"{subset}/{near}"))

    def key(self, path: str, name: str) -> str:
        """What tells the item of a file apart: the path that labels say, or, where that fits other
        files of the source as well, the file's own with as many folders as it takes."""
        if not name:
            return path
        parts = name.split("/")
        stem, suffix = self._split(_key(parts[-1]))
        same = self._index().get(stem, ())
        if len(same) < 2:
            return path
        others = [one.split("/") for one in same if one != name]
        if self._split(_key(posixpath.basename(path)))[1]:
            others = [one for one in others if self._split(_key(one[-1]))[1] == suffix]
        depth = len([one for one in path.split("/") if one not in ("", ".")])
        if not others or all(one in LAYOUT for one in map(_key, parts[:-depth])):
            return path
        while any(one[-depth:-1] == parts[-depth:-1] for one in others) and depth < len(parts):
            depth += 1
            path = "/".join(parts[-depth:])
        return path

    def _exact(self, path: str, near: str) -> str:
        folder = posixpath.dirname(near)
        if folder and not path.startswith("/"):
            beside = posixpath.normpath(posixpath.join(folder, path))
            if beside in self._names:
                return beside
        return path if path in self._names else ""

    def _sole(self, path: str, subset: str) -> str:
        """The only file of that name, where it ends with the whole path as it is written."""
        stem, suffix = self._split(_key(path.rpartition("/")[2]))
        named = self._index().get(stem, ())
        sole = named[0] if len(named) == 1 else ""
        name = sole if suffix else posixpath.splitext(sole)[0]
        ends = f"/{name}".endswith(f"/{path}")
        return sole if ends and not _other_subset(name[: -len(path) - 1], subset) else ""

    def _fits(self, wanted: _Wanted, subset: str, aside: dict[str, str]) -> list[_Fit]:
        """Files of the name that do not contradict the path; those that do go into `aside`."""
        base = _key(wanted.base)
        stem, suffix = self._split(base)
        fits = []
        for name in self._index().get(stem, ()):
            if suffix and _key(posixpath.basename(name)) != base:
                aside[name] = "has another suffix"
                continue
            fit = self._fit(name, wanted, subset)
            if fit is None:
                aside[name] = "has that name, but lies in another folder"
            else:
                fits.append(fit)
        return fits

    def _fit(self, name: str, wanted: _Wanted, subset: str) -> _Fit | None:
        """None where the folders contradict."""
        ours: Sequence[str] = _keys(name.rpartition("/")[0])
        theirs: Sequence[str] = [_key(one) for one in wanted.folders]
        tail = _common(ours, theirs)
        rest, left = ours[: len(ours) - tail], theirs[: len(theirs) - tail]
        if subset and _other_subset("/".join(rest), subset):
            return None
        if wanted.foreign and rest and rest[0] == _key(self._root):
            rest = rest[1:]
        strange = any(one not in LAYOUT for one in rest)
        if left and strange:
            ours, theirs = _telling(ours), _telling(theirs)
            tail = _common(ours, theirs)
            if not tail or tail < min(len(ours), len(theirs)):
                return None
        return _Fit(name, tail, not left, strange)

    def _chosen(self, fits: Sequence[_Fit], wanted: _Wanted, path: str, near: str) -> str:
        names = _nearest(_finest([fit.name for fit in fits], wanted), near)
        if len(names) > 1:
            usual = {fit.name for fit in fits if not fit.strange}
            names = [one for one in names if one in usual] or names
        if len(names) > 1:
            several = " and ".join(repr(one[:_SHOWN]) for one in names[:3])
            raise Unfit(f"{path[:_SHOWN]!r} may be {several}; write it with its folders")
        if not fits[0].whole:
            self._check_shared(names[0], wanted, path)
        return names[0]

    def _check_shared(self, name: str, wanted: _Wanted, path: str) -> None:
        """Raise `Unfit` where paths of several folders mean one file, so that one is wrong."""
        own = "/".join((*wanted.folders, wanted.base))
        others = self._asked_twice() if self._asked else set()
        other = self._taken.setdefault(name, own)
        if other != own or _key(wanted.base) in others:
            words = "other labels name a file of that name in another folder, too"
            raise Unfit(f"{path[:_SHOWN]!r} may be {name[:_SHOWN]!r}, but {words}")

    def _asked_twice(self) -> set[str]:
        """Names of files that the labels ask for in more than one folder."""
        if self._shared is None and self._asked is not None:
            self._shared = set()
            first: dict[str, tuple[str, ...]] = {}
            for path in self._asked():
                wanted = next(_readings(path), None)
                if wanted is not None:
                    base = _key(wanted.base)
                    if first.setdefault(base, wanted.folders) != wanted.folders:
                        self._shared.add(base)
        return self._shared or set()

    def _index(self) -> dict[str, list[str]]:
        if self._by_stem is None:
            self._by_stem = defaultdict(list)
            for name in self._names:
                self._by_stem[self._split(_key(posixpath.basename(name)))[0]].append(name)
        return self._by_stem

    def _split(self, base: str) -> tuple[str, str]:
        stem, suffix = posixpath.splitext(base)
        return (stem, suffix) if suffix in self._suffixes else (base, "")


# Looked up once a source, not once a record; gone with their source.
_KEPT: WeakKeyDictionary[Source, dict[tuple[str, ...], Files]] = WeakKeyDictionary()


def folders_of(name: str) -> str:
    """The folders of a label file that tell its items apart: not `labels`, `Annotations` ..."""
    return _telling_folders(name.rpartition("/")[0])


@lru_cache(maxsize=4096)
def _telling_folders(folder: str) -> str:
    keys = [(one, _key(one)) for one in folder.split("/")]
    return "/".join(one for one, key in keys if key not in LAYOUT and not _OF_LABELS.match(key))


def is_subset(folder: str) -> bool:
    """Is it the name of a part of a data set: train2017, val, test ..."""
    return _SUBSET.fullmatch(_key(folder)) is not None


def plain_path(path: str) -> str:
    """A path of another tool with forward slashes, without scheme, storage and query."""
    wanted = next(_readings(path), None)
    return "/".join((*wanted.folders, wanted.base)) if wanted else path


def _readings(path: str) -> Iterator[_Wanted]:
    """What a path may mean, what is most literal first."""
    if path.startswith("data:"):
        return
    if _PLAIN.fullmatch(path):
        *folders, base = path.split("/")
        yield _Wanted(tuple(folders), base, False)
        return
    text = path.replace("\\", "/")
    whole = _linked(text)
    seen = set()
    bare = whole.partition("?")[0]
    # A name may have a question mark of its own: `what?.png` is not `what`.
    bare = bare if posixpath.splitext(bare)[1] else whole
    for reading in (whole, unquote(whole), bare, unquote(bare)):
        if reading and reading not in seen and not reading.endswith("/"):
            seen.add(reading)
            yield _wanted(reading)


def _linked(text: str) -> str:
    """What a link of Label Studio leads to: its storage keeps paths in a query."""
    head, mark, query = text.partition("?")
    if not mark:
        return text
    asked = parse_qs(query)
    if "local-files" in head and "d" in asked:
        return asked["d"][0].replace("\\", "/")
    if "fileuri" in asked:
        try:
            return base64.b64decode(asked["fileuri"][0] + "==").decode()
        except (binascii.Error, UnicodeDecodeError):
            return text
    return text


def _wanted(text: str) -> _Wanted:
    begun = _SCHEME.match(text)
    text = text[begun.end() :] if begun else text
    foreign = bool(begun) or text.startswith(("/", "../"))
    stored = _STORED.match(text)
    if stored:
        text, foreign = text[stored.end() :], False
    parts = [one for one in text.split("/") if one not in ("", ".", "..")]
    return _Wanted(tuple(parts[:-1]), parts[-1] if parts else "", foreign)


def _key(text: str) -> str:
    """By which names are compared: NFC, no case, `_` for white space."""
    if text.isascii():
        text = text.lower()
        return _SPACE.sub("_", text) if " " in text or not text.isprintable() else text
    text = unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())
    return _SPACE.sub("_", text)


@lru_cache(maxsize=4096)
def _keys(folder: str) -> tuple[str, ...]:
    """Of the folders of a path; the same few, file after file."""
    return tuple(_key(one) for one in folder.split("/")) if folder else ()


def _common(ours: Sequence[str], theirs: Sequence[str]) -> int:
    """How many folders at the end are the same."""
    tail = 0
    while tail < min(len(ours), len(theirs)) and ours[-1 - tail] == theirs[-1 - tail]:
        tail += 1
    return tail


def _telling(folders: Sequence[str]) -> list[str]:
    return [one for one in folders if one not in LAYOUT]


def _finest(names: list[str], wanted: _Wanted) -> list[str]:
    """Where names differ in case or white space alone, those that have the path's."""
    if len(names) < 2:
        return names
    tail = unicodedata.normalize("NFC", wanted.base)
    written = [unicodedata.normalize("NFC", posixpath.basename(one)) for one in names]
    for same in (str, str.lower):
        like = [
            n
            for n, base in zip(names, written, strict=True)
            if same(tail) in (same(base), same(posixpath.splitext(base)[0]))
        ]
        if like:
            return like
    return names


def _nearest(names: list[str], near: str) -> list[str]:
    """Those that share most folders with the label file."""
    if len(names) < 2:
        return names
    around = {_key(one) for one in near.split("/")[:-1]}
    shared = [len(around & {_key(part) for part in one.split("/")[:-1]}) for one in names]
    return [one for one, count in zip(names, shared, strict=True) if count == max(shared)]


@lru_cache(maxsize=4096)
def _other_subset(folder: str, subset: str) -> bool:
    """Does a file of a folder lie in that of another subset than this?"""
    own = _SUBSET.fullmatch(_key(subset))
    found = [one[1] for one in (_SUBSET.fullmatch(part) for part in _keys(folder)) if one]
    return own is not None and bool(found) and own[1] not in found


def _root(names: Sequence[str]) -> str:
    """The one folder that all files of a source lie in, as of an archive of a folder."""
    first, found, _ = names[0].partition("/") if names else ("", "", "")
    return first if found and names[-1].startswith(f"{first}/") else ""


def _why(path: str, aside: dict[str, str]) -> str:
    if not aside:
        return ""
    name, reason = next(iter(aside.items()))
    return f"{path[:_SHOWN]!r} is not there; {name[:_SHOWN]!r} {reason}"
