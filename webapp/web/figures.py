"""How a view answers with a figure: as SVG, PNG or CSV, in the theme that the page asks for."""

from __future__ import annotations

from flask import Response, request

from webapp.charts.figure import Figure, digest, render_png, render_svg
from webapp.charts.theme import Theme
from webapp.web.filters import slug
from webapp.web.tables import csv_response


def respond(figure: Figure) -> Response:
    """Answer as the address asks: ``format`` svg (default), png or csv; ``theme`` light (default) or dark."""
    wanted = request.args.get("format", "svg")
    theme: Theme = "dark" if request.args.get("theme") == "dark" else "light"
    name = slug(figure.title) or "figure"
    if wanted == "csv":
        return csv_response(f"{name}.csv", figure.columns, figure.rows)
    if wanted == "png":
        response = Response(render_png(figure.spec, theme), mimetype="image/png")
        response.headers["Content-Disposition"] = f'attachment; filename="{name}.png"'
    else:
        response = Response(render_svg(figure.spec, theme), mimetype="image/svg+xml")
        response.headers["Content-Disposition"] = f'inline; filename="{name}.svg"'
    # What it shows may concern people, so only the reader's own browser may keep it, and asks before it shows it again.
    response.headers["Cache-Control"] = "private, no-cache"
    response.set_etag(digest(figure.spec, theme))
    response.make_conditional(request)
    return response
