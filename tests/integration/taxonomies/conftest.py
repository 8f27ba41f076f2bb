"""Releases in a database, without jobs."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy.orm import Session

from tests.factories import NOW
from tests.factories import taxonomy_files as made
from webapp.models import TaxonomyCode, TaxonomyRelease
from webapp.services.audit import Actor
from webapp.services.taxonomies import releases
from webapp.services.taxonomies.archive import Files


@pytest.fixture
def apply(session: Session) -> Callable[..., TaxonomyRelease]:
    """Return a function that applies files as a release, and the release."""

    def _apply(contents, name: str = "1.0", code: TaxonomyCode = TaxonomyCode.ESCO) -> TaxonomyRelease:
        files = contents if isinstance(contents, Files) else made.files(**contents)
        by = Actor(person_id=None, at=NOW)
        base = releases.current_release(session, releases.find_taxonomy(session, code))
        draft, difference = releases.compare_files(session, code, files)
        release = releases.take_release(
            session, code=code, name=name, file_name="release.zip", files=files, content=None, by=by
        )
        base_id = base.id if base else None
        return releases.apply_release(session, release, draft, difference, base_id=base_id, by=by)

    return _apply
