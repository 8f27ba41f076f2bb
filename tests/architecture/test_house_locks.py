"""The locks install the same files on any machine, and hold all that the sources ask for."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
REQUIREMENTS = ROOT / "requirements"
PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>\S+)")
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}\b")


def blocks(lock: str) -> dict[str, str]:
    """Return the text of each requirement of a lock by its name."""
    text = re.sub(r"(?m)^\s*#.*\n", "", (REQUIREMENTS / lock).read_text(encoding="utf-8"))
    found = re.split(r"(?m)^(?=\S)", text)
    return {block.split("==")[0].strip(): block for block in found if block.strip()}


def pins(lock: str) -> dict[str, str]:
    """Return the version of each requirement of a lock by its name."""
    matches = {name: PIN.match(block) for name, block in blocks(lock).items()}
    return {name: match["version"] for name, match in matches.items() if match}


def asked_for(source: str) -> list[Requirement]:
    """Return the requirements that an ``.in`` file names itself."""
    lines = (line.strip() for line in (REQUIREMENTS / source).read_text(encoding="utf-8").splitlines())
    return [Requirement(line) for line in lines if line and not line.startswith(("#", "-"))]


@pytest.mark.parametrize("lock", ["build.lock", "base.lock", "dev.lock"])
def test_every_requirement_is_pinned_and_hashed(lock):
    loose = [name for name, block in blocks(lock).items() if not PIN.match(block) or not HASH.search(block)]

    assert blocks(lock)
    assert loose == []


@pytest.mark.parametrize("lock", ["build.lock", "base.lock", "dev.lock"])
def test_a_lock_names_no_address_option_or_local_path(lock):
    text = (REQUIREMENTS / lock).read_text(encoding="utf-8")
    options = re.findall(r"(?m)^-\S+", text)
    addresses = re.findall(r"\w+://\S*| @ \S+|(?<![\w.])/\w+/\S*", text)

    assert options == []
    assert addresses == []


@pytest.mark.parametrize(
    ("source", "lock"),
    [("build.in", "build.lock"), ("base.in", "base.lock"), ("base.in", "dev.lock"), ("dev.in", "dev.lock")],
)
def test_a_lock_satisfies_its_source(source, lock):
    locked = {canonicalize_name(name): version for name, version in pins(lock).items()}
    unsatisfied = [
        str(requirement)
        for requirement in asked_for(source)
        if not requirement.specifier.contains(locked.get(canonicalize_name(requirement.name), "0"), prereleases=True)
        or canonicalize_name(requirement.name) not in locked
    ]

    assert unsatisfied == []


def test_the_development_lock_holds_every_pin_of_the_base_lock():
    """``manage.py`` counts the base lock as installed once the development lock is."""
    assert blocks("base.lock").items() <= blocks("dev.lock").items()


def test_the_build_tools_stay_as_they_are_under_the_other_locks():
    """One lock would otherwise undo the other, and each set-up would install anew."""
    locked = {**pins("base.lock"), **pins("dev.lock")}

    assert {name: locked.get(name, version) for name, version in pins("build.lock").items()} == pins("build.lock")
