"""
A folder into which other systems put files: each is imported once, and moved to where its outcome is seen.

A file goes by atomic renames from the folder to ``processing`` and on to ``done`` or ``failed``, beside which stands a
report.  Whoever is killed in between leaves it in ``processing``, where the next one finds it; that it was imported
already is known by its content.
"""

from __future__ import annotations

import fcntl
import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from webapp.errors import BusyError

SUFFIXES = frozenset({".csv", ".tsv", ".txt", ".xlsx"})
LOCK_NAME = ".mainstay-intake.lock"

Import = Callable[[Path, Path], bool]
"""Imports a file, or writes its problems to the second path; returns whether it was imported."""


@dataclass(frozen=True, slots=True)
class DropFolder:
    """
    A watched folder.

    Parameters
    ----------
    path
        The folder; the others are made inside it.
    take
        Imports one file.
    known
        Says whether a file with this SHA-256 was imported before.
    settle_seconds
        A file that changed more recently is still being written and waits.
    """

    path: Path
    take: Import
    known: Callable[[str], bool]
    settle_seconds: float = 2.0

    def _place(self, name: str) -> Path:
        place = self.path / name
        place.mkdir(exist_ok=True)
        return place

    @contextmanager
    def held(self) -> Iterator[None]:
        """
        Hold the folder, so that one process works on it at a time.

        Raises
        ------
        BusyError
            If another process does.
        """
        with (self.path / LOCK_NAME).open("w") as lock:
            _lock(lock, self.path)
            yield

    def run_once(self) -> tuple[int, int]:
        """Take every file that is there, the oldest first, and return how many were imported and how many failed."""
        imported = failed = 0
        for path in [*self._left_behind(), *self._waiting()]:
            if self._take(path):
                imported += 1
            else:
                failed += 1
        return imported, failed

    def _left_behind(self) -> list[Path]:
        return sorted(each for each in self._place("processing").iterdir() if each.is_file())

    def _waiting(self) -> Iterator[Path]:
        now = time.time()
        found = [
            (each.stat().st_mtime, each.name, each)
            for each in self.path.iterdir()
            if each.is_file() and not each.name.startswith(".") and each.suffix.lower() in SUFFIXES
        ]
        for changed_at, name, path in sorted(found):
            if now - changed_at >= self.settle_seconds:
                yield path.rename(_free(self._place("processing") / name))

    def _take(self, path: Path) -> bool:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        report = self._place("failed") / f"{path.stem}.{digest[:8]}.errors.csv"
        if self.known(digest) or self.take(path, report):
            path.rename(self._place("done") / f"{path.stem}.{digest[:8]}{path.suffix}")
            return True
        path.rename(self._place("failed") / f"{path.stem}.{digest[:8]}{path.suffix}")
        return False


def _lock(lock: IO[str], path: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise BusyError(f"Another process works on {path} already.") from None


def _free(path: Path) -> Path:
    """Return the path, or one beside it that no file has."""
    number, free = 1, path
    while free.exists():
        number, free = number + 1, path.with_name(f"{path.stem}-{number}{path.suffix}")
    return free
