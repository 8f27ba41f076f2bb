"""The peak memory of a run is its own, not that of the process which started it."""

from __future__ import annotations

import subprocess
import sys

from optimizer.memory import peak_memory_mb


def test_what_was_taken_once_stays_the_peak():
    before = peak_memory_mb()

    taken = bytearray(b"x" * 80_000_000)
    during = peak_memory_mb()
    del taken

    assert during >= before + 40
    assert peak_memory_mb() >= during - 1


def test_a_child_of_a_large_process_is_not_large_itself():
    held = bytearray(b"x" * 150_000_000)
    script = "from optimizer.memory import peak_memory_mb; print(peak_memory_mb())"

    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=120)

    assert len(held) == 150_000_000
    assert float(answer.stdout) < 150
