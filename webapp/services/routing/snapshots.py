"""What a decision read, packed so that it can be made again: who could be chosen, as the choice saw them."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from optimizer.routing import Asked, Candidates, Choice, Desk, Rule, Scorer

_MILLISECONDS = 1000.0
_FAST = 1


@dataclass(frozen=True, slots=True)
class AgentQuestion:
    """The question who serves a contact at a moment."""

    now: float
    asked: Asked
    candidates: Candidates

    @classmethod
    def of(cls, now: float, asked: Asked, candidates: Candidates) -> AgentQuestion:
        """Return the question with idle times in whole milliseconds, as they are kept."""
        whole = np.rint(candidates.idle_seconds * _MILLISECONDS) / _MILLISECONDS
        return cls(now, asked, replace(candidates, idle_seconds=whole))

    def answer(self, scorer: Scorer) -> Choice | None:
        """Return the choice."""
        scorer.enter(self.now)
        return scorer.choose_agent(self.asked, self.candidates)

    def to_bytes(self) -> bytes:
        """Return the question packed."""
        chosen, asked = self.candidates, self.asked
        head = {
            "agents": len(chosen.columns),
            "now": self.now,
            "asked": [asked.row, asked.worth, asked.waited_seconds, list(asked.known)],
            "free": chosen.free.tolist(),
        }
        arrays = (
            chosen.columns.astype("<i4").tobytes(),
            np.rint(chosen.idle_seconds * _MILLISECONDS).astype("<u4").tobytes(),
            chosen.load.astype("<f8").tobytes(),
            np.packbits(chosen.settling).tobytes(),
        )
        return _pack(head, b"".join(arrays))


@dataclass(frozen=True, slots=True)
class ContactQuestion:
    """The question whom of those who wait a freed agent serves."""

    now: float
    column: int
    heads: tuple[Asked, ...]
    contact_ids: tuple[int, ...]

    def answer(self, scorer: Scorer) -> Choice | None:
        """Return the choice."""
        scorer.enter(self.now)
        return scorer.choose_contact(self.column, self.heads)

    def to_bytes(self) -> bytes:
        """Return the question packed."""
        heads = [[each.row, each.worth, each.waited_seconds, list(each.known)] for each in self.heads]
        return _pack({"now": self.now, "column": self.column, "heads": heads, "contacts": list(self.contact_ids)}, b"")


Question = AgentQuestion | ContactQuestion


def _pack(head: dict[str, Any], rest: bytes) -> bytes:
    return zlib.compress(json.dumps(head, separators=(",", ":")).encode() + b"\0" + rest, _FAST)


def read_question(packed: bytes) -> Question:
    """Return a question as it was packed."""
    first, _, rest = zlib.decompress(packed).partition(b"\0")
    head = json.loads(first)
    if "heads" in head:
        return ContactQuestion(
            head["now"], head["column"], tuple(_asked(each) for each in head["heads"]), tuple(head["contacts"])
        )
    count = head["agents"]
    columns = np.frombuffer(rest, "<i4", count)
    idle = np.frombuffer(rest, "<u4", count, offset=4 * count)
    load = np.frombuffer(rest, "<f8", count, offset=8 * count)
    bits = np.frombuffer(rest, np.uint8, -(-count // 8), offset=16 * count)
    candidates = Candidates(
        columns=columns.astype(np.int64),
        load=load.astype(float),
        idle_seconds=idle / _MILLISECONDS,
        settling=np.unpackbits(bits, count=count).astype(bool),
        free=np.array(head["free"], dtype=float),
    )
    return AgentQuestion(head["now"], _asked(head["asked"]), candidates)


def _asked(said: list[Any]) -> Asked:
    row, worth, waited, known = said
    return Asked(row=row, worth=worth, waited_seconds=waited, known=tuple(known))


def scorer_of(desk: Desk, rule: dict[str, Any]) -> Scorer:
    """Return what scored a stored decision, by the rule that was stored with it."""
    return Scorer(desk, Rule(**rule))
