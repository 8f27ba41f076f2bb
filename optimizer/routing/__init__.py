"""Live routing: who serves whom when a contact arrives or an agent becomes free, by the prices of a plan."""

from optimizer.routing.desk import Desk
from optimizer.routing.floor import IDLE_CAP_SECONDS, Candidates, Floor, Standing
from optimizer.routing.router import Contact, Decision, Router, RouterState, Serving
from optimizer.routing.rules import FALLBACK, LIVE, RECOMMENDED, RULES, TRIED, Rule
from optimizer.routing.scoring import Asked, Choice, Parts, Scorer

__all__ = [
    "FALLBACK",
    "IDLE_CAP_SECONDS",
    "LIVE",
    "RECOMMENDED",
    "RULES",
    "TRIED",
    "Asked",
    "Candidates",
    "Choice",
    "Contact",
    "Decision",
    "Desk",
    "Floor",
    "Parts",
    "Router",
    "RouterState",
    "Rule",
    "Scorer",
    "Serving",
    "Standing",
]
