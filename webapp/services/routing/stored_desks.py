"""A desk of the optimizer as bytes, with the codes by which telephone systems speak of classes and agents."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from optimizer.routing import Desk


@dataclass(frozen=True)
class StoredDesk:
    """
    A desk and what its names stand for.

    Parameters
    ----------
    desk
        Its classes are engagement type ids, its agents person ids, both as text.
    codes
        Code of each engagement type → its class.
    channels
        Channel of each class, in their order.
    values
        Points of one contact of each class at priority 1, in their order.
    people
        Code of each agent in other systems → person id.
    """

    desk: Desk
    codes: dict[str, str]
    channels: tuple[str, ...]
    values: tuple[float, ...]
    people: dict[str, int] = field(default_factory=dict)

    @cached_property
    def column_of(self) -> dict[int, int]:
        """Column of each person."""
        return {int(agent): column for column, agent in enumerate(self.desk.agents)}

    @cached_property
    def person_of(self) -> list[int]:
        """Person of each column."""
        return [int(agent) for agent in self.desk.agents]

    @cached_property
    def row_of_channel(self) -> dict[str, int]:
        """A class of each channel: all of them take the same share of an agent."""
        return {channel: row for row, channel in enumerate(self.channels)}

    def to_bytes(self) -> bytes:
        """Return the desk as a compressed archive of arrays; the same desk gives the same arrays bit by bit."""
        desk = self.desk
        head = {
            "classes": desk.classes,
            "agents": desk.agents,
            "weights": [desk.service, desk.match_weight, desk.continuity],
            "interval_seconds": desk.interval_seconds,
            "codes": self.codes,
            "channels": self.channels,
            "values": self.values,
            "people": self.people,
        }
        target = io.BytesIO()
        np.savez_compressed(
            target,
            head=np.frombuffer(json.dumps(head, sort_keys=True).encode(), dtype=np.uint8),
            able=np.packbits(desk.able),
            match=desk.match,
            minutes=desk.minutes,
            worth=desk.worth,
            price=desk.price,
            rate=desk.rate,
            slot=desk.slot,
        )
        return target.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes) -> StoredDesk:
        """Return a desk as it was stored."""
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            head = json.loads(arrays["head"].tobytes())
            shape = arrays["match"].shape
            able = np.unpackbits(arrays["able"], count=shape[0] * shape[1]).astype(bool).reshape(shape)
            service, match_weight, continuity = head["weights"]
            desk = Desk(
                classes=tuple(head["classes"]),
                agents=tuple(head["agents"]),
                able=able,
                match=arrays["match"],
                minutes=arrays["minutes"],
                worth=arrays["worth"],
                service=service,
                match_weight=match_weight,
                continuity=continuity,
                price=arrays["price"],
                rate=arrays["rate"],
                interval_seconds=head["interval_seconds"],
                slot=arrays["slot"],
            )
        return cls(desk, head["codes"], tuple(head["channels"]), tuple(head["values"]), head["people"])
