"""The set-up file does little when nothing changed, harms nothing when it fails, and says what to do."""

from __future__ import annotations

import ast
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import manage

ROOT = Path(manage.__file__).resolve().parent
OLDEST_SYNTAX = (3, 7)
PROJECT = '[project.scripts]\nmainstay = "webapp.cli:main"\n'


@pytest.fixture
def checkout(tmp_path: Path) -> manage.Checkout:
    """Return a checkout without an environment, in a folder whose name has a blank."""
    root = tmp_path / "my checkout"
    (root / "requirements").mkdir(parents=True)
    (root / "requirements" / "build.lock").write_text("# nothing to build with\n")
    (root / "requirements" / "base.lock").write_text("# nothing to install\n")
    (root / "requirements" / "dev.lock").write_text("# nothing to install either\n")
    (root / "pyproject.toml").write_text(PROJECT)
    (root / "manage.py").write_text("")
    return manage.Checkout(root)


@pytest.fixture
def calls(checkout: manage.Checkout) -> Path:
    """
    Put a Python into the environment that notes how it is called; return the note.

    It starts for the probe and the launchers like the real one, and exits with the code in ``exit-code`` otherwise.
    """
    (checkout.environment / "lib" / "python3.11" / "site-packages").mkdir(parents=True)
    checkout.python.parent.mkdir()
    note, code = checkout.root / "calls", checkout.root / "exit-code"
    real, noted, coded = (shlex.quote(str(path)) for path in (sys.executable, note, code))
    checkout.python.write_text(
        f'#!/bin/sh\ncase "$*" in *version_info*|-P*) exec {real} "$@";; esac\n'
        f'echo "$@" >> {noted}\nexit "$(cat {coded})"\n'
    )
    checkout.python.chmod(0o755)
    note.write_text("")
    code.write_text("0")
    return note


def fail_from_now_on(checkout: manage.Checkout) -> None:
    (checkout.root / "exit-code").write_text("7")


def test_an_old_python_is_named_beside_the_one_that_is_needed():
    with pytest.raises(manage.ManageError, match=r"needs Python 3\.11 or newer; this is Python 3\.10"):
        manage.require_python((3, 10))


@pytest.mark.parametrize("version", [(3, 11), (3, 12), (4, 0)])
def test_a_new_enough_python_is_accepted(version):
    manage.require_python(version)


def test_an_old_python_can_read_the_file_that_refuses_it():
    source = (ROOT / "manage.py").read_text(encoding="utf-8")

    ast.parse(source, feature_version=OLDEST_SYNTAX)


def test_a_lock_counts_as_installed_until_it_changes(checkout, calls):
    manage.set_up(checkout, "base")
    before = checkout.is_installed("base")
    checkout.lock_path("base").write_text("# something new\n")

    assert before
    assert not checkout.is_installed("base")


def test_the_development_lock_stands_for_the_base_lock_but_not_the_other_way_round(checkout, calls):
    manage.set_up(checkout, "base")
    after_base = checkout.is_installed("dev")
    manage.set_up(checkout, "dev")

    assert not after_base
    assert checkout.is_installed("base")
    assert checkout.is_installed("dev")


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"base": 1}'])
def test_a_damaged_stamp_means_that_pip_runs_again(checkout, calls, damage):
    manage.set_up(checkout, "base")
    checkout.stamp.write_text(damage)

    assert not checkout.is_installed("base")


def test_a_second_set_up_runs_no_pip(checkout, calls):
    manage.set_up(checkout, "base")
    first = calls.read_text()
    manage.set_up(checkout, "base")

    assert "pip install" in first
    assert calls.read_text() == first


def test_pip_installs_hashed_files_and_nothing_else(checkout, calls):
    """Without build isolation, because pip fills an isolated environment with files that no lock knows."""
    manage.set_up(checkout, "base")

    locks = [line.split()[-1] for line in calls.read_text().splitlines()]
    assert locks == ["requirements/build.lock", "requirements/base.lock"]
    for line in calls.read_text().splitlines():
        assert {"--require-hashes", "--no-deps", "--no-build-isolation"} <= set(line.split())


@pytest.mark.parametrize("changed", ["build", "base"])
def test_a_change_of_a_lock_or_of_the_build_tools_is_installed(checkout, calls, changed):
    manage.set_up(checkout, "base")
    first = calls.read_text()
    checkout.lock_path(changed).write_text("# something new\n")
    manage.set_up(checkout, "base")

    assert calls.read_text() == 2 * first


def test_a_failing_pip_names_the_lock_and_leaves_the_environment_as_it_was(checkout, calls):
    manage.set_up(checkout, "base")
    stamp = checkout.stamp.read_text()
    checkout.lock_path("base").write_text("# something new\n")
    fail_from_now_on(checkout)

    with pytest.raises(manage.ManageError, match=r"pip could not install requirements/build\.lock \(exit code 7\)"):
        manage.set_up(checkout, "base")

    assert checkout.stamp.read_text() == stamp
    assert manage.environment_works(checkout)


