"""Policies: the optimizer's presets as named, versioned rows, and what planning adds to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from optimizer.policy import PRESETS
from optimizer.policy import Policy as OptimizerPolicy
from optimizer.reading import Findings
from webapp.errors import NotFoundError
from webapp.models import Policy, Site, SitePolicy
from webapp.services import audit
from webapp.services.audit import Actor

DEFAULT = "default"
DEFAULT_INTERVAL_MINUTES = 30
INTERVAL_CHOICES = (15, 30, 60)
MAX_SECONDS = 600.0

# What planning needs beside the weights, and the optimizer's problem file has no field for: see PlanningSettings.
_PLANNING = "planning"


@dataclass(frozen=True, slots=True)
class PlanningSettings:
    """
    What a policy says about building a problem, beside the optimizer's own weights and limits.

    Parameters
    ----------
    shrinkage
        Lost ÷ paid minutes in [0, 1), taken off what shifts, breaks and absences leave.
    max_carry_minutes
        Most minutes of begun work that an agent may carry into the next interval.
    max_stretch_minutes
        Most minutes of stretch work in one shift, for agents who want to grow.
    mentor_level
        Effective level from which an agent on shift covers the stretch work of others in a skill.
    live_priority
        Priority, 1 to 5, at which minutes for live contacts compete with engagements.
    replan_keep_minutes
        What begins within so many minutes from now stands when the rest of a day is planned again.
    replan_max_changes
        Engagements that may move then beyond those that cannot stand; None is no limit.
    replan_seconds
        Time that such a run gets.
    swap_max_loss
        Points of the customers' tier that a swap of two agents may cost to be made without the scheduler.
    """

    shrinkage: float = 0.1
    max_carry_minutes: float = 15.0
    max_stretch_minutes: float = 60.0
    mentor_level: int = 4
    live_priority: int = 4
    replan_keep_minutes: int = 15
    replan_max_changes: int | None = 3
    replan_seconds: float = 10.0
    swap_max_loss: float = 5.0

    @classmethod
    def of(cls, policy: Policy) -> PlanningSettings:
        """Return the settings of a policy; what it does not say has its default."""
        return cls(**policy.settings.get(_PLANNING, {}))


_PRESET_PLANNING: dict[str, dict[str, Any]] = {
    "customer-first": {"live_priority": 5},
    "grow-people": {"max_stretch_minutes": 120.0},
    "calm-day": {"shrinkage": 0.15},
    "catch-up": {"shrinkage": 0.05, "max_stretch_minutes": 0.0},
}


def optimizer_policy(
    policy: Policy, *, seed: int, time_limit_seconds: float, gap: float | None = None
) -> OptimizerPolicy:
    """Return the policy as the optimizer takes it, with the effort of one run."""
    settings = {key: value for key, value in policy.settings.items() if key != _PLANNING}
    effort: dict[str, Any] = {"seed": seed, "time_limit_s": time_limit_seconds}
    if gap is not None:
        effort["gap"] = gap
    findings = Findings()
    read = OptimizerPolicy.read(settings | effort, findings)
    findings.raise_if_any()
    return read


def ensure_presets(session: Session, *, by: Actor) -> list[Policy]:
    """
    Store the optimizer's presets as policies, and return the newest version of each.

    A preset that differs from the stored one becomes its next version; versions that runs refer to are never changed.
    """
    newest = {policy.code: policy for policy in list_policies(session)}
    for code, preset in PRESETS.items():
        written = _preset_settings(code)
        stored = newest.get(code)
        # What somebody edited stays the newest version: a preset comes again only once it says something new itself.
        if stored is not None and any(
            _same(each.settings, written) and each.description == preset.words for each in list_versions(session, code)
        ):
            continue
        policy = _preset_policy(code, stored.number + 1 if stored is not None else 1)
        policy.created_at = by.at
        session.add(policy)
        audit.record(session, "add_policy", policy, by=by, detail={"code": code, "number": policy.number})
    return list_policies(session)


def _preset_policy(code: str, number: int) -> Policy:
    return Policy(
        code=code,
        number=number,
        name=_preset_name(code),
        description=PRESETS[code].words,
        settings=_preset_settings(code) | {"revision": number},
    )


def _preset_settings(code: str) -> dict[str, Any]:
    return OptimizerPolicy.preset(code).to_json() | {_PLANNING: _PRESET_PLANNING.get(code, {})}


def _same(stored: dict[str, Any], written: dict[str, Any]) -> bool:
    return {**stored, "revision": 0} == {**written, "revision": 0}


def list_policies(session: Session) -> list[Policy]:
    """Return the newest version of each policy; ``default`` first, then by name."""
    newest = select(Policy.code, func.max(Policy.number).label("number")).group_by(Policy.code).subquery()
    found: Sequence[Policy] = session.scalars(
        select(Policy).join(newest, (Policy.code == newest.c.code) & (Policy.number == newest.c.number))
    ).all()
    return sorted(found, key=lambda policy: (policy.code != DEFAULT, policy.name))


def list_versions(session: Session, code: str) -> list[Policy]:
    """Return every version of a policy, newest first."""
    query = select(Policy).where(Policy.code == code).order_by(Policy.number.desc())
    return list(session.scalars(query.options(joinedload(Policy.created_by))))


def list_choices(session: Session) -> list[tuple[str, str, str]]:
    """
    Return code, name and description of each policy that a run may use, presets that none has used yet included.

    Those that were retired are offered no more.
    """
    found = list_policies(session)
    stored = [(policy.code, policy.name, policy.description) for policy in found if policy.retired_at is None]
    known = {policy.code for policy in found}
    return stored + [(code, _preset_name(code), preset.words) for code, preset in PRESETS.items() if code not in known]


def _preset_name(code: str) -> str:
    return code.replace("-", " ").capitalize()


def find_policy(session: Session, code: str) -> Policy | None:
    """Return the newest version of a policy, or None while no run has used it yet."""
    return session.scalar(select(Policy).where(Policy.code == code).order_by(Policy.number.desc()).limit(1))


def default_code(session: Session, site: Site) -> str:
    """Return the policy with which a site's runs begin unless somebody chooses another."""
    found = session.scalar(select(SitePolicy.policy_code).where(SitePolicy.site_id == site.id))
    return found or DEFAULT


def policy_of_site(session: Session, site: Site) -> Policy:
    """
    Return the policy with which a site's runs begin.

    A preset that no run has used yet is returned as the first run will store it; it is not added to the session.
    """
    code = default_code(session, site)
    return find_policy(session, code) or _preset_policy(code, 1)


def settings_of_site(session: Session, site: Site) -> PlanningSettings:
    """Return what the policy says with which a site's runs begin."""
    return PlanningSettings.of(policy_of_site(session, site))


def get_policy(session: Session, code: str) -> Policy:
    """
    Return the newest version of a policy.

    Raises
    ------
    NotFoundError
        If there is no policy of that code.
    """
    policy = find_policy(session, code)
    if policy is None:
        raise NotFoundError(f"There is no policy {code!r}. There are: {', '.join(PRESETS)}.")
    return policy
