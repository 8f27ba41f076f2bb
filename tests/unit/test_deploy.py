"""What the files for operators name is there: paths, commands, options and settings."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest
import yaml  # type: ignore[import-untyped]

from webapp.cli import backup as backup_commands  # noqa: F401
from webapp.cli import database, serve  # noqa: F401 - they add their commands to the root
from webapp.cli.console import cli

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
SETTINGS = (ROOT / "config.py").read_text(encoding="utf-8")


def _require_command(words: list[str]) -> None:
    """Fail unless ``mainstay`` knows the command and each option."""
    command: click.Command = cli
    while isinstance(command, click.Group):
        command = command.commands[words.pop(0)]
    known = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= known


def _commands_of(unit: Path) -> list[list[str]]:
    lines = re.findall(r"^ExecStart=(.*)$", unit.read_text(encoding="utf-8"), re.MULTILINE)
    commands = [shlex.split(line) for line in lines]
    # A shell is asked to put the date into a name.
    return [shlex.split(words[2].removeprefix("exec ")) if words[0] == "/bin/sh" else words for words in commands]


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_unit_runs_a_command_that_there_is_as_nobody_special(unit):
    text = unit.read_text(encoding="utf-8")

    (words,) = _commands_of(unit)
    program = words.pop(0)

    assert program in {"/opt/mainstay/.venv/bin/mainstay", "/opt/mainstay/.venv/bin/gunicorn"}
    if program.endswith("mainstay"):
        _require_command(words)
    else:
        assert words[-1] == "wsgi:app"
    for line in ("User=mainstay", "NoNewPrivileges=yes", "ProtectSystem=strict", "CapabilityBoundingSet="):
        assert line in text.splitlines()


def test_settings_of_the_example_are_read_by_somebody():
    names = re.findall(r"^([A-Z_]+)=", (DEPLOY / "mainstay.env.example").read_text(encoding="utf-8"), re.MULTILINE)

    assert "SECRET_KEY" in names
    compose = (DEPLOY / "compose.yaml").read_text(encoding="utf-8")
    assert [name for name in names if name not in SETTINGS and name not in compose] == []


def test_image_copies_what_there_is_and_runs_as_nobody_special():
    lines = (DEPLOY / "Containerfile").read_text(encoding="utf-8").splitlines()
    copied = [path for line in lines if line.startswith("COPY ") for path in line.split()[1:-1]]

    assert "webapp" in copied
    assert [path for path in copied if not (ROOT / path).exists()] == []
    assert "USER 10001:10001" in lines


def test_services_run_commands_that_there_are_on_a_file_system_that_stays_as_it_is():
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))["services"]

    assert set(services) == {"postgres", "redis", "migrate", "web", "worker"}
    for name in ("migrate", "web", "worker"):
        assert services[name]["read_only"] is True
        assert services[name]["cap_drop"] == ["ALL"]
        assert [each for each in services[name]["environment"] if each not in SETTINGS] == []
    for name in ("migrate", "worker"):
        program, *words = services[name]["command"]
        assert program == "mainstay"
        _require_command(words)
