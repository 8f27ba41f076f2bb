"""Parse JSON files from strangers: bounded in memory, with a path for every complaint."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from optimizer.reading import Findings, ProblemError

LARGEST_FILE_MB = 2_048
"""Size of a file above which it is refused whatever memory there is."""

FIXED_MEMORY_MB = 150
"""What a run takes before it has read anything, in MB."""

MEMORY_PER_BYTE = 12
"""Bytes that reading and the model take for each byte of a sensible file, measured at 80 × 900 and 200 × 2,000."""

MEMORY_PER_VALUE = 90
"""Bytes that a value takes at most once it is parsed, beside its text; an empty list needs two of three bytes."""

_CHUNK_BYTES = 1 << 20


def parse_file(file: Path, *, memory_mb: int | None = None) -> object:
    """Parse a JSON file.

    Parameters
    ----------
    memory_mb
        Most memory that the parsed file and the model may take; what can not fit is refused before it is parsed.

    Raises
    ------
    ProblemError
        If it cannot be read, is too large, is not UTF-8, not JSON, nested too deeply or has a field twice.
    """
    content = _read(file, memory_mb)
    objects: list[tuple[dict[str, Any], str]] = []

    def build(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        fields = dict(pairs)
        if len(fields) < len(pairs):
            names = [name for name, _ in pairs]
            objects.append((fields, next(name for name in names if names.count(name) > 1)))
        return fields

    try:
        parsed: object = json.loads(content.decode("utf-8-sig"), object_pairs_hook=build)
    except UnicodeDecodeError as error:
        raise ProblemError("$", f"the file is not UTF-8: byte {error.start}") from error
    except RecursionError as error:
        raise ProblemError("$", "the file is nested too deeply") from error
    except json.JSONDecodeError as error:
        raise ProblemError("$", f"not JSON: {error.msg} at line {error.lineno}, column {error.colno}") from error
    except ValueError as error:
        # Python refuses to read whole numbers of thousands of digits: that takes time quadratic in their length.
        raise ProblemError("$", "a number has too many digits") from error
    if objects:
        findings = Findings()
        _refuse_repeated(parsed, {id(each): name for each, name in objects}, findings)
        findings.raise_if_any()
    return parsed


def _read(file: Path, memory_mb: int | None) -> bytes:
    """Return the content of a file; also of a pipe, whose size nobody knows before."""
    try:
        _check_size(file.stat().st_size, 0, memory_mb)
        with file.open("rb") as stream:
            chunks: list[bytes] = []
            size = values = 0
            while chunk := stream.read(_CHUNK_BYTES):
                chunks.append(chunk)
                size += len(chunk)
                values += chunk.count(b",") + chunk.count(b"{") + chunk.count(b"[")
                _check_size(size, values, memory_mb)
    except OSError as error:
        raise ProblemError("$", f"the file can not be read: {error.strerror}") from error
    return b"".join(chunks)


def _check_size(size: int, values: int, memory_mb: int | None) -> None:
    """Refuse what is too large, by its bytes and by the values that they hold."""
    needed = FIXED_MEMORY_MB + max(size * MEMORY_PER_BYTE, 2 * size + values * MEMORY_PER_VALUE) / 1e6
    if memory_mb is not None and needed > memory_mb:
        message = f"the file of {size / 1e6:.0f} MB needs about {needed:.0f} MB of memory; the limit is {memory_mb} MB"
        raise ProblemError("$", message)
    if size > LARGEST_FILE_MB * 1e6:
        raise ProblemError("$", f"the file of {size / 1e6:.0f} MB is larger than {LARGEST_FILE_MB} MB")


def _refuse_repeated(parsed: object, repeated: dict[int, str], findings: Findings) -> None:
    """Note the path of every object in which a name stands twice."""
    # A stack of its own: the file may be nested more deeply than functions may be.
    waiting = [(parsed, findings)]
    while waiting:
        value, where = waiting.pop()
        if id(value) in repeated:
            where.add(f"has the field {repeated[id(value)]!r} twice")
        waiting += [(member, where.at(step)) for step, member in _members(value)]


def _members(value: object) -> Iterable[tuple[str | int, object]]:
    if isinstance(value, dict):
        return value.items()
    return enumerate(value) if isinstance(value, list) else ()
