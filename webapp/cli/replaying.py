"""``mainstay intake replay``: send a call log to an installation as its telephone system would, faster and astray."""

from __future__ import annotations

import datetime as dt
import http.client
import itertools
import json
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
from sqlalchemy import select

from webapp.cli.console import get_database, now, show
from webapp.cli.intake import intake
from webapp.errors import NotFoundError
from webapp.models import Site
from webapp.services.intake import replaying, signatures
from webapp.services.intake.replaying import Disorder, Sending

_AGAIN = {409, 429, 503}
"""Answers after which a message is sent again; so it is where there was none."""

_PATIENCE_SECONDS = 120.0
_TIMEOUT_SECONDS = 30.0
_SHOWN_DIFFERENCES = 20


@dataclass(slots=True)
class Tally:
    """What became of the messages."""

    acknowledged: int = 0
    duplicates: int = 0
    failed: int = 0
    repeated: int = 0
    refused: dict[str, int] = field(default_factory=dict)


class Sender:
    """
    Sends messages in their order of sending, over one connection for each thread.

    Parameters
    ----------
    url
        Address of the source.
    secret
        What signs.
    speed
        Seconds of the log in a second; 0 is as fast as the installation answers.
    """

    def __init__(self, url: str, secret: str, *, speed: float = 0.0) -> None:
        self.tally = Tally()
        self._address = urlsplit(url)
        self._secret, self._speed = secret, speed
        self._lock, self._local = threading.Lock(), threading.local()
        self._opened: list[http.client.HTTPConnection] = []

    def send_all(self, sendings: Sequence[Sending], *, threads: int) -> float:
        """Send them by so many threads, and return the seconds that it took."""
        began = time.monotonic()
        places = itertools.count()

        def work() -> None:
            # Each thread takes the next message, so that none waits for another but at the speed of the log.
            while (place := next(places)) < len(sendings):
                sending = sendings[place]
                if self._speed > 0:
                    time.sleep(max(0.0, began + sending.after / self._speed - time.monotonic()))
                self._send(json.dumps(sending.message).encode())

        with ThreadPoolExecutor(threads) as pool:
            for each in [pool.submit(work) for _ in range(threads)]:
                each.result()
        for connection in self._opened:
            connection.close()
        return time.monotonic() - began

    def _send(self, body: bytes) -> None:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            status, text = self._try(body)
            if status == http.HTTPStatus.OK:
                said = json.loads(text)
                with self._lock:
                    self.tally.acknowledged += 1
                    self.tally.duplicates += bool(said["duplicate"])
                    self.tally.failed += int(said["failed"])
                return
            if (status is not None and status not in _AGAIN) or time.monotonic() > deadline:
                with self._lock:
                    name = "no answer" if status is None else str(status)
                    self.tally.refused[name] = self.tally.refused.get(name, 0) + 1
                return
            with self._lock:
                self.tally.repeated += 1
            time.sleep(0.05)

    def _try(self, body: bytes) -> tuple[int | None, bytes]:
        """Return status and text of one try; no status if the server is not there, or went away."""
        connection = self._connection()
        # Signed anew each time: a signature is good for five minutes.
        header = signatures.sign(self._secret, body, at=now())
        try:
            connection.request(
                "POST",
                self._address.path,
                body,
                {"X-Mainstay-Signature": header, "Content-Type": "application/json"},
            )
            answer = connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException):
            connection.close()
            return None, b""

    def _connection(self) -> http.client.HTTPConnection:
        connection: http.client.HTTPConnection | None = getattr(self._local, "connection", None)
        if connection is None:
            kind = http.client.HTTPSConnection if self._address.scheme == "https" else http.client.HTTPConnection
            connection = kind(self._address.netloc, timeout=_TIMEOUT_SECONDS)
            self._local.connection = connection
            with self._lock:
                self._opened.append(connection)
        return connection


