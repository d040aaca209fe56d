"""Sources somebody sent: archives and folders that are hostile until proven otherwise."""

from __future__ import annotations

import io
import stat
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.formats.encoding import entry_name
from libs.formats.source import Source, Unreadable, of_file, of_folder, of_zip
from libs.formats.zip_writer import ZipStream


def packed(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> io.BytesIO:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out


def test_a_zip_is_read_by_name_in_order() -> None:
    source = of_zip(packed({"b.TXT": b"2", "a.txt": b"1", "__MACOSX/a.txt": b"x"}))
    assert source.names == ("a.txt", "b.TXT") and source.ending(".txt") == ["a.txt", "b.TXT"]
    assert source.read("b.TXT") == b"2" and "a.txt" in source


@pytest.mark.parametrize("name", ["/etc/x", "../x", "a/../../x", "a\\..\\x"])
def test_no_entry_leads_out_of_the_archive(name: str) -> None:
    with pytest.raises(Unreadable, match="outside the archive"):
        of_zip(packed({name: b""}))


def test_a_name_that_is_too_long_is_refused_for_that() -> None:
    with pytest.raises(Unreadable, match="a name of 4000 characters; 1000 at most"):
        of_zip(packed({"a" * 4000: b""}))


@pytest.mark.statistical
def test_a_zip_bomb_is_refused_by_file_and_by_archive() -> None:
    with pytest.raises(Unreadable, match="zip bomb"):
        of_zip(packed({"a": bytes(100_000_001)}))
    with pytest.raises(Unreadable, match="archive unpacks"):
        of_zip(packed({f"{i}": bytes(1_000_000) for i in range(101)}))


def test_links_in_an_archive_are_no_files() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        link = zipfile.ZipInfo("link")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    assert of_zip(out).names == ()


def test_an_encrypted_entry_and_a_damaged_one_are_told() -> None:
    content = packed({"a.txt": b"hello hello hello" * 9}, zipfile.ZIP_STORED).getvalue()
    locked = bytearray(content)
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        locked[content.index(mark) + at] |= 1
    with pytest.raises(Unreadable, match=r"a\.txt: cannot be opened"):
        of_zip(io.BytesIO(bytes(locked))).read("a.txt")
    broken = content.replace(b"hello hello", b"jello hello", 1)
    with pytest.raises(Unreadable, match=r"a\.txt: damaged"):
        of_zip(io.BytesIO(broken)).read("a.txt")


@given(st.binary(max_size=300))
def test_any_bytes_are_a_zip_or_unreadable(content: bytes) -> None:
    try:
        of_zip(io.BytesIO(content))
    except Unreadable as error:
        assert "zip" in str(error)


@given(st.data())
def test_a_zip_with_flipped_bytes_never_stumbles(data: st.DataObject) -> None:
    content = bytearray(packed({"a.txt": b"x" * 50, "b/c.txt": b"y"}).getvalue())
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        source = of_zip(io.BytesIO(bytes(content)))
        for name in source.names:
            source.read(name)
    except Unreadable:
        pass


def test_a_folder_leaves_out_links_that_lead_away(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "secret").write_text("s")
    (tmp_path / "in" / "a.txt").write_text("1")
    (tmp_path / "in" / "away").symlink_to(tmp_path / "secret")
    (tmp_path / "in" / "dead").symlink_to(tmp_path / "nothing")
    assert of_folder(tmp_path / "in").names == ("a.txt",)


def test_texts_are_utf8_with_or_without_mark_and_limits_hold() -> None:
    assert of_file("a", "\ufeffä".encode()).text("a") == "ä"
    with pytest.raises(Unreadable, match="not UTF-8 at byte 1; save it as UTF-8"):
        of_file("a", b"a\xff").text("a")
    with pytest.raises(Unreadable, match="larger than 3 bytes"):
        of_file("a", b"1234").read("a", 3)
    with pytest.raises(Unreadable, match="no such file"):
        Source({}, lambda _: io.BytesIO()).open("a")


def test_a_stream_of_files_is_a_zip_and_always_the_same_bytes() -> None:
    def made() -> bytes:
        stream = ZipStream()
        stream.put("a.txt", b"one")
        taken = stream.take()
        big = b"".join(stream.put_file("b.txt", io.BytesIO(b"2" * 3_000_000)))
        return taken + big + stream.close()

    assert made() == made()
    with zipfile.ZipFile(io.BytesIO(made())) as archive:
        assert archive.testzip() is None and archive.read("b.txt") == b"2" * 3_000_000


@pytest.mark.parametrize(
    ("key", "name"),
    [("s3://b/a/x.jpg", "b/a/x.jpg"), ("../../x.jpg", "x.jpg"), ("/a//b.png", "a/b.png"),
     ("c\\d.png", "c/d.png"), ("", "")],
)  # fmt: skip
def test_a_source_key_is_a_name_inside_the_archive(key: str, name: str) -> None:
    assert entry_name(key) == name
