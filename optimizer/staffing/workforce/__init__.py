"""A workforce plan over quarters: hire, promote in, train, mentor or outsource under a budget, to meet a demand."""

from optimizer.staffing.workforce.answer import PriceSource, QuarterCosts, WorkforcePlan, WorkforcePrices
from optimizer.staffing.workforce.items import Course, Demand, Entry, EntryKind, Outsourcing, Present, Profile
from optimizer.staffing.workforce.problem import WorkforceProblem, with_reachable_profiles
from optimizer.staffing.workforce.solving import plan_workforce

__all__ = [
    "Course",
    "Demand",
    "Entry",
    "EntryKind",
    "Outsourcing",
    "Present",
    "PriceSource",
    "Profile",
    "QuarterCosts",
    "WorkforcePlan",
    "WorkforcePrices",
    "WorkforceProblem",
    "plan_workforce",
    "with_reachable_profiles",
]
