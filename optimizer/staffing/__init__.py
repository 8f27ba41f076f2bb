"""Staffing of live contacts: how many agents a service level needs (Erlang B, C and A)."""

from optimizer.staffing.erlang import (
    abandonment,
    agents_needed,
    delay_probability,
    loss_probability,
    mean_wait_minutes,
    service_level,
)

__all__ = [
    "abandonment",
    "agents_needed",
    "delay_probability",
    "loss_probability",
    "mean_wait_minutes",
    "service_level",
]
