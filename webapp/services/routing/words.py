"""Why this agent, in words: the parts of a score, and what the next one had less of."""

from __future__ import annotations

from typing import Any

from webapp.models import DecisionTrigger, RoutingDecision

FALLBACK_WORDS = {
    "no_plan": "No published plan has prices for this day, so the longest idle was chosen.",
    "other_day": "The prices at hand are those of another time, so the longest idle was chosen.",
}

_GOOD = {"value": "for service and skills", "continuity": "because the customer knows them", "ageing": "for the wait"}
_COSTS = {
    "price": "for their time, which the plan needs elsewhere",
    "cover": "to keep them free for those whom few others could help",
    "crowding": "because they already serve others",
}


def decision_words(decision: RoutingDecision) -> list[str]:
    """Return sentences on a decision: what decided, what it was made of, and who or what came next."""
    if decision.person is None:
        return ["Nobody who may take it was free; it waits."]
    name = decision.person.name
    if decision.fallback:
        return [FALLBACK_WORDS.get(decision.fallback, "The longest idle was chosen."), *_next(decision, name)]
    said = [f"{_points(decision.score)} with {name}: {', '.join(_parts(decision.parts or {}))}."]
    if decision.trigger is DecisionTrigger.FREE:
        said = [f"{name} was free: {', '.join(_parts(decision.parts or {}))}."]
    return [*said, *_next(decision, name)]


def _next(decision: RoutingDecision, name: str) -> list[str]:
    if decision.trigger is DecisionTrigger.FREE:
        others = decision.candidates - 1
        return [f"{others} more {'kind' if others == 1 else 'kinds'} of contacts waited."] if others > 0 else []
    if decision.runner_up is None:
        return [f"{name} was the only one who could take it."]
    if decision.fallback:
        mine, theirs = _idle(decision.parts), _idle(decision.runner_up_parts)
        return [f"Next was {decision.runner_up.name}, idle for {theirs} against {mine}."]
    less = _difference(decision.parts or {}, decision.runner_up_parts or {})
    return [f"Next was {decision.runner_up.name} with {_points(decision.runner_up_score)}{less}."]


def _parts(parts: dict[str, Any]) -> list[str]:
    said = [f"{parts[name]:.1f} {words}" for name, words in _GOOD.items() if parts.get(name)]
    return said + [f"−{parts[name]:.1f} {words}" for name, words in _COSTS.items() if parts.get(name)]


def _difference(mine: dict[str, Any], theirs: dict[str, Any]) -> str:
    """Say by which part most of the difference came."""
    gaps = {name: mine.get(name, 0.0) - theirs.get(name, 0.0) for name in _GOOD if name != "ageing"}
    gaps |= {name: theirs.get(name, 0.0) - mine.get(name, 0.0) for name in _COSTS}
    name, gap = max(gaps.items(), key=lambda each: each[1])
    if gap < 0.05:
        return ", as good, but less idle"
    words = {
        "value": "a weaker match",
        "continuity": "not known to the customer",
        "price": "dearer time",
        "cover": "needed more for others",
        "crowding": "busier",
    }
    return f": {words[name]} ({gap:.1f} points)"


def _points(score: float | None) -> str:
    return f"{score or 0.0:.1f} points"


def _idle(parts: dict[str, Any] | None) -> str:
    seconds = int((parts or {}).get("idle_seconds", 0))
    return f"{seconds // 60}:{seconds % 60:02} min"
