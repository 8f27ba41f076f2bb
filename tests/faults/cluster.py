"""A PostgreSQL cluster of a test's own, which it may restart as it likes."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests import running
from tests.required_services import ServiceMissingError

START_SECONDS = 120
_INSTALLED = "/usr/lib/postgresql"


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster that runs; ``url`` is the address of its server."""

    programs: Path
    folder: Path
    port: int

    @property
    def url(self) -> str:
        """Address of its database ``postgres``."""
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/postgres"

    def control(self, *words: str) -> None:
        """Run ``pg_ctl`` and wait until it is done."""
        data = ["--pgdata", str(self.folder / "data"), "--wait", "--log", str(self.folder / "log")]
        _run([self.programs / "pg_ctl", *data, *words], self.folder)

    def start(self) -> None:
        """Start it; what it writes need not reach the disk, as a killed process loses nothing that it has written."""
        options = (
            f"-c listen_addresses=127.0.0.1 -c port={self.port} -c unix_socket_directories={self.folder} -c fsync=off"
        )
        self.control("start", "--options", options)

    def crash(self) -> None:
        """End all its processes at once, without a word to anybody."""
        self.control("stop", "--mode", "immediate")


def find_programs() -> Path:
    """Return the folder of PostgreSQL's own programs."""
    if found := shutil.which("initdb"):
        folder = Path(found).resolve().parent
        if (folder / "pg_ctl").exists():
            return folder
    folders = sorted(Path(_INSTALLED).glob("*/bin/initdb"), key=lambda path: int(path.parts[-3].partition(".")[0]))
    if not folders:
        raise ServiceMissingError(f"no program initdb, neither on the PATH nor under {_INSTALLED}")
    return folders[-1].parent


@contextlib.contextmanager
def running_cluster(programs: Path) -> Iterator[Cluster]:
    """Make an empty cluster on a free port of the loopback, and take it away at the end."""
    with tempfile.TemporaryDirectory(prefix="cluster-", ignore_cleanup_errors=True) as name:
        cluster = Cluster(programs, Path(name), running.free_port())
        cluster.folder.chmod(0o755)
        if _as_other():
            shutil.chown(cluster.folder, "postgres")
        data = str(cluster.folder / "data")
        words = ["--pgdata", data, "--auth", "trust", "--username", "postgres", "--encoding", "UTF8", "--no-sync"]
        _run([programs / "initdb", *words], cluster.folder)
        cluster.start()
        try:
            yield cluster
        finally:
            with contextlib.suppress(subprocess.CalledProcessError):
                cluster.crash()


def _as_other() -> dict[str, Any]:
    # PostgreSQL refuses to run as root.
    return {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}


def _run(words: Sequence[str | Path], folder: Path) -> None:
    subprocess.run(
        [str(word) for word in words],
        cwd=folder,
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=START_SECONDS,
        **_as_other(),
    )
