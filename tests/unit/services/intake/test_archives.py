"""Archives of strangers at both doors: bombs are told before they are unpacked, names are read."""

from __future__ import annotations

import gzip
import io
import struct
import sys
import tarfile
import tracemalloc
import unicodedata
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.formats.source import of_folder, of_tar, of_zip
from libs.untrusted import archives
from libs.untrusted.archives import Unreadable, content_of, tar_members, zip_members
from libs.untrusted.entry_names import hidden, read_names
from services.intake.sources import Broken
from services.intake.sources import archives as items


def zipped(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def named(*raw: bytes, flag: int = 0, extra: bytes = b"") -> bytes:
    """A zip file whose names are bytes, as other archivers write them."""
    out, table = bytearray(), bytearray()
    for name in raw:
        sizes = struct.pack("<III", zlib.crc32(b"x"), 1, 1)
        head = struct.pack("<HHHHH", 20, flag, 0, 0, 33) + sizes
        at = len(out)
        out += b"PK\x03\x04" + head + struct.pack("<HH", len(name), 0) + name + b"x"
        places = struct.pack("<HHHHHII", len(name), len(extra), 0, 0, 0, 0, at)
        table += b"PK\x01\x02" + struct.pack("<H", 20) + head + places + name + extra
    count = len(raw)
    end = struct.pack("<HHHHIIH", 0, 0, count, count, len(table), len(out), 0)
    return bytes(out + table) + b"PK\x05\x06" + end


def overlapping(count: int, size: int) -> bytes:
    """One packed file, and a table of contents that names it many times."""
    single = zipped({"a.txt": bytes(size)})
    at = single.index(b"PK\x01\x02")
    entry = single[at : single.index(b"PK\x05\x06")]
    table = b"".join(entry.replace(b"a.txt", b"%05d" % i) for i in range(count))
    return single[:at] + table + b"PK\x05\x06" + struct.pack(
        "<HHHHIIH", 0, 0, count, count, len(table), at, 0
    )  # fmt: skip


def tarred(files: dict[str, bytes], encoding: str = "utf-8") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT, encoding=encoding) as made:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            made.addfile(info, io.BytesIO(content))
    return out.getvalue()


def both(content: bytes) -> list[Exception | None]:
    """What either door says of a zip file."""
    said: list[Exception | None] = []
    for door in (of_zip, items.of_zip):
        try:
            door(io.BytesIO(content))
            said.append(None)
        except (Unreadable, Broken) as error:
            said.append(error)
    return said


# -- bombs -------------------------------------------------------------------------------------


def test_entries_that_share_bytes_are_told_before_they_are_unpacked() -> None:
    """400 names of one file of 5 MB: 2 GB that never come to be."""
    content = overlapping(400, 5_000_000)
    assert len(content) < 80_000
    tracemalloc.start()
    said = both(content)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert all("share their bytes" in str(one) for one in said)
    assert peak < 20_000_000


def test_entries_that_overlap_by_a_part_are_told() -> None:
    content = bytearray(zipped({"a": b"1" * 99, "b": b"2" * 99}, zipfile.ZIP_STORED))
    at = content.rindex(b"PK\x01\x02") + 42
    struct.pack_into("<I", content, at, struct.unpack_from("<I", content, at)[0] - 50)
    assert all("share their bytes" in str(one) for one in both(bytes(content)))


def test_bytes_in_all_and_ratio_are_looked_at_in_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    many = zipped({f"{i}": bytes(90_000) for i in range(1200)})
    assert all("200 times" in str(one) for one in both(many))
    monkeypatch.setattr(archives, "MAX_UNPACKED", 1000)
    assert all("over 1000 bytes" in str(one) for one in both(zipped({"a": b"x" * 1001})))


