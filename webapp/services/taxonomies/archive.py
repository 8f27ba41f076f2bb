"""The files of a release, from a folder or a ZIP archive; sizes and names are checked before anything is unpacked."""

from __future__ import annotations

import hashlib
import io
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from webapp.services.taxonomies.problems import FileProblem, ReleaseRefusedError

MAX_PACKED_BYTES = 64 * 1024 * 1024
MAX_UNPACKED_BYTES = 512 * 1024 * 1024
MAX_FILE_BYTES = 256 * 1024 * 1024
MAX_FILES = 300
MAX_RATIO = 100
"""Unpacked ÷ packed bytes of one file; tables of addresses stay below 30, bombs are at 500 and more."""

_RATIO_FROM_BYTES = 1024 * 1024
_SUFFIXES = frozenset({".csv", ".tsv", ".txt", ".xlsx"})
_ENCRYPTED = 0x1
_LINK = 0o120000
_TYPE_BITS = 0o170000


@dataclass(frozen=True, slots=True)
class Files:
    """Names of files, without the folders around them where that is clear, and how to read each."""

    readers: Mapping[str, Callable[[], bytes]]

    def __iter__(self) -> Iterator[tuple[str, bytes]]:
        for name, read in self.readers.items():
            yield name, read()

    def digest(self) -> str:
        """Return a SHA-256 over names and contents; the same whether they lie in a folder or in an archive."""
        whole = hashlib.sha256()
        for name, content in self:
            whole.update(f"{name}\0{hashlib.sha256(content).hexdigest()}\n".encode())
        return whole.hexdigest()


def read_folder(folder: Path) -> Files:
    """
    Return the tables in a folder and the folders in it.

    Raises
    ------
    ReleaseRefusedError
        If there are none, too many, or too large ones.
    """
    paths = {
        path.relative_to(folder).as_posix(): path
        for path in sorted(folder.rglob("*"))
        if path.suffix.lower() in _SUFFIXES and path.is_file()
    }
    sizes = [path.stat().st_size for path in paths.values()]
    if len(paths) > MAX_FILES or sum(sizes) > MAX_UNPACKED_BYTES or max(sizes, default=0) > MAX_FILE_BYTES:
        raise _refused(str(folder.name), "The folder has more than a release has. Name the folder of one release.")
    return _files(folder.name, {name: path.read_bytes for name, path in paths.items()})


def read_zip(name: str, content: bytes) -> Files:
    """
    Return the tables in a ZIP archive.

    Raises
    ------
    ReleaseRefusedError
        If it is no archive, unpacks to too much, is locked by a password, or names a file outside itself.
    """
    if len(content) > MAX_PACKED_BYTES:
        raise _refused(name, f"The file is larger than {MAX_PACKED_BYTES // 1024 // 1024} MiB.")
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
        parts = [part for part in archive.infolist() if not part.is_dir()]
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError):
        raise _refused(name, "This is no ZIP archive. Pack the CSV or text files of the release into one.") from None
    _check_parts(name, parts)
    tables = {
        part.filename: part
        for part in sorted(parts, key=lambda part: part.filename)
        if PurePosixPath(part.filename).suffix.lower() in _SUFFIXES and not _is_hidden(part.filename)
    }
    return _files(name, {part: _reader(name, archive, info) for part, info in tables.items()})


def _check_parts(name: str, parts: list[zipfile.ZipInfo]) -> None:
    """Refuse an archive by what its directory says, before a byte is unpacked."""
    for part in parts:
        path = part.filename
        if path.startswith(("/", "\\")) or "\\" in path or ":" in path or ".." in PurePosixPath(path).parts:
            raise _refused(name, f"The archive names a file outside itself: {path[:80]}.")
        if part.flag_bits & _ENCRYPTED:
            raise _refused(name, "The archive is locked by a password. Pack it without one.")
        if part.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
            raise _refused(name, "The archive is packed in an unusual way. Pack it as an ordinary ZIP file.")
        if (part.external_attr >> 16) & _TYPE_BITS == _LINK:
            raise _refused(name, f"The archive holds a link instead of a file: {path[:80]}.")
    if len({part.filename for part in parts}) < len(parts):
        raise _refused(name, "The archive holds two files of the same name.")
    if len(parts) > MAX_FILES:
        raise _refused(name, f"The archive holds {len(parts)} files; at most {MAX_FILES} are accepted.")
    unpacked = sum(part.file_size for part in parts)
    swollen = any(
        part.file_size > _RATIO_FROM_BYTES and part.file_size > MAX_RATIO * max(1, part.compress_size) for part in parts
    )
    if swollen or unpacked > MAX_UNPACKED_BYTES or any(part.file_size > MAX_FILE_BYTES for part in parts):
        raise _refused(
            name,
            f"The archive would unpack to {unpacked / 1024 / 1024:.0f} MiB, or one of its files grows more than "
            f"{MAX_RATIO} times. At most {MAX_UNPACKED_BYTES // 1024 // 1024} MiB are accepted.",
        )


def _is_hidden(path: str) -> bool:
    # Some systems pack a shadow of each file beside it.
    return any(step.startswith((".", "__MACOSX")) for step in PurePosixPath(path).parts)


def _reader(name: str, archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> Callable[[], bytes]:
    def read() -> bytes:
        try:
            with archive.open(part) as stream:
                # The directory may lie about the size; one byte more than it says is enough to notice.
                content = stream.read(part.file_size + 1)
        except (zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError, OSError, ValueError, zlib.error):
            content = b""
            broken = True
        else:
            broken = len(content) != part.file_size
        if broken:
            raise _refused(name, f"{part.filename} in the archive is damaged. Pack it again.")
        return content

    return read


def _files(name: str, readers: Mapping[str, Callable[[], bytes]]) -> Files:
    if not readers:
        raise _refused(name, "There is no CSV, text or XLSX file in it.")
    return Files(_without_common_folder(readers))


def _without_common_folder(readers: Mapping[str, Callable[[], bytes]]) -> dict[str, Callable[[], bytes]]:
    short = {PurePosixPath(name).name: read for name, read in readers.items()}
    return short if len(short) == len(readers) else dict(readers)


def _refused(name: str, message: str) -> ReleaseRefusedError:
    return ReleaseRefusedError([FileProblem(name, 0, "", message)])
