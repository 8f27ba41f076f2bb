"""Live routing: who serves whom when a contact arrives or an agent becomes free, by the prices of a plan."""

from optimizer.routing.desk import Desk
from optimizer.routing.router import Contact, Decision, Router
from optimizer.routing.rules import RECOMMENDED, RULES, Rule

__all__ = ["RECOMMENDED", "RULES", "Contact", "Decision", "Desk", "Router", "Rule"]
