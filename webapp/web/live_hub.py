"""
Streams to open pages: one watcher for all of a process, which asks the database about once a second what changed.

A stream holds a thread of the server as long as it is open, but no connection to the database; so their number is
capped, and whoever finds no room asks from time to time instead.
"""

from __future__ import annotations

import json
import logging
import queue
import random
import threading
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace

from sqlalchemy.exc import SQLAlchemyError

from webapp.db import Database
from webapp.services import live
from webapp.services.live import Changes

logger = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
PER_PERSON = 3
STREAM_SECONDS = 300.0
BEAT_SECONDS = 5.0
"""How often a quiet stream writes: only by writing does a server learn that the browser has gone."""

Message = tuple[str, str, str]
"""Name, cursor and content of an event; an empty name ends the stream."""

_END: Message = ("", "", "")


class Stream:
    """One open page: what it shows, how far it was told, and what it is to be told next."""

    def __init__(self, person_id: int, topics: Collection[str], states: dict[str, str]) -> None:
        self.person_id = person_id
        self.topics = frozenset(topics)
        self.states = states
        self._messages: queue.SimpleQueue[Message] = queue.SimpleQueue()

    def tell(self, topics: Collection[str], cursor: str) -> None:
        """Tell the page that topics changed."""
        self._messages.put(("change", cursor, json.dumps(sorted(topics))))

    def end(self, *, full: bool = False) -> None:
        """End the stream; ``full`` tells the page to ask from time to time instead of coming back at once."""
        if full:
            self._messages.put(("full", "", ""))
        self._messages.put(_END)

    def write(self, *, seconds: float = STREAM_SECONDS, beat_seconds: float = BEAT_SECONDS) -> Iterator[str]:
        """Yield server-sent events until the stream is ended or ``seconds`` are over, whichever comes first."""
        # Streams that a restart began together shall not all come back together.
        until = time.monotonic() + seconds * random.uniform(0.8, 1.0)  # noqa: S311
        yield f"retry: {random.randint(1000, 4000)}\nevent: hello\ndata: \n\n"  # noqa: S311
        while (left := until - time.monotonic()) > 0:
            try:
                name, cursor, content = self._messages.get(timeout=min(left, beat_seconds))
            except queue.Empty:
                yield ": \n\n"
                continue
            if not name:
                return
            number = f"id: {cursor}\n" if cursor else ""
            yield f"{number}event: {name}\ndata: {content}\n\n"


class Hub:
    """
    The open streams of this process, and the thread that feeds them.

    Parameters
    ----------
    database
        What is watched.
    capacity
        How many streams may be open at once; 0 lets every page ask from time to time.
    look_seconds
        How often the database is asked while any stream is open.
    counted
        Told how many streams are open whenever their number changes.
    """

    def __init__(
        self,
        database: Database,
        *,
        capacity: int,
        look_seconds: float = LOOK_SECONDS,
        counted: Callable[[int], None] = lambda _count: None,
    ) -> None:
        self.capacity = capacity
        self._database = database
        self._look_seconds = look_seconds
        self._counted = counted
        self._lock = threading.Lock()
        self._streams: list[Stream] = []
        self._event_id = 0
        self._watcher: threading.Thread | None = None
        self._stopped = threading.Event()

    @property
    def open_count(self) -> int:
        """How many streams are open."""
        return len(self._streams)

    def open(self, person_id: int, topics: Collection[str], cursor: str) -> Stream | None:
        """
        Open a stream that tells what changed after a cursor, or return None if there is no room.

        The oldest stream of a person who has :data:`PER_PERSON` makes room for their new one: most often its page was
        left, and the server has not noticed yet.
        """
        since, known = live.read_cursor(cursor, topics)
        stream = Stream(person_id, topics, known)
        with self._lock:
            own = [other for other in self._streams if other.person_id == person_id]
            if len(own) >= PER_PERSON:
                self._remove(own[0])
                own[0].end(full=True)
            if len(self._streams) >= self.capacity or self._stopped.is_set():
                return None
            if not self._streams:
                with self._database.reading() as session:
                    self._event_id = live.newest_event(session)
            self._streams.append(stream)
            self._counted(len(self._streams))
            if self._watcher is None:
                self._watcher = threading.Thread(target=self._watch, name="live", daemon=True)
                self._watcher.start()
        # What came before the stream is looked up only now: what comes after is told by the watcher, so that at worst
        # a page is told twice.
        with self._database.reading() as session:
            missed, states = live.read_changes(session, since), live.read_states(session, topics)
        with self._lock:
            # Whoever opens it was let in just now: what happened to their access before does not end it.
            self._tell(stream, replace(missed, people=frozenset()), states)
        return stream

    def close(self, stream: Stream) -> None:
        """Forget a stream whose page has gone."""
        with self._lock:
            self._remove(stream)

    def stop(self) -> None:
        """End all streams, and open none any more, so that the server can stop at once."""
        self._stopped.set()
        with self._lock:
            for stream in self._streams:
                stream.end()
            self._streams.clear()
            self._counted(0)

    def _remove(self, stream: Stream) -> None:
        if stream in self._streams:
            self._streams.remove(stream)
            self._counted(len(self._streams))

    def _watch(self) -> None:
        while not self._stopped.wait(self._look_seconds):
            with self._lock:
                if not self._streams:
                    self._watcher = None
                    return
                since = self._event_id
                topics = {topic for stream in self._streams for topic in stream.topics}
            try:
                with self._database.reading() as session:
                    changes, states = live.read_changes(session, since), live.read_states(session, topics)
            except SQLAlchemyError as error:
                logger.warning("What changed cannot be read: %s", type(error).__name__)
                continue
            with self._lock:
                self._event_id = max(self._event_id, changes.event_id)
                for stream in list(self._streams):
                    self._tell(stream, changes, states)

    def _tell(self, stream: Stream, changes: Changes, states: dict[str, str]) -> None:
        if stream.person_id in changes.people:
            # Whoever lost a role, or signed out elsewhere, comes back through the same door as everybody.
            self._remove(stream)
            stream.end()
            return
        moved = {topic: state for topic, state in states.items() if topic in stream.topics}
        changed = changes.about(stream.topics)
        changed |= {topic for topic, state in moved.items() if stream.states.get(topic) != state}
        stream.states |= moved
        if changed:
            stream.tell(changed, live.write_cursor(changes.event_id, stream.states))
