"""Webhooks out: who is told of what, each delivery with its answer, and sending again."""

from __future__ import annotations

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.blueprints.connections.forms import KIND_WORDS, WebhookForm
from webapp.blueprints.connections.views import blueprint
from webapp.errors import InvalidInputError
from webapp.forms import add_error
from webapp.models import DeliveryState, WebhookSubscription
from webapp.services import access, audit, outbox, webhooks
from webapp.services.access import Permission
from webapp.web import shown_once
from webapp.web.calling import get_gate
from webapp.web.editing import Conflict, Sent, edit_row, go_on
from webapp.web.guard import requires
from webapp.web.live import watch
from webapp.web.request import actor, current_viewer, get_session
from webapp.web.secret_box import get_secret_box
from webapp.web.tables import csv_response, page_from_request
from webapp.web.toasts import flash_success

_CSV_ROWS = 100_000


@blueprint.get("/webhooks")
@requires(Permission.MANAGE_CONNECTIONS)
def webhooks_index() -> ResponseReturnValue:
    """List the webhooks, as a page or as CSV."""
    watch("webhook_subscription")
    session = get_session()
    listed, counts = webhooks.list_subscriptions(session), webhooks.count_deliveries(session)
    if request.args.get("format") == "csv":
        header = ("id", "name", "site", "events", "state", *(f"{state.value}_deliveries" for state in DeliveryState))
        rows = (
            (
                each.id,
                each.name,
                each.site.code if each.site else None,
                " ".join(each.kinds),
                "active" if each.active else "paused" if each.paused_at else "off",
                *(counts.get(each.id, {}).get(state, 0) for state in DeliveryState),
            )
            for each in listed
        )
        return csv_response("webhooks.csv", header, rows)
    return render_template("connections/webhooks.html", subscriptions=listed, counts=counts, words=KIND_WORDS)


def _form(sent: Sent = None, **values: object) -> WebhookForm:
    form = WebhookForm(sent) if sent is not None else WebhookForm(formdata=None, **values)
    form.offer(access.list_sites(get_session(), viewer=current_viewer(), permission=Permission.MANAGE_CONNECTIONS))
    return form


@blueprint.route("/webhooks/new", methods=["GET", "POST"])
@requires(Permission.MANAGE_CONNECTIONS)
def new_webhook() -> ResponseReturnValue:
    """Add a webhook, and lead to the page that shows its secret once."""
    form = _form(request.form if request.method == "POST" else None)
    if form.validate_on_submit():
        try:
            made, secret = webhooks.create_subscription(
                get_session(), form.draft(), gate=get_gate(), box=get_secret_box(), by=actor()
            )
        except InvalidInputError as error:
            add_error(form, error)
        else:
            return _to_secret(made, secret)
    page = render_template("connections/edit_webhook.html", form=form, subscription=None, conflict=None)
    return page, 422 if form.is_submitted() else 200


@blueprint.get("/webhooks/<int:subscription_id>")
@requires(Permission.MANAGE_CONNECTIONS)
def webhook(subscription_id: int) -> ResponseReturnValue:
    """Show a webhook and its deliveries, as a page or as CSV."""
    session = get_session()
    shown = webhooks.get_subscription(session, subscription_id)
    watch(f"webhook_subscription:{subscription_id}", "jobs", pause_seconds=2)
    state, kind = request.args.get("state", ""), request.args.get("kind", "")
    if request.args.get("format") == "csv":
        header = ("id", "event", "kind", "subject", "at", "state", "attempts", "status", "error", "next_at", "ended_at")
        rows = (
            (
                each.id,
                each.event.key,
                each.event.kind.value,
                f"{each.event.subject_kind}:{each.event.subject_id}",
                each.event.at.isoformat(),
                each.state.value,
                each.attempts,
                each.status,
                each.error,
                each.next_at.isoformat() if each.state is DeliveryState.WAITING else None,
                each.ended_at.isoformat() if each.ended_at else None,
            )
            for each in webhooks.list_deliveries(session, subscription_id, state=state, kind=kind, limit=_CSV_ROWS)
        )
        return csv_response(f"webhook-{subscription_id}-deliveries.csv", header, rows)
    page = page_from_request(webhooks.count_listed(session, subscription_id, state=state, kind=kind))
    return render_template(
        "connections/webhook.html",
        subscription=shown,
        counts=webhooks.count_deliveries(session, [subscription_id]).get(subscription_id, {}),
        deliveries=webhooks.list_deliveries(
            session, subscription_id, state=state, kind=kind, limit=page.size, offset=page.offset
        ),
        page=page,
        events=audit.history(session, shown, limit=10),
        kinds=[*outbox.FOLLOWABLE],
        words=KIND_WORDS,
        states=DeliveryState,
    )


