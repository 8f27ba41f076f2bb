"""Choosing, reserving, and moving on: what every event of the floor comes down to."""

from __future__ import annotations

import datetime as dt
import time
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

from optimizer.routing import Asked, Choice, Rule
from webapp.errors import NotFoundError
from webapp.models import (
    DecisionTrigger,
    PresenceState,
    ReservationState,
    RoutingContactState,
)
from webapp.services.routing.answers import Offer
from webapp.services.routing.floors import Presence
from webapp.services.routing.rows import FloorRows, NewContact
from webapp.services.routing.snapshots import AgentQuestion, ContactQuestion, Question
from webapp.services.routing.storing import Slot, Stored, store


@cache
def _described(rule: Rule) -> dict[str, Any]:
    """Return a rule as it is stored with its decisions."""
    return asdict(rule)


@dataclass(slots=True)
class Giving(FloorRows):
    """Gives contacts to agents and takes them back, under the site's lock."""

    def _give(
        self, contact: int | NewContact, asked: Asked, trigger: DecisionTrigger, *, key: str | None = None
    ) -> Stored:
        """Choose who serves a contact, which may not be stored yet, and reserve them."""
        made = self._try_to_give(contact, asked, trigger, key=key)
        if made is None:
            raise RuntimeError("Only who asks quietly may be left without a decision.")
        return made

    def _try_to_give(
        self,
        contact: int | NewContact,
        asked: Asked,
        trigger: DecisionTrigger,
        *,
        key: str | None = None,
        quietly: bool = False,
    ) -> Stored | None:
        """Choose who serves a contact, and reserve them; without a trace if quietly nobody was found."""
        site = self.site
        # Who did not take a contact is not asked at once again; of a new one nobody was asked.
        columns = self._columns_asked(contact) if isinstance(contact, int) else []
        candidates = site.floor.candidates(
            asked.row, site.now, settle_seconds=site.rule.settle_seconds, without=columns
        )
        question = AgentQuestion.of(site.now, asked, candidates)
        choice = question.answer(site.scorer())
        if choice is None and quietly:
            return None
        chosen = candidates.columns.tolist()
        person_of = site.stored.person_of
        person_id = None if choice is None else person_of[chosen[choice.position]]
        beside = None if choice is None or choice.runner_up is None else person_of[chosen[choice.runner_up]]
        return self._decide(
            trigger,
            question,
            choice,
            contact=contact,
            person_id=person_id,
            row=asked.row,
            key=key,
            count=len(chosen),
            runner_up_id=beside,
        )

    def _fill(self, person_id: int, *, key: str | None = None) -> int | None:
        """Give an agent of those who wait, until no further one fits; return the first decision."""
        site, first = self.site, None
        column = site.stored.column_of.get(person_id)
        if column is None:
            return None
        while site.floor.open[:, column].any():
            heads = self._heads(person_id, column)
            if not heads:
                break
            asked = tuple(
                self._asked(
                    site.stored.desk.row[str(head.engagement_type_id)], head.worth, head.known_ids, head.arrived_at
                )
                for head in heads
            )
            question = ContactQuestion(site.now, column, asked, tuple(head.id for head in heads))
            choice = question.answer(site.scorer())
            if choice is None:
                break
            decision = self._decide(
                DecisionTrigger.FREE,
                question,
                choice,
                contact=heads[choice.position].id,
                person_id=person_id,
                row=asked[choice.position].row,
                key=key if first is None else None,
                count=len(heads),
                runner_up_contact_id=None if choice.runner_up is None else heads[choice.runner_up].id,
            )
            first = first or decision.decision_id
            if not self._live:
                # Nothing is reserved in shadow: the same contact would be advised again.
                break
        return first

    def _decide(
        self,
        trigger: DecisionTrigger,
        question: Question,
        choice: Choice | None,
        *,
        contact: int | NewContact,
        person_id: int | None,
        row: int,
        key: str | None,
        count: int,
        runner_up_id: int | None = None,
        runner_up_contact_id: int | None = None,
    ) -> Stored:
        """Reserve what was chosen, if the site is live, and store the decision."""
        site = self.site
        slot = expires_at = None
        if person_id is not None and self._live:
            expires_at = self._at + dt.timedelta(seconds=site.setting.reservation_seconds)
            slot = self._reserve(person_id, row, expires_at)
        values: dict[str, Any] = {
            "site_id": site.site_id,
            "event_key": None if key is None else f"{trigger.value}/{key}",
            "at": self._at,
            "mode": site.mode,
            "trigger": trigger,
            "person_id": person_id,
            "desk_id": site.desk_id,
            "interval": site.stored.desk.interval(site.now),
            "rule": _described(site.rule),
            "fallback": site.fallback,
            "candidates": count,
            "snapshot": question.to_bytes(),
            "runner_up_id": runner_up_id,
            "runner_up_contact_id": runner_up_contact_id,
        }
        if choice is not None:
            values |= {
                "score": choice.score,
                "parts": asdict(choice.parts),
                "runner_up_score": None if choice.runner_up is None else choice.runner_up_score,
                "runner_up_parts": None if choice.runner_up_parts is None else asdict(choice.runner_up_parts),
            }
        values["microseconds"] = (time.perf_counter_ns() - self._began) // 1000
        stored = store(site, contact, slot, values)
        if person_id is not None:
            self.outcome.offers.append(
                Offer(stored.decision_id, stored.contact_id, person_id, stored.reservation_id, expires_at)
            )
        return stored

    def _reserve(self, person_id: int, row: int, expires_at: dt.datetime) -> Slot:
        share = float(self.site.stored.desk.slot[row, self.site.stored.column_of[person_id]])
        offered = {"state": RoutingContactState.OFFERED, "person_id": person_id}
        return self._take_slot(
            person_id, row, share=share, state=ReservationState.OPEN, expires_at=expires_at, contact=offered
        )

    def _take_slot(
        self,
        person_id: int,
        row: int,
        *,
        share: float,
        state: ReservationState,
        expires_at: dt.datetime,
        contact: dict[str, Any],
    ) -> Slot:
        """Take a slot of an agent; it, and what changes of the contact, is stored by the caller."""
        presence = self.site.find(person_id)
        slot = presence.free_slot
        presence.contacts[str(slot)] = self.site.stored.channels[row]
        presence.load = self._load(presence)
        presence.given_at = presence.idle_since = self._at
        # Whom the telephone system gave a contact is present, whatever was known of them.
        if presence.state is PresenceState.AVAILABLE or (
            state is ReservationState.ACCEPTED and presence.state is not PresenceState.BUSY
        ):
            self._enter(presence, PresenceState.BUSY)
        reservation = {
            "site_id": self.site.site_id,
            "person_id": person_id,
            "slot": slot,
            "share": share,
            "state": state,
            "made_at": self._at,
            "expires_at": expires_at,
            "answered_at": self._at if state is ReservationState.ACCEPTED else None,
        }
        return Slot(self.site.take_down(presence), reservation, contact)

    def _load(self, presence: Presence) -> float:
        """Return which share of somebody their contacts take; all, where the telephone system gave them more."""
        stored = self.site.stored
        column = stored.column_of.get(presence.person_id)
        if column is None:
            return 1.0 if presence.contacts else 0.0
        rows = [stored.row_of_channel.get(channel) for channel in presence.contacts.values()]
        shares = (1.0 if row is None else float(stored.desk.slot[row, column]) for row in rows)
        return round(min(sum(shares), 1.0), 9)

    def _free_slot(self, held: Any, *, after_work: bool = False) -> Presence:
        """Take what a reservation held off its agent, and return them; it is written by the caller."""
        presence = self.site.find(held.person_id)
        presence.contacts.pop(str(held.slot), None)
        presence.load = self._load(presence)
        presence.idle_since = self._at
        if after_work and presence.state is not PresenceState.AWAY:
            self._enter(presence, PresenceState.AFTER_WORK)
            seconds = self.site.setting.after_work_seconds
            presence.until = self._at + dt.timedelta(seconds=seconds) if seconds else None
        elif presence.state is PresenceState.BUSY and not presence.contacts:
            self._enter(presence, PresenceState.AVAILABLE)
        return presence

    def _move_on(self, held: Any, state: ReservationState) -> None:
        """End an open reservation without the contact, which is offered to the next."""
        self._close_reservation(held.id, state)
        self.outcome.withdrawn.append(held.id)
        presence = self._free_slot(held)
        if state is ReservationState.TIMED_OUT:
            presence.unanswered += 1
            if presence.unanswered >= self.site.setting.unanswered_limit and presence.state is not PresenceState.AWAY:
                self._enter(presence, PresenceState.AWAY)
        elif state is ReservationState.DECLINED:
            presence.unanswered = 0
        self.site.write(presence)
        self._set_contact(held.contact_id, state=RoutingContactState.WAITING, person_id=None)
        contact = self._get_contact(held.contact_id)
        row = self.site.stored.desk.row.get(str(contact.engagement_type_id))
        if row is not None:
            asked = self._asked(row, contact.worth, contact.known_ids, contact.arrived_at)
            self._give(contact.id, asked, DecisionTrigger.MOVED_ON)

    def _enter(self, presence: Presence, state: PresenceState) -> None:
        presence.state, presence.since, presence.until = state, self._at, None

    def _asked(self, row: int, worth: float | None, known: list[int], arrived_at: dt.datetime) -> Asked:
        stored = self.site.stored
        columns = [stored.column_of[person_id] for person_id in known if person_id in stored.column_of]
        return Asked(
            row=row,
            worth=float(stored.desk.worth[row]) if worth is None else worth,
            waited_seconds=max((self._at - arrived_at).total_seconds(), 0.0),
            known=tuple(columns),
        )

    def _person(self, agent: str) -> int:
        person_id = self.site.stored.people.get(agent)
        if person_id is None:
            raise NotFoundError("There is no such agent at this site, or they joined since its desk was built.")
        return person_id
