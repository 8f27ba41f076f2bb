"""Mainstay, a workforce skills and talent manager for customer service: the web application."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from config import Config
    from webapp.db import Database

_ROOT = Path(__file__).resolve().parent.parent


def create_app(
    config: Config | None = None,
    *,
    database: Database | None = None,
    clock: Callable[[], dt.datetime] | None = None,
    start_jobs: bool = True,
) -> Flask:
    """
    Build the application: read the configuration, wire extensions and blueprints, nothing else.

    Parameters
    ----------
    config
        The configuration; read from the environment if not given.
    database
        The database; opened from the configuration if not given.
    clock
        Tells the present moment in UTC; the system's clock by default.
    start_jobs
        Whether the embedded executor may start with the first request.

    Raises
    ------
    ConfigError
        If the configuration is unsafe or malformed.
    SchemaVersionError
        In production, if the schema is not the one that this code was written for.
    """
    # The console command lives in this package, too: what only a server needs must not make it wait for seconds.
    from flask import Flask  # noqa: PLC0415
    from flask_babel import Babel  # noqa: PLC0415
    from flask_bootstrap import Bootstrap5  # noqa: PLC0415

    from config import Config  # noqa: PLC0415
    from webapp import api, blueprints, jobs, schema  # noqa: PLC0415
    from webapp.db import Database  # noqa: PLC0415
    from webapp.services import erasure_memory  # noqa: PLC0415
    from webapp.services.erasure_memory import ErasureMemory  # noqa: PLC0415
    from webapp.web import (  # noqa: PLC0415
        arguments,
        failures,
        filters,
        guard,
        icons,
        labels,
        live,
        live_turns,
        logs,
        metrics,
        navigation,
        rendering,
        request,
        rest,
        scim,
        security,
        single_sign_on,
        tables,
        toasts,
    )

    config = config or Config.from_environment()
    app = Flask(
        "webapp",
        root_path=str(_ROOT / "webapp"),
        template_folder=str(_ROOT / "templates"),
        instance_path=str(_ROOT / "instance"),
    )
    app.jinja_environment = rendering.Environment
    app.debug = config.debug
    app.testing = config.environment == "test"
    app.config["MAX_CONTENT_LENGTH"] = config.max_upload_mb * 1024 * 1024
    app.config["BOOTSTRAP_SERVE_LOCAL"] = True
    app.extensions["config"] = config
    app.extensions["database"] = database or Database(config.database_url)
    erasure_memory.configure(ErasureMemory(config.secret_key, previous=config.previous_secret_keys))
    app.extensions["clock"] = clock or (lambda: dt.datetime.now(dt.UTC))
    if config.production:
        schema.check_schema(app.extensions["database"])
    Babel(app)
    Bootstrap5(app)
    # Functions after a request run in reverse order: headers are set last, on whatever became of the answer.
    metrics.install(app)
    logs.install(app)
    live_turns.install(app)
    security.install(app, config)
    request.install(app)
    guard.install(app)
    failures.install(app)
    navigation.install(app)
    filters.install(app)
    icons.install(app)
    labels.install(app)
    live.install(app, config)
    rest.install(app)
    tables.install(app)
    toasts.install(app)
    arguments.install(app)
    blueprints.register(app)
    api.register(app)
    scim.install(app)
    single_sign_on.install(app, config)
    jobs.install(app, start=start_jobs)
    return app
