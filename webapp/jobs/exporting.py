"""The job that writes a large export."""

from __future__ import annotations

import gzip
import shutil
import tempfile

from webapp.jobs.registry import JobContext, PermanentJobError, job
from webapp.models import ImportKind
from webapp.services import access, export_files
from webapp.services.exporting.formats import Format
from webapp.services.exporting.kinds import EXPORTS, export

_IN_MEMORY_BYTES = 8 * 1024 * 1024


@job(export_files.WRITE_JOB)
def write_export(context: JobContext) -> None:
    """Write all rows that the person may see now, and keep the file as the job ends."""
    if context.requested_by_id is None:
        raise PermanentJobError("An export needs the person who asked for it.")
    kind, form = ImportKind(context.payload["kind"]), Format(context.payload["form"])
    # A long file waits on disk and not in memory until it is kept.
    with tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES) as packed:
        with tempfile.TemporaryFile() as plain:
            with context.database.reading() as session:
                on = context.clock()
                viewer = access.get_viewer(session, context.requested_by_id, on=on.date())
                scope = viewer.scope(EXPORTS[kind].permission)
                rows = export(session, kind, form, plain, viewer=viewer, on=on.date())
            size = plain.tell()
            plain.seek(0)
            with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=6) as target:
                shutil.copyfileobj(plain, target)
        packed.seek(0)
        content = packed.read()
    context.beat()
    with context.database.transaction() as session:
        if context.cancelled.is_set():
            context.end_cancelled(session)
            return
        export_files.keep(session, context.job_id, content, rows=rows, size=size, scope=scope, by=context.actor())
        context.complete(session, {"rows": rows, "bytes": size})
