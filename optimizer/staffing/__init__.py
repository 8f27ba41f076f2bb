"""Staffing of live contacts: how many agents and FTE a service level needs (Erlang B, C and A)."""

from optimizer.staffing.erlang import (
    abandonment,
    agents_needed,
    delay_probability,
    loss_probability,
    mean_wait_minutes,
    service_level,
)
from optimizer.staffing.requirement import ContactForecast, required_fte, required_fte_by_group

__all__ = [
    "ContactForecast",
    "abandonment",
    "agents_needed",
    "delay_probability",
    "loss_probability",
    "mean_wait_minutes",
    "required_fte",
    "required_fte_by_group",
    "service_level",
]
