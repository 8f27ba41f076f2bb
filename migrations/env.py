"""
Alembic's environment: migrations run on the connection that the caller hands over, else on ``DATABASE_URL``.

SQLite cannot alter a table in place, so that batch mode is on for it; each migration runs in one transaction.
"""

from __future__ import annotations

from typing import Any

from alembic import context
from sqlalchemy import Connection

import webapp.models  # noqa: F401 - fills the metadata
from config import Config
from webapp.db import Base, Database


def _run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        compare_type=True,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()


handed_over: Any = context.config.attributes.get("connection")
if handed_over is not None:
    _run(handed_over)
else:
    database = Database(Config.from_environment().database_url)
    with database.engine.connect() as own_connection:
        _run(own_connection)
        own_connection.commit()
    database.dispose()
