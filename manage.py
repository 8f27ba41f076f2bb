#!/usr/bin/env python3
"""
Set up, run, test and check Mainstay with Python's standard library alone.

``python3 manage.py demo`` and ``python3 manage.py test`` work on a fresh checkout: they build
``.venv`` from the hashed locks in ``requirements/`` and install again only when a lock changes.

The file is kept readable by older Pythons too, so that they answer with a sentence and not with a
syntax error.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import importlib.util
import json
import os
import shlex
import subprocess
import sys
import time
from pathlib import Path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MINIMUM_PYTHON = (3, 11)
MAXIMUM_TEST_WORKERS = 4
SOURCES = ("config.py", "manage.py", "optimizer", "webapp", "wsgi.py")

# Places that a developer's pip may be told to look beside the index. A lock made with them would
# carry the hashes of files that nobody else can download.
PRIVATE_PIP_SOURCES = ("PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL", "PIP_NO_INDEX")


class ManageError(Exception):
    """A problem that the person at the keyboard can act upon; its text says how."""


class Checkout:
    """
    One checkout of Mainstay and the virtual environment inside it.

    Parameters
    ----------
    root
        The folder that holds ``manage.py``.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.environment = root / ".venv"
        self.python = self.environment / "bin" / "python"
        self.stamp = self.environment / "installed-locks.json"

    def lock_path(self, name: str) -> Path:
        """Return the path of a lock, ``base`` or ``dev``."""
        return self.root / "requirements" / f"{name}.lock"

    def lock_digest(self, name: str) -> str:
        """Return the SHA-256 digest of a lock's content, and of that of the build tools installed before it."""
        digest = hashlib.sha256()
        for path in (self.lock_path("build"), self.lock_path(name)):
            if not path.is_file():
                raise ManageError(f"{path.relative_to(self.root)} is missing from this checkout.")
            digest.update(path.read_bytes())
        return digest.hexdigest()

    def is_installed(self, name: str) -> bool:
        """Return whether the environment holds what the present lock asks for."""
        return self._installed_digests().get(name) == self.lock_digest(name)

    def record_installed(self, name: str) -> None:
        """
        Remember that a lock was installed.

        ``dev.lock`` contains every pin of ``base.lock``, so that installing it satisfies both.
        """
        names = ("base", "dev") if name == "dev" else ("base",)
        digests = {installed: self.lock_digest(installed) for installed in names}
        unfinished = self.stamp.with_suffix(".new")
        unfinished.write_text(json.dumps(digests, indent=2) + "\n", encoding="utf-8")
        unfinished.replace(self.stamp)

    def _installed_digests(self) -> dict[str, str]:
        # A missing or damaged stamp only costs one more run of pip, which then finds all in place.
        try:
            digests = json.loads(self.stamp.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return digests if isinstance(digests, dict) else {}


def require_python(version: tuple[int, int]) -> None:
    """
    Refuse a Python that is too old, and an operating system without POSIX processes.

    Raises
    ------
    ManageError
        If this Python or system cannot run Mainstay.
    """
    if version < MINIMUM_PYTHON:
        wanted, found = (".".join(map(str, pair)) for pair in (MINIMUM_PYTHON, version))
        raise ManageError(
            f"Mainstay needs Python {wanted} or newer; this is Python {found}. Try: python{wanted} manage.py"
        )
    if os.name != "posix":
        raise ManageError("Mainstay runs on Linux and macOS. On Windows, use it inside WSL.")


@contextlib.contextmanager
def one_setup_at_a_time(root: Path) -> Iterator[None]:
    """Hold other set-ups of the same checkout back, so that two pips never mix their files."""
    # POSIX only, hence not at the top: require_python() has its say first.
    import fcntl  # noqa: PLC0415

    with (root / "manage.py").open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def set_up(checkout: Checkout, lock: str) -> None:
    """
    Make the environment match a lock; do nothing where it does already.

    Parameters
    ----------
    checkout
        Where to set up.
    lock
        ``base`` for what the product needs, ``dev`` for the tests and checks as well.

    Raises
    ------
    ManageError
        If the environment cannot be built or pip fails.
    """
    with one_setup_at_a_time(checkout.root):
        if not environment_works(checkout):
            build_environment(checkout)
        if not checkout.is_installed(lock):
            install(checkout, lock)
        write_launchers(checkout)


def environment_works(checkout: Checkout) -> bool:
    """Return whether the environment's Python starts and is the version that runs this file."""
    probe = "import sys; print(*sys.version_info[:2])"
    try:
        answer = subprocess.run([str(checkout.python), "-c", probe], capture_output=True, text=True, check=False)
    except OSError:
        return False
    return answer.stdout.split() == [str(part) for part in sys.version_info[:2]]


def build_environment(checkout: Checkout) -> None:
    """Build an empty virtual environment, in place of a broken one if there is one."""
    for module in ("venv", "ensurepip"):
        if importlib.util.find_spec(module) is None:
            version = ".".join(map(str, sys.version_info[:2]))
            raise ManageError(
                f"This Python has no module {module}. On Debian and Ubuntu: apt install python{version}-venv"
            )
    say("Building .venv")
    command = [sys.executable, "-m", "venv", "--clear", str(checkout.environment)]
    if run(command, checkout.root) != 0:
        raise ManageError("The virtual environment .venv could not be built; see above.")


def install(checkout: Checkout, lock: str) -> None:
    """Install the build tools and then a lock; build what is published as source with those tools alone."""
    started = time.monotonic()
    pip_install(checkout, "build")
    pip_install(checkout, lock)
    checkout.record_installed(lock)
    say(f"Installed in {time.monotonic() - started:.0f} s")


def pip_install(checkout: Checkout, lock: str) -> None:
    """
    Have pip install one lock.

    It downloads everything before it touches what is installed. It compiles nothing: Python does so at the first
    import, and only for what is imported.
    """
    path = checkout.lock_path(lock).relative_to(checkout.root)
    say(f"Installing {path}")
    command = [str(checkout.python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    command += ["--no-compile", "--no-deps", "--no-build-isolation", "--require-hashes", "-r", str(path)]
    code = run(command, checkout.root)
    if code != 0:
        raise ManageError(
            f"pip could not install {path} (exit code {code}); its own words are above. "
            "Nothing was removed: what .venv held before still works. "
            "Check the network and run the same command again."
        )


def write_launchers(checkout: Checkout) -> None:
    """
    Put the checkout on the environment's path and its console commands into ``.venv/bin``.

    An editable install would do the same, but it needs a build backend and, at every version bump,
    another run of pip.
    """
    import tomllib  # noqa: PLC0415 (new in Python 3.11, hence not at the top)

    packages = next(iter(checkout.environment.glob("lib/python3.*/site-packages")))
    write_if_different(packages / "mainstay.pth", f"{checkout.root}\n")
    project = tomllib.loads((checkout.root / "pyproject.toml").read_text(encoding="utf-8"))
    for name, target in project["project"]["scripts"].items():
        module, function = target.split(":")
        launcher = checkout.environment / "bin" / name
        write_if_different(launcher, launcher_text(checkout.python, name, module, function))
        launcher.chmod(0o755)


def launcher_text(python: Path, name: str, module: str, function: str) -> str:
    """
    Return a shell script that starts a console command.

    A ``#!`` line with the interpreter's own path breaks on blanks in it and beyond 127 characters. ``-P`` keeps a
    ``config.py`` in the folder where somebody happens to stand from being taken for ours.
    """
    program = f"import sys; from {module} import {function}; sys.argv[0] = {name!r}; sys.exit({function}())"
    return f'#!/bin/sh\nexec {shlex.quote(str(python))} -P -c {shlex.quote(program)} "$@"\n'


def write_if_different(path: Path, text: str) -> None:
    """Write a file unless it holds the text already, so that a warm start writes nothing."""
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def run(command: Sequence[str], root: Path, environ: dict[str, str] | None = None) -> int:
    """Run a command in the checkout with its output shown, and return its exit code."""
    sys.stdout.flush()
    return subprocess.run(command, cwd=root, env=environ, check=False).returncode


def become(checkout: Checkout, arguments: Sequence[str]) -> None:
    """Replace this process by the environment's Python, so that signals and exit codes are its."""
    sys.stdout.flush()
    os.chdir(checkout.root)
    os.execv(str(checkout.python), [str(checkout.python), *arguments])  # noqa: S606


def say(text: str) -> None:
    """Print a line of progress at once, even into a pipe."""
    print(f"manage.py: {text}", flush=True)


def test_arguments(arguments: Sequence[str]) -> list[str]:
    """
    Return pytest's arguments: parallel by file, with the caller's words last so that they win.

    By file, because a module's server or database is then started once and not once per worker.
    """
    workers = min(MAXIMUM_TEST_WORKERS, os.cpu_count() or 1)
    return ["-m", "pytest", "-n", str(workers), "--dist", "loadfile", *arguments]


def check_commands(*, fix: bool) -> dict[str, list[str]]:
    """
    Return each check's command line, to be run by the environment's Python.

    Parameters
    ----------
    fix
        Rewrite what a tool can mend by itself, in place of reporting it.
    """
    import_linter = "from importlinter.cli import lint_imports_command as main; main(['--no-logo'])"
    return {
        "ruff-format": ["-m", "ruff", "format", *([] if fix else ["--check"]), "."],
        "ruff": ["-m", "ruff", "check", *(["--fix"] if fix else []), "."],
        "mypy": ["-m", "mypy"],
        "imports": ["-c", import_linter],
        "djlint-format": ["-m", "djlint", "--reformat" if fix else "--check", "templates"],
        "djlint": ["-m", "djlint", "--lint", "templates"],
        "bandit": ["-m", "bandit", "-q", "-ll", "-c", "pyproject.toml", "-r", *SOURCES],
    }


def check(checkout: Checkout, names: Sequence[str], *, fix: bool) -> int:
    """Run the named checks, or all; print each one's verdict; return 1 if any failed."""
    commands = check_commands(fix=fix)
    verdicts = []
    for name in names or commands:
        say(f"check {name}")
        started = time.monotonic()
        code = run([str(checkout.python), *commands[name]], checkout.root)
        verdicts.append((name, code, time.monotonic() - started))
    print()
    for name, code, seconds in verdicts:
        verdict = "passed" if code == 0 else f"FAILED (exit code {code})"
        print(f"{name:<14} {seconds:6.1f} s  {verdict}")
    return int(any(code for _, code, _ in verdicts))


def lock(checkout: Checkout, *, upgrade: bool) -> int:
    """
    Compile the locks from their ``.in`` files.

    Parameters
    ----------
    checkout
        Where to read and write.
    upgrade
        Take the newest versions that fit, in place of the ones that are locked already.
    """
    environ = lock_environment(os.environ)
    for name in ("build", "base", "dev"):
        target = checkout.lock_path(name).relative_to(checkout.root)
        say(f"Compiling {target}: a few minutes, every file of a release is hashed")
        command = [str(checkout.python), "-m", "piptools", "compile", "--quiet"]
        command += ["--generate-hashes", "--allow-unsafe", "--strip-extras"]
        command += ["--no-emit-index-url", "--no-emit-find-links", "--no-emit-trusted-host"]
        command += ["--upgrade"] if upgrade else []
        command += ["--output-file", str(target), str(target.with_suffix(".in"))]
        if run(command, checkout.root, environ) != 0:
            raise ManageError(f"{target} could not be compiled; see above.")
    return 0


def lock_environment(environ: os._Environ[str] | dict[str, str]) -> dict[str, str]:
    """Return an environment in which pip sees its index alone, and no private source of files."""
    kept = {name: text for name, text in environ.items() if name not in PRIVATE_PIP_SOURCES}
    command = "python3 manage.py lock"
    return {**kept, "PIP_CONFIG_FILE": os.devnull, "CUSTOM_COMPILE_COMMAND": command}


def parse(arguments: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    """Return the options and, for ``demo`` and ``test``, the words to pass on."""
    parser = argparse.ArgumentParser(prog="manage.py", description="Set up and run Mainstay.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    setup = commands.add_parser("setup", help="build .venv without starting anything")
    setup.add_argument("--dev", action="store_true", help="with what tests and checks need")
    commands.add_parser("demo", add_help=False, help="serve a made-up contact centre (PORT=8000)")
    commands.add_parser("test", add_help=False, help="run the tests; pass pytest's options on")
    checks = commands.add_parser("check", help="run every static check that CI runs")
    checks.add_argument("names", nargs="*", metavar="CHECK", help=", ".join(check_commands(fix=False)))
    checks.add_argument("--fix", action="store_true", help="format and mend what tools can mend")
    locks = commands.add_parser("lock", help="compile requirements/*.lock from *.in")
    locks.add_argument("--upgrade", action="store_true", help="take the newest versions that fit")
    # What follows these two belongs to another program, whatever it looks like.
    passed_on = arguments[1:] if arguments and arguments[0] in {"demo", "test"} else []
    options = parser.parse_args(arguments[:1] if passed_on else arguments)
    if options.command == "check" and set(options.names) - set(check_commands(fix=False)):
        parser.error(f"the checks are {', '.join(check_commands(fix=False))}")
    return options, list(passed_on)


def perform(checkout: Checkout, options: argparse.Namespace, rest: Sequence[str]) -> int:
    """Carry out the chosen command and return the exit code."""
    if options.command in {"demo", "setup"}:
        dev = options.command == "setup" and options.dev
        set_up(checkout, "dev" if dev else "base")
    else:
        set_up(checkout, "dev")
    if options.command == "demo":
        become(checkout, ["-m", "webapp.cli", "demo", *rest])
    if options.command == "test":
        become(checkout, test_arguments(rest))
    if options.command == "check":
        return check(checkout, options.names, fix=options.fix)
    if options.command == "lock":
        return lock(checkout, upgrade=options.upgrade)
    return 0


def main(arguments: Sequence[str]) -> int:
    """Run one command and return the exit code."""
    try:
        require_python(sys.version_info[:2])
        options, rest = parse(arguments)
        return perform(Checkout(Path(__file__).resolve().parent), options, rest)
    except ManageError as error:
        print(f"manage.py: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
