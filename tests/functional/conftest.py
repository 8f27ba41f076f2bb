"""
A browser and a server for journeys.

Each test file has a server of its own over a fresh SQLite file.  Pictures of the pages of a failed test are kept in the
test's temporary folder, which its report names.
"""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask_security import hash_password
from playwright.sync_api import Browser, sync_playwright

from config import Config
from tests import running
from tests.factories import Make
from tests.factories.centre import ZONE, Centre, build_centre, email_of
from tests.functional.visitor import PASSWORD, Visitor
from webapp import create_app
from webapp.db import Database

DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}

_BROWSER_ARGUMENTS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--no-first-run",
]

Visit = Callable[..., Visitor]
_REPORT = pytest.StashKey[pytest.TestReport]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    """Keep the report of a test's body, so that a fixture can tell whether it failed."""
    report: Any = yield
    if report.when == "call":
        item.stash[_REPORT] = report
    return report


@pytest.fixture(scope="session")
def browser(browser_path: Path) -> Iterator[Browser]:
    """Return Chromium; each visitor has a window of their own in it."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(browser_path), args=_BROWSER_ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def password_hash() -> str:
    """Return the hash of :data:`tests.functional.visitor.PASSWORD`; it is slow to make, so it is made once."""
    app = create_app(Config(executor="none"), database=Database("sqlite://"), start_jobs=False)
    with app.app_context():
        return str(hash_password(PASSWORD))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of this test file's database, logs and pictures."""
    return tmp_path_factory.mktemp("functional")


@pytest.fixture(scope="module")
def database_url(folder: Path, migrated_sqlite: Path) -> str:
    """Return the address of this test file's database."""
    shutil.copy(migrated_sqlite, folder / "mainstay.db")
    return f"sqlite:///{folder / 'mainstay.db'}"


@pytest.fixture(scope="module")
def database(database_url: str) -> Iterator[Database]:
    """Return this test file's database, to build rows in and to look into."""
    database = Database(database_url)
    yield database
    database.dispose()


@pytest.fixture(scope="module")
def seeded() -> None:
    """Do nothing; a test file whose rows must be there before the server starts overrides it."""


@pytest.fixture(scope="module")
def published_centre(database: Database, database_url: str, password_hash: str) -> Centre:
    """Return a small contact centre whose plan for tomorrow is published; everybody of it can sign in."""
    tomorrow = dt.datetime.now(ZONE).date() + dt.timedelta(days=1)
    with database.writing() as session:
        make = Make(session)
        centre = build_centre(make, day_on=tomorrow, password_hash=password_hash)
        make.commit()
    day = ("--site", centre.site.code, "--day", tomorrow.isoformat(), "--seconds", "30")
    running.mainstay("plan", "run", *day, "--publish", "--as", email_of("scheduler"), database_url=database_url)
    return centre


@pytest.fixture(scope="module")
def served(browser: Browser, database_url: str, folder: Path, seeded: None) -> Iterator[running.Running]:
    """Serve this test file's database; whatever the server could not handle fails the file."""
    with running.server(database_url, folder) as server:
        yield server
        said = server.said()
    assert "Traceback" not in said, said


@pytest.fixture
def visit(browser: Browser, served: running.Running, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Visit]:
    """Return a function that opens a window: ``visit()``, ``visit(email)`` signed in, ``visit(email, phone=True)``."""
    windows = []
    visitors: list[Visitor] = []

    def _visit(email: str | None = None, *, phone: bool = False, **sign_in: Any) -> Visitor:
        size: Any = PHONE if phone else DESKTOP
        window = browser.new_context(
            viewport=size, is_mobile=phone, has_touch=phone, reduced_motion="reduce", accept_downloads=True
        )
        window.set_default_timeout(15_000)
        windows.append(window)
        visitor = Visitor(window, served.url)
        visitors.append(visitor)
        if email is not None:
            visitor.sign_in(email, **sign_in)
        return visitor

    yield _visit
    report = request.node.stash.get(_REPORT, None)
    failed = report is not None and report.failed
    for number, visitor in enumerate(visitors):
        if failed:
            picture = tmp_path / f"visitor-{number}.png"
            visitor.page.screenshot(path=picture, full_page=True)
            report.sections.append((f"Visitor {number}", f"{visitor.page.url}\n{picture}"))
    for window in windows:
        window.close()
    if not failed:
        assert not [problem for visitor in visitors for problem in visitor.problems]
