"""Whatever is shown as a table can be taken along as CSV, or a reason stands here."""

from __future__ import annotations

import re
from pathlib import Path

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
_CALL = re.compile(r"data_table\(\s*\"(?P<id>[\w-]+)\".*?%\}", re.DOTALL)

WITHOUT = {
    "board/_declined.html:declined": "It is a short list of work that waits for a decision, each beside its buttons.",
    "board/rungs.html:rungs": "It tries what would serve one engagement, and is gone once that is decided.",
    "blocks/index.html:blocks": "Its CSV is the file that is handed over, by the button at the head of the page.",
    "catalogue/merge.html:moves": "It previews what a merge would move, and is gone once that is decided.",
    "jobs/index.html:workers": "It says which processes live at this moment.",
    "jobs/job.html:parts": "Parts are jobs, and the list of jobs has its CSV.",
    "plans/_changes.html:affected": "It stands beside the comparison of two plans, which has its CSV.",
    "plans/index.html:pins": "It lists the pins of one day, each beside its button.",
    "policies/trials.html:trials": "It lists trials; each trial's figures have their CSV.",
    "scenarios/show.html:affected": "It sums up the list of changes beside it, which has its CSV.",
    "search/act.html:act-lines": "It previews an action for many people; the search behind it has its CSV.",
    "simulations/index.html:simulations": "It lists runs; each run's figures have their CSV.",
}
"""Template and table without an export → why."""


def _tables():
    for path in sorted(TEMPLATES.rglob("*.html")):
        if path.parent.name == "macros":
            continue
        for call in _CALL.finditer(path.read_text(encoding="utf-8")):
            yield f"{path.relative_to(TEMPLATES).as_posix()}:{call['id']}", "csv=" in call.group()


def test_each_table_has_an_export_or_a_reason_why_not():
    missing = {name for name, exported in _tables() if not exported} - set(WITHOUT)

    assert missing == set(), "give these tables csv=…, or a reason in WITHOUT"


def test_reasons_are_of_tables_that_exist_and_have_none():
    stale = set(WITHOUT) - {name for name, exported in _tables() if not exported}

    assert stale == set()
    assert all(reason.endswith(".") for reason in WITHOUT.values())
