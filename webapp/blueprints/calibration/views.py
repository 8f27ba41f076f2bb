"""Pages on how claims and reviews agree with later evidence, and on what to look at again this week."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from webapp.charts.calibration import claims_figure
from webapp.charts.figure import Figure
from webapp.errors import NotFoundError
from webapp.services import calibration, calibration_sampling
from webapp.services.access import Permission
from webapp.services.calibration import Accuracy, Calibration
from webapp.services.calibration_sampling import SecondLook
from webapp.web import figures
from webapp.web.guard import requires
from webapp.web.request import can, current_person, current_viewer, get_session, today
from webapp.web.tables import csv_response

blueprint = Blueprint("calibration", __name__, url_prefix="/calibration")

_FIGURES = ("comparisons", "people", "bias", "bias_low", "bias_high", "mean_absolute_error", "within_one_level")


def _calibrate() -> Calibration:
    return calibration.calibrate(get_session(), viewer=current_viewer(), on=today(current_person().site))


@blueprint.get("")
@requires(Permission.VIEW_CALIBRATION)
def index() -> ResponseReturnValue:
    """Show how claims and reviews agree with later evidence, as a page or as CSV."""
    found = _calibrate()
    if request.args.get("format") == "csv":
        return _csv(found)
    return render_template(
        "calibration/index.html",
        found=found,
        figure=_figure(found, request.args.get("skill", type=int)),
        few=calibration.FEW,
        days=calibration.LATER_DAYS,
        looks=_looks() if can(Permission.REVIEW_RECORDS) else None,
        week=calibration_sampling.iso_week(today(current_person().site)),
    )


def _csv(found: Calibration) -> ResponseReturnValue:
    if request.args.get("table") == "reviewers":
        rows = [(line.reviewer.external_id, line.reviewer.name, *_row(line.accuracy)) for line in found.reviewers]
        return csv_response("calibration-reviewers.csv", ("number", "reviewer", *_FIGURES), rows)
    rows = [(line.skill.code, line.skill.name, *_row(line.accuracy)) for line in found.skills]
    return csv_response("calibration-skills.csv", ("code", "skill", *_FIGURES), rows)


def _row(accuracy: Accuracy) -> tuple[object, ...]:
    bounds = [None if bound is None else round(bound, 3) for bound in (accuracy.low, accuracy.high)]
    return (
        accuracy.count,
        accuracy.people,
        round(accuracy.bias, 3),
        *bounds,
        round(accuracy.absolute, 3),
        round(accuracy.within_one, 3),
    )


def _figure(found: Calibration, skill_id: int | None) -> Figure:
    """Return the figure of all claims, or of those in one skill that has any."""
    if skill_id is None:
        return claims_figure(found.claims)
    name = next((line.skill.name for line in found.skills if line.skill.id == skill_id), None)
    if name is None:
        raise NotFoundError("No claim in this skill has met later evidence.")
    return claims_figure([one for one in found.claims if one.skill_id == skill_id], about=name)


@blueprint.get("/figure")
@requires(Permission.VIEW_CALIBRATION)
def picture() -> ResponseReturnValue:
    """Answer with the figure of claims against later evidence."""
    return figures.respond(_figure(_calibrate(), request.args.get("skill", type=int)))


def _looks() -> Sequence[SecondLook]:
    return calibration_sampling.second_looks(get_session(), viewer=current_viewer(), on=today(current_person().site))


@blueprint.get("/second-look.csv")
@requires(Permission.REVIEW_RECORDS)
def second_look_csv() -> ResponseReturnValue:
    """Answer with what is worth a second look this week."""
    rows = (
        (
            look.record.person.external_id,
            look.record.person.name,
            look.record.person.team.name if look.record.person.team else None,
            look.stratum.tenure,
            look.record.skill.name,
            look.projection.validated_level,
            look.projection.validated_low,
            look.projection.validated_high,
            round(look.need.weight, 3),
            "; ".join(look.need.reasons),
            "yes" if look.done else "no",
        )
        for look in _looks()
    )
    header = ("number", "name", "team", "tenure", "skill", "validated", "low", "high", "need", "why", "done")
    return csv_response("second-look.csv", header, rows)