def test_a_missing_lock_is_named(checkout, calls):
    checkout.lock_path("base").unlink()

    with pytest.raises(manage.ManageError, match=r"requirements/base\.lock is missing"):
        manage.set_up(checkout, "base")


def test_an_environment_whose_python_is_gone_is_built_anew(checkout):
    checkout.python.parent.mkdir(parents=True)
    checkout.python.symlink_to(checkout.root / "no such python")

    manage.set_up(checkout, "base")

    assert manage.environment_works(checkout)
    assert checkout.is_installed("base")


def test_the_console_command_works_from_any_folder_and_takes_its_own_modules(checkout, tmp_path):
    (checkout.root / "webapp").mkdir()
    (checkout.root / "webapp" / "__init__.py").write_text("")
    (checkout.root / "webapp" / "cli.py").write_text(
        "import sys\nimport config\n\ndef main():\n    print(config.NAME, *sys.argv)\n    return 3\n"
    )
    (checkout.root / "config.py").write_text('NAME = "ours"\n')
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "config.py").write_text('NAME = "somebody else\'s"\n')
    manage.set_up(checkout, "base")

    answer = subprocess.run(
        [checkout.environment / "bin" / "mainstay", "assign", "a b"],
        cwd=elsewhere,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (answer.stdout, answer.returncode) == ("ours mainstay assign a b\n", 3), answer.stderr


def test_the_callers_words_to_pytest_come_last_so_that_they_win():
    assert manage.test_arguments(["-n", "0", "-k", "fit"])[-4:] == ["-n", "0", "-k", "fit"]


@pytest.mark.parametrize("words", [["-x", "--lf"], ["-h"], ["--", "tests/unit"], []])
@pytest.mark.parametrize("command", ["demo", "test"])
def test_words_after_demo_and_test_are_passed_on_as_they_are(command, words):
    options, rest = manage.parse([command, *words])

    assert (options.command, rest) == (command, words)


@pytest.mark.parametrize("words", [[], ["nonsense"], ["check", "nonsense"], ["lock", "--nonsense"]])
def test_unknown_words_are_refused(words, capsys):
    with pytest.raises(SystemExit) as stop:
        manage.parse(words)

    assert stop.value.code == 2
    assert "usage:" in capsys.readouterr().err


def test_check_runs_every_tool_and_passes_where_all_pass(checkout, calls, capsys):
    code = manage.check(checkout, [], fix=False)

    assert code == 0
    assert len(calls.read_text().splitlines()) == len(manage.check_commands(fix=False))
    assert "FAILED" not in capsys.readouterr().out


def test_check_fails_where_one_tool_fails_and_names_it(checkout, calls, capsys):
    fail_from_now_on(checkout)

    code = manage.check(checkout, ["mypy"], fix=False)

    assert code == 1
    assert "mypy" in capsys.readouterr().out
    assert calls.read_text() == "-m mypy\n"


def test_only_a_fixing_check_rewrites_files():
    reporting, fixing = (
        {word for command in manage.check_commands(fix=fix).values() for word in command} for fix in (False, True)
    )

    assert reporting & {"--fix", "--reformat"} == set()
    assert fixing & {"--check"} == set()


def test_locks_are_compiled_from_the_index_alone():
    environ = {"PIP_FIND_LINKS": "wheels", "PIP_EXTRA_INDEX_URL": "elsewhere", "PIP_CERT": "ca.pem", "HOME": "h"}

    scrubbed = manage.lock_environment(environ)

    assert scrubbed["PIP_CONFIG_FILE"] == os.devnull
    assert scrubbed["PIP_CERT"] == "ca.pem"
    assert scrubbed.keys() & set(manage.PRIVATE_PIP_SOURCES) == set()


def test_a_lock_is_compiled_before_the_ones_that_it_constrains(checkout, calls):
    manage.lock(checkout, upgrade=False)

    targets = [line.split()[-1] for line in calls.read_text().splitlines()]
    assert targets == ["requirements/build.in", "requirements/base.in", "requirements/dev.in"]


def test_a_lock_that_cannot_be_compiled_is_named(checkout, calls):
    fail_from_now_on(checkout)

    with pytest.raises(manage.ManageError, match=r"requirements/build\.lock could not be compiled"):
        manage.lock(checkout, upgrade=False)


def test_a_problem_is_told_in_one_line_and_by_the_exit_code(tmp_path):
    copy = tmp_path / "manage.py"
    copy.write_bytes((ROOT / "manage.py").read_bytes())
    environment = tmp_path / ".venv"
    (environment / "bin").mkdir(parents=True)
    (environment / "bin" / "python").symlink_to(sys.executable)

    answer = subprocess.run([sys.executable, copy, "setup"], capture_output=True, text=True, check=False)

    assert answer.returncode == 1
    assert answer.stderr == "manage.py: requirements/build.lock is missing from this checkout.\n"


def test_the_stamp_holds_digests_that_can_be_read(checkout, calls):
    manage.set_up(checkout, "dev")

    assert json.loads(checkout.stamp.read_text()) == {name: checkout.lock_digest(name) for name in ("base", "dev")}
