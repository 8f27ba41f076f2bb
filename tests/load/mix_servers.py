"""The servers of the page mix, started as docs/operations.md says, and what they take of the processor."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests import running
from tests.running import ROOT, Running

WORKERS, THREADS = 2, 40
WORKER_SHARE = 0.2
"""Of the processor beside a server that wants it too, as ``deploy/systemd/mainstay-worker@.service`` weighs workers."""

SECRETS = {
    "SECRET_KEY": "a-key-of-the-load-test-and-of-nothing-else",
    "PASSWORD_SALT": "a-salt-of-the-load-test",
}


@dataclass(slots=True)
class Servers:
    """The product, the bare page on the same server software, and the processes that run jobs."""

    product: Running
    bare: Running
    workers: Sequence[Running] = ()
    light: bool = False
    """Whether workers give way to the server; only where this process may make control groups."""

    def cpu_seconds(self) -> float:
        """Return the processor time of the product's servers until now, solvers and workers left out."""
        return _cpu_seconds(self.product.process.pid)

    def bare_cpu_seconds(self) -> float:
        """Return that of the bare page's server."""
        return _cpu_seconds(self.bare.process.pid)


@contextlib.contextmanager
def start(
    url: str, folder: Path, *, redis_url: str, streams: int, processes: int = 1, **settings: str
) -> Iterator[Servers]:
    """
    Serve an installation until the block ends.

    Parameters
    ----------
    url
        Its database. PostgreSQL is served by gunicorn with two workers, beside two Celery workers.
    folder
        For logs.
    redis_url
        The Redis of the jobs' messages, with PostgreSQL.
    streams
        Pages of each process that are told by a stream.
    processes
        Of the server on SQLite: 1 is ``mainstay serve``, which also runs jobs; more are gunicorn's, beside one
        ``mainstay worker``.
    settings
        More settings.
    """
    settings = {"LIVE_STREAMS": str(streams), **SECRETS, **settings}
    with contextlib.ExitStack() as stack:
        if url.startswith("sqlite") and processes == 1:
            bare = stack.enter_context(_bare(folder, waitress=True))
            product = stack.enter_context(running.server(url, folder, **settings))
            yield Servers(product, bare)
            return
        count = WORKERS
        if url.startswith("sqlite"):
            settings |= {"MAINSTAY_EXECUTOR": "none"}
            count = 1
        else:
            settings |= {"MAINSTAY_EXECUTOR": "celery", "CELERY_BROKER_URL": redis_url, "RATE_LIMIT_STORAGE": redis_url}
        bare = stack.enter_context(_bare(folder, waitress=False))
        workers = [stack.enter_context(running.worker(url, folder, **settings)) for _ in range(count)]
        light = stack.enter_context(_weigh_less([each.process.pid for each in workers]))
        product = stack.enter_context(gunicorn(url, folder, **settings))
        yield Servers(product, bare, workers, light=light)


@contextlib.contextmanager
def gunicorn(url: str, folder: Path, **settings: str) -> Iterator[Running]:
    """Serve an installation by gunicorn with two workers, until the block ends."""
    environment = running.environment(url, **settings)
    with _run(_gunicorn("wsgi:app"), folder, environment, path="/readyz") as served:
        yield served


@contextlib.contextmanager
def _weigh_less(pids: Sequence[int]) -> Iterator[bool]:
    """Let processes and what they start give way to others until the block ends, as systemd does by ``CPUWeight``."""
    first = Path("/sys/fs/cgroup/cpu")
    root, name, usual = first, "cpu.shares", 1024
    if not first.is_dir():
        root, name, usual = first.parent, "cpu.weight", 100
    group = root / f"mix-{os.getpid()}"
    try:
        group.mkdir()
        (group / name).write_text(str(int(WORKER_SHARE * usual)))
        for pid in pids:
            (group / "cgroup.procs").write_text(str(pid))
    except OSError:
        yield False
        return
    try:
        yield True
    finally:
        for left in (group / "cgroup.procs").read_text().split():
            with contextlib.suppress(OSError):
                (root / "cgroup.procs").write_text(left)
        with contextlib.suppress(OSError):
            group.rmdir()


@contextlib.contextmanager
def _bare(folder: Path, *, waitress: bool) -> Iterator[Running]:
    environment = running.environment("sqlite://")
    empty = folder / "empty.conf.py"
    empty.touch()
    words = [sys.executable, "-m", "tests.load.mix_bare"] if waitress else _gunicorn("tests.load.mix_bare:app", empty)
    with _run(words, folder, environment, path="/bare", by_port=waitress) as served:
        yield served


def _gunicorn(app: str, config: Path | None = None) -> list[str]:
    words = [sys.executable, "-m", "gunicorn", "--worker-class", "gthread"]
    words += ["--workers", str(WORKERS), "--threads", str(THREADS)]
    # The checkout's own file speaks of the product.
    return [*words, *(["--config", str(config)] if config else []), app]


@contextlib.contextmanager
def _run(
    words: list[str], folder: Path, environment: dict[str, str], *, path: str, by_port: bool = False
) -> Iterator[Running]:
    port = running.free_port()
    log = folder / f"served-{port}.log"
    place = [str(port)] if by_port else ["--bind", f"127.0.0.1:{port}"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*words, *place],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    served = Running(process, log, f"http://127.0.0.1:{port}")
    try:
        running.await_answer(served, path)
        yield served
    finally:
        served.stop()


def _cpu_seconds(pid: int) -> float:
    """Return the processor time of a process and of the server's processes that it started; solvers are none."""
    return sum(_own_cpu_seconds(each) for each in (pid, *_children(pid)))


def _own_cpu_seconds(pid: int) -> float:
    try:
        fields = _stat(pid)
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _children(pid: int) -> list[int]:
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                command = (folder / "cmdline").read_bytes()
                if int(_stat(int(folder.name))[1]) == pid and b"gunicorn" in command:
                    found.append(int(folder.name))
    return found


def _stat(pid: int) -> list[str]:
    # After the name in brackets, which may hold anything, come the state and the parent.
    return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
