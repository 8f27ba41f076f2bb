"""Where a file's bytes lie: in memory, or on disk where they are many."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

Content = bytes | Path
Opener = Callable[[], BinaryIO]


def open_content(content: Content) -> BinaryIO:
    """Open a file from its beginning; each call gives a reader of its own."""
    return io.BytesIO(content) if isinstance(content, bytes) else content.open("rb")


def size_of(content: Content) -> int:
    """Return how many bytes a file has."""
    return len(content) if isinstance(content, bytes) else content.stat().st_size
