"""No file of the repository knows where it was written."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LARGEST_TEXT_BYTES = 2_000_000

# Written apart, so that this file does not find itself.
MACHINE_PATHS = tuple(rf"(?<![\w.])/{folder}/" for folder in (r"home/\w+", "root", "work", r"Users/\w+", "opt/pypi"))
REGISTRIES = tuple("".join(parts) for parts in (("pypi", r"\.org/simple"), ("files.python", "hosted"), ("devpi", "/")))
UNFINISHED = tuple("".join(parts) + r"\b" for parts in ((r"\bTO", "DO"), (r"\bFIX", "ME"), (r"\bXX", "X")))


def tracked_texts() -> dict[str, str]:
    """Return the text of each file that git knows or would add, by its path."""
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    answer = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        pytest.skip("this copy of the sources is no git checkout")
    texts = {}
    for name in filter(None, answer.stdout.split("\0")):
        path = ROOT / name
        if path.is_file() and path.stat().st_size <= LARGEST_TEXT_BYTES:
            content = path.read_bytes()
            if b"\0" not in content:
                texts[name] = content.decode("utf-8", errors="replace")
    return texts


def lines_with(patterns: tuple[str, ...]) -> list[str]:
    """Return each line of the repository that matches one of the patterns, with its place."""
    wanted = re.compile("|".join(patterns))
    return [
        f"{name}:{number}: {line.strip()[:120]}"
        for name, text in tracked_texts().items()
        for number, line in enumerate(text.splitlines(), start=1)
        if wanted.search(line)
    ]


def test_no_file_names_a_path_of_the_machine_it_was_written_on():
    assert lines_with(MACHINE_PATHS) == []


def test_no_file_names_a_package_registry():
    assert lines_with(REGISTRIES) == []


def test_no_file_leaves_a_note_of_unfinished_work():
    assert lines_with(UNFINISHED) == []


@pytest.mark.parametrize(
    "line",
    ["/" + "work/main/webapp", "/" + "home/ada/mainstay", "https://" + "pypi" + ".org/simple", "# TO" + "DO: later"],
)
def test_the_patterns_know_what_they_look_for(line):
    assert re.search("|".join((*MACHINE_PATHS, *REGISTRIES, *UNFINISHED)), line)
