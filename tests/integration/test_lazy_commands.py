"""Whoever asks for help, or mistypes a command, does not wait for the optimizer to be imported."""

from __future__ import annotations

import importlib
import json
import pkgutil
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

import webapp.cli
from webapp.cli.root import COMMANDS, cli

HEAVY = ("pulp", "numpy", "scipy", "networkx", "altair", "vl_convert", "flask", "sqlalchemy", "celery")

_PROBE = f"""
import contextlib, json, sys
sys.argv = ["mainstay", *sys.argv[1:]]
from webapp.cli.main import main
with contextlib.suppress(SystemExit):
    main()
print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]), file=sys.stderr)
"""


SHARED = {"__main__", "console", "drop_folder", "main", "root"}
"""Modules that make no command."""


def import_all():
    for module in pkgutil.iter_modules(webapp.cli.__path__):
        if module.name != "__main__":
            importlib.import_module(f"webapp.cli.{module.name}")


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["no-such-command"]])
def test_help_of_the_root_imports_nothing_that_only_commands_need(words):
    done = subprocess.run([sys.executable, "-c", _PROBE, *words], check=True, capture_output=True, text=True)

    assert json.loads(done.stderr.splitlines()[-1]) == []


def test_every_command_is_listed_with_its_own_words():
    import_all()
    made = {name: command.get_short_help_str(limit=200) for name, command in cli.commands.items()}

    assert {name: listed.help for name, listed in COMMANDS.items()} == made


def test_every_module_is_listed_for_a_command():
    """One that adds to another's group and is listed nowhere would never be imported."""
    listed = {module for command in COMMANDS.values() for module in command.modules}

    assert listed == {module.name for module in pkgutil.iter_modules(webapp.cli.__path__)} - SHARED


@pytest.mark.parametrize("name", sorted(name for name, listed in COMMANDS.items() if len(listed.modules) > 1))
def test_a_group_of_several_modules_is_whole_once_it_is_asked_for(name):
    """In a process of its own, so that no other test has imported the rest."""
    probe = (
        "import click, json, sys\n"
        "from webapp.cli.root import cli\n"
        "command = cli.get_command(click.Context(cli), sys.argv[1])\n"
        "print(json.dumps(sorted(command.commands)))"
    )
    done = subprocess.run([sys.executable, "-c", probe, name], check=True, capture_output=True, text=True)
    import_all()

    group = cli.commands[name]
    assert isinstance(group, click.Group)
    assert json.loads(done.stdout) == sorted(group.commands)


def test_help_lists_every_command_once():
    shown = CliRunner().invoke(cli, ["--help"])

    listed = [line.split()[0] for line in shown.output.partition("Commands:")[2].splitlines() if line.strip()]
    assert shown.exit_code == 0
    assert listed == sorted(COMMANDS)


def test_a_command_that_is_not_there_is_said_so():
    said = CliRunner().invoke(cli, ["plam"])

    assert said.exit_code == click.UsageError.exit_code
    assert "No such command 'plam'" in said.output