@blueprint.route("/webhooks/<int:subscription_id>/edit", methods=["GET", "POST"])
@requires(Permission.MANAGE_CONNECTIONS)
def edit_webhook(subscription_id: int) -> ResponseReturnValue:
    """Change a webhook."""
    session = get_session()
    shown = webhooks.get_subscription(session, subscription_id)

    def make(sent: Sent) -> WebhookForm:
        names = ("name", "url", "kinds", "site_id", "active")
        return _form(sent, **{name: getattr(shown, name) for name in names})

    def save(form: WebhookForm) -> object:
        return webhooks.update_subscription(session, shown, form.draft(), gate=get_gate(), by=actor())

    def page(form: WebhookForm, conflict: Conflict | None) -> str:
        return render_template("connections/edit_webhook.html", form=form, subscription=shown, conflict=conflict)

    return edit_row(
        shown,
        make=make,
        words=lambda: webhooks.describe_subscription(session, shown),
        save=save,
        page=page,
        done=lambda: go_on(f"{shown.name} is saved.", url_for(".webhook", subscription_id=subscription_id)),
    )


@blueprint.post("/webhooks/<int:subscription_id>/rotate")
@requires(Permission.MANAGE_CONNECTIONS)
def rotate(subscription_id: int) -> ResponseReturnValue:
    """Give a webhook a new secret, and lead to the page that shows it once."""
    session = get_session()
    shown = webhooks.get_subscription(session, subscription_id)
    secret = webhooks.rotate_secret(session, shown, box=get_secret_box(), by=actor())
    return _to_secret(shown, secret, rotated=True)


def _to_secret(subscription: WebhookSubscription, secret: str, *, rotated: bool = False) -> ResponseReturnValue:
    shown_once.keep(f"webhook:{subscription.id}", secret=secret, rotated="yes" if rotated else "")
    return redirect(url_for(".webhook_secret", subscription_id=subscription.id))


@blueprint.get("/webhooks/<int:subscription_id>/secret")
@requires(Permission.MANAGE_CONNECTIONS)
def webhook_secret(subscription_id: int) -> ResponseReturnValue:
    """Show the secret that was just made; later, lead to the webhook."""
    shown = webhooks.get_subscription(get_session(), subscription_id)
    made = shown_once.take(f"webhook:{shown.id}")
    if not made:
        return redirect(url_for(".webhook", subscription_id=shown.id))
    return render_template("connections/secret.html", subscription=shown, **made)


@blueprint.post("/webhooks/<int:subscription_id>/test")
@requires(Permission.MANAGE_CONNECTIONS)
def test_webhook(subscription_id: int) -> ResponseReturnValue:
    """Send a test event."""
    session = get_session()
    webhooks.send_test(session, webhooks.get_subscription(session, subscription_id), by=actor())
    flash_success("A test event is on its way. Its answer appears below.")
    return redirect(url_for(".webhook", subscription_id=subscription_id))


@blueprint.post("/webhooks/deliveries/<int:delivery_id>/resend")
@requires(Permission.MANAGE_CONNECTIONS)
def resend(delivery_id: int) -> ResponseReturnValue:
    """Send a delivery again."""
    session = get_session()
    delivery = webhooks.get_delivery(session, delivery_id)
    webhooks.resend(session, delivery, by=actor())
    flash_success("It is sent again, under the same event id.")
    return redirect(url_for(".webhook", subscription_id=delivery.subscription_id))


@blueprint.post("/webhooks/<int:subscription_id>/delete")
@requires(Permission.MANAGE_CONNECTIONS)
def delete_webhook(subscription_id: int) -> ResponseReturnValue:
    """Remove a webhook with its deliveries."""
    session = get_session()
    shown = webhooks.get_subscription(session, subscription_id)
    webhooks.delete_subscription(session, shown, by=actor())
    flash_success(f"{shown.name} is removed.")
    return redirect(url_for(".webhooks_index"))
