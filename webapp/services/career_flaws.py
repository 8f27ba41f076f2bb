"""What HR mends on the ladder: where the way ends, where it never begins, and where it leads out of service."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from optimizer.graphs.lattice_flaws import roles_leading_out, unreachable_roles
from webapp.models import ServiceRole, StepKind
from webapp.services import careers


@dataclass(frozen=True, slots=True)
class LadderFlaws:
    """
    Roles inside customer service with something to mend.

    ``unreachable`` are those to which no steps lead from the lowest rung or from elsewhere in the company,
    ``leading_out`` those from which every way up ends outside service.
    """

    dead_ends: tuple[ServiceRole, ...] = ()
    unreachable: tuple[ServiceRole, ...] = ()
    leading_out: tuple[ServiceRole, ...] = ()


def find_flaws(roles: Sequence[ServiceRole]) -> LadderFlaws:
    """Return what there is to mend on a ladder."""
    steps = {
        kind: [(step.from_role_id, step.to_role_id) for role in roles for step in role.steps if step.kind is kind]
        for kind in StepKind
    }
    outside = {role.id for role in roles if role.outside}
    entries = {role.id for role in careers.find_entries([role for role in roles if not role.outside])}
    unreached = unreachable_roles(
        [role.id for role in roles], steps=[*steps[StepKind.UP], *steps[StepKind.ACROSS]], entries=entries | outside
    )
    leading_out = roles_leading_out(
        [role.id for role in roles], up=steps[StepKind.UP], across=steps[StepKind.ACROSS], outside=outside
    )
    return LadderFlaws(
        dead_ends=tuple(careers.find_dead_ends(roles)),
        unreachable=tuple(role for role in roles if role.id in unreached),
        leading_out=tuple(role for role in roles if role.id in leading_out),
    )
