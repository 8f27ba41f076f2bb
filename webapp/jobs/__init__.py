"""Durable jobs: one registry of bodies, and what executes them."""

from __future__ import annotations

import importlib
import pkgutil
import threading
from typing import TYPE_CHECKING

from webapp.jobs.executor import Executor

if TYPE_CHECKING:
    from flask import Flask


def load_bodies() -> None:
    """Import every module of this package, so that its bodies are registered."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")


def build_executor(app: Flask) -> Executor:
    """Return an executor over the application's database."""
    load_bodies()
    config = app.extensions["config"]
    return Executor(
        app.extensions["database"], app.extensions["clock"], options={"solver_memory_mb": config.solver_memory_mb}
    )


def start_embedded(app: Flask) -> None:
    """Run jobs in a thread of this process, from now to its end."""
    executor = build_executor(app)
    app.extensions["executor"] = executor
    threading.Thread(target=executor.run_forever, name="jobs", daemon=True).start()
