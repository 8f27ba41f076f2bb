"""
A person in front of a browser.

A :class:`Visitor` notes whatever a careful person would report: errors in the console, breaches of the content security
policy, requests that fail, and what axe finds on a page in light and in dark.  :meth:`Visitor.check` fails the test for
any of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal
from urllib.parse import urlsplit

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import BrowserContext, ConsoleMessage, Locator, Page, Request, Response, expect

PASSWORD = "correct horse battery staple"
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")

# WCAG 2.2 A and AA, and what axe calls good practice; target sizes are off by default in axe.
_AXE_OPTIONS: dict[str, Any] = {
    "resultTypes": ["violations"],
    "rules": {"target-size": {"enabled": True}},
}
# Two frames start what the new theme sets in motion; half-way from one theme to the other no colours go together.
_TRANSITIONS_DONE = """async () => {
  for (let frame = 0; frame < 2; frame++) await new Promise(requestAnimationFrame);
  const transitions = document.getAnimations().filter(each => each instanceof CSSTransition);
  await Promise.allSettled(transitions.map(each => each.finished));
}"""
_RUN_AXE = "options => axe.run(document, options).then(results => results.violations)"


class Visitor:
    """
    One person with a browser window of their own.

    Parameters
    ----------
    context
        The browser's window: its cookies and its size.
    url
        Address of the server.
    """

    def __init__(self, context: BrowserContext, url: str) -> None:
        self.url = url
        self.page: Page = context.new_page()
        self.problems: list[str] = []
        self.seen: set[str] = set()
        self._expected: set[int] = set()
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.problems.append(f"{self.page.url}: {error}"))
        self.page.on("requestfailed", self._note_failure)
        self.page.on("response", self._note_response)

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type not in {"error", "warning"}:
            return
        # The browser says the status of each answer once more in the console; _note_response judges it.
        if "the server responded with a status of" in message.text:
            return
        self.problems.append(f"{self.page.url}: console {message.type}: {message.text}")

    def _note_failure(self, request: Request) -> None:
        # Leaving a page aborts what it was still asking for, which is no failure; so does a download.
        if request.failure != "net::ERR_ABORTED":
            self.problems.append(f"{request.method} {request.url}: {request.failure}")

    def _note_response(self, response: Response) -> None:
        # Open pages take turns; the others ask again.
        if response.status == 503 and "x-mainstay-live" in response.request.headers:
            return
        if response.status >= 400 and response.status not in self._expected:
            self.problems.append(f"{response.request.method} {response.url}: {response.status}")

    @contextmanager
    def expecting(self, *statuses: int) -> Iterator[None]:
        """Let answers with these statuses pass within the block."""
        self._expected.update(statuses)
        yield
        self._expected.difference_update(statuses)

    def open(self, path: str, *, check: bool = True) -> None:
        """Open a page of the server, and look at it as :meth:`check` does."""
        self.page.goto(f"{self.url}{path}")
        if check:
            self.check()

    def follow(self, name: str | re.Pattern[str], *, within: Locator | None = None) -> None:
        """Follow the link with this text, and look at the page behind it."""
        (within or self.page).get_by_role("link", name=name).first.click()
        self.check()

    def press(self, name: str | re.Pattern[str], *, within: Locator | None = None, exact: bool = False) -> None:
        """Press the button with this text."""
        (within or self.page).get_by_role("button", name=name, exact=exact).first.click()

    def sign_in(self, email: str, password: str = PASSWORD) -> None:
        """Sign in as a person does: by the form."""
        self.page.goto(f"{self.url}/login")
        self.page.get_by_label("E-mail").fill(email)
        self.page.get_by_label("Password", exact=True).fill(password)
        self.page.get_by_role("button", name="Sign in").click()
        expect(self.page.get_by_role("button", name="Account of")).to_be_visible()

    def check(self) -> None:
        """Fail for any problem so far, and for what axe finds on this page in light and in dark, once for each page."""
        self.page.wait_for_load_state("load")
        place = _without_ids(self.page.url)
        if place not in self.seen:
            self.seen.add(place)
            self._run_axe()
        assert not self.problems, "\n".join(self.problems)

    def check_again(self) -> None:
        """Look at this page although it was looked at before: it shows something else now."""
        self.seen.discard(_without_ids(self.page.url))
        self.check()

    def _run_axe(self) -> None:
        self.page.evaluate(AXE_SCRIPT)
        for theme in THEMES:
            self.page.emulate_media(color_scheme=theme, reduced_motion="reduce")
            expect(self.page.locator("html")).to_have_attribute("data-bs-theme", theme)
            self.page.evaluate(_TRANSITIONS_DONE)
            for violation in self.page.evaluate(_RUN_AXE, _AXE_OPTIONS):
                for node in violation["nodes"]:
                    self.problems.append(
                        f"{self.page.url} ({theme}): {violation['id']}: {violation['help']}\n"
                        f"    {node['html'][:300]}\n    {node['failureSummary']}"
                    )
        self.page.emulate_media(color_scheme="light", reduced_motion="reduce")


def _without_ids(url: str) -> str:
    """Return what kind of page an address opens: pages that differ by an id or a filter alone look alike."""
    return re.sub(r"\d+", "n", urlsplit(url).path)
