"""Archives are judged by their directory before a byte is unpacked."""

from __future__ import annotations

import io
import stat
import zipfile

import pytest

from tests.factories import taxonomy_files as made
from webapp.services.taxonomies import archive
from webapp.services.taxonomies.problems import ReleaseRefusedError


def refused(content: bytes) -> str:
    with pytest.raises(ReleaseRefusedError) as error:
        archive.read_zip("release.zip", content)
    return str(error.value)


def test_tables_are_read_and_everything_else_is_left():
    content = made.pack({"ESCO/skills_en.csv": b"a,b", "ESCO/readme.pdf": b"%PDF", "__MACOSX/._skills_en.csv": b"x"})

    assert dict(archive.read_zip("release.zip", content)) == {"skills_en.csv": b"a,b"}


def test_files_of_one_name_in_two_folders_keep_their_folders():
    content = made.pack({"en/skills.csv": b"1", "de/skills.csv": b"2"})

    assert dict(archive.read_zip("release.zip", content)) == {"de/skills.csv": b"2", "en/skills.csv": b"1"}


def test_a_folder_and_an_archive_of_the_same_files_have_the_same_digest(tmp_path):
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "skills_en.csv").write_bytes(b"a,b")

    packed = archive.read_zip("release.zip", made.pack({"skills_en.csv": b"a,b"}))

    assert archive.read_folder(tmp_path).digest() == packed.digest()


@pytest.mark.parametrize(
    "name", ["../skills.csv", "/etc/skills.csv", "a/../../skills.csv", "C:/skills.csv", "a\\b.csv"]
)
def test_a_file_outside_the_archive_is_refused(name):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        info = zipfile.ZipInfo("placeholder")
        info.filename = name
        packed.writestr(info, b"a,b")

    assert "outside itself" in refused(buffer.getvalue())


def test_a_link_is_refused():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        info = zipfile.ZipInfo("skills.csv")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        packed.writestr(info, b"/etc/passwd")

    assert "a link instead of a file" in refused(buffer.getvalue())


def test_a_bomb_is_refused_before_it_is_unpacked():
    content = made.pack({"skills.csv": b"0" * (8 * 1024 * 1024)})

    assert len(content) < 100_000
    assert "would unpack to 8 MiB" in refused(content)


def test_more_than_the_limit_in_all_is_refused(monkeypatch):
    monkeypatch.setattr(archive, "MAX_UNPACKED_BYTES", 10)

    assert "would unpack" in refused(made.pack({"a.csv": b"123456", "b.csv": b"123456"}))


def test_too_many_files_are_refused():
    content = made.pack({f"{number}.csv": b"a" for number in range(archive.MAX_FILES + 1)})

    assert "301 files" in refused(content)


def test_an_archive_larger_than_the_limit_is_refused(monkeypatch):
    monkeypatch.setattr(archive, "MAX_PACKED_BYTES", 10)

    assert "larger than" in refused(made.pack({"a.csv": b"123456"}))


def test_a_locked_archive_is_refused():
    content = bytearray(made.pack({"skills.csv": b"a,b"}))
    # Bit 0 of the flags, in the header of the file and in the directory.
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1

    assert "locked by a password" in refused(bytes(content))


def test_what_is_no_archive_is_refused():
    assert "no ZIP archive" in refused(b"conceptType,conceptUri")


def test_an_archive_without_tables_is_refused():
    assert "no CSV, text or XLSX file" in refused(made.pack({"readme.pdf": b"x"}))


def test_a_damaged_file_is_refused_when_it_is_read():
    content = bytearray(made.pack({"skills.csv": b"abcdefgh" * 50}))
    start = content.index(b"skills.csv") + len(b"skills.csv")
    content[start : start + 4] = b"\xff\xff\xff\xff"
    files = archive.read_zip("release.zip", bytes(content))

    with pytest.raises(ReleaseRefusedError, match="damaged"):
        dict(files)


def test_a_folder_without_tables_is_refused(tmp_path):
    with pytest.raises(ReleaseRefusedError, match="no CSV, text or XLSX file"):
        archive.read_folder(tmp_path)