@intake.command()
@click.argument("path", metavar="LOG", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--site", "site_code", required=True, help="Code of the site that the log belongs to.")
@click.option("--to", "url", required=True, metavar="URL", help="Address of a source of plain contact events.")
@click.option(
    "--secret",
    envvar="MAINSTAY_REPLAY_SECRET",
    prompt="Secret of the source",
    hide_input=True,
    help="Asked for if neither it nor MAINSTAY_REPLAY_SECRET is given.",
)
@click.option("--preset", help="How the log is written; found by its headers if not given.")
@click.option("--from", "first", type=click.DateTime(formats=["%Y-%m-%d"]), help="First day of the log to send.")
@click.option("--until", "last", type=click.DateTime(formats=["%Y-%m-%d"]), help="Last day of the log to send.")
@click.option(
    "--speed",
    type=click.FloatRange(0, 1_000_000),
    default=50.0,
    show_default=True,
    help="Seconds of the log in a second; 0 is as fast as it is answered.",
)
@click.option(
    "--late",
    type=click.FloatRange(0, 10_080),
    default=10.0,
    show_default=True,
    help="Minutes of the log by which each message may be late.",
)
@click.option(
    "--copies", type=click.IntRange(1, replaying.MOST_COPIES), default=5, show_default=True, help="At most so many."
)
@click.option("--threads", type=click.IntRange(1, 32), default=4, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed gives the same disorder.")
@click.option("--prefix", default="", help="Put before each contact's id, beside contacts that were imported.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def replay(
    *,
    path: Path,
    site_code: str,
    url: str,
    secret: str,
    preset: str | None,
    first: dt.datetime | None,
    last: dt.datetime | None,
    speed: float,
    late: float,
    copies: int,
    threads: int,
    seed: int,
    prefix: str,
    as_json: bool,
) -> None:
    """
    Send the calls of LOG to a running Mainstay as live events, and compare what came of them with LOG in order.

    A trial with one's own calls before the telephone system is connected, and for the load that it will bring: each
    call arrives, is answered and ends in messages of their own, out of order and several times. The call types and
    agents of the log must be known: import it first, or one like it. Exit code 1 if a message is refused, or a contact
    is missing or differs.
    """
    if urlsplit(url).scheme not in {"http", "https"}:
        raise click.BadParameter("An address begins with http:// or https://.", param_hint="--to")
    with get_database().reading() as session:
        site = session.scalar(select(Site).where(Site.code == site_code))
        if site is None:
            raise NotFoundError(f"There is no site {site_code}.")
        calls = replaying.read_calls(
            path,
            site,
            preset_name=preset,
            first=first.date() if first else None,
            last=last.date() if last else None,
        )
    happenings = replaying.happenings_of(calls, site_code, prefix=prefix)
    sendings = replaying.disturb(happenings, Disorder(dt.timedelta(minutes=late), copies, seed))
    sender = Sender(url, secret, speed=speed)
    seconds = sender.send_all(sendings, threads=threads)
    with get_database().reading() as session:
        different = replaying.list_differences(session, calls, site, prefix=prefix)
    lasting = (happenings[-1].at - happenings[0].at).total_seconds()
    result: dict[str, Any] = {
        "calls": len(calls),
        "events": len(happenings),
        "messages": len(sendings),
        "acknowledged": sender.tally.acknowledged,
        "duplicates": sender.tally.duplicates,
        "failed": sender.tally.failed,
        "repeated": sender.tally.repeated,
        "refused": sender.tally.refused,
        "seconds": round(seconds, 1),
        "per_second": round(len(sendings) / max(seconds, 0.001), 1),
        "speed": round(lasting / max(seconds, 0.001), 1),
        "differences": len(different),
        "different": different[:_SHOWN_DIFFERENCES],
    }
    show(result, as_json=as_json, lines=_lines(result))
    if different or sender.tally.refused or sender.tally.failed:
        sys.exit(1)


def _lines(result: dict[str, Any]) -> list[str]:
    refused = ", ".join(f"{number:,} × {name}" for name, number in result["refused"].items())
    sent = (
        f"{result['calls']:,} calls, {result['events']:,} events, {result['messages']:,} messages in "
        f"{result['seconds']:,} s: {result['per_second']:,} a second, {result['speed']:,} × the log's own speed."
    )
    answered = (
        f"{result['acknowledged']:,} acknowledged, {result['duplicates']:,} of them copies; "
        f"{result['failed']:,} not understood, {result['repeated']:,} sent again, refused: {refused or 'none'}."
    )
    compared = f"{result['differences']:,} of {result['calls']:,} contacts differ from the log in order."
    return [sent, answered, compared, *(f"  {key}" for key in result["different"])]
