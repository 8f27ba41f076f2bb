"""
Two pages of bare Flask, to measure the product beside: no database, no session, nobody signed in.

``/bare`` answers with one line, ``/table`` renders a template as long as a page of the product.  ``python -m
tests.load.mix_bare PORT`` serves them with the server of ``mainstay serve``; ``gunicorn tests.load.mix_bare:app`` with
that of production.
"""

from __future__ import annotations

import sys

import waitress
from flask import Flask, render_template_string

THREADS = 8
ROWS = 700
_TABLE = """<!doctype html><html lang="en"><title>{{ title }}</title><table>
{% for row in rows %}<tr><th scope="row">{{ row }}</th><td>{{ row * 3 }}</td><td>{{ "row " ~ row }}</td>
<td><a href="/rows/{{ row }}">{{ title }}</a></td></tr>{% endfor %}</table></html>"""

app = Flask("bare")


@app.get("/bare")
def bare() -> str:
    """Answer with one line."""
    return "<!doctype html><html lang=en><title>Bare</title><p>Nothing is asked of anybody here.</html>"


@app.get("/table")
def table() -> str:
    """Answer with a page of the size that the product's pages have."""
    return render_template_string(_TABLE, title="Bare <table>", rows=range(ROWS))


if __name__ == "__main__":
    waitress.serve(app, host="127.0.0.1", port=int(sys.argv[1]), threads=THREADS)