def test_the_number_of_entries_is_counted_in_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the end of the file says of it."""
    content = bytearray(zipped({f"{i}": b"" for i in range(30)}))
    end = content.rindex(b"PK\x05\x06")
    content[end + 8 : end + 12] = struct.pack("<HH", 1, 1)
    monkeypatch.setattr(archives, "MAX_ENTRIES", 20)
    assert all("more than 20 files" in str(one) for one in both(bytes(content)))
    long = zipped({f"{i}" * 90: b"" for i in range(10, 29)})
    assert both(long) == [None, None], "a long table of few entries"
    files = tarred({f"{i}": b"" for i in range(30)})
    with pytest.raises(Unreadable, match="more than 20 files"):
        tar_members(io.BytesIO(files))


def test_a_member_that_is_packed_too_tightly_is_refused_unread() -> None:
    found = zip_members(io.BytesIO(zipped({"a": bytes(5_000_000), "b": b"x"})), tight=100_000)
    assert ["zip bomb" in one.fault for one in found] == [True, False]
    with pytest.raises(Unreadable, match="zip bomb"):
        content_of(found[0], 10**9)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_without_a_bound_are_refused(method: int) -> None:
    (found,) = zip_members(io.BytesIO(zipped({"a": b"x" * 99}, method)))
    assert "another method than deflate" in found.fault


def test_a_tar_of_a_long_header_or_of_holes_is_refused() -> None:
    header = tarfile.TarInfo("a")
    header.type, header.size = tarfile.XHDTYPE, 2_000_000
    content = header.tobuf(tarfile.GNU_FORMAT) + bytes(2_000_384)
    with pytest.raises(Unreadable, match="not a readable tar"):
        tar_members(io.BytesIO(content + tarred({"b": b"x"})))
    sparse = tarfile.TarInfo("holes")
    sparse.type = tarfile.GNUTYPE_SPARSE
    raw = bytearray(sparse.tobuf(tarfile.GNU_FORMAT))
    raw[386:398], raw[398:410] = b"00000000000\0", b"00000000000\0"
    raw[483:495] = b"%011o\0" % 400_000_000
    raw[148:156] = b" " * 8
    raw[148:156] = b"%06o\0 " % sum(raw[:512])
    (found,) = tar_members(io.BytesIO(bytes(raw) + bytes(1024)))
    assert "sparse" in found.fault


def test_a_gzip_file_stops_where_it_grows_too_large() -> None:
    with pytest.raises(Unreadable, match="bomb"):
        tar_members(io.BytesIO(gzip.compress(bytes(30_000_000))))


# -- names ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "encoding", "declared"),
    [
        ("图片001.jpg", "gb18030", ""),
        ("图片001.jpg", "gb18030", "gb18030"),
        ("图片001.jpg", "utf-8", ""),
        ("图片001.jpg", "utf-8", "gb18030"),
        ("训练集/猫狗.jpg", "gb18030", ""),
        ("训练集/猫狗.jpg", "utf-8", ""),
        ("写真.jpg", "shift_jis", "shift_jis"),
        ("사진.jpg", "cp949", "cp949"),
        ("photo é.jpg", "cp437", ""),
        ("grüße.jpg", "utf-8", ""),
        ("thư mục ơ.jpg", "utf-8", ""),
        ("да.jpg", "utf-8", ""),
        ("фото.jpg", "cp866", "cp866"),
        ("plain.jpg", "ascii", "utf-16"),
        ("plain.jpg", "ascii", "no-such-code"),
    ],
)
def test_names_without_a_flag_are_read(name: str, encoding: str, declared: str) -> None:
    raw = name.encode(encoding)
    (found,) = zip_members(io.BytesIO(named(raw)), declared)
    assert found.name == name
    content = tarred({"x": b"1"}).replace(b"x", raw[:1], 1) if name.isascii() else b""
    assert not content or tar_members(io.BytesIO(tarred({name: b"1"})))[0].name == name


def test_names_of_one_archive_are_in_one_encoding() -> None:
    """Alone the first would pass for UTF-8."""
    names = ("模型.txt".encode("gb18030"), "图片.jpg".encode("gb18030"))
    assert [m.name for m in zip_members(io.BytesIO(named(*names)))] == ["模型.txt", "图片.jpg"]


def test_the_unicode_path_of_info_zip_counts_while_it_is_of_this_name() -> None:
    raw = "фото.jpg".encode("cp866")
    for checked, name in ((raw, "фото.jpg"), (b"other", raw.decode("cp437"))):
        field = struct.pack("<BI", 1, zlib.crc32(checked)) + "фото.jpg".encode()
        extra = struct.pack("<HH", 0x7075, len(field)) + field
        (found,) = zip_members(io.BytesIO(named(raw, extra=extra)))
        assert found.name == name


def test_a_flag_counts_before_everything() -> None:
    (found,) = zip_members(io.BytesIO(named("图片.jpg".encode(), flag=0x800)), "gb18030")
    assert found.name == "图片.jpg"


@given(st.lists(st.binary(min_size=1, max_size=20), max_size=4), st.sampled_from(["", "gbk", "x"]))
def test_any_bytes_are_names(names: list[bytes], declared: str) -> None:
    assert len(read_names(names, declared)) == len(names)


@pytest.mark.parametrize("pack", ["zip", "tar"])
def test_back_slashes_are_slashes_and_names_are_composed(pack: str, tmp_path: Path) -> None:
    nfd = unicodedata.normalize("NFD", "é1.jpg")
    files = {"set\\a.jpg": b"a", f"./set/{nfd}": b"b", "set\\": b""}
    if pack == "zip":
        content = named(*(n.encode() for n in files))
        archive, source = items.of_zip(io.BytesIO(content)), of_zip(io.BytesIO(content))
    else:
        del files["set\\"]
        archive = items.of_tar(io.BytesIO(tarred(files)))
        source = of_tar(io.BytesIO(tarred(files)))
    assert {m.name for m in archive.members} == {"set/a.jpg", "set/é1.jpg"} == set(source.names)
    for form in ("NFC", "NFD"):
        name = unicodedata.normalize(form, "é1.jpg")
        assert f"set/{name}" in source and source.read(f"set/{name}")
        assert archive.read(name, "set") and archive.read(f"set\\{name}")
    if sys.platform == "linux":
        (tmp_path / nfd).write_bytes(b"c")
        assert of_folder(tmp_path).names == ("é1.jpg",) and of_folder(tmp_path).read(nfd) == b"c"


HIDDEN = [
    *(".DS_Store", "a/.DS_Store", "__MACOSX/a.txt", "a/__MACOSX/b.txt", "._a.txt", "a/._b.txt"),
    *("Thumbs.db", "a/thumbs.db", "desktop.ini", ".git/config", ".hidden/a.txt", "a\\._b.txt"),
]


@pytest.mark.parametrize("name", HIDDEN)
def test_hidden_files_are_none_at_both_doors(name: str, tmp_path: Path) -> None:
    assert hidden(name)
    files = {name: b"x", "seen.txt": b"y", "a.b/._c/d.txt": b"z"}
    content, tar = zipped({**files, "sub/seen.txt": b"y"}), tarred({**files, "sub/seen.txt": b"y"})
    expected = {"seen.txt", "sub/seen.txt"}
    assert set(of_zip(io.BytesIO(content)).names) == expected
    assert {m.name for m in items.of_zip(io.BytesIO(content)).members} == expected
    assert set(of_tar(io.BytesIO(tar)).names) == expected
    assert {m.name for m in items.of_tar(io.BytesIO(tar)).members} == expected
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        archive.extractall(tmp_path)
    assert set(of_folder(tmp_path).names) == expected


@pytest.mark.parametrize(
    "name", ["/a", "../a", "a/../../b", "C:\\a", "c:/a", "a\\..\\..\\b", "\\a"]
)
@pytest.mark.parametrize("door", [of_zip, items.of_zip])
def test_names_that_lead_out(door: Callable[[io.BytesIO], object], name: str) -> None:
    content = io.BytesIO(zipped({name: b"x", "good.txt": b"y"}))
    if door is of_zip:
        with pytest.raises(Unreadable, match="outside the archive"):
            door(content)
    else:
        archive = items.of_zip(content)
        assert [bool(m.fault) for m in archive.members] == [True, False]
